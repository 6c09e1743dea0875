"""The simulated line as a process of its own: real pseudo-terminals, paced by the wall clock.

    python -m hil_tests.bench.pty_line --folder DIR [--seed N] [--speed N] [--seconds N] [--node NAME ...]

prints one line of JSON, {"firmware_sha256": ..., "ports": {"melt": "/dev/pts/3", ...}}, and runs until its time is over
or its standard input closes.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import tty
from pathlib import Path

from .interpreters import find_interpreter
from .simulated import SimulatedLine
from .wall import now_s, rest_until

STEP_US = 10_000
READ_BYTES_MAX = 4096


def _open_pty() -> tuple[int, str]:
    """A pseudo-terminal in raw mode: the bench's end and the name of the other one."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    return ours, os.ttyname(theirs)


def _pump(bench: SimulatedLine, ends: dict[str, int]) -> None:
    """Move bytes both ways; a peer that does not read loses bytes, as on a wire."""
    for name, end in ends.items():
        port = bench.port(name)
        try:
            port.write(os.read(end, READ_BYTES_MAX))
        except BlockingIOError:
            pass  # nothing was sent
        octets = port.read()
        if octets:
            try:
                os.write(end, octets)
            except BlockingIOError:
                pass  # nobody reads: lost, as on a wire


def _stdin_closed() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0]) and not os.read(sys.stdin.fileno(), 1)


def run(bench: SimulatedLine, ends: dict[str, int], speed: float, seconds: float) -> None:
    """Keep virtual time at ``speed`` times the wall clock for ``seconds`` of virtual time."""
    started_s = now_s()
    while bench.now_us < seconds * 1e6 and not _stdin_closed():
        bench.run_until(bench.now_us + STEP_US)
        _pump(bench, ends)
        rest_until(started_s + bench.now_us / 1e6 / speed)


def main() -> None:
    """Start the line, say where its ports are, run."""
    parser = argparse.ArgumentParser(description="The simulated line on pseudo-terminals.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--node", action="append", choices=("melt", "bath", "draw"))
    parser.add_argument("--mpy")
    given = parser.parse_args()
    names = tuple(given.node or ("melt", "bath", "draw"))
    bench = SimulatedLine(find_interpreter(given.mpy), given.folder, given.seed, names)
    ends = {}
    ports = {}
    for name in names:
        ends[name], ports[name] = _open_pty()
    print(json.dumps({"firmware_sha256": bench.firmware_sha256, "ports": ports}), flush=True)
    try:
        run(bench, ends, given.speed, given.seconds)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
