"""The metres of a batch, from its journal: one row a metre with its verdict, and their lengths added up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apsw

from spinline.line.ledger import Metre
from spinline.line.line_ledger import LineLedger
from spinline.line.metre_totals import Metres
from spinline.recipe.line_model import Line
from spinline.record.course import course
from spinline.record.seconds import scans


def ledger(connection: apsw.Connection, line: Line) -> Iterator[Metre]:
    """Every metre of the batch, in order.  Raises UnknownName where the line lacks a loop this needs."""
    book = LineLedger(line)
    for stage in course(connection):
        book.enter(stage.from_us, stage.state)
    for name, scan in scans(connection, book.tags):
        yield from book.add(name, scan)
    yield from book.finish()


def metres(rows: Iterable[Metre]) -> Metres:
    """The lengths of all metres, by verdict and reason."""
    judged = Metres()
    for metre in rows:
        judged.add(metre)
    return judged
