"""Solvent vapour in the extraction enclosure and its exhaust.  Steps of 250 ms."""

from __future__ import annotations

from .parameters import BATH_STEP_US, Vapour
from .signals import Actuators, Disturbances, Sensors, Truth
from .sources import SourceFactory, lag_weight

STEP_S = BATH_STEP_US / 1e6


class VapourModel:
    """One mixed volume of air; evaporation in, exhaust and a small leak out."""

    def __init__(self, p: Vapour, sources: SourceFactory) -> None:
        self._p = p
        self.enclosure_ppm = 0.0
        self._exhaust_share = 0.0
        self._sensor_ppm = 0.0
        self._fan_weight = lag_weight(STEP_S, p.fan_lag_s)
        self._sensor_weight = lag_weight(STEP_S, p.sensor_lag_s)
        self._gauss = sources.named("vapour").gauss

    def step(self, actuators: Actuators, disturbances: Disturbances, sensors: Sensors) -> None:
        """One step, exact for flows constant in it."""
        p = self._p
        running = actuators.exhaust_fan_on and disturbances.exhaust_fan_healthy
        self._exhaust_share += self._fan_weight * (running - self._exhaust_share)
        rate_kg_h = p.evaporation_closed_kg_h if actuators.lids_closed else p.evaporation_open_kg_h
        rate_kg_h += disturbances.seal_leak_kg_h
        air_m3_h = p.leak_m3_h + p.exhaust_m3_h * self._exhaust_share
        steady_ppm = rate_kg_h * 1e6 / air_m3_h / p.mg_m3_ppm
        weight = lag_weight(STEP_S, p.enclosure_m3 * 3600.0 / air_m3_h)
        mixed_ppm = self.enclosure_ppm + weight * (steady_ppm - self.enclosure_ppm)
        self.enclosure_ppm = min(p.saturated_ppm, mixed_ppm)
        self._sensor_ppm += self._sensor_weight * (self.enclosure_ppm - self._sensor_ppm)
        sensors.vapour_ppm = self._gauss(self._sensor_ppm, p.sensor_sigma_ppm)
        sensors.exhaust_flow_ok = self._exhaust_share > p.flow_switch_share
        sensors.chiller_ok = disturbances.chiller_on

    def publish(self, truth: Truth) -> None:
        truth.vapour_ppm = self.enclosure_ppm
