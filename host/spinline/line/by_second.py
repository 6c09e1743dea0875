"""The line second by second, from the scans of its nodes: take-up position, state and what was measured.  Pure.

Scans of a node come in their order; nodes in any.  A second is over when every node has told of a later one, so it
makes no difference whether the scans come as they happen or out of a journal.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from spinline.line import roles
from spinline.line.conformance import Measured
from spinline.line.extraction import BathSeen
from spinline.line.ledger import OFF_RATIO
from spinline.line.mixing import Feeds
from spinline.line.roles import role
from spinline.line.span import Span
from spinline.line.take_up import SECOND_US, Position, TakeUp
from spinline.recipe.line_model import Line
from spinline_protocol.configuration import FULL_SCALE
from spinline_protocol.states import COMPLETING, EXECUTE

GOOD_SHARE_MIN = 0.5  # of a second's scans, for a mean
SILENT_S_MAX = 300  # a node that told nothing for so long has nothing more of that time: its ring is shorter
CORRECTED_S_MAX = 5  # a node's clock is corrected by less than that: what its scans jump over has the number behind it
SLIP_ROW = "I22"  # of the cause-and-effect table: a free roller against its godet
NO_STATE = "NO BATCH"
DIRECT = {  # window -> where the recipe has the setpoint of its loop, and from the loop's unit to the window's
    "E-TQUENCH": (roles.QUENCH_TEMPERATURE, 1.0),
    "E-FQUENCH": (roles.QUENCH_FLOW, 0.001),  # mL/min to L/min
    "E-TEXTR": (roles.EXTRACTION_TEMPERATURE, 1.0),
}


class Scan(NamedTuple):
    """One scan of a node with the tags that were asked for, in screen units; None where it has no such tag."""

    run: int
    number: int
    at_us: int
    state: int
    numbers: tuple[float | None, ...]
    good: tuple[bool, ...]


class Mean(NamedTuple):
    """A tag in one second: mean, lowest and highest of its good scans; ``good`` where all of them are.

    A second of which a scan is missing has none: nobody knows what the number was then.
    """

    mean: float
    low: float
    high: float
    good: bool


@dataclass(frozen=True)
class Moved:
    """A second: state of the batch, take-up position at its begin and end in m, what was measured, and slip."""

    at_s: int
    state: str
    begin_m: float
    end_m: float
    whole: bool
    measured: Measured
    slips: bool


class _Tally:
    """One second of one node as it grows."""

    def __init__(self) -> None:
        self.states: set[int] = set()
        self.whole = True  # no scan of it is missing
        self._scans: list[Scan] = []

    def add(self, scan: Scan) -> None:
        self.states.add(scan.state)
        self._scans.append(scan)

    def mean(self, i: int) -> Mean | None:
        good = [number for scan in self._scans if scan.good[i] and (number := scan.numbers[i]) is not None]
        if not self.whole or not good or len(good) < GOOD_SHARE_MIN * len(self._scans):
            return None
        return Mean(sum(good) / len(good), min(good), max(good), len(good) == len(self._scans))


class _Node:
    """The seconds of one node that nobody has taken yet."""

    def __init__(self) -> None:
        self._newest = (-1, -1)
        self.at_us = self.second = 0  # of the newest scan; time never runs back
        self._tallies: dict[int, _Tally] = {}

    def add(self, scan: Scan, floor_s: int) -> bool:
        """False for a scan that was there before."""
        if (scan.run, scan.number) <= self._newest:
            return False
        follows = self._newest in ((-1, -1), (scan.run, scan.number - 1))
        before_s = self.second
        self._newest = (scan.run, scan.number)
        if scan.at_us > self.at_us:
            self.at_us, self.second = scan.at_us, scan.at_us // SECOND_US
        if follows and 1 < self.second - before_s <= CORRECTED_S_MAX:
            for second in range(before_s + 1, self.second):
                self._add_to(second, scan, floor_s)
        self._add_to(self.second, scan, floor_s)
        if not follows:
            for second in (before_s, self.second):
                if second in self._tallies:
                    self._tallies[second].whole = False
        return True

    def _add_to(self, second: int, scan: Scan, floor_s: int) -> None:
        if second < floor_s:
            return
        if second not in self._tallies:
            self._tallies[second] = _Tally()
        self._tallies[second].add(scan)

    def take(self, second: int) -> _Tally | None:
        """Each second once, in order."""
        return self._tallies.pop(second, None)


class BySecond:
    """The seconds of one line.  Raises UnknownName where it lacks a loop this needs.

    ``tags`` of each node are the numbers its scans must have, in this order.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._find(line)
        self.tags: dict[str, tuple[str, ...]] = {}
        for tag in self._used():
            node = tag.partition(".")[0]
            self.tags[node] = (*self.tags.get(node, ()), tag)
        self._nodes = {name: _Node() for name in self.tags}
        self._places = {tag: (node, i) for node, tags in self.tags.items() for i, tag in enumerate(tags)}
        self._count_i, self._speed_i = self._places[self._count][1], self._places[self._below][1]
        godet = role(line, roles.STRETCH)
        per_m = next(row.counts_per_m for row in godet.node.input if row.name == godet.loop.master)
        assert per_m is not None, "the master of the stretch ratio has an encoder"
        self._godet = godet.node.name
        self._take_up = TakeUp(per_m, godet.node.scan_ms)
        self._states: list[tuple[int, str]] = []
        self._next_s: int | None = None
        self._turns = False  # the screw, when it was seen last

    def _find(self, line: Line) -> None:
        """Tags by what they are for."""
        stretch = role(line, roles.STRETCH)
        self._above, self._asked, self._below = stretch.pv, stretch.setpoint, stretch.master
        self._count = f"{stretch.node.name}.{stretch.loop.master}.count"
        self._screw = role(line, roles.PLASTICIZER).node.name
        resin = line.mixing.resin if line.mixing else ()
        liquids = (role(line, roles.PLASTICIZER).pv, role(line, roles.SOLVENT).pv)
        self._feeders = (*(f"{name}.pv" for name in resin), *liquids)
        self._refills = tuple(f"{name}.pv" for name in (line.mixing.refilling if line.mixing else ()))
        self._direct = {name: (role(line, place).pv, factor) for name, (place, factor) in DIRECT.items()}
        self._bath = role(line, roles.BATH_PLASTICIZER) if line.extraction else None
        self._slips = [
            (f"{node.name}.{row.input}.pv", f"{node.name}.{row.of_input}.pv", row.apart_share, row.least_reference)
            for node in line.node
            for row in node.interlock
            if row.row == SLIP_ROW and row.of_input
        ]

    def _used(self) -> list[str]:
        tags = [self._above, self._asked, self._below, self._count, *self._feeders, *self._refills]
        tags += [tag for tag, _factor in self._direct.values()]
        tags += [self._bath.pv, self._bath.output] if self._bath else []
        tags += [tag for roller, godet, _share, _least in self._slips for tag in (roller, godet)]
        return list(dict.fromkeys(tags))

    def enter(self, at_us: int, state: str) -> None:
        """The batch entered a state, us UTC."""
        insort(self._states, (at_us, state), key=lambda row: row[0])

    def add(self, name: str, scan: Scan) -> Iterator[Moved]:
        """The next scan of a node; gives the seconds that are over with it."""
        node = self._nodes.get(name)
        if node is None or not node.add(scan, self._next_s or 0):
            return
        if name == self._godet:
            self._add_position(scan, node.at_us)
        godet_s = self._nodes[self._godet].second
        while self._next_s is not None and self._next_s < godet_s:
            waiting = [other for other in self._nodes.values() if other.second <= self._next_s]
            if waiting and godet_s <= self._next_s + SILENT_S_MAX:
                return
            yield self._moved()

    def finish(self) -> Iterator[Moved]:
        """What is left when nothing more comes."""
        self._take_up.finish()
        last_us = self._take_up.last_us
        while self._next_s is not None and last_us is not None and self._next_s <= last_us // SECOND_US:
            yield self._moved()

    def _add_position(self, scan: Scan, at_us: int) -> None:
        count, speed = scan.numbers[self._count_i], scan.numbers[self._speed_i]
        if count is None or speed is None:
            return
        if self._next_s is None:
            self._next_s = at_us // SECOND_US
        self._take_up.add(Position(scan.run, scan.number, at_us, count, speed))

    def _moved(self) -> Moved:
        assert self._next_s is not None
        at_s, self._next_s = self._next_s, self._next_s + 1
        tallies = {name: node.take(at_s) for name, node in self._nodes.items()}

        def mean(tag: str) -> Mean | None:
            name, i = self._places[tag]
            tally = tallies[name]
            return None if tally is None else tally.mean(i)

        screw = tallies[self._screw]
        self._turns = (
            self._turns if screw is None else EXECUTE in screw.states
        )  # a node that is not heard does not stop its screw
        spans: dict[str, Span | None] = {name: _span(mean(tag), factor) for name, (tag, factor) in self._direct.items()}
        above = mean(self._above)
        spans[OFF_RATIO] = _off_ratio(above, mean(self._asked))
        feeds = _feeds([mean(tag) for tag in self._feeders], self._is_refilling([mean(tag) for tag in self._refills]))
        measured = Measured(
            feeds, self._turns, _speed(mean(self._below)), _speed(above), spans, self._bath_seen(tallies, mean)
        )
        slips = any(_slipped(mean(roller), mean(godet), share, least) for roller, godet, share, least in self._slips)
        return Moved(at_s, self._state(at_s * SECOND_US), *self._take_up.second(at_s), measured, slips)

    def _bath_seen(self, tallies: Mapping[str, _Tally | None], mean: Callable[[str], Mean | None]) -> BathSeen | None:
        """The make-up is shut off where the node does not run."""
        if self._bath is None:
            return None
        tally, found, output = tallies[self._bath.node.name], mean(self._bath.pv), mean(self._bath.output)
        if tally is None or found is None or output is None:
            return None
        flows = tally.states & {EXECUTE, COMPLETING}
        return BathSeen(found.mean, output.mean / FULL_SCALE if flows else 0.0)

    @staticmethod
    def _is_refilling(refills: list[Mean | None]) -> bool:
        return any(number.high > 0.5 for number in refills if number is not None)

    def _state(self, at_us: int) -> str:
        i = bisect_right(self._states, at_us, key=lambda row: row[0]) - 1
        return self._states[i][1] if i >= 0 else NO_STATE


def _feeds(feeders: list[Mean | None], refilling: bool) -> Feeds | None:
    """Resin of every feeder, then plasticizer and solvent; None where one has no mean."""
    known = [number.mean for number in feeders if number is not None]
    if len(known) < len(feeders) or len(known) < 3:
        return None
    *resin, plasticizer, solvent = known
    return Feeds(sum(resin), plasticizer, solvent, refilling)


def _speed(number: Mean | None) -> float | None:
    return number.mean if number is not None and number.good else None


def _span(number: Mean | None, factor: float) -> Span | None:
    return Span(number.low * factor, number.high * factor) if number is not None and number.good else None


def _off_ratio(speed: Mean | None, asked: Mean | None) -> Span | None:
    """By how many percent the last godet is off the speed its ratio asks; the mean of a second."""
    if speed is None or asked is None or not speed.good:
        return None
    percent = 100.0 * (speed.mean / asked.mean - 1.0) if asked.mean > 1.0 else 0.0
    return Span(percent, percent)


def _slipped(roller: Mean | None, godet: Mean | None, share: float, least: float) -> bool:
    """Whether a free roller differs from its godet by more than the line's own interlock bears."""
    return bool(roller and godet and godet.mean >= least and abs(roller.mean - godet.mean) > share * godet.mean)
