"""A set of scan or event numbers that knows how far it is whole from its first.  Pure: no records."""

from __future__ import annotations


class NumberSet:
    """Numbers from ``first`` on.  ``whole_to`` is the highest such that all from ``first`` to it are there.

    It is ``first - 1`` while ``first`` itself is missing.  What lies beyond a hole waits as intervals.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self.whole_to = first - 1
        self._waiting: list[tuple[int, int]] = []

    def add(self, low: int, high: int) -> None:
        """Take the numbers from ``low`` to ``high``, both included; what is already there changes nothing."""
        assert low <= high, "an interval has a first and a last number"
        if low > self.whole_to + 1:
            self._wait(low, high)
            return
        self.whole_to = max(self.whole_to, high)
        if self._waiting:
            self._join()

    def any_of(self, low: int, high: int) -> bool:
        """Whether any of the numbers from ``low`` to ``high`` is there."""
        if self.first <= high and low <= self.whole_to:
            return True
        return bool(self._waiting) and any(low <= last and first <= high for first, last in self._waiting)

    def _wait(self, low: int, high: int) -> None:
        if self._waiting and self._waiting[-1][0] <= low <= self._waiting[-1][1] + 1:
            low, last_high = self._waiting.pop()
            high = max(high, last_high)
        self._waiting.append((low, high))

    def _join(self) -> None:
        still_waiting = []
        for low, high in sorted(self._waiting):
            if low > self.whole_to + 1:
                still_waiting.append((low, high))
            else:
                self.whole_to = max(self.whole_to, high)
        self._waiting = still_waiting
