"""A bad day on the line: what happens in eight hours of production, by the hour.  Data, and how to live through it.

Sizes are those of the plant's parameters.  The swing of the room and the fouling of the screen pack are the plant's
own; in a day that is told in less time they are made up for, so that a short day disturbs as much as a long one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .plant.parameters import R1
from .plant.signals import Disturbances
from .run import BenchRun

WORK_H = 8.0
STEP_S = 10.0
# from hour, to hour, which, what it is meanwhile, what it is otherwise
EVENTS: tuple[tuple[float, float, str, float, float], ...] = (
    (0.5, 0.75, "mains_voltage_ratio", R1.bad_day.mains_low_ratio, 1.0),
    (1.0, 3.0, "chilled_water_offset_K", R1.bad_day.chilled_water_step_K, 0.0),
    (2.0, 8.0, "viscosity_ratio", R1.bad_day.viscosity_ratio, 1.0),
    (3.5, 4.0, "pressure_noise_ratio", R1.bad_day.foaming_noise_ratio, 1.0),
    (4.5, 4.75, "mains_voltage_ratio", R1.bad_day.mains_low_ratio, 1.0),
)


def apply(disturbances: Disturbances, hour: float, own_hour: float | None = None) -> None:
    """What disturbs the line at this hour of the day's work; ``own_hour``: so much the plant itself has lived."""
    own_hour = hour if own_hour is None else own_hour
    disturbances.ambient_offset_K = _swing_K(hour) - _swing_K(own_hour)
    disturbances.screen_fouling_kPa = R1.melt.screen_fouling_kPa_h * (hour - own_hour)
    for _from_h, _to_h, which, _value, otherwise in EVENTS:
        setattr(disturbances, which, otherwise)
    for from_h, to_h, which, value, _otherwise in EVENTS:
        if from_h <= hour < to_h:
            setattr(disturbances, which, value)


def _swing_K(hour: float) -> float:
    around = R1.surroundings
    return around.ambient_swing_K * math.sin(2 * math.pi * hour * 3600 / around.day_s)


def live_through(run: BenchRun, lasts_s: float, each: Callable[[float], None] = lambda hour: None) -> float:
    """A line in production, through a whole bad day told in ``lasts_s``; returns how long it produced, in seconds.

    ``each`` looks on every ten seconds, with the hour of the day.  Ends early where the line does not produce any more.
    """
    began_s = run.now_s
    while (into_s := run.now_s - began_s) < lasts_s and run.supervisor.batch.state == "RUNNING":
        hour = WORK_H * into_s / lasts_s
        apply(run.bench.plant.disturbances, hour, into_s / 3600)
        each(hour)
        run.run_for(min(STEP_S, lasts_s - into_s))
    return run.now_s - began_s
