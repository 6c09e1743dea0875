"""Reads numbers back from a journal, in the unit people read.  Changes nothing in it and judges nothing.

Times from SQL are microseconds UTC; an interval holds its beginning and not its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from spinline.errors import UnknownName
from spinline.line.scan_clock import Placing
from spinline.record.opening import open_reader
from spinline.record.schema import quoted

Interval = tuple[int, int]
ALWAYS: Interval = (-(1 << 62), 1 << 62)


@dataclass(frozen=True)
class Column:
    """One recorded tag in one scan table, with the SQL of its parts.

    ``number`` is in the screen unit; ``good`` is 1 where the quality is good, ``usable`` where it is not bad, else 0.
    """

    tag: str
    scan_table: str
    scan_ms: int
    unit: str
    number: str
    quality: str
    good: str
    usable: str
    decimals: int
    quality_word: str

    @property
    def good_number(self) -> str:
        """The number where it is good, NULL elsewhere: aggregates leave it out."""
        return f"CASE WHEN {self.good} THEN {self.number} END"


@dataclass(frozen=True)
class Mean:
    """Mean, lowest and highest of the good numbers of one interval that begins at ``at_us``."""

    at_us: int
    mean: float
    low: float
    high: float


@contextmanager
def reading(journal: Path | apsw.Connection) -> Iterator[apsw.Connection]:
    """A connection to read with: the one given, or its own to a file.  Raises BadFile for no journal."""
    if isinstance(journal, apsw.Connection):
        yield journal
        return
    connection = open_reader(journal)
    try:
        yield connection
    finally:
        connection.close()


def fetch(connection: apsw.Connection, query: str, bindings: tuple[int | float | str, ...] = ()) -> list[Any]:
    """All rows of a query, as tuples."""
    return connection.execute(query, bindings).fetchall()


def columns_of(connection: apsw.Connection, *tags: str) -> list[tuple[Column, ...]]:
    """The columns of some tags of one node, a tuple for each configuration that recorded them all."""
    found = []
    for (configuration_i,) in fetch(connection, "SELECT configuration_i FROM configuration ORDER BY 1"):
        columns = [_column(connection, configuration_i, tag) for tag in tags]
        if None not in columns:
            found.append(tuple(column for column in columns if column is not None))
    return found


def series(
    journal: Path | apsw.Connection, tag: str, from_us: int = ALWAYS[0], to_us: int = ALWAYS[1]
) -> tuple[list[float], list[float], list[int]]:
    """Times in s (UTC, since 1970), numbers in the screen unit and qualities (0 good to 3 check) of a tag.

    In order of time, every scan with ``from_us <= at_us < to_us``.  Raises UnknownName, BadFile.
    """
    with reading(journal) as connection:
        rows = []
        columns = columns_of(connection, tag)
        if not columns:
            raise UnknownName(f"nothing in the journal is called {tag}")
        for (column,) in columns:
            query = f"SELECT at_us, {column.number}, {column.quality} FROM {quoted(column.scan_table)}"
            rows += fetch(connection, f"{query} WHERE at_us >= ? AND at_us < ?", (from_us, to_us))
        rows.sort()
    return [at_us / 1e6 for at_us, _, _ in rows], [float(row[1]) for row in rows], [row[2] for row in rows]


def means(connection: apsw.Connection, tag: str, within: Interval, every_us: int) -> list[Mean]:
    """Means of a tag over intervals of ``every_us`` from the beginning of ``within``, in order of time.

    An interval without a good number is left out.
    """
    found = []
    for (column,) in columns_of(connection, tag):
        number = column.good_number
        query = (
            f"SELECT (at_us - ?1) / ?3 AS part, avg({number}) AS mean, min({number}), max({number}) "
            f"FROM {quoted(column.scan_table)} WHERE at_us >= ?1 AND at_us < ?2 GROUP BY part HAVING mean NOTNULL"
        )
        for part, *numbers in fetch(connection, query, (*within, every_us)):
            found.append(Mean(within[0] + part * every_us, *numbers))
    return sorted(found, key=lambda mean: mean.at_us)


def ratio_means(
    connection: apsw.Connection, of: str, by: str, within: Interval, every_us: int, least_by: float = 0.0
) -> list[tuple[int, float]]:
    """Ratio of the means of two tags of one node over intervals of ``every_us``, as (begin in us, ratio).

    Only scans in which both are good count.  An interval needs half of its scans, and a mean of ``by`` above
    ``least_by`` (in its screen unit): otherwise it has no ratio.
    """
    found = []
    for above, below in columns_of(connection, of, by):
        both = f"{above.good} AND {below.good}"
        query = (
            f"SELECT (at_us - ?1) / ?3 AS part, sum(CASE WHEN {both} THEN {above.number} END) AS a, "
            f"sum(CASE WHEN {both} THEN {below.number} END) AS b, sum({both}) AS good_n "
            f"FROM {quoted(above.scan_table)} WHERE at_us >= ?1 AND at_us < ?2 "
            "GROUP BY part HAVING good_n >= ?4 AND b > ?5 * good_n"
        )
        least_n = max(1, every_us // (2000 * above.scan_ms))
        for part, a, b, _ in fetch(connection, query, (*within, every_us, least_n, least_by)):
            found.append((within[0] + part * every_us, a / b))
    return sorted(found)


@dataclass(frozen=True)
class Placed:
    """When a scan was, us UTC, and how far from the truth that can be; ``basis`` is sync or frame."""

    at_us: int
    bound_us: int
    basis: str


def placed(connection: apsw.Connection, run: int, scan: int) -> Placed | None:
    """The time of a scan of a run by the record's clock lines; None before the first of them."""
    rows = fetch(
        connection,
        "SELECT from_scan, clock.at_us, drift_ppb, bound_us, basis, scan_ms FROM clock JOIN run USING (run) "
        "JOIN configuration USING (configuration_i) WHERE run = ? AND from_scan <= ? ORDER BY from_scan DESC LIMIT 1",
        (run, scan),
    )
    if not rows:
        return None
    from_scan, at_us, drift_ppb, bound_us, basis, scan_ms = rows[0]
    line = Placing(from_scan, scan + 1, at_us, scan_ms * 1000, drift_ppb, bound_us, basis)
    return Placed(line.at(scan), bound_us, basis)


def extent(connection: apsw.Connection) -> Interval | None:
    """Time of the first scan of all nodes, and one microsecond after the last; None while there is none."""
    ends: list[int] = []
    for (table,) in fetch(connection, "SELECT scan_table FROM configuration"):
        row = fetch(connection, f"SELECT min(at_us), max(at_us) FROM {quoted(table)}")[0]
        ends += [at_us for at_us in row if at_us is not None]
    return (min(ends), max(ends) + 1) if ends else None


def _column(connection: apsw.Connection, configuration_i: int, tag: str) -> Column | None:
    rows = fetch(
        connection,
        "SELECT scan_table, scan_ms, unit, decimals, quality_word, quality_shift "
        'FROM "column" JOIN configuration USING (configuration_i) WHERE configuration_i = ? AND tag = ?',
        (configuration_i, tag),
    )
    if not rows:
        return None
    scan_table, scan_ms, unit, decimals, word, shift = rows[0]
    number = f"{quoted(tag)} / {10**decimals}.0" if decimals else quoted(tag)
    quality = f"({word} >> {shift} & 3)"
    return Column(
        tag, scan_table, scan_ms, unit, number, quality, f"({quality} = 0)", f"({quality} <> 2)", decimals, word
    )
