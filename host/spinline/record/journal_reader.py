"""Reads a journal through the interface of every store (`store.Reader`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spinline.errors import UnknownName
from spinline.record.accounts import NodeAccount, accounts
from spinline.record.chain import CHAINED, Misfit, misfit
from spinline.record.days import anchors
from spinline.record.envelope import Extreme, envelopes
from spinline.record.files import close_file
from spinline.record.opening import with_days
from spinline.record.resuming import scans_of, stream_of
from spinline.record.series import fetch
from spinline.record.store import Row


class JournalReader:
    """A journal as it is now.  Raises BadFile for none, and where a file of it is damaged or missing."""

    def __init__(self, path: Path, vfs: str | None = None) -> None:
        self._connection = with_days(path, vfs)

    def scans(self, run: int, first: int, last: int) -> list[Row]:
        """Scans of a run in order, both ends included: scan, us UTC, then as `RecordDecoder.decode` gives them."""
        return list(scans_of(self._connection, run, stream_of(self._connection, None, run), first, last))

    def records(self, kind: str) -> list[Row]:
        """Rows of one kind of record in order, without number and hash.  Raises UnknownName."""
        if kind not in CHAINED:
            raise UnknownName(f"no record is called {kind} (there are {', '.join(CHAINED)})")
        return [row[1:-1] for row in fetch(self._connection, f"SELECT * FROM {kind} ORDER BY n")]

    def trend(self, tags: Sequence[str], within: tuple[int, int], points_n: int) -> dict[str, list[Extreme]]:
        """Lowest and highest of each of at most ``points_n`` points, in the screen unit."""
        return envelopes(self._connection, tags, within, points_n)

    def accounts(self) -> list[NodeAccount]:
        """Per node and tag: expected = stored + missing."""
        return accounts(self._connection)

    def misfit(self) -> Misfit | None:
        """The first record that does not fit into the chain; None where all do."""
        return misfit(self._connection, anchors(self._connection))

    def close(self) -> None:
        """Read no more."""
        close_file(self._connection)
