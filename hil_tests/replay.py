"""Replays a recorded batch with today's firmware in MicroPython and says where it first comes out otherwise.

    python -m hil_tests.replay JOURNAL [--mpy PATH]

Exit code: 0 every scan that can be compared is equal, 1 one is not, 2 the input cannot be used.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from spinline.errors import SpinlineError
from spinline.record.series import fetch, reading

from .bench.board_files import firmware_sha256
from .bench.interpreters import InterpreterMissing, find_interpreter
from .bench.replay import NodeReplay, first_difference, replay

EQUAL, DIFFERENT, UNUSABLE = 0, 1, 2


def recorded_firmware(journal: Path) -> list[str]:
    """Hashes of the firmware that made the record."""
    with reading(journal) as connection:
        return [str(sha256) for (sha256,) in fetch(connection, "SELECT DISTINCT firmware_sha256 FROM run ORDER BY 1")]


def verdict_lines(results: list[NodeReplay]) -> list[str]:
    """What a person reads: a line a node, what was left out, and the first scan that differs."""
    lines = [f"{result.node:<6} {result.equal_n} scans equal" for result in results]
    lines += [line for result in results for line in result.left_out]
    first = first_difference(results)
    if first is None:
        return lines
    when = datetime.datetime.fromtimestamp(first.at_us / 1e6, datetime.UTC).isoformat(timespec="milliseconds")
    where = f"{first.node} scan {first.scan} at {when}: {first.tag}"
    return [*lines, f"first difference: {where} recorded {first.recorded}, replayed {first.replayed}"]


def main() -> int:
    """Replay the journal that is named; returns the exit code."""
    parser = argparse.ArgumentParser(prog="spinline replay", description=str(__doc__).partition("\n")[0])
    parser.add_argument("journal", type=Path, metavar="JOURNAL")
    parser.add_argument("--mpy", help="MicroPython interpreter to use")
    given = parser.parse_args()
    try:
        recorded, today = recorded_firmware(given.journal), firmware_sha256()
        results = replay(given.journal, find_interpreter(given.mpy))
    except (SpinlineError, InterpreterMissing) as error:
        print(f"refused: {error}", file=sys.stderr)
        return UNUSABLE
    if not results:
        print(f"refused: {given.journal}: holds no run of a node", file=sys.stderr)
        return UNUSABLE
    for sha256 in recorded:
        same = "as it is today" if sha256 == today else f"today it is {today[:12]}"
        print(f"recorded with firmware {sha256[:12]}, {same}")
    for line in verdict_lines(results):
        print(line)
    return EQUAL if first_difference(results) is None else DIFFERENT


if __name__ == "__main__":
    sys.exit(main())
