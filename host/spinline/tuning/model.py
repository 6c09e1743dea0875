"""Linear models of a loop, and the controller as the kernel really computes it, by their frequency response.

Units: times in s, gains in unit of the pv per output fraction; frequencies in rad/s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Complex = npt.NDArray[np.complexfloating[Any, Any]]
Real = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class LinearModel:
    """gain * (1 + zero s) * exp(-dead s) / product of (1 + lag s); an ``integrating`` one has 1/s beside."""

    gain: float
    lags_s: tuple[float, ...]
    dead_s: float
    zero_s: float = 0.0
    integrating: bool = False

    def response(self, frequency: Real) -> Complex:
        """The response at frequencies above 0."""
        s = 1j * frequency
        found: Complex = self.gain * np.exp(-s * self.dead_s) * (1 + s * self.zero_s)
        for lag_s in self.lags_s:
            found = found / (1 + s * lag_s)
        return found / s if self.integrating else found

    def off_by(self, gain: float, dead: float) -> LinearModel:
        """The same with gain and dead time multiplied."""
        return replace(self, gain=self.gain * gain, dead_s=self.dead_s * dead)

    @property
    def slowness_s(self) -> float:
        """Dead time and all lags but the longest: what bounds how fast a loop can be."""
        return max(self.dead_s + sum(sorted(self.lags_s)[:-1]) + max(0.0, -self.zero_s), 1e-9)


@dataclass(frozen=True)
class Gains:
    """Parallel gains of the kernel: ``Kc`` output fraction per unit, times in s; both filters last 2^filter_k scans."""

    Kc: float
    Ti_s: float
    Td_s: float
    filter_k: int

    @property
    def load_ie(self) -> float:
        """Integrated error of a unit load at the input of the plant: Ti / Kc."""
        return self.Ti_s / self.Kc


def controller_response(gains: Gains, scan_s: float, frequency: Real) -> Complex:
    """From pv to output by the kernel's own difference equations (control/pid.py); the sign is that of 1 + L."""
    back = np.exp(-1j * frequency * scan_s)
    share = 2.0**-gains.filter_k
    behind = share / (1 - (1 - share) * back)
    proportional = gains.Kc + gains.Kc * scan_s / gains.Ti_s / (1 - back)
    found: Complex = proportional + gains.Kc * gains.Td_s / scan_s * (1 - back) * behind * behind
    return found


def held_response(scan_s: float, frequency: Real) -> Complex:
    """The output held for a scan, and its share switched on at the beginning of it."""
    s = 1j * frequency * scan_s
    found: Complex = (1 - np.exp(-s)) / s
    return found
