"""Which events of a node's boot have come, in order; none is skipped that the node still has.  Pure: time is given."""

from __future__ import annotations

GAP_MS = 30000  # more than ten repeats of what the node still has


class EventsSeen:
    """All before ``following`` have come or are lost."""

    def __init__(self, following: int = 0) -> None:
        self.following = following
        self._gap, self._gap_due_ms = -1, 0

    def lose(self, oldest: int) -> tuple[int, int] | None:
        """The node has none before ``oldest``: what never came of those, as [from, to)."""
        if oldest <= self.following:
            return None
        lost, self.following = (self.following, oldest), oldest
        return lost

    def take(self, event_i: int, now_ms: int) -> tuple[bool, tuple[int, int] | None]:
        """Whether this event is the next one, and what is lost before it: a gap that no repeat has filled."""
        if event_i < self.following:
            return False, None
        lost = None
        if event_i > self.following:
            if self._gap != self.following:
                self._gap, self._gap_due_ms = self.following, now_ms + GAP_MS
            if now_ms < self._gap_due_ms:
                return False, None
            lost = self.lose(event_i)
        self.following = event_i + 1
        return True, lost
