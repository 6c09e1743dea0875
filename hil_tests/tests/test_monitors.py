"""Monitors of the heat balance on a first-order zone: each fault in its declared time, and never without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.zone_rig import Plant, ZoneRig, zone_rows
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline_firmware.control import pid
from spinline_firmware.control.image import loop_at
from spinline_protocol import states
from spinline_protocol.configuration import MODE_MANUAL

ROOT = Path(__file__).resolve().parents[2]
LINE, RECIPE = load_line(ROOT / "lines" / "r1.toml"), read_recipe(ROOT / "recipes" / "r1.toml")
ROWS = zone_rows(LINE, RECIPE, "Z4")
MODEL = Plant(165.0, 1860.0, 28.0)  # what the line file says of Z4
SETPOINT_C = 100.0
DECLARED_S = 180.0  # heater stuck on or open, with gain and time constant within 30 % of the model
REVERSED_S = 240.0
LOOP_BREAK_S = 200.0
OFF_BY = (0.7, 0.82, 0.94, 1.06, 1.18, 1.3)


def settled(plant: Plant, seed: int) -> ZoneRig:
    """A zone that has been at its setpoint for twenty minutes."""
    rig = ZoneRig(ROWS, plant, seed)
    rig.settle(SETPOINT_C)
    rig.run(1200)
    assert rig.trips == []
    return rig


@pytest.mark.parametrize("gain", OFF_BY)
@pytest.mark.parametrize("time", OFF_BY)
def test_no_monitor_trips_on_a_sound_zone_whose_model_is_off_while_setpoint_and_load_change(
    gain: float, time: float
) -> None:
    rig = settled(MODEL.off_by(gain, time), seed=round(100 * gain + 10 * time))
    for setpoint_C, load in ((SETPOINT_C + 10, 0.0), (SETPOINT_C + 10, 0.1), (SETPOINT_C, 0.1), (SETPOINT_C, 0.0)):
        rig.setpoint(setpoint_C)
        rig.faults.load = load
        rig.run(600)
    assert rig.trips == []


@pytest.mark.parametrize(("gain", "time"), [(0.7, 0.7), (1.0, 1.0), (1.3, 1.3), (0.7, 1.3), (1.3, 0.7)])
def test_no_monitor_trips_during_a_heat_up(gain: float, time: float) -> None:
    rig = ZoneRig(ROWS, MODEL.off_by(gain, time), seed=3)
    rig.setpoint(SETPOINT_C + 30)
    assert rig.run_to_trip(3600) is None


@pytest.mark.parametrize(("gain", "time"), [(1.0, 1.0), (0.7, 0.7), (1.3, 1.3), (0.7, 1.3), (1.3, 0.7)])
@pytest.mark.parametrize(("fault", "event"), [("stuck_on", states.EVT_HEATER_ON), ("open", states.EVT_HEATER_OPEN)])
def test_a_heater_that_stays_on_or_off_is_told_apart_within_the_declared_time(
    fault: str, event: int, gain: float, time: float
) -> None:
    rig = settled(MODEL.off_by(gain, time), seed=5)
    setattr(rig.faults, fault, True)
    took_s = rig.run_to_trip(DECLARED_S)
    assert took_s is not None and [trip.event for trip in rig.trips] == [event]
    assert abs(rig.true_C - SETPOINT_C) < 12, f"{rig.true_C:.1f} degC when it tripped"


def test_a_thermocouple_that_slips_out_faster_than_anything_cools_is_told_as_such() -> None:
    rig = settled(MODEL, seed=6)
    for second in range(60):  # 0.4 K/s, far below what the slew limit drops
        rig.faults.reading_share = 1 - 0.4 * second / (SETPOINT_C - 25)
        if rig.run_to_trip(1.0):
            break
    assert [trip.event for trip in rig.trips] == [states.EVT_SLIPPED]


def test_a_reversed_thermocouple_stops_the_first_heat_up_before_the_zone_is_5_K_warm() -> None:
    rig = ZoneRig(ROWS, MODEL, seed=7)
    rig.faults.reversed = True
    rig.setpoint(SETPOINT_C)
    assert rig.run_to_trip(REVERSED_S) is not None
    assert rig.trips[0].event == states.EVT_REVERSED and rig.true_C < 30


def test_full_output_that_moves_nothing_is_a_loop_break() -> None:
    rig = ZoneRig(ROWS, MODEL, seed=8)
    rig.faults.reading_share = 0.0  # the sensor hangs in the air
    rig.setpoint(240.0)
    rig.enter(states.EXECUTE)
    rig.run_to_trip(LOOP_BREAK_S + 200)
    named = {trip.event for trip in rig.trips}
    assert named and named <= {states.EVT_LOOP_BREAK, states.EVT_HEATER_OPEN}


def test_a_zone_that_warms_up_without_any_output_is_a_shorted_switch_also_while_the_bias_learns() -> None:
    rig = settled(MODEL, seed=9)
    rig.enter(states.HELD)
    rig.faults.stuck_on = True
    took_s = rig.run_to_trip(400)
    assert took_s is not None and rig.trips[0].event == states.EVT_HEATER_ON


@pytest.mark.parametrize("word", range(pid.ACTION, pid.OUT_RATE + 1))
@pytest.mark.parametrize("bit", [0, 7, 30])
def test_any_flipped_bit_of_a_parameter_is_found_within_a_second(word: int, bit: int) -> None:
    rig = ZoneRig(ROWS, MODEL, seed=1)
    rig.image[loop_at(0) + word] ^= 1 << bit
    assert states.EVT_PARAMETERS in [rig.monitors.scan(states.IDLE, [0]) for _ in range(4)]
    assert rig.monitors.latched() and rig.monitors.reset() == 1, "only a new configuration mends it"


def test_a_trip_is_told_with_raw_number_and_limit() -> None:
    rig = settled(MODEL, seed=5)
    rig.faults.stuck_on = True
    rig.run_to_trip(DECLARED_S)
    assert abs(rig.trips[0].raw / 128 - rig.true_C) < 5 and rig.trips[0].limit == 1024


def test_a_warm_zone_that_cools_under_a_weak_output_has_no_reversed_thermocouple() -> None:
    rig = ZoneRig(ROWS, MODEL, seed=3, start_C=SETPOINT_C)
    weak = 0.7 * (SETPOINT_C - 25.0) / MODEL.gain_K
    assert weak > 0.21 and rig.loops.change_mode(0, MODE_MANUAL, round(weak * 65536))[0] == 0
    assert rig.run_to_trip(1200) is None and rig.true_C < SETPOINT_C - 10
