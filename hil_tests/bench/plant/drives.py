"""The two godets: speed command to motion and encoder counts.  Steps of 10 ms, a load ripple every 50 ms."""

from __future__ import annotations

from math import exp, pi, sqrt

from .parameters import DRIVE_STEP_US, FEED_STEP_US, Drives
from .sources import SourceFactory, lag_weight, unit

STEP_S = DRIVE_STEP_US / 1e6
RIPPLE_STEP_S = FEED_STEP_US / 1e6


class Godet:
    """A speed-controlled drive with a ramp limit; unpowered it coasts to rest under friction."""

    def __init__(self, p: Drives, sources: SourceFactory, name: str) -> None:
        self._p = p
        self.speed_m_min = 0.0
        self.travel_m = 0.0
        self._ramped_m_min = 0.0
        self._ripple = 0.0
        gain_error = sources.named(f"{name}_gain").gauss(0.0, p.gain_error_sigma)
        self._full_scale_m_min = p.full_scale_m_min * (1.0 + gain_error)
        self._counts_m = p.gear * p.counts_rev / (2.0 * pi * p.radius_m)
        self._lag_weight = lag_weight(STEP_S, p.speed_lag_s)
        self._ripple_keep = exp(-RIPPLE_STEP_S / p.ripple_correlation_s)
        self._ripple_sigma = p.ripple_sigma * sqrt(1.0 - self._ripple_keep**2)
        self._ripple_gauss = sources.named(f"{name}_ripple").gauss

    @property
    def counts(self) -> int:
        return int(self.travel_m * self._counts_m)

    def ripple_step(self) -> None:
        """New load ripple, once in 50 ms."""
        self._ripple = self._ripple_keep * self._ripple + self._ripple_gauss(0.0, self._ripple_sigma)

    def run(self, steps_n: int, command: float, powered: bool) -> None:
        """So many 10 ms steps with one command, 0..1; not powered means no torque."""
        if not powered:
            self._coast(steps_n)
            return
        target_m_min = unit(command) * self._full_scale_m_min
        ramped_m_min, speed_m_min, travel_m = self._ramped_m_min, self.speed_m_min, self.travel_m
        if target_m_min == 0.0 and ramped_m_min == 0.0 and speed_m_min < 1e-6:
            self.speed_m_min = 0.0
            return
        rise_m_min = self._p.ramp_m_min_s * STEP_S
        weight = self._lag_weight
        metres_per_step = STEP_S / 60.0 * (1.0 + self._ripple)
        for _ in range(steps_n):
            if ramped_m_min < target_m_min:
                ramped_m_min = min(target_m_min, ramped_m_min + rise_m_min)
            elif ramped_m_min > target_m_min:
                ramped_m_min = max(target_m_min, ramped_m_min - rise_m_min)
            speed_m_min += weight * (ramped_m_min - speed_m_min)
            travel_m += speed_m_min * metres_per_step
        self._ramped_m_min, self.speed_m_min, self.travel_m = ramped_m_min, speed_m_min, travel_m

    def current_A(self, pull_N: float, powered: bool) -> float:
        """Current of the motor against a pull at the rim; nothing without power."""
        if not powered:
            return 0.0
        p = self._p
        left = 1.0 - self._lag_weight  # of the way to the ramp, by the last step
        faster_m_s2 = self._lag_weight / left * (self._ramped_m_min - self.speed_m_min) / STEP_S / 60.0
        at_godet_N_m = p.inertia_kg_m2 * faster_m_s2 / p.radius_m + pull_N * p.radius_m
        friction_N_m = p.motor_friction_N_m if self.speed_m_min > 0.0 else 0.0
        return (at_godet_N_m / p.gear + friction_N_m) / p.motor_N_m_A

    def _coast(self, steps_n: int) -> None:
        for _ in range(steps_n):
            self.speed_m_min = max(0.0, self.speed_m_min - self._p.coast_m_min_s * STEP_S)
            self.travel_m += self.speed_m_min * STEP_S / 60.0
        self._ramped_m_min = self.speed_m_min
