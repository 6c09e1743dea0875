"""Quench, extraction, vapour and stretching bath: steady points, mass balances, faults."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.bench.plant.extraction import STEP_S, ExtractionModel
from hil_tests.bench.plant.line import Line
from hil_tests.bench.plant.parameters import R1
from hil_tests.bench.plant.quench import QuenchModel
from hil_tests.bench.plant.room import Room
from hil_tests.bench.plant.signals import Actuators, Disturbances, Sensors, Truth
from hil_tests.bench.plant.sources import SourceFactory, lag_weight
from hil_tests.bench.plant.vapour import STEP_H, DryerModel, VapourModel, evaporation_kg_h

SECOND_US = 1_000_000
FLOW_MG_S = R1.melt.nominal_flow_mg_s
R1_FIBER_MG_S = (FLOW_MG_S / 2.8, FLOW_MG_S * 1.8 / 2.8)  # resin and extractables: 100 and 180 parts


class QuenchStand:
    def __init__(self, valve: float) -> None:
        self.quench = QuenchModel(R1, SourceFactory(1, False), Room(R1.surroundings))
        self.actuators = Actuators(quench_cool_valve=valve, quench_pump_command=0.5, bore_gas_command=0.4)
        self.disturbances = Disturbances()
        self.sensors = Sensors()

    def run(self, seconds: float, flow_mg_s: float = FLOW_MG_S) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.quench.step(self.actuators, self.disturbances, flow_mg_s, 220.0, self.sensors)

    def truth(self) -> Truth:
        truth = Truth()
        self.quench.publish(truth)
        return truth


class ExtractionStand:
    def __init__(self, makeup_command: float = 0.5, valve: float = 0.08) -> None:
        self.extraction = ExtractionModel(R1, SourceFactory(1, False), Room(R1.surroundings))
        self.actuators = Actuators(
            makeup_command=makeup_command,
            makeup_valve_open=True,
            extraction_cool_valve=valve,
            lids_closed=True,
        )
        self.disturbances = Disturbances()
        self.sensors = Sensors()
        self.start = self.truth()

    def run(self, seconds: float, share: float = 1.0, speed_m_min: float = 10.0) -> Truth:
        fiber_mg_s = (share * R1_FIBER_MG_S[0], share * R1_FIBER_MG_S[1])
        for _ in range(round(seconds / STEP_S)):
            self.extraction.step(self.actuators, self.disturbances, fiber_mg_s, speed_m_min, 40.0, self.sensors)
        return self.truth()

    def truth(self) -> Truth:
        truth = Truth()
        self.extraction.publish(truth)
        return truth


def test_a_valve_at_a_third_holds_the_quench_at_forty_degrees() -> None:
    stand = QuenchStand(valve=0.343)
    stand.quench.water_C = 40.0
    stand.run(3600.0)
    assert stand.quench.water_C == pytest.approx(40.0, abs=0.7)


def test_an_open_valve_cools_the_quench_by_a_hundredth_of_a_kelvin_a_second() -> None:
    held, opened = QuenchStand(0.343), QuenchStand(1.0)
    for stand in (held, opened):
        stand.quench.water_C = 40.0
        stand.run(60.0)
    slope_K_s = (held.quench.water_C - opened.quench.water_C) / (60.0 - R1.quench.valve_lag_s)
    assert slope_K_s == pytest.approx(0.0107 * (1.0 - 0.343), rel=0.05)


def test_the_quench_warms_by_a_fifth_of_a_kelvin_a_minute_when_the_chiller_trips() -> None:
    stand = QuenchStand(valve=0.343)
    stand.quench.water_C = 40.0
    stand.disturbances.chiller_on = False
    stand.run(60.0)
    assert stand.quench.water_C - 40.0 == pytest.approx(0.22, abs=0.03)


def test_the_quench_sensor_shows_the_trough_twenty_five_seconds_late() -> None:
    stand = QuenchStand(valve=0.0)
    stand.actuators.quench_heater_on = True
    stand.run(600.0)
    then_C = stand.quench.water_C
    stand.run(R1.quench.pipe_dead_time_s + STEP_S)
    assert stand.sensors.quench_temperature_C == pytest.approx(then_C, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.0, 200.0), min_size=1, max_size=5))
def test_quench_water_is_topped_up_evaporated_or_leaked_and_never_lost(leaks_kg_h: list[float]) -> None:
    stand = QuenchStand(valve=0.3)
    for leak_kg_h in leaks_kg_h:
        stand.disturbances.quench_leak_kg_h = leak_kg_h
        stand.run(120.0)
    truth = stand.truth()
    gone_kg = truth.quench_evaporated_kg + truth.quench_leaked_kg
    assert truth.quench_water_kg == pytest.approx(R1.quench.water_kg + truth.quench_topup_kg - gone_kg)
    assert truth.quench_water_kg > 0.0


def test_flow_and_gas_follow_their_commands_and_heat_leaves_mostly_outwards() -> None:
    stand = QuenchStand(valve=0.3)
    stand.run(15.0)
    assert stand.sensors.quench_flow_L_min == pytest.approx(20.0, rel=1e-3)
    assert stand.sensors.bore_gas_Ncm3_min == pytest.approx(40.0, rel=1e-3)
    assert stand.truth().heat_outside_to_inside_ratio == pytest.approx(57.0, rel=0.01)
    stand.actuators.quench_pump_command = 0.0
    stand.run(30.0)
    assert 1.0 < stand.truth().heat_outside_to_inside_ratio < 20.0


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 2.0), st.floats(0.0, 30.0), st.floats(0.0, 50.0)),
        min_size=1,
        max_size=5,
    )
)
def test_solvent_and_extractables_balance_for_any_history(
    phases: list[tuple[float, float, float, float]],
) -> None:
    stand = ExtractionStand()
    for makeup, share, speed_m_min, leak_kg_h in phases:
        stand.actuators.makeup_command = makeup
        stand.disturbances.extraction_leak_kg_h = leak_kg_h
        truth = stand.run(60.0, share, speed_m_min)
    start = stand.start
    gained_kg = truth.extraction_in_kg - truth.extraction_out_kg
    assert truth.extraction_liquid_kg == pytest.approx(start.extraction_liquid_kg + gained_kg, rel=1e-9)
    gained_kg = truth.extraction_extractables_in_kg - truth.extraction_extractables_out_kg
    expected_kg = start.extraction_extractables_kg + gained_kg
    assert truth.extraction_extractables_kg == pytest.approx(expected_kg, rel=1e-9)


def test_eighty_kilogram_an_hour_hold_stage_one_near_five_percent_and_clean_the_fiber() -> None:
    truth = ExtractionStand(makeup_command=0.5).run(4 * 3600.0)
    assert truth.extraction_wt_percent[0] == pytest.approx(5.0, rel=0.1)
    first, second, third = truth.extraction_wt_percent
    assert first > 3.0 * second > 9.0 * third
    assert 0.5 < truth.residual_parts < 4.0


def test_one_bath_leaves_the_share_the_diffusion_series_says() -> None:
    stand = ExtractionStand(makeup_command=1.0)
    stand.extraction.bath_C[:] = [22.0] * 3
    stand.extraction.extractables_kg[:] = [0.0] * 3
    resin_kg, extractables_kg = 1.0, 1.8
    path = stand.extraction.fiber[0]
    share = 10.0 / 60.0 * STEP_S * R1.extraction.cells_n / R1.extraction.fiber_path_m
    for _ in range(round(3000.0 / STEP_S)):
        out = path.move(resin_kg, 0.81 * extractables_kg, share)
        path.give_off(0.0, lag_weight(STEP_S, stand.extraction._diffusion_s(22.0)))
    assert out[1] / out[0] / 1.8 == pytest.approx(0.156, rel=0.03)


def test_a_shut_makeup_valve_lets_the_level_fall() -> None:
    stand = ExtractionStand()
    stand.actuators.makeup_valve_open = False
    stand.run(3600.0)
    assert stand.sensors.extraction_level_percent < 89.5


@pytest.mark.parametrize(
    ("lids_closed", "leak_kg_h", "expected_ppm"),
    [(True, 0.0, 10.0), (True, 0.48, 240.0), (False, 0.0, 860.0)],
)
def test_vapour_settles_where_evaporation_and_exhaust_meet(
    lids_closed: bool, leak_kg_h: float, expected_ppm: float
) -> None:
    vapour = VapourModel(R1.vapour, SourceFactory(1, False))
    actuators, disturbances = Actuators(lids_closed=lids_closed, exhaust_fan_on=True), Disturbances()
    disturbances.seal_leak_kg_h = leak_kg_h
    sensors = Sensors()
    for _ in range(1200):
        evaporated_kg = evaporation_kg_h(R1.vapour, actuators, disturbances) * STEP_H
        vapour.step(evaporated_kg, actuators, disturbances, sensors)
    assert sensors.vapour_ppm == pytest.approx(expected_ppm, rel=0.06)
    assert sensors.exhaust_flow_ok


def test_a_failed_fan_is_seen_and_vapour_rises_by_a_thousand_ppm_a_minute() -> None:
    vapour = VapourModel(R1.vapour, SourceFactory(1, False))
    actuators = Actuators(lids_closed=True, exhaust_fan_on=True)
    disturbances, sensors = Disturbances(), Sensors()
    for _ in range(1200):
        vapour.step(0.5 * STEP_H, actuators, disturbances, sensors)
    disturbances.exhaust_fan_healthy = False
    for _ in range(240):
        vapour.step(0.5 * STEP_H, actuators, disturbances, sensors)
    assert not sensors.exhaust_flow_ok
    assert 900.0 < vapour.enclosure.ppm - 240.0 < 1300.0


def dryer_at_r1(seconds: float, disturbances: Disturbances, sensors: Sensors) -> DryerModel:
    """The dryer alone with 4.9 kg/h of solvent in the fiber."""
    dryer = DryerModel(R1.dryer, R1.vapour)
    for _ in range(round(seconds / STEP_S)):
        dryer.step(4.9 * STEP_H, disturbances, sensors)
    return dryer


def test_the_dryer_runs_at_four_percent_of_the_flammable_limit() -> None:
    sensors = Sensors()
    dryer = dryer_at_r1(600.0, Disturbances(), sensors)
    assert dryer.air.ppm / R1.dryer.lfl_ppm == pytest.approx(0.039, rel=0.05)
    assert sensors.dryer_lfl_ok


def test_without_its_fan_the_dryer_comes_to_a_quarter_of_the_flammable_limit_in_about_four_minutes() -> None:
    disturbances, sensors = Disturbances(dryer_fan_healthy=False), Sensors()
    dryer_at_r1(180.0, disturbances, sensors)
    assert sensors.dryer_lfl_ok
    dryer = dryer_at_r1(300.0, disturbances, sensors)
    assert not sensors.dryer_lfl_ok and dryer.air.ppm > 0.25 * R1.dryer.lfl_ppm


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 900.0), st.booleans()), min_size=1, max_size=6))
def test_solvent_in_air_goes_out_with_it_or_drips_off_and_is_never_lost(phases: list[tuple[float, bool]]) -> None:
    vapour, sensors = VapourModel(R1.vapour, SourceFactory(1, False)), Sensors()
    for rate_kg_h, fan in phases:
        for _ in range(400):
            vapour.step(rate_kg_h * STEP_H, Actuators(exhaust_fan_on=fan), Disturbances(), sensors)
    assert vapour.enclosure.ppm <= R1.vapour.saturated_ppm
    assert vapour.enclosure.balance().lost_share < 1e-9


def test_the_stretching_bath_reaches_sixty_degrees_in_about_half_an_hour() -> None:
    line = Line(1, noise=False)
    line.actuators.stretch_heater_on = True
    line.advance(1500 * SECOND_US)
    assert 55.0 < line.truth.stretch_temperature_C < 62.0


def heat_given_J(line: Line) -> list[float]:
    """What the heaters of quench, extraction and stretch bath gave in five minutes of full power."""
    a = line.actuators
    a.quench_heater_on = a.extraction_heater_on = a.stretch_heater_on = True
    line.advance(300 * SECOND_US)
    return [line.truth.balances[f"{name} heat, J"].got for name in ("quench", "extraction", "stretch")]


def test_ten_percent_less_mains_is_nineteen_percent_less_heat_in_every_bath() -> None:
    full, low = Line(1, noise=False), Line(1, noise=False)
    low.disturbances.mains_voltage_ratio = R1.bad_day.mains_low_ratio
    for line in (full, low):  # no top-up of water that would bring heat of its own
        line._quench.water_kg = 41.0
        line._stretch.water_kg = 21.0
    assert heat_given_J(low) == pytest.approx([0.81 * given_J for given_J in heat_given_J(full)])


def test_the_stretching_bath_evaporates_and_its_float_valve_makes_up_for_it() -> None:
    line = Line(1, noise=False)
    line.advance(600 * SECOND_US)
    missing_kg = R1.stretch.water_kg - line.truth.stretch_water_kg
    assert 0.0 < missing_kg < 0.12
    line.advance(4800 * SECOND_US)
    balance = line.truth.balances["stretch water, kg"]
    assert balance.gave == pytest.approx(R1.stretch.evaporation_kg_h * 4800 / 3600)
    assert R1.stretch.water_kg - line.truth.stretch_water_kg == pytest.approx(600.0 / 3600.0, rel=0.01)


def test_the_room_swings_by_five_kelvin_in_a_day() -> None:
    room, calm = Room(R1.surroundings), Disturbances()
    seen_C = []
    for hour in range(25):
        room.step(3600.0 * hour)
        seen_C.append(room.ambient_C(calm))
    assert seen_C[0] == pytest.approx(25.0) == pytest.approx(seen_C[24])
    assert max(seen_C) == pytest.approx(30.0) and min(seen_C) == pytest.approx(20.0)
    assert room.ambient_C(Disturbances(ambient_offset_K=-3.0)) == pytest.approx(22.0)
