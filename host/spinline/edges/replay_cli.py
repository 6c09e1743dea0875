"""The command `spinline replay`: starts the bench's program, which has the firmware and an interpreter for it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from spinline.errors import BadInput

BENCH = "hil_tests"


def replay(journal: Annotated[Path, typer.Argument(help="Journal of a batch.", metavar="JOURNAL")]) -> None:
    """Give a recorded batch to today's firmware again and name the first scan that comes out otherwise.

    The scans get the measured numbers, qualities, orders, lease and permit of the journal; state, flags and every
    recorded number are compared.  Chips, drivers and the judgement of the sensors stand before that and are left out.
    Exit code: 0 every scan that can be compared is equal, 1 one is not, 2 the input cannot be used.
    """
    if importlib.util.find_spec(BENCH) is None:
        raise BadInput([f"replay needs the test bench: install it from the sources, with the package {BENCH}"])
    done = subprocess.run([sys.executable, "-m", f"{BENCH}.replay", str(journal)], check=False)
    raise typer.Exit(done.returncode)
