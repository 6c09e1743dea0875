"""The service's core over a line in lock-step, and its interface without a port: what is behind it is all real.

A thread lives the line on while requests wait for their scan, as the service's loop does.
"""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI

from spinline.line.alarm_points import AlarmPoints
from spinline.line.batch import Batch
from spinline.line.line_mode import SIMULATED
from spinline.line.supervisor import Supervisor
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline.record.journal import Batch as Made
from spinline.record.journal import Journal
from spinline.service.api import make_app
from spinline.service.batches import record_of
from spinline.service.core import Core, ServiceRecord
from spinline.service.snapshot import Kept
from spinline.service.tokens import Doorkeeper, Role, add_token
from spinline_protocol import auth

from .interpreters import Interpreter
from .run import LINE_R1, RECIPE_R1, START_US, preheat, setting_of
from .simulated import SimulatedLine
from .wall import Beside, now_s, rest_until

TURN_S = 0.002
CAP_S = 60.0


class ServiceRig:
    """``tokens``: of each role, as a client has it; the names are those of the roles."""

    def __init__(
        self, interpreter: Interpreter, folder: Path, mode: str = SIMULATED, recipe_path: Path = RECIPE_R1
    ) -> None:
        line, recipe = load_line(LINE_R1), read_recipe(recipe_path)
        self.bench = SimulatedLine(interpreter, folder / "boards", 1)
        preheat(self.bench.plant, recipe)
        configurations = [compile_node(line, node, recipe) for node in line.node]
        path = folder / "journal.sqlite"
        self.journal = Journal.create(path)
        made = Made("R1-rig", "R1", 1, "0" * 64, "r1", "0" * 64, mode, START_US)
        self.journal.start_batch(made)
        kept = Kept(made, str(path))
        record = ServiceRecord(self.journal, configurations, kept)
        self.supervisor = Supervisor(
            configurations,
            self.bench.firmware_sha256,
            line.node[0].lease_ms,
            {name: self.bench.port(name) for name in self.bench.nodes},
            record,
            Batch(60.0, 3600.0),
            os.urandom,
            START_US,
            auth.role_key(self.bench.site_key, auth.OPERATOR),
            AlarmPoints(line),
            mode,
            setting_of(line, recipe, recipe_path),
        )
        self.core = Core(self.supervisor, record, kept, START_US)
        self.token_file = folder / "tokens.toml"
        self.tokens = {role: add_token(self.token_file, role.value, role) for role in Role}
        self.app: FastAPI = make_app(
            self.core, Doorkeeper(self.token_file), lambda now_us: record_of(path, line, now_us)
        )
        self._due_us, self._over = 0, False
        self._living: Beside | None = None

    def _live(self) -> None:
        while not self._over:
            self.bench.run_until(self._due_us)
            self._due_us = self.core.step(self._due_us)
            rest_until(now_s() + TURN_S)
        self.core.end("the rig ends")

    def begin(self) -> None:
        """The line lives on by itself."""
        self._living = Beside(self._live)

    def close(self) -> None:
        """End everything."""
        self._over = True
        if self._living:
            self._living.wait(CAP_S)
        self.bench.close()
        self.journal.close()
