"""Type K thermocouples: voltage of a temperature, and back (ITS-90 reference function, 0 to 1372 degC)."""

from __future__ import annotations

import bisect
import math

_POLYNOMIAL_MV = (
    -0.176004136860e-01,
    0.389212049750e-01,
    0.185587700320e-04,
    -0.994575928740e-07,
    0.318409457190e-09,
    -0.560728448890e-12,
    0.560750590590e-15,
    -0.320207200030e-18,
    0.971511047152e-22,
    -0.121047212750e-25,
)
_BELL_MV, _BELL_WIDTH, _BELL_C = 0.118597600000, -0.118343200000e-03, 0.126968600000e03
END_C = 600  # of the table that goes back


def microvolt(temperature_C: float) -> float:
    """Voltage against a junction at 0 degC; below 0 degC what 39.45 uV/K give."""
    if temperature_C < 0:
        return 39.45 * temperature_C
    smooth_mV = sum(factor * temperature_C**power for power, factor in enumerate(_POLYNOMIAL_MV))
    return 1000 * (smooth_mV + _BELL_MV * math.exp(_BELL_WIDTH * (temperature_C - _BELL_C) ** 2))


_TABLE_UV = [microvolt(temperature_C) for temperature_C in range(END_C + 1)]


def celsius(voltage_uV: float) -> float:
    """Temperature of a voltage, between the whole degrees of the table; the end of the table beyond it."""
    if voltage_uV < 0:
        return voltage_uV / 39.45
    above = min(bisect.bisect_right(_TABLE_UV, voltage_uV), END_C)
    below_uV, above_uV = _TABLE_UV[above - 1], _TABLE_UV[above]
    return min(above - 1 + (voltage_uV - below_uV) / (above_uV - below_uV), float(END_C))
