"""Three solvent baths in counter-current with the fiber: heat, level, extractables.  Steps of 250 ms.

Extractables are plasticizer and spinning solvent together.  Stage 1 meets the fiber first, make-up enters
stage 3.
Every exchange is one flux out of one store and into another, so masses balance to rounding.
"""

from __future__ import annotations

from math import exp

from .parameters import BATH_STEP_US, Parameters
from .quench import FlowLoop
from .room import Room
from .signals import Actuators, Balance, Disturbances, Sensors, Truth
from .sources import Source, SourceFactory, lag_weight, unit
from .vapour import evaporation_kg_h

STEP_S = BATH_STEP_US / 1e6
STAGES_N = 3
GAS_J_MOL_K = 8.314
ZERO_C_K = 273.15


class FiberPath:
    """The fiber in one bath as a row of cells holding resin and extractables, in kg."""

    def __init__(self, cells_n: int) -> None:
        self.resin_kg = [0.0] * cells_n
        self.extractables_kg = [0.0] * cells_n

    def move(self, resin_in_kg: float, extractables_in_kg: float, share: float) -> tuple[float, float]:
        """Shift a share of each cell into the next; returns the resin and extractables that leave, in kg."""
        resin_kg, extractables_kg = self.resin_kg, self.extractables_kg
        for i in range(len(resin_kg)):
            resin_out_kg = share * resin_kg[i]
            extractables_out_kg = share * extractables_kg[i]
            resin_kg[i] += resin_in_kg - resin_out_kg
            extractables_kg[i] += extractables_in_kg - extractables_out_kg
            resin_in_kg, extractables_in_kg = resin_out_kg, extractables_out_kg
        return resin_in_kg, extractables_in_kg

    def give_off(self, at_rest_kg_kg: float, share: float) -> float:
        """Go a share of the way to rest with the bath (kg on a kg of resin); returns kg given to the bath."""
        resin_kg, extractables_kg = self.resin_kg, self.extractables_kg
        given_kg = 0.0
        for i in range(len(resin_kg)):
            step_kg = share * (extractables_kg[i] - at_rest_kg_kg * resin_kg[i])
            extractables_kg[i] -= step_kg
            given_kg += step_kg
        return given_kg


class ExtractionModel:
    """Baths, fiber inside them, and the account of what went in and out."""

    def __init__(self, parameters: Parameters, sources: SourceFactory, room: Room) -> None:
        p = parameters.extraction
        self._p = p
        self._evaporation = parameters.vapour
        self._room = room
        self._fiber_above_K = parameters.quench.fiber_above_bath_K
        self._gel_J_g_K = parameters.quench.gel_capacity_J_g_K
        self.bath_C = [parameters.surroundings.ambient_C] * STAGES_N
        self.bath_kg = [p.bath_kg] * STAGES_N
        self.extractables_kg = [p.bath_kg * percent / 100.0 for percent in p.start_percent]
        self.fiber = [FiberPath(p.cells_n) for _ in range(STAGES_N)]
        self.in_kg = self.out_kg = self.extractables_in_kg = self.extractables_out_kg = 0.0
        self.resin_in_kg = self.resin_out_kg = 0.0
        self.evaporated_kg = self.carried_kg = 0.0  # solvent: into the enclosure, and with the fiber into the dryer
        self.heat_in_J = self.heat_out_J = 0.0  # with what flows: above 0 degC
        self.residual_parts = 0.0
        self._start_kg, self._start_J = sum(self.bath_kg), self._stored_J()
        self._start_extractables_kg = sum(self.extractables_kg)
        self._sensor_C = list(self.bath_C)
        self._sensor_percent = p.start_percent[0]
        self._valve = 0.0
        self._heater_W = 0.0
        self._makeup = FlowLoop(p.makeup_full_scale_kg_h, p.makeup_dead_time_s, p.makeup_lag_s)
        cell_s = p.path_nominal_s / p.cells_n
        self._cell_diffusion_s = cell_s / (exp(cell_s / p.diffusion_s) - 1.0)
        self._valve_weight = lag_weight(STEP_S, p.valve_lag_s)
        self._heater_weight = lag_weight(STEP_S, p.heater_lag_s)
        self._sensor_weight = lag_weight(STEP_S, p.sensor_lag_s)
        self._percent_weight = lag_weight(STEP_S, p.concentration_lag_s)
        self._gauss = [sources.named(f"extraction_temperature{i}").gauss for i in range(STAGES_N)]
        self._level_source: Source = sources.named("extraction_level")
        self._percent_source: Source = sources.named("extraction_percent")

    def step(
        self,
        actuators: Actuators,
        disturbances: Disturbances,
        fiber_mg_s: tuple[float, float],
        speed_m_min: float,
        quench_C: float,
        sensors: Sensors,
    ) -> None:
        """One step.  The fiber brings resin and extractables in mg/s, at take-up speed and quench warmth."""
        makeup_command = actuators.makeup_command if actuators.makeup_valve_open else 0.0
        makeup_kg = self._makeup.step(makeup_command) * STEP_S / 3600.0
        resin_kg, extractables_kg = fiber_mg_s[0] * 1e-6 * STEP_S, fiber_mg_s[1] * 1e-6 * STEP_S
        evaporated_kg = evaporation_kg_h(self._evaporation, actuators, disturbances) * STEP_S / 3600.0
        before_kg = self.bath_kg[:]
        self._exchange_with_fiber(resin_kg, extractables_kg, speed_m_min)
        self._account_for_fiber_liquid(before_kg)
        into_kg = self._flow_down(makeup_kg, evaporated_kg, disturbances)
        fiber_W_K = (fiber_mg_s[0] + fiber_mg_s[1]) * 1e-3 * self._gel_J_g_K
        self._heat(actuators, disturbances, into_kg, evaporated_kg, fiber_W_K, quench_C)
        self._measure(sensors)

    def publish(self, truth: Truth) -> None:
        pores_g_g = self._p.pore_liquid_g_g
        fiber_kg = sum(sum(path.extractables_kg) for path in self.fiber)
        resin_kg = sum(sum(path.resin_kg) for path in self.fiber)
        truth.extraction_temperature_C[:] = self.bath_C
        truth.extraction_wt_percent[:] = [self._wt_percent(i) for i in range(STAGES_N)]
        truth.extraction_liquid_kg = sum(self.bath_kg) + fiber_kg + pores_g_g * resin_kg
        truth.extraction_in_kg = self.in_kg
        truth.extraction_out_kg = self.out_kg
        truth.extraction_extractables_kg = sum(self.extractables_kg) + fiber_kg
        truth.extraction_extractables_in_kg = self.extractables_in_kg
        truth.extraction_extractables_out_kg = self.extractables_out_kg
        truth.residual_parts = self.residual_parts
        truth.evaporated_kg, truth.carried_to_dryer_kg = self.evaporated_kg, self.carried_kg
        balances = truth.balances
        held_kg = truth.extraction_liquid_kg - self._start_kg
        balances["extraction liquid, kg"] = Balance(self.in_kg, self.out_kg, held_kg)
        held_kg = truth.extraction_extractables_kg - self._start_extractables_kg
        balances["extractables, kg"] = Balance(self.extractables_in_kg, self.extractables_out_kg, held_kg)
        balances["resin in the baths, kg"] = Balance(self.resin_in_kg, self.resin_out_kg, resin_kg)
        held_J = self._stored_J() - self._start_J
        balances["extraction heat, J"] = Balance(self.heat_in_J, self.heat_out_J, held_J)

    def _stored_J(self) -> float:
        warm_kg_K = sum(kg * bath_C for kg, bath_C in zip(self.bath_kg, self.bath_C, strict=True))
        return self._p.solvent_J_kg_K * warm_kg_K

    def _account_for_fiber_liquid(self, before_kg: list[float]) -> None:
        """What the fiber gave to a bath or took out of it has the bath's temperature."""
        for i in range(STAGES_N):
            given_kg = self.bath_kg[i] - before_kg[i]
            self.heat_in_J += given_kg * self._p.solvent_J_kg_K * self.bath_C[i]

    def _wt_percent(self, stage_i: int) -> float:
        return 100.0 * self.extractables_kg[stage_i] / max(self.bath_kg[stage_i], 1e-6)

    def _exchange_with_fiber(self, resin_kg: float, extractables_kg: float, speed_m_min: float) -> None:
        """Move the fiber on, come to rest with each bath; pores fill in stage 1 and empty in the dryer."""
        p = self._p
        share = min(1.0, speed_m_min * STEP_S / 60.0 * p.cells_n / p.fiber_path_m)
        fast_kg = p.fast_share * extractables_kg
        self.extractables_in_kg += extractables_kg
        self.resin_in_kg += resin_kg
        self.in_kg += extractables_kg
        self.bath_kg[0] += fast_kg - p.pore_liquid_g_g * resin_kg
        self.extractables_kg[0] += fast_kg
        extractables_kg -= fast_kg
        for i in range(STAGES_N):
            path = self.fiber[i]
            resin_kg, extractables_kg = path.move(resin_kg, extractables_kg, share)
            at_rest_kg_kg = p.pore_liquid_g_g * self.extractables_kg[i] / max(self.bath_kg[i], 1e-6)
            given_kg = path.give_off(at_rest_kg_kg, lag_weight(STEP_S, self._diffusion_s(self.bath_C[i])))
            self.bath_kg[i] += given_kg
            self.extractables_kg[i] += given_kg
        if resin_kg > 0.0:
            self.residual_parts = 100.0 * extractables_kg / resin_kg
        self.extractables_out_kg += extractables_kg
        self.resin_out_kg += resin_kg
        self.carried_kg += p.pore_liquid_g_g * resin_kg
        self.out_kg += extractables_kg + p.pore_liquid_g_g * resin_kg

    def _diffusion_s(self, bath_C: float) -> float:
        """Time constant of a cell: with this many mixed cells a bath extracts what plug flow would."""
        p = self._p
        inverse_K = 1.0 / (bath_C + ZERO_C_K) - 1.0 / (p.diffusion_reference_C + ZERO_C_K)
        return self._cell_diffusion_s * exp(p.diffusion_J_mol / GAS_J_MOL_K * inverse_K)

    def _flow_down(self, makeup_kg: float, evaporated_kg: float, disturbances: Disturbances) -> list[float]:
        """Make-up into stage 3, over the weirs to stage 1 and recovery; returns kg into each stage."""
        p, bath_kg, extractables_kg = self._p, self.bath_kg, self.extractables_kg
        self.in_kg += makeup_kg
        into_kg = [0.0, 0.0, makeup_kg]
        carried_kg, passed_kg = 0.0, makeup_kg
        for i in (2, 1, 0):
            bath_kg[i] += passed_kg
            extractables_kg[i] += carried_kg
            lost_kg = min(evaporated_kg / STAGES_N, bath_kg[i] - extractables_kg[i])
            bath_kg[i] -= lost_kg
            self.out_kg += lost_kg
            self.evaporated_kg += lost_kg
            self.heat_out_J += lost_kg * p.solvent_J_kg_K * self.bath_C[i]
            passed_kg = max(0.0, bath_kg[i] - p.bath_kg) * STEP_S / p.weir_s
            if i == 0:
                passed_kg = min(bath_kg[0], passed_kg + disturbances.extraction_leak_kg_h * STEP_S / 3600.0)
            carried_kg = passed_kg * extractables_kg[i] / max(bath_kg[i], 1e-6)
            bath_kg[i] -= passed_kg
            extractables_kg[i] -= carried_kg
            if i > 0:
                into_kg[i - 1] = passed_kg
        self.out_kg += passed_kg
        self.heat_out_J += passed_kg * p.solvent_J_kg_K * self.bath_C[0]
        self.extractables_out_kg += carried_kg
        return into_kg

    def _heat(
        self,
        actuators: Actuators,
        disturbances: Disturbances,
        into_kg: list[float],
        evaporated_kg: float,
        fiber_W_K: float,
        quench_C: float,
    ) -> None:
        """Heat of one step; the liquid that enters a stage has the temperature of where it came from."""
        p = self._p
        ambient_C, chilled_C = self._room.ambient_C(disturbances), self._room.chilled_C(disturbances)
        self._valve += self._valve_weight * (unit(actuators.extraction_cool_valve) - self._valve)
        given_W = p.heater_W * disturbances.mains_voltage_ratio**2 * actuators.extraction_heater_on
        self._heater_W += self._heater_weight * (given_W - self._heater_W)
        coil_W_K = p.coil_W_K * self._valve if disturbances.chiller_on else 0.0
        evaporation_W = evaporated_kg / STEP_S / STAGES_N * p.evaporation_heat_J_kg
        inlet_C = ambient_C
        self.heat_in_J += into_kg[2] * p.solvent_J_kg_K * ambient_C  # what passes from bath to bath stays inside
        for i in (2, 1, 0):
            bath_C = self.bath_C[i]
            gained_W = self._heater_W
            if i == 0:
                gained_W += fiber_W_K * (quench_C + self._fiber_above_K - bath_C)
            lost_W = evaporation_W + coil_W_K * (bath_C - chilled_C) + p.ambient_W_K * (bath_C - ambient_C)
            self.heat_in_J += gained_W * STEP_S
            self.heat_out_J += lost_W * STEP_S
            mixed_W = into_kg[i] / STEP_S * p.solvent_J_kg_K * (inlet_C - bath_C)
            net_W = gained_W - lost_W + mixed_W
            self.bath_C[i] = bath_C + net_W * STEP_S / (max(self.bath_kg[i], 1e-3) * p.solvent_J_kg_K)
            inlet_C = bath_C

    def _measure(self, sensors: Sensors) -> None:
        p = self._p
        for i in range(STAGES_N):
            self._sensor_C[i] += self._sensor_weight * (self.bath_C[i] - self._sensor_C[i])
            sensors.extraction_temperature_C[i] = self._gauss[i](self._sensor_C[i], p.temperature_sigma_K)
        self._sensor_percent += self._percent_weight * (self._wt_percent(0) - self._sensor_percent)
        level_percent = 100.0 * min(self.bath_kg) / p.bath_full_kg
        sensors.extraction_plasticizer_wt_percent = self._percent_source.gauss(
            self._sensor_percent, p.concentration_sigma_percent
        )
        sensors.extraction_level_percent = self._level_source.gauss(level_percent, p.level_sigma_percent)
