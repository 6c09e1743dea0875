"""A batch on a bad day, all its disturbances in half an hour: it completes, and nothing is lost or made.

The true eight hours are a measurement (`make bench ONLY=hil FULL=1`), by the same `bad_day.live_through`.
"""

from __future__ import annotations

from statistics import stdev

import pytest

from hil_tests.bench import bad_day
from hil_tests.bench.plant.parameters import R1
from hil_tests.bench.run import BenchRun
from spinline.record.series import series

from .conftest import TO_PRODUCTION_S, MakeRun, short_recipe
from .looks import no_trouble, nodes_are, nothing_is_lost, parts_within, within, zones_within
from .protocol import virtual_s

DAY_MIN = 33
RUN_OUT_S = 1200.0
CLOSED = 1e-7  # of a balance
ALWAYS = {
    "zones within 2.5 K": zones_within(2.5),
    "quench within 1 K": within("bath.QUENCH", 40.0, 1.0),
    "parts within 6 %: three sigma of a feeder by volume": parts_within(0.06),
    "melt pump's inlet at its pressure": within("melt.PIN", 1420.0, 600.0),
}


class Watch:
    """What is looked at each ten seconds of the day."""

    def __init__(self, run: BenchRun) -> None:
        self._run = run
        self.missed: list[tuple[float, str]] = []
        self.hours: list[tuple[float, float]] = []  # hour of the day, seconds of the run
        self.heat_J: list[float] = []
        self.die_kPa: list[float] = []
        self.ambient_C: list[float] = []

    def __call__(self, hour: float) -> None:
        truth = self._run.bench.plant.truth
        self.missed += [(hour, what) for what, look in ALWAYS.items() if not look(self._run)]
        self.hours.append((hour, self._run.now_s))
        self.heat_J.append(sum(truth.heater_energy_J))
        self.die_kPa.append(truth.die_pressure_kPa)
        self.ambient_C.append(truth.ambient_C)

    def mean(self, of: list[float], from_h: float, to_h: float) -> float:
        """Mean of what was looked at between two hours."""
        seen = [one for (hour, _now_s), one in zip(self.hours, of, strict=True) if from_h <= hour < to_h]
        return sum(seen) / len(seen)


def pressure_sigma_kPa(run: BenchRun, watch: Watch, from_h: float, to_h: float) -> float:
    """Scatter of the recorded die pressure from scan to scan, between two hours of the day."""
    times_s, numbers_kPa, _qualities = series(run.journal_path, "melt.PDIE.pv")
    begin_s = next(now_s for hour, now_s in watch.hours if hour >= from_h)
    end_s = next(now_s for hour, now_s in watch.hours if hour >= to_h)
    seen = [
        kPa for at_s, kPa in zip(times_s, numbers_kPa, strict=True) if begin_s <= virtual_s(round(at_s * 1e6)) < end_s
    ]
    return stdev(after - before for before, after in zip(seen, seen[1:], strict=False))


@pytest.mark.long
def test_a_batch_on_a_bad_day_completes_without_a_trip_a_lost_scan_or_a_lost_gram(make_run: MakeRun) -> None:
    run = make_run(recipe=short_recipe(production_min=DAY_MIN))
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "RUNNING", TO_PRODUCTION_S), run.supervisor.problems
    run.run_for(120)
    watch, day_s = Watch(run), 60.0 * DAY_MIN - 180.0
    assert bad_day.live_through(run, day_s, watch) == pytest.approx(day_s, abs=1.0), run.supervisor.problems
    truth = run.bench.plant.truth
    assert watch.missed == []

    assert truth.viscosity_ratio_at_die == pytest.approx(R1.bad_day.viscosity_ratio, abs=0.01), "each did its harm"
    thicker_kPa = watch.mean(watch.die_kPa, 3.0, 3.5) - watch.mean(watch.die_kPa, 1.0, 2.0)
    assert 300.0 < thicker_kPa < 700.0
    assert pressure_sigma_kPa(run, watch, 3.5, 4.0) > 2.0 * pressure_sigma_kPa(run, watch, 3.0, 3.5)
    assert max(watch.ambient_C) - watch.ambient_C[0] > 4.5
    assert truth.screen_fouling_kPa + run.bench.plant.disturbances.screen_fouling_kPa > 350.0

    assert run.run_until(lambda: run.supervisor.batch.state == "COMPLETE", RUN_OUT_S), run.supervisor.batch.history
    assert run.run_until(lambda: nodes_are("COMPLETE")(run), 30)
    assert no_trouble(run) and nothing_is_lost(run)
    for name, balance in run.bench.plant.truth.balances.items():
        assert balance.lost_share < CLOSED, (name, balance)
