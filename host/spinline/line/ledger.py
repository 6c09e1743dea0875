"""The metre ledger: every quantity is carried to the metre of fiber it acted on; every metre gets a verdict.  Pure.

A metre is one at take-up.  Where along the fiber's path a quantity acts is a length in metres at take-up, so a line
that slows or stands moves nothing to another metre: the die is behind, the baths and the stretch ahead of the take-up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from spinline.claims.catalog import window
from spinline.claims.verdicts import Verdict
from spinline.line.span import Span, Spans, is_within
from spinline.recipe.line_model import FiberPath, Line

PRODUCTION = "RUNNING"
STRETCHED_IN = (PRODUCTION, "COMPLETING")  # fiber may be stretched while the line runs out
REASONS = {"COMPLETING": "run-out"}  # of metres spun outside of production; other states are their own reason
NOT_RUN_OUT = "not run out"
MISSING_SCANS = "take-up scans are missing"
RESIDENCE = "E-TRES"
OFF_RATIO = "E-DRDEV"  # outside of it fiber is scrap
KEPT_SECONDS_N = 4096  # behind the oldest metre before they are forgotten


class MetreVerdict(StrEnum):
    """What a metre is worth.  SCRAP is no product, whatever was measured."""

    PASS = "PASS"
    AT_LIMIT = "AT_LIMIT"
    UNKNOWN = "UNKNOWN"
    FAIL = "FAIL"
    SCRAP = "SCRAP"


@dataclass(frozen=True)
class Second:
    """A second of the batch: its state, the take-up position at its begin and end in m, and what was measured.

    ``whole`` is False where take-up scans of it are missing, ``slips`` True where fiber slipped on the last godet.
    """

    at_s: int
    state: str
    begin_m: float
    end_m: float
    whole: bool
    spans: Spans
    slips: bool = False


@dataclass(frozen=True)
class Metre:
    """One metre at take-up; the last one of a batch may be shorter.  ``reason`` is empty where it passed.

    ``finished_m`` is its length after the stretch, None where it was not stretched.
    """

    number: int
    length_m: float
    taken_up_s: int
    verdict: MetreVerdict
    reason: str
    spans: Spans
    finished_m: float | None


class Ledger:
    """Takes seconds in order, gives metres in order, each as soon as it has left the stretch.

    ``cools``: the side the fiber is cooled from is judged, too; ``extracts``: what was extracted.
    """

    def __init__(self, path: FiberPath, cools: bool = False, extracts: bool = False) -> None:
        stretch_m = path.take_up_to_stretch_m
        self._stretch_m = stretch_m
        self._places = {  # where a window's quantity acts: from, to, in m ahead of the take-up
            "C12-PLAST": (-path.die_to_take_up_m, -path.die_to_take_up_m),
            "C12-SOLV": (-path.die_to_take_up_m, -path.die_to_take_up_m),
            "E-TQUENCH": (-path.quench_m, 0.0),
            "E-FQUENCH": (-path.quench_m, 0.0),
            "E-TEXTR": (0.0, stretch_m),
            "C12-STRETCH": (stretch_m, stretch_m),
            OFF_RATIO: (stretch_m, stretch_m),
        }
        if cools:
            self._places["C12-COOLASYM"] = (-path.quench_m, 0.0)
        if extracts:
            self._places["C12-EXTRACT"] = (stretch_m, stretch_m)  # of all of the batch until it left the baths
        self._spun_m = -path.die_to_take_up_m
        self._seconds: list[Second] = []
        self._ends_m: list[float] = []
        self._next = 0  # number of the next metre

    @classmethod
    def of(cls, line: Line) -> Ledger:
        """The ledger of a line, with every window that it can judge."""
        return cls(line.path, line.cooling is not None, line.extraction is not None)

    @property
    def judged_by(self) -> tuple[str, ...]:
        """Ids of the windows a metre is judged by."""
        return (*self._places, RESIDENCE)

    def add(self, second: Second) -> Iterator[Metre]:
        """The metres that left the stretch in this second."""
        assert second.end_m >= second.begin_m, "fiber is never pushed back"
        self._seconds.append(second)
        self._ends_m.append(second.end_m)
        while self._next + 1 + self._stretch_m <= second.end_m:
            yield self._metre(float(self._next + 1))
        self._forget()

    def finish(self) -> Iterator[Metre]:
        """What is left when the batch has ended: fiber that was never stretched."""
        end_m = self._ends_m[-1] if self._ends_m else 0.0
        while self._next < end_m:
            yield self._metre(min(float(self._next + 1), end_m), is_left=True)

    def _metre(self, to_m: float, is_left: bool = False) -> Metre:
        number, from_m = self._next, float(self._next)
        self._next += 1
        spun = self._during(from_m + self._spun_m, to_m)
        spans = {name: self._span(name, from_m, to_m) for name in self._places}
        taken_up_s = self._during(from_m, to_m)[0].at_s
        if is_left:
            spans |= dict.fromkeys(name for name, (_from, to) in self._places.items() if to > 0) | {RESIDENCE: None}
            scrap = _spun_badly(spun) or NOT_RUN_OUT
            return Metre(number, to_m - from_m, taken_up_s, MetreVerdict.SCRAP, scrap, spans, None)
        stretched = self._during(from_m + self._stretch_m, to_m + self._stretch_m)
        residence_s = float(stretched[0].at_s - taken_up_s)
        spans[RESIDENCE] = Span(residence_s, residence_s)
        verdict, reason = _judged(spun, stretched, spans)
        ratio = spans["C12-STRETCH"]
        finished_m = None if ratio is None else (to_m - from_m) * (ratio.low + ratio.high) / 2
        return Metre(number, to_m - from_m, taken_up_s, verdict, reason, spans, finished_m)

    def _span(self, name: str, from_m: float, to_m: float) -> Span | None:
        """Everything a window's quantity was while it acted on a metre; None where a second of it is not known."""
        ahead_m, until_m = self._places[name]
        joined: Span | None = None
        for second in self._during(from_m + ahead_m, to_m + until_m):
            span = second.spans.get(name)
            if span is None:
                return None
            joined = span if joined is None else joined.joined(span)
        return joined

    def _during(self, from_m: float, to_m: float) -> list[Second]:
        """Seconds in which the take-up went from one position to the other, standing ones between them included."""
        found = []
        for i in range(bisect_right(self._ends_m, from_m), len(self._seconds)):
            if self._seconds[i].begin_m >= to_m:
                break
            found.append(self._seconds[i])
        return found

    def _forget(self) -> None:
        """Seconds that no metre to come can need."""
        oldest_n = bisect_right(self._ends_m, self._next + self._spun_m)
        if oldest_n > KEPT_SECONDS_N:
            del self._seconds[:oldest_n], self._ends_m[:oldest_n]


def _spun_badly(spun: list[Second]) -> str:
    """Why fiber spun in these seconds is no product, empty where it may be one."""
    state = next((second.state for second in reversed(spun) if second.state != PRODUCTION), PRODUCTION)
    return "" if state == PRODUCTION else REASONS.get(state, state.lower())


def _stretched_badly(stretched: list[Second], off_ratio: Span | None) -> str:
    """Why fiber stretched in these seconds is no product, likewise."""
    state = next((second.state for second in stretched if second.state not in STRETCHED_IN), "")
    if state:
        return f"{state.lower()} in the stretch"
    if any(second.slips for second in stretched):
        return "slips in the stretch"
    return "" if off_ratio is None or is_within(OFF_RATIO, off_ratio, 0.0) else "off ratio in the stretch"


def _judged(spun: list[Second], stretched: list[Second], spans: Spans) -> tuple[MetreVerdict, str]:
    scrap = _spun_badly(spun) or _stretched_badly(stretched, spans[OFF_RATIO])
    if scrap:
        return MetreVerdict.SCRAP, scrap
    outside = [name for name, span in spans.items() if span is not None and not is_within(name, span, 0.0)]
    if outside:
        return MetreVerdict.FAIL, window(outside[0]).quantity
    missing = [name for name, span in spans.items() if span is None]
    if missing:
        return MetreVerdict.UNKNOWN, window(missing[0]).quantity
    if not all(second.whole for second in spun):
        return MetreVerdict.UNKNOWN, MISSING_SCANS
    near = [name for name, span in spans.items() if span and not is_within(name, span, span.uncertainty)]
    return (MetreVerdict.AT_LIMIT, window(near[0]).quantity) if near else (MetreVerdict.PASS, "")


def judged_span(name: str, span: Span | None) -> Verdict:
    """One quantity against its window: strictly first, then with its uncertainty; what is not known is UNKNOWN."""
    if span is None:
        return Verdict.UNKNOWN
    if not is_within(name, span, 0.0):
        return Verdict.FAIL
    return Verdict.PASS if is_within(name, span, span.uncertainty) else Verdict.AT_LIMIT
