"""The durable journal of a batch: what a commit returned for is on the disk, and only that is acknowledged.

One writer, one commit a supervisor scan.  Time is an argument, in microseconds UTC; nothing reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, cast

import apsw

from spinline.errors import SpinlineError
from spinline.line.alarms import Change
from spinline.line.orders import Order
from spinline.line.scan_clock import Placing
from spinline.recipe.compiler import NodeConfiguration
from spinline.record import extremes, schema
from spinline.record.describing import configuration_i_of
from spinline.record.number_set import NumberSet
from spinline.record.opening import WriterLock, create_file, open_to_write, run_statement
from spinline.record.resuming import Stream, held_events, held_scans, quality_numbers, stream_of

ROWS_WAITING_MAX = 200_000  # between two commits: 100 times what the nodes' rings hold of one second


class JournalBroken(SpinlineError):
    """The disk did not take a commit.  Nothing of it may be acknowledged, and this journal writes no more.

    What was committed before is whole; the nodes hold the rest.  Open the file again once the disk is well.
    """


@dataclass(frozen=True)
class Batch:
    """What is made: names and hashes (hex) of recipe and line; ``mode`` is simulated, bench or line."""

    name: str
    recipe: str
    recipe_version: int
    recipe_sha256: str
    line: str
    line_sha256: str
    mode: str
    started_us: int


@dataclass(frozen=True)
class Run:
    """One start of one node with one configuration: the numbers of its scans and events belong together."""

    run: int
    node: str
    configuration_sha256: str
    boot_id: int
    first_scan: int
    first_event: int


class Journal:
    """Buffers what happened and commits it whole.  Make one with `create` or `open`; end it with `close`."""

    def __init__(self, path: Path, connection: apsw.Connection, lock: WriterLock) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._waiting: dict[str, list[tuple[apsw.SQLiteValue, ...]]] = {}
        self._waiting_n = 0
        self._drawn: list[tuple[Stream, list[int], Sequence[tuple[int, ...]]]] = []
        self._new_scans: list[tuple[int, int, int]] = []
        self._new_events: list[tuple[int, int, int]] = []
        self._streams: dict[int, Stream] = {}
        self._clocks: dict[int, Placing] = {}
        self._scans: dict[int, NumberSet] = {}
        self._events: dict[int, NumberSet] = {}
        self._broken: str | None = None
        self._closed = False
        self._writer = ThreadPoolExecutor(1, "journal")
        self._committing: tuple[Future[None], list[tuple[int, int, int]], list[tuple[int, int, int]]] | None = None

    @classmethod
    def create(cls, path: Path, vfs: str | None = None) -> Journal:
        """A new journal; its folder must be there.  Raises BadFile where anything stands at the path.

        ``vfs`` names another file system of SQLite; None is the disk.
        """
        lock = WriterLock(path)
        try:
            return cls(path, create_file(path, vfs), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path, vfs: str | None = None) -> Journal:
        """An existing journal to go on writing; `runs` says what it holds.

        Raises BadFile where it is missing, no journal, damaged, of another schema version, or written by
        another program; the file is left as it is.
        """
        lock = WriterLock(path)
        try:
            journal = cls(path, open_to_write(path, vfs), lock)
            for run in journal.runs():
                journal._resume(run)
            return journal
        except BaseException:
            lock.release()
            raise

    def start_batch(self, batch: Batch) -> None:
        """Say what is made; once a journal."""
        marks = ", ".join("?" * len(astuple(batch)))
        self._add(f"INSERT INTO batch VALUES (1, {marks}, NULL)", astuple(batch))

    def end_batch(self, at_us: int) -> None:
        """Say when it ended."""
        self._add("UPDATE batch SET ended_us = ?", (at_us,))

    def add_node(
        self,
        name: str,
        configuration: NodeConfiguration,
        firmware_sha256: str,
        micropython: str,
        word_bits: int,
        *,
        boot_id: int = 0,
        first_scan: int = 0,
        first_event: int = 0,
    ) -> int:
        """A new run: at each boot of a node and each new configuration, where scan numbers start again.

        ``first_scan`` and ``first_event`` are the first numbers this run will ever hold.  On the disk when
        it returns.  Raises JournalBroken.
        """
        self.end_commit()
        try:
            with self._connection:
                configuration_i = configuration_i_of(self._connection, name, configuration)
                head = (configuration_i, boot_id, first_scan, first_event, firmware_sha256, micropython, word_bits)
                run_statement(self._connection, "INSERT INTO run VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", head)
                run = self._connection.last_insert_rowid()
        except apsw.Error as problem:
            raise self._break(problem) from problem
        self._resume(Run(run, name, configuration.sha256.hex(), boot_id, first_scan, first_event))
        return run

    def add_clock(self, run: int, from_scan: int, at_us: int, drift_ppb: int, bound_us: int, basis: str) -> None:
        """When scans were, from ``from_scan`` on and until the next call; ``basis`` is sync or frame.

        Scan s was at at_us + n - n * drift_ppb / 10^9, where n is the us of s - from_scan scans; bound_us is the most
        that this is wrong.
        """
        scan_us = self._streams[run].scan_us
        self._clocks[run] = Placing(from_scan, schema.SCAN_MASK, at_us, scan_us, drift_ppb, bound_us, basis)
        line = (run, from_scan, at_us, drift_ppb, bound_us, basis)
        self._add("INSERT INTO clock VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", line)

    def add_scans(self, run: int, first_scan: int, rows: Sequence[tuple[int, ...]]) -> None:
        """Buffer scans that follow one another, as `RecordDecoder.decode` gives them; `add_clock` said when they were.

        A scan that is there already is left as it was first stored.
        """
        if not rows:
            return
        stream, clock = self._streams[run], self._clocks[run]
        assert clock.from_scan <= first_scan
        assert first_scan >= self._scans[run].first and first_scan + len(rows) <= schema.SCAN_MASK
        assert all(len(row) == stream.columns_n + 3 for row in rows), "state, flags, quality, then a number a column"
        times_us = [clock.at(first_scan + i) for i in range(len(rows))]
        self._drawn.append((stream, times_us, rows))
        key = run << schema.RUN_SHIFT | first_scan
        words_n = stream.words_n
        self._waiting.setdefault(stream.insert, []).extend(
            [
                (key + i, at_us, row[0], row[1], *quality_numbers(row[2], words_n), *row[3:])
                for i, (at_us, row) in enumerate(zip(times_us, rows, strict=True))
            ]
        )
        self._count(len(rows))
        self._new_scans.append((run, first_scan, first_scan + len(rows) - 1))

    def add_summaries(self, run: int, first: int, rows: Sequence[tuple[int, ...]]) -> None:
        """Buffer summaries that follow one another: time of the first scan and its bound, then as
        `SummaryDecoder.decode` gives them.

        One that is there already is left as it was first stored.
        """
        stream = self._streams[run]
        key = run << schema.RUN_SHIFT | first
        waiting = self._waiting.setdefault(stream.summary_insert, [])
        for i, row in enumerate(rows):
            waiting.append((key + i, *row[:5], *quality_numbers(row[5], stream.summary_words_n), *row[6:]))
        self._count(len(rows))

    def add_gap(self, run: int, from_scan: int, to_scan: int, reason: str, at_us: int) -> None:
        """Declare scans lost, first and last included: only then may later ones be acknowledged."""
        assert self._scans[run].first <= from_scan <= to_scan
        gap = (run, from_scan, to_scan, at_us, reason)
        self._add("INSERT INTO gap VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", gap)
        self._new_scans.append((run, from_scan, to_scan))

    def add_event(
        self, run: int, event_i: int, scan: int, code: int, source: int, got: int, limit: int, at_us: int
    ) -> None:
        """Buffer an event of a node, ``code`` from the protocol's EVENTS.  A repeated one stays as it was."""
        assert event_i >= self._events[run].first
        event = (run, event_i, at_us, scan, schema.event_name(code), source, got, limit)
        self._add("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", event)
        self._new_events.append((run, event_i, event_i))

    def add_earlier_event(self, event: tuple[apsw.SQLiteValue, ...]) -> None:
        """Buffer a row of ``earlier_event``; one that was told in its own boot is none."""
        self._add(schema.EARLIER_EVENT_INSERT, event)

    def add_event_gap(self, run: int, from_event: int, to_event: int, at_us: int) -> None:
        """Declare events lost, first and last included: only then may later ones be acknowledged."""
        gap = (run, from_event, to_event, at_us)
        self._add("INSERT INTO event_gap VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", gap)
        self._new_events.append((run, from_event, to_event))

    def add_order(self, node: str, order: Order) -> None:
        """Buffer an order that is about to be sent, or its end."""
        self._add(schema.ORDER_UPSERT, (node, *astuple(order)))

    def open_orders(self) -> list[tuple[str, Order]]:
        """Node and order of each that has no end, oldest first."""
        self.end_commit()
        rows: list[Any] = self._connection.execute(schema.ORDERS_OPEN).fetchall()
        return [(row[0], Order(*row[1:])) for row in rows]

    def add_action(self, at_us: int, who: str, what: str, why: str, old: str | None, new: str | None) -> None:
        """Buffer what a person or the supervisor did; ``old`` and ``new`` with their unit, or None."""
        self._add("INSERT INTO action VALUES (?, ?, ?, ?, ?, ?)", (at_us, who, what, why, old, new))

    def add_alarm(self, change: Change) -> None:
        """Buffer that an alarm changed its state; its time is in us UTC."""
        self._add("INSERT INTO alarm VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(change))

    def alarm_states(self) -> list[tuple[str, str]]:
        """Point and last state of every alarm in the file."""
        self.end_commit()
        rows: list[Any] = self._connection.execute(schema.ALARM_STATES).fetchall()
        return rows

    def add_deviation(self, row: tuple[apsw.SQLiteValue, ...]) -> None:
        """Buffer a row of ``deviation``; one that is there already, worked out anew from its scans, stays."""
        self._add("INSERT INTO deviation VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)

    def add_batch_state(self, at_us: int, state: str, cause: str) -> None:
        """Buffer that the batch entered a state."""
        self._add("INSERT INTO batch_state VALUES (?, ?, ?)", (at_us, state, cause))

    def add_claim(self, at_us: int, claim: int, verdict: str, required: bool, reason: str, basis: str) -> None:
        """Buffer a verdict; ``basis`` is planned or measured.  The last one of a claim and basis holds."""
        self._add("INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?)", (at_us, claim, verdict, int(required), reason, basis))

    def commit(self) -> None:
        """Put everything buffered on the disk, or nothing of it; it is there when this returns.

        Raises JournalBroken where the disk is full, read-only or fails; every later call raises it again.
        """
        self._begin(_here)  # no thread is worth a wait that follows at once
        self.end_commit()

    def begin_commit(self) -> None:
        """Let another thread put everything buffered on the disk; `end_commit` says whether it is there.

        What is added meanwhile waits for the next one.  Raises JournalBroken, as `commit` does.
        """
        self._begin(self._writer.submit)

    def _begin(self, submit: Callable[..., Future[None]]) -> None:
        self.end_commit()
        if self._waiting_n:
            write = submit(self._write, self._waiting, self._drawn)
            self._committing = (write, self._new_scans, self._new_events)
            self._waiting, self._waiting_n, self._new_scans, self._new_events = {}, 0, [], []
            self._drawn = []

    def _write(
        self,
        waiting: dict[str, list[tuple[apsw.SQLiteValue, ...]]],
        drawn: list[tuple[Stream, list[int], Sequence[tuple[int, ...]]]],
    ) -> None:
        run_statement(self._connection, "BEGIN IMMEDIATE")
        for insert, rows in waiting.items():
            for _ in self._connection.executemany(insert, rows):
                pass
        for stream, times_us, scans in drawn:
            extremes.store(self._connection, stream.extreme_table, stream.pending.add(times_us, scans))
        run_statement(self._connection, "COMMIT")

    def end_commit(self) -> None:
        """Wait for the commit that was begun, if any: from here on it counts.  Raises JournalBroken."""
        self._refuse_when_broken()
        if self._committing is None:
            return
        (write, scans, events), self._committing = self._committing, None
        try:
            write.result()
        except apsw.Error as problem:
            raise self._break(problem) from problem
        for sets, added in ((self._scans, scans), (self._events, events)):
            for run, low, high in added:
                sets[run].add(low, high)

    def scans_to(self, run: int) -> int:
        """Highest scan such that all from the run's first to it are on the disk or declared lost.

        So far may be acknowledged.  One less than the run's first scan while there is none.
        """
        return self._scans[run].whole_to

    def events_to(self, run: int) -> int:
        """Highest event such that all from the run's first to it are on the disk; first - 1 while none is."""
        return self._events[run].whole_to

    def runs(self) -> list[Run]:
        """Every run in the file, oldest first."""
        self.end_commit()
        rows = self._connection.execute(
            "SELECT run, name, sha256, boot_id, first_scan, first_event "
            "FROM run JOIN configuration USING (configuration_i) JOIN node USING (node_i) ORDER BY run"
        )
        return [Run(*row) for row in cast("list[Any]", rows.fetchall())]

    def close(self) -> None:
        """Close the file; what no commit was begun for is not in it.  May be called again."""
        if not self._closed:
            self._closed = True
            self._writer.shutdown()
            if self._broken is None:
                self._end_parts()
            self._connection.close()
            self._lock.release()

    def _end_parts(self) -> None:
        """The newest part of every run as far as it has come; the next writer goes on with it."""
        try:
            with self._connection:
                for stream in self._streams.values():
                    extremes.store(self._connection, stream.extreme_table, stream.pending.over())
        except apsw.Error:
            pass  # its scans are there, and opening makes it anew

    def _add(self, insert: str, row: tuple[apsw.SQLiteValue, ...]) -> None:
        self._waiting.setdefault(insert, []).append(row)
        self._count(1)

    def _count(self, rows_n: int) -> None:
        self._waiting_n += rows_n
        assert self._waiting_n <= ROWS_WAITING_MAX, "the supervisor commits once a scan"

    def _refuse_when_broken(self) -> None:
        if self._broken is not None:
            raise JournalBroken(self._broken)

    def _break(self, problem: apsw.Error) -> JournalBroken:
        """From now on this journal refuses: after a failed sync nobody knows what of it reached the disk."""
        self._broken = f"{self.path}: the disk did not take a commit: {problem}"
        if self._connection.in_transaction:
            try:
                run_statement(self._connection, "ROLLBACK")
            except apsw.Error:
                pass  # the commit may be in the file or not; it is not acknowledged, so both are right
        return JournalBroken(self._broken)

    def _resume(self, run: Run) -> None:
        """Learn from the file where the scans of a run go and which of its scans and events it holds."""
        self._streams[run.run] = stream_of(self._connection, run.run)
        self._scans[run.run] = held_scans(self._connection, run.run, self._streams[run.run].scan_table, run.first_scan)
        self._events[run.run] = held_events(self._connection, run.run, run.first_event)


def _here(write: Callable[..., None], *given: object) -> Future[None]:
    """What a thread would do, done now."""
    done: Future[None] = Future()
    try:
        write(*given)
        done.set_result(None)
    except apsw.Error as problem:
        done.set_exception(problem)
    return done
