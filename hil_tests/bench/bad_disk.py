"""A disk that goes bad and good again under a journal: full, read-only, or with syncs that fail.  For SQLite only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apsw

FULL, READ_ONLY, FAILS = "full", "read-only", "fails"
TROUBLES = (FULL, READ_ONLY, FAILS)


class BadDisk(apsw.VFS):
    """The real disk, but for its ``trouble``; "" is none.  Files under SQLite's own names stay where they are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.trouble = ""
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if self.trouble == READ_ONLY and flags[0] & apsw.SQLITE_OPEN_CREATE:
            raise apsw.CantOpenError("a read-only folder")
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: BadDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, octets: Any, offset: int) -> None:  # noqa: N802
        if self._disk.trouble == FULL:
            raise apsw.FullError("no space left")
        if self._disk.trouble == READ_ONLY:
            raise apsw.ReadOnlyError("a read-only file")
        super().xWrite(octets, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._disk.trouble == FAILS:
            raise apsw.IOError("the disk did not answer")
        super().xSync(flags)


@contextmanager
def bad_disk(name: str = "bad") -> Iterator[BadDisk]:
    """A disk for ``vfs=name``, while it is used."""
    disk = BadDisk(name)
    try:
        yield disk
    finally:
        disk.unregister()
