"""Events that outlive a power cut: numbered records with a CRC on a medium that keeps them.  It decides nothing.

A record has 32 bytes, little endian: its number (4), the boot's id (4), number of the event in that boot (4), scan (4),
code, source (1 each), 0 (2), got, limit (4 each), CRC-32 of all before it.  What ``write`` has written when it returns
is kept; what a cut comes before is not there at all.
"""

import struct
from binascii import crc32

RECORD_BYTES = 32
PENDING_N_MAX = 24  # what waits for a node that may write; the oldest go first
WRITTEN_N_MAX = 8  # records in one piece of work
_LAYOUT = "<IIIIBBHii"
_CRC_AT = RECORD_BYTES - 4


class EventRing:
    """The ring of a node in its boot ``boot_id``.

    ``medium.records()`` gives what it holds, 32 bytes each, oldest first, damaged ones too; ``medium.append(octets)``
    keeps whole records in place of its oldest and raises OSError where it cannot; ``medium.quick`` says that a record
    takes about a millisecond, as on a FRAM, and so may be kept between any two scans, one at a time.
    """

    def __init__(self, medium, boot_id: int) -> None:  # type: ignore[no-untyped-def]
        self._medium = medium
        self._boot_id = boot_id
        self._pending: "list[tuple[int, int, int, int, int, int]]" = []
        self.quick = medium.quick
        self.failed = False  # the medium took something no more: nothing is kept from then on
        self.lost_n = 0  # that never were written
        self.next_n = 0
        for octets in medium.records():
            fields = _fields(octets)
            if fields and fields[0] >= self.next_n:
                self.next_n = fields[0] + 1

    def note(self, event: "tuple[int, int, int, int, int, int]") -> None:
        """Number in this boot, scan, code, source, got, limit: kept by a later ``write``."""
        self._pending.append(event)
        if len(self._pending) > PENDING_N_MAX:
            self._pending.pop(0)
            self.lost_n += 1

    def waits(self) -> bool:
        """True while something is not written yet."""
        return bool(self._pending) and not self.failed

    def write(self) -> None:
        """Keep the oldest of what waits, one or eight.  Raises OSError where the medium fails, once."""
        events = self._pending[: 1 if self.quick else WRITTEN_N_MAX]
        octets = b""
        for i in range(len(events)):
            event_i, scan, code, source, got, limit = events[i]
            numbers = (self.next_n + i, self._boot_id, event_i, scan, code, source, 0, got, limit)
            record = struct.pack(_LAYOUT, *numbers)
            octets += record + crc32(record).to_bytes(4, "little")
        try:
            self._medium.append(octets)
        except OSError:
            self.failed = True
            raise
        self.next_n += len(events)
        self._pending = self._pending[len(events) :]

    def earlier(self):  # type: ignore[no-untyped-def]
        """A generator of the events of earlier boots, oldest first: the fields of the message EVENT."""
        for octets in self._medium.records():
            fields = _fields(octets)
            if fields and fields[1] != self._boot_id:
                _number, boot_id, event_i, scan, code, source, _spare, got, limit = fields
                yield event_i, scan, code, source, got, limit, boot_id


def _fields(octets: bytes) -> "tuple[int, ...]":
    """What a record says; empty where its CRC says that it is none."""
    if len(octets) != RECORD_BYTES or crc32(octets[:_CRC_AT]).to_bytes(4, "little") != octets[_CRC_AT:]:
        return ()
    return struct.unpack(_LAYOUT, octets[:_CRC_AT])


assert struct.calcsize(_LAYOUT) == _CRC_AT
