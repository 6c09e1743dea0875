"""Autotune on seeded plants with the board's own relay: how many end robust, and does it refuse what cannot be tuned.

Beside it the textbook: a symmetric relay, the describing function and the rules of Ziegler and Nichols.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spinline.tuning.experiment import End, Limits, Plan, Refusal, tune, worst_ms
from spinline.tuning.identify import Record
from spinline.tuning.model import Gains, LinearModel
from spinline_firmware.control import relay
from spinline_protocol.quantities import BAD, GOOD
from tools.bench_control_quality import Plant, quantised
from tools.bench_row import Row, count_of

SEED = 20260101
SCAN_S = 0.25
NOISE_K = 0.05
COUNTS_A_K = 128  # of the thermocouple chip
AMBIENT_C = 25.0
FULL = 65536
MS_TARGET = 1.7
SUCCESS_TARGET = 98.0
LIMITS = Limits(pv_away=10.0, hysteresis=0.5)
ENDS = {
    relay.DONE: End.DONE,
    relay.PV_OUT: End.PV_OUT,
    relay.SENSOR: End.SENSOR,
    relay.NO_RESPONSE: End.NO_RESPONSE,
    relay.DISTURBED: End.DISTURBED,
}


@dataclass(frozen=True)
class Spoiled:
    """What is wrong with a loop on purpose."""

    noise_K: float = NOISE_K
    drift_K_s: float = 0.0
    frozen: bool = False
    fails_after: int = 1 << 30  # scans
    load_after: int = 1 << 30
    centre: float | None = None  # where the output stands, for a loop without room


class SimulatedLoop:
    """A linear process around its operating point with noise, a quantised sensor and the board's relay."""

    def __init__(self, model: LinearModel, cooling: float, seed: int, spoiled: Spoiled, centre: float) -> None:
        self.scan_s = SCAN_S
        self._chance = random.Random(seed)
        self._process, self._cooling, self._spoiled = Plant(model, SCAN_S), cooling, spoiled
        self._centre = centre if spoiled.centre is None else spoiled.centre
        self._base_C = AMBIENT_C + model.gain * max(self._centre, 0.0)
        self._scans = 0
        self._pv = self._step(self._centre)

    def _step(self, output: float) -> float:
        """A scan with this output; returns the pv at its end as the chip shows it."""
        self._scans += 1
        spoiled = self._spoiled
        moved = output - self._centre
        if self._centre <= 0 and moved < 0:
            moved *= self._cooling
        if self._scans > spoiled.load_after:
            moved -= 0.1
        pv = self._base_C + self._process.step(moved) + spoiled.drift_K_s * self._scans * SCAN_S
        if spoiled.frozen:
            return round(self._base_C)
        return round((pv + self._chance.gauss(0, spoiled.noise_K)) * COUNTS_A_K) / COUNTS_A_K

    def watch(self, scans: int) -> Record:
        """The loop at its centre output."""
        pv = []
        for _ in range(scans):
            pv.append(self._pv)
            self._pv = self._step(self._centre)
        return Record(SCAN_S, np.full(scans, self._centre), np.array(pv))

    def rest(self, scans: int) -> None:
        """Wait at the centre output."""
        self.watch(scans)

    def run(self, plan: Plan) -> tuple[Record, End]:
        """The board's relay, in its own numbers."""
        experiment = relay.Relay()
        outputs = tuple(round(output * FULL) for output in (plan.low, plan.centre, plan.high))
        band = (round((plan.middle - plan.hysteresis) * 1000), round((plan.middle + plan.hysteresis) * 1000))
        limits = (round(plan.pv_low * 1000), round(plan.pv_high * 1000))
        experiment.begin(plan.quiet_scans, outputs, band, limits, plan.switches_n, plan.half_scans_max)
        output, pv = [], []
        while experiment.running():
            quality = BAD if self._scans > self._spoiled.fails_after else GOOD
            pv.append(self._pv)
            output.append(experiment.scan(round(self._pv * 1000), quality) / FULL)
            self._pv = self._step(output[-1])
        return Record(SCAN_S, np.array(output), np.array(pv)), ENDS[experiment.state]


def plant_of(kind: str, chance: random.Random) -> tuple[LinearModel, float]:
    """A plant of its kind and the part of its gain that cooling has."""
    dead_s = chance.uniform(2, 30)
    lag_s = dead_s / math.exp(chance.uniform(math.log(0.005), 0))
    gain = chance.uniform(100, 800)  # 1 to 8 K a percent
    second = lag_s * chance.uniform(0.05, 0.5)
    if kind == "second_order":
        return LinearModel(gain, (lag_s, second), dead_s), 1.0
    if kind == "zero":
        return LinearModel(gain, (lag_s, second), dead_s, chance.uniform(-0.3, 0.3) * dead_s), 1.0
    return LinearModel(gain, (lag_s,), dead_s), chance.uniform(0.3, 1) if kind == "cooling" else 1.0


KINDS = ("first_order", "second_order", "zero", "cooling")


def tuned_ms(kind: str, chance: random.Random) -> float:
    """Ms of a plant with the gains that its autotune proposes, as the kernel holds them; inf where it is refused."""
    model, cooling = plant_of(kind, chance)
    split = kind == "cooling"
    centre = 0.0 if split else chance.uniform(0.2, 0.6)
    limits = replace(LIMITS, out_low=-1.0) if split else LIMITS
    loop = SimulatedLoop(model, cooling, chance.randrange(1 << 30), Spoiled(), centre)
    weak = Gains(0.001 / model.gain * 100, max(model.lags_s), 0.0, 0)
    try:
        found = tune(loop, limits, weak)
    except Refusal:
        return math.inf
    gains = quantised(found.gains, SCAN_S)
    sides = (1.0, cooling / found.found.cooling_ratio) if split else (1.0,)
    return worst_ms(model, gains, SCAN_S, sides)


def textbook_ms(kind: str, chance: random.Random) -> float:
    """The same with a relay of equal steps and Ziegler and Nichols' PID."""
    model, cooling = plant_of(kind, chance)
    split = kind == "cooling"
    centre = 0.0 if split else chance.uniform(0.2, 0.6)
    loop = SimulatedLoop(model, cooling, chance.randrange(1 << 30), Spoiled(), centre)
    watched = loop.watch(240)
    middle, step = float(np.mean(watched.pv)), 0.15
    plan = Plan(centre, centre + step, centre - step, middle, 0.5, middle - 1e3, middle + 1e3, 1, 9)
    record, end = loop.run(plan)
    if end is not End.DONE:
        return math.inf
    rises = np.flatnonzero(np.diff(record.output) > 0)
    period_s = float(rises[-1] - rises[-2]) * SCAN_S
    amplitude = float(np.ptp(record.pv[rises[-2] : rises[-1]])) / 2
    ultimate = 4 * step / (math.pi * amplitude)
    return worst_ms(
        model, quantised(Gains(0.6 * ultimate, period_s / 2, period_s / 8, 0), SCAN_S), SCAN_S, (1.0, cooling)
    )


def spread(name: str, found: dict[str, list[float]], target: float | None, peer: Sequence[float]) -> Sequence[Row]:
    """Percent with Ms at most 1.7, in all and by kind, and how the Ms are distributed."""
    every = [ms for kind in found.values() for ms in kind]
    peer_share = 100 * sum(ms <= MS_TARGET for ms in peer) / len(peer)
    textbook = "relay and Ziegler-Nichols"
    share = 100 * sum(ms <= MS_TARGET for ms in every) / len(every)
    rows = [Row(name, share, "%", "higher", len(every), textbook, peer_share, target)]
    rows.append(Row(f"{name}.unstable", sum(ms >= 99 and ms < math.inf for ms in every), "plants", "lower", len(every),
                    textbook, sum(ms >= 99 for ms in peer), 0))  # fmt: skip
    rows.append(Row(f"{name}.refused", sum(ms == math.inf for ms in every), "plants", "lower", len(every)))
    for kind, numbers in found.items():
        good = 100 * sum(ms <= MS_TARGET for ms in numbers) / len(numbers)
        rows.append(Row(f"{name}.{kind}", good, "%", "higher", len(numbers)))
    tuned = [ms for ms in every if ms < math.inf]
    for percent in (5, 50, 95, 100):
        beside = float(np.percentile([min(ms, 99.0) for ms in peer], percent))
        rows.append(
            Row(
                f"{name}.ms_p{percent}", float(np.percentile(tuned, percent)), "", "lower", len(tuned), textbook, beside
            )
        )
    return rows


def autotune_success() -> Sequence[Row]:
    """Plants of four kinds, tuned from the record of one experiment each."""
    each, chance = count_of(125, 500), random.Random(SEED)
    found = {kind: [tuned_ms(kind, chance) for _ in range(each)] for kind in KINDS}
    chance = random.Random(SEED)
    peer = [textbook_ms(kind, chance) for kind in KINDS for _ in range(each // 5)]
    return spread("control.autotune_success", found, SUCCESS_TARGET, peer)


def untunable(chance: random.Random) -> dict[str, Spoiled]:
    """What makes a loop impossible to tune, one thing each."""
    return {
        "noise": Spoiled(noise_K=chance.uniform(0.25, 1.0)),
        "drift": Spoiled(drift_K_s=chance.choice((-1, 1)) * chance.uniform(0.02, 0.2)),
        "dead_sensor": Spoiled(frozen=True),
        "sensor_fails": Spoiled(fails_after=400 + chance.randrange(60)),
        "no_room_above": Spoiled(centre=1.0),
        "no_room_below": Spoiled(centre=0.0),
    }


def autotune_refusals() -> Sequence[Row]:
    """Loops that were made untunable on purpose, and how many of them are refused."""
    chance, refused, rows, total = random.Random(SEED), 0, [], 0
    each = count_of(20, 100)
    counted: dict[str, int] = {}
    for _ in range(each):
        for what, spoiled in untunable(chance).items():
            model, cooling = plant_of("first_order", chance)
            loop = SimulatedLoop(model, cooling, chance.randrange(1 << 30), spoiled, chance.uniform(0.2, 0.6))
            total += 1
            try:
                tune(loop, LIMITS, Gains(1e-4, max(model.lags_s), 0.0, 0))
            except Refusal:
                refused += 1
                counted[what] = counted.get(what, 0) + 1
    rows.append(Row("control.autotune_refusals", 100 * refused / total, "%", "higher", total, target=100.0))
    for what in untunable(chance):
        rows.append(Row(f"control.autotune_refusals.{what}", 100 * counted.get(what, 0) / each, "%", "higher", each))
    return rows


TUNING: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (
    ("control.autotune_success", autotune_success),
    ("control.autotune_refusals", autotune_refusals),
)
