"""What a node keeps over a restart: records on its file system, old or new after a power cut, never half.

A record has two files, written in turn; the newest whole one holds.  Layout: sequence number and length (4 bytes each,
little endian), content, CRC-32 of all before it.  Nothing here knows what a record says.
"""

import os
import struct
from binascii import crc32

_HEAD = "<II"
_HEAD_BYTES = 8
_PIECE_BYTES = 256


class Record:
    """One record.  ``sequence`` counts its writings, 0 for none; ``spoiled_n``: files that hold something and no whole.

    ``folder`` is where the files lie, with a slash; a board has them at its root.
    """

    def __init__(self, name: str, folder: str = "") -> None:
        self._paths = (folder + name + ".a", folder + name + ".b")
        self._newest = 1
        self.sequence = 0
        self.length = 0  # of the content, bytes
        self.spoiled_n = 0
        for i in range(2):
            sequence, length = self._judge(i)
            if sequence > self.sequence:
                self._newest, self.sequence, self.length = i, sequence, length

    def _judge(self, i: int) -> "tuple[int, int]":
        """Sequence and length of the record in a file; (0, 0) where there is none, or none that is whole."""
        try:
            if not os.stat(self._paths[i])[6]:
                return 0, 0  # begun and cut: an empty file never held anything
            with open(self._paths[i], "rb") as file:
                head = file.read(_HEAD_BYTES)
                if len(head) == _HEAD_BYTES and _ends_well(file, head):
                    sequence, length = struct.unpack(_HEAD, head)
                    return sequence, length
        except OSError:
            return 0, 0
        self.spoiled_n += 1
        return 0, 0

    def open(self):  # type: ignore[no-untyped-def]
        """The file of the record, at its content's first byte.  Raises OSError where there is none."""
        file = open(self._paths[self._newest], "rb")
        file.seek(_HEAD_BYTES)
        return file

    def read(self) -> bytes:
        """All of the content; empty where there is no record."""
        if not self.sequence:
            return b""
        with self.open() as file:
            return bytes(file.read(self.length))

    def write(self, length: int, pieces):  # type: ignore[no-untyped-def]
        """A generator that writes a piece at each step, ``length`` bytes in all; the record holds when it has ended.

        One that is not brought to its end leaves the record as it was.  Raises OSError where the disk does not take it.
        """
        at = 1 - self._newest
        head = struct.pack(_HEAD, self.sequence + 1, length)
        crc = crc32(head)
        with open(self._paths[at], "wb") as file:
            file.write(head)
            for piece in pieces:
                file.write(piece)
                crc = crc32(piece, crc)
                yield
            file.write(crc.to_bytes(4, "little"))
        self._newest, self.sequence, self.length = at, self.sequence + 1, length

    def put(self, content: bytes) -> None:
        """Write a short record at once."""
        for _ in self.write(len(content), (content,)):
            pass


def _ends_well(file, head: bytes) -> bool:  # type: ignore[no-untyped-def]
    """True where the content is as long as its head says and its CRC stands behind it, and nothing more."""
    _sequence, left = struct.unpack(_HEAD, head)
    crc, piece = crc32(head), memoryview(bytearray(_PIECE_BYTES))
    while left:
        count = file.readinto(piece[: min(left, _PIECE_BYTES)])
        if not count:
            return False
        crc = crc32(piece[:count], crc)
        left -= count
    return bool(file.read(5) == crc.to_bytes(4, "little"))
