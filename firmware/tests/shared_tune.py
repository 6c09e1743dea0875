"""A tuning experiment inside a node: what is refused, what ends it, and that the loop goes on without a bump."""

from rows import input_row, interlock_row, loop_row, node_row, output_row, whole_set
from shared_scan import Chips, Contact

from spinline_firmware.control import pid
from spinline_firmware.control.image import loop_at, new_image
from spinline_firmware.scan import Scan
from spinline_protocol import states
from spinline_protocol.configuration import ABOVE, ACT_ALARM, ACT_HOLD, BELOW, DAC, MODE_TUNE, OF_INPUT
from spinline_protocol.errors import BUSY, NO_LEASE, OK, RANGE
from spinline_protocol.errors import STATE as WRONG_STATE

CONTROL = sum([1 << state for state in (1, 2, 3, 4, 9)])
SETPOINT = 100000
# loop, outputs falling, centre, rising, band, pv limits, quiet scans, switches, longest half cycle
ASKED = [0, 10000, 20000, 40000, 99000, 101000, 90000, 110000, 5, 9, 200]
FIELDS = ("loop", "output_low", "centre", "output_high", "band_low", "band_high", "pv_low", "pv_high")


class Line:
    """A node with two loops, the first at rest at its setpoint in STARTING; its pv is that of a heater."""

    def __init__(self, *interlocks, **named) -> None:  # type: ignore[no-untyped-def]
        gains = {"mp": 40, "sp": 4, "mi": 40, "si": 12, "md": 100, "sd": 6, "kd": 2}
        row = {"auto_states": CONTROL, "setpoint": SETPOINT, "ramp_256": 25600}
        row.update(gains)
        row.update(named)
        loops = [loop_row(**row), loop_row(input=1, auto_states=1 << states.EXECUTE)]
        records = [(OF_INPUT, 0, 1, 0)]
        outputs = [output_row(kind=DAC, loop=0)]
        self.tables = whole_set([node_row()], [input_row()] * 3, loops, outputs, list(interlocks), records)
        self.image, self.chips, self.events = new_image(), Chips(3), []  # type: ignore[var-annotated]
        self.chips.raw[0] = SETPOINT
        pins = (self.chips, Contact(1), Contact(0))
        self.node = Scan(self.tables, self.image, bytearray(400), *pins, self._note)
        self.waiting = [20000] * 4
        self.scans()
        assert self.node.command(states.CMD_START) == OK
        self.scans(3)
        self.image[loop_at(0) + pid.INTEGRAL] = 20000

    def _note(self, code, source, got, limit) -> None:  # type: ignore[no-untyped-def]
        self.events.append((code, source, got, limit))

    def scans(self, count=1, lease_ms=2000):
        for _ in range(count):
            self.node.scan(lease_ms, 0)

    def steps(self, count=1):
        """Scans with a heater behind a dead time: 300 counts a scan up, 150 down."""
        for _ in range(count):
            self.scans()
            self.waiting.append(self.word(pid.OUTPUT))
            gone = self.waiting.pop(0)
            self.chips.raw[0] += 300 if gone > 30000 else -150 if gone < 15000 else 0

    def word(self, offset):
        return self.image[loop_at(0) + offset]

    def start(self, **named):
        asked = list(ASKED)
        for name in named:
            asked[FIELDS.index(name)] = named[name]
        return self.node.begin_tune(asked)

    def ends(self):
        return [event[1:] for event in self.events if event[0] == states.EVT_TUNE_ENDED]


def test_an_experiment_runs_to_its_end_and_the_loop_goes_on_in_automatic_from_the_output_at_which_it_rested():
    for ramp in (0, 25600):
        for setpoint_weight in (0, 256):
            line = Line(ramp_256=ramp, b_256=setpoint_weight)
            assert line.start() == (OK, 0, 0, "")
            line.steps(4)
            assert line.word(pid.OUTPUT) == 20000 and line.word(pid.MODE) == MODE_TUNE
            seen = set()
            while line.node.loops.tune.loop >= 0:
                line.steps()
                seen.add(line.word(pid.OUTPUT))
            assert line.ends() == [(0, states.TUNE_DONE, 9)]
            assert 40000 in seen and 10000 in seen and line.word(pid.MODE) == pid.AUTO
            error = abs(SETPOINT - line.chips.raw[0])
            assert abs(line.word(pid.OUTPUT) - 20000) <= 2 + (error * 40 >> 12) + 1, ramp  # the integral's own step
            assert line.word(pid.SETPOINT) == SETPOINT


def test_with_gains_that_integrate_nothing_the_way_back_is_the_resting_output_within_two_counts():
    for pv in (98000, 100000, 101700, 90001):
        line = Line(mi=0, ramp_256=0)
        assert line.start()[0] == OK
        line.scans(10)
        line.chips.raw[0] = pv
        line.scans(60)
        line.node.loops.tune.stop()
        line.scans()
        assert line.word(pid.MODE) == pid.AUTO and abs(line.word(pid.OUTPUT) - 20000) <= 2
        line.scans(5)
        assert abs(line.word(pid.OUTPUT) - 20000) <= 2


def test_whatever_is_beyond_the_loops_own_limits_is_refused_with_field_and_limit():
    for named, limit in (
        ({"output_low": -1}, 0),
        ({"output_high": 65537}, 65536),
        ({"output_low": 20000}, 19999),
        ({"output_high": 20000}, 20001),
        ({"band_low": 89999}, 90000),
        ({"band_low": 101000}, 100999),
        ({"band_high": 110001}, 110000),
        ({"pv_low": -1}, 0),
        ({"pv_high": 250001}, 250000),
        ({"loop": 2}, 1),
    ):
        line = Line()
        before = list(line.image)
        name = list(named)[0]
        assert line.start(**named) == (RANGE, named[name], limit, name), named
        assert list(line.image) == before and line.node.loops.tune.loop < 0
    for place, got in ((8, 0), (8, 10001), (9, 3), (9, 61), (10, 1), (10, 100001)):
        asked = list(ASKED)
        asked[place] = got
        assert line.node.begin_tune(asked)[0] == RANGE


def test_a_loop_that_is_lowered_by_its_output_takes_them_the_other_way_round():
    line = Line(action=-1)
    assert line.start()[0] == RANGE
    asked = [0, 40000, 20000, 10000] + ASKED[4:]
    assert line.node.begin_tune(asked)[0] == OK
    line.scans(8)
    assert line.word(pid.OUTPUT) == 10000


def test_the_pv_limits_must_stay_inside_interlocks_that_act_in_this_state():
    in_starting = 1 << states.STARTING
    for row, field in (
        (interlock_row(comparison=ABOVE, limit=110000, action=ACT_HOLD, states=in_starting), "pv_high"),
        (interlock_row(comparison=BELOW, limit=90000, action=ACT_HOLD, states=in_starting), "pv_low"),
    ):
        refused = Line(row).start()
        assert (refused[0], refused[3]) == (RANGE, field)
    for row in (
        interlock_row(comparison=ABOVE, limit=110001, action=ACT_HOLD, states=in_starting),
        interlock_row(comparison=ABOVE, limit=105000, action=ACT_ALARM, states=in_starting),
        interlock_row(comparison=ABOVE, limit=750, action=ACT_HOLD, states=in_starting, judged=2, window_scans=28),
        interlock_row(comparison=ABOVE, limit=105000, action=ACT_HOLD, states=1 << states.EXECUTE),
        interlock_row(input=1, comparison=ABOVE, limit=105000, action=ACT_HOLD, states=in_starting),
    ):
        assert Line(row).start()[0] == OK


def test_it_is_allowed_only_where_the_loop_controls_in_a_state_that_a_person_may_disturb():
    for state in range(len(states.STATES)):
        line = Line()
        line.node._go(state)
        allowed = state in (states.STARTING, states.EXECUTE, states.HELD)
        assert (line.start()[0] == OK) == allowed, state
        if not allowed:
            assert line.start()[0] == WRONG_STATE
    line = Line()
    refused = line.start(loop=1)  # this one controls in EXECUTE alone
    assert (refused[0], refused[3]) == (WRONG_STATE, "mode")


def test_without_a_lease_or_in_hold_nothing_begins():
    line = Line()
    line.scans(25, lease_ms=0)
    assert line.node.lease.hold and line.start()[0] == NO_LEASE
    line.scans()
    assert line.start()[0] == NO_LEASE


def test_only_one_loop_of_a_node_is_in_an_experiment_and_no_configuration_is_taken_meanwhile():
    line = Line()
    assert line.start()[0] == OK and line.start()[0] == BUSY
    line.scans()
    assert line.node.retune(line.tables)[0] == BUSY
    line.node.loops.tune.stop()
    line.scans()
    assert line.node.retune(line.tables)[0] == OK and line.start()[0] == OK


def test_a_lost_lease_ends_it_in_that_scan_and_the_loop_holds_its_setpoint():
    line = Line()
    assert line.start()[0] == OK
    line.steps(10)
    assert line.word(pid.OUTPUT) == 40000
    while not line.node.lease.hold:
        line.scans(1, lease_ms=0)
    assert line.ends() == [(0, states.TUNE_STOPPED, 0)] and line.word(pid.MODE) == pid.AUTO
    assert line.word(pid.SETPOINT) == SETPOINT
    assert abs(line.word(pid.OUTPUT) - 20000) <= 2 + 20  # where it rested, and not the relay's step


def test_a_change_of_state_ends_it_and_the_loop_has_the_mode_of_that_state():
    for command, mode in ((states.CMD_RUN, pid.AUTO), (states.CMD_STOP, pid.OFF), (states.CMD_ABORT, pid.OFF)):
        line = Line()
        assert line.start()[0] == OK
        line.scans(10)
        assert line.node.command(command) == OK
        line.scans()
        assert line.ends()[0][:2] == (0, states.TUNE_STOPPED) and line.word(pid.MODE) == mode
        assert line.word(pid.OUTPUT) == 0 if mode == pid.OFF else abs(line.word(pid.OUTPUT) - 20000) <= 22


def test_a_trip_of_any_interlock_ends_it():
    line = Line(interlock_row(input=2, comparison=ABOVE, limit=5, action=ACT_ALARM))
    assert line.start()[0] == OK
    line.scans(8)
    line.chips.raw[2] = 6
    line.scans(2)
    assert line.ends() == [(0, states.TUNE_STOPPED, 0)] and line.word(pid.MODE) == pid.AUTO


def test_a_failed_sensor_ends_it_and_the_output_is_zero_in_the_same_scan():
    line = Line()
    assert line.start()[0] == OK
    line.scans(8)
    assert line.word(pid.OUTPUT) == 40000
    line.chips.failed[0] = 1
    line.scans()
    assert line.word(pid.OUTPUT) == 0 and line.ends() == [(0, states.TUNE_SENSOR, 0)]
    line.chips.failed[0] = 0
    line.scans(20)
    assert line.word(pid.OUTPUT) == 0  # failed is latched


def test_a_pv_outside_its_limits_gives_the_loop_back():
    line = Line()
    assert line.start()[0] == OK
    line.scans(8)
    line.chips.raw[0] = 110001
    line.scans()
    assert line.ends() == [(0, states.TUNE_PV_OUT, 0)] and line.word(pid.MODE) == pid.AUTO


def test_one_that_is_stopped_before_its_first_scan_leaves_the_loop_as_it_was():
    line, other = Line(), Line()
    assert line.start()[0] == OK
    line.node.loops.tune.stop()
    line.scans(3)
    other.scans(3)
    assert list(line.image) == list(other.image)
