"""Deviations: runs of metres whose quantity was not in its window, with what it was.  Pure.

A quantity at its limit, or not known, is a deviation, too: only PASS is none.  Fiber that is no product is one run with
its reason, whatever was measured of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from spinline.claims.catalog import window
from spinline.claims.verdicts import Verdict
from spinline.line.ledger import MISSING_SCANS, Metre, MetreVerdict, judged_span


@dataclass(frozen=True)
class Deviation:
    """A run of metres at take-up, from one to the other.  ``taken_up_s`` of its first, s UTC.

    ``window`` is empty where it is not about a quantity: ``quantity`` has the reason then.  ``low`` and ``high`` in the
    unit of the window, None where nothing is known.
    """

    from_m: int
    to_m: float
    taken_up_s: int
    window: str
    quantity: str
    verdict: MetreVerdict
    low: float | None
    high: float | None


class Deviations:
    """Takes metres in order, gives each run when it is over."""

    def __init__(self) -> None:
        self._open: dict[str, Deviation] = {}

    def add(self, metre: Metre) -> Iterator[Deviation]:
        """The runs that do not go on with this metre."""
        found = {row.window: row for row in _of_metre(metre)}
        for name, run in list(self._open.items()):
            new = found.pop(name, None)
            if new is not None and (new.verdict, new.quantity) == (run.verdict, run.quantity):
                self._open[name] = _longer(run, new)
                continue
            yield self._open.pop(name)
            if new is not None:
                self._open[name] = new
        self._open |= found

    def finish(self) -> Iterator[Deviation]:
        """The runs that went on to the last metre."""
        yield from self._open.values()
        self._open = {}


def deviations(metres: Iterable[Metre]) -> list[Deviation]:
    """All of them, in the order of their metres."""
    runs = Deviations()
    found = [run for metre in metres for run in runs.add(metre)]
    return sorted([*found, *runs.finish()], key=lambda run: (run.from_m, run.window))


def _of_metre(metre: Metre) -> Iterator[Deviation]:
    place = (metre.number, metre.number + metre.length_m, metre.taken_up_s)
    if metre.verdict is MetreVerdict.SCRAP:
        yield Deviation(*place, "", metre.reason, MetreVerdict.SCRAP, None, None)
        return
    if metre.reason == MISSING_SCANS:
        yield Deviation(*place, "", metre.reason, MetreVerdict.UNKNOWN, None, None)
    for name, span in metre.spans.items():
        verdict = judged_span(name, span)
        if verdict is not Verdict.PASS:
            ends = (span.low, span.high) if span else (None, None)
            yield Deviation(*place, name, window(name).quantity, MetreVerdict(verdict.value), *ends)


def _longer(run: Deviation, new: Deviation) -> Deviation:
    lows = [end for end in (run.low, new.low) if end is not None]
    highs = [end for end in (run.high, new.high) if end is not None]
    return replace(run, to_m=new.to_m, low=min(lows, default=None), high=max(highs, default=None))
