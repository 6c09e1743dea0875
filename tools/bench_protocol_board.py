"""The board's side of the wire on the 32-bit MicroPython: how fast it is, and whether its heap grows."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import umsgpack

from hil_tests.bench.interpreters import find_interpreter
from tools.bench_row import Row, count_of

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "tools" / "bench_protocol_on_board.py"
HEAP_BYTES = "512K"  # room for the peer's module, which is compiled where it runs
SECONDS_MAX = 1800
TURNS_N = 300
SEND_TARGET_X = 5.0
RECEIVE_TARGET_X = 3.0


def told(*arguments: str) -> dict[str, float]:
    """What the script prints: names and numbers.  Raises CalledProcessError where it fails."""
    command = [*find_interpreter().command, "-X", f"heapsize={HEAP_BYTES}", str(SCRIPT), str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"the script on MicroPython ended with {done.returncode}: {done.stdout}{done.stderr}"[-300:])
    return {name: float(number) for name, number in (line.split() for line in done.stdout.splitlines())}


def compared(works: Sequence[tuple[str, str, float | None]]) -> Sequence[Row]:
    """How many times longer the peer takes, and the times themselves; of each (name of the row, work, target)."""
    took = told("speed", str(Path(umsgpack.__file__).parents[1]))
    rows = []
    for name, work, target in works:
        ours, peer = took[work], took[f"{work}.umsgpack"]
        rows.append(Row(name, peer / ours, "x", "higher", TURNS_N, "u-msgpack-python, same framing", 1.0, target))
        rows.append(Row(f"{name}.us", ours / 1000, "us", "lower", TURNS_N, "u-msgpack-python", peer / 1000))
        if f"{work}.json" in took:
            json_us = took[f"{work}.json"] / 1000
            rows.append(Row(f"{name}.us_json", ours / 1000, "us", "lower", TURNS_N, "json in C, same framing", json_us))
    return rows


def device_telemetry_send() -> Sequence[Row]:
    """A second of scans of eight zones at 4 Hz, from the image of the scan to bytes for the wire; and a single scan."""
    name = "protocol.device_telemetry_send"
    return compared([(name, "send", SEND_TARGET_X), (f"{name}.unbatched", "single", None)])


def device_command_receive() -> Sequence[Row]:
    """An order with three numbers, from bytes of the wire to numbers; and the message in it without the framing."""
    name = "protocol.device_command_receive"
    return compared([(name, "receive", RECEIVE_TARGET_X), (f"{name}.message_alone", "decode", None)])


def device_heap_growth() -> Sequence[Row]:
    """Bytes of heap that good, bad and hostile frames leave behind."""
    grown = told("heap", str(count_of(1_000_000, 10_000_000)))
    return [Row("protocol.device_heap_growth", grown["growth"], "bytes", "lower", int(grown["frames"]), target=0)]
