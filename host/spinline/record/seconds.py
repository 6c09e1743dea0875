"""A batch second by second, from its journal: take-up position, state and what was measured.  Reads only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import apsw

from spinline.line.conformance import Conformance, Measured, Span
from spinline.line.ledger import OFF_RATIO, Second
from spinline.line.mixing import Feeds
from spinline.recipe.line_model import Line
from spinline.record import course as line_course
from spinline.record.course import NO_STATE, Role, Stage, course, role
from spinline.record.schema import quoted
from spinline.record.series import columns_of, fetch
from spinline_protocol.states import EXECUTE

SECOND_US = 1_000_000
GOOD_SHARE_MIN = 0.5  # of a second's scans, for a mean
COUNT_SPAN = 1 << 24  # the recorded position wraps here
SLIP_ROW = "I22"  # of the cause-and-effect table: a free roller against its godet


@dataclass(frozen=True)
class Piece:
    """Fiber taken up from one time to the next, us UTC.  ``whole`` is False where scans of it are missing."""

    at_us: int
    to_us: int
    metres: float
    whole: bool


@dataclass(frozen=True)
class _Position:
    """The first scan of a second at the take-up, or the last of a run: encoder count and speed in mm/s."""

    run: int
    scan: int
    at_us: int
    scans_n: int
    count: int
    speed_mm_s: float


@dataclass(frozen=True)
class _Number:
    """A tag in one second: mean, lowest and highest of its good scans; ``good`` where all of them are."""

    mean: float
    low: float
    high: float
    good: bool


Numbers = dict[int, _Number]
"""Second since 1970 -> number; a second without enough good scans is left out."""


def seconds(connection: apsw.Connection, line: Line) -> Iterator[Second]:
    """Every second from the first scan at the take-up to the last.  Raises UnknownName where a loop is missing."""
    pieces, stages = take_up(connection, line), course(connection)
    begins = [stage.from_us for stage in stages]
    measured, slips = _measured(connection, line), _slips(connection, line)
    models = Conformance(line)
    for at_s, begin_m, end_m, whole in _positions_by_second(pieces):
        state = _state(stages, begins, at_s * SECOND_US)
        yield Second(at_s, state, begin_m, end_m, whole, models.step(measured(at_s)), slips(at_s))


def take_up(connection: apsw.Connection, line: Line) -> list[Piece]:
    """The fiber taken up, second by second, in order of time."""
    godet = role(line, line_course.STRETCH)
    per_m = next(row.counts_per_m for row in godet.node.input if row.name == godet.loop.master)
    assert per_m is not None, "the master of the stretch ratio has an encoder"
    positions = sorted(_positions(connection, godet), key=lambda place: (place.run, place.at_us))
    pieces = []
    for here, there in zip(positions, positions[1:], strict=False):
        length_m, is_exact = _length_m(here, there, per_m)
        whole = is_exact and there.scan - here.scan <= here.scans_n
        if there.at_us > here.at_us:
            pieces.append(Piece(here.at_us, there.at_us, max(0.0, length_m), whole))
    return sorted(pieces, key=lambda piece: piece.at_us)


def _positions_by_second(pieces: list[Piece]) -> Iterator[tuple[int, float, float, bool]]:
    """Second, position at its begin and end in m, and whether no take-up scan of it is missing."""
    if not pieces:
        return
    last_s = pieces[-1].to_us // SECOND_US
    piece_i, before_m, begin_m = 0, 0.0, 0.0
    for at_s in range(pieces[0].at_us // SECOND_US, last_s + 1):
        end_us, whole = (at_s + 1) * SECOND_US, True
        while piece_i < len(pieces) and pieces[piece_i].to_us <= end_us:
            whole = whole and pieces[piece_i].whole
            before_m += pieces[piece_i].metres
            piece_i += 1
        end_m = before_m
        if piece_i < len(pieces) and pieces[piece_i].at_us < end_us:
            piece = pieces[piece_i]
            whole = whole and piece.whole
            end_m += piece.metres * (end_us - piece.at_us) / (piece.to_us - piece.at_us)
        yield at_s, begin_m, end_m, whole
        begin_m = end_m


def _state(stages: list[Stage], begins: list[int], at_us: int) -> str:
    i = bisect_right(begins, at_us) - 1
    return stages[i].state if i >= 0 else NO_STATE


def _measured(connection: apsw.Connection, line: Line) -> Callable[[int], Measured]:
    """What was measured in a second, as a function of the second."""
    plasticizer, solvent = role(line, line_course.PLASTICIZER), role(line, line_course.SOLVENT)
    stretch = role(line, line_course.STRETCH)
    resin = [_numbers(connection, f"{name}.pv") for name in (line.mixing.resin if line.mixing else ())]
    refills = [_numbers(connection, f"{name}.pv") for name in (line.mixing.refilling if line.mixing else ())]
    liquids = [_numbers(connection, found.pv) for found in (plasticizer, solvent)]
    above, below = _numbers(connection, stretch.pv), _numbers(connection, stretch.master)
    asked = _numbers(connection, stretch.setpoint)
    turning = _turning(connection, plasticizer)
    direct = {
        "E-TQUENCH": (_numbers(connection, role(line, line_course.QUENCH_TEMPERATURE).pv), 1.0),
        "E-FQUENCH": (_numbers(connection, role(line, line_course.QUENCH_FLOW).pv), 0.001),  # mL/min to L/min
        "E-TEXTR": (_numbers(connection, role(line, line_course.EXTRACTION_TEMPERATURE).pv), 1.0),
    }

    def at(second: int) -> Measured:
        feeders = [numbers.get(second) for numbers in (*resin, *liquids)]
        refilling = any(number.high > 0.5 for row in refills if (number := row.get(second)))
        spans = {name: _span(numbers.get(second), factor) for name, (numbers, factor) in direct.items()}
        spans[OFF_RATIO] = _off_ratio(above.get(second), asked.get(second))
        return Measured(
            _feeds(feeders, refilling), second in turning, _speed(below, second), _speed(above, second), spans
        )

    return at


def _feeds(feeders: list[_Number | None], refilling: bool) -> Feeds | None:
    """Resin of every feeder, then plasticizer and solvent; None where one has no mean."""
    known = [number.mean for number in feeders if number is not None]
    if len(known) < len(feeders) or len(known) < 3:
        return None
    *resin, plasticizer, solvent = known
    return Feeds(sum(resin), plasticizer, solvent, refilling)


def _speed(numbers: Numbers, second: int) -> float | None:
    number = numbers.get(second)
    return number.mean if number is not None and number.good else None


def _span(number: _Number | None, factor: float) -> Span | None:
    return Span(number.low * factor, number.high * factor) if number is not None and number.good else None


def _off_ratio(speed: _Number | None, asked: _Number | None) -> Span | None:
    """By how many percent the last godet is off the speed its ratio asks; the mean of a second."""
    if speed is None or asked is None or not speed.good:
        return None
    percent = 100.0 * (speed.mean / asked.mean - 1.0) if asked.mean > 1.0 else 0.0
    return Span(percent, percent)


def _numbers(connection: apsw.Connection, tag: str) -> Numbers:
    found: Numbers = {}
    for (column,) in columns_of(connection, tag):
        good = column.good_number
        query = (
            f"SELECT at_us / {SECOND_US} AS second, avg({good}) AS mean, min({good}), max({good}), min({column.good}) "
            f"FROM {quoted(column.scan_table)} GROUP BY second HAVING avg({column.good}) >= {GOOD_SHARE_MIN}"
        )
        for second, mean, low, high, all_good in fetch(connection, query):
            found[second] = _Number(mean, low, high, bool(all_good))
    return found


def _turning(connection: apsw.Connection, feeder: Role) -> set[int]:
    """Seconds in which the feeder's node drove its screw."""
    found: set[int] = set()
    for (column,) in columns_of(connection, feeder.pv):
        query = f"SELECT DISTINCT at_us / {SECOND_US} FROM {quoted(column.scan_table)} WHERE state = {EXECUTE}"
        found.update(second for (second,) in fetch(connection, query))
    return found


def _slips(connection: apsw.Connection, line: Line) -> Callable[[int], bool]:
    """Whether a free roller differs from its godet by more than the line's own interlock bears."""
    rows = [(node, row) for node in line.node for row in node.interlock if row.row == SLIP_ROW and row.of_input]
    compared = [
        (
            _numbers(connection, f"{node.name}.{row.input}.pv"),
            _numbers(connection, f"{node.name}.{row.of_input}.pv"),
            row.apart_share,
            row.least_reference,
        )
        for node, row in rows
    ]

    def at(second: int) -> bool:
        for rollers, godets, share, least in compared:
            roller, godet = rollers.get(second), godets.get(second)
            if roller and godet and godet.mean >= least and abs(roller.mean - godet.mean) > share * godet.mean:
                return True
        return False

    return at


def _positions(connection: apsw.Connection, godet: Role) -> list[_Position]:
    count = f"{godet.node.name}.{godet.loop.master}.count"
    found = []
    for position, speed in columns_of(connection, count, godet.master):
        # In SQLite the bare columns beside one min() or max() come from the row it stands in.
        rest = f"at_us, count(*), {position.number}, {speed.number} FROM {quoted(speed.scan_table)} GROUP BY run"
        firsts = fetch(connection, f"SELECT run, min(scan), {rest}, at_us / {SECOND_US}")
        lasts = fetch(connection, f"SELECT run, max(scan), {rest}")
        found += [_Position(*row) for row in {row[:2]: row for row in lasts + firsts}.values()]
    return found


def _length_m(here: _Position, there: _Position, per_m: float) -> tuple[float, bool]:
    """Length between two positions; False beside it where the count alone does not say it.

    The count wraps: over a long gap the number of turns comes from the speed.  Across a restart of the node
    only the speed is left.
    """
    elapsed_s = (there.at_us - here.at_us) / 1e6
    by_speed_m = (here.speed_mm_s + there.speed_mm_s) / 2000 * elapsed_s
    if here.run != there.run:
        return max(0.0, by_speed_m), False
    moved = (there.count - here.count + COUNT_SPAN // 2) % COUNT_SPAN - COUNT_SPAN // 2
    if elapsed_s < 2:
        return moved / per_m, True
    turns = round((by_speed_m * per_m - moved) / COUNT_SPAN)
    return (moved + turns * COUNT_SPAN) / per_m, False
