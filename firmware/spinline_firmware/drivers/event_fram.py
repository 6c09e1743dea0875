"""The event ring's medium on a FRAM: no erase, so that events of a running line are kept, too.  Reads no record."""

from .fram import RECORD_EXTRA_BYTES, FramRing

RECORD_BYTES = 32
SLOTS_N_MAX = 128  # finding the newest reads them all, about 0.9 ms each


class EventFram:
    """``octets_n`` is the size of the chip; ``quick``: a record is kept in about a millisecond, at any time."""

    quick = True

    def __init__(self, i2c, address: int, octets_n: int) -> None:  # type: ignore[no-untyped-def]
        self._slots_n = min(SLOTS_N_MAX, octets_n // (RECORD_BYTES + RECORD_EXTRA_BYTES))
        self._ring = FramRing(i2c, address, RECORD_BYTES, self._slots_n)
        self._ring.open()

    def records(self):  # type: ignore[no-untyped-def]
        """All records, oldest first."""
        record, end = bytearray(RECORD_BYTES), self._ring.next_number
        for number in range(max(0, end - self._slots_n), end):
            if self._ring.read_into(number, record):
                yield bytes(record)

    def append(self, octets: bytes) -> None:
        """Keep these records.  Raises OSError where the chip does not answer."""
        whole = memoryview(octets)
        for at in range(0, len(octets), RECORD_BYTES):
            if not self._ring.append(whole[at : at + RECORD_BYTES]):
                raise OSError(5)
