"""Faults of the flash, under the firmware's own stores on littlefs in a real MicroPython: P1 to P4 and P9."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "hil_tests" / "bench" / "mpy" / "flash.py"
HEAP = "8M"  # for copies of the flash; the stores need little of it
CAP_S = 100
LEAST_CASES_N = {"P1": 20, "P2": 100, "P3": 20, "P4": 100, "P9": 90}


def laid(interpreter: Interpreter, fault: str) -> tuple[int, int, str]:
    """How many cases of a fault, how many were wrong, and the first of them."""
    command = [*interpreter.command, "-X", f"heapsize={HEAP}", str(SCRIPT), fault]
    command += [str(ROOT / "firmware"), str(ROOT / "protocol")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=CAP_S)
    found = re.search(r"^(\d+) cases; (\d+) wrong; (.*)", ended.stdout, re.MULTILINE)  # behind what finalisers print
    assert found, (ended.stdout, ended.stderr[-2000:])
    return int(found[1]), int(found[2]), found[3]


@pytest.mark.parametrize("fault", LEAST_CASES_N)
def test_what_a_node_keeps_is_old_or_new_whatever_happens_to_the_flash(interpreter: Interpreter, fault: str) -> None:
    cases_n, wrong_n, first = laid(interpreter, fault)
    assert cases_n >= LEAST_CASES_N[fault] and wrong_n == 0, first


def test_a_store_that_overwrites_its_file_does_not_survive_the_same_faults(interpreter: Interpreter) -> None:
    cases_n, wrong_n, _first = laid(interpreter, "CONTROL")
    assert cases_n >= 5 and wrong_n > 0
