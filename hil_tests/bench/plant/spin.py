"""The fiber: draw down from the die, diameter gauge, draw and stress in the span, breaks.  Steps of 50 ms."""

from __future__ import annotations

from math import exp, log, pi, sin, sqrt
from typing import Generic, TypeVar

from .capstan import SLIPPING, Grip, draw_stress_MPa
from .parameters import FEED_STEP_US, Parameters
from .signals import Actuators, Disturbances, Sensors, Truth
from .sources import SourceFactory

STEP_S = FEED_STEP_US / 1e6
T = TypeVar("T")
Parts = tuple[float, float]
"""Plasticizer and solvent, per 100 parts of resin."""


class Carried(Generic[T]):
    """Carries a property of the fiber along a length of it, cell by cell."""

    def __init__(self, length_m: float, cell_m: float, empty: T) -> None:
        self._cell_m = cell_m
        self._empty = empty
        self._cells = [empty] * round(length_m / cell_m)
        self._passed_n = 0

    def clear(self) -> None:
        self._cells = [self._empty] * len(self._cells)

    def carry(self, takeup_m: float, entering: T) -> T:
        """What is now at the end of the length, `empty` where no fiber has come yet; `takeup_m` never falls."""
        cells = self._cells
        passed_n = int(takeup_m / self._cell_m)
        for n in range(self._passed_n, passed_n):
            cells[n % len(cells)] = entering
        self._passed_n = passed_n
        return cells[passed_n % len(cells)]


class Resonance:
    """Draw resonance: above a critical draw-down ratio the diameter swings with a growing amplitude."""

    def __init__(self, parameters: Parameters, sources: SourceFactory) -> None:
        p = parameters.spin
        self._p = p
        spread = p.critical_spread * sources.named("draw_resonance").random()
        self.critical = p.critical_draw_down * (1.0 - spread)
        self._phase_rad = 0.0
        self.share = 0.0

    def step(self, draw_down: float, die_speed_m_min: float, critical_ratio: float) -> float:
        """Relative change of the diameter now."""
        p = self._p
        towards = p.resonance_share_max if draw_down > critical_ratio * self.critical else 0.0
        self.share += (towards - self.share) * STEP_S / p.resonance_growth_s
        if self.share < 1e-6:
            return 0.0
        self._phase_rad += p.resonance_rad * die_speed_m_min / 60.0 / p.air_gap_m * STEP_S
        return self.share * sin(self._phase_rad)


class FiberModel:
    """All fibers as one bundle: they are threaded together and break together."""

    def __init__(self, parameters: Parameters, sources: SourceFactory, noise: bool) -> None:
        self._spin = parameters.spin
        self._stretch = parameters.stretch
        self._melt_density_g_cm3 = parameters.melt.melt_density_g_cm3
        self._noise = noise
        self._resonance = Resonance(parameters, sources)
        self._grip = Grip(parameters.capstan, parameters.stretch)
        self._outrun_N = parameters.capstan.outrun_N
        self._gauge = Carried(self._spin.gauge_m, self._spin.gauge_cell_m, 0.0)
        self._from_die: Carried[Parts] = Carried(self._spin.die_to_takeup_m, self._spin.gauge_cell_m, (0.0, 0.0))
        self.taken_up_parts: Parts = (0.0, 0.0)
        self.running = False
        self.broken = False
        self.takeup_m = 0.0
        self.stretched_m = 0.0
        self.stress_MPa = 0.0
        self.draw_down = 0.0
        self.speed_m_min = 0.0  # of the fiber on the second godet
        self.tension_N = 0.0  # of one fiber in the span
        self._inverse_draw = 1.0
        self._span_mm2 = 0.0  # wall area of one as-spun fiber, mean of what lies in the span
        self._strength_MPa = self._stretch.strength_MPa
        self._break_draw = self._stretch.break_draw
        self._strength_source = sources.named("fiber_strength")
        self._gel_source = sources.named("gel_breaks")
        self._stress_gauss = sources.named("draw_stress").gauss
        self._gauge_gauss = sources.named("od_gauge").gauss
        self._grips = 1.0  # speed of the fiber on the second godet, of the godet's
        self._idler_m = 0.0
        self._godet2_m = 0.0

    @property
    def critical_draw_down(self) -> float:
        return self._resonance.critical

    @property
    def draw_ratio(self) -> float:
        return 1.0 / self._inverse_draw

    @property
    def bundle_N(self) -> tuple[float, float]:
        """Tension of all fibers in the span, and behind the second godet."""
        running_n = self._spin.fibers_n if self.running else 0
        return self.tension_N * running_n, self._outrun_N * running_n

    def step(
        self,
        actuators: Actuators,
        disturbances: Disturbances,
        speeds_m_min: tuple[float, float],
        spun: tuple[float, float],
        die_parts: Parts,
        bath_C: float,
        sensors: Sensors,
    ) -> None:
        """One step; `spun` is the die flow in mg/s and the bore gas in Ncm3/min."""
        self._thread(actuators.threaded)
        takeup_m_min, draw_m_min = speeds_m_min
        draw_m_min *= 1.0 - disturbances.godet2_slip
        held_N = self._grip.holds_N(disturbances.godet2_wet)
        draw_m_min = self._slip(takeup_m_min, draw_m_min, held_N, bath_C)
        self._grips = draw_m_min / speeds_m_min[1] if speeds_m_min[1] > 0.0 else 1.0
        self.speed_m_min = draw_m_min if self.running else 0.0
        area_mm2 = 0.0
        if self.running:
            self.takeup_m += takeup_m_min * STEP_S / 60.0
            self.taken_up_parts = self._from_die.carry(self.takeup_m, die_parts)
            self.stretched_m += draw_m_min * STEP_S / 60.0
            self._draw(takeup_m_min, draw_m_min)
            area_mm2 = self._wall_area_mm2(spun[0], takeup_m_min)
            if area_mm2 > 0.0:  # without melt the rest of the fiber is held by its end
                arrived = 1.0 - exp(-takeup_m_min / 60.0 * STEP_S / self._stretch.span_m)
                self._span_mm2 += (area_mm2 - self._span_mm2) * arrived
        self._pull(bath_C, held_N)
        sensors.od_um = self._diameter(area_mm2, takeup_m_min, spun, disturbances.resonance_ratio)
        sensors.tension_N = self._stress_gauss(self.tension_N, self._stretch.stress_sigma * self.tension_N)
        if self.running:
            self._break_fiber(takeup_m_min, disturbances.gel_breaks_per_km)

    def carry_idler(self, godet2_m: float) -> None:
        """The free roller up to a step's end: it turns as the fiber ran until now."""
        if self.running:
            self._idler_m += (godet2_m - self._godet2_m) * self._grips
        self._godet2_m = godet2_m

    def idler_counts(self, godet2_m: float) -> int:
        """Counts of the free roller behind the second godet, which has now turned so far in all."""
        since_m = (godet2_m - self._godet2_m) * self._grips if self.running else 0.0
        return int((self._idler_m + since_m) * self._spin.idler_counts_m)

    def publish(self, truth: Truth) -> None:
        truth.fiber_draw_ratio = self.draw_ratio
        truth.fiber_stress_MPa = self.stress_MPa
        truth.fiber_broken = self.broken
        truth.fiber_speed_m_min = self.speed_m_min
        truth.takeup_m = self.takeup_m
        truth.plasticizer_parts_at_takeup, truth.solvent_parts_at_takeup = self.taken_up_parts
        truth.stretched_m = self.stretched_m
        truth.draw_down_ratio = self.draw_down
        truth.resonance_share = self._resonance.share

    def _thread(self, threaded: bool) -> None:
        """Follow the technician: threading starts an undrawn fiber with its own strength."""
        if not threaded:
            self.running = self.broken = False
        elif not self.running and not self.broken:
            p, source = self._stretch, self._strength_source
            self.running = True
            self._inverse_draw = 1.0
            self._span_mm2 = 0.0
            self._gauge.clear()
            self._from_die.clear()
            if self._noise:
                weibull = (-log(1.0 - source.random())) ** (1.0 / p.strength_shape)
                self._strength_MPa = p.strength_MPa * weibull
                self._break_draw = source.gauss(p.break_draw, p.break_draw_sigma)

    def _draw(self, takeup_m_min: float, draw_m_min: float) -> None:
        """Mass in the span: length * dy/dt = v1 - v2 * y with y the inverse draw ratio; exact in the step."""
        if draw_m_min < 1e-3:
            return
        left = exp(-draw_m_min / 60.0 * STEP_S / self._stretch.span_m)
        inverse = takeup_m_min / draw_m_min + (self._inverse_draw - takeup_m_min / draw_m_min) * left
        self._inverse_draw = min(10.0, max(0.05, inverse))

    def _wall_area_mm2(self, die_mg_s: float, takeup_m_min: float) -> float:
        """Wall area of one as-spun fiber, from the mass balance."""
        p = self._spin
        speed_m_min = max(takeup_m_min, p.speed_min_m_min)
        return die_mg_s * 60e-3 / p.fibers_n / p.density_g_cm3 / speed_m_min

    def _slip(self, takeup_m_min: float, draw_m_min: float, held_N: float, bath_C: float) -> float:
        """Speed of the fiber on the second godet: where the godet cannot hold the tension, what it can draw."""
        if self.tension_N < SLIPPING * held_N or self._span_mm2 <= 0.0:
            return draw_m_min
        held_draw = self._grip.draw_held(held_N / self._span_mm2, bath_C, self._stretch.break_draw)
        return min(draw_m_min, takeup_m_min * held_draw) if self.draw_ratio > SLIPPING * held_draw else draw_m_min

    def _pull(self, bath_C: float, held_N: float) -> None:
        """Draw stress in MPa and tension of one fiber, as far as the godet holds it."""
        self.stress_MPa = draw_stress_MPa(self._stretch, self.draw_ratio, bath_C) if self.running else 0.0
        self.tension_N = self.stress_MPa * self._span_mm2
        if self.tension_N > held_N:
            self.stress_MPa, self.tension_N = held_N / self._span_mm2, held_N

    def _diameter(
        self, area_mm2: float, takeup_m_min: float, spun: tuple[float, float], critical_ratio: float
    ) -> float:
        """Reading of the gauge in um; 0 while it is empty.  Gas flow in Ncm3/min, all fibers."""
        p, (die_mg_s, gas_flow) = self._spin, spun
        self.draw_down = 0.0
        diameter_um = 0.0
        swing = 0.0
        if area_mm2 > 0.0 and takeup_m_min > p.speed_min_m_min:
            die_m_min = die_mg_s * 60e-3 / p.fibers_n / self._melt_density_g_cm3 / p.die_area_mm2
            self.draw_down = takeup_m_min / die_m_min
            swing = self._resonance.step(self.draw_down, die_m_min, critical_ratio)
            bore_mm2 = gas_flow / p.fibers_n / takeup_m_min
            diameter_um = 1e3 * sqrt(4.0 * (bore_mm2 + area_mm2) / pi) * (1.0 + swing)
        in_gauge_um = self._gauge.carry(self.takeup_m, diameter_um)
        return self._gauge_gauss(in_gauge_um, p.gauge_sigma_um) if self.running and in_gauge_um > 0.0 else 0.0

    def _break_fiber(self, takeup_m_min: float, gels_per_km: float) -> None:
        gels = gels_per_km * takeup_m_min * STEP_S / 60.0e3 * self._spin.fibers_n
        gel_hit = gels > 0.0 and self._gel_source.random() < gels
        if gel_hit or self.stress_MPa > self._strength_MPa or self.draw_ratio > self._break_draw:
            self.running, self.broken = False, True
