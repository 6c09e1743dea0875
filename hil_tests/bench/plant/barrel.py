"""Barrel, melt pump and die as eight heated zones with the melt flowing through.  Steps of 250 ms.

Every exchange is one flux out of one store and into the other, so the energy balance closes to rounding.
"""

from __future__ import annotations

from math import exp

from .parameters import BATH_STEP_US, ZONES_N, Parameters
from .room import Room
from .signals import Actuators, Balance, Disturbances, Sensors, Truth
from .sources import SourceFactory, lag_weight

STEP_S = BATH_STEP_US / 1e6
EXTRUDER_ZONES_N = 6  # the rest sees the flow of the melt pump


class BarrelModel:
    """Heater, barrel metal, thermowell and melt of each zone."""

    def __init__(self, parameters: Parameters, sources: SourceFactory, room: Room) -> None:
        barrel = parameters.barrel
        self._p = barrel
        self._room = room
        self._nominal_flow_mg_s = parameters.melt.nominal_flow_mg_s
        start_C = parameters.surroundings.ambient_C
        self.heater_C = [start_C] * ZONES_N
        self.barrel_C = [start_C] * ZONES_N
        self.well_C = [start_C] * ZONES_N
        self.melt_C = [start_C] * ZONES_N
        self.heater_energy_J = [0.0] * ZONES_N
        self.loss_energy_J = 0.0
        self.melt_energy_J = 0.0
        self._start_J = self._stored_energy()
        delay_n = round(barrel.heater_dead_time_s / STEP_S)
        self._power_ring_W: list[list[float]] = [[0.0] * ZONES_N for _ in range(delay_n)]
        self._ring_i = 0
        self._well_weight = lag_weight(STEP_S, barrel.thermowell_lag_s)
        self._gauss = [sources.named(f"thermocouple{i}").gauss for i in range(ZONES_N)]
        widest_K = barrel.thermocouple_error_K
        self._error_K = [sources.named(f"thermocouple{i}_error").uniform(-widest_K, widest_K) for i in range(ZONES_N)]

    def step(
        self,
        actuators: Actuators,
        disturbances: Disturbances,
        extruder_mg_s: float,
        pump_mg_s: float,
        sensors: Sensors,
    ) -> None:
        """One step with the heaters as they stand; melt flows in mg/s."""
        ambient_C = self._room.ambient_C(disturbances)
        power_W = self._delayed_power(actuators, disturbances.mains_voltage_ratio)
        melt_W = self._melt_heat(ambient_C, extruder_mg_s, pump_mg_s)
        self._exchange(power_W, melt_W, ambient_C)
        self._measure(sensors)

    def preheat(self, zones_C: list[float]) -> None:
        """Begin where each thermocouple shows this temperature: a line that was stopped a while ago."""
        true_C = [zone_C - error_K for zone_C, error_K in zip(zones_C, self._error_K, strict=True)]
        for stores in (self.heater_C, self.barrel_C, self.well_C, self.melt_C):
            stores[:] = true_C
        self._start_J = self._stored_energy()

    def publish(self, truth: Truth) -> None:
        truth.barrel_temperature_C[:] = self.barrel_C
        truth.heater_temperature_C[:] = self.heater_C
        truth.melt_temperature_C[:] = self.melt_C
        truth.heater_energy_J[:] = self.heater_energy_J
        truth.loss_energy_J = self.loss_energy_J
        truth.melt_energy_J = self.melt_energy_J
        truth.stored_energy_J = self._stored_energy() - self._start_J
        truth.thermocouple_error_K[:] = self._error_K
        given_J = self.loss_energy_J + self.melt_energy_J
        truth.balances["barrel heat, J"] = Balance(sum(self.heater_energy_J), given_J, truth.stored_energy_J)

    def _stored_energy(self) -> float:
        """In J above 0 degC."""
        p = self._p
        return sum(
            p.heater_capacity_J_K[i] * self.heater_C[i] + p.barrel_capacity_J_K[i] * self.barrel_C[i]
            for i in range(ZONES_N)
        )

    def _delayed_power(self, actuators: Actuators, mains_ratio: float) -> list[float]:
        """Power in W that reaches each heater now: switched one dead time ago."""
        ring = self._power_ring_W
        delayed_W = ring[self._ring_i]
        if actuators.contactor:
            square = mains_ratio * mains_ratio
            ring[self._ring_i] = [
                square * full_W if on else 0.0
                for full_W, on in zip(self._p.heater_power_W, actuators.heater_on, strict=True)
            ]
        else:
            ring[self._ring_i] = [0.0] * ZONES_N
        self._ring_i = (self._ring_i + 1) % len(ring)
        return delayed_W

    def _melt_heat(self, feed_C: float, extruder_mg_s: float, pump_mg_s: float) -> list[float]:
        """Heat in W each zone gives to the melt; plug flow along the wall, viscous heat proportional to flow.

        Written so that no flow is the limit of little flow: the melt then has the temperature of the wall.
        """
        p = self._p
        heat_W = [0.0] * ZONES_N
        inlet_C = feed_C
        for i in range(ZONES_N):
            flow_mg_s = extruder_mg_s if i < EXTRUDER_ZONES_N else pump_mg_s
            wall_C = self.barrel_C[i]
            capacity_W_K = flow_mg_s * 1e-3 * p.melt_capacity_J_g_K
            if capacity_W_K > 1e-6:
                contact_W_K = p.barrel_to_melt_W_K[i]
                viscous_W = p.viscous_heat_W[i] * flow_mg_s / self._nominal_flow_mg_s
                left = exp(-contact_W_K / capacity_W_K)
                outlet_C = wall_C + (inlet_C - wall_C) * left + viscous_W / contact_W_K * (1.0 - left)
                heat_W[i] = capacity_W_K * (outlet_C - inlet_C) - viscous_W
            else:
                outlet_C = wall_C
            self.melt_C[i] = outlet_C
            inlet_C = outlet_C
        return heat_W

    def _exchange(self, power_W: list[float], melt_W: list[float], ambient_C: float) -> None:
        """Move the heat of one step between heaters, metal, neighbours, room and melt."""
        p = self._p
        heater_C, barrel_C, energy_J = self.heater_C, self.barrel_C, self.heater_energy_J
        to_barrel, to_next = p.heater_to_barrel_W_K, p.barrel_to_next_W_K
        heater_loss, barrel_loss = p.heater_to_ambient_W_K, p.barrel_to_ambient_W_K
        heater_J_K, barrel_J_K = p.heater_capacity_J_K, p.barrel_capacity_J_K
        loss_W = 0.0
        from_before_W = 0.0
        for i in range(ZONES_N):
            hot_C, metal_C = heater_C[i], barrel_C[i]
            in_W = to_barrel[i] * (hot_C - metal_C)
            lost_hot_W = heater_loss[i] * (hot_C - ambient_C)
            lost_metal_W = barrel_loss[i] * (metal_C - ambient_C)
            on_W = to_next[i] * (metal_C - barrel_C[i + 1]) if i < ZONES_N - 1 else 0.0
            heater_C[i] = hot_C + (power_W[i] - in_W - lost_hot_W) * STEP_S / heater_J_K[i]
            net_W = in_W - lost_metal_W + from_before_W - on_W - melt_W[i]
            barrel_C[i] = metal_C + net_W * STEP_S / barrel_J_K[i]
            from_before_W = on_W
            loss_W += lost_hot_W + lost_metal_W
            energy_J[i] += power_W[i] * STEP_S
        self.loss_energy_J += loss_W * STEP_S
        self.melt_energy_J += sum(melt_W) * STEP_S

    def _measure(self, sensors: Sensors) -> None:
        weight, sigma_K = self._well_weight, self._p.thermocouple_sigma_K
        well_C, barrel_C, reading_C, error_K = self.well_C, self.barrel_C, sensors.zone_temperature_C, self._error_K
        for i in range(ZONES_N):
            well_C[i] += weight * (barrel_C[i] - well_C[i])
            reading_C[i] = self._gauss[i](well_C[i] + error_K[i], sigma_K)
