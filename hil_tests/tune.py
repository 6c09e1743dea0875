"""Tunes loops of the simulated line as a technician would, with the real firmware, in virtual time.

    python -m hil_tests.tune [NODE.LOOP ...] [--folder DIR] [--seed N]

Without names every loop of the line is tried; prints what became of each and leaves a report a loop in the folder.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from spinline.errors import BadInput
from spinline.recipe.compiler import FULL_SCALE
from spinline.recipe.line_model import load_line
from spinline.recipe.models import Recipe
from spinline.recipe.reading import read_recipe
from spinline.tuning.experiment import WATCH_SCANS, Refusal
from spinline.tuning.model import Gains
from spinline.tuning.node_line import NodeLine
from spinline.tuning.report import summary_line, write_report
from spinline.tuning.session import (
    Request,
    Tuned,
    changed_line,
    deviation_of,
    find_loop,
    node_line,
    tune_loop,
    with_gains,
)
from spinline_protocol import messages
from spinline_protocol.configuration import MODE_AUTO, MODE_MANUAL, MODE_RATIO
from spinline_protocol.states import CMD_RUN, CMD_START, STARTING, STATES

from .bench.interpreters import Interpreter, find_interpreter
from .bench.run import LINE_R1, RECIPE_R1
from .bench.simulated import SimulatedLine

STEP_US = 100_000
SOAK_S = 3600.0
LOAD_TIS, LOAD_SCANS_MIN, LOAD_LONG_S = 5.0, 80, 300.0  # how long a load is watched: integral times, at least scans
LOAD_SHARE = 0.5  # of what the experiment did, or was allowed
ENDLESS_TI_S = 1e8
AS_IT_STANDS = 131_072  # for the output of SET_MODE (SPEC 5.3)


def short_recipe() -> Recipe:
    """R1 with a programme for a preheated line."""
    recipe = read_recipe(RECIPE_R1)
    times = {"heatup_ramp_K_min": 60, "soak_min": 1}
    return recipe.model_copy(update={"program": recipe.program.model_copy(update=times)})


class Trial:
    """One node of a preheated line with nobody but a technician on its port."""

    def __init__(
        self, interpreter: Interpreter, folder: Path, name: str, seed: int = 1,
        told: Callable[[str], None] = lambda line: None, gains: Gains | None = None,
    ) -> None:  # fmt: skip
        line, recipe = load_line(LINE_R1), short_recipe()
        node, loop = find_loop(line, name)
        self.asked = Request(line, recipe, node, loop, while_running=True, download=True)
        if gains is not None:  # what somebody left in the line file
            line = changed_line(self.asked, gains)
            node, loop = find_loop(line, name)
            self.asked = Request(line, recipe, node, loop, while_running=True, download=True)
        self.bench = SimulatedLine(interpreter, folder, seed, names=(node.name,))
        self.bench.plant.actuators.full_speed = True  # a bridge in place of the bath node's contact
        melt = recipe.melt
        zones = [float(getattr(melt, f"z{i}_temperature_C")) for i in range(1, 7)]
        zones += [float(melt.pump_temperature_C), float(melt.die_temperature_C)]
        quench_C, stretch_C = float(recipe.quench.quench_temperature_C), float(recipe.draw.stretch_temperature_C)
        self.bench.plant.preheat(zones, quench_C, stretch_C)
        self.line = self.connected(told)

    def connected(self, told: Callable[[str], None] = lambda line: None) -> NodeLine:
        """A technician's session on the node's port."""
        port, entropy = self.bench.port(self.asked.node.name), random.Random(7).randbytes
        line = node_line(self.asked, port, self.turn, entropy, self.bench.site_key, told)
        line.connect()
        return line

    def turn(self) -> int:
        """Virtual time goes on; returns it in us."""
        self.bench.run_until(self.bench.now_us + STEP_US)
        return self.bench.now_us

    def to_state(self, settle_s: float = 600.0, running: bool = False) -> None:
        """STARTING for what heats up there, EXECUTE for what runs with the fiber only; then time to come to rest."""
        states = self.asked.line.group[self.asked.loop.group].auto
        self.line.command(CMD_START)
        if running or STATES[STARTING] not in states:
            end_us = self.bench.now_us + round(SOAK_S * 1e6)
            while not self.line.session.soaked and self.bench.now_us < end_us:
                self.line.rest(20)
            self.line.command(CMD_RUN)
        self.line.rest(round(settle_s / self.line.scan_s))

    def tune(self) -> Tuned:
        """What the command does."""
        return tune_loop(self.asked, self.line, STATES[self.line.session.state])

    def apply(self, tuned: Tuned) -> None:
        """The new gains to the running node."""
        self.line.apply(with_gains(self.asked, tuned.proposal.gains))

    def load_iae(self, load: float, seconds: float, repeats_n: int) -> float:
        """What a step of ``load`` (fraction of the output) at the plant's input costs: pv unit times s, as measured.

        The output is set that far off for a scan and the loop left to itself: bumpless, it begins with an integral
        that is wrong by the load.  Mean of ``repeats_n``, up and down in turn: noise is no answer to a load.
        """
        scans = round(seconds / self.line.scan_s)
        mean = np.zeros(scans)
        for repeat_i in range(repeats_n):
            sign = 1 if repeat_i % 2 == 0 else -1
            rest = self.line.watch(WATCH_SCANS)
            self._set_mode(MODE_MANUAL, float(np.mean(rest.output)) + sign * load)
            self._set_mode(MODE_RATIO if self.asked.loop.kind == "ratio" else MODE_AUTO)
            mean = mean + sign * (self.line.watch(scans).pv - np.mean(rest.pv)) / repeats_n
        return float(np.abs(mean).sum() * self.line.scan_s)

    def _set_mode(self, mode: int, output: float | None = None) -> None:
        given = AS_IT_STANDS if output is None else round(self.line.mirrored(output) * FULL_SCALE)
        told = self.line.ask(messages.SET_MODE, self.asked.node.loop.index(self.asked.loop), mode, given)
        if told["code"]:
            raise Refusal(f"the node refuses mode {mode}: {told}")


def compared(trial: Trial, tuned: Tuned) -> str:
    """Load IAE in the plant with the gains before and after, which are then on the node; a part of a line."""
    plan, found, scan_s = tuned.proposal.plan, tuned.proposal.found, trial.line.scan_s
    slow_s = max(tuned.current.Ti_s if tuned.current.Ti_s < ENDLESS_TI_S else 0.0, tuned.held.Ti_s)
    seconds = max(LOAD_TIS * slow_s, LOAD_SCANS_MIN * scan_s)
    load = LOAD_SHARE * (plan.high - plan.centre)
    if math.isfinite(deviation_of(trial.asked, STATES[trial.line.session.state])):  # an interlock waits for a load
        load = min(load, LOAD_SHARE * (plan.pv_high - plan.middle) / found.model.gain)
    repeats_n = 2 if seconds > LOAD_LONG_S else 8
    before = trial.load_iae(load, seconds, repeats_n)
    trial.apply(tuned)
    after = trial.load_iae(load, seconds, repeats_n)
    verdict = "better" if after < before else "WORSE"
    return f"a load of {load:.1%} in the plant: IAE {before:.4g} before, {after:.4g} after, {verdict}"


def try_loop(interpreter: Interpreter, name: str, seed: int, folder: Path, running: bool = False) -> str:
    """One loop from a preheated line to its new gains or a reason; a line of text.  ``running``: in EXECUTE."""
    with tempfile.TemporaryDirectory() as boards:
        trial = Trial(interpreter, Path(boards), name, seed)
        try:
            trial.to_state(running=running)
            tuned = trial.tune()
            write_report(folder / name, trial.asked, tuned)
            state = STATES[trial.line.session.state]
            return f"{name:14} {state:9} {summary_line(tuned)}; {compared(trial, tuned)}"
        except (Refusal, BadInput) as refusal:
            return f"{name:14} {STATES[trial.line.session.state]:9} refused: {refusal}"
        finally:
            trial.bench.close()


def main() -> int:
    """Try the loops; the exit code is 0 whatever became of them."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("loops", nargs="*", metavar="NODE.LOOP")
    parser.add_argument("--folder", type=Path, default=Path("build/tune"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--running", action="store_true", help="in EXECUTE, also what controls in STARTING")
    given = parser.parse_args()
    line = load_line(LINE_R1)
    names = given.loops or [f"{node.name}.{loop.name}" for node in line.node for loop in node.loop]
    for name in names:
        print(try_loop(find_interpreter(), name, given.seed, given.folder, given.running), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
