"""The ring of scan records: one record a scan, exact whole numbers with quality, kept until it is overwritten.

A record is state, flags, then each recorded number less its quantity's lowest value in 1 to 4 bytes (big endian), then
the qualities, two bits each, first in the lowest bits (SPEC 3.7).  Packed by one viper function: no allocation.
"""

from array import array

from spinline_protocol.configuration import OF_INPUT, OF_MODE, OF_OUTPUT, OF_RAW, OF_SETPOINT
from spinline_protocol.portable import micropython, ptr8, ptr32
from spinline_protocol.quantities import GOOD, LOWEST, WIRE_BYTES

from .image import INPUT_WORDS, QUALITY, RAW, loop_at
from .pid import OUTPUT, SETPOINT, SHOWN

RECORD_HEAD_BYTES = 2


@micropython.viper
def pack_numbers(image, table, ring, at: int, count: int):  # type: ignore[no-untyped-def]
    """Write ``count`` numbers behind ``at``; ``table``: word, quality word or -1, lowest, bytes of each."""
    words = ptr32(image)
    rows = ptr32(table)
    out = ptr8(ring)
    bits = at
    i = 0
    while i < count:
        bits = bits + int(rows[4 * i + 3])
        i = i + 1
    i = 0
    while i < (count + 3) >> 2:
        out[bits + i] = 0
        i = i + 1
    i = 0
    while i < count:
        number = int(words[int(rows[4 * i])]) - int(rows[4 * i + 2])
        width = int(rows[4 * i + 3])
        if number < 0:
            number = 0
        while width > 0:
            width = width - 1
            out[at] = (number >> (8 * width)) & 255
            at = at + 1
        quality = int(rows[4 * i + 1])
        if quality >= 0:
            place = bits + (i >> 2)
            out[place] = out[place] | (int(words[quality]) << (2 * (i & 3)))
        i = i + 1


class Recorder:
    """Rows of the table ``record`` over the image.  Scan numbers go on from one configuration to the next.

    ``ring`` is a part of the one that is allocated when the node boots: 32 kB in one piece are not to be had later.
    """

    def __init__(self, rows: "list[tuple[int, ...]]", image, ring, first_scan: int = 0) -> None:  # type: ignore[no-untyped-def]
        self._image = image
        self._count = len(rows)
        table = []
        for row in rows:
            source, of, quantity = row[:3]
            word, quality = place_of(source, of)
            table += [word, quality, LOWEST[quantity], WIRE_BYTES[quantity]]
        self._table = array("i", table)
        self.record_bytes = scan_bytes(rows)
        self.records_n = len(ring) // self.record_bytes
        self._ring = ring
        self._first_scan = first_scan
        self.next_scan = first_scan

    def oldest_scan(self) -> int:
        """First scan still in the ring."""
        return max(self._first_scan, self.next_scan - self.records_n)

    def span(self) -> "tuple[int, int]":
        """The first scan still in the ring, and the one that comes next."""
        return self.oldest_scan(), self.next_scan

    def following(self) -> int:
        """The scan that comes next."""
        return self.next_scan

    def record(self, state: int, flags: int) -> None:
        """Add this scan's record."""
        at = self.next_scan % self.records_n * self.record_bytes
        self._ring[at] = state
        self._ring[at + 1] = flags
        pack_numbers(self._image, self._table, self._ring, at + RECORD_HEAD_BYTES, self._count)
        self.next_scan += 1

    def read(self, first: int, count: int) -> bytes:
        """Records of ``count`` scans from ``first``; all of them must be in the ring (asserted: ours)."""
        assert self.oldest_scan() <= first and first + count <= self.next_scan
        start = first % self.records_n
        straight = min(count, self.records_n - start)
        width = self.record_bytes
        octets = bytes(self._ring[start * width : (start + straight) * width])
        if straight < count:
            octets += bytes(self._ring[: (count - straight) * width])
        return octets


def place_of(source: int, of: int) -> "tuple[int, int]":
    """Word of a recorded number in the image, and of its quality (-1: always good)."""
    if source == OF_INPUT:
        return INPUT_WORDS * of, INPUT_WORDS * of + QUALITY
    if source == OF_RAW:
        return INPUT_WORDS * of + RAW, INPUT_WORDS * of + QUALITY
    if source == OF_SETPOINT:
        return loop_at(of) + SETPOINT, -1
    if source == OF_MODE:
        return loop_at(of) + SHOWN, -1
    assert source == OF_OUTPUT
    return loop_at(of) + OUTPUT, -1


def scan_bytes(rows: "list[tuple[int, ...]]") -> int:
    """Bytes of one scan record of these rows of the table ``record``."""
    return RECORD_HEAD_BYTES + sum([WIRE_BYTES[row[2]] for row in rows]) + (len(rows) + 3) // 4


assert GOOD == 0
