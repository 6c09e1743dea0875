"""The simulated line as a whole: repeatable, independent of how time is cut, free of noise when asked."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.bench.plant.line import Line
from hil_tests.bench.plant.sources import SourceFactory

SECOND_US = 1_000_000


def running_line(seed: int, noise: bool = True) -> Line:
    """A line with every actuator at work, as at R1."""
    line = Line(seed, noise)
    a = line.actuators
    a.heater_on[:] = [True, False, True, False, True, False, True, False]
    a.contactor = a.screw_run = a.dosing_enable = a.melt_pump_enable = a.drive_power = True
    a.resin_command, a.plasticizer_command, a.solvent_command, a.melt_pump_command = 0.31, 0.31, 0.28, 0.54
    a.quench_cool_valve, a.quench_heater_on, a.quench_pump_command = 0.3, True, 0.5
    a.extraction_cool_valve, a.extraction_heater_on = 0.1, True
    a.makeup_command, a.makeup_valve_open, a.bore_gas_command = 0.5, True, 0.4
    a.lids_closed = a.exhaust_fan_on = a.godet_enable = a.stretch_heater_on = a.threaded = True
    a.godet1_command, a.godet2_command = 10.0 / 60.0, 18.0 / 60.0
    return line


def state_of(line: Line) -> dict[str, object]:
    return {"sensors": asdict(line.sensors), "truth": asdict(line.truth)}


def test_everything_is_off_at_the_start() -> None:
    actuators = asdict(Line(1).actuators)
    assert not any(actuators.pop("heater_on"))
    assert not any(actuators.values())


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = running_line(7), running_line(7)
    first.advance(200 * SECOND_US)
    second.advance(200 * SECOND_US)
    assert state_of(first) == state_of(second)


def test_another_seed_gives_another_run() -> None:
    first, second = running_line(7), running_line(8)
    first.advance(20 * SECOND_US)
    second.advance(20 * SECOND_US)
    assert first.sensors.zone_temperature_C != second.sensors.zone_temperature_C
    assert first.truth.plasticizer_flow_mg_s != second.truth.plasticizer_flow_mg_s


def test_slices_of_50_ms_and_of_a_second_give_the_same_bits() -> None:
    fine, coarse = running_line(3), running_line(3)
    for tick in range(1, 200 * 20 + 1):
        fine.advance(tick * 50_000)
    for second in range(1, 201):
        coarse.advance(second * SECOND_US)
    assert state_of(fine) == state_of(coarse)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 700_000), min_size=1, max_size=40), st.integers(0, 2**32))
def test_time_cut_anywhere_gives_the_same_bits(slices_us: list[int], seed: int) -> None:
    cut, whole = running_line(seed), running_line(seed)
    until_us = 0
    for slice_us in slices_us:
        until_us += slice_us
        cut.advance(until_us)
    whole.advance(until_us)
    assert state_of(cut) == state_of(whole)


def test_a_quiet_line_shows_the_truth_whatever_the_seed() -> None:
    first, second = running_line(1, noise=False), running_line(2, noise=False)
    for line in (first, second):
        line.advance(300 * SECOND_US)
    assert state_of(first) == state_of(second)
    sensors, truth = first.sensors, first.truth
    assert sensors.inlet_pressure_kPa == truth.inlet_pressure_kPa
    assert sensors.plasticizer_flow_mg_s == pytest.approx(truth.plasticizer_flow_mg_s, abs=1e-6)
    assert sensors.tension_N > 0.0


def test_noise_of_a_thermocouple_has_the_stated_size() -> None:
    line = Line(5)
    readings_C = []
    for tick in range(1, 2001):
        line.advance(tick * 250_000)
        readings_C.append(line.sensors.zone_temperature_C[0])
    mean_C = sum(readings_C) / len(readings_C)
    sigma_K = (sum((reading_C - mean_C) ** 2 for reading_C in readings_C) / len(readings_C)) ** 0.5
    assert abs(mean_C - 25.0 - line.truth.thermocouple_error_K[0]) < 0.02
    assert 0.14 < sigma_K < 0.16


def test_commands_beyond_full_scale_are_held_at_the_limit() -> None:
    over, full = running_line(2), running_line(2)
    over.actuators.godet1_command, full.actuators.godet1_command = 7.0, 1.0
    over.actuators.resin_command, full.actuators.resin_command = -3.0, 0.0
    over.advance(30 * SECOND_US)
    full.advance(30 * SECOND_US)
    assert state_of(over) == state_of(full)


def test_time_never_runs_back() -> None:
    line = Line(1)
    line.advance(SECOND_US)
    with pytest.raises(AssertionError, match="forward"):
        line.advance(SECOND_US - 1)


def test_each_thermocouple_has_an_error_of_its_class_of_its_own_that_stays_all_run() -> None:
    errors_K = []
    for seed in range(20):
        line = Line(seed)
        errors_K += line.truth.thermocouple_error_K + [line.truth.stretch_thermocouple_error_K]
        line.advance(SECOND_US)
        assert line.truth.thermocouple_error_K == errors_K[-9:-1]
    assert len(set(errors_K)) == len(errors_K)
    assert -1.5 <= min(errors_K) < -1.3 and 1.3 < max(errors_K) <= 1.5
    assert Line(1, noise=False).truth.thermocouple_error_K == [0.0] * 8


def test_a_preheated_line_begins_where_its_thermocouples_show_the_setpoints() -> None:
    line = Line(4)
    line.preheat([200.0] * 8, 40.0, 60.0)
    truth = line.truth
    shown_C = [true + error for true, error in zip(truth.barrel_temperature_C, truth.thermocouple_error_K, strict=True)]
    assert shown_C == pytest.approx([200.0] * 8)
    assert truth.stretch_temperature_C + truth.stretch_thermocouple_error_K == pytest.approx(60.0)


def test_another_random_source_moves_no_other_and_no_name_is_drawn_from_twice() -> None:
    alone, beside = SourceFactory(7, True), SourceFactory(7, True)
    beside.named("another").gauss(0.0, 1.0)
    first, second = alone.named("resin_flow"), beside.named("resin_flow")
    assert [first.random() for _ in range(5)] == [second.random() for _ in range(5)]
    with pytest.raises(AssertionError, match="resin_flow"):
        alone.named("resin_flow")
