"""The durable journal of a batch: what a commit returned for is on the disk, and only that is acknowledged.

One writer, one commit a supervisor scan.  Time is an argument, in microseconds UTC; nothing reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import Any

import apsw

from spinline.errors import BadFile, NotDurable
from spinline.line.alarms import Change
from spinline.line.orders import Order
from spinline.line.scan_clock import Placing
from spinline.recipe.compiler import NodeConfiguration
from spinline.record import retention, schema
from spinline.record.chain import Chain, head
from spinline.record.days import DayWriter, day_files, day_of, unlink_day
from spinline.record.describing import configuration_i_of
from spinline.record.files import close_file, run_statement
from spinline.record.journal_reader import JournalReader
from spinline.record.number_set import NumberSet
from spinline.record.opening import WriterLock, create_file, open_to_write, with_days
from spinline.record.resuming import Stream, held_events, held_scans, newest_scans, quality_numbers, stream_of
from spinline.record.store import Batch as Batch
from spinline.record.store import JournalBroken as JournalBroken
from spinline.record.store import Run as Run
from spinline.record.writer import Work, Writer, done_here, rows_of_days

ROWS_WAITING_MAX = 200_000  # between two commits: 100 times what the nodes' rings hold of one second


class Journal:
    """Buffers what happened and commits it whole.  Make one with `create` or `open`; end it with `close`."""

    def __init__(self, path: Path, connection: apsw.Connection, lock: WriterLock, vfs: str | None) -> None:
        self.path = path
        self.vfs = vfs
        self._connection = connection
        self._lock = lock
        self._days = DayWriter(path, connection, vfs)
        self._chain = Chain(*head(connection))
        self._writer = Writer(path, connection, self._days, head(connection))
        self._work = Work()
        self._new_scans: list[tuple[int, int, int]] = []
        self._new_events: list[tuple[int, int, int]] = []
        self._streams: dict[int, Stream] = {}
        self._clocks: dict[int, Placing] = {}
        self._taken: dict[int, NumberSet] = {}  # scans that are in a file, or wait to be
        self._scans: dict[int, NumberSet] = {}
        self._events: dict[int, NumberSet] = {}
        self._broken: str | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(1, "journal")
        self._committing: tuple[Future[None], list[tuple[int, int, int]], list[tuple[int, int, int]]] | None = None

    @classmethod
    def create(cls, path: Path, vfs: str | None = None) -> Journal:
        """A new journal; its folder must be there.  Raises BadFile where anything stands at the path.

        ``vfs`` names another file system of SQLite; None is the disk.
        """
        lock = WriterLock(path)
        try:
            return cls(path, create_file(path, vfs), lock, vfs)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path, vfs: str | None = None) -> Journal:
        """An existing journal to go on writing; `runs` says what it holds.

        Raises BadFile where it is missing, no journal, damaged, of another version, short of a day's file, or written
        by another program; the files are left as they are.
        """
        lock = WriterLock(path)
        try:
            journal = cls(path, open_to_write(path, vfs), lock, vfs)
            days = with_days(path, vfs)
            for run in journal.runs():
                journal._resume(run, days)
            close_file(days)
            return journal
        except BaseException as problem:
            lock.release()
            if isinstance(problem, apsw.Error):
                raise BadFile(path, [f"cannot be read: {problem}"]) from problem
            raise

    def start_batch(self, batch: Batch) -> None:
        """Say what is made; once a journal."""
        self._add_record("batch_begin", (1, *astuple(batch)))

    def end_batch(self, at_us: int) -> None:
        """Say when it ended."""
        self._add_record("batch_end", (at_us,))

    def add_document(self, at_us: int, kind: str, name: str, text: str, who: str = "", why: str = "") -> None:
        """Buffer what the batch is made by, whole: ``kind`` is recipe, lot, line, waiver, ..."""
        self._add_record("document", (at_us, kind, name, who, why, text))

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
            self._writer.check_place()
        except (apsw.Error, NotDurable) as problem:
            raise self._break(problem) from problem
        self._resume(Run(run, name, configuration.sha256.hex(), boot_id, first_scan, first_event), None)
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
        stream = self._streams[run]
        assert self._clocks[run].from_scan <= first_scan
        assert first_scan >= self._scans[run].first and first_scan + len(rows) <= schema.SCAN_MASK
        assert all(len(row) == stream.columns_n + 3 for row in rows), "state, flags, quality, then a number a column"
        taken = self._taken[run]
        if taken.any_of(first_scan, first_scan + len(rows) - 1):
            for i, row in enumerate(rows):  # some come again: they may be placed in another day by now
                if not taken.any_of(first_scan + i, first_scan + i):
                    self._take_scans(run, first_scan + i, [row])
        else:
            self._take_scans(run, first_scan, rows)
        self._new_scans.append((run, first_scan, first_scan + len(rows) - 1))

    def _take_scans(self, run: int, first_scan: int, rows: Sequence[tuple[int, ...]]) -> None:
        """New scans, each into the file of its day."""
        stream, clock = self._streams[run], self._clocks[run]
        times_us = [clock.at(first_scan + i) for i in range(len(rows))]
        for day, found in rows_of_days(stream, run << schema.RUN_SHIFT | first_scan, times_us, rows):
            self._add_day(day, stream, stream.insert, found)
        self._work.drawn.append((stream, times_us, rows))
        self._taken[run].add(first_scan, first_scan + len(rows) - 1)

    def add_summaries(self, run: int, first: int, rows: Sequence[tuple[int, ...]]) -> None:
        """Buffer summaries that follow one another: time of the first scan and its bound, then as
        `SummaryDecoder.decode` gives them.

        One that is there already is left as it was first stored.
        """
        stream = self._streams[run]
        key = run << schema.RUN_SHIFT | first
        for i, row in enumerate(rows):
            found = (key + i, *row[:5], *quality_numbers(row[5], stream.summary_words_n), *row[6:])
            self._add_day(day_of(row[0]), stream, stream.summary_insert, [found])

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
        return [(row[0], Order(*row[1:])) for row in self._read(schema.ORDERS_OPEN)]

    def add_action(self, at_us: int, who: str, what: str, why: str, old: str | None, new: str | None) -> None:
        """Buffer what a person or the supervisor did; ``old`` and ``new`` with their unit, or None."""
        self._add_record("action", (at_us, who, what, why, old, new))

    def add_alarm(self, change: Change) -> None:
        """Buffer that an alarm changed its state; its time is in us UTC."""
        self._add_record("alarm", astuple(change))

    def alarm_states(self) -> list[tuple[str, str]]:
        """Point and last state of every alarm in the file."""
        return self._read(schema.ALARM_STATES)

    def add_deviation(self, row: tuple[apsw.SQLiteValue, ...]) -> None:
        """Buffer a row of ``deviation``; one that is there already, worked out anew from its scans, stays."""
        self._add("INSERT INTO deviation VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)

    def add_batch_state(self, at_us: int, state: str, cause: str) -> None:
        """Buffer that the batch entered a state."""
        self._add_record("batch_state", (at_us, state, cause))

    def add_claim(self, at_us: int, claim: int, verdict: str, required: bool, reason: str, basis: str) -> None:
        """Buffer a verdict; ``basis`` is planned or measured.  The last one of a claim and basis holds."""
        self._add_record("claim", (at_us, claim, verdict, int(required), reason, basis))

    def commit(self) -> None:
        """Put everything buffered on the disk, or nothing of it; it is there when this returns.

        Raises JournalBroken where the disk is full, read-only or fails; every later call raises it again.
        """
        self._begin(done_here)  # no thread is worth a wait that follows at once
        self.end_commit()

    def begin_commit(self) -> None:
        """Let another thread put everything buffered on the disk; `end_commit` says whether it is there."""
        self._begin(self._thread.submit)

    def _begin(self, submit: Callable[..., Future[None]]) -> None:
        self.end_commit()
        if self._work.rows_n:
            self._committing = (submit(self._writer.write, self._work), self._new_scans, self._new_events)
            self._work, self._new_scans, self._new_events = Work(), [], []

    def end_commit(self) -> None:
        """Wait for the commit that was begun, if any: from here on it counts.  Raises JournalBroken."""
        self._refuse_when_broken()
        if self._committing is None:
            return
        (write, scans, events), self._committing = self._committing, None
        try:
            write.result()
        except (apsw.Error, BadFile, NotDurable) as problem:
            raise self._break(problem) from problem
        for sets, added in ((self._scans, scans), (self._events, events)):
            for run, low, high in added:
                sets[run].add(low, high)

    def scans_to(self, run: int) -> int:
        """Highest scan to which all of the run are on the disk or declared lost, and may be acknowledged."""
        return self._scans[run].whole_to

    def events_to(self, run: int) -> int:
        """Highest event such that all from the run's first to it are on the disk; first - 1 while none is."""
        return self._events[run].whole_to

    @property
    def chained_to(self) -> int:
        """Number of the newest row of the chain, also of those that wait."""
        return self._chain.n

    def runs(self) -> list[Run]:
        """Every run in the file, oldest first."""
        query = (
            "SELECT run, name, sha256, boot_id, first_scan, first_event "
            "FROM run JOIN configuration USING (configuration_i) JOIN node USING (node_i) ORDER BY run"
        )
        return [Run(*row) for row in self._read(query)]

    def _read(self, query: str) -> list[Any]:
        """Rows of the records.  Raises JournalBroken."""
        self.end_commit()
        try:
            return self._connection.execute(query).fetchall()
        except apsw.Error as problem:
            raise self._break(problem) from problem

    def hold(self, at_us: int, scope: str, within: tuple[int, int], who: str, why: str) -> None:
        """Nothing within these times may be retired, until ``scope`` is released.  Raises Refused without a name."""
        retention.named(who, why)
        self._add_record("legal_hold", (at_us, 1, scope, *within, who, why))

    def release(self, at_us: int, scope: str, who: str, why: str) -> None:
        """End a hold.  Raises Refused where there is none of this scope, or no name."""
        self.commit()
        within = retention.of_hold(self._connection, scope)
        retention.named(who, why)
        self._add_record("legal_hold", (at_us, 0, scope, *within, who, why))

    def retire(self, at_us: int, keep_days: int, who: str, why: str) -> list[str]:
        """Unlink the files of days older than ``keep_days`` that no hold names; returns their names.

        A file's row in the chain is on the disk before it goes; what a cut leaves in between goes with the next call.
        Raises JournalBroken, Refused.
        """
        retention.named(who, why)
        self.commit()
        due = retention.due(self._connection, at_us, keep_days)
        for file in due:
            self._add_record("day_retired", (at_us, *self._days.sealed(file), who, why))
        self.commit()
        for file in day_files(self._connection):
            if file.retired:
                unlink_day(self.path.with_name(file.file))
        return [file.file for file in due]

    def reader(self) -> JournalReader:
        """Somebody who reads what is committed by now."""
        self.end_commit()
        return JournalReader(self.path, self.vfs)

    def close(self) -> None:
        """Close the files; what no commit was begun for is not in them.  May be called again."""
        if not self._closed:
            self._closed = True
            self._thread.shutdown()
            if self._broken is None:
                self._writer.end_parts(list(self._streams.values()))
            self._writer.close()
            self._lock.release()

    def _add(self, insert: str, row: tuple[apsw.SQLiteValue, ...]) -> None:
        self._work.add(insert, row)
        self._count()

    def _add_record(self, table: str, values: tuple[apsw.SQLiteValue, ...]) -> None:
        """A row of the chain."""
        self._add(*self._chain.add(table, values))
        self._work.head = (self._chain.n, self._chain.sha256)

    def _add_day(self, day: int, stream: Stream, insert: str, rows: list[tuple[apsw.SQLiteValue, ...]]) -> None:
        """Rows of a day; its first ones make its file.  Raises JournalBroken where that cannot be."""
        try:
            made = self._days.prepare(day)
        except (apsw.Error, BadFile) as problem:
            raise self._break(problem) from problem
        if made is not None:
            self._add_record("day_file", made)
        self._work.add_day(day, stream, insert, rows)
        self._count()

    def _count(self) -> None:
        assert self._work.rows_n <= ROWS_WAITING_MAX, "the supervisor commits once a scan"

    def _refuse_when_broken(self) -> None:
        if self._broken is not None:
            raise JournalBroken(self._broken)

    def _break(self, problem: Exception) -> JournalBroken:
        """From now on this journal refuses: after a failed sync nobody knows what of it reached the disk."""
        self._broken = f"{self.path}: the disk did not take a commit: {problem}"
        if self._committing is not None:
            self._committing[0].exception()  # until the other thread is done
            self._committing = None
        self._writer.roll_back()
        return JournalBroken(self._broken)

    def _resume(self, run: Run, days: apsw.Connection | None) -> None:
        """Learn from the files where the scans of a run go and which they hold; ``days`` is None for a new run."""
        stream = self._streams[run.run] = stream_of(self._connection, days, run.run)
        if days is None:
            self._taken[run.run], self._scans[run.run] = NumberSet(run.first_scan), NumberSet(run.first_scan)
            self._events[run.run] = NumberSet(run.first_event)
            return
        self._taken[run.run], self._scans[run.run] = held_scans(days, run.run, stream.scan_table, run.first_scan)
        self._events[run.run] = held_events(days, run.run, run.first_event)
        self._work.drawn.append((stream, *newest_scans(days, run.run, stream)))
