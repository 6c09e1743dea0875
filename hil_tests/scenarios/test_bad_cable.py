"""A real serial path over a cable that loses, flips, cuts, doubles and delays: all is configured and recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import apsw
import pytest

from hil_tests.bench.fault_proxy import FATES
from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.serial_supervisor import CAP_S, SerialSupervisor
from hil_tests.bench.wall import now_s

from .test_real_serial import SPEED, line_command

pytestmark = pytest.mark.wall

SEED = 7
PATIENCE_S = 100.0  # of the wall clock: a hundred and more rows, each asked for again where it was harmed
PERCENT = 2  # of the frames, for each of the five faults
SCANS_N = {"melt": 60, "bath": 30, "draw": 300}  # 15 s of the line


def started(stack: ExitStack, command: list[str]) -> subprocess.Popen[str]:
    process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    stack.callback(lambda: process.communicate(timeout=CAP_S) if process.stdin and not process.stdin.closed else None)
    return process


def told(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    answer: dict[str, str] = json.loads(process.stdout.readline())
    return answer


def test_through_a_bad_cable_every_order_is_done_once_and_every_scan_is_recorded(
    interpreter: Interpreter, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        of_line = json.loads(json.dumps(told(started(stack, line_command(interpreter, tmp_path)))))
        command = [sys.executable, "-m", "hil_tests.bench.fault_proxy", "--seed", str(SEED), "--percent", str(PERCENT)]
        proxy = started(stack, [*command, *of_line["ports"].values()])
        stand_ins = told(proxy)
        of_line["ports"] = {name: stand_ins[device] for name, device in of_line["ports"].items()}
        line = SerialSupervisor(of_line, tmp_path / "journal.sqlite", now_s(), SPEED)
        stack.callback(line.close)

        line.supervisor.start()
        assert line.step_until(lambda: line.states() == {"STARTING"}, PATIENCE_S), line.supervisor.problems
        goal = {name: line.record.scans_to(name) + scans_n for name, scans_n in SCANS_N.items()}
        recorded = line.step_until(lambda: all(line.record.scans_to(name) >= end for name, end in goal.items()))
        assert recorded, {name: (line.record.scans_to(name), end) for name, end in goal.items()}

        counted = json.loads(proxy.communicate(timeout=CAP_S)[0])
        assert all(sum(direction.get(fate, 0) for direction in counted) > 0 for fate in FATES), counted
        assert sum(session._link.retries_n for session in line.supervisor.sessions.values()) > 0
    with apsw.Connection(str(tmp_path / "journal.sqlite")) as journal:
        assert journal.execute("SELECT count(*) FROM gap").fetchall() == [(0,)]
