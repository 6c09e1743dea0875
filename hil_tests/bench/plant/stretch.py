"""Water bath of the stretching span.  Steps of 250 ms."""

from __future__ import annotations

from .parameters import BATH_STEP_US, Parameters
from .signals import Actuators, Disturbances, Sensors, Truth
from .sources import SourceFactory, lag_weight

STEP_S = BATH_STEP_US / 1e6


class StretchBath:
    """One mixed mass of water with a sheathed heater and a sensor in a well."""

    def __init__(self, parameters: Parameters, sources: SourceFactory) -> None:
        p = parameters.stretch
        self._p = p
        self._ambient_C = parameters.surroundings.ambient_C
        self.water_C = self._ambient_C
        self._sensor_C = self.water_C
        self._heater_W = 0.0
        self._heater_weight = lag_weight(STEP_S, p.heater_lag_s)
        self._sensor_weight = lag_weight(STEP_S, p.sensor_lag_s)
        self._gauss = sources.named("stretch_temperature").gauss

    def step(self, actuators: Actuators, disturbances: Disturbances, sensors: Sensors) -> None:
        p = self._p
        self._heater_W += self._heater_weight * (p.heater_W * actuators.stretch_heater_on - self._heater_W)
        room_W = p.ambient_W_K * (self.water_C - self._ambient_C - disturbances.ambient_offset_K)
        self.water_C += (self._heater_W - room_W) * STEP_S / (p.water_kg * p.water_J_kg_K)
        self._sensor_C += self._sensor_weight * (self.water_C - self._sensor_C)
        sensors.stretch_temperature_C = self._gauss(self._sensor_C, p.temperature_sigma_K)

    def preheat(self, water_C: float) -> None:
        """Begin with warm water."""
        self.water_C = self._sensor_C = water_C

    def publish(self, truth: Truth) -> None:
        truth.stretch_temperature_C = self.water_C
