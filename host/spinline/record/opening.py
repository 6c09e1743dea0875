"""Opens journal files: new, to go on writing, to read.  Never replaces or repairs what it cannot read."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import apsw

from spinline.errors import BadFile
from spinline.record.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES

BUSY_MS = 1000  # a reader that opens or closes may hold the file for a moment
PID_BYTES_MAX = 20
PAGE_BYTES = 16384  # several wide rows a page: with 4096 a fifth of a page of 200 tags stayed empty
CHECKPOINT_PAGES = 250  # 4 MB of log before it is folded into the file: no slower than more, and shorter pauses


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
    try:
        connection = apsw.Connection(str(path), apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs)
        connection.pragma("page_size", PAGE_BYTES)
        _set_durable(connection)
        with connection:
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA_VERSION)
            for table in TABLES:
                run_statement(connection, table)
        _sync_folder(path.parent)
    except apsw.Error as problem:
        raise BadFile(path, [f"cannot be created: {problem}"]) from problem
    return connection


def open_to_write(path: Path, vfs: str | None) -> apsw.Connection:
    """An existing journal, checked whole.  Raises BadFile: missing, no journal, damaged, another schema."""
    return _open_checked(path, apsw.SQLITE_OPEN_READWRITE, vfs)


def open_reader(path: Path) -> apsw.Connection:
    """An existing journal to read, also while it is written.  Raises BadFile as `open_to_write` does."""
    return _open_checked(path, apsw.SQLITE_OPEN_READONLY, None)


def run_statement(connection: apsw.Connection, sql: str, bindings: tuple[apsw.SQLiteValue, ...] = ()) -> None:
    """One statement to its end: executing only begins it, draining its rows ends it."""
    for _ in connection.execute(sql, bindings):
        pass


def _open_checked(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    if not path.is_file():
        raise BadFile(path, ["there is no journal here"])
    try:
        connection = apsw.Connection(str(path), flags, vfs)
        connection.set_busy_timeout(BUSY_MS)
        problem = _foreign(connection)
        if problem is None and flags & apsw.SQLITE_OPEN_READWRITE:
            found = connection.execute("PRAGMA quick_check(1)").get
            problem = None if found == "ok" else f"is damaged and was left as it is: {found}"
            if problem is None:
                _set_durable(connection)
    except apsw.Error as refusal:
        raise BadFile(path, [f"cannot be read as a journal and was left as it is: {refusal}"]) from refusal
    if problem is not None:
        connection.close()
        raise BadFile(path, [problem])
    return connection


def _foreign(connection: apsw.Connection) -> str | None:
    """Why this file is no journal of ours, or None.  Reads only."""
    if connection.pragma("application_id") != APPLICATION_ID:
        return "is no journal of this program and was left as it is"
    version = connection.pragma("user_version")
    if version != SCHEMA_VERSION:
        return f"has schema version {version}; this program writes and reads version {SCHEMA_VERSION}"
    return None


def _why_not_created(path: Path) -> str:
    try:
        _open_checked(path, apsw.SQLITE_OPEN_READONLY, None).close()
    except BadFile as refusal:
        return refusal.problems[0].removeprefix(f"{path}: ")
    return "is a journal already: open it, or choose another folder"


def _set_durable(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(BUSY_MS)
    mode = connection.pragma("journal_mode", "wal")
    assert mode == "wal", f"the journal's disk has no write-ahead log: {mode}"
    connection.pragma("synchronous", "full")  # a commit is on the disk when it returns
    connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)


def _sync_folder(folder: Path) -> None:
    """The name of a new file is on the disk only after its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
