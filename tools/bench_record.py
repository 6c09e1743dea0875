"""The journal: how fast it is durable, what it loses in a cut, how small it is, how fast a day is drawn."""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import apsw

from hil_tests.bench.journal_cuts import AT_US, killed_after, losses, scans_there
from spinline.recipe.compiler import NodeConfiguration, Recorded
from spinline.record.envelope import envelopes
from spinline.record.journal import Journal
from spinline.record.opening import open_reader
from spinline.record.schema import quoted
from spinline.record.series import fetch
from tools.bench_hil import WARM_UP_S, a_line
from tools.bench_row import Row, count_of

TAGS_N, ROWS_N, SAMPLED_S = 200, 400, 240.0
SCAN_MS, SCANS_A_COMMIT = 100, 10  # ten scans a second, one commit a second
KILLS_N, KILLS_A_JOURNAL = 1000, 50  # a long journal takes longer to open
SHARE_MIN, BYTES_MAX = 0.6, 3.5
DAY_S, POINTS_N = 86400, 2000
ONE_TAG_MS, EIGHT_TAGS_MS = 10.0, 50.0
Scan = tuple[int, ...]


def _line_scans() -> tuple[tuple[Recorded, ...], list[Scan]]:
    """Columns and numbers of R1's three nodes side by side, twice: 200 tags as a simulated production gave them."""
    with a_line() as run:
        run.run_for(WARM_UP_S + SAMPLED_S)
        path, nodes = run.journal_path, run.configurations
        run.record.commit()
        connection = open_reader(path)
        rows = []
        for node in nodes:
            names = ", ".join(quoted(column.tag) for column in node.columns)
            ((table,),) = fetch(
                connection,
                "SELECT scan_table FROM configuration JOIN node USING (node_i) WHERE name = ?",
                (node.name,),
            )
            rows.append(fetch(connection, f"SELECT {names} FROM {quoted(table)} ORDER BY run_scan DESC LIMIT {ROWS_N}"))
        connection.close()
    columns = [
        replace(column, tag=f"{side}.{column.tag}") for side in "ab" for node in nodes for column in node.columns
    ]
    scans = [(2, 2, 0, *(n for _side in "ab" for of_node in rows for n in of_node[i])) for i in range(ROWS_N)]
    return tuple(columns)[:TAGS_N], [scan[: 3 + TAGS_N] for scan in scans]


LINE_SCANS = cache(_line_scans)


def _scans(first: int, scans_n: int) -> list[Scan]:
    rows = LINE_SCANS()[1]
    return [rows[(first + i) % ROWS_N] for i in range(scans_n)]


def _journal(path: Path, scan_ms: int) -> tuple[Journal, int]:
    journal = Journal.create(path)
    configuration = NodeConfiguration("node", (), bytes(32), LINE_SCANS()[0], scan_ms)
    run = journal.add_node("node", configuration, "aa" * 32, "1.25.0", 32)
    journal.add_clock(run, 0, AT_US, 0, 0, "sync")
    return journal, run


def durable() -> Sequence[Row]:
    """Samples a second through the journal and a bare `executemany`, in turns on the same disk; the best of both."""
    turns_n, commits_n = count_of(15, 45), 60
    of_journal, of_bare = [], []
    parts = [_scans(SCANS_A_COMMIT * i, SCANS_A_COMMIT) for i in range(commits_n)]
    for _ in range(turns_n):
        with tempfile.TemporaryDirectory() as name:
            of_bare.append(_bare(Path(name, "bare.sqlite"), parts))
            journal, run = _journal(Path(name, "journal.sqlite"), SCAN_MS)
            journal.add_scans(run, 0, parts[0])  # makes the file of the day, once a day
            journal.commit()
            began_s = time.perf_counter()
            for i, part in enumerate(parts, 1):
                journal.add_scans(run, SCANS_A_COMMIT * i, part)
                journal.commit()
            of_journal.append(_rate(parts, time.perf_counter() - began_s))
            journal.close()
    mine, bare = max(of_journal), max(of_bare)
    return [
        Row("record.durable_samples_per_s", mine, "1/s", "higher", turns_n, "bare apsw", bare),
        Row("record.durable_samples_per_s.of_bare", mine / bare, "", "higher", turns_n, None, None, SHARE_MIN),
    ]


def _rate(parts: Sequence[Sequence[Scan]], seconds: float) -> float:
    return sum(len(part) for part in parts) * TAGS_N / seconds


def _bare(path: Path, parts: Sequence[Sequence[Scan]]) -> float:
    """The same rows into one table by nothing but SQLite, WAL and FULL, one commit a part."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    tags = [f"t{i}" for i in range(TAGS_N)]
    words = [f"quality_{i}" for i in range(1, 8)]
    columns = ", ".join(f"{name} INTEGER NOT NULL" for name in ("at_us", "state", "flags", *words, *tags))
    connection.execute(f"CREATE TABLE scans (run_scan INTEGER PRIMARY KEY, {columns}) STRICT")
    insert = f"INSERT INTO scans VALUES ({', '.join('?' * (4 + len(words) + TAGS_N))})"
    rows = [
        [(SCANS_A_COMMIT * i + k, AT_US, *row[:2], *(0,) * len(words), *row[3:]) for k, row in enumerate(part)]
        for i, part in enumerate(parts)
    ]
    began_s = time.perf_counter()
    for part in rows:
        with connection:
            connection.executemany(insert, part)
    rate = _rate(parts, time.perf_counter() - began_s)
    connection.close()
    return rate


def cuts() -> Sequence[Row]:
    """Acknowledged scans that a power cut or a kill took."""
    cuts_n = count_of(300, 1002)
    lost = {}
    for synchronous, survive in (("full", 0.0), ("full", 0.5), ("full", 1.0), ("normal", 0.0)):
        with tempfile.TemporaryDirectory() as name:
            lost[synchronous, survive] = losses(Path(name), synchronous, survive, cuts_n // 3)
    of_full = sum(number for (synchronous, _share), number in lost.items() if synchronous == "full")
    killed = 0
    source = random.Random(2)
    with tempfile.TemporaryDirectory() as name:
        for i in range(KILLS_N):
            path = Path(name, f"journal{i // KILLS_A_JOURNAL}.sqlite")
            killed += max(0, killed_after(path, source.randint(1, 30)) - scans_there(path))
    normal = ("synchronous=NORMAL, cuts", float(lost["normal", 0.0]))
    return [
        Row("record.rows_lost_power_cut", of_full, "cuts", "lower", cuts_n // 3 * 3, *normal, 0),
        Row("record.rows_lost_kill", killed, "scans", "lower", KILLS_N, None, None, 0),
    ]


def size() -> Sequence[Row]:
    """Bytes a sample of an hour at ten scans a second, with all that the journal keeps beside it."""
    scans_n = 36000  # fewer, and the pages of a new file count
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "journal.sqlite")
        journal, run = _journal(path, SCAN_MS)
        for first in range(0, scans_n, 100):
            journal.add_scans(run, first, _scans(first, 100))
            journal.commit()
        journal.close()
        size_bytes = sum(file.stat().st_size for file in Path(name).glob("journal*.sqlite"))
    return [Row("record.bytes_per_sample", size_bytes / scans_n / TAGS_N, "bytes", "lower", scans_n, "long rows", 28.6,
                BYTES_MAX)]  # fmt: skip


def day() -> Sequence[Row]:
    """A day in 2000 points, from the parts of 30 s, which a scan every 10 s fills as ten a second do."""
    scan_ms = 10_000
    turns_n = count_of(7, 21)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "journal.sqlite")
        journal, run = _journal(path, scan_ms)
        for first in range(0, DAY_S * 1000 // scan_ms, 120):
            journal.add_scans(run, first, _scans(first, 120))
            journal.commit()
        journal.close()
        connection = open_reader(path)
        within = (AT_US, AT_US + DAY_S * 1_000_000)
        rows = []
        for of, tags_n, target in (("one_tag", 1, ONE_TAG_MS), ("eight_tags", 8, EIGHT_TAGS_MS)):
            tags = [column.tag for column in LINE_SCANS()[0][:tags_n]]
            took_ms = [_took_ms(partial(envelopes, connection, tags, within, POINTS_N)) for _ in range(turns_n)]
            rows.append(Row(f"record.trend_24h_ms.{of}", min(took_ms), "ms", "lower", turns_n, None, None, target))
        connection.close()
    return rows


def _took_ms(ask: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - began_s)


RECORD: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (
    ("record", durable),
    ("record", cuts),
    ("record", size),
    ("record", day),
)
