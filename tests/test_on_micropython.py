"""Runs every plain test file of protocol and firmware on a real MicroPython, one test for each file and word size.

The firmware's run where its numbers are a board's, on 32 bits; the contract's also on 64, as on a PC.
"""

import os
import subprocess
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import VARIABLE, Interpreter, InterpreterError, cached, find_interpreter

ROOT = Path(__file__).resolve().parents[1]
RUNNER = ROOT / "protocol" / "tests" / "runner.py"
PROTOCOL, FIRMWARE = ROOT / "protocol" / "tests", ROOT / "firmware" / "tests"
RUN_SECONDS_MAX = 60


def files_of(folder: Path) -> list[Path]:
    return sorted(file for name in ("shared_*.py", "board_*.py") for file in folder.glob(name))


CASES = [(32, file) for folder in (PROTOCOL, FIRMWARE) for file in files_of(folder)]
CASES += [(64, file) for file in files_of(PROTOCOL)]


@pytest.fixture(scope="module")
def interpreters() -> dict[int, Interpreter | str]:
    """The MicroPython of the bench and Debian's of 64 bits, by word size; a sentence where there is none."""
    found: dict[int, Interpreter | str] = {}
    for bits, find in ((32, find_interpreter), (64, lambda: cached("amd64"))):
        try:
            found[bits] = find()
        except InterpreterError as error:
            found[bits] = str(error)
    return found


@pytest.mark.wall
@pytest.mark.parametrize(("bits", "file"), CASES, ids=[f"{file.stem}-{bits}" for bits, file in CASES])
def test_the_plain_tests_pass_on_micropython(
    interpreters: dict[int, Interpreter | str], bits: int, file: Path, tmp_path: Path
) -> None:
    """In a folder of its own: a model of a memory chip has a file where it runs."""
    interpreter = interpreters[bits]
    if isinstance(interpreter, str):
        pytest.skip(f"missing tool: MicroPython of {bits} bits: {interpreter}")
    if VARIABLE not in os.environ or bits == 64:
        assert interpreter.word_bits == bits
    command = [*interpreter.command, str(RUNNER), str(file)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    print(interpreter, done.stdout, done.stderr, sep="\n")
    assert done.returncode == 0 and "0 failed" in done.stdout
