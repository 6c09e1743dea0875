"""Robustness of a loop: Ms, Mt and stability, with filter, sampling and quantised gains in the loop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spinline.tuning.model import Gains, LinearModel, Real, controller_response, held_response

POINTS_N = 400
UNSTABLE = 99.0  # stands for the margins of a loop that is not stable


@dataclass(frozen=True)
class Margins:
    """Largest sensitivity ``Ms`` and complementary sensitivity ``Mt``; 99 where the loop is unstable."""

    Ms: float
    Mt: float

    @property
    def stable(self) -> bool:
        """False where the loop oscillates by itself."""
        return self.Ms < UNSTABLE


def frequencies(model: LinearModel, gains: Gains, scan_s: float) -> Real:
    """From far below the integral to the highest the sampling can show; dense where the margins are decided."""
    high = math.pi / scan_s
    low = min(0.02 / (gains.Ti_s + model.slowness_s), high / 100)
    return np.geomspace(low, high, POINTS_N)


def margins(model: LinearModel, gains: Gains, scan_s: float, more_dead_s: float = 0.0) -> Margins:
    """Ms and Mt of the loop; ``more_dead_s`` is what the measurement takes.  Stability by the winding of 1 + L."""
    frequency = frequencies(model, gains, scan_s)
    loop = model.response(frequency) * held_response(scan_s, frequency) * controller_response(gains, scan_s, frequency)
    if more_dead_s:
        loop = loop * np.exp(-1j * frequency * more_dead_s)
    away = 1 + loop
    size = np.abs(away)
    turned = float(np.angle(away[1:] / away[:-1]).sum())
    begun = float(np.angle(away[0]))
    if abs(begun + turned) > math.pi:  # a stable loop ends beside +1 on the way it began
        return Margins(UNSTABLE, UNSTABLE)
    return Margins(float(1 / size.min()), float((np.abs(loop) / size).max()))


def load_iae(model: LinearModel, gains: Gains, scan_s: float) -> float:
    """Integrated absolute error after a unit step at the plant's input, of a stable loop.  Unit of the pv times s."""
    time_s, course = load_response(model, gains, scan_s)
    return float(np.abs(course).sum() * time_s[1])


def load_response(model: LinearModel, gains: Gains, scan_s: float) -> tuple[Real, Real]:
    """Times in s and the pv's way back after a unit step at the plant's input, of a stable loop."""
    period_s = 40 * max(gains.Ti_s, 2 * model.slowness_s, 4 * scan_s)
    count = 2048
    frequency = 2 * math.pi * np.arange(1, count // 2 + 1) / period_s
    plant = model.response(frequency) * held_response(scan_s, frequency)
    closed = model.response(frequency) / (1 + plant * controller_response(gains, scan_s, frequency))
    spectrum = np.concatenate(([gains.load_ie], closed / (1j * frequency)))
    return np.arange(count) * period_s / count, np.fft.irfft(spectrum, count) * count / period_s


def output_noise(gains: Gains, scan_s: float, noise: float) -> float:
    """Standard deviation of the output (fraction) that white noise of the pv makes, without the slow part of I."""
    frequency = np.linspace(0.02, 1.0, 200) * math.pi / scan_s
    return noise * float(np.sqrt(np.mean(np.abs(controller_response(gains, scan_s, frequency)) ** 2)))
