"""What the supervisor writes to: decodes scan records, puts them in the journal, remembers the latest of each node."""

from __future__ import annotations

from typing import Any

from spinline.line.alarms import Change
from spinline.line.node_session import NodeSession
from spinline.line.orders import Order
from spinline.line.scan_clock import Placing
from spinline.recipe.compiler import NodeConfiguration
from spinline.record.decode import RecordDecoder, SummaryDecoder
from spinline.record.journal import Journal
from spinline.record.schema import event_name
from spinline_protocol.quantities import QUANTITIES
from spinline_protocol.words import summary_scans


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
        self._latest: dict[str, tuple[int, ...]] = {}
        self._placings: dict[int, Placing] = {}  # of each run, the one in force

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
