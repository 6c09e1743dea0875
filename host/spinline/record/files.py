"""What every SQLite file of a journal has in common: durable settings, its version, its place on the disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import apsw

from spinline.record.schema import SCHEMA_VERSION

BUSY_MS = 1000  # a reader that opens or closes may hold the file for a moment
CHECKPOINT_PAGES = 500  # 4 MB of log before it is folded into the file: no slower than more, and shorter pauses


def connect(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    """A connection that waits for a reader; nothing is read yet.  Raises apsw.Error."""
    connection = apsw.Connection(str(path), flags, vfs)
    connection.set_busy_timeout(BUSY_MS)
    return connection


def set_durable(connection: apsw.Connection) -> None:
    """A commit is on the disk when it returns."""
    mode = connection.pragma("journal_mode", "wal")
    assert mode == "wal", f"the journal's disk has no write-ahead log: {mode}"
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)


def run_statement(connection: apsw.Connection, sql: str, bindings: tuple[apsw.SQLiteValue, ...] = ()) -> None:
    """One statement to its end: executing only begins it, draining its rows ends it."""
    for _ in connection.execute(sql, bindings):
        pass


def close_file(connection: apsw.Connection) -> None:
    """Close it.  A log that the disk does not let into the file now is folded into it by who opens it next."""
    try:
        connection.close()
    except apsw.Error:
        connection.close(True)


def version_problem(connection: apsw.Connection, schema: str = "main") -> str | None:
    """Why this program cannot go on with a file of its own, or None."""
    version = connection.pragma("user_version", schema=schema)
    if version == SCHEMA_VERSION:
        return None
    age = "from a newer version of this program: " if isinstance(version, int) and version > SCHEMA_VERSION else ""
    return f"{age}has schema version {version}; this program writes and reads version {SCHEMA_VERSION}"


def sync_folder(folder: Path) -> None:
    """The name of a new file is on the disk only after its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """Of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class SamePlace:
    """Whether a file and its log still stand where they were opened; who writes a removed file writes into nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names = str(path), f"{path}-wal"  # looked at in each commit: a Path would be read anew each time
        self._file = _identity(self._names[0])
        self._log: tuple[int, int] | None = None

    def problem(self) -> str | None:
        """What is wrong, or None.  After a commit: then there is a log."""
        if _identity(self._names[0]) != self._file:
            return "was removed or replaced while it was written"
        log = _identity(self._names[1])
        if self._log is None:
            self._log = log
        return None if log == self._log else "has lost its log (-wal) while it was written"


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino
