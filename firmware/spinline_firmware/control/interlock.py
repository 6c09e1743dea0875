"""Interlocks: they stand after the loops, know no gains, and latch until a person resets them or as their row says.

A limit counts from nothing, or from a reference: a loop's working setpoint, another input, or a loop's output.
Judged is the input's number, its mean or change over minutes (mean.py) or its swing (swing.py).  All rows stand in the
process image, where viper functions judge them; plain Python sees only what changed.

Why no intermediate reaches 2^30 (numbers of the image within +-2^20, shares below 2^16):
    the share is split as in control/ratio.py: 2^11 * 2^16 = 2^27 and 511 * 2^16 < 2^25; a reference is below 2^25
    so is the band, at most 2^12 for all of the reference: 2^16 * 2^12 = 2^28, and it widens the limit by 2^25 at most
    a limit is below 2^20, a change of a number below 2^21, and less its reference below 2^26
"""

from spinline_protocol.configuration import (
    ABOVE,
    APART,
    BELOW,
    INTERLOCK,
    JUDGE_CHANGE,
    JUDGE_MEAN,
    JUDGE_NUMBER,
    MEAN_BLOCKS_N,
    NOT_GOOD,
    REF_INPUT,
    REF_NONE,
    REF_OUTPUT,
    field_index,
)
from spinline_protocol.portable import const, micropython, ptr32
from spinline_protocol.quantities import BAD

from . import pid
from .image import INPUT_WORDS, INTERLOCK_WORDS, INTERLOCKS_AT, QUALITY, RAW, loop_at
from .mean import Change, Mean
from .swing import Swing

# words of a row in the flat array: what is compared, with what
PV = const(0)  # word of the image
COMPARISON = const(1)
LIMIT = const(2)
DELAY = const(3)
STATES = const(4)
BAD_TRIPS = const(5)
KIND = const(6)
REFERENCE = const(7)  # word of the image
SHARE = const(8)
LEAST = const(9)
BAND = const(10)
ARMS = const(11)
AUTO = const(12)
WATCHED = const(13)  # not 0: JUDGED is compared instead of the number itself
# how the row stands
JUDGED = const(14)  # mean, change or swing
CAUSE = const(15)  # of a row that acts in this state or is latched
COUNT = const(16)  # scans that the cause has stood
ASLEEP = const(17)  # scans that must still be without the cause
TRIPPED = const(18)
CHANGED = const(19)  # in this scan: 1 tripped, -1 cleared itself
ROW_WORDS = const(20)
assert ROW_WORDS == INTERLOCK_WORDS

_BAD = const(2)
_QUALITY = const(1)
_NOT_GOOD = const(2)
_ABOVE = const(0)
_BELOW = const(1)
_REF_INPUT = const(2)
assert (_BAD, _NOT_GOOD, _ABOVE, _BELOW, _REF_INPUT, _QUALITY) == (BAD, NOT_GOOD, ABOVE, BELOW, REF_INPUT, QUALITY)
assert APART not in (ABOVE, BELOW, NOT_GOOD) and REF_NONE == 0

_COPIED = [field_index(INTERLOCK, name) for name in "comparison limit delay_scans states bad_trips".split()]
_SHARES = [field_index(INTERLOCK, name) for name in "share_q12 reference_min band_q12 arms auto_reset".split()]
_INPUT, _ACTION, _OFF = [field_index(INTERLOCK, name) for name in "input action off_outputs".split()]
_JUDGE, _WINDOW, _CYCLES_N = [field_index(INTERLOCK, name) for name in "judged window_scans cycles_n".split()]
_KIND, _OF, _PRIORITY = [field_index(INTERLOCK, name) for name in "reference_kind reference priority".split()]


@micropython.viper
def find_causes(rows, image, rows_n: int, state: int):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0915  no heap
    """The word CAUSE of every row that acts in this state or is latched; 0 for the others."""
    r = ptr32(rows)
    w = ptr32(image)
    at = 0
    end = rows_n * ROW_WORDS
    while at < end:
        cause = 0
        if ((int(r[at + STATES]) >> state) & 1) + int(r[at + TRIPPED]) != 0:
            word = int(r[at + PV])
            comparison = int(r[at + COMPARISON])
            if w[word + _QUALITY] == _BAD:
                if r[at + BAD_TRIPS] != 0 or comparison == _NOT_GOOD:
                    cause = 1
            elif comparison != _NOT_GOOD:
                pv = int(w[word])
                if r[at + WATCHED] != 0:
                    pv = int(r[at + JUDGED])
                limit = int(r[at + LIMIT])
                known = 1
                reference = 0
                if r[at + KIND] != 0:
                    word = int(r[at + REFERENCE])
                    if r[at + KIND] == _REF_INPUT and w[word + _QUALITY] == _BAD:
                        known = 0  # a bad reference says nothing, its own channel does
                    share = int(r[at + SHARE])
                    reference = int(w[word])
                    reference = (((reference >> 9) * share) >> 3) + (((reference & 511) * share) >> 12)
                    if r[at + LEAST] != 0 and reference < r[at + LEAST]:
                        known = 0
                    pv = pv - reference
                if known == 0:
                    cause = 0
                elif comparison == _ABOVE:
                    if pv > limit:
                        cause = 1
                elif comparison == _BELOW:
                    if pv < limit:
                        cause = 1
                else:
                    band = int(r[at + BAND])
                    limit = limit + (((reference >> 9) * band) >> 3) + (((reference & 511) * band) >> 12)
                    if pv > limit or pv < 0 - limit:
                        cause = 1
        r[at + CAUSE] = cause
        at = at + ROW_WORDS


@micropython.viper
def latch(rows, rows_n: int, state: int) -> int:  # type: ignore[no-untyped-def]
    """Delays and latches from the causes; returns how many rows changed (their word CHANGED)."""
    r = ptr32(rows)
    changed_n = 0
    at = 0
    end = rows_n * ROW_WORDS
    while at < end:
        acts = (int(r[at + STATES]) >> state) & 1
        tripped = int(r[at + TRIPPED])
        if int(r[at + CAUSE]) * acts != 0:
            if r[at + ASLEEP] != 0:
                r[at + ASLEEP] = r[at + DELAY] + 1
            elif r[at + COUNT] < r[at + DELAY]:
                r[at + COUNT] = r[at + COUNT] + 1
            elif tripped == 0:
                r[at + TRIPPED] = 1
                r[at + CHANGED] = 1
                changed_n = changed_n + 1
        else:
            r[at + COUNT] = 0
            if acts != 0 and r[at + ASLEEP] != 0:
                r[at + ASLEEP] = r[at + ASLEEP] - 1
            if tripped != 0 and r[at + AUTO] != 0:
                r[at + TRIPPED] = 0
                r[at + CHANGED] = -1
                changed_n = changed_n + 1
        at = at + ROW_WORDS
    return changed_n


def _reference_word(row: "tuple[int, ...]") -> int:
    """Where the reference of a row stands in the image."""
    if row[_KIND] == REF_INPUT:
        return INPUT_WORDS * row[_OF]
    return loop_at(row[_OF]) + (pid.OUTPUT if row[_KIND] == REF_OUTPUT else pid.SETPOINT)


def _judge(row: "tuple[int, ...]", swing_every: int):  # type: ignore[no-untyped-def]
    """What makes the judged number of a row that does not judge its input as it stands."""
    source, window = INPUT_WORDS * row[_INPUT], row[_WINDOW]
    if row[_JUDGE] == JUDGE_MEAN:
        return Mean(source, window // MEAN_BLOCKS_N)
    if row[_JUDGE] == JUDGE_CHANGE:
        return Change(source, window // (MEAN_BLOCKS_N - 1))
    return Swing(source, row[_CYCLES_N], row[_CYCLES_N + 1], row[_CYCLES_N + 2], swing_every)


class Interlocks:
    """Rows of the table ``interlock`` over the process image, with their delays and latches."""

    def __init__(self, rows: "list[tuple[int, ...]]", image, swing_every: int = 1) -> None:  # type: ignore[no-untyped-def]
        self._image = image
        self._rows_n = len(rows)
        self._words = memoryview(image)[INTERLOCKS_AT : INTERLOCKS_AT + ROW_WORDS * len(rows)]
        for word in range(ROW_WORDS * len(rows)):
            self._words[word] = 0
        self._judges = []
        self._tripped_n = 0
        self.action = 0  # the strongest action among the rows that tripped in this scan; 0: none
        self.changed_n = 0  # rows that tripped or cleared themselves in this scan
        self.off_outputs = 0  # outputs that the latched rows keep safe
        for i in range(len(rows)):
            if rows[i][_JUDGE] != JUDGE_NUMBER:
                self._judges.append((i * ROW_WORDS + JUDGED, _judge(rows[i], swing_every)))
        self.take(rows)
        self.enter()

    def take(self, rows: "list[tuple[int, ...]]") -> None:
        """Rows of the same structure with other numbers; what is latched stays."""
        self.rows = rows
        for i in range(len(rows)):
            row, at, words = rows[i], i * ROW_WORDS, self._words
            words[at + PV] = INPUT_WORDS * row[_INPUT]
            for word in range(len(_COPIED)):
                words[at + COMPARISON + word] = row[_COPIED[word]]
            words[at + KIND] = row[_KIND]
            words[at + REFERENCE] = _reference_word(row) if row[_KIND] != REF_NONE else 0
            for word in range(len(_SHARES)):
                words[at + SHARE + word] = row[_SHARES[word]]
            words[at + WATCHED] = row[_JUDGE]

    def enter(self) -> None:
        """The node changed its state: rows that arm themselves sleep until their cause was absent for their delay."""
        words = self._words
        for at in range(0, self._rows_n * ROW_WORDS, ROW_WORDS):
            words[at + ASLEEP] = words[at + DELAY] + 1 if words[at + ARMS] else 0

    def scan(self, state: int) -> int:
        """Judge every row; returns the first out of this scan (of several the highest priority, then the first), or -1.

        ``change`` tells of each row what happened to it in this scan while ``changed_n`` is not 0.
        """
        for word, judge in self._judges:
            self._words[word] = judge.take(self._image)
        if self.changed_n:
            self._forget()
        find_causes(self._words, self._image, self._rows_n, state)
        self.changed_n = latch(self._words, self._rows_n, state)
        return self._first_out() if self.changed_n else -1

    def _forget(self) -> None:
        self.action = 0
        for i in range(self._rows_n):
            self._words[i * ROW_WORDS + CHANGED] = 0

    def _first_out(self) -> int:
        first = -1
        for i in range(self._rows_n):
            if self.change(i) > 0:
                self.action = max(self.action, self.rows[i][_ACTION])
                if first < 0 or self.rows[i][_PRIORITY] > self.rows[first][_PRIORITY]:
                    first = i
        self._gather()
        return first

    def change(self, i: int) -> int:
        """Of row i in this scan: 1 it tripped, -1 it cleared itself, 0 neither."""
        return int(self._words[i * ROW_WORDS + CHANGED])

    def _gather(self) -> None:
        self.off_outputs = self._tripped_n = 0
        for i in range(self._rows_n):
            if self._words[i * ROW_WORDS + TRIPPED]:
                self._tripped_n += 1
                self.off_outputs |= self.rows[i][_OFF]

    @property
    def tripped(self) -> bytearray:
        """One byte a row, 1 while it is latched.  Made anew: not for the scan."""
        return bytearray([self._words[i * ROW_WORDS + TRIPPED] for i in range(self._rows_n)])

    def stands(self, i: int) -> bool:
        """True while row i is latched."""
        return self._words[i * ROW_WORDS + TRIPPED] != 0

    def raw(self, i: int) -> int:
        """The raw number of the channel of row i."""
        return int(self._image[INPUT_WORDS * self.rows[i][_INPUT] + RAW])

    def limit(self, i: int) -> int:
        """The limit of row i."""
        return int(self._words[i * ROW_WORDS + LIMIT])

    def latched(self) -> bool:
        """True while any row waits for its reset."""
        return self._tripped_n > 0

    def reset(self) -> int:
        """Clear rows whose cause was gone in the last scan; returns how many stay latched."""
        words = self._words
        for at in range(0, self._rows_n * ROW_WORDS, ROW_WORDS):
            if not words[at + CAUSE]:
                words[at + TRIPPED] = 0
        self._gather()
        return self._tripped_n
