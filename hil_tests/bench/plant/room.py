"""The room around the line and the chilled water that comes into it.  Steps of 250 ms."""

from __future__ import annotations

from math import pi, sin

from .parameters import Surroundings
from .signals import Disturbances


class Room:
    """Ambient temperature with the swing of a day, and chilled water, as one place for every part of the line."""

    def __init__(self, p: Surroundings) -> None:
        self._p = p
        self._swing_K = 0.0

    def step(self, time_s: float) -> None:
        """The time of the day, in seconds from the start of the run."""
        self._swing_K = self._p.ambient_swing_K * sin(2.0 * pi * time_s / self._p.day_s)

    def ambient_C(self, disturbances: Disturbances) -> float:
        return self._p.ambient_C + self._swing_K + disturbances.ambient_offset_K

    def chilled_C(self, disturbances: Disturbances) -> float:
        return self._p.chilled_water_C + disturbances.chilled_water_offset_K
