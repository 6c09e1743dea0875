"""Lowest and highest of every column in each part of 30 s: what a trend of a day is drawn from.

The newest part of a run is kept in memory until it is over; a cut loses only it, and opening the journal makes it anew
from its scans.  A scan that comes late, or twice, changes its part and nothing else; a bad number is in none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from spinline.record.files import run_statement
from spinline.record.schema import RUN_SHIFT, insert_sql, quoted
from spinline_protocol.quantities import BAD

PART_US = 30_000_000
DAY_US = 86_400_000_000
assert DAY_US % PART_US == 0, "a part lies in one day"
LOW, HIGH = "low", "high"
Row = tuple[int | None, ...]
Scans = Sequence[tuple[int, ...]]


def table_sql(name: str, tags: Sequence[str]) -> str:
    """CREATE TABLE: a row for each part of a run, NULL where no number of it was usable."""
    columns = "".join(f", {quoted(f'{tag} {end}')} INTEGER" for tag in tags for end in (LOW, HIGH))
    return f"CREATE TABLE {quoted(name)} (run_part INTEGER PRIMARY KEY{columns}) STRICT"


class Pending:
    """The newest part of one run; rows as `RecordDecoder.decode` gives them."""

    def __init__(self, run: int, newest: int = -1) -> None:
        """``newest`` is the newest part that the journal holds, -1 for none."""
        self._run = run
        self._part = newest
        self._rows: list[tuple[int, ...]] = []

    @property
    def day(self) -> int:
        """The UTC day of the newest part."""
        return self._part * PART_US // DAY_US

    def add(self, times_us: Sequence[int], rows: Scans) -> Iterator[tuple[int, Row]]:
        """Take scans in order of time; gives number and row of parts that are over, and what came late for others."""
        begin = 0
        while begin < len(rows):
            part = times_us[begin] // PART_US
            end = begin + 1
            while end < len(rows) and times_us[end] // PART_US == part:
                end += 1
            if part > self._part:
                for over in self.over():
                    yield self._part, over
                self._part = part
            if part == self._part:
                self._rows.extend(rows[begin:end])
            else:
                yield part, self._row(part, rows[begin:end])
            begin = end

    def over(self) -> Iterator[Row]:
        """The newest part as far as it has come; nothing is kept any more."""
        if self._rows:
            yield self._row(self._part, self._rows)
            self._rows = []

    def _row(self, part: int, rows: Scans) -> Row:
        return (self._run << RUN_SHIFT | part, *_ends(rows))


def _ends(rows: Scans) -> Iterator[int | None]:
    """Lowest and highest of each column, of numbers that are not bad."""
    _states, _flags, qualities, *columns = zip(*rows, strict=True)
    doubted = any(qualities)
    for i, column in enumerate(columns):
        usable: Sequence[int] = column
        if doubted:
            usable = [n for n, word in zip(column, qualities, strict=True) if word >> 2 * i & 3 != BAD]
        first = usable[0] if usable else None
        if first is None or (first == usable[-1] and usable.count(first) == len(usable)):
            yield first  # setpoints, modes, switches: half of a line's columns stand still, and counting is cheap
            yield first
        else:
            yield min(usable)
            yield max(usable)


def store(connection: apsw.Connection, table: str, part: Row) -> None:
    """Write a part, or widen it where it is there.  Part of a transaction of the caller's."""
    run_statement(connection, insert_sql(table, "run_part", len(part)), part)
    if not connection.changes():
        name = quoted(table)
        there = connection.execute(f"SELECT * FROM {name} WHERE run_part = ?", part[:1]).get
        row = _joined(there, part)
        run_statement(connection, f"REPLACE INTO {name} VALUES ({', '.join('?' * len(row))})", row)


def _joined(one: Sequence[Any], other: Sequence[Any]) -> Row:
    """Two rows of the same part: the lower lows and the higher highs."""
    found = [one[0]]
    for i in range(1, len(one)):
        ends = [end for end in (one[i], other[i]) if end is not None]
        found.append((min if i % 2 else max)(ends, default=None))
    return tuple(found)


def newest_part(connection: apsw.Connection, table: str, run: int) -> int:
    """The newest part of a run that is stored; -1 while there is none."""
    query = f"SELECT run_part FROM {quoted(table)} WHERE run_part BETWEEN ? AND ? ORDER BY run_part DESC LIMIT 1"
    found = connection.execute(query, (run << RUN_SHIFT, (run + 1 << RUN_SHIFT) - 1)).get
    return -1 if found is None else int(found) - (run << RUN_SHIFT)
