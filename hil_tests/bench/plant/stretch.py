"""Water bath of the stretching span.  Steps of 250 ms."""

from __future__ import annotations

from .parameters import BATH_STEP_US, Parameters
from .room import Room
from .signals import Actuators, Balance, Disturbances, Sensors, Truth
from .sources import SourceFactory, lag_weight

STEP_S = BATH_STEP_US / 1e6


class StretchBath:
    """One mixed mass of water with a sheathed heater, a float valve and a sensor in a well."""

    def __init__(self, parameters: Parameters, sources: SourceFactory, room: Room) -> None:
        p = parameters.stretch
        self._p = p
        self._room = room
        self.water_C = parameters.surroundings.ambient_C
        self.water_kg = p.water_kg
        self.topup_kg = self.evaporated_kg = 0.0
        self.heat_in_J = self.heat_out_J = 0.0  # with what flows: above 0 degC
        self._start_J = self._stored_J()
        self._sensor_C = self.water_C
        self._heater_W = 0.0
        self._heater_weight = lag_weight(STEP_S, p.heater_lag_s)
        self._sensor_weight = lag_weight(STEP_S, p.sensor_lag_s)
        self._gauss = sources.named("stretch_temperature").gauss
        widest_K = p.thermocouple_error_K
        self._error_K = sources.named("stretch_thermocouple_error").uniform(-widest_K, widest_K)

    def step(self, actuators: Actuators, disturbances: Disturbances, sensors: Sensors) -> None:
        """One step; the heat of evaporation is in the loss to the room."""
        p = self._p
        ambient_C = self._room.ambient_C(disturbances)
        given_W = p.heater_W * disturbances.mains_voltage_ratio**2 * actuators.stretch_heater_on
        self._heater_W += self._heater_weight * (given_W - self._heater_W)
        room_W = p.ambient_W_K * (self.water_C - ambient_C)
        evaporated_kg = p.evaporation_kg_h * STEP_S / 3600.0
        topup_kg = max(0.0, p.water_kg - self.water_kg) * STEP_S / p.float_valve_s
        self.heat_in_J += self._heater_W * STEP_S + topup_kg * p.water_J_kg_K * ambient_C
        self.heat_out_J += room_W * STEP_S + evaporated_kg * p.water_J_kg_K * self.water_C
        self.topup_kg += topup_kg
        self.evaporated_kg += evaporated_kg
        self.water_kg += topup_kg - evaporated_kg
        gained_kg_K = topup_kg * (ambient_C - self.water_C) + (self._heater_W - room_W) * STEP_S / p.water_J_kg_K
        self.water_C += gained_kg_K / self.water_kg
        self._sensor_C += self._sensor_weight * (self.water_C - self._sensor_C)
        sensors.stretch_temperature_C = self._gauss(self._sensor_C + self._error_K, p.temperature_sigma_K)

    def _stored_J(self) -> float:
        return self.water_kg * self._p.water_J_kg_K * self.water_C

    def preheat(self, water_C: float) -> None:
        """Begin where the thermocouple shows this temperature."""
        self.water_C = self._sensor_C = water_C - self._error_K
        self._start_J = self._stored_J()

    def publish(self, truth: Truth) -> None:
        p = self._p
        truth.stretch_temperature_C = self.water_C
        truth.stretch_water_kg = self.water_kg
        truth.stretch_thermocouple_error_K = self._error_K
        truth.balances["stretch water, kg"] = Balance(self.topup_kg, self.evaporated_kg, self.water_kg - p.water_kg)
        held_J = self._stored_J() - self._start_J
        truth.balances["stretch heat, J"] = Balance(self.heat_in_J, self.heat_out_J, held_J)
