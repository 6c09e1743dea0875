"""Interlocks: they stand after the loops, know no gains, and latch until a person resets them or as their row says.

A limit counts from nothing, or from a reference: a loop's working setpoint, another input, or a loop's output.  The
reference times its share is split as in control/ratio.py, so no product reaches 2^30; limits are below 2^20.
"""

from spinline_protocol.configuration import (
    ABOVE,
    BELOW,
    INTERLOCK,
    NOT_GOOD,
    REF_INPUT,
    REF_NONE,
    REF_OUTPUT,
)
from spinline_protocol.quantities import BAD

from . import pid
from .image import INPUT_WORDS, QUALITY, RAW, loop_at
from .ratio import ratio_setpoint

_NAMES = tuple([field[0] for field in INTERLOCK])
_INPUT, _COMPARISON, _LIMIT, _DELAY, _ACTION, _STATES, _BAD_TRIPS, _KIND, _REFERENCE = range(9)
_SHARE, _LEAST, _BAND, _ARMS, _AUTO, _OFF = range(9, 15)
assert _NAMES[_BAD_TRIPS] == "bad_trips" and _NAMES[_BAND] == "band_q12" and _NAMES[_OFF] == "off_outputs"
UNCHANGED = -1


def _reference_word(row: "tuple[int, ...]") -> int:
    """Where the reference of a row stands in the image."""
    if row[_KIND] == REF_INPUT:
        return INPUT_WORDS * row[_REFERENCE]
    return loop_at(row[_REFERENCE]) + (pid.OUTPUT if row[_KIND] == REF_OUTPUT else pid.SETPOINT)


class Interlocks:
    """Rows of the table ``interlock`` over the process image, with their delays and latches."""

    def __init__(self, rows: "list[tuple[int, ...]]", image) -> None:  # type: ignore[no-untyped-def]
        self._image = image
        self._scans = [0] * len(rows)
        self._asleep = [0] * len(rows)  # scans in a row that must still be without its cause
        self.tripped = bytearray(len(rows))
        self.action = 0  # the strongest action among the rows that tripped in this scan; 0: none
        self.cleared = UNCHANGED  # a row that reset itself in this scan
        self.off_outputs = 0  # outputs that the latched rows keep safe
        self.take(rows)
        self.enter()

    def take(self, rows: "list[tuple[int, ...]]") -> None:
        """Rows of the same structure with other numbers; what is latched stays."""
        self.rows = rows

    def enter(self) -> None:
        """The node changed its state: rows that arm themselves sleep until their cause was absent for their delay."""
        for i in range(len(self.rows)):
            self._asleep[i] = self.rows[i][_DELAY] + 1 if self.rows[i][_ARMS] else 0

    def scan(self, state: int) -> int:
        """Judge every row; returns the index of the first row that trips in this scan (first out), or -1."""
        first = -1
        self.action = 0
        self.cleared = UNCHANGED
        scans, tripped, asleep = self._scans, self.tripped, self._asleep
        i = 0
        for row in self.rows:
            if row[5] >> state & 1 and self._true(row):
                if asleep[i]:
                    asleep[i] = row[3] + 1
                elif scans[i] < row[3]:
                    scans[i] += 1
                elif not tripped[i]:
                    tripped[i] = 1
                    self.off_outputs |= row[14]
                    self.action = max(self.action, row[4])
                    if first < 0:
                        first = i
            else:
                scans[i] = 0
                if asleep[i] and row[5] >> state & 1:
                    asleep[i] -= 1
                if tripped[i] and row[13]:
                    self._clear(i)
            i += 1
        return first

    def _clear(self, i: int) -> None:
        self.tripped[i] = 0
        self.cleared = i
        self._gather()

    def _gather(self) -> None:
        self.off_outputs = 0
        for i in range(len(self.rows)):
            if self.tripped[i]:
                self.off_outputs |= self.rows[i][_OFF]

    def _true(self, row: "tuple[int, ...]") -> bool:
        image = self._image
        at = INPUT_WORDS * row[0]
        if image[at + QUALITY] == BAD:
            return row[6] == 1 or row[1] == NOT_GOOD
        if row[7] != REF_NONE:
            return self._beyond(row, image[at])
        if row[1] == ABOVE:
            return bool(image[at] > row[2])
        if row[1] == BELOW:
            return bool(image[at] < row[2])
        return False

    def _beyond(self, row: "tuple[int, ...]", pv: int) -> bool:
        """Against the reference; a bad reference says nothing, its own channel does."""
        word = _reference_word(row)
        if row[_KIND] == REF_INPUT and self._image[word + QUALITY] == BAD:
            return False
        reference = ratio_setpoint(self._image[word], row[_SHARE])
        if row[_LEAST] and reference < row[_LEAST]:
            return False
        if row[1] == ABOVE:
            return pv > reference + row[2]
        if row[1] == BELOW:
            return pv < reference + row[2]
        allowed = row[2] + (ratio_setpoint(reference, row[_BAND]) if row[_BAND] else 0)
        return not -allowed <= pv - reference <= allowed

    def raw(self, i: int) -> int:
        """The raw number of the channel of row i."""
        return int(self._image[INPUT_WORDS * self.rows[i][_INPUT] + RAW])

    def limit(self, i: int) -> int:
        """The limit of row i."""
        return self.rows[i][_LIMIT]

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
        self._gather()
        return left
