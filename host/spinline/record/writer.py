"""Puts what a journal buffered into its files: the records first, then each day.  One thread at a time.

SQLite commits each file by itself; no commit spans two of them.  Records go first, days after them in order, and only
when all are on the disk does a commit count.  So what a cut leaves is right as it is: records may be one commit ahead
of the days, and none of them leans on a scan of it; a missing scan was never acknowledged and comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from spinline.errors import BadFile, NotDurable
from spinline.record import extremes
from spinline.record.chain import ANCHOR, HEAD
from spinline.record.days import DayWriter, Open, day_of
from spinline.record.files import SamePlace, close_file, run_statement
from spinline.record.resuming import Stream, quality_numbers

Rows = list[tuple[Any, ...]]


@dataclass
class Work:
    """What waits for a commit: rows by INSERT, of the records and of each day; new scans for the extremes."""

    records: dict[str, Rows] = field(default_factory=dict)
    days: dict[int, dict[str, Rows]] = field(default_factory=dict)
    streams: dict[int, dict[str, Stream]] = field(default_factory=dict)  # of a day, by scan table
    drawn: list[tuple[Stream, list[int], Sequence[tuple[int, ...]]]] = field(default_factory=list)
    head: tuple[int, str] | None = None  # of the chain, where it has grown
    rows_n: int = 0

    def add(self, insert: str, row: tuple[apsw.SQLiteValue, ...]) -> None:
        """A row of the records."""
        self.records.setdefault(insert, []).append(row)
        self.rows_n += 1

    def add_day(self, day: int, stream: Stream, insert: str, rows: Rows) -> None:
        """Rows of a day."""
        self.streams.setdefault(day, {})[stream.scan_table] = stream
        self.days.setdefault(day, {}).setdefault(insert, []).extend(rows)
        self.rows_n += len(rows)


class Writer:
    """Writes work to a journal's files.  Raises apsw.Error, BadFile and NotDurable: then nothing of it counts."""

    def __init__(self, path: Path, records: apsw.Connection, days: DayWriter, head: tuple[int, str]) -> None:
        self._records = records
        self._place = SamePlace(path)
        self._days = days
        self._head = head

    def write(self, work: Work) -> None:
        """All of it, on the disk when this returns."""
        if work.records:
            run_statement(self._records, "BEGIN IMMEDIATE")
            _insert(self._records, work.records)
            if work.head is not None:
                self._head = work.head
                run_statement(self._records, HEAD, work.head)
            run_statement(self._records, "COMMIT")
            self.check_place()
        parts = _parts(work.drawn)
        for day in sorted(work.days.keys() | parts.keys()):
            self._write_day(day, work, parts.get(day, []))
        self._days.rest(set(work.days))

    def check_place(self) -> None:
        """Raises NotDurable where the records file is not where it was: SQLite writes on into a removed file."""
        _expect(self._place)

    def _write_day(self, day: int, work: Work, parts: list[tuple[Stream, extremes.Row]]) -> None:
        into = self._days.open(day)
        run_statement(into.connection, "BEGIN IMMEDIATE")
        for stream in (*work.streams.get(day, {}).values(), *(stream for stream, _part in parts)):
            self._days.create_tables(into, stream.tables)
        _insert(into.connection, work.days.get(day, {}))
        for stream, part in parts:
            extremes.store(into.connection, stream.extreme_table, part)
        self._anchor(into)
        run_statement(into.connection, "COMMIT")
        _expect(into.place)

    def _anchor(self, into: Open) -> None:
        if into.anchored < self._head[0]:
            run_statement(into.connection, ANCHOR, self._head)
            into.anchored = self._head[0]

    def roll_back(self) -> None:
        """After a failure: what is open is left; it may be in the file or not, and counts as neither."""
        for connection in (self._records, *self._days.connections):
            if connection.in_transaction:
                try:
                    run_statement(connection, "ROLLBACK")
                except apsw.Error:
                    pass

    def end_parts(self, streams: Sequence[Stream]) -> None:
        """The newest part of every run as far as it has come; the next writer goes on with it, or makes it anew."""
        try:
            for stream in streams:
                for part in stream.pending.over():
                    self._write_day(stream.pending.day, Work(), [(stream, part)])
        except (apsw.Error, BadFile, NotDurable):
            self.roll_back()

    def close(self) -> None:
        """Close all files."""
        self._days.close()
        close_file(self._records)


def _insert(connection: apsw.Connection, waiting: dict[str, Rows]) -> None:
    for insert, rows in waiting.items():
        for _ in connection.executemany(insert, rows):
            pass


def _expect(place: SamePlace) -> None:
    problem = place.problem()
    if problem is not None:
        raise NotDurable(f"{place.path} {problem}")


def _parts(
    drawn: list[tuple[Stream, list[int], Sequence[tuple[int, ...]]]],
) -> dict[int, list[tuple[Stream, extremes.Row]]]:
    """Parts that are over, by their day."""
    found: dict[int, list[tuple[Stream, extremes.Row]]] = {}
    for stream, times_us, scans in drawn:
        for part_i, part in stream.pending.add(times_us, scans):
            found.setdefault(day_of(part_i * extremes.PART_US), []).append((stream, part))
    return found


def rows_of_days(
    stream: Stream, key: int, times_us: Sequence[int], rows: Sequence[tuple[int, ...]]
) -> Iterator[tuple[int, Rows]]:
    """Rows of scans that follow one another, from ``key`` on, as their table has them; by the day each was in."""
    words_n, begin = stream.words_n, 0
    found: Rows = [
        (key + i, at_us, row[0], row[1]) + quality_numbers(row[2], words_n) + row[3:]
        for i, (at_us, row) in enumerate(zip(times_us, rows, strict=True))
    ]
    while begin < len(rows):
        day, end = day_of(times_us[begin]), len(rows)
        if day_of(times_us[-1]) != day:  # over midnight
            end = next(i for i in range(begin, end) if day_of(times_us[i]) != day)
        yield day, found[begin:end]
        begin = end


def done_here(write: Callable[..., None], *given: object) -> Future[None]:
    """What a thread would do, done now."""
    done: Future[None] = Future()
    try:
        write(*given)
        done.set_result(None)
    except (apsw.Error, BadFile, NotDurable) as problem:
        done.set_exception(problem)
    return done
