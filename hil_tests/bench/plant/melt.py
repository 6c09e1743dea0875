"""Extruder transport, the store before the melt pump, the melt pump and the die.  Steps of 50 ms.

Mass is conserved: fed = held in the extruder + held before the pump + out of the die + lost by the relief.
"""

from __future__ import annotations

from math import exp, pi, sin

from .parameters import FEED_STEP_US, Melt
from .signals import Actuators, Balance, Disturbances, Sensors, Truth
from .sources import SourceFactory, lag_weight, unit

STEP_S = FEED_STEP_US / 1e6


COMPONENTS_N = 3  # resin, plasticizer, solvent; behind them the resin times its lot's viscosity


class Extruder:
    """Dead time and one mixed volume for each component; a stopped screw moves nothing."""

    def __init__(self, p: Melt) -> None:
        steps_n = round(p.extruder_dead_time_s / STEP_S)
        self._lines_mg = [[0.0] * steps_n for _ in range(COMPONENTS_N + 1)]
        self._steps_n = steps_n
        self._i = 0
        self.mixed_mg = [0.0] * (COMPONENTS_N + 1)
        self._out_share = lag_weight(STEP_S, p.extruder_lag_s)
        self.flow_mg_s = 0.0
        self.plasticizer_parts = 0.0
        self.solvent_parts = 0.0
        self.viscosity_ratio = 1.0

    def held_mg(self) -> float:
        return sum(self.mixed_mg[:COMPONENTS_N]) + sum(sum(line) for line in self._lines_mg[:COMPONENTS_N])

    def step(self, feeds_mg_s: tuple[float, float, float], viscosity_ratio: float, screw_run: bool) -> float:
        """Take in the feeds, the resin's lot so viscous; turn the screw; return the mass in mg pushed out."""
        i, share, mixed_mg = self._i, self._out_share, self.mixed_mg
        out_mg = 0.0
        marked_mg_s = (*feeds_mg_s, feeds_mg_s[0] * viscosity_ratio)
        for line, feed_mg_s, component_i in zip(self._lines_mg, marked_mg_s, (0, 1, 2, 3), strict=True):
            if not screw_run:
                line[i] += feed_mg_s * STEP_S
                continue
            next_i = i + 1 if i + 1 < self._steps_n else 0
            line[i] += feed_mg_s * STEP_S
            held_mg = mixed_mg[component_i] + line[next_i]
            line[next_i] = 0.0
            mixed_mg[component_i] = held_mg * (1.0 - share)
            if component_i < COMPONENTS_N:
                out_mg += held_mg * share
        if screw_run:
            self._i = i + 1 if i + 1 < self._steps_n else 0
            resin_mg = mixed_mg[0]
            if resin_mg > 1e-3:
                self.plasticizer_parts = 100.0 * mixed_mg[1] / resin_mg
                self.solvent_parts = 100.0 * mixed_mg[2] / resin_mg
                self.viscosity_ratio = mixed_mg[3] / resin_mg
        self.flow_mg_s = out_mg / STEP_S
        return out_mg


class MeltModel:
    """From the feeders to the die."""

    def __init__(self, p: Melt, sources: SourceFactory, noise: bool) -> None:
        self._p = p
        self.extruder = Extruder(p)
        self.fed_mg = 0.0
        self.buffer_mg = 0.0
        self.die_mg = 0.0
        self.relief_mg = 0.0
        self.die_flow_mg_s = 0.0
        self.inlet_kPa = 0.0
        self.die_kPa = 0.0
        self.fouling_kPa = 0.0
        self._rpm = 0.0
        self._phase_rev = 0.0
        self._ripple = p.pump_ripple if noise else 0.0
        self._buffer_max_mg = p.inlet_pressure_max_kPa / p.inlet_kPa_mg
        self._pump_weight = lag_weight(STEP_S, p.pump_lag_s)
        self._mg_rev = p.pump_displacement_cm3_rev * p.melt_density_g_cm3 * 1e3
        self._inlet_gauss = sources.named("inlet_pressure").gauss
        self._die_gauss = sources.named("die_pressure").gauss
        self._rpm_gauss = sources.named("melt_pump_rpm").gauss

    def step(
        self,
        actuators: Actuators,
        disturbances: Disturbances,
        feeds_mg_s: tuple[float, float, float],
        die_C: float,
        sensors: Sensors,
    ) -> None:
        """One step; feeds in mg/s, melt temperature in the die in degC."""
        self.fed_mg += (feeds_mg_s[0] + feeds_mg_s[1] + feeds_mg_s[2]) * STEP_S
        arrived_mg = self.extruder.step(feeds_mg_s, disturbances.viscosity_ratio, actuators.screw_run)
        command = unit(actuators.melt_pump_command) if actuators.melt_pump_enable else 0.0
        self._rpm += self._pump_weight * (command * self._p.pump_full_scale_rpm - self._rpm)
        self._pump(arrived_mg)
        self._die(die_C, disturbances)
        sigma_kPa = self._p.pressure_sigma_kPa * disturbances.pressure_noise_ratio
        sensors.inlet_pressure_kPa = self._inlet_gauss(self.inlet_kPa, sigma_kPa)
        sensors.die_pressure_kPa = self._die_gauss(self.die_kPa, sigma_kPa)
        sensors.melt_pump_rpm = self._rpm_gauss(self._rpm, self._p.rpm_sigma)

    def publish(self, truth: Truth) -> None:
        truth.fed_mg = self.fed_mg
        truth.extruder_mg = self.extruder.held_mg()
        truth.inlet_buffer_mg = self.buffer_mg
        truth.die_mg = self.die_mg
        truth.relief_mg = self.relief_mg
        truth.extruder_flow_mg_s = self.extruder.flow_mg_s
        truth.die_flow_mg_s = self.die_flow_mg_s
        truth.inlet_pressure_kPa = self.inlet_kPa
        truth.die_pressure_kPa = self.die_kPa
        truth.plasticizer_parts_at_die = self.extruder.plasticizer_parts
        truth.solvent_parts_at_die = self.extruder.solvent_parts
        truth.viscosity_ratio_at_die = self.extruder.viscosity_ratio
        truth.screen_fouling_kPa = self.fouling_kPa
        given_mg, held_mg = self.die_mg + self.relief_mg, truth.extruder_mg + self.buffer_mg
        truth.balances["melt, mg"] = Balance(self.fed_mg, given_mg, held_mg)

    def _pump(self, arrived_mg: float) -> None:
        """Move melt from the store to the die; a starved pump delivers only what is there."""
        p = self._p
        turned_rev = self._rpm / 60.0 * STEP_S
        self._phase_rev = (self._phase_rev + turned_rev) % 1.0
        ripple = self._ripple * sin(2.0 * pi * p.pump_teeth_n * self._phase_rev)
        slip = p.slip_reference * (self.die_kPa - self.inlet_kPa) / p.slip_reference_kPa
        wanted_mg = max(0.0, turned_rev * self._mg_rev * (1.0 - slip) * (1.0 + ripple))
        held_mg = self.buffer_mg + arrived_mg
        pumped_mg = wanted_mg if wanted_mg < held_mg else held_mg
        held_mg -= pumped_mg
        if held_mg > self._buffer_max_mg:
            self.relief_mg += held_mg - self._buffer_max_mg
            held_mg = self._buffer_max_mg
        self.buffer_mg = held_mg
        self.inlet_kPa = held_mg * p.inlet_kPa_mg
        self.die_mg += pumped_mg
        self.die_flow_mg_s = pumped_mg / STEP_S

    def _die(self, die_C: float, disturbances: Disturbances) -> None:
        """Pressure in front of the die; the screen pack fouls with what has gone through it."""
        p = self._p
        flow_share = self.die_flow_mg_s / p.nominal_flow_mg_s
        self.fouling_kPa += p.screen_fouling_kPa_h * flow_share * STEP_S / 3600.0
        cold = exp(p.die_temperature_factor_K * (p.die_reference_C - die_C))
        thick_kPa = p.die_nominal_kPa * self.extruder.viscosity_ratio * cold
        screen_kPa = (self.fouling_kPa + disturbances.screen_fouling_kPa) * flow_share
        self.die_kPa = thick_kPa * pow(flow_share, p.die_flow_exponent) + screen_kPa
