"""A bad day on the line: what happens in eight hours of production, by the hour.  Data; `apply` sets the plant's part.

Sizes are those a line sees: ambient 5 K either way, mains 10 % low, chilled water 3 K warm, a lot 15 % more viscous,
moisture that makes the melt foam, a screen that fouls by 0.05 MPa an hour.
"""

from __future__ import annotations

import math

from .plant.signals import Disturbances

AMBIENT_K, DAY_H = 5.0, 24.0
FOULING_KPA_H = 50.0
# from hour, to hour, which, what it is meanwhile, what it is otherwise
EVENTS: tuple[tuple[float, float, str, float, float], ...] = (
    (0.5, 0.75, "mains_voltage_ratio", 0.9, 1.0),
    (1.0, 3.0, "chilled_water_offset_K", 3.0, 0.0),
    (2.0, 8.0, "viscosity_ratio", 1.15, 1.0),
    (3.5, 4.0, "pressure_noise_ratio", 3.0, 1.0),
    (4.5, 4.75, "mains_voltage_ratio", 0.9, 1.0),
)


def apply(disturbances: Disturbances, hour: float) -> None:
    """What disturbs the line at this hour of the day's work."""
    disturbances.ambient_offset_K = AMBIENT_K * math.sin(2 * math.pi * hour / DAY_H)
    disturbances.screen_fouling_kPa = FOULING_KPA_H * hour
    for _from_h, _to_h, which, _value, otherwise in EVENTS:
        setattr(disturbances, which, otherwise)
    for from_h, to_h, which, value, _otherwise in EVENTS:
        if from_h <= hour < to_h:
            setattr(disturbances, which, value)
