"""Tunes loops of the simulated line as a technician would, with the real firmware, in virtual time.

    python -m hil_tests.tune [NODE.LOOP ...] [--folder DIR] [--seed N]

Without names every loop of the line is tried; prints what became of each and leaves a report a loop in the folder.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from spinline.errors import BadInput
from spinline.recipe.line_model import load_line
from spinline.recipe.models import Recipe
from spinline.recipe.reading import read_recipe
from spinline.tuning.experiment import Refusal
from spinline.tuning.model import Gains
from spinline.tuning.node_line import NodeLine
from spinline.tuning.report import summary_line, write_report
from spinline.tuning.session import Request, Tuned, changed_line, find_loop, node_line, tune_loop, with_gains
from spinline_protocol.states import CMD_RUN, CMD_START, EXECUTE, STARTING, STATES

from .bench.interpreters import Interpreter, find_interpreter
from .bench.run import LINE_R1, RECIPE_R1
from .bench.simulated import SimulatedLine

STEP_US = 100_000
SOAK_S = 3600.0


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

    def to_state(self, settle_s: float = 600.0) -> None:
        """STARTING for what heats up there, EXECUTE for what runs with the fiber only; then time to come to rest."""
        states = self.asked.line.group[self.asked.loop.group].auto
        self.line.command(CMD_START)
        if STATES[STARTING] not in states:
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


def try_loop(interpreter: Interpreter, name: str, seed: int, folder: Path) -> str:
    """One loop from a preheated line to its new gains or a reason; a line of text."""
    with tempfile.TemporaryDirectory() as boards:
        trial = Trial(interpreter, Path(boards), name, seed)
        try:
            trial.to_state()
            tuned = trial.tune()
            trial.apply(tuned)
            write_report(folder / name, trial.asked, tuned)
            state = "EXECUTE" if trial.line.session.state == EXECUTE else "STARTING"
            return f"{name:14} {state:9} {summary_line(tuned)}"
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
    given = parser.parse_args()
    line = load_line(LINE_R1)
    names = given.loops or [f"{node.name}.{loop.name}" for node in line.node for loop in node.loop]
    for name in names:
        print(try_loop(find_interpreter(), name, given.seed, given.folder), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
