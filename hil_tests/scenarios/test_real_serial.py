"""The supervisor over real pseudo-terminals and pyserial: the same firmware, on the wall clock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.provisioning import bench_site_key
from hil_tests.bench.run import LINE_R1, RECIPE_R1, START_US
from hil_tests.bench.wall import now_s, rest_until
from spinline.edges.serial_port import SerialPort, TimedPort
from spinline.line.batch import Batch
from spinline.line.supervisor import Supervisor
from spinline.recipe.compiler import NodeConfiguration, compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline.record.batch_record import BatchRecord
from spinline.record.journal import Journal
from spinline_protocol import auth
from spinline_protocol.states import STARTING, STATES

pytestmark = pytest.mark.wall

SPEED = 4  # times real time: a representative minute in a quarter of it
LISTEN_S = 0.004
HEATING_U16 = 3000  # output of a zone that follows its ramp
CAP_S = 40.0  # wall time after which what was waited for will not come


class RealLine:
    """The simulated line as a process of its own, and a supervisor on its ports."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        line, recipe = load_line(LINE_R1), read_recipe(RECIPE_R1)
        configurations: list[NodeConfiguration] = [compile_node(line, node, recipe) for node in line.node]
        self.process = process
        self.ports = {name: SerialPort(device) for name, device in told["ports"].items()}
        self._timed = {name: TimedPort(port, self.virtual_us) for name, port in self.ports.items()}
        self.record = BatchRecord(Journal.create(folder / "journal.sqlite"), configurations)
        self.supervisor = Supervisor(
            configurations,
            told["firmware_sha256"],
            2000,
            dict(self._timed),
            self.record,
            Batch(60.0, 60.0),
            lambda count: bytes(range(33, 33 + count)),
            START_US,
            auth.role_key(bench_site_key(1), auth.OPERATOR),
        )
        self._started_s = now_s()
        self._due_us = 0

    def step_until(self, reached: Callable[[], bool]) -> bool:
        """Supervise until ``reached``, or until CAP_S have passed."""
        end_s = now_s() + CAP_S
        while not reached() and now_s() < end_s:
            self._rest()
            self._due_us = self.supervisor.step(max(self._due_us, self.virtual_us()))
        return reached()

    def _rest(self) -> None:
        """Until the supervisor's next scan, listening: what arrives gets the time at which it is heard."""
        while (left_us := self._due_us - self.virtual_us()) > 0:
            for port in self._timed.values():
                port.listen()
            rest_until(now_s() + min(left_us / 1e6, LISTEN_S) / SPEED)

    def virtual_us(self) -> int:
        """The line's time by our clock."""
        return round((now_s() - self._started_s) * SPEED * 1e6)

    def states(self) -> set[str]:
        """States of the nodes as last seen."""
        return {STATES[session.state] for session in self.supervisor.sessions.values()}


@pytest.fixture
def real_line(interpreter: Interpreter, tmp_path: Path) -> Iterator[RealLine]:
    command = [sys.executable, "-m", "hil_tests.bench.pty_line", "--folder", str(tmp_path / "boards")]
    command += ["--speed", str(SPEED), "--mpy", interpreter.command[-1]] if len(interpreter.command) == 1 else []
    command += ["--speed", str(SPEED)] if len(interpreter.command) > 1 else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = RealLine(process, tmp_path)
        yield line
        for port in line.ports.values():
            port.close()
        line.record.journal.close()
        process.communicate(timeout=CAP_S)


def test_a_supervisor_on_serial_ports_configures_and_starts_the_line_and_takes_it_back_after_a_pulled_cable(
    real_line: RealLine,
) -> None:
    sessions = real_line.supervisor.sessions
    real_line.supervisor.start()
    assert real_line.step_until(lambda: real_line.states() == {"STARTING"}), real_line.supervisor.problems
    heating = real_line.step_until(lambda: (real_line.record.latest("melt.Z1.out") or 0) > HEATING_U16)
    assert heating, real_line.supervisor.batch.history

    melt = real_line.ports["melt"]
    melt.close()  # pulled: the port reopens by itself with the next read
    before = real_line.record.scans_to("melt")
    assert real_line.step_until(lambda: real_line.record.scans_to("melt") > before + 20)
    assert sessions["melt"].state == STARTING
    assert not any(port.problem for port in real_line.ports.values())
