"""What a store of records has to do, whatever stands behind it: `journal.Journal` today, a database server one day.

The tests of this interface are `host/tests/test_store.py`; they know nothing of files.  Time is int64 us UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from spinline.errors import NotDurable
from spinline.line.alarms import Change
from spinline.line.orders import Order
from spinline.recipe.compiler import NodeConfiguration
from spinline.record.accounts import NodeAccount
from spinline.record.chain import Misfit
from spinline.record.envelope import Extreme

Row = tuple[int | float | str | bytes | None, ...]


class JournalBroken(NotDurable):
    """The store did not take a commit.  Nothing of it may be acknowledged, and this store writes no more.

    What was committed before is whole; the nodes hold the rest.  Open it again once the disk is well.
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


class Reader(Protocol):
    """Reads what is committed, also while a store is written.  Raises BadFile where it cannot be read."""

    def scans(self, run: int, first: int, last: int) -> list[Row]:
        """Scans of a run in order, both ends included: scan, us UTC, then as `RecordDecoder.decode` gives them."""

    def records(self, kind: str) -> list[Row]:
        """Rows of one kind of record (`chain.CHAINED`) in order, without number and hash.  Raises UnknownName."""

    def trend(self, tags: Sequence[str], within: tuple[int, int], points_n: int) -> dict[str, list[Extreme]]:
        """Lowest and highest of each of at most ``points_n`` points, in the screen unit."""

    def accounts(self) -> list[NodeAccount]:
        """Per node and tag: expected = stored + missing."""

    def misfit(self) -> Misfit | None:
        """The first record that does not fit into the chain; None where all do."""

    def close(self) -> None:
        """Read no more."""


class Store(Protocol):
    """One writer of a batch's record.  What is added waits for a commit; what a commit ended for is durable.

    A row of a scan, summary, event or gap that is there stays as it was first stored.  Records (`chain.CHAINED`) are
    only ever added, each with the hash of the one before it.
    """

    def start_batch(self, batch: Batch) -> None:
        """Say what is made; once a store."""

    def end_batch(self, at_us: int) -> None:
        """Say when it ended."""

    def add_document(self, at_us: int, kind: str, name: str, text: str, who: str = "", why: str = "") -> None:
        """What the batch is made by, whole: ``kind`` is recipe, lot, line, waiver, ..."""

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
        """A new run of a node, durable when it returns.  Raises JournalBroken."""

    def add_clock(self, run: int, from_scan: int, at_us: int, drift_ppb: int, bound_us: int, basis: str) -> None:
        """When the scans of a run were from ``from_scan`` on; ``basis`` is sync or frame."""

    def add_scans(self, run: int, first_scan: int, rows: Sequence[tuple[int, ...]]) -> None:
        """Scans that follow one another: state, flags, quality word, a number a column."""

    def add_summaries(self, run: int, first: int, rows: Sequence[tuple[int, ...]]) -> None:
        """Summaries that follow one another: us UTC of the first scan, bound, then as `SummaryDecoder.decode`."""

    def add_gap(self, run: int, from_scan: int, to_scan: int, reason: str, at_us: int) -> None:
        """Declare scans lost, both ends included."""

    def add_event(
        self, run: int, event_i: int, scan: int, code: int, source: int, got: int, limit: int, at_us: int
    ) -> None:
        """An event of a node; ``code`` from the protocol's EVENTS."""

    def add_event_gap(self, run: int, from_event: int, to_event: int, at_us: int) -> None:
        """Declare events lost, both ends included."""

    def add_order(self, node: str, order: Order) -> None:
        """An order that is about to be sent, or its end."""

    def open_orders(self) -> list[tuple[str, Order]]:
        """Node and order of each that has no end, oldest first."""

    def add_action(self, at_us: int, who: str, what: str, why: str, old: str | None, new: str | None) -> None:
        """What a person or the supervisor did."""

    def add_alarm(self, change: Change) -> None:
        """An alarm changed its state."""

    def alarm_states(self) -> list[tuple[str, str]]:
        """Point and last state of every alarm."""

    def add_batch_state(self, at_us: int, state: str, cause: str) -> None:
        """The batch entered a state."""

    def add_claim(self, at_us: int, claim: int, verdict: str, required: bool, reason: str, basis: str) -> None:
        """A verdict; ``basis`` is planned or measured."""

    def hold(self, at_us: int, scope: str, within: tuple[int, int], who: str, why: str) -> None:
        """Nothing within these times may be retired, until ``scope`` is released."""

    def release(self, at_us: int, scope: str, who: str, why: str) -> None:
        """End a hold.  Raises Refused where there is none of this scope."""

    def retire(self, at_us: int, keep_days: int, who: str, why: str) -> list[str]:
        """Take scans away that are older than ``keep_days``, a whole day at a time, but for what is held.

        Returns the names of what went; records stay for ever.  Raises JournalBroken, Refused.
        """

    def commit(self) -> None:
        """Make everything that waits durable, or nothing of it.  Raises JournalBroken, then and ever after."""

    def begin_commit(self) -> None:
        """Begin to; `end_commit` says whether it is.  What is added meanwhile waits for the next one."""

    def end_commit(self) -> None:
        """Wait for the commit that was begun, if any.  Raises JournalBroken."""

    def scans_to(self, run: int) -> int:
        """Highest scan such that all from the run's first to it are durable or declared lost; first - 1 for none."""

    def events_to(self, run: int) -> int:
        """The same of events."""

    def runs(self) -> list[Run]:
        """Every run, oldest first."""

    def reader(self) -> Reader:
        """Somebody who reads what is committed by now."""

    def close(self) -> None:
        """Write no more; what no commit was begun for is gone.  May be called again."""
