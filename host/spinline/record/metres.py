"""The metres of a batch, from its journal: one row a metre with its verdict, and their lengths added up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import apsw

from spinline.line.ledger import Ledger, Metre, MetreVerdict
from spinline.recipe.line_model import Line
from spinline.record.seconds import seconds


def _no_lengths() -> defaultdict[str, float]:
    return defaultdict(float)


@dataclass
class Metres:
    """Metres by verdict, and why those that did not pass did not; `made` is the sum of the other five."""

    passed: float = 0.0
    at_limit: float = 0.0
    failed: float = 0.0
    unknown: float = 0.0
    scrap: float = 0.0
    scrap_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)
    fail_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)
    unknown_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)

    @property
    def made(self) -> float:
        """All metres taken up."""
        return self.passed + self.at_limit + self.failed + self.unknown + self.scrap


def ledger(connection: apsw.Connection, line: Line) -> Iterator[Metre]:
    """Every metre of the batch, in order.  Raises UnknownName where the line lacks a loop this needs."""
    book = Ledger(line.path)
    for second in seconds(connection, line):
        yield from book.add(second)
    yield from book.finish()


def metres(rows: Iterable[Metre]) -> Metres:
    """The lengths of all metres, by verdict and reason."""
    judged = Metres()
    for metre in rows:
        if metre.verdict is MetreVerdict.PASS:
            judged.passed += metre.length_m
        elif metre.verdict is MetreVerdict.AT_LIMIT:
            judged.at_limit += metre.length_m
        elif metre.verdict is MetreVerdict.FAIL:
            judged.failed += metre.length_m
            judged.fail_reasons[metre.reason] += metre.length_m
        elif metre.verdict is MetreVerdict.UNKNOWN:
            judged.unknown += metre.length_m
            judged.unknown_reasons[metre.reason] += metre.length_m
        else:
            judged.scrap += metre.length_m
            judged.scrap_reasons[metre.reason] += metre.length_m
    return judged
