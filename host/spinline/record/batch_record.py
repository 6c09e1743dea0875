"""What the supervisor writes to: decodes scan records, puts them in the journal, remembers the latest of each node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from spinline.line.alarms import Change
from spinline.line.by_second import Scan
from spinline.line.changes import IN_FORCE, Made
from spinline.line.deviations import Deviation
from spinline.line.guarded_record import SUPERVISOR
from spinline.line.node_session import NodeSession
from spinline.line.orders import Order
from spinline.line.scan_clock import Placing
from spinline.recipe.compiler import NodeConfiguration
from spinline.record.course import states_entered
from spinline.record.decode import RecordDecoder, SummaryDecoder
from spinline.record.journal import Journal
from spinline.record.opening import open_reader
from spinline.record.schema import SETPOINTS_TAKEN, event_name
from spinline.record.seconds import scans as scans_in
from spinline.record.series import extent, fetch, reading
from spinline_protocol import messages
from spinline_protocol.quantities import QUANTITIES
from spinline_protocol.words import summary_scans

SECOND_US = 1_000_000


class BatchRecord:
    """The record of one batch over a journal.  Implements what the supervisor asks of a record."""

    def __init__(self, journal: Journal, configurations: list[NodeConfiguration]) -> None:
        self.journal = journal
        self._decoders = {node.name: RecordDecoder(node.columns) for node in configurations}
        self._summaries = {node.name: SummaryDecoder(node.summarised) for node in configurations}
        self._scan_ms = {node.name: node.scan_ms for node in configurations}
        self._first_summary: dict[str, int] = {}  # of the run; older ones in the node's ring are of what ran before
        self._columns = {node.name: node.columns for node in configurations}
        self._runs: dict[str, int] = {}
        self._places: dict[str, list[tuple[int, int] | None]] = {}
        self._latest: dict[str, tuple[int, ...]] = {}
        self._placings: dict[int, Placing] = {}  # of each run, the one in force
        self._fresh: list[tuple[str, int, Placing, list[tuple[int, ...]]]] = []  # what nobody asked for yet
        self._given: dict[int, int] = {}  # of each run, the newest scan that somebody asked for
        self._earlier: Iterator[tuple[str, Scan]] | None = None  # scans of earlier supervisors
        self.caught_up = False  # all of those were given

    def known_runs(self) -> dict[str, tuple[int, int, int, bytes]]:
        """What the journal holds of each node's newest run: boot id, next scan, next event, configuration's hash."""
        journal, known = self.journal, {}
        for run in journal.runs():
            to = (journal.scans_to(run.run) + 1, journal.events_to(run.run) + 1)
            known[run.node] = (run.boot_id, *to, bytes.fromhex(run.configuration_sha256))
        return known

    def open_node(self, session: NodeSession, at_us: int) -> None:
        """Start a run of a node, or go on with the one in the journal.

        Scans that the last run of the same boot still misses are declared lost first: whatever happens next, they are
        accounted for.
        """
        name, boot_id = session.name, session.hello["boot_id"]
        found = [run for run in self.journal.runs() if (run.node, run.boot_id) == (name, boot_id)]
        if found and not session.new_run:
            self._runs[name] = found[-1].run
            self._first_summary[name] = found[-1].first_scan // summary_scans(self._scan_ms[name])
            return
        if found and self.journal.scans_to(found[-1].run) + 1 < session.first_scan:
            lost = (self.journal.scans_to(found[-1].run) + 1, session.first_scan - 1)
            self.journal.add_gap(
                found[-1].run, *lost, "another configuration was loaded before they were fetched", at_us
            )
            self.journal.commit()
        identity = session.identity
        self._first_summary[name] = session.first_scan // summary_scans(self._scan_ms[name])
        self._runs[name] = self.journal.add_node(
            name,
            session.configuration,
            session.hello["firmware_sha256"].hex(),
            f"{identity['interpreter']} {identity['port']}",
            identity["word_bits"],
            boot_id=boot_id,
            first_scan=session.first_scan,
            first_event=session.first_event,
        )

    def reopen(self) -> None:
        """The journal has failed: open its files anew.  Raises BadFile where they cannot be, and JournalBroken."""
        self.journal.close()
        self.journal = Journal.open(self.journal.path, self.journal.vfs)
        self._runs.clear()
        self._placings.clear()

    def chained_to(self) -> int:
        """Number of the newest row of the chain, also of those that wait for a commit."""
        return self.journal.chained_to

    def show(self, name: str, records: bytes) -> None:
        """Scan records whose newest is for `latest` only."""
        self._latest[name] = self._decoders[name].decode(records)[-1]

    def add_scans(self, name: str, first_scan: int, placing: Placing, records: bytes) -> None:
        """Scan records in order; ``placing`` says when they were, in us UTC."""
        rows = self._decoders[name].decode(records)
        self._latest[name] = rows[-1]
        run = self._runs[name]
        if self._placings.get(run) != placing:
            self._placings[run] = placing
            line = (placing.at(first_scan), placing.drift_ppb, placing.bound_us, placing.basis)
            self.journal.add_clock(run, first_scan, *line)
        self.journal.add_scans(run, first_scan, rows)
        self._fresh.append((name, first_scan, placing, rows))

    def stored_scans(self, tags: Mapping[str, tuple[str, ...]], most: int) -> list[tuple[str, Scan]]:
        """Scans of each node in their order, each once: first at most ``most`` of earlier supervisors at a time.

        Asked for the first time before anything new is committed.
        """
        if self._earlier is None:
            known = bool(self.journal.runs())
            self._earlier = scans_in(open_reader(self.journal.path), tags) if known else iter(())
            self._places = {name: self._places_of(name, wanted) for name, wanted in tags.items()}
        if not self.caught_up:
            found = list(islice(self._earlier, most))
            if len(found) < most:
                self.caught_up, self._earlier = True, iter(())  # and so its reader ends
            return found
        fresh, self._fresh = self._fresh, []
        return [
            (name, scan)
            for name, first, placing, rows in fresh
            if name in tags
            for scan in self._scans_of(name, first, placing, rows)
        ]

    def _places_of(self, name: str, tags: tuple[str, ...]) -> list[tuple[int, int] | None]:
        """Column and divisor of each tag; None where this configuration has no such column."""
        columns = {column.tag: i for i, column in enumerate(self._columns[name])}
        return [
            (columns[tag], 10 ** QUANTITIES[self._columns[name][columns[tag]].quantity][5]) if tag in columns else None
            for tag in tags
        ]

    def _scans_of(self, name: str, first: int, placing: Placing, rows: list[tuple[int, ...]]) -> Iterator[Scan]:
        run, places = self._runs[name], self._places[name]
        given_to = self._given.get(run, -1)
        self._given[run] = max(given_to, first + len(rows) - 1)
        for number, row in enumerate(rows, first):
            if number <= given_to:
                continue  # its commit failed, and it came again
            numbers = tuple([place and row[3 + place[0]] / place[1] for place in places])
            good = tuple([place is not None and not row[2] >> 2 * place[0] & 3 for place in places])
            yield Scan(run, number, placing.at(number), row[0], numbers, good)

    def add_deviation(self, deviation: Deviation) -> None:
        """A deviation that is over; one that an earlier supervisor stored stays as it is."""
        row = deviation
        place = (row.taken_up_s * SECOND_US, row.from_m, row.to_m, row.window)
        self.journal.add_deviation((*place, row.quantity, row.verdict.value, row.low, row.high))

    def recorded_to_us(self) -> int:
        """When the newest scan of any node was, us UTC; 0 without one."""
        self.journal.end_commit()
        with reading(self.journal.path) as connection:
            found = extent(connection)
        return found[1] if found else 0

    def batch_states(self) -> list[tuple[int, str]]:
        """When the batch entered each of its states so far, us UTC."""
        self.journal.end_commit()
        with reading(self.journal.path) as connection:
            return states_entered(connection)

    def add_summary(self, name: str, number: int, at_us: int, bound_us: int, record: bytes) -> None:
        """A summary with the time of its first scan and its bound.  One that is there stays as it is."""
        if number >= self._first_summary[name]:
            (row,) = self._summaries[name].decode(record)
            self.journal.add_summaries(self._runs[name], number, [(at_us, bound_us, *row)])

    def add_gap(self, name: str, from_scan: int, to_scan: int, at_us: int) -> None:
        """Scans that are lost: from the first up to, but without, the second."""
        self.journal.add_gap(self._runs[name], from_scan, to_scan - 1, "overwritten in the node's ring", at_us)

    def add_event_gap(self, name: str, from_event: int, to_event: int, at_us: int) -> None:
        """Events that are lost: from the first up to, but without, the second."""
        self.journal.add_event_gap(self._runs[name], from_event, to_event - 1, at_us)

    def add_event(self, name: str, at_us: int, fields: dict[str, Any]) -> None:
        """An event of a node."""
        told = (fields["scan"], fields["code"], fields["source"], fields["got"], fields["limit"])
        self.journal.add_event(self._runs[name], fields["event_i"], *told, at_us)

    def add_earlier_event(self, name: str, at_us: int, fields: dict[str, Any]) -> None:
        """An event that a node has kept from an earlier boot, told at ``at_us``.  One that is there stays as it is."""
        told = (fields["scan"], event_name(fields["code"]), fields["source"], fields["got"], fields["limit"])
        self.journal.add_earlier_event((name, fields["boot_id"], fields["event_i"], at_us, *told))

    def add_order(self, name: str, order: Order) -> None:
        """An order that is about to be sent, or has ended; ``asked_us`` is UTC."""
        self.journal.add_order(name, order)

    def open_orders(self) -> dict[str, list[Order]]:
        """Orders of each node without an end, from an earlier supervisor."""
        found: dict[str, list[Order]] = {}
        for name, order in self.journal.open_orders():
            found.setdefault(name, []).append(order)
        return found

    def add_action(self, at_us: int, who: str, what: str, why: str, old: str | None, new: str | None) -> None:
        """What a person did, before and after."""
        self.journal.add_action(at_us, who, what, why, old, new)

    def settings(self) -> list[Made]:
        """The changes of the recipe in this batch, in order: each ends with the hash of what is in force then."""
        self.journal.end_commit()
        query = "SELECT at_us, who, what, new_value FROM action WHERE what LIKE 'set %' OR what = ? ORDER BY n"
        changes: list[Made] = []
        values: list[tuple[str, str]] = []
        with reading(self.journal.path) as connection:
            for at_us, who, what, value in fetch(connection, query, (IN_FORCE,)):
                if what != IN_FORCE:
                    values.append((what.removeprefix("set "), value))
                    continue
                ((orders_n, taken_n),) = fetch(connection, SETPOINTS_TAKEN, (messages.SET_SETPOINT, at_us))
                changes.append(Made(tuple(values), who == SUPERVISOR, 0 < orders_n == taken_n))
                values = []
        return changes

    def add_alarm(self, change: Change) -> None:
        """An alarm changed its state."""
        self.journal.add_alarm(change)

    def alarm_states(self) -> list[tuple[str, str]]:
        """Point and last state of every alarm, from an earlier supervisor."""
        return self.journal.alarm_states()

    def add_batch_state(self, at_us: int, state: str, cause: str) -> None:
        """The batch changed its state."""
        self.journal.add_batch_state(at_us, state, cause)

    def commit(self) -> None:
        """Make everything durable.  Raises JournalBroken, and then nothing of it may be acknowledged."""
        self.journal.commit()

    def begin_commit(self) -> None:
        """Begin to make everything durable; it counts from `end_commit` on."""
        self.journal.begin_commit()

    def end_commit(self) -> None:
        """Wait for the commit that was begun.  Raises JournalBroken, as `commit` does."""
        self.journal.end_commit()

    def scans_to(self, name: str) -> int:
        """The first scan of the node that the record does not hold yet; 0 while the node is unknown."""
        return self.journal.scans_to(self._runs[name]) + 1 if name in self._runs else 0

    def events_to(self, name: str) -> int:
        """The first event of the node that the record does not hold yet; 0 while the node is unknown."""
        return self.journal.events_to(self._runs[name]) + 1 if name in self._runs else 0

    def latest(self, tag: str) -> float | None:
        """The latest number of a tag in its screen unit; None while there is none, or where it is not recorded."""
        found = self._newest(tag)
        return None if found is None else float(found[0][3 + found[1]]) / float(10 ** QUANTITIES[found[2]][5])

    def latest_quality(self, tag: str) -> int | None:
        """Its quality, one of `quantities`; None while there is none."""
        found = self._newest(tag)
        return None if found is None else found[0][2] >> 2 * found[1] & 3

    def numbers(self) -> dict[str, tuple[float, int]]:
        """Number, in its screen unit, and quality of the newest scan of every tag."""
        found = {}
        for name, row in self._latest.items():
            for i, column in enumerate(self._columns[name]):
                scale = 10 ** QUANTITIES[column.quantity][5]
                found[column.tag] = (row[3 + i] / scale, row[2] >> 2 * i & 3)
        return found

    def _newest(self, tag: str) -> tuple[tuple[int, ...], int, int] | None:
        """The newest scan of a tag's node, the tag's column and its quantity."""
        name = tag.partition(".")[0]
        row = self._latest.get(name)
        if row is None:
            return None
        for i, column in enumerate(self._columns[name]):
            if column.tag == tag:
                return row, i, column.quantity
        return None
