"""What only MicroPython can show: loops and rings allocate nothing, with the heap locked."""

import gc
from array import array

import micropython
from plain import Chance
from rows import loop_row

from spinline_firmware.control import pid
from spinline_firmware.control.image import loop_at, new_image
from spinline_firmware.control.loops import Loops
from spinline_firmware.control.recorder import Recorder
from spinline_firmware.control.summary import Summaries
from spinline_protocol.configuration import OF_INPUT, RATIO_LOOP
from spinline_protocol.quantities import TEMPERATURE
from spinline_protocol.states import EXECUTE

LOOPS_N = 12
SCANS_N = 10000
SAMPLES_N = 64


def rack():
    """Twelve loops of the kinds a line has, in automatic."""
    rows = [loop_row(input=i, setpoint=200000, ramp_256=5333, holdback=5000, soak_scans=9, kd=3) for i in range(8)]
    rows += [loop_row(input=i, setpoint=61905, ff_loop=i, ff_m=2684, ff_s=13) for i in range(8, 11)]
    rows.append(loop_row(kind=RATIO_LOOP, input=11, master=8, ratio_q12=6144))
    image = new_image()
    loops = Loops(rows, image, [])
    loops.enter(EXECUTE)
    return image, loops


def samples():
    chance = Chance(31)
    return array("i", [chance.between(-200000, 500000) for _ in range(SAMPLES_N)])


def test_ten_thousand_scans_of_the_kernel_allocate_nothing():
    image, _loops = rack()
    pvs, places, scan_pid = samples(), array("i", [loop_at(i) for i in range(LOOPS_N)]), pid.scan_pid
    at_pv = pid.PV
    scan = loop = 0
    micropython.heap_lock()
    try:
        while scan < SCANS_N:
            loop = 0
            while loop < LOOPS_N:
                image[places[loop] + at_pv] = pvs[scan + 5 * loop & 63]
                scan_pid(image, places[loop])
                loop += 1
            scan += 1
    finally:
        micropython.heap_unlock()
    assert scan == SCANS_N


def test_the_loops_around_the_kernel_leave_nothing_behind():
    image, loops = rack()
    pvs = samples()
    for _warm in range(2):
        gc.collect()
        before = gc.mem_alloc()
        for scan in range(200):
            for loop in range(LOOPS_N):
                image[3 * loop] = pvs[scan + 5 * loop & 63]
            loops.scan(0)
        left = gc.mem_alloc() - before
    assert left < 200 * 64, left  # frames of bytecode, freed at their return: far less than one object a scan and loop


def test_rings_of_scans_and_summaries_allocate_nothing():
    image = new_image()
    rows = [(OF_INPUT, i, TEMPERATURE, 1) for i in range(16)]
    recorder = Recorder(rows, image, memoryview(bytearray(4096)))
    summaries = Summaries(rows, image, memoryview(bytearray(4096)), 250)
    scan = 0
    micropython.heap_lock()
    try:
        while scan < 1000:
            summaries.record(scan, 2, 3)
            recorder.record(2, 3)
            scan += 1
    finally:
        micropython.heap_unlock()
    assert summaries.span()[1] == 50 and recorder.next_scan == 1000


def test_a_tuning_experiment_allocates_nothing():
    image, loops = rack()
    pvs, tune, at = samples(), loops.tune, loop_at(3)
    tune.loop = 3
    tune.relay.begin(9, (10000, 20000, 30000), (-1000, 1000), (-200000, 500000), 60, 100000)
    scan = 0
    micropython.heap_lock()
    try:
        while scan < 50:
            image[at + pid.PV] = pvs[scan & 63]
            tune.scan(loops, 3, at)
            scan += 1
    finally:
        micropython.heap_unlock()
    assert tune.relay.switches_n > 4
