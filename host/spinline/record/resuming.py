"""What a journal's file says of a run: where its scans go, and which scans and events it holds.

It only reads, but for the newest part of the extremes, which a cut may have taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import apsw

from spinline.record import extremes, schema
from spinline.record.number_set import NumberSet

QUALITY_BITS = 2 * schema.COLUMNS_PER_QUALITY_WORD
QUALITY_MASK = (1 << QUALITY_BITS) - 1


@dataclass(frozen=True)
class Stream:
    """Where the scans, summaries and extremes of a run go."""

    insert: str
    scan_table: str
    columns_n: int
    scan_us: int
    words_n: int
    summary_insert: str
    summary_words_n: int
    extreme_table: str
    pending: extremes.Pending


def quality_numbers(word: int, words_n: int) -> tuple[int, ...]:
    """The quality of all columns as words of 62 bits, first columns first."""
    return tuple([word >> (QUALITY_BITS * i) & QUALITY_MASK for i in range(words_n)]) if word else (0,) * words_n


def stream_of(connection: apsw.Connection, run: int) -> Stream:
    """Of a run that is in the file."""
    configuration_i, scan_table, summary_table, extreme_table, scan_ms = connection.execute(
        "SELECT configuration_i, scan_table, summary_table, extreme_table, scan_ms "
        "FROM run JOIN configuration USING (configuration_i) WHERE run = ?",
        (run,),
    ).get
    rows = connection.execute(
        'SELECT tag FROM "column" WHERE configuration_i = ? ORDER BY column_i', (configuration_i,)
    ).fetchall()
    tags = [str(tag) for (tag,) in rows]
    words_n = len(schema.quality_words(len(tags)))
    return Stream(
        schema.scan_insert_sql(scan_table, tags),
        scan_table,
        len(tags),
        scan_ms * 1000,
        words_n,
        *_summary_insert(connection, summary_table),
        extreme_table,
        _pending(connection, run, scan_table, extreme_table, words_n),
    )


def held_scans(connection: apsw.Connection, run: int, scan_table: str, first: int) -> NumberSet:
    """Scans that are stored or declared lost."""
    found = NumberSet(first)
    for low, high in _islands(connection, f"SELECT scan AS i FROM {schema.quoted(scan_table)} WHERE run = ?", run):
        found.add(low, high)
    for low, high in _intervals(connection, "SELECT from_scan, to_scan FROM gap WHERE run = ?", run):
        found.add(low, high)
    return found


def held_events(connection: apsw.Connection, run: int, first: int) -> NumberSet:
    """Events that are stored or declared lost."""
    found = NumberSet(first)
    for low, high in _islands(connection, "SELECT event_i AS i FROM event WHERE run = ?", run):
        found.add(low, high)
    for low, high in _intervals(connection, "SELECT from_event, to_event FROM event_gap WHERE run = ?", run):
        found.add(low, high)
    return found


def _pending(
    connection: apsw.Connection, run: int, scan_table: str, extreme_table: str, words_n: int
) -> extremes.Pending:
    """The newest part of a run, with all scans of it that are in the file."""
    newest = extremes.newest_part(connection, extreme_table, run)
    pending = extremes.Pending(run, newest)
    rows: list[Any] = connection.execute(
        f"SELECT * FROM {schema.quoted(scan_table)} WHERE run_scan BETWEEN ? AND ? AND at_us >= ? ORDER BY run_scan",
        (run << schema.RUN_SHIFT, (run + 1 << schema.RUN_SHIFT) - 1, newest * extremes.PART_US),
    ).fetchall()
    times_us, scans = [], []
    for _key, _run, _scan, at_us, state, flags, *rest in rows:
        quality = sum(word << QUALITY_BITS * i for i, word in enumerate(rest[:words_n]))
        times_us.append(at_us)
        scans.append((state, flags, quality, *rest[words_n:]))
    with connection:
        extremes.store(connection, extreme_table, pending.add(times_us, scans))
    return pending


def _summary_insert(connection: apsw.Connection, table: str) -> tuple[str, int]:
    """INSERT of a summary table as it stands in the file, and how many quality words it has."""
    names = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({schema.quoted(table)})")]
    words_n = sum(name.startswith("quality") for name in names)
    return schema.summary_insert_sql(table, names), words_n


def _islands(connection: apsw.Connection, numbers: str, run: int) -> list[tuple[int, int]]:
    """Numbers of a query as intervals without holes, in order."""
    islands = f"SELECT i, i - row_number() OVER (ORDER BY i) AS island FROM ({numbers})"
    return _intervals(connection, f"SELECT min(i), max(i) FROM ({islands}) GROUP BY island ORDER BY 1", run)


def _intervals(connection: apsw.Connection, query: str, run: int) -> list[tuple[int, int]]:
    return cast("list[tuple[int, int]]", connection.execute(query, (run,)).fetchall())
