"""A supervisor on serial ports, paced by the wall clock: part of a test, or a process of its own that can be killed.

    python -m hil_tests.bench.serial_supervisor JOURNAL STARTED_S SPEED < what the line said of itself

starts the batch and supervises until it is killed.  It makes the journal, or goes on with the one that is there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from spinline.edges.serial_port import SerialPort, TimedPort
from spinline.line.alarm_points import AlarmPoints
from spinline.line.batch import Batch
from spinline.line.line_mode import SIMULATED
from spinline.line.supervisor import Supervisor
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.models import Recipe
from spinline.recipe.reading import read_recipe
from spinline.record.batch_record import BatchRecord
from spinline.record.journal import Journal
from spinline_protocol import auth
from spinline_protocol.states import STATES

from .provisioning import bench_site_key
from .run import LINE_R1, RECIPE_R1, START_US, setting_of
from .wall import now_s, rest_until

LISTEN_S = 0.004
CAP_S = 40.0  # wall time after which what was waited for will not come


class Told(TypedDict):
    """What a line says of itself: hash of the nodes' firmware (hex), device of each node."""

    firmware_sha256: str
    ports: dict[str, str]


class SerialSupervisor:
    """``told``: what the line said of its ports.  Time is ``speed`` times the wall clock's since ``started_s``.

    ``idle`` is called again and again while the supervisor rests.
    """

    def __init__(
        self,
        told: Told,
        journal: Path,
        started_s: float,
        speed: float,
        recipe: Recipe | None = None,
        site_key: bytes | None = None,
        idle: Callable[[], None] = lambda: None,
        mode: str = SIMULATED,
    ) -> None:
        self.line, recipe = load_line(LINE_R1), recipe or read_recipe(RECIPE_R1)
        configurations = [compile_node(self.line, node, recipe) for node in self.line.node]
        self.configurations = configurations
        self._idle = idle
        self.ports = {name: SerialPort(device) for name, device in told["ports"].items()}
        self._timed = {name: TimedPort(port, self.virtual_us) for name, port in self.ports.items()}
        self._started_s, self._speed, self._due_us = started_s, speed, 0
        opened = Journal.open(journal) if journal.exists() else Journal.create(journal)
        self.record = BatchRecord(opened, configurations)
        self.supervisor = Supervisor(
            configurations,
            told["firmware_sha256"],
            2000,
            dict(self._timed),
            self.record,
            Batch(60.0, 60.0),
            os.urandom,
            START_US,
            auth.role_key(site_key or bench_site_key(1), auth.OPERATOR),
            AlarmPoints(self.line),
            mode,
            setting_of(self.line, recipe),
        )

    def step_until(self, reached: Callable[[], bool], cap_s: float = CAP_S) -> bool:
        """Supervise until ``reached``, or until ``cap_s`` have passed."""
        end_s = now_s() + cap_s
        while not reached() and now_s() < end_s:
            self._rest()
            self._due_us = self.supervisor.step(max(self._due_us, self.virtual_us()))
        return reached()

    def _rest(self) -> None:
        """Until the supervisor's next scan, listening: what arrives gets the time at which it is heard."""
        while (left_us := self._due_us - self.virtual_us()) > 0:
            for port in self._timed.values():
                port.listen()
            self._idle()
            rest_until(now_s() + min(left_us / 1e6, LISTEN_S) / self._speed)

    def virtual_us(self) -> int:
        """The line's time by our clock."""
        return round((now_s() - self._started_s) * self._speed * 1e6)

    def states(self) -> set[str]:
        """States of the nodes as last seen."""
        return {STATES[session.state] for session in self.supervisor.sessions.values()}

    def close(self) -> None:
        """Give the ports and the journal back."""
        for port in self.ports.values():
            port.close()
        self.record.journal.close()


def main() -> None:
    """Supervise until killed."""
    journal, started_s, speed = sys.argv[1:4]
    supervisor = SerialSupervisor(json.loads(sys.stdin.readline()), Path(journal), float(started_s), float(speed))
    supervisor.supervisor.start()
    supervisor.step_until(lambda: False)


if __name__ == "__main__":
    main()
