"""Whole sessions on a wired bench - real ports and firmware, copper in place of wires - and what ends one early."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil_tests.bench.bench_file import read_bench
from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.provisioning import bench_site_key
from hil_tests.bench.pty_bench import SEED, LineProcess
from hil_tests.bench.pty_line import serial_of
from hil_tests.bench.real import RealBench
from hil_tests.bench.verdicts import InfraBench, InfraFlash, InfraPort
from hil_tests.scenarios.conftest import short_recipe
from spinline.edges.keys import new_key_file
from spinline.edges.serial_port import SerialPort
from spinline_protocol import auth

pytestmark = pytest.mark.wall

ROOT = Path(__file__).resolve().parents[2]
SPEED = 4.0  # times the wall clock
SESSION_S_MAX = 150  # of the wall clock
SCENARIOS = ("hil_tests/scenarios/test_targets.py", "hil_tests/scenarios/test_bench_itself.py")
NODES = ("melt", "bath", "draw")
FEATURES = "thermocouples loops contacts encoders tc_open tc_short loop_open cable power permit".split()


@dataclass
class Session:
    """What a session left behind."""

    status: int
    text: str
    report: ElementTree.Element

    def outcomes(self) -> dict[str, str]:
        """Of each test: passed, or the tag of what it was instead."""
        cases = self.report.iter("testcase")
        return {
            str(case.get("name")): next((one.tag for one in case if one.tag != "properties"), "passed")
            for case in cases
        }

    def verdicts(self) -> list[str]:
        """Of the bench itself."""
        return [str(one.get("value")) for one in self.report.iter("property") if one.get("name") == "verdict"]


def bench_file(folder: Path, features: list[str] = FEATURES, site_key: bytes = b"") -> Path:
    """A bench file for boards whose links lie in ``folder``."""
    new_key_file(folder / "bench.key", site_key or bench_site_key(SEED))
    text = (
        f'name = "copper"\nsite_key = "bench.key"\nports = "{folder / "ports"}"\nmode = "simulated"\nspeed = {SPEED}\n'
    )
    text += f"features = {features}\n[clamps]\nmax_heater_w = 0\n"
    for name in NODES:
        text += f'[[node]]\nname = "{name}"\nserial = "{serial_of(name)}"\nfixture = "{serial_of("fixture_" + name)}"\n'
    file = folder / "bench.toml"
    file.write_text(text)
    return file


def session(folder: Path, chosen: str, *target: str) -> Session:
    """The scenarios on a target; its report goes to the folder."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *target, "-k", chosen]
    command += [f"--junitxml={report}", *SCENARIOS]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SESSION_S_MAX,
        stdin=subprocess.DEVNULL,
    )
    print(done.stdout, done.stderr)
    return Session(done.returncode, done.stdout, ElementTree.parse(report).getroot())


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[list[LineProcess]]:
    """Processes of boards; they end with the test."""
    started: list[LineProcess] = []
    yield started
    for process in started:
        process.close()


def wire_up(boards: list[LineProcess], folder: Path, *options: str) -> None:
    """Boards and copper, with links to their ports."""
    try:
        interpreter = find_interpreter()
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    boards.append(LineProcess(interpreter, folder, SPEED, "--fixtures", "--links", str(folder / "ports"), *options))


def test_the_tests_of_every_target_pass_on_wires_behind_the_self_test(
    boards: list[LineProcess], tmp_path: Path
) -> None:
    wire_up(boards, tmp_path)
    file = bench_file(tmp_path, [feature for feature in FEATURES if feature != "cable"])
    done = session(tmp_path, "stimulus or open_thermocouple or pulled_cable", "--bench", str(file))
    assert done.status == 0, done.text
    outcomes = done.outcomes()
    assert list(outcomes)[0] == "test_every_stimulus_of_the_bench_is_read_back_where_it_reaches_the_node"
    assert sorted(outcomes.values()) == ["passed", "passed", "skipped"]
    (skipped,) = [case for case in done.report.iter("testcase") if case.find("skipped") is not None]
    told = skipped.find("skipped")
    assert told is not None and told.get("message") == "missing feature: cable"
    assert done.verdicts() == []


def test_a_broken_wire_is_infra_bench_and_nothing_else_runs(boards: list[LineProcess], tmp_path: Path) -> None:
    wire_up(boards, tmp_path, "--broken", "melt.3")
    done = session(tmp_path, "stimulus or says_what", "--bench", str(bench_file(tmp_path, ["thermocouples", "loops"])))
    assert done.status == InfraBench.exit_status, done.text
    assert done.verdicts() == ["INFRA_BENCH"] and len(done.outcomes()) == 1
    assert "fixture of melt: thermocouple 3: 9500 uV put out, 0 uV read back" in done.text


def test_keys_of_another_site_are_infra_flash(boards: list[LineProcess], tmp_path: Path) -> None:
    wire_up(boards, tmp_path)
    file = bench_file(tmp_path, site_key=bytes(range(auth.KEY_BYTES)))
    with pytest.raises(InfraFlash, match="provision the key of this site"):
        RealBench(read_bench(file), file, tmp_path, short_recipe())


def test_a_port_that_another_program_holds_is_infra_port(boards: list[LineProcess], tmp_path: Path) -> None:
    wire_up(boards, tmp_path)
    file = bench_file(tmp_path)
    taken = SerialPort(boards[0].told["ports"]["fixture_bath"])
    taken.read()
    with pytest.raises(InfraPort, match="SIM-FIXTURE-BATH-001"):
        RealBench(read_bench(file), file, tmp_path, short_recipe())
    taken.close()


def test_the_same_tests_run_on_pseudo_terminals(tmp_path: Path) -> None:
    done = session(tmp_path, "stimulus or says_what", "--mode", "pty")
    assert done.status == 0, done.text
    assert done.outcomes() == {"test_every_node_says_what_it_runs_and_is_configured": "passed"}
