"""The record as the supervisor uses it: it says when nothing is durable any more, and never raises for that.

While ``trouble`` stands, nothing counts: no scan is taken, so none is acknowledged and it comes again from the node's
ring; no lease is renewed.  What people and the supervisor did waits here, and is recorded when the disk is well again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from spinline.errors import NotDurable, Refused, SpinlineError
from spinline.line.alarms import Change
from spinline.line.deviations import Deviation
from spinline.line.orders import Order
from spinline.line.scan_clock import Placing

if TYPE_CHECKING:
    from spinline.line.node_session import NodeSession
    from spinline.line.ports import Record

WAITING_MAX = 10_000  # rows of people, alarms and orders; more than anybody does in a day
SUPERVISOR = "supervisor"
AGAIN = "; tried again: "
BEGUN_AGAIN = "the record is begun again"
# What a person may ask while nothing is recorded: whatever makes the line safer, and words.
SAFE = ("stop", "abort", "hold", "acknowledge", "note")


class _Kept(NamedTuple):
    """A row until it is durable; ``chained`` where the record would hold it twice."""

    add: Callable[[], None]
    chained: bool


class GuardedRecord:
    """A record and whether it takes what it is given; the same questions and rows as `ports.Record`."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.trouble = ""
        self._since: list[_Kept] = []  # rows since a commit was begun
        self._in_commit: list[_Kept] = []  # rows of the commit that was begun and has not ended well
        self._chained_to = 0  # where that commit leads the chain
        self._dropped_n = 0

    def refuse(self, what: str) -> None:
        """Raises Refused for a command that may not be done while nothing is durable."""
        if self.trouble and what not in SAFE:
            raise Refused(
                f"{what} is not possible while nothing is recorded ({self.trouble}; possible: {', '.join(SAFE)})"
            )

    def recover(self, at_us: int) -> bool:
        """Try whether the record can be written again; True where all that waited is durable now.

        A commit that failed may be in the record all the same: then its rows are not added twice.
        """
        try:
            self._record.reopen()
            is_in = self._record.chained_to() >= self._chained_to
            self._in_commit = [kept for kept in self._in_commit if not (is_in and kept.chained)] + self._since
            self._since = []
            for kept in self._in_commit:
                kept.add()
            dropped = f"; {self._dropped_n} rows of people and alarms are lost" if self._dropped_n else ""
            self._record.add_action(at_us, SUPERVISOR, BEGUN_AGAIN, self.trouble + dropped, None, None)
            self._chained_to = self._record.chained_to()
            self._record.begin_commit()
            self._record.end_commit()
        except SpinlineError as problem:
            self.trouble = f"{self.trouble.partition(AGAIN)[0]}{AGAIN}{problem}"
            return False
        self.trouble, self._dropped_n, self._in_commit = "", 0, []
        return True

    def begin_commit(self) -> None:
        """Begin to make everything durable."""
        if not self.trouble:
            self._in_commit, self._since = self._since, []
            self._chained_to = self._record.chained_to()
            self.attempt(self._record.begin_commit)

    def end_commit(self) -> None:
        """Wait for the commit that was begun, if any: from here on it counts, unless there is trouble."""
        self.attempt(self._record.end_commit)
        if not self.trouble:
            self._in_commit = []

    def attempt(self, act: Callable[[], None]) -> None:
        """Do something with the record, unless there is trouble; what it raises is trouble."""
        if not self.trouble:
            try:
                act()
            except NotDurable as problem:
                self.trouble = str(problem)

    def _keep(self, add: Callable[[], None], chained: bool = True) -> None:
        """Now, and again where the commit that it is in fails; in trouble only then."""
        if len(self._since) >= WAITING_MAX:
            self._dropped_n += 1
            return
        self._since.append(_Kept(add, chained))
        if not self.trouble:
            add()

    def open_node(self, session: NodeSession, at_us: int) -> None:
        """A node answered; not now where there is trouble."""
        self.attempt(lambda: self._record.open_node(session, at_us))

    def add_scans(self, name: str, first_scan: int, placing: Placing, records: bytes) -> None:
        """Scan records in order; in trouble only the newest is shown."""
        if self.trouble:
            self._record.show(name, records)
        else:
            self.attempt(lambda: self._record.add_scans(name, first_scan, placing, records))

    def add_summary(self, name: str, number: int, at_us: int, bound_us: int, record: bytes) -> None:
        """A summary; in trouble it is left to the node's ring."""
        self.attempt(lambda: self._record.add_summary(name, number, at_us, bound_us, record))

    def add_gap(self, name: str, from_scan: int, to_scan: int, at_us: int) -> None:
        """Scans that are lost; in trouble this is found again afterwards."""
        self.attempt(lambda: self._record.add_gap(name, from_scan, to_scan, at_us))

    def add_event_gap(self, name: str, from_event: int, to_event: int, at_us: int) -> None:
        """Events that are lost; likewise."""
        self.attempt(lambda: self._record.add_event_gap(name, from_event, to_event, at_us))

    def add_event(self, name: str, at_us: int, fields: dict[str, Any]) -> None:
        """An event; in trouble it is left to the node's ring."""
        self.attempt(lambda: self._record.add_event(name, at_us, fields))

    def add_earlier_event(self, name: str, at_us: int, fields: dict[str, Any]) -> None:
        """An event of an earlier boot, asked for once: it waits."""
        self._keep(lambda: self._record.add_earlier_event(name, at_us, fields), chained=False)

    def add_deviation(self, deviation: Deviation) -> None:
        """Metres that were outside of a window."""
        self._keep(lambda: self._record.add_deviation(deviation), chained=False)

    def add_batch_state(self, at_us: int, state: str, cause: str) -> None:
        """The batch changed its state."""
        self._keep(lambda: self._record.add_batch_state(at_us, state, cause))

    def add_action(self, at_us: int, who: str, what: str, why: str, old: str | None, new: str | None) -> None:
        """What a person did, before and after."""
        self._keep(lambda: self._record.add_action(at_us, who, what, why, old, new))

    def add_alarm(self, change: Change) -> None:
        """An alarm changed its state."""
        self._keep(lambda: self._record.add_alarm(change))

    def add_order(self, name: str, order: Order) -> None:
        """An order that is about to be sent, or has ended."""
        self._keep(lambda: self._record.add_order(name, order), chained=False)
