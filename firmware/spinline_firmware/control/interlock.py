"""Interlocks: they stand after the loops, know no gains, and latch until a person resets them."""

from spinline_protocol.configuration import ABOVE, BELOW, NOT_GOOD
from spinline_protocol.quantities import BAD

from .image import INPUT_WORDS, QUALITY


class Interlocks:
    """Rows of the table ``interlock`` over the process image, with their delays and latches."""

    def __init__(self, rows: "list[tuple[int, ...]]", image) -> None:  # type: ignore[no-untyped-def]
        self.rows = rows
        self._image = image
        self._scans = [0] * len(rows)
        self.tripped = bytearray(len(rows))
        self.action = 0  # the strongest action among the rows that tripped in this scan; 0: none

    def scan(self, state: int) -> int:
        """Judge every row; returns the index of the first row that trips in this scan (first out), or -1."""
        first = -1
        self.action = 0
        for i in range(len(self.rows)):
            row = self.rows[i]
            if not row[5] >> state & 1 or not self._true(row):
                self._scans[i] = 0
                continue
            if self._scans[i] < row[3]:
                self._scans[i] += 1
            elif not self.tripped[i]:
                self.tripped[i] = 1
                self.action = max(self.action, row[4])
                if first < 0:
                    first = i
        return first

    def _true(self, row: "tuple[int, ...]") -> bool:
        at = INPUT_WORDS * row[0]
        if self._image[at + QUALITY] == BAD:
            return row[6] == 1 or row[1] == NOT_GOOD
        if row[1] == ABOVE:
            return bool(self._image[at] > row[2])
        if row[1] == BELOW:
            return bool(self._image[at] < row[2])
        return False

    def latched(self) -> bool:
        """True while any row waits for its reset."""
        return any(self.tripped)

    def reset(self) -> int:
        """Clear rows whose cause is gone; returns how many stay latched."""
        left = 0
        for i in range(len(self.rows)):
            if self.tripped[i]:
                self.tripped[i] = 1 if self._true(self.rows[i]) else 0
                left += self.tripped[i]
        return left
