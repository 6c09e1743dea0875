"""The simulated line behind real pseudo-terminals, as a process of its own, and a supervisor on pyserial before it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from spinline.errors import Refused
from spinline.recipe.models import Recipe

from .api import FEATURES, Laid, lifted
from .interpreters import Interpreter
from .provisioning import bench_site_key
from .wall_bench import WallBench

SEED = 1
END_S = 20.0  # of the wall clock, for the process to end


class LineProcess:
    """``pty_line`` with these options; ``told`` is what it says of itself.  ``ask`` gives it an order."""

    def __init__(self, interpreter: Interpreter, folder: Path, speed: float, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "hil_tests.bench.pty_line", "--folder", str(folder / "boards")]
        command += ["--mpy", interpreter.command[-1]] if len(interpreter.command) == 1 else []
        command += ["--speed", str(speed), "--seed", str(SEED), *options]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the line ended with status {self._process.wait(END_S)}")
        return json.loads(line)

    def ask(self, *order: str | float) -> Any:
        """Its answer.  Raises Refused where it cannot be done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        if isinstance(answer, dict):
            raise Refused(answer["refused"])
        return answer

    def close(self) -> None:
        """End it; may be called twice."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.communicate(timeout=END_S)


class PtyBench(WallBench):
    """The same plant, wires and faults as in lock-step, at ``speed`` times the wall clock."""

    def __init__(self, interpreter: Interpreter, folder: Path, recipe: Recipe, speed: float) -> None:
        self.features = frozenset(FEATURES)
        self.seed = SEED
        self.interpreter: Interpreter | None = interpreter
        self.laid: list[Laid] = []
        self._process = LineProcess(interpreter, folder, speed)
        super().__init__(self._process.told, folder, recipe, bench_site_key(SEED), speed, lambda _now_us: None)

    def lay(self, fault: str, place: str) -> None:
        """Begin a fault of the catalogue."""
        self._process.ask("lay", fault, place)
        self.laid.append(Laid(fault, place, round(self.now_s * 1e6)))

    def lift(self, fault: str, place: str) -> None:
        """End it."""
        self._process.ask("lift", fault, place)
        lifted(self.laid, fault, place, round(self.now_s * 1e6))

    def output(self, place: str) -> float:
        """As it is on the terminals of the line."""
        return float(self._process.ask("output", place))

    def permit_closed(self, node: str) -> bool:
        """As it is on the terminals of the line."""
        return bool(self._process.ask("permit", node))

    def close(self) -> None:
        """Ports, journal and process."""
        super().close()
        self._process.close()
