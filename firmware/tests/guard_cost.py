"""Runs on MicroPython: what the guards of one configured node cost in a scan, and that they allocate nothing.

Arguments: root of the repository, a file with the node's tables as a Python literal, rounds.  Prints for interlocks,
monitors, permissives and the alarm flag: ns of a scan (the least of the rounds, mean over one step of the monitors).
Every scan runs on a locked heap: one byte too much ends the run with a MemoryError.
"""

import gc
import sys
import time

import micropython

ROOT, TABLES_FILE, ROUNDS_N = sys.argv[1], sys.argv[2], int(sys.argv[3])
for _place in (ROOT + "/firmware/tests", ROOT + "/firmware", ROOT + "/protocol"):
    sys.path.insert(0, _place)

from shared_scan import Contact  # noqa: E402

from spinline_firmware.control.image import INPUT_WORDS, new_image  # noqa: E402
from spinline_firmware.control.summary import RING_BYTES  # noqa: E402
from spinline_firmware.scan import Scan  # noqa: E402
from spinline_protocol.configuration import LOOP, TABLE_INPUT, TABLE_LOOP, field_index  # noqa: E402
from spinline_protocol.states import EXECUTE  # noqa: E402

SCANS_N = 2000


class NoChips:
    """The image is written by the measurement."""

    def acquire(self, sensors):
        pass

    def apply(self, levels):
        pass


def quiet(code, source, got, limit):
    pass


def running(tables):
    """The node in EXECUTE with every number at its setpoint."""
    image = new_image()
    node = Scan(tables, image, bytearray(RING_BYTES), NoChips(), Contact(1), Contact(1), quiet)
    setpoint, source = field_index(LOOP, "setpoint"), field_index(LOOP, "input")
    for i in range(len(tables[TABLE_INPUT])):
        image[INPUT_WORDS * i] = 1
    for row in tables[TABLE_LOOP]:
        image[INPUT_WORDS * row[source]] = row[setpoint]
    node._go(EXECUTE)
    for _ in range(20):
        node.loops.scan(0)
    return node


def lock(node):
    for _ in range(SCANS_N):
        node.interlocks.scan(EXECUTE)


def watch(node):
    for _ in range(SCANS_N):
        node.monitors.scan(EXECUTE, node.outputs.level)


def permit(node):
    for _ in range(SCANS_N):
        node.guards.permissives.off_outputs(node.outputs.level)


def alarm(node):
    for _ in range(SCANS_N):
        node.latched()


def nothing(node):
    for _ in range(SCANS_N):
        pass


KINDS = (("interlocks", lock), ("monitors", watch), ("permissives", permit), ("alarm", alarm), ("loop", nothing))


def main():
    with open(TABLES_FILE) as file:
        node = running(eval(file.read()))
    best = {}
    for _round in range(ROUNDS_N):
        for name, scans in KINDS:
            gc.collect()
            micropython.heap_lock()
            began = time.ticks_us()
            scans(node)
            taken = time.ticks_diff(time.ticks_us(), began)
            micropython.heap_unlock()
            best[name] = min(best.get(name, taken), taken)
    for name, _scans in KINDS[:-1]:
        print(name, 1000 * max(best[name] - best["loop"], 0) // SCANS_N)


main()
