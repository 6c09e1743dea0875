"""Which scan records of a run have come, in order, and which are asked for again.  Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Sequence

GAP_MS = 1500  # without a record that was missing they are asked for again; an answer is seen one second later


def hand_on(parts: list[tuple[int, bytes]], first: int, octets: bytes, width: int) -> None:
    """Records of ``width`` bytes from scan ``first`` on go behind ``parts``: into the last where they follow it."""
    if parts and parts[-1][0] + len(parts[-1][1]) // width == first:
        begin, there = parts.pop()
        first, octets = begin, there + octets
    parts.append((first, octets))


class ScansSeen:
    """All before ``following`` have come or are lost; behind a gap some may have come, up to ``newest``."""

    def __init__(self, first_scan: int = 0) -> None:
        self.following = self.newest = first_scan
        self._early: dict[int, bytes] = {}  # behind a gap, until it is filled
        self._due_ms = 0  # when what was asked for, up to this scan, may be asked for again
        self._asked_to = 0

    def lose(self, oldest: int) -> tuple[int, int] | None:
        """The node has none before ``oldest``: what never came of those, as [from, to)."""
        if oldest <= self.following:
            return None
        lost = self.following, oldest
        self._early = {scan: octets for scan, octets in self._early.items() if scan >= oldest}
        self.following = oldest
        return lost

    def take(self, first: int, records: Sequence[bytes], now_ms: int, asking: bool = False) -> tuple[int, int] | None:
        """Records from scan ``first`` on; duplicates collapse.  What to ask for, as [from, to), if it is time.

        One question is for all gaps so far: it brings again what lies between them, but a wire that loses something
        every second is never behind.  While the host is still ``asking`` it asks for nothing else.
        """
        gap = None
        if first > self.following and not asking and (now_ms >= self._due_ms or self.following >= self._asked_to):
            gap = self.following, max(first, self.newest)
            self._due_ms, self._asked_to = now_ms + GAP_MS, gap[1]
        wanted = {
            first + i: record
            for i, record in enumerate(records)
            if first + i >= self.following and first + i not in self._early
        }
        if wanted and first + len(records) <= self.newest:
            self._due_ms = now_ms + GAP_MS  # what was asked for is on its way
        self._early.update(wanted)
        if records:
            self.newest = max(self.newest, first + len(records))
        return gap

    def release(self) -> tuple[int, bytes] | None:
        """Every record up to the first that is missing, and the scan they begin with."""
        first, octets = self.following, []
        while self.following in self._early:
            octets.append(self._early.pop(self.following))
            self.following += 1
        return (first, b"".join(octets)) if octets else None
