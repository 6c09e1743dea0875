"""Barrel: where the heat goes, steady duties at R1, heating up from cold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from hil_tests.bench.plant.barrel import STEP_S, BarrelModel
from hil_tests.bench.plant.parameters import R1, ZONES_N
from hil_tests.bench.plant.room import Room
from hil_tests.bench.plant.signals import Actuators, Disturbances, Sensors, Truth
from hil_tests.bench.plant.sources import SourceFactory

SETPOINTS_C = (120.0, 180.0, 215.0, 220.0, 220.0, 220.0, 220.0, 220.0)
DUTIES_AT_R1 = (0.15, 0.56, 0.53, 0.35, 0.28, 0.29, 0.38, 0.37)  # computed for R1
FLOW_MG_S = R1.melt.nominal_flow_mg_s


class Stand:
    """The barrel alone, with the melt flow given."""

    def __init__(self, noise: bool = False) -> None:
        self.barrel = BarrelModel(R1, SourceFactory(1, noise), Room(R1.surroundings))
        self.actuators = Actuators(contactor=True)
        self.disturbances = Disturbances()
        self.sensors = Sensors()

    def step(self, flow_mg_s: float) -> None:
        self.barrel.step(self.actuators, self.disturbances, flow_mg_s, flow_mg_s, self.sensors)

    def hold(self, minutes: float, flow_mg_s: float) -> list[float]:
        """On-off control at the metal; returns the mean duty of each zone over the second half."""
        steps_n = round(minutes * 60.0 / STEP_S)
        on_n = [0] * ZONES_N
        for step in range(steps_n):
            for i in range(ZONES_N):
                on = self.barrel.barrel_C[i] < SETPOINTS_C[i]
                self.actuators.heater_on[i] = on
                on_n[i] += on and step >= steps_n // 2
            self.step(flow_mg_s)
        return [n / (steps_n - steps_n // 2) for n in on_n]

    def truth(self) -> Truth:
        truth = Truth()
        self.barrel.publish(truth)
        return truth


def imbalance(truth: Truth) -> float:
    """Share of the heater energy that is unaccounted for."""
    given_J = sum(truth.heater_energy_J)
    return abs(given_J - truth.loss_energy_J - truth.melt_energy_J - truth.stored_energy_J) / given_J


def test_heat_in_is_heat_lost_and_taken_by_the_melt_and_stored() -> None:
    stand = Stand()
    stand.hold(40.0, 0.0)
    assert imbalance(stand.truth()) < 1e-9
    stand.hold(20.0, FLOW_MG_S)
    assert imbalance(stand.truth()) < 1e-9


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.booleans(), min_size=ZONES_N, max_size=ZONES_N).filter(any),
    st.lists(st.floats(0.0, 4000.0), min_size=1, max_size=6),
    st.floats(-10.0, 10.0),
)
def test_the_heat_balance_closes_for_any_flow_and_weather(
    on: list[bool], flows_mg_s: list[float], weather_K: float
) -> None:
    stand = Stand()
    stand.actuators.heater_on[:] = on
    stand.disturbances.ambient_offset_K = weather_K
    for flow_mg_s in flows_mg_s:
        for _ in range(200):
            stand.step(flow_mg_s)
    assert imbalance(stand.truth()) < 1e-6


def test_steady_duties_at_r1_are_those_computed_for_the_line() -> None:
    stand = Stand()
    stand.barrel.barrel_C[:] = SETPOINTS_C
    stand.barrel.heater_C[:] = [c + 10.0 for c in SETPOINTS_C]
    duties = stand.hold(80.0, FLOW_MG_S)
    assert duties == pytest.approx(DUTIES_AT_R1, rel=0.05)
    watts = sum(duty * full_W for duty, full_W in zip(duties, R1.barrel.heater_power_W, strict=True))
    assert watts == pytest.approx(2560.0, rel=0.03)


def test_a_cold_barrel_is_hot_in_fifteen_to_forty_two_minutes() -> None:
    stand = Stand()
    reached_min = [0.0] * ZONES_N
    for minute in range(1, 46):
        stand.hold(1.0, 0.0)
        for i in range(ZONES_N):
            if not reached_min[i] and stand.barrel.well_C[i] > SETPOINTS_C[i] - 3.0:
                reached_min[i] = minute
    assert all(14 <= minute <= 42 for minute in reached_min), reached_min
    assert reached_min[0] == min(reached_min) and max(reached_min) == max(reached_min[6:])


def test_the_step_is_as_good_as_an_adaptive_integrator() -> None:
    p, stand = R1.barrel, Stand()
    stand.actuators.heater_on[:] = [True] * ZONES_N
    minutes = 20.0
    for _ in range(round(minutes * 60.0 / STEP_S)):
        stand.step(0.0)

    def slopes(_: float, state_C: list[float]) -> list[float]:
        hot, metal = state_C[:ZONES_N], state_C[ZONES_N:]
        on_W = [p.barrel_to_next_W_K[i] * (metal[i] - metal[i + 1]) for i in range(ZONES_N - 1)]
        heater, barrel = [], []
        for i in range(ZONES_N):
            in_W = p.heater_to_barrel_W_K[i] * (hot[i] - metal[i])
            lost_W = p.heater_to_ambient_W_K[i] * (hot[i] - 25.0)
            heater.append((p.heater_power_W[i] - in_W - lost_W) / p.heater_capacity_J_K[i])
            net_W = in_W - p.barrel_to_ambient_W_K[i] * (metal[i] - 25.0)
            net_W += (on_W[i - 1] if i else 0.0) - (on_W[i] if i < ZONES_N - 1 else 0.0)
            barrel.append(net_W / p.barrel_capacity_J_K[i])
        return heater + barrel

    exact = solve_ivp(slopes, (p.heater_dead_time_s, minutes * 60.0), [25.0] * 16, rtol=1e-8, atol=1e-6)
    assert stand.barrel.barrel_C == pytest.approx(exact.y[ZONES_N:, -1], abs=0.1)


def test_without_flow_the_melt_has_the_temperature_of_the_wall() -> None:
    stand = Stand()
    stand.hold(5.0, 0.0)
    assert stand.barrel.melt_C == pytest.approx(stand.barrel.barrel_C, abs=0.1)


def test_little_flow_is_close_to_no_flow() -> None:
    still, slow = Stand(), Stand()
    still.hold(10.0, 0.0)
    slow.hold(10.0, 0.01)
    assert slow.barrel.barrel_C == pytest.approx(still.barrel.barrel_C, abs=0.5)


def test_heat_arrives_one_dead_time_after_switching() -> None:
    stand = Stand()
    stand.actuators.heater_on[3] = True
    for _ in range(round(R1.barrel.heater_dead_time_s / STEP_S)):
        stand.step(0.0)
    assert stand.barrel.heater_C[3] == 25.0
    stand.step(0.0)
    assert stand.barrel.heater_C[3] > 25.5


def test_an_open_contactor_stops_all_heat() -> None:
    stand = Stand()
    stand.actuators.contactor = False
    stand.actuators.heater_on[:] = [True] * ZONES_N
    for _ in range(400):
        stand.step(0.0)
    assert sum(stand.truth().heater_energy_J) == 0.0


def test_ten_percent_less_mains_is_nineteen_percent_less_power() -> None:
    full, low = Stand(), Stand()
    low.disturbances.mains_voltage_ratio = 0.9
    for stand in (full, low):
        stand.actuators.heater_on[:] = [True] * ZONES_N
        for _ in range(400):
            stand.step(0.0)
    assert sum(low.truth().heater_energy_J) == pytest.approx(0.81 * sum(full.truth().heater_energy_J))
