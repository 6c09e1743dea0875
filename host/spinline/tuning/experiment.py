"""Tuning one loop by an experiment on the line: watch, plan, run, judge, and new gains or a reason why not.

Pure: the line is an argument.  It never leaves a loop worse: gains are only proposed where the record says what the
loop is, and where they are better than those that run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import numpy as np

from spinline.tuning.identify import Identified, Record, identify
from spinline.tuning.margin import Margins, load_iae, margins, output_noise
from spinline.tuning.model import Gains, LinearModel, Real
from spinline.tuning.rule import MS_MAX, MT_MAX, Robustness, robust_gains

WATCH_SCANS = 240
QUIET_SCANS = 60  # at the centre, before the relay: the identification begins at rest
SWITCHES_N = 13  # six cycles
TRIES_N_MAX = 5
STEP_FIRST, STEP_MAX, STEP_MIN = 0.15, 1.0, 0.01  # of full output, upwards; downwards:
STEP_LESS = 2.5  # by this much a step that was too large is made smaller
ROOM_MIN = 0.03  # of full output, to either side: with less a slow loop takes hours to come back
LOW_SHARE = 0.7  # the asymmetry tells the gain
NOISE_SHARE_MAX = 1 / 3  # of the hysteresis
AWAY_SPAN = 0.02  # of the setpoint range, at least
WANDER_SPAN = 0.01
HYSTERESIS_WANDER = 3.0
HYSTERESIS_NOISE, HYSTERESIS_COUNTS, AWAY_HYSTERESES = 6.0, 8.0, 10.0  # where a person leaves them open
WORTH = 0.95  # of the load IAE: a smaller gain is not worth a change
PERIOD_SCANS_MIN = 7  # a shorter cycle has too few scans to show dead time and lag
PERIOD_SCANS_SHORT, SWING_HYSTERESES = 16, 4.0  # a short cycle of large swing gets longer with a smaller step
NOISE_SCANS = (1, 4, 16)  # a converter that is slower than the scan, or a filter, tells its noise late
SIDE_SHARE_MIN = 0.1  # of the experiment's outputs beyond 0, or the gain of that side is not seen
TD_SCANS_MIN = 0.2
COOLING_MIN = 0.02  # of the gain of the other side
BAND_ROOM = 2.0  # hystereses that must fit between the band and the limits of the pv
RESIDUAL_NOISE, RESIDUAL_SWING = 1.5, 0.08  # what the model may leave: of the noise, and of the pv's rms swing
KEEP = Robustness(Ms=1.5, Mt=1.6, Ms_off=1.9)  # tighter than the rule: the model is not the plant


class End(StrEnum):
    """How an experiment on the board ended."""

    DONE = "done"
    PV_OUT = "the pv left its limits"
    SENSOR = "the sensor was not good"
    NO_RESPONSE = "nothing answered within the longest half cycle"
    DISTURBED = "a cycle was unlike the one before: something else moved the loop"
    STOPPED = "it was stopped"


@dataclass(frozen=True)
class Plan:
    """What is asked of the board: outputs in fractions, pv in its unit, times in scans."""

    centre: float
    high: float
    low: float
    middle: float
    hysteresis: float
    pv_low: float
    pv_high: float
    quiet_scans: int = QUIET_SCANS
    switches_n: int = SWITCHES_N
    half_scans_max: int = 36_000


@dataclass(frozen=True)
class Limits:
    """What a person allows: pv beside where it stands, hysteresis, lowest and highest output (``split``: below 0).

    ``pv_away`` or ``hysteresis`` 0: from the noise that was seen.
    """

    pv_away: float
    hysteresis: float
    out_low: float = 0.0
    out_high: float = 1.0
    pv_low: float = -math.inf  # the pv may not leave these, whatever ``pv_away`` says
    pv_high: float = math.inf
    count: float = 0.0  # of the pv: what the sensor can show
    mirrored: bool = False  # the loop lowers: its outputs are shown here the other way round
    output_noise: float = KEEP.output_noise  # what noise may make of the output, in fractions
    deviation: float = math.inf  # how far the pv may go at most, as a share of where it stands

    @property
    def split(self) -> bool:
        """True for a loop that heats and cools."""
        return self.out_low < 0


class TuningLine(Protocol):
    """A loop on which experiments can be run."""

    scan_s: float

    def watch(self, scans: int) -> Record:
        """The loop as it runs."""

    def run(self, plan: Plan) -> tuple[Record, End]:
        """An experiment from its first quiet scan to its end."""

    def rest(self, scans: int) -> None:
        """Let the loop come to rest at its centre output."""


class Refusal(Exception):
    """Why a loop is not tuned: a sentence for a technician."""


@dataclass(frozen=True)
class Proposal:
    """New gains, what they stand on and what they do; ``before`` and ``after`` are margins on the identified model."""

    record: Record
    plan: Plan
    found: Identified
    gains: Gains
    before: Margins
    after: Margins
    load_iae_before: float
    load_iae_after: float


def noise_of(pv: Real, apart_scans: tuple[int, ...] = NOISE_SCANS) -> float:
    """Standard deviation of what is faster than a drift: from differences of near scans."""
    return max(float(np.std(pv[scans:] - pv[:-scans])) for scans in apart_scans) / math.sqrt(2)


def chosen(limits: Limits, pv: Real) -> Limits:
    """The limits with what the person left open: a hysteresis well above noise and counts, and room around it."""
    span = limits.pv_high - limits.pv_low
    slow = max(HYSTERESIS_WANDER * wander_of(pv), HYSTERESIS_NOISE * noise_of(pv))
    slow = min(slow, WANDER_SPAN * span)  # more than that is a loop on its way, and no noise
    fast = HYSTERESIS_NOISE * noise_of(pv, NOISE_SCANS[:1])
    hysteresis = limits.hysteresis or max(fast, HYSTERESIS_COUNTS * limits.count, slow)
    away = max(AWAY_HYSTERESES * hysteresis, AWAY_SPAN * span if math.isfinite(span) else 0.0)
    return replace(limits, hysteresis=hysteresis, pv_away=limits.pv_away or away)


def wander_of(pv: Real) -> float:
    """Standard deviation around a straight line: noise of a filtered sensor is slower than its scans."""
    at = np.arange(len(pv))
    return float(np.std(pv - np.polyval(np.polyfit(at, pv, 1), at)))


def judge_watch(record: Record, limits: Limits) -> None:
    """Refuse a loop that is not at rest, or whose sensor is dead or noisy."""
    noise = noise_of(record.pv)
    if float(np.ptp(record.pv)) == 0:
        raise Refusal("the sensor is dead: its value has not moved by one count while it was watched")
    quarter = len(record.pv) // 4
    drift = float(np.mean(record.pv[-quarter:]) - np.mean(record.pv[:quarter]))
    if abs(drift) > max(limits.hysteresis, 4 * noise_of(record.pv, NOISE_SCANS[:1])):
        raise Refusal(f"the pv drifts, {drift:+.3g} while it was watched: wait until the loop is at rest")
    if noise > NOISE_SHARE_MAX * limits.hysteresis:
        raise Refusal(
            f"the noise, {noise:.3g}, is above a third of the hysteresis, {limits.hysteresis:.3g}: "
            "mend the sensor, or allow a larger hysteresis"
        )
    _judge_room(float(np.mean(record.output)), limits)


def _judge_room(centre: float, limits: Limits) -> None:
    """Refuse a loop that stands at the end of its output."""
    ends = (("lowest", centre - limits.out_low), ("highest", limits.out_high - centre))
    for i, (_name, room) in enumerate(ends):
        if room < ROOM_MIN:
            shown = limits.out_low + limits.out_high - centre if limits.mirrored else centre
            raise Refusal(
                f"the output stands at {100 * shown:.1f} %, at its {ends[i ^ limits.mirrored][0]}: the experiment "
                f"needs {ROOM_MIN:.0%} to both sides; move the setpoint, or tune when the loop needs some output"
            )


def plan_of(watched: Record, limits: Limits, step: float) -> Plan:
    """Outputs to both sides of where the loop stands, as far as there is room."""
    centre, middle = float(np.mean(watched.output)), float(np.mean(watched.pv))
    step = min(step, limits.out_high - centre, (centre - limits.out_low) / LOW_SHARE)
    away = min(limits.pv_away, limits.deviation * abs(middle)) if math.isfinite(limits.deviation) else limits.pv_away
    low, high = max(middle - away, limits.pv_low), min(middle + away, limits.pv_high)
    if min(middle - low, high - middle) < BAND_ROOM * limits.hysteresis:
        raise Refusal(
            f"there is no room for the pv: it stands at {middle:.4g}, may go from {low:.4g} to {high:.4g}, and the "
            f"hysteresis is {limits.hysteresis:.3g}; move the setpoint, or allow more"
        )
    return Plan(centre, centre + step, centre - LOW_SHARE * step, middle, limits.hysteresis, low, high)


def settled(line: TuningLine, limits: Limits, watches_n: int) -> tuple[Record, Limits]:
    """The loop at rest, within so many watches, and the limits as chosen; Refusal says what is wrong with the last."""
    for left in reversed(range(max(1, watches_n))):
        watched = line.watch(WATCH_SCANS)
        asked = chosen(limits, watched.pv)
        try:
            judge_watch(watched, asked)
        except Refusal:
            if left == 0:
                raise
        else:
            break
    return watched, asked


def tune(line: TuningLine, limits: Limits, current: Gains, watches_n: int = 1) -> Proposal:
    """Watch, run, identify and propose.  Raises Refusal with the reason; the loop then has the gains it had."""
    watched, limits = settled(line, limits, watches_n)
    step, plan, end, record = STEP_FIRST, None, End.STOPPED, watched
    for _ in range(TRIES_N_MAX):
        planned = plan_of(watched, limits, step)
        if plan is not None and planned.high == plan.high:
            break  # there is no more room
        plan = planned
        record, end = line.run(plan)
        if (end is End.PV_OUT or _too_large(record, plan, end)) and step > STEP_MIN:
            step = max(step / STEP_LESS, STEP_MIN)
        elif end is End.NO_RESPONSE and step < STEP_MAX:
            step = min(step * 2, STEP_MAX)
        else:
            break
        line.rest(len(record.pv) + (0 if end is End.DONE else 8 * WATCH_SCANS))
        watched, limits = settled(line, limits, watches_n)
    assert plan is not None
    if end is End.PV_OUT and len(record.pv) - plan.quiet_scans < PERIOD_SCANS_MIN // 2:
        raise Refusal(
            _too_fast(
                f"{len(record.pv) - plan.quiet_scans} scans after a step of {plan.high - plan.centre:.0%} "
                "the pv had left its limits"
            )
        )
    if end is not End.DONE:
        raise Refusal(f"the experiment ended early: {end}")
    return propose(record, plan, limits, current, noise_of(watched.pv))


def _too_large(record: Record, plan: Plan, end: End) -> bool:
    """True for a fast loop that is thrown far beyond its band: a smaller step makes its cycle longer."""
    if end is not End.DONE or period_of(record, plan) >= PERIOD_SCANS_SHORT * record.scan_s:
        return False
    return float(np.ptp(record.pv)) > 2 * SWING_HYSTERESES * plan.hysteresis


def _too_fast(seen: str) -> str:
    return (
        f"the loop is too fast for an experiment: {seen}, and a cycle of {PERIOD_SCANS_MIN} is needed to see dead time "
        "and lag; keep its gains, or set them from the drive's data"
    )


def period_of(record: Record, plan: Plan) -> float:
    """Length of the last two cycles in s: from the switches of the output."""
    rises = np.flatnonzero((record.output[1:] > record.output[:-1]) & (record.output[1:] >= plan.high - 1e-3))
    if len(rises) < 3:
        raise Refusal("the record has fewer than two whole cycles")
    return float(rises[-1] - rises[-3]) / 2 * record.scan_s


def sees_both_sides(plan: Plan) -> bool:
    """True where the outputs of the experiment go far enough to both sides of 0 to tell their gains."""
    return min(plan.high, -plan.low) > SIDE_SHARE_MIN * (plan.high - plan.low)


def _judge_model(found: Identified, record: Record, noise: float) -> None:
    """Refuse a model that does not make of the recorded output what was measured."""
    if found.model.gain <= 0 or not math.isfinite(found.model.gain):
        raise Refusal("the pv moves against the output: action or wiring is the wrong way round")
    if found.residual > math.hypot(RESIDUAL_NOISE * noise, RESIDUAL_SWING * float(np.std(record.pv))):
        raise Refusal(
            f"no linear model explains the record: {100 * found.explained:.1f} % of it, {found.residual:.3g} left, "
            f"the noise is {noise:.3g}; a disturbance was in it, or the actuator sticks or has a ramp of its own"
        )
    if not COOLING_MIN <= found.cooling_ratio <= 1 / COOLING_MIN:
        raise Refusal(
            f"below 0 the output does {found.cooling_ratio:.3g} times what it does above: one side does nothing; "
            "look at its actuator, or move the setpoint to where the loop works on one side only"
        )


def propose(record: Record, plan: Plan, limits: Limits, current: Gains, noise: float) -> Proposal:
    """New gains from the record of an experiment that ended well; Refusal where it does not say what the loop is."""
    period_s = period_of(record, plan)
    if period_s < PERIOD_SCANS_MIN * record.scan_s:
        raise Refusal(_too_fast(f"a cycle took {period_s / record.scan_s:.0f} scans"))
    found = identify(record, period_s, sees_both_sides(plan))
    _judge_model(found, record, noise)
    restless = max(limits.output_noise, output_noise(current, record.scan_s, noise))  # as it was, at least
    keep = replace(KEEP, noise=noise, output_noise=restless)
    gains = robust_gains(found.model, record.scan_s, keep=keep)
    if gains.Td_s < TD_SCANS_MIN * record.scan_s:
        gains = replace(gains, Td_s=0.0, filter_k=0)  # whole numbers cannot hold it, and it does nothing
    before, after = (margins(found.model, one, record.scan_s) for one in (current, gains))
    iae = [load_iae(found.model, one, record.scan_s) for one in (current, gains)]
    if not after.stable:
        raise Refusal("no gains keep the margins on the identified model")
    if before.stable and before.Ms <= MS_MAX and before.Mt <= MT_MAX and iae[0] * WORTH <= iae[1]:
        raise Refusal(
            f"the gains that run are as good: Ms {before.Ms:.2f}, load IAE {iae[0]:.3g}; "
            f"the experiment found Ms {after.Ms:.2f}, load IAE {iae[1]:.3g}"
        )
    return Proposal(record, plan, found, gains, before, after, iae[0], iae[1])


def worst_ms(model: LinearModel, gains: Gains, scan_s: float, sides: tuple[float, ...] = (1.0,)) -> float:
    """The largest Ms of the loop over gains multiplied by each of ``sides``."""
    return max(margins(model.off_by(side, 1.0), gains, scan_s).Ms for side in sides)
