"""The loops of a node: bumpless changes of mode, failure in the same scan, ratio, soak (kernel: shared_pid.py)."""

from rows import loop_row

from spinline_firmware.control import pid
from spinline_firmware.control.image import INPUT_WORDS, QUALITY, loop_at, new_image
from spinline_firmware.control.loops import Loops
from spinline_firmware.control.ratio import feed_forward
from spinline_protocol.configuration import RATIO_LOOP
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN
from spinline_protocol.states import EXECUTE, HELD, IDLE, STARTING, STOPPING

IN_EXECUTE = 1 << EXECUTE
CALM = {"mp": 0, "mi": 0, "mt": 0}


class Rack:
    """Loops over an image whose inputs a test writes; every input is GOOD."""

    def __init__(self, *rows, gains=()) -> None:  # type: ignore[no-untyped-def]
        self.image = new_image()
        self.loops = Loops(list(rows), self.image, gains)

    def measure(self, channel, pv, quality=GOOD):
        self.image[INPUT_WORDS * channel] = pv
        self.image[INPUT_WORDS * channel + QUALITY] = quality

    def word(self, offset, loop=0):
        return self.image[loop_at(loop) + offset]

    def scan(self, frozen=0):
        return self.loops.scan(frozen)


def test_a_loop_controls_only_in_its_states():
    rack = Rack(loop_row(auto_states=IN_EXECUTE, setpoint=100000))
    seen = []
    for state in (IDLE, STARTING, EXECUTE, HELD):
        rack.loops.enter(state)
        rack.scan()
        seen.append((rack.word(pid.MODE), rack.word(pid.OUTPUT) > 0))
    assert seen == [(pid.OFF, False), (pid.OFF, False), (pid.AUTO, True), (pid.OFF, False)]


def test_a_loop_that_runs_down_controls_towards_zero_with_its_stop_ramp():
    rack = Rack(loop_row(auto_states=IN_EXECUTE, down_states=1 << STOPPING, setpoint=1000, stop_ramp_256=256 * 100))
    rack.loops.enter(EXECUTE)
    rack.measure(0, 1000)
    rack.scan()
    rack.loops.enter(STOPPING)
    seen = []
    for _ in range(12):
        rack.scan()
        seen.append(rack.word(pid.SETPOINT))
    assert seen == [900, 800, 700, 600, 500, 400, 300, 200, 100, 0, 0, 0]


def test_going_automatic_begins_at_the_measured_value_and_ramps():
    rack = Rack(loop_row(auto_states=IN_EXECUTE, setpoint=100000, ramp_256=2560))
    rack.measure(0, 25000)
    rack.loops.enter(IDLE)
    rack.scan()
    rack.loops.enter(EXECUTE)
    rack.scan()
    assert rack.word(pid.SETPOINT) == 25010


def test_a_loop_that_was_off_starts_from_output_zero_without_a_bump():
    rack = Rack(loop_row(auto_states=IN_EXECUTE, setpoint=25000, mi=1))
    rack.measure(0, 25000)
    rack.loops.enter(IDLE)
    for _ in range(50):
        rack.scan()
    rack.loops.enter(EXECUTE)
    rack.scan()
    assert abs(rack.word(pid.OUTPUT)) <= 1


def test_a_bad_sensor_takes_the_output_to_zero_in_the_same_scan_and_is_told_once():
    rack = Rack(loop_row(setpoint=100000))
    rack.loops.enter(EXECUTE)
    assert rack.scan() == -1 and rack.word(pid.OUTPUT) > 0
    rack.measure(0, 0, BAD)
    assert rack.scan() == 0 and rack.word(pid.OUTPUT) == 0
    assert rack.scan() == -1


def test_a_failed_loop_stays_off_when_its_sensor_returns():
    rack = Rack(loop_row(setpoint=100000))
    rack.loops.enter(EXECUTE)
    rack.measure(0, 0, BAD)
    rack.scan()
    rack.measure(0, 0, GOOD)
    rack.loops.enter(EXECUTE)
    for _ in range(20):
        assert rack.scan() == -1 and rack.word(pid.OUTPUT) == 0


def test_an_uncertain_number_does_not_fail_a_loop():
    rack = Rack(loop_row(setpoint=100000))
    rack.loops.enter(EXECUTE)
    rack.measure(0, 0, UNCERTAIN)
    assert rack.scan() == -1 and rack.word(pid.OUTPUT) > 0


def test_a_loop_that_is_off_does_not_fail():
    rack = Rack(loop_row(auto_states=IN_EXECUTE))
    rack.loops.enter(IDLE)
    rack.measure(0, 0, BAD)
    assert rack.scan() == -1 and not rack.loops.failed[0]


def test_one_failed_loop_leaves_the_others_alone():
    rack = Rack(loop_row(setpoint=100000), loop_row(input=1, setpoint=100000))
    rack.loops.enter(EXECUTE)
    rack.measure(1, 0, BAD)
    assert rack.scan() == 1
    assert rack.word(pid.OUTPUT, 0) > 0 and rack.word(pid.OUTPUT, 1) == 0


def test_a_slave_follows_its_measured_master():
    rack = Rack(loop_row(kind=RATIO_LOOP, input=1, master=0, ratio_q12=7373))
    rack.loops.enter(EXECUTE)
    for master in (0, 100, 16667, 100000):
        rack.measure(0, master)
        rack.scan()
        assert abs(rack.word(pid.TARGET) - master * 7373 // 4096) <= 2


def test_a_slave_stays_within_its_limits():
    rack = Rack(loop_row(kind=RATIO_LOOP, input=1, master=0, ratio_q12=65535, setpoint_low=100, setpoint_high=5000))
    rack.loops.enter(EXECUTE)
    for master, target in ((-9000, 100), (0, 100), (9000, 5000)):
        rack.measure(0, master)
        rack.scan()
        assert rack.word(pid.TARGET) == target


def test_a_slave_holds_its_last_target_while_its_master_is_bad():
    rack = Rack(loop_row(kind=RATIO_LOOP, input=1, master=0, ratio_q12=8192))
    rack.loops.enter(EXECUTE)
    rack.measure(0, 1000)
    rack.scan()
    rack.measure(0, 0, BAD)
    for _ in range(5):
        rack.scan()
        assert rack.word(pid.TARGET) == 2000
    rack.measure(0, 500)
    rack.scan()
    assert rack.word(pid.TARGET) == 1000


def test_a_feed_forward_follows_the_working_setpoint_of_its_loop():
    rack = Rack(
        loop_row(setpoint=50000, ramp_256=256000, **CALM), loop_row(input=1, ff_loop=0, ff_m=2048, ff_s=11, **CALM)
    )
    rack.loops.enter(EXECUTE)
    for _ in range(5):
        rack.scan()
        assert rack.word(pid.FEED_FORWARD, 1) == feed_forward(rack.word(pid.SETPOINT), 2048, 11)


def test_ramps_stand_still_while_the_node_holds():
    rack = Rack(loop_row(setpoint=100000, ramp_256=25600))
    rack.loops.enter(EXECUTE)
    rack.scan()
    before = rack.word(pid.SETPOINT)
    for _ in range(10):
        rack.scan(1)
    assert rack.word(pid.SETPOINT) == before
    rack.scan()
    assert rack.word(pid.SETPOINT) == before + 100


def test_a_way_down_to_rest_goes_on_while_the_node_holds():
    rack = Rack(loop_row(auto_states=IN_EXECUTE, down_states=1 << STOPPING, stop_ramp_256=25600))
    rack.measure(0, 1000)
    rack.loops.enter(STOPPING)
    rack.scan(1)
    assert rack.word(pid.SETPOINT) == 900


def test_a_soak_counts_only_near_its_target():
    rack = Rack(loop_row(setpoint=1000, holdback=50, soak_scans=10))
    rack.loops.enter(EXECUTE)
    for pv, soaked in ((1000, 1), (1050, 2), (950, 3), (1051, 3), (949, 3), (1000, 4)):
        rack.measure(0, pv)
        rack.scan()
        assert rack.word(pid.SOAKED) == soaked
    assert not rack.loops.soaked()


def test_a_node_has_soaked_when_every_soaking_loop_has():
    rack = Rack(loop_row(setpoint=0, soak_scans=3), loop_row(input=1, setpoint=0, soak_scans=5), loop_row(input=2))
    rack.loops.enter(EXECUTE)
    seen = []
    for _ in range(6):
        rack.scan()
        seen.append(rack.loops.soaked())
    assert seen == [False] * 4 + [True] * 2


def test_a_soak_begins_again_after_the_loop_was_off():
    rack = Rack(loop_row(soak_scans=2, auto_states=IN_EXECUTE))
    rack.loops.enter(EXECUTE)
    for _ in range(3):
        rack.scan()
    assert rack.loops.soaked()
    rack.loops.enter(IDLE)
    rack.scan()
    assert not rack.loops.soaked()


def test_a_setpoint_outside_the_limits_is_refused_and_changes_nothing():
    rack = Rack(loop_row(setpoint=70, setpoint_low=50, setpoint_high=100))
    assert rack.loops.change_setpoint(0, 49, 0) == (49, 50)
    assert rack.loops.change_setpoint(0, 101, 0) == (101, 100)
    assert rack.loops.setpoints == [70]
    for setpoint in (50, 100):
        assert rack.loops.change_setpoint(0, setpoint, 0) == (0, 0) and rack.loops.setpoints == [setpoint]


def test_a_ratio_is_changed_within_what_the_wire_carries():
    rack = Rack(loop_row(kind=RATIO_LOOP, input=1, master=0, ratio_q12=4096, setpoint_high=10))
    assert rack.loops.change_setpoint(0, 65535, 0) == (0, 0)
    assert rack.loops.change_setpoint(0, 65536, 0) == (65536, 65535)
    assert rack.loops.change_setpoint(0, -1, 0) == (-1, 0)
    assert rack.loops.setpoints == [65535]


def test_a_setpoint_may_bring_its_own_ramp():
    rack = Rack(loop_row(ramp_256=256))
    rack.loops.enter(EXECUTE)
    rack.loops.change_setpoint(0, 1000, 25600)
    rack.scan()
    assert rack.word(pid.SETPOINT) == 100
    rack.loops.change_setpoint(0, 500, 0)
    rack.scan()
    assert rack.word(pid.SETPOINT) == 200


def test_loops_are_at_rest_when_all_that_run_down_stand_still():
    rack = Rack(
        loop_row(down_states=1 << STOPPING, standstill=200, setpoint=5000),
        loop_row(input=1, auto_states=IN_EXECUTE, setpoint=5000),
    )
    rack.loops.enter(STOPPING)
    rack.measure(1, 9999)
    for pv, rests in ((5000, False), (201, False), (200, True), (0, True)):
        rack.measure(0, pv)
        rack.scan()
        assert rack.loops.at_rest() == rests
