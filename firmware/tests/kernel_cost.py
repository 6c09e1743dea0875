"""Runs on MicroPython: one scan of a loop by the kernel and by simple-pid, in turns on the same machine.

Arguments: root of the repository, folder that holds simple_pid, rounds.  Prints ns and bytes of each kind, a line each.
"""

import gc
import sys
import time
from array import array

ROOT, PEER, ROUNDS_N = sys.argv[1], sys.argv[2], int(sys.argv[3])
for _place in (PEER, ROOT + "/firmware/tests", ROOT + "/firmware", ROOT + "/protocol"):
    sys.path.insert(0, _place)

from rows import loop_row  # noqa: E402
from simple_pid.pid import PID  # noqa: E402

from spinline_firmware.control import pid  # noqa: E402
from spinline_firmware.control.image import INPUT_WORDS, loop_at, new_image  # noqa: E402
from spinline_firmware.control.loops import Loops  # noqa: E402
from spinline_protocol.states import EXECUTE  # noqa: E402

LOOPS_N = 8
SCANS_N = 200  # of every loop, in one round
PV_MC = array("i", [25000 + 37 * (i % 11) for i in range(64)])
PV_C = [pv / 1000 for pv in PV_MC]


def ours():
    """Scans of eight loops: ramp, setpoint weight, filtered derivative, tracking; all that the kernel does."""
    rows = [
        loop_row(input=i, setpoint=200000, ramp_256=5333, holdback=5000, md=800, sd=12, kd=3) for i in range(LOOPS_N)
    ]
    image = new_image()
    Loops(rows, image, []).enter(EXECUTE)
    places = array("i", [loop_at(i) for i in range(LOOPS_N)])
    scan_pid, at_pv = pid.scan_pid, pid.PV

    def scans():
        for scan in range(SCANS_N):
            pv = PV_MC[scan & 63]
            for at in places:
                image[at + at_pv] = pv
                scan_pid(image, at)

    return scans


def whole():
    """The same eight loops by Loops.scan(): quality, modes and targets too."""
    rows = [
        loop_row(input=i, setpoint=200000, ramp_256=5333, holdback=5000, md=800, sd=12, kd=3) for i in range(LOOPS_N)
    ]
    image = new_image()
    loops = Loops(rows, image, [])
    loops.enter(EXECUTE)

    def scans():
        for scan in range(SCANS_N):
            pv = PV_MC[scan & 63]
            for i in range(LOOPS_N):
                image[INPUT_WORDS * i] = pv
            loops.scan(0)

    return scans


def peer():
    """Scans of eight simple-pid controllers with the interval given, as its own documentation shows it."""
    made = [PID(0.02, 0.0005, 0.1, setpoint=200.0, sample_time=None, output_limits=(0, 1)) for _ in range(LOOPS_N)]

    def scans():
        for scan in range(SCANS_N):
            pv = PV_C[scan & 63]
            for one in made:
                one(pv, 0.25)

    return scans


def bytes_of(scans):
    """Bytes of heap that a scan of one loop takes and leaves behind."""
    scans()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    scans()
    taken = gc.mem_alloc() - before
    gc.enable()
    return taken / (SCANS_N * LOOPS_N)


def main():
    kinds = [("kernel", ours()), ("loops", whole()), ("simple_pid", peer())]
    best = {}
    for _round in range(ROUNDS_N):
        for name, scans in kinds:
            gc.collect()
            began = time.ticks_us()
            scans()
            taken = time.ticks_diff(time.ticks_us(), began)
            best[name] = min(best.get(name, taken), taken)
    for name, scans in kinds:
        print(name, 1000 * best[name] / (SCANS_N * LOOPS_N), bytes_of(scans))


main()
