"""The whole simulated line, stepped in virtual time.  It must never read a wall clock.

Sub-steps end on whole multiples of 10 ms (godets), 50 ms (feeding, melt, fiber) and 250 ms (barrel, baths).
A sub-step runs when time has reached its end, with the actuators as they then stand: set actuators on these
boundaries and they act exactly from the moment they are set.
"""

from __future__ import annotations

from .barrel import BarrelModel
from .drives import Godet
from .extraction import ExtractionModel
from .feeding import FeedingModel
from .melt import MeltModel
from .parameters import BATH_STEP_US, DRIVE_STEP_US, FEED_STEP_US, R1, ZONES_N, Parameters
from .quench import QuenchModel
from .room import Room
from .signals import Actuators, Balance, Disturbances, Sensors, Truth
from .sources import SourceFactory
from .spin import FiberModel
from .stretch import StretchBath
from .vapour import DryerModel, VapourModel

BATH_STEP_S = BATH_STEP_US / 1e6


class Line:
    """One line.  Set `actuators` (and `disturbances`), call `advance`, read `sensors` and `truth`."""

    def __init__(self, seed: int, noise: bool = True, parameters: Parameters = R1) -> None:
        sources = SourceFactory(seed, noise)
        self.parameters = parameters
        self.actuators = Actuators()
        self.disturbances = Disturbances()
        self.sensors = Sensors()
        self._truth = Truth()
        self._time_us = 0
        self._steps_done_us = 0
        self._room = Room(parameters.surroundings)
        self._barrel = BarrelModel(parameters, sources, self._room)
        self._feeding = FeedingModel(parameters.feeding, sources, noise)
        self._melt = MeltModel(parameters.melt, sources, noise)
        self._quench = QuenchModel(parameters, sources, self._room)
        self._extraction = ExtractionModel(parameters, sources, self._room)
        self._vapour = VapourModel(parameters.vapour, sources)
        self._dryer = DryerModel(parameters.dryer, parameters.vapour)
        self._godet1 = Godet(parameters.drives, sources, "godet1")
        self._godet2 = Godet(parameters.drives, sources, "godet2")
        self._fiber = FiberModel(parameters, sources, noise)
        self._stretch = StretchBath(parameters, sources, self._room)
        self._fiber_mg = self._drip_mg = self._spun_mg = 0.0
        self._show_start()

    @property
    def truth(self) -> Truth:
        """The true state now; one object, written anew at each reading of this property."""
        truth = self._truth
        truth.time_us = self._time_us
        truth.ambient_C = self._room.ambient_C(self.disturbances)
        truth.godet1_speed_m_min = self._godet1.speed_m_min
        truth.godet2_speed_m_min = self._godet2.speed_m_min
        truth.godet1_current_A, truth.godet2_current_A = self._currents_A()
        truth.fiber_mg, truth.drip_mg = self._fiber_mg, self._drip_mg
        in_gap_mg = self._melt.die_mg - self._spun_mg  # since the last step of 250 ms
        truth.balances["spun, mg"] = Balance(self._melt.die_mg, self._fiber_mg + self._drip_mg, in_gap_mg)
        self._barrel.publish(truth)
        self._feeding.publish(truth)
        self._melt.publish(truth)
        self._quench.publish(truth)
        self._extraction.publish(truth)
        self._vapour.publish(truth)
        self._dryer.publish(truth)
        self._fiber.publish(truth)
        self._stretch.publish(truth)
        return truth

    def _currents_A(self) -> tuple[float, float]:
        """Of the motors of both godets."""
        held_N, outrun_N = self._fiber.bundle_N
        powered = self.actuators.drive_power
        return self._godet1.current_A(-held_N, powered), self._godet2.current_A(held_N - outrun_N, powered)

    @property
    def critical_draw_down(self) -> float:
        """The draw-down ratio beyond which this run's melt resonates, undisturbed."""
        return self._fiber.critical_draw_down

    def preheat(self, zones_C: list[float], quench_C: float, stretch_C: float) -> None:
        """Begin warm instead of at ambient temperature; to be called before the first step."""
        assert self._time_us == 0, "only a line that has not run yet can be preheated"
        self._barrel.preheat(zones_C)
        self._quench.preheat(quench_C)
        self._stretch.preheat(stretch_C)
        self.sensors.zone_temperature_C[:] = zones_C
        self.sensors.quench_temperature_C, self.sensors.stretch_temperature_C = quench_C, stretch_C

    def advance(self, until_us: int) -> None:
        """Run to `until_us` of virtual time, which must not lie in the past."""
        assert until_us >= self._time_us, "time runs forward only"
        self._time_us = until_us
        done_us = self._steps_done_us
        while until_us - done_us >= DRIVE_STEP_US:
            boundary_us = done_us - done_us % FEED_STEP_US + FEED_STEP_US
            steps_n = (min(boundary_us, until_us) - done_us) // DRIVE_STEP_US
            self._run_drives(steps_n)
            done_us += steps_n * DRIVE_STEP_US
            if done_us == boundary_us:
                self._step_feeding_and_fiber()
                if done_us % BATH_STEP_US == 0:
                    self._step_barrel_and_baths(done_us / 1e6)
        self._steps_done_us = done_us
        self.sensors.godet1_counts = self._godet1.counts
        self.sensors.godet2_counts = self._godet2.counts
        self.sensors.idler_counts = self._fiber.idler_counts(self._godet2.travel_m)

    def _run_drives(self, steps_n: int) -> None:
        a = self.actuators
        self._godet1.run(steps_n, a.godet1_command if a.godet_enable else 0.0, a.drive_power)
        turns = a.godet2_command * (1.0 - self.disturbances.godet2_belt_slip)
        self._godet2.run(steps_n, turns if a.godet_enable else 0.0, a.drive_power)

    def _step_feeding_and_fiber(self) -> None:
        a, disturbances, sensors = self.actuators, self.disturbances, self.sensors
        sensors.full_speed = a.full_speed
        self._godet1.ripple_step()
        self._godet2.ripple_step()
        feeds_mg_s = self._feeding.step(a, sensors, disturbances)
        self._melt.step(a, disturbances, feeds_mg_s, self._barrel.melt_C[-1], sensors)
        speeds_m_min = (self._godet1.speed_m_min, self._godet2.speed_m_min)
        spun = (self._melt.die_flow_mg_s, self._quench.bore_gas_flow)
        self._fiber.carry_idler(self._godet2.travel_m)
        die_parts = (self._melt.extruder.plasticizer_parts, self._melt.extruder.solvent_parts)
        self._fiber.step(a, disturbances, speeds_m_min, spun, die_parts, self._stretch.water_C, sensors)
        sensors.godet1_speed_m_min, sensors.godet2_speed_m_min = speeds_m_min
        sensors.godet1_current_A, sensors.godet2_current_A = self._currents_A()

    def _step_barrel_and_baths(self, time_s: float) -> None:
        a, disturbances, sensors = self.actuators, self.disturbances, self.sensors
        self._room.step(time_s)
        spun_mg = self._melt.die_mg - self._spun_mg
        self._spun_mg = self._melt.die_mg
        die_mg_s = spun_mg / BATH_STEP_S
        self._barrel.step(a, disturbances, self._melt.extruder.flow_mg_s, die_mg_s, sensors)
        self._quench.step(a, disturbances, die_mg_s, self._barrel.melt_C[-1], sensors)
        speed_m_min = self._godet1.speed_m_min if self._fiber.running else 0.0
        fiber_mg_s = self._fiber_mg_s(die_mg_s, speed_m_min)
        if speed_m_min < self.parameters.spin.speed_min_m_min:
            self._drip_mg += spun_mg
        else:
            self._fiber_mg += spun_mg
        baths = self._extraction
        evaporated_kg, carried_kg = baths.evaporated_kg, baths.carried_kg
        baths.step(a, disturbances, fiber_mg_s, speed_m_min, self._quench.water_C, sensors)
        self._vapour.step(baths.evaporated_kg - evaporated_kg, a, disturbances, sensors)
        self._dryer.step(baths.carried_kg - carried_kg, disturbances, sensors)
        self._stretch.step(a, disturbances, sensors)

    def _fiber_mg_s(self, die_mg_s: float, speed_m_min: float) -> tuple[float, float]:
        """Resin and extractables in mg/s that the godet carries into the baths; nothing while it stands."""
        if speed_m_min < self.parameters.spin.speed_min_m_min:
            return 0.0, 0.0
        extruder = self._melt.extruder
        resin_mg_s = die_mg_s / (1.0 + (extruder.plasticizer_parts + extruder.solvent_parts) / 100.0)
        return resin_mg_s, die_mg_s - resin_mg_s

    def _show_start(self) -> None:
        """Readings of a line at rest, before the first sub-step."""
        p, sensors = self.parameters, self.sensors
        ambient_C = p.surroundings.ambient_C
        sensors.zone_temperature_C[:] = [ambient_C] * ZONES_N
        sensors.extraction_temperature_C[:] = [ambient_C] * 3
        sensors.quench_temperature_C = sensors.stretch_temperature_C = ambient_C
        sensors.quench_level_percent = 100.0 * p.quench.water_kg / p.quench.water_full_kg
        sensors.extraction_level_percent = 100.0 * p.extraction.bath_kg / p.extraction.bath_full_kg
        sensors.extraction_plasticizer_wt_percent = p.extraction.start_percent[0]
