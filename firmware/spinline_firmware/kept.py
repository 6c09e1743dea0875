"""What a node reads at its start and writes between scans: its configuration, and numbers by place.

A piece is written at a time, when the caller says so: an erase lasts longer than a scan may be late.
"""

import struct

from spinline_protocol import errors
from spinline_protocol.words import pack_words

from .store import Record

TABLES, NUMBERS = "tables", "numbers"
PIECE_BYTES = 512
NUMBERS_N = 33
BOOTS = 0  # place of how often the node has started
_HEAD_BYTES = 66  # hash of the schema (32), of the configuration (32), number of rows (2)
_NUMBERS = "<%di" % NUMBERS_N


class Kept:
    """``schema_sha256`` says what the words of a row mean: a configuration of another schema is none."""

    def __init__(self, schema_sha256: bytes, folder: str = "") -> None:
        self._schema_sha256 = schema_sha256
        self._tables = Record(TABLES, folder)
        self._numbers = Record(NUMBERS, folder)
        octets = self._numbers.read()
        numbers = struct.unpack(_NUMBERS, octets) if len(octets) == 4 * NUMBERS_N else (0,) * NUMBERS_N
        self._by_place = list(numbers)
        self._changed = False
        self._wanted: "tuple[list[list[tuple[int, ...]]], bytes, bytes] | None" = None  # to be written
        self._work = _nothing()
        self.spoiled_n = self._tables.spoiled_n + self._numbers.spoiled_n

    def number(self, place: int) -> int:
        """The number at a place, 0 to 32; 0 where none was put."""
        return int(self._by_place[place])

    def put_number(self, place: int, number: int) -> None:
        """Keep a number of 32 bits; it is written by a later ``step``."""
        self._by_place[place] = number
        self._changed = True

    def load(self, transaction) -> int:  # type: ignore[no-untyped-def]
        """Give the configuration that was kept to a transaction and judge it.

        Returns OK; GONE where there is none, CONFLICT for one of another schema, else why it is refused.
        """
        if not self._tables.sequence:
            return errors.HASH if self._tables.spoiled_n else errors.GONE
        with self._tables.open() as file:
            head = file.read(_HEAD_BYTES)
            if head[:32] != self._schema_sha256:
                return errors.CONFLICT
            rows_n = head[64] | head[65] << 8
            code = transaction.begin(rows_n, head[32:64])
            for i in range(rows_n):
                if code == errors.OK:
                    table, length = file.read(2)
                    code = transaction.put(i, table, file.read(length))
        return int(code) if code else int(transaction.prepare()[0])

    def keep(self, tables, order: bytes, configuration_sha256: bytes) -> None:  # type: ignore[no-untyped-def]
        """Write this configuration by later steps; ``order`` is the table of each row as it was downloaded."""
        self._wanted = (tables, order, configuration_sha256)
        self._work = _nothing()  # a part of what is no longer wanted is no record

    def waits(self) -> bool:
        """True while something is not written yet."""
        return bool(self._work or self._wanted or self._changed)

    def step(self) -> None:
        """Write a piece.  Raises OSError or MemoryError where the disk does not take it: then it is given up."""
        if not self._work:
            self._work, self._wanted = self._begin(), None
        try:
            next(self._work)
        except StopIteration:
            self._work = _nothing()
        except (OSError, MemoryError):
            self._work = _nothing()
            raise

    def _begin(self):  # type: ignore[no-untyped-def]
        if self._wanted:
            tables, order, configuration_sha256 = self._wanted
            length = _HEAD_BYTES + 2 * len(order) + 4 * sum([len(row) for rows in tables for row in rows])
            head = self._schema_sha256 + configuration_sha256 + len(order).to_bytes(2, "little")
            return self._tables.write(length, _pieces(head, tables, order))
        self._changed = False
        octets = struct.pack(_NUMBERS, *self._by_place)
        return self._numbers.write(len(octets), (octets,))


def _nothing():  # type: ignore[no-untyped-def]
    return None


def _pieces(piece: bytes, tables, order: bytes):  # type: ignore[no-untyped-def]
    """The record's content: rows in the order of the download, each its table, its bytes and its words."""
    taken = [0] * len(tables)
    for table in order:
        words = pack_words(tables[table][taken[table]])
        taken[table] += 1
        piece += bytes((table, len(words))) + words
        if len(piece) >= PIECE_BYTES:
            yield piece
            piece = b""
    yield piece
