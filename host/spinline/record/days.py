"""The files of a journal's days: the scans of one UTC day each, with summaries and extremes; retired as whole files.

A day here is 86 400 s from midnight UTC, in summer and in winter: a plant's own day of 23 or 25 hours is an interval
(`local_day`) that touches two or three of them.  Which row lies in which file follows from the row's own time alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import apsw

from spinline.errors import BadFile, BadInput
from spinline.record.chain import head
from spinline.record.files import (
    SamePlace,
    close_file,
    connect,
    run_statement,
    set_durable,
    sha256_of,
    sync_folder,
    version_problem,
)
from spinline.record.resuming import scans_in
from spinline.record.schema import SCHEMA_VERSION, quoted

DAY_ID = 0x53504C44  # "SPLD"
DAY_US = 86_400_000_000
ATTACHED_MAX = 120  # SQLite attaches 125 files to a connection
PAGE_BYTES = 8192  # of 4096 a fifth stays empty with 200 tags; of 16384 each commit writes more than it has
# whose file this is; and the newest rows of the journal's chain that it has seen
DAY_TABLES = (
    "CREATE TABLE of (journal_id TEXT NOT NULL, day TEXT NOT NULL) STRICT",
    "CREATE TABLE anchor (n INTEGER PRIMARY KEY, sha256 TEXT NOT NULL) STRICT",
)
Interval = tuple[int, int]


def day_of(at_us: int) -> int:
    """Days since 1970-01-01 UTC."""
    return at_us // DAY_US


def day_name(day: int) -> str:
    """2026-11-23."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def local_day(text: str, zone: str) -> Interval:
    """A day of the plant, e.g. 2026-10-25 in Europe/Berlin, as us UTC from its midnight to the next one's.

    It has 23, 24 or 25 hours.  Raises BadInput for no date or a zone that nobody knows.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError as problem:
        raise BadInput([f"day: {text!r} is no date such as 2026-11-23"]) from problem
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise BadInput([f"zone: {zone!r} is no time zone of this PC, such as Europe/Berlin or UTC"]) from problem
    begin, end = (datetime.combine(of, time(), known).astimezone(UTC) for of in (day, day + timedelta(days=1)))
    return round(begin.timestamp()) * 1_000_000, round(end.timestamp()) * 1_000_000


@dataclass(frozen=True)
class DayFile:
    """One file that the journal's chain names; ``retired`` where it was taken away on purpose."""

    day: str
    file: str
    retired: bool

    @property
    def within(self) -> Interval:
        """Its day, us UTC."""
        begin_us = (date.fromisoformat(self.day) - date(1970, 1, 1)).days * DAY_US
        return begin_us, begin_us + DAY_US


def day_files(connection: apsw.Connection) -> list[DayFile]:
    """Every file there was, in the order in which they were made."""
    rows = connection.execute(
        "SELECT day, day_file.file, day_retired.file NOTNULL FROM day_file LEFT JOIN day_retired USING (file) "
        "ORDER BY day_file.n"
    )
    return [DayFile(str(day), str(file), bool(retired)) for day, file, retired in rows]


def journal_id(connection: apsw.Connection) -> str:
    """The name by which the day files of a journal know it."""
    return str(connection.execute("SELECT journal_id FROM journal").get)


def missing(journal: Path, file: str) -> BadFile:
    """The refusal of a journal whose day file is gone."""
    why = "is missing: somebody has removed it, `spinline retire` has not; put it back"
    return BadFile(journal.with_name(file), [why])


@dataclass
class Open:
    """A day's file that is written."""

    connection: apsw.Connection
    place: SamePlace
    tables: set[str] = field(default_factory=set)
    anchored: int = 0


class DayWriter:
    """The day files of a journal's one writer, each a connection of its own.  Raises apsw.Error and BadFile."""

    OPEN_MAX = 2  # today's and the one that late scans may still go to

    def __init__(self, journal: Path, records: apsw.Connection, vfs: str | None) -> None:
        self._journal = journal
        self._records = records
        self._vfs = vfs
        self._id = journal_id(records)
        self._files = {found.day: found.file for found in day_files(records) if not found.retired}
        self._retired_n = sum(found.retired for found in day_files(records))
        self._open: dict[int, Open] = {}

    def prepare(self, day: int) -> tuple[str, str] | None:
        """Before rows of a day wait: where it has no file, make one, on the disk, and return (day, file) for the chain.

        A file that is there without a row in the chain is one that a cut has left before it took any scan.
        """
        name = day_name(day)
        if name in self._files:
            return None
        again = f"-{self._retired_n}" if self._retired_n else ""  # a day whose file was retired may get another
        file = f"{self._journal.stem}-{name}{again}.sqlite"
        make_day(self._journal.with_name(file), self._id, name, self._vfs)
        self._files[name] = file
        return name, file

    def open(self, day: int) -> Open:
        """The file of a day, for the thread that writes."""
        if day not in self._open:
            path = self._journal.with_name(self._files[day_name(day)])
            if not path.is_file():
                raise missing(self._journal, path.name)
            connection = open_day(path, self._id, apsw.SQLITE_OPEN_READWRITE, self._vfs)
            set_durable(connection)
            self._open[day] = Open(connection, SamePlace(path), tables=set(_tables(connection)))
        return self._open[day]

    def create_tables(self, into: Open, names: tuple[str, ...]) -> None:
        """Tables of a configuration in a day's file, as their patterns in the records file are."""
        for name in names:
            if name not in into.tables:
                pattern = self._records.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).get
                run_statement(into.connection, str(pattern))
                into.tables.add(name)

    def sealed(self, day: DayFile) -> tuple[str, str, str]:
        """A file that is to go, its hash with all of its log in it, and its scans (JSON)."""
        path = self._journal.with_name(day.file)
        open_one = next((number for number in self._open if day_name(number) == day.day), None)
        if open_one is not None:
            self._open.pop(open_one).connection.close()
        if not path.is_file():
            raise missing(self._journal, day.file)
        connection = open_day(path, self._id, apsw.SQLITE_OPEN_READWRITE, self._vfs)
        run_statement(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
        runs = self._records.execute("SELECT run, scan_table FROM run JOIN configuration USING (configuration_i)")
        scans = scans_in(connection, [(int(str(run)), str(table)) for run, table in runs])
        connection.close()
        self._files.pop(day.day)
        self._retired_n += 1
        return day.file, sha256_of(path), scans

    def rest(self, written: set[int]) -> None:
        """Close what nobody writes at present."""
        for day in sorted(self._open.keys() - written)[: max(0, len(self._open) - self.OPEN_MAX)]:
            close_file(self._open.pop(day).connection)

    @property
    def connections(self) -> list[apsw.Connection]:
        """Of the files that are open."""
        return [found.connection for found in self._open.values()]

    def close(self) -> None:
        """Close all files."""
        for found in self._open.values():
            close_file(found.connection)
        self._open.clear()


def make_day(path: Path, of: str, day: str, vfs: str | None) -> None:
    """An empty file of a day, on the disk when this returns; one that is there already must be this."""
    connection = connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs)
    try:
        if not _tables(connection):
            connection.pragma("page_size", PAGE_BYTES)
            set_durable(connection)
            with connection:
                connection.pragma("application_id", DAY_ID)
                connection.pragma("user_version", SCHEMA_VERSION)
                for table in DAY_TABLES:
                    run_statement(connection, table)
                run_statement(connection, "INSERT INTO of VALUES (?, ?)", (of, day))
            sync_folder(path.parent)
        problem = _foreign(connection, "main", of)
    finally:
        connection.close()
    if problem:
        raise BadFile(path, [problem])


def open_day(path: Path, of: str, flags: int, vfs: str | None) -> apsw.Connection:
    """A day's file of the journal named ``of``.  Raises BadFile for any other, and apsw.Error."""
    connection = connect(path, flags, vfs)
    problem = _foreign(connection, "main", of)
    if problem:
        connection.close()
        raise BadFile(path, [problem])
    return connection


def attach_days(connection: apsw.Connection, journal: Path) -> None:
    """Let a reader see the tables of all days under their names, as if they were one.  Raises BadFile, apsw.Error."""
    found = [file for file in day_files(connection) if not file.retired]
    if len(found) > ATTACHED_MAX:
        raise BadFile(journal, [f"has {len(found)} day files, {ATTACHED_MAX} can be read at once: retire some"])
    connection.pragma("temp_store", "memory")
    parts: dict[str, list[str]] = {}
    of = journal_id(connection)
    for i, day in enumerate(found):
        path, schema = journal.with_name(day.file), f"day{i}"
        if not path.is_file():
            raise missing(journal, day.file)
        try:
            run_statement(connection, f"ATTACH ? AS {schema}", (str(path),))
            problem = _foreign(connection, schema, of)
            tables = [] if problem else _tables(connection, schema)
        except apsw.Error as refusal:
            problem = f"cannot be read as a day of a journal and was left as it is: {refusal}"
        if problem:
            raise BadFile(path, [problem])
        for table in tables:
            parts.setdefault(table, []).append(f"SELECT * FROM {schema}.{quoted(table)}")
    for table in ("of", "anchor"):
        parts.pop(table, None)
    for table, selects in parts.items():
        run_statement(connection, f"CREATE TEMP VIEW {quoted(table)} AS {' UNION ALL '.join(selects)}")


def narrow(connection: apsw.Connection, table: str, columns: Sequence[str]) -> str:
    """SQL of a table of all days with a few of its columns, quoted: the view of all of them reads each of 400."""
    found = [schema for schema in _attached(connection) if table in _tables(connection, schema)]
    listed = ", ".join(columns)
    selects = [f"SELECT {listed} FROM {schema}.{quoted(table)}" for schema in found or ["main"]]
    return f"({' UNION ALL '.join(selects)})"


def _attached(connection: apsw.Connection) -> list[str]:
    rows = connection.execute("PRAGMA database_list").fetchall()
    return [str(name) for _i, name, _file in rows if str(name).startswith("day")]


def anchors(connection: apsw.Connection) -> list[tuple[int, str]]:
    """What the attached day files have seen of the chain."""
    return [
        (int(n), str(sha))
        for name in _attached(connection)
        for n, sha in connection.execute(f"SELECT * FROM {name}.anchor")
    ]


def check_anchors(connection: apsw.Connection, journal: Path) -> None:
    """Refuse a journal whose records are behind what a day file has seen of them.  Raises BadFile, apsw.Error."""
    known = {file.file for file in day_files(connection)}
    for path in sorted(journal.parent.glob(f"{journal.stem}-????-??-??*.sqlite")):
        if path.name not in known and _has_scans(path, journal_id(connection)) and not _is_named(connection, path.name):
            raise BadFile(journal, [f"has lost records: none names {path.name}, which is its own and has scans"])
    newest = max((seen for seen, _ in anchors(connection)), default=0)
    n, _sha256 = head(connection)  # read last: a writer that is at work puts it on the disk first
    if newest > n:
        raise BadFile(journal, [f"has lost records {n + 1} to {newest}: its log was damaged or removed"])


def _tables(connection: apsw.Connection, schema: str = "main") -> list[str]:
    rows = connection.execute(f"SELECT name FROM {schema}.sqlite_schema WHERE type = 'table'")
    return [str(name) for (name,) in rows]


def _is_named(connection: apsw.Connection, file: str) -> bool:
    """Whether the chain names it by now: a writer may be at work."""
    return bool(connection.execute("SELECT count(*) FROM day_file WHERE file = ?", (file,)).get)


def _has_scans(path: Path, of: str) -> bool:
    """Whether this is a day of the journal named ``of`` that took scans; any other file is none of our business."""
    try:
        connection = connect(path, apsw.SQLITE_OPEN_READONLY, None)
        found = _foreign(connection, "main", of) is None and len(_tables(connection)) > len(DAY_TABLES)
        connection.close()
    except apsw.Error:
        return False
    return found


def _foreign(connection: apsw.Connection, schema: str, of: str) -> str | None:
    """Why this is no day file of the journal named ``of``, or None."""
    if connection.pragma("application_id", schema=schema) != DAY_ID:
        return "is no day file of this program and was left as it is"
    problem = version_problem(connection, schema)
    if problem is None and connection.execute(f"SELECT journal_id FROM {schema}.of").get != of:
        problem = "belongs to another journal and was left as it is"
    return problem


def unlink_day(path: Path) -> None:
    """Take a day's file away, with what SQLite keeps beside it."""
    for beside in ("-wal", "-shm", ""):
        Path(f"{path}{beside}").unlink(missing_ok=True)
    sync_folder(path.parent)
