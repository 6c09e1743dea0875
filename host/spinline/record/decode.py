"""Scan records of a node, from bytes to exact whole numbers (SPEC 3.7).  Pure; it judges nothing."""

from __future__ import annotations

import struct
from operator import add

from spinline.recipe.compiler import Recorded
from spinline_protocol.configuration import OF_RAW
from spinline_protocol.quantities import GOOD, QUALITIES, QUANTITIES, wire_bytes

_LOWEST = 3  # place of a quantity's lowest number in its row


class RecordDecoder:
    """Decodes the records of one configuration.  ``record_bytes`` is the length of one record.

    A record is state, flags, each number less its quantity's lowest (1 to 4 bytes, big endian), then two
    bits of quality a column, first column in the lowest bits.
    """

    def __init__(self, columns: tuple[Recorded, ...]) -> None:
        widths = [wire_bytes(column.quantity) for column in columns]
        quality_bytes = (len(columns) + 3) // 4
        fields = "".join(f"{width}s" for width in widths)
        self._struct = struct.Struct(f">BB{fields}{quality_bytes}s")
        self._tags = [column.tag for column in columns]
        self._lowest = [QUANTITIES[column.quantity][_LOWEST] for column in columns]
        self.record_bytes = self._struct.size

    def decode(self, octets: bytes) -> list[tuple[int, ...]]:
        """One tuple a record: state, flags, quality word, then a number a column in the quantity's wire unit.

        The quality word holds two bits a column, the first column lowest.  Raises ValueError where the
        length is no whole number of records; no bytes are no records.
        """
        if len(octets) % self.record_bytes:
            raise ValueError(f"{len(octets)} bytes are no whole number of records of {self.record_bytes} bytes")
        unsigned, lowest = int.from_bytes, self._lowest
        # Two maps over the slices of one struct: measured the fastest for the few records of one frame.
        return [
            (row[0], row[1], unsigned(row[-1], "little"), *map(add, map(unsigned, row[2:-1]), lowest))
            for row in self._struct.iter_unpack(octets)
        ]

    def letters(self, record: tuple[int, ...]) -> dict[str, str]:
        """NE 107 letter (S, F or C) of each column of a decoded record that is not good, by its tag."""
        qualities = {tag: record[2] >> 2 * i & 3 for i, tag in enumerate(self._tags)}
        return {tag: QUALITIES[quality][2] for tag, quality in qualities.items() if quality != GOOD}


class SummaryDecoder:
    """Decodes the summaries of one configuration (SPEC 7.1).  ``columns`` are its summarised columns."""

    def __init__(self, columns: tuple[Recorded, ...]) -> None:
        both = [column for column in columns if column.source != OF_RAW for _ in range(2)]
        numbers = [*both, *columns]  # lowest and highest of each but raw counts, then the last of each
        fields = "".join(f"{wire_bytes(column.quantity)}s" for column in numbers)
        self._struct = struct.Struct(f">IBB{fields}{(len(columns) + 3) // 4}s")
        self._lowest = [QUANTITIES[column.quantity][_LOWEST] for column in numbers]
        self.record_bytes = self._struct.size

    def decode(self, octets: bytes) -> list[tuple[int, ...]]:
        """One tuple a summary: first scan, state, flags, quality word, then numbers in the order of `summary_tags`.

        Raises ValueError where the length is no whole number of summaries.
        """
        if len(octets) % self.record_bytes:
            raise ValueError(f"{len(octets)} bytes are no whole number of summaries of {self.record_bytes} bytes")
        unsigned = int.from_bytes
        return [
            (*row[:3], unsigned(row[-1], "little"), *map(add, map(unsigned, row[3:-1]), self._lowest))
            for row in self._struct.iter_unpack(octets)
        ]


def summary_tags(columns: tuple[Recorded, ...]) -> list[str]:
    """Names of a summary's numbers: tag.min and tag.max of each column but raw counts, then tag.last of each."""
    both = [f"{column.tag}.{which}" for column in columns if column.source != OF_RAW for which in ("min", "max")]
    return both + [f"{column.tag}.last" for column in columns]
