"""What a journal's files say of a run: where its scans go, and which scans and events they hold.  Only reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import apsw

from spinline.record import extremes, schema
from spinline.record.number_set import NumberSet

QUALITY_BITS = 2 * schema.COLUMNS_PER_QUALITY_WORD
QUALITY_MASK = (1 << QUALITY_BITS) - 1
LOOKED_AT = 4096  # keys so near that each is looked at


@dataclass(frozen=True)
class Stream:
    """Where the scans, summaries and extremes of a run go."""

    insert: str
    scan_table: str
    tables: tuple[str, ...]
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


def stream_of(records: apsw.Connection, days: apsw.Connection | None, run: int) -> Stream:
    """Of a run that is in the records; ``days`` reads all days of the journal, None where the run is new."""
    configuration_i, scan_table, summary_table, extreme_table, scan_ms = records.execute(
        "SELECT configuration_i, scan_table, summary_table, extreme_table, scan_ms "
        "FROM run JOIN configuration USING (configuration_i) WHERE run = ?",
        (run,),
    ).get
    rows = records.execute(
        'SELECT tag FROM "column" WHERE configuration_i = ? ORDER BY column_i', (configuration_i,)
    ).fetchall()
    tags = [str(tag) for (tag,) in rows]
    words_n = len(schema.quality_words(len(tags)))
    return Stream(
        schema.insert_sql(scan_table, "run_scan", 4 + words_n + len(tags)),
        scan_table,
        (scan_table, summary_table, extreme_table),
        len(tags),
        scan_ms * 1000,
        words_n,
        *_summary_insert(records, summary_table),
        extreme_table,
        extremes.Pending(run)
        if days is None
        else extremes.Pending(run, extremes.newest_part(days, extreme_table, run)),
    )


def stored_scans(days: apsw.Connection, run: int, scan_table: str) -> list[tuple[int, int]]:
    """Scans that lie in a file of a day, as intervals without holes, in order."""
    key = run << schema.RUN_SHIFT
    found = _islands_of_keys(days, schema.quoted(scan_table), key, key | schema.SCAN_MASK)
    return [(low & schema.SCAN_MASK, high & schema.SCAN_MASK) for low, high in found]


def _islands_of_keys(days: apsw.Connection, table: str, low: int, high: int) -> list[tuple[int, int]]:
    """Keys without holes.  To count is ten times as fast as to look at each: halves, until one has no hole."""
    within = f"FROM {table} WHERE run_scan BETWEEN ? AND ?"
    ((keys_n, first, last),) = days.execute(f"SELECT count(*), min(run_scan), max(run_scan) {within}", (low, high))
    if not keys_n:
        return []
    if keys_n == last - first + 1:
        return [(first, last)]
    if last - first < LOOKED_AT:
        return _islands(days, f"SELECT run_scan AS i {within}", (first, last))
    middle = (first + last) // 2
    found = _islands_of_keys(days, table, first, middle)
    for island in _islands_of_keys(days, table, middle + 1, last):
        if found and found[-1][1] + 1 == island[0]:
            found[-1] = (found[-1][0], island[1])
        else:
            found.append(island)
    return found


def scans_in(day: apsw.Connection, runs: Sequence[tuple[int, str]]) -> str:
    """The scans of a day's file as JSON, run -> intervals; ``runs`` are (run, scan table)."""
    tables = {str(name) for (name,) in day.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    stored = {run: stored_scans(day, run, table) for run, table in runs if table in tables}
    return json.dumps({run: islands for run, islands in stored.items() if islands})


def retired_scans(connection: apsw.Connection, run: int) -> list[tuple[int, int]]:
    """Scans that were stored, in files that were retired since; as intervals in order."""
    rows = connection.execute("SELECT scans FROM day_retired ORDER BY n")
    found = [tuple(island) for (scans,) in rows for island in json.loads(str(scans)).get(str(run), ())]
    return sorted((int(low), int(high)) for low, high in found)


def held_scans(days: apsw.Connection, run: int, scan_table: str, first: int) -> tuple[NumberSet, NumberSet]:
    """Scans that are stored, or were; and these with all that are declared lost."""
    stored, known = NumberSet(first), NumberSet(first)
    for low, high in sorted(stored_scans(days, run, scan_table) + retired_scans(days, run)):
        stored.add(low, high)
        known.add(low, high)
    for low, high in _intervals(days, "SELECT from_scan, to_scan FROM gap WHERE run = ?", (run,)):
        known.add(low, high)
    return stored, known


def held_events(connection: apsw.Connection, run: int, first: int) -> NumberSet:
    """Events that are stored or declared lost."""
    found = NumberSet(first)
    for low, high in _islands(connection, "SELECT event_i AS i FROM event WHERE run = ?", (run,)):
        found.add(low, high)
    for low, high in _intervals(connection, "SELECT from_event, to_event FROM event_gap WHERE run = ?", (run,)):
        found.add(low, high)
    return found


def newest_scans(days: apsw.Connection, run: int, of: Stream) -> tuple[list[int], list[tuple[int, ...]]]:
    """Times and scans since the newest part of the extremes began: a cut has taken it out of the memory."""
    since_us = extremes.newest_part(days, of.extreme_table, run) * extremes.PART_US
    found = scans_of(days, run, of, 0, schema.SCAN_MASK, since_us)
    return [row[1] for row in found], [row[2:] for row in found]


def scans_of(
    days: apsw.Connection, run: int, of: Stream, first: int, last: int, since_us: int = -(1 << 62)
) -> list[tuple[int, ...]]:
    """Scans in order: scan, us UTC, then as `RecordDecoder.decode` gives them."""
    key = run << schema.RUN_SHIFT
    rows: list[Any] = days.execute(
        f"SELECT * FROM {schema.quoted(of.scan_table)} WHERE run_scan BETWEEN ? AND ? AND at_us >= ? ORDER BY run_scan",
        (key | first, key | last, since_us),
    ).fetchall()
    found = []
    for _key, _run, scan, at_us, state, flags, *rest in rows:
        quality = sum(word << QUALITY_BITS * i for i, word in enumerate(rest[: of.words_n]))
        found.append((scan, at_us, state, flags, quality, *rest[of.words_n :]))
    return found


def _summary_insert(connection: apsw.Connection, table: str) -> tuple[str, int]:
    """INSERT of a summary table as it stands in the file, and how many quality words it has."""
    names = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({schema.quoted(table)})")]
    words_n = sum(name.startswith("quality") for name in names)
    return schema.insert_sql(table, "run_summary", len(names)), words_n


def _islands(connection: apsw.Connection, numbers: str, bindings: tuple[int, ...]) -> list[tuple[int, int]]:
    """Numbers of a query as intervals without holes, in order."""
    islands = f"SELECT i, i - row_number() OVER (ORDER BY i) AS island FROM ({numbers})"
    return _intervals(connection, f"SELECT min(i), max(i) FROM ({islands}) GROUP BY island ORDER BY 1", bindings)


def _intervals(connection: apsw.Connection, query: str, bindings: tuple[int, ...]) -> list[tuple[int, int]]:
    return cast("list[tuple[int, int]]", connection.execute(query, bindings).fetchall())
