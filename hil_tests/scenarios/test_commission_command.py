"""`spinline commission` as a technician runs it: its own process on a real pseudo-terminal, with the real firmware."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.provisioning import bench_site_key
from hil_tests.bench.run import LINE_R1, RECIPE_R1
from spinline.edges.keys import new_key_file
from spinline.edges.records import read_records
from spinline.recipe.line_model import load_line

pytestmark = pytest.mark.wall

SPEED = 4
CAP_S = 100.0


class Technician:
    """A melt node on a pseudo-terminal, and the files that a technician has."""

    def __init__(self, interpreter: Interpreter, folder: Path) -> None:
        command = [sys.executable, "-m", "hil_tests.bench.pty_line", "--folder", str(folder / "boards")]
        command += ["--mpy", interpreter.command[-1]] if len(interpreter.command) == 1 else []
        self.bench = subprocess.Popen(
            [*command, "--node", "melt", "--speed", str(SPEED)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.bench.stdout is not None
        self.port = json.loads(self.bench.stdout.readline())["ports"]["melt"]
        self.line, self.key, self.record = folder / "line.toml", folder / "site.key", folder / "record.jsonl"
        shutil.copyfile(LINE_R1, self.line)
        new_key_file(self.key, bench_site_key(1))

    def commission(self, typed: str, *options: str, node: str = "melt") -> subprocess.CompletedProcess[str]:
        """The command, with what is typed."""
        files = {"port": self.port, "line": self.line, "recipe": RECIPE_R1, "key": self.key, "record": self.record}
        given = [word for name, path in files.items() for word in (f"--{name}", str(path))]
        command = [sys.executable, "-m", "spinline.cli", "commission", node, *given, "--who", "A. Technician"]
        return subprocess.run([*command, *options], input=typed, capture_output=True, text=True, timeout=CAP_S)

    def close(self) -> None:
        """The bench ends with its standard input."""
        self.bench.communicate(timeout=CAP_S)


@pytest.fixture
def technician(interpreter: Interpreter, tmp_path: Path) -> Iterator[Technician]:
    made = Technician(interpreter, tmp_path)
    yield made
    made.close()


def test_two_channels_are_checked_and_a_calibration_is_kept(technician: Technician) -> None:
    typed = "many\n24.2\nskip\n\nyes\nyes\nPT100 no. 7, certificate 12\n"
    done = technician.commission(typed, "--only", "Z2", "--only", "Z1_HEATER")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "'many' is no number: write 23.5" in done.stdout and "melt: INCOMPLETE" in done.stdout
    record = read_records(technician.record)[0]
    assert record["verdict"] == "INCOMPLETE" and record["who"] == "A. Technician" and len(record["firmware"]) == 64
    assert [(found["channel"], found["verdict"]) for found in record["channels"]] == [
        ("melt.Z2", "skipped"),
        ("melt.Z1_HEATER", "ok"),
    ]
    line = load_line(technician.line)
    node = line.node[0]
    gain, offset = line.correction(node, node.input[1])
    assert gain == 1.0 and -3 < offset < 3 and offset != 0
    assert line.calibration[0].reference == "PT100 no. 7, certificate 12"


def test_a_technician_who_goes_away_leaves_a_record_of_what_was_found(technician: Technician) -> None:
    done = technician.commission("\nyes\n", "--only", "Z1_HEATER", "--only", "Z2_HEATER")
    assert done.returncode == 130 and "interrupted" in done.stderr
    record = read_records(technician.record)[0]
    assert record["verdict"] == "INTERRUPTED" and len(record["channels"]) == 1


def test_what_cannot_be_used_is_refused_before_anything_moves(technician: Technician) -> None:
    for options, words in (
        ({"node": "mlet"}, "'mlet' is not in"),
        ({"options": ("--only", "Z9")}, "'Z9' is no channel of melt; allowed: Z1,"),
    ):
        done = technician.commission("", *options.get("options", ()), node=str(options.get("node", "melt")))
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert not technician.record.exists()
