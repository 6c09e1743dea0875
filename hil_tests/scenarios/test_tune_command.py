"""`spinline tune` as a technician runs it: a process of its own on a real pseudo-terminal, with the real firmware."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.provisioning import bench_site_key
from hil_tests.bench.run import LINE_R1, RECIPE_R1
from hil_tests.bench.wall import now_s
from spinline.edges.keys import new_key_file

pytestmark = pytest.mark.wall

SPEED = 4  # times real time
CAP_S = 100.0
LOOP = "bath.QFLOW"  # a flow: its experiment takes half a minute of the line's time
BATH = ("scan_ms = 500\nlease_ms = 2000", "scan_ms = 250\nlease_ms = 8000")  # 2 s also on a wall clock this much slower


class Technician:
    """A bath node on a pseudo-terminal, and the files that a technician has."""

    def __init__(self, interpreter: Interpreter, folder: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "hil_tests.bench.pty_line",
            "--folder",
            str(folder / "boards"),
            "--node",
            "bath",
        ]
        command += ["--mpy", interpreter.command[-1]] if len(interpreter.command) == 1 else []
        command += ["--speed", str(SPEED)]
        self.bench = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.bench.stdout is not None
        self.port = json.loads(self.bench.stdout.readline())["ports"]["bath"]
        self.report = folder / "report"
        self._line, self._key = folder / "line.toml", folder / "site.key"
        self._line.write_text(LINE_R1.read_text(encoding="utf-8").replace(*BATH), encoding="utf-8")
        new_key_file(self._key, bench_site_key(1))

    def tune(self, *options: str, loop: str = LOOP) -> subprocess.Popen[str]:
        """The command, with its two streams in one pipe."""
        files = ("--port", self.port, "--line", self._line, "--recipe", RECIPE_R1, "--key", self._key)
        command = [sys.executable, "-m", "spinline.cli", "tune", loop, *map(str, files), "--report", str(self.report)]
        quiet = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
        return subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=quiet,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip  a suite in the background of a shell hears no Ctrl-C, and its children inherit that

    def close(self) -> None:
        """The bench ends with its standard input."""
        self.bench.communicate(timeout=CAP_S)


@pytest.fixture
def technician(interpreter: Interpreter, tmp_path: Path) -> Iterator[Technician]:
    made = Technician(interpreter, tmp_path)
    yield made
    made.close()


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """What it says up to the line with ``word``; fails where it ends before."""
    assert process.stdout is not None
    said, end_s = "", now_s() + CAP_S
    for line in process.stdout:
        said += line
        if word in line:
            return said
        assert now_s() < end_s, said
    raise AssertionError(said)


@pytest.mark.long
def test_ctrl_c_in_an_experiment_ends_it_and_the_node_rests_with_the_gains_it_had(technician: Technician) -> None:
    with technician.tune("--start", "--download") as process:
        read_until(process, "experiment: output")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=CAP_S)
    assert process.returncode == 130 and "interrupted: the experiment has ended" in said, said
    assert not technician.report.exists()

    with technician.tune("--dry-run") as process:  # connects, so it runs the line file's gains; and it was stopped
        said, _ = process.communicate(timeout=CAP_S)
    assert process.returncode == 1 and "refused: the node is in STOPPED" in said, said


@pytest.mark.long
def test_a_technician_tunes_a_loop_and_has_its_gains_on_the_node_and_a_report(technician: Technician) -> None:
    with technician.tune("--start", "--download", "--apply", "--hysteresis", "1500") as process:
        said, _ = process.communicate(timeout=CAP_S)
    assert process.returncode == 0, said
    assert "gains are on the node" in said and "gains = { Kc = " in said and "as held" in said
    found = json.loads((technician.report / LOOP / "tuning.json").read_text(encoding="utf-8"))
    assert found["after"]["Ms"] <= 1.6 and found["after"]["load_iae"] < found["before"]["load_iae"]
    assert found["model"]["gain"] == pytest.approx(40_000, rel=0.1)  # mL/min at full output, by the plant's own number
    assert (technician.report / LOOP / "tuning.png").stat().st_size > 10_000


def test_a_loop_that_is_not_there_and_a_cable_that_is_pulled_are_said_in_a_sentence(technician: Technician) -> None:
    with technician.tune(loop="bath.Z9") as process:
        said, _ = process.communicate(timeout=CAP_S)
    assert process.returncode == 2 and "bath.QFLOW" in said and "Traceback" not in said, said

    with technician.tune("--start", "--download") as process:
        read_until(process, "watching: pv")
        technician.close()  # the other end of the pseudo-terminal is gone
        said, _ = process.communicate(timeout=CAP_S)
    assert process.returncode == 1 and "the serial line is lost" in said and "Traceback" not in said, said
