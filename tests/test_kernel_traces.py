"""A million scans of the kernel give the same numbers in every form and on every processor, bit for bit."""

import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import InterpreterError, cached

PROGRAM = Path(__file__).resolve().parents[1] / "firmware/tests/kernel_traces.py"
SCANS_N = 1_000_000
RUN_SECONDS_MAX = 240
FORMS = [("i386", "bytecode"), ("i386", "native"), ("i386", "viper"), ("armhf", "viper")]

pytestmark = [pytest.mark.wall, pytest.mark.xdist_group("kernel_traces")]


def trace(command: tuple[str, ...], form: str, scans_n: int = SCANS_N) -> str:
    """The line that the program prints: how many scans, and the CRC of all their words."""
    done = subprocess.run(
        [*command, str(PROGRAM), form, str(scans_n)],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def reference() -> str:
    """The trace of the text as plain Python."""
    line = trace((sys.executable,), "bytecode")
    assert line.startswith(f"{SCANS_N} scans: ")
    return line


@pytest.mark.parametrize(("architecture", "form"), FORMS, ids=["-".join(case) for case in FORMS])
def test_a_million_scans_give_the_numbers_of_plain_python(architecture: str, form: str, reference: str) -> None:
    try:
        interpreter = cached(architecture)
    except InterpreterError as error:
        pytest.skip(f"missing tool: MicroPython for {architecture}: {error}")
    assert interpreter.word_bits == 32
    assert trace(interpreter.command, form) == reference


def test_another_course_has_another_trace(reference: str) -> None:
    assert trace((sys.executable,), "bytecode", 1600).split()[-1] != reference.split()[-1]
