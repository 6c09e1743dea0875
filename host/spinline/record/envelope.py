"""A trend at any zoom: lowest and highest of each point, so that the one scan that ruined the fiber is always seen.

Long views are drawn from the parts of 30 s and the scans behind the newest of them, short ones from the scans.  Reads
only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import apsw

from spinline.record.days import narrow
from spinline.record.extremes import HIGH, LOW, PART_US, newest_part
from spinline.record.schema import RUN_SHIFT, quoted
from spinline.record.series import Column, Interval, columns_of, fetch


class Extreme(NamedTuple):
    """Lowest and highest of the usable numbers, in the screen unit, of the point that begins at ``at_us``."""

    at_us: int
    low: float
    high: float


def envelopes(
    connection: apsw.Connection, tags: Sequence[str], within: Interval, points_n: int
) -> dict[str, list[Extreme]]:
    """At most ``points_n`` points of each tag, in order; a point without a usable number is left out (a gap).

    A point of a long view may hold up to 30 s of its neighbour's: nothing is hidden.
    """
    assert points_n > 0 and within[1] > within[0]
    point_us = max(1, -(-(within[1] - within[0]) // points_n))
    found: dict[str, dict[int, tuple[float, float]]] = {tag: {} for tag in tags}
    for columns in _by_table(connection, tags).values():
        if point_us < PART_US:
            rows: Iterable[Any] = _of_scans(connection, columns, within, point_us, within[0], "")
        else:
            rows = _of_parts(connection, columns, within, point_us)
        rows = list(rows)
        for i, column in enumerate(columns):
            _take(found[column.tag], rows, 1 + 2 * i, 10**column.decimals)
    return {
        tag: [Extreme(within[0] + point * point_us, low, high) for point, (low, high) in sorted(points.items())]
        for tag, points in found.items()
    }


def _take(points: dict[int, tuple[float, float]], rows: Sequence[Any], at: int, scale: int) -> None:
    """The column whose lowest stands at ``at`` of each row, in the screen unit, joined with what is there."""
    for row in rows:
        low, high = row[at], row[at + 1]
        if low is None:
            continue
        there = points.get(row[0])
        low, high = low / scale, high / scale
        points[row[0]] = (low, high) if there is None else (min(low, there[0]), max(high, there[1]))


def _by_table(connection: apsw.Connection, tags: Sequence[str]) -> dict[str, list[Column]]:
    """Columns by the scan table they stand in: a table is read once, however many of its tags are asked for."""
    tables: dict[str, list[Column]] = {}
    for tag in tags:
        for (column,) in columns_of(connection, tag):
            tables.setdefault(column.scan_table, []).append(column)
    return tables


def _of_scans(
    connection: apsw.Connection, columns: Sequence[Column], within: Interval, point_us: int, since_us: int, of_run: str
) -> list[Any]:
    """Point, then lowest and highest of each column in the wire unit, of the scans from ``since_us`` on."""
    usable = [f"CASE WHEN {column.usable} THEN {quoted(column.tag)} END" for column in columns]
    ends = ", ".join(f"min({number}), max({number})" for number in usable)
    words = sorted({column.quality_word for column in columns})
    needed = ["run_scan", "at_us", *words, *(quoted(column.tag) for column in columns)]
    source = narrow(connection, columns[0].scan_table, needed)
    query = (
        f"SELECT max(at_us - ?1, 0) / ?3 AS point, {ends} FROM {source} "
        f"WHERE at_us >= ?4 AND at_us < ?2 {of_run} GROUP BY point"
    )
    return fetch(connection, query, (*within, point_us, max(since_us, within[0])))


def _of_parts(connection: apsw.Connection, columns: Sequence[Column], within: Interval, point_us: int) -> Iterable[Any]:
    """Likewise, of the parts; behind the newest part of a run from its scans."""
    scan_table = columns[0].scan_table
    ((table,),) = fetch(connection, "SELECT extreme_table FROM configuration WHERE scan_table = ?", (scan_table,))
    runs = fetch(
        connection,
        "SELECT run FROM run JOIN configuration USING (configuration_i) WHERE scan_table = ?",
        (scan_table,),
    )
    names = [quoted(f"{column.tag} {end}") for column in columns for end in (LOW, HIGH)]
    source = narrow(connection, table, ["run_part", *names])
    ends = ", ".join(f"{'max' if i % 2 else 'min'}({name})" for i, name in enumerate(names))
    query = (
        f"SELECT max((run_part - ?1) * {PART_US} - ?2, 0) / ?3 AS point, {ends} FROM {source} "
        f"WHERE run_part >= ?1 + ?2 / {PART_US} AND run_part <= ?1 + ?4 / {PART_US} GROUP BY point"
    )
    for (run,) in runs:
        yield from fetch(connection, query, (run << RUN_SHIFT, within[0], point_us, within[1] - 1))
        since_us = (newest_part(connection, table, run) + 1) * PART_US
        of_run = f"AND run_scan BETWEEN {run << RUN_SHIFT} AND {(run + 1 << RUN_SHIFT) - 1}"
        if since_us < within[1]:
            yield from _of_scans(connection, columns, within, point_us, since_us, of_run)
