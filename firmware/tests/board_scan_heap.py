"""A whole scan of sixteen loops of all kinds allocates nothing on a locked heap; chips and pins are stand-ins."""

import os
from array import array

import micropython
from plain import Chance
from rows import gains_row, input_row, interlock_row, loop_row, node_row, output_row, whole_set
from shared_scan import Contact

from spinline_firmware.control.image import new_image
from spinline_firmware.scan import Scan
from spinline_protocol import states
from spinline_protocol.configuration import (
    CASCADE_LOOP,
    DAC,
    MODE_AUTO,
    MODE_MANUAL,
    OF_INPUT,
    OF_MODE,
    OF_OUTPUT,
    OF_SETPOINT,
    RATIO_LOOP,
    SSR,
)
from spinline_protocol.quantities import OUTPUT, STATE, TEMPERATURE

SCANS_N = 100000 if os.getenv("FULL") else 20000
INPUTS_N = 17
RUNNING = {"auto_states": sum([1 << state for state in (1, 2, 3, 4, 9)])}
WAVE_N = 64


class Chips:
    """Raw numbers that wander; now and then one jumps and is dropped.  Input 2 chooses gains."""

    def __init__(self, sensors_n):
        chance = Chance(77)
        self._wave = array("i", [25000 + chance.below(200) for _ in range(WAVE_N)])
        self._wave[7] = 90000
        self._wave[20] = self._wave[21] = self._wave[22]  # it stands for two scans, which is doubted
        self._sensors_n = sensors_n
        self._scans_n = 8  # the jump is in nobody's first scan
        self.applied_n = 0

    def acquire(self, sensors):
        self._scans_n += 1
        i = 0
        while i < self._sensors_n:
            sensors.take(i, self._wave[self._scans_n + 5 * i & 63], 0)
            i += 1

    def apply(self, levels):
        self.applied_n += len(levels)


def node():
    """Zones with ramps and soak, drives with feed-forward, slaves, two cascades, gain sets, split range: EXECUTE."""
    loops = [loop_row(input=i, setpoint=30000 + i, ramp_256=9, soak_scans=0, kd=3, **RUNNING) for i in range(8)]
    loops[1] = loop_row(input=1, setpoint=200000, ramp_256=9, ff_rate_m=3, ff_rate_s=3, holdback=9000, **RUNNING)
    loops += [loop_row(input=8 + i, setpoint=61905, ff_loop=8 + i, ff_m=268, ff_s=13, **RUNNING) for i in range(2)]
    loops += [loop_row(kind=RATIO_LOOP, input=10 + i, master=i, ratio_q12=4000, **RUNNING) for i in range(2)]
    loops += [loop_row(kind=CASCADE_LOOP, input=12 + i, master=6 + i, **RUNNING) for i in range(2)]
    loops += [loop_row(input=14 + i, setpoint=26000, out_low=-65536, action=-1, **RUNNING) for i in range(2)]
    gains = [gains_row(input=2, mp=500, sp=8, hysteresis=20, **{"from": 25100})]
    outputs = [output_row(kind=(SSR, DAC)[i & 1], port=i, loop=i) for i in range(16)]
    outputs += [output_row(kind=DAC, loop=14, sign=-1, dead_band=3000), output_row(kind=2, on_states=4)]
    interlocks = [interlock_row(input=i, limit=400000, delay_scans=2) for i in range(16)]
    records = [(OF_INPUT, i, TEMPERATURE, 1) for i in range(16)]
    for i in range(16):
        records += [(OF_SETPOINT, i, TEMPERATURE, 0), (OF_OUTPUT, i, OUTPUT, 0), (OF_MODE, i, STATE, 0)]
    watched = {"frozen_scans": 4, "warn_high": 26000, "partner_limit": 100, "partner_scans": 30000}
    inputs = [input_row(slew=50000, filter_k=i & 1, partner=i + 1 if i < 8 else -1, **watched) for i in range(INPUTS_N)]
    tables = whole_set([node_row(hold_max_s=60)], inputs, loops, outputs, interlocks, records, gains)
    made = Scan(tables, new_image(), bytearray(32768), Chips(INPUTS_N), Contact(1), Contact(1), quiet)
    for command in (states.CMD_START, states.CMD_RUN):
        made.scan(2000, 0)
        assert made.command(command) == 0
    for _ in range(60):
        made.scan(2000, 0)
    assert made.state == states.EXECUTE and not any(made.loops.failed)
    return made


def quiet(code, source, got, limit):
    pass


def scans_on_a_locked_heap(made, scans_n, lease_ms=2000):
    scan = 0
    micropython.heap_lock()
    try:
        while scan < scans_n:
            made.scan(lease_ms, 0)
            scan += 1
    finally:
        micropython.heap_unlock()
    assert scan == scans_n


def test_many_scans_of_sixteen_loops_allocate_nothing():
    made = node()
    scans_on_a_locked_heap(made, SCANS_N)
    assert made.state == states.EXECUTE and made.recorder.next_scan > SCANS_N


def test_a_hold_manual_modes_and_a_cascade_taken_apart_allocate_nothing_either():
    made = node()
    for loop, mode in ((0, MODE_MANUAL), (12, MODE_AUTO), (10, MODE_AUTO)):
        assert made.set_mode(loop, mode, 20000)[0] == 0
    scans_on_a_locked_heap(made, 1000)
    scans_on_a_locked_heap(made, 100, 0)
    assert made.lease.hold and made.state == states.EXECUTE
