"""The ledger beside a running batch: metres added up, deviations as they end, claimed quantities that are outside now.

It takes scans that the record holds and gives rows for the record; it knows no port, no order and no setpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from spinline.line.batch import ENDED
from spinline.line.by_second import Scan
from spinline.line.deviations import Deviation, Deviations
from spinline.line.ledger import Metre, Second
from spinline.line.line_ledger import LineLedger
from spinline.line.metre_totals import Metres
from spinline.line.take_up import SECOND_US
from spinline.recipe.line_model import Line

SCANS_MAX = 4_000  # taken in one scan of the supervisor: about 50 ms; an earlier one left many
ENDED_S = 60  # behind the end of a batch everything of it has come


class LiveLedger:
    """One for each supervisor; from an earlier one's record it begins with the first scan of the batch.

    Raises UnknownName where the line lacks a loop this needs.
    """

    def __init__(self, line: Line) -> None:
        self._ledger = LineLedger(line)
        self._runs = Deviations()
        self._ended_s: int | None = None
        self._is_over = False
        self.metres = Metres()

    @property
    def tags(self) -> Mapping[str, tuple[str, ...]]:
        """What the scans of each node must have."""
        return self._ledger.tags

    @property
    def outside(self) -> frozenset[str]:
        """Ids of the claimed windows that a quantity left and has not come back to."""
        return self._ledger.outside

    @property
    def newest(self) -> Second | None:
        """The newest second that is over, with everything measured in it."""
        return self._ledger.newest

    def enter(self, at_us: int, state: str) -> None:
        """The batch entered a state, us UTC."""
        self._ledger.enter(at_us, state)
        self._ended_s = at_us // SECOND_US if state in ENDED else None

    def take(self, scans: Iterable[tuple[str, Scan]]) -> Iterator[Deviation]:
        """The next scans, those of a node in their order; gives the deviations that ended."""
        for name, scan in scans:
            if not self._is_over:
                for metre in self._ledger.add(name, scan):
                    yield from self._take_metre(metre)
        newest = self._ledger.newest
        if self._ended_s is not None and newest is not None and newest.at_s > self._ended_s + ENDED_S:
            yield from self.finish()

    def finish(self) -> Iterator[Deviation]:
        """The batch has ended and all its scans are there."""
        if not self._is_over:
            self._is_over = True
            for metre in self._ledger.finish():
                yield from self._take_metre(metre)
            yield from self._runs.finish()

    def _take_metre(self, metre: Metre) -> Iterator[Deviation]:
        self.metres.add(metre)
        return self._runs.add(metre)
