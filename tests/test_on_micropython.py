"""Runs every plain test file of protocol and firmware on a real MicroPython, one test for each file."""

import subprocess
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter, InterpreterMissing, find_interpreter

ROOT = Path(__file__).resolve().parents[1]
RUNNER = ROOT / "protocol" / "tests" / "runner.py"
FOLDERS = (ROOT / "protocol" / "tests", ROOT / "firmware" / "tests")
FILES = sorted(file for folder in FOLDERS for name in ("shared_*.py", "board_*.py") for file in folder.glob(name))
RUN_SECONDS_MAX = 60


@pytest.fixture(scope="module")
def interpreter() -> Interpreter:
    """The MicroPython of the bench; the tests are skipped where there is none."""
    try:
        return find_interpreter()
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")


@pytest.mark.wall
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_plain_tests_pass_on_micropython(interpreter: Interpreter, file: Path) -> None:
    command = [*interpreter.command, str(RUNNER), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, stdin=subprocess.DEVNULL)
    print(interpreter, done.stdout, done.stderr, sep="\n")
    assert done.returncode == 0 and "0 failed" in done.stdout
