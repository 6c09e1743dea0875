"""Quench trough with its chilled coil, heater, circulation and level, and the bore gas.  Steps of 250 ms."""

from __future__ import annotations

from .parameters import BATH_STEP_US, Parameters
from .room import Room
from .signals import Actuators, Balance, Disturbances, Sensors, Truth
from .sources import DeadTime, Source, SourceFactory, lag_weight, unit

STEP_S = BATH_STEP_US / 1e6


class FlowLoop:
    """A flow that follows its command with a dead time and a lag: circulation, make-up solvent, bore gas."""

    def __init__(self, full_scale: float, dead_time_s: float, lag_s: float) -> None:
        self.flow = 0.0
        self._full_scale = full_scale
        self._delay = DeadTime(round(dead_time_s / STEP_S), 0.0)
        self._weight = lag_weight(STEP_S, lag_s)

    def step(self, command: float) -> float:
        """Flow after the step, in the unit of `full_scale`."""
        self.flow += self._weight * (self._delay.push(unit(command)) * self._full_scale - self.flow)
        return self.flow


class QuenchModel:
    """One mixed mass of water; the sensor sits a pipe's length away."""

    def __init__(self, parameters: Parameters, sources: SourceFactory, room: Room) -> None:
        p = parameters.quench
        self._p = p
        self._room = room
        self.water_C = parameters.surroundings.ambient_C
        self.water_kg = p.water_kg
        self.heat_in_J = self.heat_out_J = 0.0  # with what flows: above 0 degC
        self._start_J = self._stored_J()
        self.topup_kg = 0.0
        self.evaporated_kg = 0.0
        self.leaked_kg = 0.0
        self._heater_W = 0.0
        self._valve = 0.0
        self._outside_to_inside = 0.0
        self._pipe = DeadTime(round(p.pipe_dead_time_s / STEP_S), self.water_C)
        self._circulation = FlowLoop(p.flow_full_scale_L_min, p.flow_dead_time_s, p.flow_lag_s)
        self._bore_gas = FlowLoop(p.bore_gas_full_scale_cm3_min, p.flow_dead_time_s, p.flow_lag_s)
        self._valve_weight = lag_weight(STEP_S, p.valve_lag_s)
        self._heater_weight = lag_weight(STEP_S, p.heater_lag_s)
        self._sources: dict[str, Source] = {
            name: sources.named(name) for name in ("quench_temperature", "quench_flow", "quench_level", "bore_gas")
        }

    def _stored_J(self) -> float:
        return self.water_kg * self._p.water_J_kg_K * self.water_C

    def preheat(self, water_C: float) -> None:
        """Begin with warm water, in the pipe to the sensor too."""
        self.water_C = water_C
        self._pipe = DeadTime(round(self._p.pipe_dead_time_s / STEP_S), water_C)
        self._start_J = self._stored_J()

    @property
    def bore_gas_flow(self) -> float:
        """Gas into all bores in Ncm3/min."""
        return self._bore_gas.flow

    def step(
        self,
        actuators: Actuators,
        disturbances: Disturbances,
        die_flow_mg_s: float,
        die_C: float,
        sensors: Sensors,
    ) -> None:
        """One step; die flow in mg/s and melt temperature at the die in degC."""
        flow_L_min = self._circulation.step(actuators.quench_pump_command)
        self._bore_gas.step(actuators.bore_gas_command)
        net_W = self._heat_W(actuators, disturbances, flow_L_min, die_flow_mg_s, die_C)
        self._level(disturbances, net_W)
        exchange = max(flow_L_min / self._p.flow_nominal_L_min, self._p.outside_flow_share_min)
        self._outside_to_inside = self._p.outside_to_inside_nominal * exchange**self._p.outside_flow_exponent
        self._measure(sensors, flow_L_min)

    def publish(self, truth: Truth) -> None:
        truth.quench_temperature_C = self.water_C
        truth.quench_water_kg = self.water_kg
        truth.quench_topup_kg = self.topup_kg
        truth.quench_evaporated_kg = self.evaporated_kg
        truth.quench_leaked_kg = self.leaked_kg
        truth.heat_outside_to_inside_ratio = self._outside_to_inside
        gone_kg = self.evaporated_kg + self.leaked_kg
        truth.balances["quench water, kg"] = Balance(self.topup_kg, gone_kg, self.water_kg - self._p.water_kg)
        held_J = self._stored_J() - self._start_J
        truth.balances["quench heat, J"] = Balance(self.heat_in_J, self.heat_out_J, held_J)

    def _heat_W(
        self,
        actuators: Actuators,
        disturbances: Disturbances,
        flow_L_min: float,
        die_flow_mg_s: float,
        die_C: float,
    ) -> float:
        """What the water gains in this step: fiber, circulation and heater less coil and room."""
        p = self._p
        water_C = self.water_C
        self._valve += self._valve_weight * (unit(actuators.quench_cool_valve) - self._valve)
        given_W = p.heater_W * disturbances.mains_voltage_ratio**2 * actuators.quench_heater_on
        self._heater_W += self._heater_weight * (given_W - self._heater_W)
        fiber_fall_K = die_C - p.air_gap_cooling_K - water_C - p.fiber_above_bath_K
        fiber_W = 0.0
        if fiber_fall_K > 0.0:
            fiber_W = die_flow_mg_s * 1e-3 * (p.gel_capacity_J_g_K * fiber_fall_K + p.crystallisation_J_g)
        pump_W = p.pump_heat_W * flow_L_min / p.flow_nominal_L_min
        coil_W_K = p.coil_W_K * self._valve * min(1.0, flow_L_min / p.flow_for_full_coil_L_min)
        coil_W = coil_W_K * (water_C - self._room.chilled_C(disturbances)) if disturbances.chiller_on else 0.0
        room_W = p.ambient_W_K * (water_C - self._room.ambient_C(disturbances))
        self.heat_in_J += (fiber_W + pump_W + self._heater_W) * STEP_S
        self.heat_out_J += (coil_W + room_W) * STEP_S
        return fiber_W + pump_W + self._heater_W - coil_W - room_W

    def _level(self, disturbances: Disturbances, net_W: float) -> None:
        """Evaporation and leak against a float valve that opens in proportion to the missing water, from the room.

        The heat of evaporation is in the loss to the room.
        """
        p = self._p
        evaporated_kg = min(p.evaporation_kg_h * STEP_S / 3600.0, self.water_kg)
        leaked_kg = min(disturbances.quench_leak_kg_h * STEP_S / 3600.0, self.water_kg - evaporated_kg)
        topup_kg = max(0.0, p.water_kg - self.water_kg) * STEP_S / p.float_valve_s
        gone_kg, topup_C = evaporated_kg + leaked_kg, self._room.ambient_C(disturbances)
        self.heat_in_J += topup_kg * p.water_J_kg_K * topup_C
        self.heat_out_J += gone_kg * p.water_J_kg_K * self.water_C
        self.water_kg += topup_kg - gone_kg
        gained_kg_K = topup_kg * (topup_C - self.water_C) + net_W * STEP_S / p.water_J_kg_K
        self.water_C += gained_kg_K / max(self.water_kg, 1e-3)
        self.topup_kg += topup_kg
        self.evaporated_kg += evaporated_kg
        self.leaked_kg += leaked_kg

    def _measure(self, sensors: Sensors, flow_L_min: float) -> None:
        p, sources = self._p, self._sources
        gas_flow = self._bore_gas.flow
        level_percent = 100.0 * self.water_kg / p.water_full_kg
        sensors.quench_temperature_C = sources["quench_temperature"].gauss(
            self._pipe.push(self.water_C), p.temperature_sigma_K
        )
        sensors.quench_flow_L_min = sources["quench_flow"].gauss(flow_L_min, p.flow_sigma * flow_L_min)
        sensors.quench_level_percent = sources["quench_level"].gauss(level_percent, p.level_sigma_percent)
        sensors.bore_gas_Ncm3_min = sources["bore_gas"].gauss(gas_flow, p.bore_gas_sigma * gas_flow)
