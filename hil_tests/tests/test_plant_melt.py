"""Feeders, extruder, melt pump and die: mass balance, refills, mixing, starvation."""

from __future__ import annotations

from statistics import stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.bench.plant.line import Line
from hil_tests.bench.plant.parameters import R1
from hil_tests.bench.plant.signals import Truth

SECOND_US = 1_000_000
RESIN_MG_S, PLASTICIZER_MG_S, SOLVENT_MG_S = 619.0, 928.5, 185.7  # R1: 100 / 150 / 30 parts


def feeding_line(seed: int = 1, noise: bool = True) -> Line:
    """A line with screw and dosing on at the flows of R1; the melt pump stands."""
    line = Line(seed, noise)
    a, p = line.actuators, R1.feeding
    a.screw_run = a.dosing_enable = True
    a.resin_command = RESIN_MG_S / p.resin_full_scale_mg_s
    a.plasticizer_command = PLASTICIZER_MG_S / p.plasticizer_full_scale_mg_s
    a.solvent_command = SOLVENT_MG_S / p.solvent_full_scale_mg_s
    return line


def spinning_line(noise: bool = True, seconds: int = 600) -> Line:
    """Feeding, the pump on a proportional rule for the inlet pressure, all zones held at 220 degC."""
    line = feeding_line(1, noise)
    for second in range(1, seconds + 1):
        line.actuators.melt_pump_enable = second > 120
        line.actuators.melt_pump_command = 0.541 + 4e-4 * (line.sensors.inlet_pressure_kPa - 1420.0)
        line._barrel.barrel_C[:] = [220.0] * 8
        line.advance(second * SECOND_US)
    return line


def missing_mg(truth: Truth) -> float:
    held_mg = truth.extruder_mg + truth.inlet_buffer_mg
    return truth.fed_mg - held_mg - truth.die_mg - truth.relief_mg


def test_fed_mass_is_held_or_out_of_the_die() -> None:
    truth = spinning_line().truth
    assert truth.die_mg > 0.5 * truth.fed_mg
    assert abs(missing_mg(truth)) < 1e-8 * truth.fed_mg


shares = st.floats(0.0, 1.0)
commands = st.tuples(shares, shares, shares, shares, st.booleans(), st.booleans())
Phase = tuple[float, float, float, float, bool, bool]


@settings(max_examples=20, deadline=None)
@given(st.lists(commands, min_size=1, max_size=6), st.integers(0, 1000))
def test_no_mass_is_lost_whatever_is_switched(phases: list[Phase], seed: int) -> None:
    line = Line(seed)
    a = line.actuators
    a.dosing_enable = True
    for n, (resin, plasticizer, solvent, pump, screw, pump_on) in enumerate(phases, start=1):
        a.resin_command, a.plasticizer_command, a.solvent_command = resin, plasticizer, solvent
        a.melt_pump_command, a.screw_run, a.melt_pump_enable = pump, screw, pump_on
        line.advance(n * 60 * SECOND_US)
    truth = line.truth
    assert abs(missing_mg(truth)) <= 1e-8 * truth.fed_mg + 1e-6
    assert 0.0 <= truth.inlet_pressure_kPa <= R1.melt.inlet_pressure_max_kPa


def test_r1_runs_at_its_pressures_and_pump_speed() -> None:
    line = spinning_line(noise=False, seconds=900)
    truth = line.truth
    assert truth.die_flow_mg_s == pytest.approx(R1.melt.nominal_flow_mg_s, rel=0.002)
    assert truth.inlet_pressure_kPa == pytest.approx(1420.0, abs=30.0)
    assert truth.die_pressure_kPa == pytest.approx(3000.0, rel=0.1)
    assert line.sensors.melt_pump_rpm == pytest.approx(80.7, rel=0.01)


def test_a_gram_more_before_the_pump_is_fifty_kilopascal_more() -> None:
    line = feeding_line(noise=False)
    line.advance(300 * SECOND_US)
    before = line.truth.inlet_buffer_mg, line.truth.inlet_pressure_kPa
    line.advance(310 * SECOND_US)
    after = line.truth.inlet_buffer_mg, line.truth.inlet_pressure_kPa
    assert (after[1] - before[1]) / (after[0] - before[0]) == pytest.approx(0.05)


def test_without_pump_the_pressure_stops_at_the_relief() -> None:
    line = feeding_line()
    line.advance(600 * SECOND_US)
    assert line.truth.inlet_pressure_kPa == R1.melt.inlet_pressure_max_kPa
    assert line.truth.relief_mg > 0.0


def test_a_starved_pump_delivers_only_what_arrives() -> None:
    line = feeding_line(noise=False)
    line.actuators.melt_pump_enable, line.actuators.melt_pump_command = True, 1.0
    line.advance(600 * SECOND_US)
    truth = line.truth
    assert truth.inlet_pressure_kPa == 0.0
    assert truth.die_flow_mg_s == pytest.approx(truth.extruder_flow_mg_s)


def test_a_change_of_recipe_reaches_the_die_after_sixty_seconds_and_then_with_a_lag_of_thirty_five() -> None:
    line = feeding_line(noise=False)
    line.advance(600 * SECOND_US)
    assert line.truth.plasticizer_parts_at_die == pytest.approx(150.0, rel=1e-3)
    line.actuators.plasticizer_command *= 1.1
    line.advance(659 * SECOND_US)
    assert line.truth.plasticizer_parts_at_die == pytest.approx(150.0, rel=1e-3)
    line.advance(696 * SECOND_US)
    assert line.truth.plasticizer_parts_at_die == pytest.approx(150.0 + 15.0 * 0.632, abs=0.4)
    line.advance(900 * SECOND_US)
    assert line.truth.plasticizer_parts_at_die == pytest.approx(165.0, rel=2e-3)


def test_a_stopped_screw_holds_what_is_in_it() -> None:
    line = feeding_line()
    line.advance(200 * SECOND_US)
    line.actuators.screw_run = line.actuators.dosing_enable = False
    line.advance(230 * SECOND_US)
    held_mg = line.truth.extruder_mg
    line.advance(400 * SECOND_US)
    assert line.truth.extruder_mg == pytest.approx(held_mg, rel=1e-6)
    assert line.truth.extruder_flow_mg_s == 0.0


def refill_of(seed: int, noise: bool) -> tuple[Line, list[float], list[float]]:
    """Runs through the first refill; returns held readings and true flows while it lasts."""
    line = feeding_line(seed, noise)
    line.advance(1199 * SECOND_US)
    held_mg_s, true_mg_s = [], []
    for tick in range(1, 20 * 40):
        line.advance(1199 * SECOND_US + tick * 50_000)
        if line.sensors.resin_refilling:
            held_mg_s.append(line.sensors.resin_flow_mg_s)
            true_mg_s.append(line.truth.resin_flow_mg_s)
    return line, held_mg_s, true_mg_s


def test_a_refill_lasts_twenty_five_seconds_and_comes_after_twenty_minutes() -> None:
    line, held_mg_s, _ = refill_of(1, noise=True)
    assert len(held_mg_s) == 25 * 20
    assert not line.sensors.resin_refilling


def test_the_error_of_a_refill_shows_in_the_truth_and_not_in_the_held_reading() -> None:
    biases = []
    for seed in range(6):
        _, held_mg_s, true_mg_s = refill_of(seed, noise=True)
        assert len(set(held_mg_s)) == 1
        biases.append(sum(true_mg_s[40:]) / len(true_mg_s[40:]) / RESIN_MG_S - 1.0)
    assert max(abs(bias) for bias in biases) > 0.015
    assert max(biases) - min(biases) > 0.02


def test_a_quiet_feeder_refills_without_error() -> None:
    _, held_mg_s, true_mg_s = refill_of(1, noise=False)
    assert true_mg_s == pytest.approx([RESIN_MG_S] * len(true_mg_s), rel=1e-6)
    assert len(set(held_mg_s)) == 1


def test_the_density_of_a_liquid_is_wrong_by_the_same_half_percent_at_most_all_run() -> None:
    for seed in range(5):
        line = feeding_line(seed)
        line.advance(20 * SECOND_US)
        flows_mg_s = []
        for tick in range(1, 201):
            line.advance(20 * SECOND_US + tick * 50_000)
            flows_mg_s.append(line.truth.plasticizer_flow_mg_s)
        error = sum(flows_mg_s) / len(flows_mg_s) / PLASTICIZER_MG_S - 1.0
        assert 0.0 < abs(error) <= 0.00501
        assert max(flows_mg_s) / min(flows_mg_s) == pytest.approx(1.02, abs=0.002)


def test_colder_melt_raises_the_die_pressure() -> None:
    line = spinning_line(noise=False, seconds=400)
    before_kPa = line.truth.die_pressure_kPa
    line._barrel.melt_C[-1] -= 10.0
    line.advance(400_050_000)
    assert line.truth.die_pressure_kPa == pytest.approx(1.16 * before_kPa, rel=0.03)


def test_a_thinner_lot_comes_to_the_die_after_sixty_seconds_and_then_with_a_lag_of_thirty_five() -> None:
    line, same = spinning_line(noise=False, seconds=400), spinning_line(noise=False, seconds=400)
    line.disturbances.viscosity_ratio = 0.85
    for second, come in ((459, 0.0), (496, 0.632), (800, 1.0)):
        for one in (line, same):
            one.advance(second * SECOND_US)
        assert line.truth.viscosity_ratio_at_die == pytest.approx(1.0 - 0.15 * come, abs=0.005)
        pressures_kPa = [one.truth.die_pressure_kPa - one.truth.screen_fouling_kPa for one in (line, same)]
        assert pressures_kPa[0] / pressures_kPa[1] == pytest.approx(1.0 - 0.15 * come, abs=0.01)


def test_the_screen_pack_fouls_by_fifty_kilopascal_an_hour_and_only_while_melt_goes_through() -> None:
    line = spinning_line(noise=False, seconds=600)
    truth = line.truth
    passed_h = truth.die_mg / R1.melt.nominal_flow_mg_s / 3600.0
    assert truth.screen_fouling_kPa == pytest.approx(50.0 * passed_h, rel=1e-6) and passed_h > 0.1
    fouled_kPa, before_kPa = truth.screen_fouling_kPa, truth.die_pressure_kPa
    line.disturbances.screen_fouling_kPa = 400.0
    line.advance(600_050_000)
    assert line.truth.die_pressure_kPa - before_kPa == pytest.approx(400.0, rel=0.02)
    line.actuators.melt_pump_enable = False
    line.advance(610 * SECOND_US)
    at_rest_kPa = line.truth.screen_fouling_kPa
    line.advance(900 * SECOND_US)
    assert line.truth.screen_fouling_kPa == at_rest_kPa < fouled_kPa + 0.1
    assert line.truth.die_pressure_kPa == 0.0


def test_foaming_melt_makes_three_times_the_noise_on_its_pressures() -> None:
    sigmas_kPa = []
    for ratio in (1.0, R1.bad_day.foaming_noise_ratio):
        line = Line(3)
        line.disturbances.pressure_noise_ratio = ratio
        readings_kPa = []
        for tick in range(1, 1001):
            line.advance(tick * 50_000)
            readings_kPa.append(line.sensors.inlet_pressure_kPa)
        sigmas_kPa.append(stdev(readings_kPa))
    assert sigmas_kPa[0] == pytest.approx(R1.melt.pressure_sigma_kPa, rel=0.1)
    assert sigmas_kPa[1] == pytest.approx(3.0 * sigmas_kPa[0], rel=0.01)
