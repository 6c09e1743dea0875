"""Records that are only ever added, each with the hash of the one before it: nothing is changed or left out unseen.

A row's ``sha256`` is SHA-256 of the hash before it (hex) and of the row's canonical bytes: the JSON array of table,
number and columns, UTF-8, without spaces.  Numbers run from 1 through all tables; table ``chain`` has the newest.  Day
files keep the newest that they have seen (``anchor``), so that a chain that was cut short is noticed, too.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

FIRST = "0" * 64  # before row 1
# table -> its columns between n and sha256
CHAINED: dict[str, str] = {
    # what is made; a journal holds one batch.  View "batch" has both in one row
    "batch_begin": (
        "batch_i INTEGER NOT NULL UNIQUE CHECK (batch_i = 1), name TEXT NOT NULL, recipe TEXT NOT NULL, "
        "recipe_version INTEGER NOT NULL, recipe_sha256 TEXT NOT NULL, line TEXT NOT NULL, line_sha256 TEXT NOT NULL, "
        "mode TEXT NOT NULL CHECK (mode IN ('simulated', 'bench', 'line')), started_us INTEGER NOT NULL"
    ),
    "batch_end": "at_us INTEGER NOT NULL",
    "batch_state": "at_us INTEGER NOT NULL, state TEXT NOT NULL, cause TEXT NOT NULL",
    # what the batch was made by, whole: recipe, lot, line, waiver, ...
    "document": (
        "at_us INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, "
        "text TEXT NOT NULL"
    ),
    # what a person or the supervisor did, before and after with their unit
    "action": (
        "at_us INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, why TEXT NOT NULL, old_value TEXT, "
        "new_value TEXT"
    ),
    # every change of an alarm's state; "who" is empty where nobody did it
    "alarm": (
        "at_us INTEGER NOT NULL, point TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL, "
        "first_out INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL"
    ),
    # verdicts; the last one of a claim and basis holds
    "claim": (
        "at_us INTEGER NOT NULL, claim INTEGER NOT NULL, verdict TEXT NOT NULL, required INTEGER NOT NULL, "
        "reason TEXT NOT NULL, basis TEXT NOT NULL CHECK (basis IN ('planned', 'measured'))"
    ),
    # files of days: made; taken away on purpose, with the hash of the file and its scans (JSON: run -> intervals); held
    # back from that (held 1) or no more (0)
    "day_file": "day TEXT NOT NULL, file TEXT NOT NULL UNIQUE",
    "day_retired": (
        "at_us INTEGER NOT NULL, file TEXT NOT NULL UNIQUE, file_sha256 TEXT NOT NULL, scans TEXT NOT NULL, "
        "who TEXT NOT NULL, why TEXT NOT NULL"
    ),
    "legal_hold": (
        "at_us INTEGER NOT NULL, held INTEGER NOT NULL, scope TEXT NOT NULL, from_us INTEGER NOT NULL, "
        "to_us INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL"
    ),
}
BATCH_VIEW = (
    "CREATE VIEW batch AS SELECT batch_i, name, recipe, recipe_version, recipe_sha256, line, line_sha256, mode, "
    "started_us, (SELECT max(at_us) FROM batch_end) AS ended_us FROM batch_begin"
)
HEAD = "UPDATE chain SET n = ?, sha256 = ?"
ANCHOR = "INSERT INTO anchor VALUES (?, ?) ON CONFLICT DO NOTHING"


def tables_sql() -> Iterator[str]:
    """CREATE of every chained table, of what refuses to change them, and of the head."""
    for table, columns in CHAINED.items():
        yield f"CREATE TABLE {table} (n INTEGER PRIMARY KEY, {columns}, sha256 TEXT NOT NULL) STRICT"
        for what in ("UPDATE", "DELETE"):
            refusal = f"SELECT RAISE(ABORT, 'rows of {table} are only ever added')"
            yield f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN {refusal}; END"
    yield BATCH_VIEW
    yield "CREATE TABLE chain (n INTEGER NOT NULL, sha256 TEXT NOT NULL) STRICT"
    yield f"INSERT INTO chain VALUES (0, '{FIRST}')"


def linked(before: str, table: str, n: int, values: Sequence[apsw.SQLiteValue]) -> str:
    """The hash of a row, from the hash before it."""
    content = json.dumps([table, n, *values], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(before.encode() + content.encode()).hexdigest()


class Chain:
    """The newest row of a journal's chain, also of rows that wait for their commit."""

    def __init__(self, n: int, sha256: str) -> None:
        self.n = n
        self.sha256 = sha256

    def add(self, table: str, values: Sequence[apsw.SQLiteValue]) -> tuple[str, tuple[apsw.SQLiteValue, ...]]:
        """The next row: its INSERT, and what to insert."""
        self.n += 1
        values = [int(value) if isinstance(value, bool) else value for value in values]  # as the file has them
        self.sha256 = linked(self.sha256, table, self.n, values)
        row = (self.n, *values, self.sha256)
        return f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row


def head(connection: apsw.Connection) -> tuple[int, str]:
    """Number and hash of the newest row, as the file has them; 0 and zeros while there is none."""
    n, sha256 = connection.execute("SELECT n, sha256 FROM chain").get
    return int(n), str(sha256)


@dataclass(frozen=True)
class Misfit:
    """The first row of a chain that does not fit."""

    n: int
    why: str


def misfit(connection: apsw.Connection, anchors: Sequence[tuple[int, str]] = ()) -> Misfit | None:
    """Walk the chain of a journal; None where every row fits.  ``anchors``: what its day files have seen of it, before.

    Raises apsw.Error where the file cannot be read.
    """
    with connection:  # one moment of a file that may be written meanwhile
        found = _first_misfit(connection, dict(anchors))
    return found


def _first_misfit(connection: apsw.Connection, seen: dict[int, str]) -> Misfit | None:
    before, last = FIRST, 0
    for n, table, values, sha256 in heapq.merge(*(_rows(connection, table) for table in CHAINED)):
        if n != last + 1:
            return Misfit(last + 1, "is missing" if n > last else f"{table} has a second row {n}")
        last, before = n, linked(before, table, n, values)
        if before != sha256:
            return Misfit(n, f"{table} does not have its hash: it, or the row before it, was changed")
        if seen.get(n, before) != before:
            return Misfit(n, f"{table} is another than the one that a day file has seen: the chain was written anew")
    found_n, found = head(connection)
    newest = max([found_n, *seen])
    if newest > last:
        return Misfit(last + 1, f"is missing: there were {newest}")
    return None if (found_n, found) == (last, before) else Misfit(last, "is not the newest: rows were added past it")


def _rows(connection: apsw.Connection, table: str) -> Iterator[tuple[int, str, tuple[Any, ...], str]]:
    for n, *values, sha256 in connection.execute(f"SELECT * FROM {table} ORDER BY n"):
        assert isinstance(n, int) and isinstance(sha256, str), "the table is strict"
        yield n, table, tuple(values), sha256
