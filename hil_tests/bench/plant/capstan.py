"""The fiber's grip on the second godet: what the winder pulls times exp(friction * angle) is all that it can hold."""

from __future__ import annotations

from math import exp, pi

from .parameters import Capstan, Stretch

SLIPPING = 0.999  # of the draw that can be held: from there on the fiber moves on the godet
HALVINGS_N = 40


def draw_stress_MPa(p: Stretch, draw: float, bath_C: float) -> float:
    """Stress of a fiber drawn so far in a bath so warm; a slack one (draw ratio up to 1) carries none."""
    if draw <= 1.0:
        return 0.0
    yield_MPa = max(0.2, p.yield_MPa * (1.0 - p.yield_fall_K * (bath_C - p.yield_reference_C)))
    taut = 1.0 - exp(-(draw - 1.0) / p.slack_draw)
    return taut * yield_MPa + p.hardening_MPa * (draw - 1.0)


class Grip:
    """Of a dry or a wet godet on one fiber."""

    def __init__(self, p: Capstan, stretch: Stretch) -> None:
        self._stretch = stretch
        angle_rad = p.half_turns_n * pi
        self._dry_N = p.outrun_N * exp(p.friction_dry * angle_rad)
        self._wet_N = p.outrun_N * exp(p.friction_wet * angle_rad)

    def holds_N(self, wet: bool) -> float:
        """The greatest tension that does not slip."""
        return self._wet_N if wet else self._dry_N

    def draw_held(self, stress_MPa: float, bath_C: float, most: float) -> float:
        """The draw ratio at which the fiber pulls with this stress, ``most`` where it pulls less at that."""
        low, high = 1.0, most
        if draw_stress_MPa(self._stretch, most, bath_C) <= stress_MPa:
            return most
        for _ in range(HALVINGS_N):
            middle = 0.5 * (low + high)
            if draw_stress_MPa(self._stretch, middle, bath_C) > stress_MPa:
                high = middle
            else:
                low = middle
        return low
