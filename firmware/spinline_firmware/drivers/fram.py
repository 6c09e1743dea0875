"""A ring of records in an FRAM over I2C (FM24CL64B, Infineon 001-84483, or MB85RC256V, Fujitsu DS501-00017).

Two address bytes, no delay after a write, no wear that matters.  A record is its number (4 bytes, big endian), what it
holds, the low byte of its number again, and a CRC-16: one that a cut tore, at any byte, is none, and the others stand.
"""

import struct

from .crc16 import crc16

HEAD_BYTES, TAIL_BYTES = 4, 3
RECORD_EXTRA_BYTES = HEAD_BYTES + TAIL_BYTES
NUMBER_MASK = 0x3FFFFFFF  # small ints; at a record a second it lasts 34 years


class FramRing:
    """Records of ``payload_bytes`` (1 to 249) each in ``slots_n`` slots (2 or more) from place 0 of the chip on.

    ``open()`` finds the newest once; ``append`` and ``read_into`` allocate nothing; ``fault`` 1: no answer.
    """

    def __init__(self, i2c, address: int, payload_bytes: int, slots_n: int) -> None:  # type: ignore[no-untyped-def]
        assert 1 <= payload_bytes <= 249 and slots_n >= 2
        self._i2c = i2c
        self._address = address
        self._record_bytes = HEAD_BYTES + payload_bytes + TAIL_BYTES
        assert self._record_bytes * slots_n <= 1 << 16
        self._slots_n = slots_n
        self._record = bytearray(self._record_bytes)
        self._payload_bytes = payload_bytes
        self.next_number = 0
        self.fault = 0

    def open(self) -> int:
        """Find the newest record by reading every slot; returns its number, -1 where there is none."""
        newest = -1
        for slot in range(self._slots_n):
            number = self._load(slot)
            if number > newest and number % self._slots_n == slot:
                newest = number
        self.next_number = newest + 1 & NUMBER_MASK
        return newest

    def _load(self, slot: int) -> int:
        """Number of the record in a slot, -1 where it is none."""
        record = self._record
        try:
            self._i2c.readfrom_mem_into(self._address, slot * self._record_bytes, record, addrsize=16)
            self.fault = 0
        except OSError:
            self.fault = 1
            return -1
        if record[0] > 0x3F or record[-3] != record[3] or crc16(record, self._record_bytes):
            return -1
        return record[0] << 24 | record[1] << 16 | record[2] << 8 | record[3]

    def append(self, payload) -> bool:  # type: ignore[no-untyped-def]
        """Write the next record over the oldest; False where the chip does not answer, and then the number stays."""
        record, number = self._record, self.next_number
        struct.pack_into(">I", record, 0, number)
        for i in range(self._payload_bytes):
            record[HEAD_BYTES + i] = payload[i]
        record[-3] = number & 255
        crc = crc16(record, self._record_bytes - 2)
        record[-2] = crc & 255
        record[-1] = crc >> 8
        place = number % self._slots_n * self._record_bytes
        try:
            self._i2c.writeto_mem(self._address, place, record, addrsize=16)
        except OSError:
            self.fault = 1
            return False
        self.fault = 0
        self.next_number = number + 1 & NUMBER_MASK
        return True

    def read_into(self, number: int, payload) -> bool:  # type: ignore[no-untyped-def]
        """Payload of a record; False where it is not there any more, or torn."""
        if self._load(number % self._slots_n) != number:
            return False
        for i in range(self._payload_bytes):
            payload[i] = self._record[HEAD_BYTES + i]
        return True
