"""From raw numbers to values with quality, before anything else uses them.  Never raises, never scales a failed sensor.

A chip fault bit or a current outside NAMUR NE 43 is BAD in the same scan.  A value out of range or faster than the
slew limit is dropped (UNCERTAIN, the last value stays); three dropped of the last eight scans are BAD.
"""

from spinline_protocol.configuration import COUNTER, INPUT, field_index
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN

from .image import INPUT_WORDS, QUALITY, RAW

DROPPED_N_MAX = 3
HISTORY_MASK = 0xFF
COUNT_MASK = 0xFFFFFF

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


class Sensors:
    """All inputs of the node: ``rows`` are configuration rows of the table ``input``; ``image`` takes the result."""

    def __init__(self, rows: "list[tuple[int, ...]]", image) -> None:  # type: ignore[no-untyped-def]
        self.rows = rows
        self._image = image
        self._dropped = bytearray(len(rows))  # one bit for each of the last eight scans
        self._fresh = bytearray(len(rows))  # the last sample was good: the next may be compared with it
        self._counted = bytearray(len(rows))  # a counter's last position is known
        self._filtered = [0] * len(rows)
        self._last = [0] * len(rows)
        for i in range(len(rows)):
            image[INPUT_WORDS * i] = rows[i][_OFFSET]
            image[INPUT_WORDS * i + QUALITY] = BAD

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
