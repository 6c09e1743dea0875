"""Monitors without a plant: current, guard of the parameters, latch and reset; the same on every interpreter."""

from array import array

from rows import input_row, loop_row, monitor_row

from spinline_firmware.control import pid
from spinline_firmware.control.image import INPUT_WORDS, QUALITY, RAW, loop_at, new_image
from spinline_firmware.control.monitors import Monitors
from spinline_firmware.control.observer import BIAS, check_blocks
from spinline_firmware.control.rundown import RunDown
from spinline_protocol.configuration import COUNTER, HEATER_CURRENT
from spinline_protocol.quantities import BAD, GOOD
from spinline_protocol.states import (
    EVT_HEATER_ON,
    EVT_HEATER_OPEN,
    EVT_MONITOR_CLEARED,
    EVT_PARAMETERS,
    EVT_PARTIAL_LOAD,
    EXECUTE,
    HELD,
)

FULL = 65536
CURRENT_ROW = {"kind": HEATER_CURRENT, "input": 1, "output": 0, "expected": 4300, "limit_q12": 410, "delay_steps": 2}
EXTREMES = (-200000, 500000, 25000, 499999)


class Watch:
    """Monitors over an image that a test writes; one step in each scan."""

    def __init__(self, *rows, loops_n=1, scans_n=1) -> None:  # type: ignore[no-untyped-def]
        self.image = new_image()
        self.levels = [0] * 4
        loops = [loop_row() for _ in range(loops_n)]
        for i in range(loops_n):
            self.image[loop_at(i) + pid.MP] = 100 + i
        self.monitors = Monitors(list(rows), loops, self.image, scans_n)

    def step(self, pv=25000, output=0, current=0, state=EXECUTE, quality=GOOD):
        for at, number in ((0, pv), (INPUT_WORDS, current)):
            self.image[at], self.image[at + QUALITY], self.image[at + RAW] = number, quality, number
        self.image[loop_at(0) + pid.OUTPUT] = output
        return self.monitors.scan(state, self.levels)


def plain_crc(words) -> int:
    """CRC-24 of RFC 4880, written another way: bit by bit over a string of bits."""
    crc = 0xB704CE
    for word in words:
        for byte in range(4):
            for bit in range(7, -1, -1):
                top = crc >> 23 & 1
                crc = crc << 1 & 0xFFFFFF
                if top != (word >> 8 * byte + bit & 1):
                    crc ^= 0x864CFB
    return crc


def crc_of(words, at, words_n):
    """The seal that a changed block gets."""
    seals = array("i", [0, 1, 1, at, 0, words_n, 0])
    assert check_blocks(words, seals, bytearray([1])) == 0
    return seals[6]


def test_the_crc_is_that_of_rfc_4880():
    words = array("i", [0x34333231, -1, 0, 4095, -65536, 1, -(1 << 31), (1 << 31) - 1])
    for n in range(len(words)):
        assert crc_of(words, 0, n) == plain_crc(words[:n])
    assert crc_of(words, 1, 3) == plain_crc(words[1:4])


def test_a_heater_that_draws_too_little_while_it_is_on_has_lost_a_part():
    watch = Watch(monitor_row(**CURRENT_ROW))
    watch.levels[0] = 1
    assert [watch.step(current=4300) for _ in range(5)] == [0] * 5
    assert [watch.step(current=2900) for _ in range(3)] == [0, 0, EVT_PARTIAL_LOAD]
    assert watch.monitors.raw == 2900 and watch.monitors.limit < 4300 // 9


def test_a_heater_that_draws_current_while_it_is_off_is_shorted_and_switches_its_outputs_off():
    watch = Watch(monitor_row(off_outputs=6, **CURRENT_ROW))
    assert [watch.step(current=4300) for _ in range(3)] == [0, 0, EVT_HEATER_ON]
    assert watch.monitors.off_outputs == 6 and watch.monitors.action == 4


def test_a_trip_latches_is_told_once_and_cannot_be_reset_while_its_cause_stands():
    watch = Watch(monitor_row(off_outputs=6, **CURRENT_ROW))
    assert [watch.step(current=4300) for _ in range(6)] == [0, 0, EVT_HEATER_ON, 0, 0, 0]
    assert watch.monitors.reset() == 1 and watch.monitors.off_outputs == 6 and watch.monitors.holds(0)
    watch.step(current=0)
    assert watch.monitors.reset() == 0 and watch.monitors.off_outputs == 0 and not watch.monitors.latched()


def test_a_monitor_sleeps_in_states_that_are_not_its_own_and_with_a_bad_sensor():
    watch = Watch(monitor_row(states=1, **CURRENT_ROW))
    assert [watch.step(current=4300) for _ in range(9)] == [0] * 9
    watch = Watch(monitor_row(**CURRENT_ROW))
    assert [watch.step(current=4300, quality=BAD) for _ in range(9)] == [0] * 9


def test_every_monitor_and_every_block_has_its_turn_within_one_step():
    for scans_n in (1, 3, 4, 20):
        watch = Watch(loops_n=12, scans_n=scans_n)
        for i in range(12):
            watch.image[loop_at(i) + pid.MP] += 1
        found = [watch.step() for _ in range(12 * scans_n)]
        assert sum(watch.monitors.damaged) == 12 and EVT_PARAMETERS in found[:scans_n]


def test_no_word_of_the_observer_leaves_its_bounds_whatever_comes():
    extreme = {"ambient": -50000, "filter_k": 2, "rate_m": 4095, "rate_s": 0, "gain_m": 4095, "gain_s": 0}
    slow = dict(extreme)
    slow.update(filter_k=7, ambient=100000, bias_256=65536, limit_q12=16384)
    for named in (extreme, slow):
        watch = Watch(monitor_row(**named))
        for i in range(2000):
            watch.step(pv=EXTREMES[i * 7 // 3 % 4], output=FULL if i // 5 % 2 else -FULL)
            for word in watch.monitors._words[0]:
                assert -(1 << 27) < word < 1 << 27


def test_heat_that_does_not_come_is_told_left_to_its_loop_and_clears_itself():
    watch = Watch(monitor_row(**CURRENT_ROW))
    watch.levels[0] = 1
    assert [watch.step(current=2900) for _ in range(3)] == [0, 0, EVT_PARTIAL_LOAD]
    assert watch.monitors.action == 1 and not watch.monitors.holds(0) and watch.monitors.latched()
    assert watch.step(current=4300) == EVT_MONITOR_CLEARED and not watch.monitors.latched()


def cooling(watch, pv, steps_n, state=EXECUTE):
    """A zone of 165 K and 1860 s at half its output whose heater gives nothing any more: the pv, and what was told."""
    told = []
    for _ in range(steps_n):
        pv -= (pv - 25000) // 1860
        told.append(watch.step(pv=pv, output=FULL // 2, state=state))
    return pv, [event for event in told if event]


def test_an_open_heater_is_not_learnt_while_its_alarm_stands_also_not_in_another_state():
    watch = Watch(monitor_row(learn_steps=300))
    for _ in range(400):
        watch.step(pv=107500, output=FULL // 2)
    pv, told = cooling(watch, 107500, 600)
    assert told == [EVT_HEATER_OPEN]
    bias = watch.monitors._words[0][BIAS]
    watch.monitors.enter()
    pv, told = cooling(watch, pv, 400, HELD)
    assert told == [] and watch.monitors._words[0][BIAS] == bias and watch.monitors.latched()
    assert watch.monitors.reset() == 0 and not watch.monitors.latched(), "a person lets it begin anew"


def test_a_mild_trip_that_becomes_a_bad_one_is_told_again():
    watch = Watch(monitor_row(off_outputs=2, **CURRENT_ROW))
    watch.levels[0] = 1
    assert [watch.step(current=2900) for _ in range(3)][-1] == EVT_PARTIAL_LOAD
    watch.levels[0] = 0
    assert watch.step(current=2900) == EVT_HEATER_ON
    assert watch.monitors.off_outputs == 2 and watch.monitors.holds(0)


def drives(scan_ms=50):
    """Two drives in ratio, the second without a ramp of its own, and a heated loop; outputs 20000, 36000 and 9000."""
    image = new_image()
    loops = [loop_row(down_states=8, stop_ramp_256=2000), loop_row(input=1, down_states=8), loop_row(input=2)]
    inputs = [input_row(kind=COUNTER), input_row(kind=COUNTER), input_row()]
    for i, output in enumerate((20000, 36000, 9000)):
        image[loop_at(i) + pid.OUTPUT] = output
    image[loop_at(0) + pid.SETPOINT] = 1600
    run_down = RunDown(inputs, loops, image, scan_ms)
    run_down.scan()
    return image, run_down


def test_drives_without_an_encoder_stand_still_for_a_second_and_go_to_zero_in_ratio():
    image, run_down = drives()
    assert run_down.begin(0) and not run_down.begin(1)
    for i in range(2):
        image[loop_at(i) + pid.OUTPUT] = image[loop_at(i) + pid.SETPOINT] = 0  # what the loops say of it
    seen = []
    for _ in range(20 + 1600 * 256 // 2000 + 5):
        run_down.scan()
        seen.append((image[loop_at(0) + pid.OUTPUT], image[loop_at(1) + pid.OUTPUT]))
        if seen[-1][0] == 0:
            break
    assert seen[:20] == [(20000, 36000)] * 20 and seen[-1] == (0, 0)
    assert len(seen) == 20 + 1600 * 256 // 2000
    assert all([abs(second * 5 - first * 9) <= 9 for first, second in seen])
    assert image[loop_at(2) + pid.OUTPUT] == 9000


def test_a_loop_that_is_no_drive_has_no_way_down():
    _image, run_down = drives()
    assert not run_down.begin(2)
