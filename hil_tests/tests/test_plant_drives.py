"""Godets, draw in the span, tension, diameter and breaks."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.bench.plant.capstan import Grip
from hil_tests.bench.plant.line import Line
from hil_tests.bench.plant.parameters import R1

SECOND_US = 1_000_000
COUNTS_PER_M = 100_000 / (2.0 * pi * 0.075)


def drawing_line(noise: bool = False, seed: int = 1, seconds: int = 60) -> Line:
    """Fiber threaded at 10 and 18 m/min in a warm bath, with the melt and gas flows of R1."""
    line = Line(seed, noise)
    a = line.actuators
    a.drive_power = a.godet_enable = a.threaded = True
    a.godet1_command, a.godet2_command = 10.0 / 60.0, 18.0 / 60.0
    a.bore_gas_command = 0.4
    line._stretch.water_C = 60.0
    line._melt.buffer_mg = 400e3
    a.melt_pump_enable, a.melt_pump_command = True, 0.52
    line._barrel.barrel_C[:] = line._barrel.melt_C[:] = [220.0] * 8
    line.advance(seconds * SECOND_US)
    return line


def test_a_godet_climbs_five_metres_a_minute_each_second() -> None:
    line = Line(1, noise=False)
    a = line.actuators
    a.drive_power = a.godet_enable = True
    a.godet1_command = 0.5
    line.advance(3 * SECOND_US)
    assert line.truth.godet1_speed_m_min == pytest.approx(15.0 - 5.0 * R1.drives.speed_lag_s, rel=0.01)
    line.advance(9 * SECOND_US)
    assert line.truth.godet1_speed_m_min == pytest.approx(30.0)


def test_encoder_counts_are_the_length_times_the_counts_of_a_metre() -> None:
    line = drawing_line(seconds=20)
    before = line.sensors.godet1_counts
    line.advance(80 * SECOND_US)
    assert (line.sensors.godet1_counts - before) / COUNTS_PER_M == pytest.approx(10.0, rel=1e-5)


def test_counts_never_fall_and_an_unpowered_godet_coasts_to_rest() -> None:
    line = drawing_line(seconds=20)
    line.actuators.drive_power = False
    before = line.sensors.godet2_counts
    for tick in range(1, 41):
        line.advance(20 * SECOND_US + tick * 50_000)
        assert line.sensors.godet2_counts >= before
        before = line.sensors.godet2_counts
    assert line.truth.godet2_speed_m_min == 0.0


def test_without_enable_the_drive_ramps_down() -> None:
    line = drawing_line(seconds=20)
    line.actuators.godet_enable = False
    line.advance(21 * SECOND_US)
    assert line.truth.godet1_speed_m_min == pytest.approx(5.0, abs=1.0)
    line.advance(26 * SECOND_US)
    assert line.truth.godet1_speed_m_min == pytest.approx(0.0, abs=1e-3)


def test_the_draw_of_the_fiber_lags_the_speeds_by_ten_seconds() -> None:
    line = drawing_line(seconds=120)
    assert line.truth.fiber_draw_ratio == pytest.approx(1.8, rel=1e-3)
    line.actuators.godet1_command *= 1.8 / 1.9
    line.advance(121 * SECOND_US)
    ratio = line.truth.godet2_speed_m_min / line.truth.godet1_speed_m_min
    assert ratio == pytest.approx(1.9, rel=0.002)
    assert line.truth.fiber_draw_ratio < 1.82
    line.advance(131 * SECOND_US)
    assert line.truth.fiber_draw_ratio == pytest.approx(1.8 + 0.1 * 0.632, abs=0.01)
    line.advance(200 * SECOND_US)
    assert line.truth.fiber_draw_ratio == pytest.approx(1.9, rel=1e-3)


def test_a_fiber_of_r1_has_its_diameter_and_tension() -> None:
    line = drawing_line(seconds=100)
    scale = line.truth.die_flow_mg_s / R1.melt.nominal_flow_mg_s
    assert scale == pytest.approx(1.0, abs=0.06)
    assert line.sensors.od_um == pytest.approx(1400.0, rel=0.03)
    assert line.sensors.tension_N == pytest.approx(4.0 * 1.037 * scale, rel=0.05)
    assert line.truth.draw_down_ratio == pytest.approx(10.2 / scale, rel=0.01)


def test_a_line_that_starts_again_pulls_the_fiber_that_lies_in_the_span_and_not_the_one_at_the_die() -> None:
    line = drawing_line(seconds=100)
    a = line.actuators
    a.melt_pump_enable, a.godet1_command, a.godet2_command = False, 0.0, 0.0
    line.advance(160 * SECOND_US)
    at_rest_N = line.sensors.tension_N
    assert at_rest_N > 2.0, "what was drawn stays tight"
    a.melt_pump_enable = True
    for second in range(1, 11):  # the melt comes at once, the godets climb slowly
        a.godet1_command, a.godet2_command = second / 1200.0, second * 1.8 / 1200.0
        line.advance((160 + second) * SECOND_US)
        assert line.sensors.tension_N < 2.0 * at_rest_N


def test_the_gauge_sees_a_thicker_fiber_twelve_seconds_later() -> None:
    line = drawing_line(seconds=100)
    line.advance(100 * SECOND_US)
    before_um = line.sensors.od_um
    line.actuators.bore_gas_command = 0.8
    line.advance(110 * SECOND_US)
    assert line.sensors.od_um == pytest.approx(before_um, rel=3e-3)
    line.advance(125 * SECOND_US)
    assert line.sensors.od_um > 1.1 * before_um


def test_nothing_is_taken_up_before_threading() -> None:
    line = drawing_line(seconds=0)
    line.actuators.threaded = False
    line.advance(30 * SECOND_US)
    assert line.truth.takeup_m == 0.0 and line.sensors.tension_N == 0.0 and line.sensors.od_um == 0.0
    assert line.sensors.godet1_counts > 0


def test_an_overdrawn_fiber_breaks_and_is_whole_after_threading_again() -> None:
    line = drawing_line(seconds=60)
    line.actuators.godet2_command = 40.0 / 60.0
    line.advance(90 * SECOND_US)
    assert line.truth.fiber_broken and line.sensors.tension_N == 0.0
    line.actuators.godet2_command = 18.0 / 60.0
    line.actuators.threaded = False
    line.advance(100 * SECOND_US)
    line.actuators.threaded = True
    line.advance(130 * SECOND_US)
    assert not line.truth.fiber_broken and line.sensors.tension_N > 0.0


def test_gels_break_fibers_only_when_asked_for() -> None:
    line = drawing_line(noise=True, seed=4)
    assert not line.truth.fiber_broken
    line.disturbances.gel_breaks_per_km = 100.0
    line.advance(120 * SECOND_US)
    assert line.truth.fiber_broken


def test_draw_resonance_grows_above_the_critical_ratio() -> None:
    line = drawing_line(seconds=60)
    assert line.truth.resonance_share < 1e-6
    line.actuators.melt_pump_command = 0.25
    line.advance(120 * SECOND_US)
    assert line.truth.draw_down_ratio > 20.3
    assert line.truth.resonance_share > 0.1


def test_a_slipping_fiber_is_drawn_less_than_the_encoders_say() -> None:
    line = drawing_line(seconds=60)
    line.disturbances.godet2_slip = 0.2
    line.advance(160 * SECOND_US)
    assert line.truth.godet2_speed_m_min / line.truth.godet1_speed_m_min == pytest.approx(1.8, rel=1e-3)
    assert line.truth.fiber_draw_ratio == pytest.approx(1.44, rel=0.01)


def test_a_dry_godet_holds_23_times_and_a_wet_one_2_2_times_what_the_winder_pulls() -> None:
    grip = Grip(R1.capstan, R1.stretch)
    assert grip.holds_N(wet=False) / R1.capstan.outrun_N == pytest.approx(23.1, rel=0.01)
    assert grip.holds_N(wet=True) / R1.capstan.outrun_N == pytest.approx(2.19, rel=0.01)


def test_a_wet_godet_slips_until_the_fiber_pulls_no_more_than_it_holds() -> None:
    line = drawing_line(seconds=100)
    dry = replace(line.truth)
    assert dry.fiber_speed_m_min == pytest.approx(dry.godet2_speed_m_min), "dry: it holds four newton"
    line.disturbances.godet2_wet = True
    line.advance(101 * SECOND_US)
    held_N = Grip(R1.capstan, R1.stretch).holds_N(wet=True)
    assert line.sensors.tension_N == pytest.approx(held_N, rel=1e-6), "at once"
    line.advance(250 * SECOND_US)
    truth = line.truth
    assert truth.godet2_speed_m_min == pytest.approx(18.0, rel=1e-3), "the encoder shows nothing"
    assert truth.fiber_speed_m_min < 0.98 * truth.godet2_speed_m_min, "a free roller does"
    assert truth.fiber_draw_ratio == pytest.approx(truth.fiber_speed_m_min / truth.godet1_speed_m_min, rel=2e-3)
    assert truth.godet2_current_A < 0.8 * dry.godet2_current_A, "and the drive's current"
    line.disturbances.godet2_wet = False
    line.advance(400 * SECOND_US)
    assert line.truth.fiber_speed_m_min == pytest.approx(18.0, rel=1e-3)
    assert line.truth.fiber_draw_ratio == pytest.approx(1.8, rel=0.01)


def test_a_fiber_that_pulls_less_than_a_wet_godet_holds_does_not_slip() -> None:
    line = drawing_line(seconds=60)
    line.actuators.godet2_command = 11.0 / 60.0
    line.advance(160 * SECOND_US)
    line.disturbances.godet2_wet = True
    line.advance(260 * SECOND_US)
    truth = line.truth
    assert 0.0 < line.sensors.tension_N < Grip(R1.capstan, R1.stretch).holds_N(wet=True)
    assert truth.fiber_speed_m_min == pytest.approx(truth.godet2_speed_m_min)


def test_a_drive_takes_more_current_while_it_climbs_and_none_without_power() -> None:
    line = Line(1, noise=False)
    a = line.actuators
    a.drive_power = a.godet_enable = True
    a.godet1_command = 0.5
    line.advance(4 * SECOND_US)
    climbing_A = line.truth.godet1_current_A
    line.advance(20 * SECOND_US)
    p = R1.drives
    assert line.truth.godet1_current_A == pytest.approx(p.motor_friction_N_m / p.motor_N_m_A)
    inertia_N_m = p.inertia_kg_m2 * p.ramp_m_min_s / 60.0 / p.radius_m / p.gear
    assert climbing_A - line.truth.godet1_current_A == pytest.approx(inertia_N_m / p.motor_N_m_A, rel=1e-3)
    a.drive_power = False
    line.advance(21 * SECOND_US)
    assert line.truth.godet1_current_A == 0.0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=6))
def test_speed_stays_within_full_scale_and_the_length_is_its_integral(
    steps: list[tuple[float, float, bool]],
) -> None:
    line = Line(1, noise=False)
    a = line.actuators
    a.drive_power = a.threaded = True
    until_us, length_m = 0, 0.0
    for first, second, enable in steps:
        a.godet1_command, a.godet2_command, a.godet_enable = first, second, enable
        for _ in range(40):
            until_us += 50_000
            line.advance(until_us)
            truth = line.truth
            assert 0.0 <= truth.godet1_speed_m_min <= 60.0
            length_m += truth.godet1_speed_m_min / 1200.0
    assert line.sensors.godet1_counts / COUNTS_PER_M == pytest.approx(length_m, abs=0.02 * len(steps) + 1e-3)
