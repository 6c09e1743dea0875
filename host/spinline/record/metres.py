"""The verdict of every metre of fiber, from the journal.  A metre is one at take-up, by the encoder.

Outside RUNNING every metre is scrap, with the state as the reason.  In RUNNING a metre is judged by what was
measured in the second it was taken up: plasticizer and solvent parts as means over the extruder's residence,
stretch ratio, quench temperature, quench flow.  Outside a window is FAIL; a scan that is missing or not good makes
UNKNOWN; the rest is PASS.  Fiber is not followed along the line: parts act on it about one residence earlier, and
it is stretched 15 minutes later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

import apsw

from spinline.claims.catalog import window
from spinline.claims.windows import is_inside
from spinline.recipe.line_model import Line
from spinline.record import course as line_course
from spinline.record.course import PRODUCTION, Role, Stage, course, role
from spinline.record.schema import quoted
from spinline.record.series import columns_of, fetch

SECOND_US = 1_000_000
RESIDENCE_S = 100  # of the melt in the extruder
GOOD_SHARE_MIN = 0.9  # of the scans of one residence; below it the parts are unknown
COUNT_SPAN = 1 << 24  # the recorded position wraps here
REASONS = {"COMPLETING": "run-out"}  # other states are their own reason
NOT_RUN_OUT = "not run out"
JUDGED_BY = (
    "C12-PLAST",
    "C12-SOLV",
    "C12-STRETCH",
    "E-TQUENCH",
    "E-FQUENCH",
)  # windows of the claims' tables


def _no_lengths() -> defaultdict[str, float]:
    return defaultdict(float)


@dataclass
class Metres:
    """Metres by verdict, and why those that did not pass did not; `made` is the sum of the other four."""

    passed: float = 0.0
    failed: float = 0.0
    unknown: float = 0.0
    scrap: float = 0.0
    scrap_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)
    fail_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)
    unknown_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)

    @property
    def made(self) -> float:
        """All metres taken up."""
        return self.passed + self.failed + self.unknown + self.scrap


@dataclass(frozen=True)
class Piece:
    """Fiber taken up from one second to the next.  ``whole`` is False where scans of it are missing."""

    at_us: int
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


Evidence = dict[int, dict[str, float | None]]
"""Second since 1970 -> window id -> number in the window's unit, None where it is not known."""


def metres(connection: apsw.Connection, line: Line) -> Metres:
    """Every metre with its verdict.  Raises UnknownName where the line lacks a loop this needs."""
    pieces = take_up(connection, line)
    stages = course(connection)
    begins = [stage.from_us for stage in stages]
    evidence = gather(connection, line)
    judged = Metres()
    run_out_m = line.path.take_up_to_stretch_m
    left_m = sum(piece.metres for piece in pieces)
    for piece in pieces:
        left_m -= piece.metres
        reason = _scrap_reason(stages, begins, piece.at_us)
        if reason is None and left_m < run_out_m:
            reason = NOT_RUN_OUT  # it never came out of the extraction baths
        if reason is not None:
            judged.scrap += piece.metres
            judged.scrap_reasons[reason] += piece.metres
        else:
            _judge(judged, piece, evidence.get(piece.at_us // SECOND_US, {}))
    return judged


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
        if length_m > 0:
            pieces.append(Piece(here.at_us, length_m, whole))
    return sorted(pieces, key=lambda piece: piece.at_us)


def gather(connection: apsw.Connection, line: Line) -> Evidence:
    """What every second of the batch is judged by."""
    found: Evidence = {}
    for window_id, setpoint in (("C12-PLAST", line_course.PLASTICIZER), ("C12-SOLV", line_course.SOLVENT)):
        for second, parts in _parts(connection, role(line, setpoint)).items():
            found.setdefault(second, {})[window_id] = parts
    for second, ratio in _second_ratios(connection, role(line, line_course.STRETCH)).items():
        found.setdefault(second, {})["C12-STRETCH"] = ratio
    quench = (
        ("E-TQUENCH", line_course.QUENCH_TEMPERATURE, 1.0),
        ("E-FQUENCH", line_course.QUENCH_FLOW, 0.001),
    )
    for window_id, setpoint, factor in quench:  # flow: mL/min on screens, L/min in the window
        for second, mean in _second_means(connection, role(line, setpoint)).items():
            found.setdefault(second, {})[window_id] = None if mean is None else mean * factor
    return found


def _judge(judged: Metres, piece: Piece, evidence: dict[str, float | None]) -> None:
    numbers = {window_id: evidence.get(window_id) for window_id in JUDGED_BY}
    outside = [
        i for i, number in numbers.items() if number is not None and not is_inside(window(i), Decimal(str(number)))
    ]
    missing = [i for i, number in numbers.items() if number is None]
    if outside:
        judged.failed += piece.metres
        judged.fail_reasons[window(outside[0]).quantity] += piece.metres
    elif missing or not piece.whole:
        judged.unknown += piece.metres
        why = window(missing[0]).quantity if missing else "take-up scans are missing"
        judged.unknown_reasons[why] += piece.metres
    else:
        judged.passed += piece.metres


def _scrap_reason(stages: list[Stage], begins: list[int], at_us: int) -> str | None:
    i = bisect_right(begins, at_us) - 1
    state = stages[i].state if i >= 0 else line_course.NO_STATE
    return None if state == PRODUCTION else REASONS.get(state, state.lower())


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
    seconds = (there.at_us - here.at_us) / 1e6
    by_speed_m = (here.speed_mm_s + there.speed_mm_s) / 2000 * seconds
    if here.run != there.run:
        return max(0.0, by_speed_m), False
    moved = (there.count - here.count + COUNT_SPAN // 2) % COUNT_SPAN - COUNT_SPAN // 2
    if seconds < 2:
        return moved / per_m, True
    turns = round((by_speed_m * per_m - moved) / COUNT_SPAN)
    return (moved + turns * COUNT_SPAN) / per_m, False


def _parts(connection: apsw.Connection, feed: Role) -> dict[int, float | None]:
    """Parts per 100 of resin: ratio of the sums of the last RESIDENCE_S s; None where too few are good."""
    sums: dict[int, tuple[float, float, int]] = {}
    scan_ms = feed.node.scan_ms
    for liquid, resin in columns_of(connection, feed.pv, feed.master):
        both = f"{liquid.good} AND {resin.good}"
        query = (
            f"SELECT at_us / {SECOND_US} AS second, total(CASE WHEN {both} THEN {liquid.number} END), "
            f"total(CASE WHEN {both} THEN {resin.number} END), sum({both}) "
            f"FROM {quoted(resin.scan_table)} GROUP BY second"
        )
        sums.update({second: row for second, *row in fetch(connection, query)})
    least_n = GOOD_SHARE_MIN * RESIDENCE_S * 1000 / scan_ms
    parts: dict[int, float | None] = {}
    liquid_sum = resin_sum = 0.0
    good_n = 0
    for second in range(min(sums), max(sums) + 1) if sums else ():
        for sign, at in ((1, second), (-1, second - RESIDENCE_S)):
            of_liquid, of_resin, of_good = sums.get(at, (0.0, 0.0, 0))
            liquid_sum, resin_sum, good_n = (
                liquid_sum + sign * of_liquid,
                resin_sum + sign * of_resin,
                good_n + sign * of_good,
            )
        parts[second] = 100 * liquid_sum / resin_sum if good_n >= least_n and resin_sum > 1 else None
    return parts


def _second_ratios(connection: apsw.Connection, slave: Role) -> dict[int, float | None]:
    """Ratio of the means of a second; None where a scan of it is not good or the master stands."""
    found: dict[int, float | None] = {}
    for above, below in columns_of(connection, slave.pv, slave.master):
        query = (
            f"SELECT at_us / {SECOND_US} AS second, avg({above.number}), avg({below.number}), "
            f"min({above.good} AND {below.good}) FROM {quoted(above.scan_table)} GROUP BY second"
        )
        for second, a, b, good in fetch(connection, query):
            found[second] = a / b if good and b > 0 else None
    return found


def _second_means(connection: apsw.Connection, measured: Role) -> dict[int, float | None]:
    """Mean of a second; None where a scan of it is not good."""
    found: dict[int, float | None] = {}
    for (column,) in columns_of(connection, measured.pv):
        query = (
            f"SELECT at_us / {SECOND_US} AS second, avg({column.number}), min({column.good}) "
            f"FROM {quoted(column.scan_table)} GROUP BY second"
        )
        found.update({second: mean if good else None for second, mean, good in fetch(connection, query)})
    return found
