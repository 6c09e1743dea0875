"""Solvent in air: the enclosure of the extraction baths, and the dryer behind them.  Steps of 250 ms."""

from __future__ import annotations

from .parameters import BATH_STEP_US, Dryer, Vapour
from .signals import Actuators, Balance, Disturbances, Sensors, Truth
from .sources import SourceFactory, lag_weight

STEP_S = BATH_STEP_US / 1e6
STEP_H = STEP_S / 3600.0


def evaporation_kg_h(p: Vapour, actuators: Actuators, disturbances: Disturbances) -> float:
    """Solvent that leaves the baths for the enclosure."""
    through_lids_kg_h = p.evaporation_closed_kg_h if actuators.lids_closed else p.evaporation_open_kg_h
    return through_lids_kg_h + disturbances.seal_leak_kg_h


class AirSpace:
    """One mixed volume of air with solvent in it; what is beyond saturation drips off."""

    def __init__(self, air_m3: float, p: Vapour) -> None:
        self._air_m3 = air_m3
        self._mg_m3_ppm = p.mg_m3_ppm
        self._saturated_ppm = p.saturated_ppm
        self.ppm = 0.0
        self.in_kg = self.out_kg = 0.0  # out: with the air, and as drops

    def step(self, evaporated_kg: float, air_m3_h: float) -> None:
        """One step, exact for a source and a flow of air that are constant in it."""
        kg_m3_ppm = self._mg_m3_ppm * 1e-6
        steady_ppm = evaporated_kg / STEP_H / air_m3_h / kg_m3_ppm
        air_h = self._air_m3 / air_m3_h
        way_ppm = (steady_ppm - self.ppm) * lag_weight(STEP_H, air_h)
        mean_ppm = steady_ppm - way_ppm * air_h / STEP_H  # over the step
        self.in_kg += evaporated_kg
        self.out_kg += mean_ppm * kg_m3_ppm * air_m3_h * STEP_H
        self.ppm += way_ppm
        if self.ppm > self._saturated_ppm:
            self.out_kg += (self.ppm - self._saturated_ppm) * kg_m3_ppm * self._air_m3
            self.ppm = self._saturated_ppm

    def balance(self) -> Balance:
        """Solvent in kg."""
        return Balance(self.in_kg, self.out_kg, self.ppm * self._mg_m3_ppm * 1e-6 * self._air_m3)


class VapourModel:
    """The enclosure with its exhaust, a small leak and an analyser."""

    def __init__(self, p: Vapour, sources: SourceFactory) -> None:
        self._p = p
        self.enclosure = AirSpace(p.enclosure_m3, p)
        self._exhaust_share = 0.0
        self._sensor_ppm = 0.0
        self._fan_weight = lag_weight(STEP_S, p.fan_lag_s)
        self._sensor_weight = lag_weight(STEP_S, p.sensor_lag_s)
        self._gauss = sources.named("vapour").gauss

    def step(self, evaporated_kg: float, actuators: Actuators, disturbances: Disturbances, sensors: Sensors) -> None:
        """One step with so much solvent out of the baths."""
        p = self._p
        running = actuators.exhaust_fan_on and disturbances.exhaust_fan_healthy
        self._exhaust_share += self._fan_weight * (running - self._exhaust_share)
        self.enclosure.step(evaporated_kg, p.leak_m3_h + p.exhaust_m3_h * self._exhaust_share)
        self._sensor_ppm += self._sensor_weight * (self.enclosure.ppm - self._sensor_ppm)
        sensors.vapour_ppm = self._gauss(self._sensor_ppm, p.sensor_sigma_ppm)
        sensors.exhaust_flow_ok = self._exhaust_share > p.flow_switch_share
        sensors.chiller_ok = disturbances.chiller_on

    def publish(self, truth: Truth) -> None:
        truth.vapour_ppm = self.enclosure.ppm
        truth.balances["solvent in the enclosure, kg"] = self.enclosure.balance()


class DryerModel:
    """The dryer's air: all solvent that the pores carry goes into it; its fan has a supply of its own."""

    def __init__(self, p: Dryer, of_solvent: Vapour) -> None:
        self._p = p
        self.air = AirSpace(p.air_m3, of_solvent)
        self._fan_share = 1.0
        self._analyser_ppm = 0.0
        self._fan_weight = lag_weight(STEP_S, p.fan_lag_s)
        self._analyser_weight = lag_weight(STEP_S, p.analyser_lag_s)

    def step(self, carried_kg: float, disturbances: Disturbances, sensors: Sensors) -> None:
        """One step with so much solvent in the pores of the fiber that comes."""
        p = self._p
        self._fan_share += self._fan_weight * (disturbances.dryer_fan_healthy - self._fan_share)
        self.air.step(carried_kg, p.leak_m3_h + p.exhaust_m3_h * self._fan_share)
        self._analyser_ppm += self._analyser_weight * (self.air.ppm - self._analyser_ppm)
        sensors.dryer_lfl_ok = self._analyser_ppm < p.alarm_share * p.lfl_ppm

    def publish(self, truth: Truth) -> None:
        truth.dryer_ppm = self.air.ppm
        truth.balances["solvent in the dryer, kg"] = self.air.balance()
