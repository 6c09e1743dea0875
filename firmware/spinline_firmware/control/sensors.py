"""From raw numbers to values with quality, before anything else uses them.  Never raises, never scales a failed sensor.

A chip fault bit or a current outside NAMUR NE 43 is BAD in the same scan.  A value out of range or faster than the
slew limit is dropped (UNCERTAIN, the last value stays); three dropped of the last eight scans are BAD.  What is
believed by itself is doubted afterwards, where the row asks for it: a current at the edge of NE 43, a raw number that
stands still, a partner that says something else.  Doubt only worsens a quality.
"""

from array import array

from spinline_protocol.configuration import COUNTER, INPUT, field_index
from spinline_protocol.portable import micropython
from spinline_protocol.quantities import BAD, CHECK, GOOD, UNCERTAIN
from spinline_protocol.states import EVT_SENSOR_MAINTENANCE

from .image import INPUT_WORDS, QUALITY, RAW

DROPPED_N_MAX = 3
HISTORY_MASK = 0xFF
COUNT_MASK = 0xFFFFFF
WARN_PARTS = 3  # a raw number is doubted after a third of the time that makes it bad
NO_RAW = -(1 << 29)  # beyond every raw number
STANDS_STILL = -1  # in place of a limit in the event

_KIND = field_index(INPUT, "kind")
_ZERO = field_index(INPUT, "zero")
_M = field_index(INPUT, "scale_m")
_S = field_index(INPUT, "scale_s")
_OFFSET = field_index(INPUT, "offset")
_LOW = field_index(INPUT, "low")
_HIGH = field_index(INPUT, "high")
_SLEW = field_index(INPUT, "slew")
_RAW_LOW = field_index(INPUT, "raw_low")
_RAW_HIGH = field_index(INPUT, "raw_high")
_FILTER = field_index(INPUT, "filter_k")
_WARN_LOW = field_index(INPUT, "warn_low")
_WARN_HIGH = field_index(INPUT, "warn_high")
_FROZEN = field_index(INPUT, "frozen_scans")
_PARTNER = field_index(INPUT, "partner")
_PARTNER_LIMIT = field_index(INPUT, "partner_limit")
_PARTNER_SCANS = field_index(INPUT, "partner_scans")


class Sensors:
    """All inputs of the node: ``rows`` are configuration rows of the table ``input``; ``image`` takes the result."""

    def __init__(self, rows: "list[tuple[int, ...]]", image) -> None:  # type: ignore[no-untyped-def]
        self._image = image
        self._raw_seen = array("i", [NO_RAW] * len(rows))
        self._still = array("i", [0] * len(rows))  # scans for which the raw number has stood
        self._apart = array("i", [0] * len(rows))  # scans for which the partner has disagreed
        self._told = array("i", [0] * len(rows))  # scans of agreement until a disagreement is an event again
        self.retune(rows)
        self._dropped = bytearray(len(rows))  # one bit for each of the last eight scans
        self._fresh = bytearray(len(rows))  # the last sample was good: the next may be compared with it
        self._counted = bytearray(len(rows))  # a counter's last position is known
        self._filtered = [0] * len(rows)
        self._last = [0] * len(rows)
        for i in range(len(rows)):
            image[INPUT_WORDS * i] = rows[i][_OFFSET]
            image[INPUT_WORDS * i + QUALITY] = BAD

    def retune(self, rows: "list[tuple[int, ...]]") -> None:
        """Other limits for the same inputs; what was seen and counted goes on."""
        self.rows = rows
        numbers = range(len(rows))
        self._edged = tuple([i for i in numbers if _has_edge(rows[i])])
        self._watched = tuple([i for i in numbers if rows[i][_FROZEN]])
        self._paired = tuple([i for i in numbers if rows[i][_PARTNER] >= 0])
        self.doubts = bool(self._edged or self._watched or self._paired)

    @micropython.native
    def take(self, i: int, raw: int, failed: int) -> int:
        """Classify, scale and filter one sample; returns its quality.  ``failed``: not 0 for a chip fault."""
        row = self.rows[i]
        at = INPUT_WORDS * i
        image = self._image
        if row[_KIND] == COUNTER:
            raw = self._step(i, raw, at)
        else:
            image[at + RAW] = raw
        if failed or raw < row[_RAW_LOW] or raw > row[_RAW_HIGH]:
            self._fresh[i] = 0
            self._dropped[i] = (self._dropped[i] << 1 | 1) & HISTORY_MASK
            image[at + QUALITY] = BAD
            return BAD
        pv = row[_OFFSET] + ((raw - row[_ZERO]) * row[_M] >> row[_S])
        if pv < row[_LOW] or pv > row[_HIGH] or self._too_fast(i, pv, row[_SLEW]):
            return self._drop(i, at)
        dropped = self._dropped[i] << 1 & HISTORY_MASK
        self._dropped[i] = dropped
        self._last[i] = pv
        if row[_FILTER]:
            pv = self._filter(i, pv, row[_FILTER])
        self._fresh[i] = 1
        image[at] = pv
        if image[at + QUALITY] == BAD and dropped:
            return BAD  # after a fault only eight clean scans are good again
        image[at + QUALITY] = GOOD
        return GOOD

    def _step(self, i: int, count: int, at: int) -> int:
        """Counts since the last scan; the counter wraps at 2^24, a scan never moves half of that."""
        before = self._image[at + RAW] if self._counted[i] else count
        self._counted[i] = 1
        self._image[at + RAW] = count & COUNT_MASK
        return ((count - before + 0x800000) & COUNT_MASK) - 0x800000

    def _too_fast(self, i: int, pv: int, slew: int) -> bool:
        if slew == 0 or not self._fresh[i]:
            return False
        return not -slew <= pv - self._last[i] <= slew

    def _drop(self, i: int, at: int) -> int:
        dropped = (self._dropped[i] << 1 | 1) & HISTORY_MASK
        self._dropped[i] = dropped
        count = 0
        while dropped:
            count += dropped & 1
            dropped >>= 1
        quality = BAD if count >= DROPPED_N_MAX or self._image[at + QUALITY] == BAD else UNCERTAIN
        if quality == BAD:
            self._fresh[i] = 0  # a new value is judged by range alone, not by its distance from an old one
        self._image[at + QUALITY] = quality
        return quality

    def _filter(self, i: int, pv: int, k: int) -> int:
        """First-order lag over 2^k scans; state holds pv * 2^k < 2^26."""
        if not self._fresh[i]:
            self._filtered[i] = pv << k
        self._filtered[i] += pv - (self._filtered[i] >> k)
        return self._filtered[i] >> k

    def doubt(self, event) -> None:  # type: ignore[no-untyped-def]
        """Once a scan, when every input is taken: worsen what is doubted; ``event`` hears of maintenance required."""
        image, rows = self._image, self.rows
        for i in self._edged:
            at = INPUT_WORDS * i
            if image[at + QUALITY] == GOOD and not rows[i][_WARN_LOW] <= image[at + RAW] <= rows[i][_WARN_HIGH]:
                image[at + QUALITY] = UNCERTAIN
        seen = self._raw_seen
        for i in self._watched:
            raw = image[INPUT_WORDS * i + RAW]
            if raw == seen[i]:
                self._stands(i, raw, event)
            else:
                seen[i] = raw
                self._still[i] = 0
        for i in self._paired:
            self._compare(i, event)

    def check(self, i: int) -> None:
        """For the record of this scan: work goes on at the loop of input ``i``.  A failure stays one."""
        if self._image[INPUT_WORDS * i + QUALITY] != BAD:
            self._image[INPUT_WORDS * i + QUALITY] = CHECK

    def _stands(self, i: int, raw: int, event) -> None:  # type: ignore[no-untyped-def]
        """The raw number is that of the last scan."""
        most, before = self.rows[i][_FROZEN], self._still[i]
        scans = before + 1 if before < most else before
        self._still[i] = scans
        if WARN_PARTS * scans < most:
            return
        if WARN_PARTS * before < most:
            event(EVT_SENSOR_MAINTENANCE, i, raw, STANDS_STILL)
        self._worsen(i, BAD if scans >= most else UNCERTAIN)

    def _compare(self, i: int, event) -> None:  # type: ignore[no-untyped-def]
        """Of two that disagree both are doubted; one that is dropped or has failed says nothing of the other."""
        row = self.rows[i]
        other = row[_PARTNER]
        if not (self._dropped[i] | self._dropped[other]) & 1:
            distance = abs(self._image[INPUT_WORDS * i] - self._image[INPUT_WORDS * other])
            if distance <= row[_PARTNER_LIMIT]:
                self._apart[i] = 0
                if self._told[i]:
                    self._told[i] -= 1
                return
            if not self._told[i]:
                event(EVT_SENSOR_MAINTENANCE, i, distance, row[_PARTNER_LIMIT])
            self._told[i] = row[_PARTNER_SCANS] + 1
            if self._apart[i] <= row[_PARTNER_SCANS]:
                self._apart[i] += 1
        if self._apart[i]:
            quality = BAD if self._apart[i] > row[_PARTNER_SCANS] else UNCERTAIN
            self._worsen(i, quality)
            self._worsen(other, quality)

    def _worsen(self, i: int, quality: int) -> None:
        if quality == BAD:  # as any failure: back after eight clean scans, judged by range alone
            self._dropped[i] |= 1
            self._fresh[i] = 0
        if self._image[INPUT_WORDS * i + QUALITY] < quality:
            self._image[INPUT_WORDS * i + QUALITY] = quality


def _has_edge(row: "tuple[int, ...]") -> bool:
    """True where raw numbers that are no failure may be outside the sensor's ordinary range."""
    return row[_WARN_LOW] > row[_RAW_LOW] or row[_WARN_HIGH] < row[_RAW_HIGH]


assert GOOD < UNCERTAIN < BAD
