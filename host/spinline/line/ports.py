"""What the supervisor is given: the nodes' serial lines, and the record.  It knows no more of either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from spinline.line.alarms import Change
from spinline.line.by_second import Scan
from spinline.line.changes import Made
from spinline.line.deviations import Deviation
from spinline.line.node_session import NodeSession
from spinline.line.orders import Order
from spinline.line.scan_clock import Placing


class Port(Protocol):
    """A node's serial line."""

    def arrivals(self) -> list[tuple[int, bytes]]:
        """Pieces of bytes in order, each with the monotonic time (us) by which it had arrived."""

    def write(self, octets: bytes) -> None:
        """Send bytes; never waits."""


class Record(Protocol):
    """Where the supervisor writes what it saw.  What a commit made durable that has ended, and only that, counts."""

    def open_node(self, session: NodeSession, at_us: int) -> None:
        """A node answered: its scans and events belong to this run from now on; on the disk when it returns."""

    def reopen(self) -> None:
        """After a commit that failed: begin again with what is durable.  Raises SpinlineError where that cannot be."""

    def chained_to(self) -> int:
        """Number of the newest row that can only be added, also of those that wait for a commit."""

    def show(self, name: str, records: bytes) -> None:
        """Scan records whose newest is for `latest` only."""

    def add_scans(self, name: str, first_scan: int, placing: Placing, records: bytes) -> None:
        """Scan records in order; ``placing`` says when they were, in us UTC."""

    def add_summary(self, name: str, number: int, at_us: int, bound_us: int, record: bytes) -> None:
        """A summary with the time of its first scan and its bound.  One that is there stays as it is."""

    def add_gap(self, name: str, from_scan: int, to_scan: int, at_us: int) -> None:
        """Scans that are lost."""

    def add_event_gap(self, name: str, from_event: int, to_event: int, at_us: int) -> None:
        """Events that are lost: from the first up to, but without, the second."""

    def add_event(self, name: str, at_us: int, fields: dict[str, Any]) -> None:
        """An event of a node."""

    def add_earlier_event(self, name: str, at_us: int, fields: dict[str, Any]) -> None:
        """An event of an earlier boot of a node, told at ``at_us``; one that the record has stays as it is."""

    def add_batch_state(self, at_us: int, state: str, cause: str) -> None:
        """The batch changed its state."""

    def add_action(self, at_us: int, who: str, what: str, why: str, old: str | None, new: str | None) -> None:
        """What a person did, before and after."""

    def settings(self) -> list[Made]:
        """The changes of the recipe in this batch, in order."""

    def add_alarm(self, change: Change) -> None:
        """An alarm changed its state; its time is in us UTC."""

    def alarm_states(self) -> list[tuple[str, str]]:
        """Point and last state of every alarm, from an earlier supervisor."""

    def latest(self, tag: str) -> float | None:
        """The newest number of a tag in its screen unit; None while there is none."""

    def latest_quality(self, tag: str) -> int | None:
        """Its quality, one of `quantities`; None while there is none."""

    @property
    def caught_up(self) -> bool:
        """All scans of earlier supervisors were given."""

    def stored_scans(self, tags: Mapping[str, tuple[str, ...]], most: int) -> list[tuple[str, Scan]]:
        """Scans of each node in their order, each once: first at most ``most`` of earlier supervisors at a time."""

    def add_deviation(self, deviation: Deviation) -> None:
        """A deviation that is over; one that is there stays as it is."""

    def recorded_to_us(self) -> int:
        """When the newest scan of any node was, us UTC; 0 without one."""

    def batch_states(self) -> list[tuple[int, str]]:
        """When the batch entered each of its states so far, us UTC."""

    def add_order(self, name: str, order: Order) -> None:
        """An order that is about to be sent, or has ended; ``asked_us`` is UTC."""

    def open_orders(self) -> dict[str, list[Order]]:
        """Orders of each node without an end, from an earlier supervisor."""

    def begin_commit(self) -> None:
        """Begin to make everything durable."""

    def end_commit(self) -> None:
        """Wait for the commit that was begun, if any: from here on it counts.  Raises where it failed."""

    def scans_to(self, name: str) -> int:
        """The first scan of the node that the record does not hold yet."""

    def events_to(self, name: str) -> int:
        """The first event of the node that the record does not hold yet."""

    def known_runs(self) -> dict[str, tuple[int, int, int, bytes]]:
        """What the record holds from before: node -> boot id, next scan, next event, hash of the configuration."""
