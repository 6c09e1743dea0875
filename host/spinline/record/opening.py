"""Opens journal files: new, to go on writing, to read.  Never replaces or repairs what it cannot read."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import apsw

from spinline.errors import BadFile
from spinline.record.chain import tables_sql
from spinline.record.days import DAY_ID, PAGE_BYTES, attach_days, check_anchors, day_files
from spinline.record.files import close_file, connect, run_statement, set_durable, sync_folder, version_problem
from spinline.record.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES

PID_BYTES_MAX = 20


class WriterLock:
    """Only one program writes a journal.  The lock is on a file beside it and ends with its process."""

    def __init__(self, journal: Path) -> None:
        """Raises BadFile where another program is writing this journal, or the folder cannot be written."""
        try:
            self._file = os.open(f"{journal}-writer", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except OSError as problem:
            raise BadFile(journal, [f"cannot be locked for writing: {problem.strerror}"]) from problem
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            who = _who_writes(self._file)
            os.close(self._file)
            raise BadFile(journal, [f"another program is writing this journal{who}"]) from problem
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let another program write."""
        os.close(self._file)


def _who_writes(lock: int) -> str:
    """The program that has a lock and its number, as it left them there; nothing where it did not."""
    number = os.pread(lock, PID_BYTES_MAX, 0).decode("ascii", "replace")
    try:
        return f": {Path('/proc', number, 'comm').read_text().strip()} (process {number})" if number.isdigit() else ""
    except OSError:
        return f": process {number}"


def create_file(path: Path, vfs: str | None) -> apsw.Connection:
    """A new journal, on the disk when this returns.  Raises BadFile where anything stands at the path."""
    if path.exists():
        raise BadFile(path, [_why_not_created(path)])
    left = sorted(path.parent.glob(f"{path.stem}-????-??-??*.sqlite"))
    if left:
        raise BadFile(
            left[0], [f"is a day of a journal whose {path.name} is gone: put that back, or take another folder"]
        )
    try:
        connection = connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs)
        connection.pragma("page_size", PAGE_BYTES)
        set_durable(connection)
        with connection:
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA_VERSION)
            for table in (*TABLES, *tables_sql()):
                run_statement(connection, table)
            run_statement(connection, "INSERT INTO journal VALUES (lower(hex(randomblob(8))))")
        sync_folder(path.parent)
    except apsw.Error as problem:
        raise BadFile(path, [f"cannot be created: {problem}"]) from problem
    return connection


def open_to_write(path: Path, vfs: str | None) -> apsw.Connection:
    """The records of an existing journal, checked whole, as the newest day is.

    Raises BadFile: missing, no journal, damaged, another schema, a day file missing, records behind its day files.
    """
    connection = _open_checked(path, apsw.SQLITE_OPEN_READWRITE, vfs)
    try:
        found = connection.execute("PRAGMA quick_check(1)").get
        if found != "ok":
            raise BadFile(path, [f"is damaged and was left as it is: {found}"])
        close_file(with_days(path, vfs, newest_checked=True))
        set_durable(connection)
    except (apsw.Error, BadFile) as refusal:
        connection.close()
        if isinstance(refusal, BadFile):
            raise
        raise _unreadable(path, refusal) from refusal
    return connection


def open_reader(path: Path) -> apsw.Connection:
    """An existing journal to read with all of its days, also while it is written.  Raises BadFile as `open_to_write`.

    What the writer begins later, another day or configuration, needs a new reader.
    """
    return with_days(path, None)


def with_days(path: Path, vfs: str | None, newest_checked: bool = False) -> apsw.Connection:
    """A reader of records and days; ``newest_checked`` has the structure of the newest day file checked, too."""
    connection = _open_checked(path, apsw.SQLITE_OPEN_READONLY, vfs)
    try:
        attach_days(connection, path)
        check_anchors(connection, path)
        files = [file for file in day_files(connection) if not file.retired]
        if newest_checked and files:
            _check_day(connection, len(files) - 1, path.with_name(files[-1].file))
    except apsw.Error as refusal:
        connection.close()
        raise _unreadable(path, refusal) from refusal
    except BadFile:
        connection.close()
        raise
    return connection


def _check_day(connection: apsw.Connection, i: int, path: Path) -> None:
    found = connection.execute(f"PRAGMA day{i}.quick_check(1)").get
    if found != "ok":
        raise BadFile(path, [f"is damaged and was left as it is: {found}"])


def _open_checked(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    if not path.is_file():
        raise BadFile(path, ["there is no journal here"])
    try:
        connection = connect(path, flags, vfs)
        problem = _foreign(connection)
    except apsw.Error as refusal:
        raise _unreadable(path, refusal) from refusal
    if problem is not None:
        connection.close()
        raise BadFile(path, [problem])
    return connection


def _unreadable(path: Path, refusal: apsw.Error) -> BadFile:
    return BadFile(path, [f"cannot be read as a journal and was left as it is: {refusal}"])


def _foreign(connection: apsw.Connection) -> str | None:
    """Why this file is no journal of ours, or None.  Reads only."""
    kind = connection.pragma("application_id")
    if kind == DAY_ID:
        return "holds the scans of a day: name the journal itself, the file without a date behind its name"
    if kind != APPLICATION_ID:
        return "is no journal of this program and was left as it is"
    return version_problem(connection)


def _why_not_created(path: Path) -> str:
    try:
        _open_checked(path, apsw.SQLITE_OPEN_READONLY, None).close()
    except BadFile as refusal:
        return refusal.problems[0].removeprefix(f"{path}: ")
    return "is a journal already: open it, or choose another folder"
