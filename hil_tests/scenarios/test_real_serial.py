"""The supervisor over real pseudo-terminals and pyserial: the same firmware, on the wall clock."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from typer.testing import CliRunner

from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.provisioning import bench_site_key
from hil_tests.bench.pty_bench import LineProcess
from hil_tests.bench.pty_line import serial_of
from hil_tests.bench.run import LINE_R1, RECIPE_R1
from hil_tests.bench.serial_supervisor import CAP_S, SerialSupervisor, Told
from hil_tests.bench.wall import now_s
from spinline.cli import app
from spinline.edges.keys import new_key_file
from spinline.errors import BadFile
from spinline_protocol.states import STARTING

pytestmark = pytest.mark.wall

SPEED = 4  # times real time: a representative minute in a quarter of it
HEATING_U16 = 3000  # output of a zone that follows its ramp


def line_command(interpreter: Interpreter, folder: Path) -> list[str]:
    """What starts the line on pseudo-terminals."""
    command = [sys.executable, "-m", "hil_tests.bench.pty_line", "--folder", str(folder / "boards")]
    command += ["--mpy", interpreter.command[-1]] if len(interpreter.command) == 1 else []
    return [*command, "--speed", str(SPEED)]


@pytest.fixture
def told(interpreter: Interpreter, tmp_path: Path) -> Iterator[Told]:
    """The simulated line as a process of its own, and what it says of its ports."""
    with subprocess.Popen(
        line_command(interpreter, tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.communicate(timeout=CAP_S)


@pytest.fixture
def real_line(told: Told, tmp_path: Path) -> Iterator[SerialSupervisor]:
    line = SerialSupervisor(told, tmp_path / "journal.sqlite", now_s(), SPEED)
    yield line
    line.close()


def test_a_supervisor_on_serial_ports_configures_and_starts_the_line_and_takes_it_back_after_a_pulled_cable(
    real_line: SerialSupervisor,
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


def test_an_adapter_that_comes_back_under_another_name_is_found_by_its_serial_number(
    interpreter: Interpreter, tmp_path: Path
) -> None:
    """Fault W13: the ports of a site are named by links that end in serial numbers, as a system makes them."""
    links = tmp_path / "by-id"
    process = LineProcess(interpreter, tmp_path, SPEED, "--links", str(links))
    told: Told = process.told
    by_serial = {name: str(next(links.glob(f"*{serial_of(name)}*"))) for name in told["ports"]}
    line = SerialSupervisor({**told, "ports": by_serial}, tmp_path / "journal.sqlite", now_s(), SPEED)
    try:
        line.supervisor.start()
        assert line.step_until(lambda: line.states() == {"STARTING"}), line.supervisor.problems

        assert process.ask("enumerate", "melt") != told["ports"]["melt"]
        before = line.record.scans_to("melt")
        assert line.step_until(lambda: line.record.scans_to("melt") > before + 40), line.ports["melt"].problem
        assert line.ports["melt"].losses_n > 0 and not any(port.problem for port in line.ports.values())
        assert line.states() == {"STARTING"}
    finally:
        line.close()
        process.close()


def orders(journal: Path) -> list[tuple[Any, ...]]:
    """(what, outcome) of every order in the record, as another program sees them."""
    try:
        connection = apsw.Connection(str(journal), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error:
        return []  # not made yet
    try:
        return connection.execute('SELECT what, outcome FROM "order"').fetchall()
    except apsw.Error:
        return []  # being made
    finally:
        connection.close()


def test_orders_of_a_supervisor_that_was_killed_have_an_end_in_the_record_of_its_successor(
    told: Told, tmp_path: Path
) -> None:
    journal, started_s = tmp_path / "journal.sqlite", now_s()
    command = [sys.executable, "-m", "hil_tests.bench.serial_supervisor", str(journal), str(started_s), str(SPEED)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as first:
        assert first.stdin is not None
        first.stdin.write(json.dumps(told) + "\n")
        first.stdin.flush()
        while ("START", None) not in orders(journal) and now_s() < started_s + CAP_S:
            assert first.poll() is None
        first.send_signal(signal.SIGKILL)
    under_way = [what for what, outcome in orders(journal) if outcome is None]
    assert "START" in under_way

    second = SerialSupervisor(told, journal, started_s, SPEED)
    ended = second.step_until(lambda: all(outcome for _, outcome in orders(journal)))
    found = orders(journal)
    states = second.states()
    second.close()
    assert ended and {outcome for _, outcome in found} <= {"done", "refused"}, found
    started_n = [what for what, outcome in found if outcome == "done"].count("START")
    assert (started_n > 0) == ("STARTING" in states)


def test_a_person_sets_a_mode_by_the_command_line_while_the_supervisor_is_away(told: Told, tmp_path: Path) -> None:
    real_line = SerialSupervisor(told, tmp_path / "journal.sqlite", now_s(), SPEED)
    real_line.supervisor.start()
    assert real_line.step_until(lambda: real_line.states() == {"STARTING"}), real_line.supervisor.problems
    assert real_line.step_until(lambda: real_line.record.latest("melt.Z3.mode") is not None)
    new_key_file(tmp_path / "key", bench_site_key(1))
    command = ["mode", "melt.Z3", "manual", "--output", "20", "--port", told["ports"]["melt"], "--line", str(LINE_R1)]
    command += [
        "--recipe",
        str(RECIPE_R1),
        "--key",
        str(tmp_path / "key"),
        "--journal",
        str(tmp_path / "journal.sqlite"),
    ]
    command += ["--who", "Ada", "--why", "a heater is changed"]
    with pytest.raises(BadFile, match="another program is writing this journal"):
        CliRunner().invoke(app, command, catch_exceptions=False)

    real_line.close()
    ran = CliRunner().invoke(app, command, catch_exceptions=False)
    assert (ran.exit_code, ran.stdout) == (0, "melt.Z3: auto -> manual 20 %\n"), ran.output
    assert ("SET_MODE 2 1 13107", "done") in orders(tmp_path / "journal.sqlite")
    shown = CliRunner().invoke(app, ["modes", str(tmp_path / "journal.sqlite")], catch_exceptions=False)
    assert shown.exit_code == 0 and "melt.Z3" in shown.stdout
