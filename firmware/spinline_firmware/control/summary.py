"""The ring of summaries: what the last ten minutes were like, when the scans themselves are overwritten (SPEC 7.1).

Every 5 s one record of the columns that ask for it: first scan of the interval, its last state, its flags OR-ed, lowest
and highest number of each column but raw counts, then the last number of each and its worst quality, packed as a scan
is.  One viper function a scan, nothing allocated.
"""

from array import array

from spinline_protocol.configuration import OF_RAW, RECORD, field_index
from spinline_protocol.portable import micropython, ptr32
from spinline_protocol.quantities import LOWEST, WIRE_BYTES
from spinline_protocol.words import SUMMARIES_KEPT_MS, SUMMARY_HEAD_BYTES, summary_scans

from .recorder import pack_numbers, place_of

RING_BYTES = 32768  # both rings together
SCAN_RING_BYTES_MIN = 4096
_SUMMARY = field_index(RECORD, "summary")

# words kept of each column while its interval lasts
_LOWEST = 0
_HIGHEST = 1
_LAST = 2
_WORST = 3
_KEPT_WORDS = 4


@micropython.viper
def _keep(image, table, kept, count: int, fresh: int):  # type: ignore[no-untyped-def]
    """Take this scan's numbers of ``count`` columns; ``table``: word, quality word.  ``fresh``: a new interval."""
    words = ptr32(image)
    rows = ptr32(table)
    keep = ptr32(kept)
    i = 0
    while i < count:
        number = int(words[int(rows[2 * i])])
        quality = 0
        place = int(rows[2 * i + 1])
        if place >= 0:
            quality = int(words[place])
        at = 4 * i
        if fresh != 0 or number < int(keep[at]):
            keep[at] = number
        if fresh != 0 or number > int(keep[at + 1]):
            keep[at + 1] = number
        keep[at + 2] = number
        worst = int(keep[at + 3])
        if fresh != 0 or quality ^ (quality >> 1) > worst ^ (worst >> 1):  # quality_rank
            keep[at + 3] = quality
        i = i + 1


class Summaries:
    """Rows of the table ``record`` that are summarised.  Summary i covers scans i * scans_n to (i + 1) * scans_n - 1.

    ``ring`` has room for 600 s of them (``ring_bytes``); with no such row there is nothing to do and nothing to keep.
    """

    def __init__(self, rows: "list[tuple[int, ...]]", image, ring, scan_ms: int, first_scan: int = 0) -> None:  # type: ignore[no-untyped-def]
        rows = [row for row in rows if row[_SUMMARY]]
        self._image = image
        self._count = len(rows)
        self._scans_n = summary_scans(scan_ms)
        self._kept = array("i", [0] * (_KEPT_WORDS * len(rows)))
        places: "list[int]" = []
        both: "list[int]" = []
        last: "list[int]" = []
        for i in range(len(rows)):
            source, of, quantity = rows[i][:3]
            places += place_of(source, of)
            lowest, width = LOWEST[quantity], WIRE_BYTES[quantity]
            if source != OF_RAW:
                both += [_KEPT_WORDS * i + _LOWEST, -1, lowest, width, _KEPT_WORDS * i + _HIGHEST, -1, lowest, width]
            last += [_KEPT_WORDS * i + _LAST, _KEPT_WORDS * i + _WORST, lowest, width]
        self._places, self._both, self._last = array("i", places), array("i", both), array("i", last)
        self._last_at = SUMMARY_HEAD_BYTES + sum([both[i] for i in range(3, len(both), 4)])
        self.record_bytes = summary_bytes(rows)
        self.records_n = len(ring) // self.record_bytes
        self._ring = ring
        self._first_scan = first_scan  # of the interval that is under way
        self._flags = 0
        self._first_i = first_scan // self._scans_n
        self.next_i = self._first_i

    def span(self) -> "tuple[int, int]":
        """The first summary still in the ring, and the one that comes next."""
        return max(self._first_i, self.next_i - self.records_n), self.next_i

    def following(self) -> int:
        """The summary that comes next."""
        return self.next_i

    def record(self, scan: int, state: int, flags: int) -> None:
        """Take scan number ``scan``; the last one of an interval completes its summary."""
        if self._count == 0:
            return
        _keep(self._image, self._places, self._kept, self._count, 1 if scan == self._first_scan else 0)
        self._flags |= flags
        if (scan + 1) % self._scans_n == 0:
            self._complete(scan, state)

    def _complete(self, scan: int, state: int) -> None:
        at = self.next_i % self.records_n * self.record_bytes
        ring = self._ring
        for i in range(4):
            ring[at + i] = self._first_scan >> (24 - 8 * i) & 255
        ring[at + 4] = state
        ring[at + 5] = self._flags
        # the first call clears quality bytes behind its numbers; the second one writes over them
        pack_numbers(self._kept, self._both, ring, at + SUMMARY_HEAD_BYTES, len(self._both) // 4)
        pack_numbers(self._kept, self._last, ring, at + self._last_at, self._count)
        self.next_i += 1
        self._first_scan = scan + 1
        self._flags = 0

    def read(self, first: int, count: int) -> bytes:
        """``count`` records from ``first``; all of them must be in the ring (asserted: ours)."""
        assert self.span()[0] <= first and first + count <= self.next_i
        octets = b""
        for i in range(first, first + count):
            at = i % self.records_n * self.record_bytes
            octets += bytes(self._ring[at : at + self.record_bytes])
        return octets


def summary_bytes(rows: "list[tuple[int, ...]]") -> int:
    """Bytes of one summary of these rows of the table ``record``."""
    rows = [row for row in rows if row[_SUMMARY]]
    widths = sum([(1 if row[0] == OF_RAW else 3) * WIRE_BYTES[row[2]] for row in rows])
    return SUMMARY_HEAD_BYTES + widths + (len(rows) + 3) // 4


def ring_bytes(rows: "list[tuple[int, ...]]", scan_ms: int) -> int:
    """Bytes that 600 s of summaries of these rows need; 0 where no row is summarised."""
    if not any([row[_SUMMARY] for row in rows]):
        return 0
    interval_ms = summary_scans(scan_ms) * scan_ms
    records_n = (SUMMARIES_KEPT_MS + interval_ms - 1) // interval_ms + 2  # one under way, one on its way
    return records_n * summary_bytes(rows)
