"""Turns and bytes of a bus in virtual time: 3 and 8 boards, each with telemetry waiting at every turn.

A board looks at the wire every millisecond; the host hears a millisecond late, as through a USB adapter.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tools.bench_row import Row, count_of

ROOT = Path(__file__).resolve().parents[1]
SEED = 20260101
ADAPTER_US = 1000
RECORD_BYTES = 18  # a turn's answer is then 70 bytes, as in the budget
BUDGET_MS = {115200: 11.5, 460800: 5.9}  # of one turn: a poll of 16 bytes, an answer of 70, 2 ms of turnaround each way
CASES = ((3, 115200), (8, 115200), (3, 460800), (8, 460800))


def bus_poll_hz() -> Sequence[Row]:
    """Turns a second of each board, beside the budget, and the bytes on the wire of one turn."""
    sys.path.append(str(ROOT / "protocol" / "tests"))
    boards = import_module("bus_boards")
    seconds = count_of(10, 100)
    rows = []
    for boards_n, baud in CASES:
        line = boards.BusLine(SEED, list(range(1, boards_n + 1)), baud, adapter_us=ADAPTER_US)
        for board in line.boards:
            board.always_full, board.record_bytes = True, RECORD_BYTES
        line.run(3)  # opened, and nothing left of the opening
        stations = line.bus.stations.values()
        turns_n = [station.answers_n for station in stations]
        bytes_n = line.wire.bytes_n
        line.run(seconds)
        turns = [station.answers_n - n for station, n in zip(stations, turns_n, strict=True)]
        name, budget = f"{boards_n}x{baud}", 1000 / (boards_n * BUDGET_MS[baud])
        hertz = min(turns) / seconds
        rows.append(Row(f"protocol.bus_poll_hz.{name}", hertz, "Hz", "higher", sum(turns), "budget", budget, budget))
        per_turn = (line.wire.bytes_n - bytes_n) / sum(turns)
        rows.append(Row(f"protocol.bus_bytes_a_turn.{name}", per_turn, "bytes", "lower", sum(turns), "budget", 86))
    return rows
