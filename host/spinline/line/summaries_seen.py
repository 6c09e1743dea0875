"""Which summaries of a run have come, and which are asked for again.  Pure: the time is an argument."""

from __future__ import annotations

SUMMARIES_GAP_MS = 60_000  # ten minutes of them come in 30 s, one frame in each scan of the node


class SummariesSeen:
    """All before ``following`` have come or are lost; of those beyond it some may have come."""

    def __init__(self, following: int = 0) -> None:
        self.following = following
        self._beyond: set[int] = set()
        self._due_ms = 0  # when a gap may be asked for again

    def take(self, first: int, count: int, oldest: int, now_ms: int) -> tuple[int, int] | None:
        """Some have come, and the node has none before ``oldest``; the first missing and how many, if it is time."""
        self._beyond.update(range(first, first + count))
        self.following = max(self.following, oldest)
        while self.following in self._beyond:
            self.following += 1
        self._beyond = {i for i in self._beyond if i > self.following}
        if first <= self.following or now_ms < self._due_ms:
            return None
        self._due_ms = now_ms + SUMMARIES_GAP_MS
        return self.following, first - self.following
