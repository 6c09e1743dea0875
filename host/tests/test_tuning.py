"""Tuning: models are found again, margins are those of closed forms, gains keep their margins also as whole numbers."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spinline.tuning.experiment import (
    End,
    Limits,
    Plan,
    Refusal,
    judge_watch,
    plan_of,
    propose,
    sees_both_sides,
    settled,
    tune,
)
from spinline.tuning.identify import Record, answer, identify
from spinline.tuning.margin import load_iae, load_response, margins
from spinline.tuning.model import Gains, LinearModel
from spinline.tuning.rule import MS_MAX, MS_OFF_MAX, MT_MAX, OFF_BY, robust_gains
from spinline.tuning.whole import largest_error, quantised

SCAN_S = 0.25
PLANTS = st.builds(
    lambda gain, dead_s, ratio, second: LinearModel(gain, (dead_s / ratio, dead_s / ratio * second), dead_s),
    st.floats(50, 800), st.floats(3, 30), st.floats(0.01, 1.0), st.floats(0.02, 0.5),
)  # fmt: skip
FEW = settings(max_examples=8, deadline=None)


def relay_record(model: LinearModel, noise: float = 0.0, drift: float = 0.0, step: float = 0.15) -> tuple[Record, Plan]:
    """A relay around 0; the first lag of a held input, the second of one that goes straight between scans."""
    kept = [math.exp(-SCAN_S / lag_s) for lag_s in model.lags_s]
    chance, lags, waiting = random.Random(1), [0.0, 0.0], [0.0] * round(model.dead_s / SCAN_S)
    hysteresis = max(0.5, 4 * noise)
    plan = Plan(0.4, 0.4 + step, 0.4 - 0.7 * step, 0.0, hysteresis, -1e3, 1e3)
    output, outputs, pvs, switches_n = plan.centre, [], [], 0
    while switches_n < plan.switches_n and len(pvs) < 100_000:
        pv = lags[1] + chance.gauss(0, noise) + drift * len(pvs) * SCAN_S
        before = output
        if len(pvs) == plan.quiet_scans or (output == plan.low and pv < -hysteresis):
            output = plan.high
        elif output == plan.high and pv > hysteresis:
            output = plan.low
        switches_n += before != output
        pvs.append(pv)
        outputs.append(output)
        waiting.append((output - plan.centre) * model.gain)
        course = waiting.pop(0)
        first = course + (lags[0] - course) * kept[0]
        mean = (1 - kept[1]) * model.lags_s[1] / SCAN_S
        lags = [first, kept[1] * lags[1] + (1 - mean) * first + (mean - kept[1]) * lags[0]]
    return Record(SCAN_S, np.array(outputs), np.array(pvs)), plan


def test_the_margins_are_those_of_closed_forms() -> None:
    for gain, lag_s, scan_s in ((2.0, 10.0, 0.001), (5.0, 100.0, 0.01)):
        model = LinearModel(gain, (lag_s,), 0.0)
        found = margins(model, Gains(0.5, lag_s, 0.0, 0), scan_s)  # L = gain Kc / (lag s): S and T are first order
        assert found.Ms == pytest.approx(1.0, abs=0.002) and found.Mt == pytest.approx(1.0, abs=0.002)
    for share in (0.2, 0.4, 0.6):  # L = a exp(-s) / s with a dead time: |1 + L| is known everywhere
        model = LinearModel(1.0, (50.0,), 1.0)
        found = margins(model, Gains(50.0 * share, 50.0, 0.0, 0), 0.001)
        w = np.geomspace(1e-3, 100, 200_000)
        exact = float((1 / np.abs(1 + share * np.exp(-1j * w) / (1j * w))).max())
        assert found.Ms == pytest.approx(exact, rel=0.01)


def test_a_loop_beyond_its_ultimate_gain_is_unstable_and_one_below_is_not() -> None:
    model = LinearModel(1.0, (50.0,), 1.0)
    for share, stable in ((1.5, True), (1.64, False), (3.0, False), (30.0, False)):  # ultimate: pi / 2
        assert margins(model, Gains(50.0 * share, 50.0, 0.0, 0), 0.001).stable == stable


def test_the_load_response_has_the_area_of_ti_over_kc_and_the_iae_is_no_smaller() -> None:
    model = LinearModel(300.0, (400.0, 20.0), 8.0)
    gains = robust_gains(model, SCAN_S)
    time_s, pv = load_response(model, gains, SCAN_S)
    assert float(pv.sum() * time_s[1]) == pytest.approx(gains.load_ie, rel=0.02)
    assert load_iae(model, gains, SCAN_S) >= 0.98 * gains.load_ie


@FEW
@given(PLANTS)
def test_a_plant_is_found_again_from_a_record_without_noise(model: LinearModel) -> None:
    record, plan = relay_record(model)
    assume(len(record.pv) < 100_000)
    rises = np.flatnonzero(np.diff(record.output) > 0)
    found = identify(record, float(rises[-1] - rises[-3]) / 2 * SCAN_S)
    assert found.explained > 0.999
    fitted = answer(record, found)
    assert float(np.std(fitted - record.pv)) < 0.01 * float(np.std(record.pv))  # also where scans were thinned
    ours = 2 * math.pi / (float(rises[-1] - rises[-3]) / 2 * SCAN_S)  # where the loop is decided
    frequency = np.array([ours, 2 * ours])
    real = LinearModel(model.gain, model.lags_s, round(model.dead_s / SCAN_S) * SCAN_S)
    ratio = found.model.response(frequency) / real.response(frequency)
    assert np.abs(ratio - 1).max() < 0.05


@FEW
@given(PLANTS)
def test_robust_gains_keep_their_margins_and_so_do_the_whole_numbers_of_them(model: LinearModel) -> None:
    gains = robust_gains(model, SCAN_S)
    held = quantised(gains, SCAN_S, 3)
    for one, slack in ((gains, 0.001), (held, 0.02)):
        nominal = margins(model, one, SCAN_S)
        assert nominal.Ms <= MS_MAX + slack and nominal.Mt <= MT_MAX + slack
        assert margins(model.off_by(OFF_BY, OFF_BY), one, SCAN_S).Ms <= MS_OFF_MAX + slack
    assert largest_error(gains, SCAN_S, 3) < 0.01


def period_s(record: Record) -> float:
    rises = np.flatnonzero(np.diff(record.output) > 0)
    return float(rises[-1] - rises[-3]) / 2 * SCAN_S


def test_a_drift_under_the_experiment_is_no_part_of_the_model() -> None:
    model = LinearModel(300.0, (300.0, 30.0), 10.0)
    record, _plan = relay_record(model, noise=0.02, drift=0.002)
    found = identify(record, period_s(record))
    ours = np.array([2 * math.pi / period_s(record)])
    assert abs(found.model.response(ours) / model.response(ours) - 1)[0] < 0.05 and found.explained > 0.99


def test_a_plant_that_first_goes_the_wrong_way_is_found_with_its_zero() -> None:
    model, zero_s = LinearModel(600.0, (32.0, 2.5), 29.5), -8.0
    record, _plan = relay_record(model, step=0.05)
    wrong_way = Record(SCAN_S, record.output, record.pv + zero_s * np.gradient(record.pv, SCAN_S))
    found = identify(wrong_way, period_s(wrong_way))
    assert found.model.zero_s == pytest.approx(zero_s, rel=0.15) and found.explained > 0.999
    assert found.model.dead_s == pytest.approx(model.dead_s, rel=0.05)


def test_only_an_experiment_to_both_sides_of_zero_tells_two_gains() -> None:
    for low, high, both in ((-0.1, 0.15, True), (-0.2, 0.01, False), (0.01, 0.2, False), (-0.2, -0.1, False)):
        assert sees_both_sides(Plan((low + high) / 2, high, low, 0.0, 0.5, -1e3, 1e3)) == both


def test_a_loop_that_lowers_is_refused_in_the_words_of_its_own_output() -> None:
    watched = Record(SCAN_S, np.full(240, 0.99), np.random.default_rng(1).normal(0, 0.05, 240))
    with pytest.raises(Refusal, match=r"stands at 99.0 %, at its highest"):
        judge_watch(watched, Limits(10, 0.5))
    with pytest.raises(Refusal, match=r"stands at 1.0 %, at its lowest"):
        judge_watch(watched, Limits(10, 0.5, mirrored=True))


def test_a_drift_or_a_disturbance_in_the_record_is_refused() -> None:
    model = LinearModel(300.0, (300.0, 30.0), 10.0)
    record, plan = relay_record(model, noise=0.05)
    spoiled = Record(SCAN_S, record.output, record.pv + 3 * np.sin(np.arange(len(record.pv)) / 300))
    with pytest.raises(Refusal, match="no linear model explains"):
        propose(spoiled, plan, Limits(50, 0.5), Gains(1e-4, 300, 0, 0), 0.05)


def test_gains_that_are_as_good_are_kept_and_a_cycle_of_few_scans_is_too_fast() -> None:
    model = LinearModel(300.0, (300.0, 30.0), 10.0)
    record, plan = relay_record(model, noise=0.02)
    best = propose(record, plan, Limits(50, 0.5), Gains(1e-4, 300, 0, 0), 0.02)
    assert best.after.Ms <= MS_MAX and best.load_iae_after < best.load_iae_before
    with pytest.raises(Refusal, match="as good"):
        propose(record, plan, Limits(50, 0.5), best.gains, 0.02)
    fast = Record(SCAN_S, np.tile([plan.high] * 2 + [plan.low] * 2, 8), np.tile([0.0, 1, 0, -1], 8))
    with pytest.raises(Refusal, match="too fast"):
        propose(fast, plan, Limits(50, 0.5), best.gains, 0.02)


def test_a_loop_at_rest_is_judged_before_anything_moves() -> None:
    chance = np.random.default_rng(1)
    quiet = chance.normal(0, 0.05, 240)
    half = np.full(240, 0.5)
    judge_watch(Record(SCAN_S, half, quiet), Limits(10, 0.5))
    for pv, output, word in (
        (np.zeros(240), half, "dead"),
        (chance.normal(0, 0.3, 240), half, "noise"),
        (quiet + np.arange(240) * 0.01, half, "drifts"),
        (quiet, np.zeros(240), "lowest"),
        (quiet, np.ones(240), "highest"),
    ):
        with pytest.raises(Refusal, match=word):
            judge_watch(Record(SCAN_S, output, pv), Limits(10, 0.5))


def test_a_plan_stays_inside_the_limits_of_output_and_pv() -> None:
    for centre in (0.02, 0.3, 0.7, 0.97):
        for step in (0.01, 0.15, 1.0):
            record = Record(SCAN_S, np.full(240, centre), np.full(240, 100.0))
            plan = plan_of(record, Limits(10, 0.5, pv_low=95, pv_high=104), step)
            assert 0 <= plan.low < plan.centre < plan.high <= 1
            assert (plan.pv_low, plan.pv_high) == (95, 104)
    with pytest.raises(Refusal, match="no room for the pv"):
        plan_of(record, Limits(10, 0.5, pv_high=100.5), 0.1)


class Deaf:
    """A loop on which nothing ever answers, or that always leaves its limits."""

    scan_s = SCAN_S

    def __init__(self, end: End) -> None:
        self.end, self.steps = end, [0.0]

    def watch(self, scans: int) -> Record:
        pv = np.random.default_rng(2).normal(100, 0.05, scans)
        return Record(SCAN_S, np.full(scans, 0.5), pv)

    def rest(self, scans: int) -> None:
        pass

    def run(self, plan: Plan) -> tuple[Record, End]:
        self.steps.append(plan.high - plan.centre)
        return self.watch(500), self.end


def test_a_try_that_failed_is_repeated_with_a_better_step_and_ends_with_a_reason() -> None:
    for end, word in ((End.PV_OUT, "left its limits"), (End.NO_RESPONSE, "nothing answered"), (End.SENSOR, "sensor")):
        line = Deaf(end)
        with pytest.raises(Refusal, match=word):
            tune(line, Limits(10, 0.5), Gains(1e-3, 100, 0, 0))
        steps = line.steps[1:]
        assert steps == sorted(steps, reverse=end is End.PV_OUT) and len(steps) == (
            1 if end is End.SENSOR else len(set(steps))
        )


class Arriving:
    """A loop on its way to rest: it arrives after two watches."""

    scan_s = SCAN_S

    def __init__(self) -> None:
        self.watches_n = 0

    def watch(self, scans: int) -> Record:
        self.watches_n += 1
        pv = np.random.default_rng(self.watches_n).normal(20_000, 50, scans)
        if self.watches_n <= 2:
            pv -= 20_000 * np.exp(-np.arange(scans) / (20 if self.watches_n == 1 else 60))
        return Record(SCAN_S, np.full(scans, 0.5), pv)

    def rest(self, scans: int) -> None:
        pass

    def run(self, plan: Plan) -> tuple[Record, End]:
        raise AssertionError("nothing runs")


def test_a_loop_on_its_way_is_waited_for_and_its_way_is_not_taken_for_noise() -> None:
    line = Arriving()
    _watched, limits = settled(line, Limits(0, 0, pv_low=0, pv_high=38_000, count=1), 5)
    assert line.watches_n == 3 and 200 < limits.hysteresis < 450
    with pytest.raises(Refusal, match="drifts"):
        settled(Arriving(), Limits(0, 0, pv_low=0, pv_high=38_000, count=1), 2)
