"""Resin feeder and liquid pumps: command to true and measured mass flow.  Steps of 50 ms."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, pi, sin, sqrt

from .parameters import FEED_STEP_US, Feeding
from .signals import Actuators, Disturbances, Sensors, Truth
from .sources import SourceFactory, lag_weight, unit

STEP_S = FEED_STEP_US / 1e6


class ResinFeeder:
    """Loss-in-weight feeder.  While its hopper is refilled it feeds by volume and its flow signal holds."""

    def __init__(self, p: Feeding, sources: SourceFactory) -> None:
        self._p = p
        self.flow_mg_s = 0.0
        self.measured_mg_s = 0.0
        self.refilling = False
        self._screw_mg_s = 0.0
        self._weighed_mg_s = 0.0
        self._fed_s = 0.0
        self._refill_left_s = 0.0
        self._bias = 0.0
        self._wander = 0.0
        self._lag_weight = lag_weight(STEP_S, p.resin_lag_s)
        self._weighing_weight = lag_weight(STEP_S, p.weighing_lag_s)
        self._wander_keep = exp(-STEP_S / p.resin_noise_correlation_s)
        self._wander_sigma = p.resin_sigma * sqrt(1.0 - self._wander_keep**2)
        self._wander_gauss = sources.named("resin_flow").gauss
        self._weighing_gauss = sources.named("resin_weighing").gauss
        self._refill_gauss = sources.named("resin_refill").gauss

    def step(self, command: float) -> float:
        """True flow in mg/s over the coming step."""
        p = self._p
        self._screw_mg_s += self._lag_weight * (command * p.resin_full_scale_mg_s - self._screw_mg_s)
        self._wander = self._wander_keep * self._wander + self._wander_gauss(0.0, self._wander_sigma)
        self.flow_mg_s = self._screw_mg_s * (1.0 + self._wander + self._bias)
        self._weigh()
        self._refill(command > 0.0)
        return self.flow_mg_s

    def _weigh(self) -> None:
        if self.refilling:
            return
        self._weighed_mg_s += self._weighing_weight * (self.flow_mg_s - self._weighed_mg_s)
        sigma_mg_s = self._p.weighing_sigma * self._weighed_mg_s
        self.measured_mg_s = self._weighing_gauss(self._weighed_mg_s, sigma_mg_s)

    def _refill(self, feeding: bool) -> None:
        """Count feeding time; after a refill the weight signal starts again from its held reading."""
        if self.refilling:
            self._refill_left_s -= STEP_S
            if self._refill_left_s < 0.5 * STEP_S:
                self.refilling, self._bias, self._fed_s = False, 0.0, 0.0
        elif feeding:
            self._fed_s += STEP_S
            if self._fed_s > self._p.refill_every_s - 0.5 * STEP_S:
                self.refilling, self._refill_left_s = True, self._p.refill_s
                self._bias = self._refill_gauss(0.0, self._p.refill_bias_sigma)


class LiquidPump:
    """Metering pump with pulsation and a density nobody knows exactly, behind it a Coriolis mass meter."""

    def __init__(self, p: Feeding, full_scale_mg_s: float, sources: SourceFactory, name: str) -> None:
        self.flow_mg_s = 0.0
        self.measured_mg_s = 0.0
        self._pumped_mg_s = 0.0
        self._metered_mg_s = 0.0
        self._pulsation = p.liquid_pulsation
        self._meter_sigma = p.mass_meter_sigma
        error = sources.named(f"{name}_density").uniform(-p.liquid_density_error, p.liquid_density_error)
        self._full_scale_mg_s = full_scale_mg_s * (1.0 + error)
        self._lag_weight = lag_weight(STEP_S, p.liquid_lag_s)
        self._meter_weight = lag_weight(STEP_S, p.mass_meter_lag_s)
        self._meter_gauss: Callable[[float, float], float] = sources.named(f"{name}_meter").gauss

    def step(self, command: float, wave: float) -> float:
        """True flow in mg/s over the coming step; `wave` is the pulsation, -1..1."""
        self._pumped_mg_s += self._lag_weight * (command * self._full_scale_mg_s - self._pumped_mg_s)
        self.flow_mg_s = self._pumped_mg_s * (1.0 + self._pulsation * wave)
        self._metered_mg_s += self._meter_weight * (self.flow_mg_s - self._metered_mg_s)
        self.measured_mg_s = self._meter_gauss(self._metered_mg_s, self._meter_sigma * self._metered_mg_s)
        return self.flow_mg_s


class FeedingModel:
    """The three feeders.  The pumps pulse with an ideal sine; without noise they do not pulse."""

    def __init__(self, p: Feeding, sources: SourceFactory, noise: bool) -> None:
        self.resin = ResinFeeder(p, sources)
        self.plasticizer = LiquidPump(p, p.plasticizer_full_scale_mg_s, sources, "plasticizer")
        self.solvent = LiquidPump(p, p.solvent_full_scale_mg_s, sources, "solvent")
        cycle_n = round(1.0 / (p.liquid_pulsation_Hz * STEP_S))
        self._waves = [sin(2.0 * pi * (i + 0.5) / cycle_n) if noise else 0.0 for i in range(cycle_n)]
        self._wave_i = 0

    def step(self, actuators: Actuators, sensors: Sensors, disturbances: Disturbances) -> tuple[float, float, float]:
        """True flows of resin, plasticizer and solvent in mg/s; writes the measured ones."""
        on, d = actuators.dosing_enable, disturbances
        wave = self._waves[self._wave_i]
        self._wave_i = (self._wave_i + 1) % len(self._waves)
        flows_mg_s = (
            self.resin.step(unit(actuators.resin_command) if on else 0.0),
            self.plasticizer.step(unit(actuators.plasticizer_command) * d.plasticizer_ratio if on else 0.0, wave),
            self.solvent.step(unit(actuators.solvent_command) if on else 0.0, -wave),
        )
        sensors.resin_flow_mg_s = self.resin.measured_mg_s
        sensors.resin_refilling = self.resin.refilling
        sensors.plasticizer_flow_mg_s = self.plasticizer.measured_mg_s
        sensors.solvent_flow_mg_s = self.solvent.measured_mg_s
        return flows_mg_s

    def publish(self, truth: Truth) -> None:
        truth.resin_flow_mg_s = self.resin.flow_mg_s
        truth.plasticizer_flow_mg_s = self.plasticizer.flow_mg_s
        truth.solvent_flow_mg_s = self.solvent.flow_mg_s
