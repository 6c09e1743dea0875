"""The metres of a line from the scans of its nodes, as they happen or out of a journal: the same code, the same metres.

It reads and judges; it has no way to an order, so a verdict can never reach an output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spinline.line.by_second import BySecond, Moved, Scan
from spinline.line.conformance import Conformance
from spinline.line.ledger import Ledger, Metre, Second
from spinline.line.standing import Standing
from spinline.recipe.line_model import Line


class LineLedger:
    """Takes states and scans, gives metres in order.  Raises UnknownName where the line lacks a loop this needs."""

    def __init__(self, line: Line) -> None:
        self._by_second = BySecond(line)
        self._models = Conformance(line)
        self._book = Ledger.of(line)
        self._standing = Standing()
        self.newest: Second | None = None

    @property
    def tags(self) -> Mapping[str, tuple[str, ...]]:
        """What the scans of each node must have."""
        return self._by_second.tags

    @property
    def outside(self) -> frozenset[str]:
        """Ids of the claimed windows that a quantity left and has not come back to, as of the newest second."""
        return self._standing.outside

    def enter(self, at_us: int, state: str) -> None:
        """The batch entered a state, us UTC."""
        self._by_second.enter(at_us, state)

    def add(self, name: str, scan: Scan) -> Iterator[Metre]:
        """The next scan of a node; gives the metres that have left the stretch."""
        for moved in self._by_second.add(name, scan):
            yield from self._book.add(self._second(moved))

    def finish(self) -> Iterator[Metre]:
        """What is left when nothing more comes: fiber that was never stretched."""
        for moved in self._by_second.finish():
            yield from self._book.add(self._second(moved))
        yield from self._book.finish()

    def _second(self, moved: Moved) -> Second:
        spans = self._models.step(moved.measured)
        self._standing.step(spans)
        place = (moved.at_s, moved.state, moved.begin_m, moved.end_m, moved.whole)
        self.newest = Second(*place, spans, moved.slips)
        return self.newest
