"""A configured node without chips: the order of a scan, states and commands, lease, interlocks, safe order (SPEC 5)."""

from rows import input_row, interlock_row, loop_row, node_row, output_row, whole_set

from spinline_firmware.control import pid
from spinline_firmware.control.image import loop_at, new_image
from spinline_firmware.scan import Scan
from spinline_protocol import states
from spinline_protocol.configuration import ABOVE, ACT_ABORT, ACT_ALARM, ACT_HOLD, ACT_STOP, DAC, OF_INPUT
from spinline_protocol.errors import INTERLOCK, NO_LEASE, OK, RANGE
from spinline_protocol.errors import STATE as WRONG_STATE
from spinline_protocol.transitions import next_state

IN_EXECUTE = 1 << states.EXECUTE
ALL_COMMANDS = list(range(1, 9))  # SUPERVISE is judged by the lease, not by the table


class Contact:
    """A pin of the permit chain."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.value = self._pin  # the name that a pin of the board has

    def _pin(self, level=None):  # type: ignore[no-untyped-def]
        if level is not None:
            self.level = level
        return self.level


class Chips:
    """Inputs and outputs of a node as a test sees them."""

    def __init__(self, inputs_n: int) -> None:
        self.raw = [0] * inputs_n
        self.failed = [0] * inputs_n
        self.levels = []  # type: ignore[var-annotated]
        self.off_n = 0
        self.faulty = self.fault = self.errors_n = 0  # of an output, as the ports tell it

    def acquire(self, sensors) -> None:  # type: ignore[no-untyped-def]
        for i in range(len(self.raw)):
            sensors.take(i, self.raw[i], self.failed[i])

    def apply(self, levels):  # type: ignore[no-untyped-def]
        self.levels = list(levels)
        return self.faulty

    def all_off(self) -> None:
        self.off_n += 1


class Node:
    """A node of one heated loop (input 0, output 0) and whatever interlocks a test adds (input 1)."""

    def __init__(self, *interlocks, **named) -> None:  # type: ignore[no-untyped-def]
        loop = loop_row(auto_states=sum([1 << state for state in (1, 2, 3, 4, 9)]), setpoint=1000, **named)
        outputs = [output_row(kind=DAC, loop=0), output_row(kind=DAC, loop=0, channel=1, safe_delay_ms=500)]
        tables = whole_set(
            [node_row()], [input_row(), input_row()], [loop], outputs, list(interlocks), [(OF_INPUT, 0, 1, 0)]
        )
        self.chips = Chips(2)
        self.permit_in, self.permit_out = Contact(1), Contact(0)
        self.events = []  # type: ignore[var-annotated]
        self.node = Scan(tables, new_image(), bytearray(200), self.chips, self.permit_in, self.permit_out, self._note)

    def _note(self, code, source, got, limit) -> None:  # type: ignore[no-untyped-def]
        self.events.append(code)

    def scans(self, count=1, lease_ms=2000):
        for _ in range(count):
            self.node.scan(lease_ms, 0)
        return self.node.state

    def run(self):
        """To EXECUTE, as the supervisor does it."""
        self.scans()
        assert self.node.command(states.CMD_START) == OK and self.scans() == states.STARTING
        assert self.node.command(states.CMD_RUN) == OK and self.scans() == states.EXECUTE
        self.events.clear()
        return self

    def in_state(self, state):
        """In any state, under a valid lease, with nothing latched."""
        self.scans()
        self.node._go(state)
        self.events.clear()
        return self


def test_a_node_begins_idle_with_its_outputs_off_and_its_permit_closed():
    node = Node()
    assert node.scans() == states.IDLE and node.chips.levels == [0, 0] and node.permit_out.level == 1


def test_every_command_in_every_state_does_exactly_what_the_table_says():
    for state in range(len(states.STATES)):
        for command in ALL_COMMANDS:
            node = Node().in_state(state).node
            expected = next_state(state, command)
            code = node.command(command)
            assert (code, node.state) == ((OK, expected) if expected >= 0 else (WRONG_STATE, state))


def test_a_refused_command_changes_nothing():
    for state in range(len(states.STATES)):
        node = Node().in_state(state)
        before = (node.node.state, node.node._in_state_ms, node.node.lease.hold)
        for command in [0] + [number for number in range(10, 256) if number != states.DONE]:
            assert node.node.command(command) == WRONG_STATE
        assert before == (node.node.state, node.node._in_state_ms, node.node.lease.hold) and node.events == []


def test_abort_is_taken_from_every_state_but_its_own_two():
    for state in range(len(states.STATES)):
        node = Node().in_state(state)
        code = node.node.command(states.CMD_ABORT)
        assert (code == OK) == (state not in (states.ABORTING, states.ABORTED))
        assert node.node.state in (states.ABORTING, states.ABORTED)


def test_a_node_without_a_lease_does_not_start():
    node = Node()
    node.scans(3, 0)
    assert node.node.command(states.CMD_START) == NO_LEASE and node.node.state == states.IDLE


def test_run_is_refused_until_every_soaking_loop_has_soaked():
    node = Node(holdback=10, soak_scans=3)
    node.scans()
    node.node.command(states.CMD_START)
    codes = []
    for _ in range(8):
        node.chips.raw[0] = 1000
        node.scans()
        codes.append(node.node.command(states.CMD_RUN))
    assert codes[0] == INTERLOCK and OK in codes


def test_an_open_permit_chain_refuses_a_start_and_aborts_a_running_line():
    node = Node()
    node.permit_in.level = 0
    node.scans()
    assert node.node.command(states.CMD_START) == INTERLOCK
    node = Node().run()
    node.permit_in.level = 0
    assert node.scans() == states.ABORTING
    assert node.chips.levels[0] == 0 and node.permit_out.level == 0
    assert states.EVT_PERMIT_OPEN in node.events


def test_an_expired_lease_holds_and_is_told_once():
    node = Node().run()
    node.scans(30, 0)
    assert node.node.state == states.EXECUTE and node.node.flags(0) & states.FLAG_HOLD
    assert node.events == [states.EVT_LEASE_EXPIRED]


def test_control_goes_on_during_a_hold():
    node = Node().run()
    node.scans(25, 0)
    node.chips.raw[0] = 990
    node.scans(1, 0)
    assert node.node.lease.hold and node.chips.levels[0] > 0


def test_a_hold_that_lasts_ends_in_the_safe_order_and_aborted():
    node = Node().run()
    seen = []
    for _ in range(60):
        state = node.scans(1, 0)
        if not seen or seen[-1] != state:
            seen.append(state)
    assert seen == [states.EXECUTE, states.ABORTING, states.ABORTED]
    assert states.EVT_SAFE_ORDER in node.events and node.chips.levels == [0, 0]


def test_a_line_that_is_alone_too_long_comes_to_a_stand_and_is_safe_later():
    node = Node()
    tables = [list(rows) for rows in node.node._tables]
    tables[0] = [node_row(alone_max_s=1, hold_max_s=3)]
    node.scans()
    assert node.node.retune(tables)[0] == OK
    node.run()
    node.scans(20, 0)
    assert node.node.lease.hold and node.scans(9, 0) == states.EXECUTE
    assert node.scans(1, 0) == states.HELD, "alone for a second: nothing here has a way down"
    assert node.scans(19, 0) == states.HELD and node.scans(1, 0) == states.ABORTING


def test_a_heat_up_that_is_alone_too_long_stops():
    node = Node()
    tables = [list(rows) for rows in node.node._tables]
    tables[0] = [node_row(alone_max_s=1, hold_max_s=3)]
    node.scans()
    assert node.node.retune(tables)[0] == OK and node.node.command(states.CMD_START) == OK
    assert node.scans(33, 0) in (states.STOPPING, states.STOPPED)


def test_a_row_that_slows_takes_the_loop_down_by_its_stop_ramp_while_it_stands_and_no_longer():
    row = interlock_row(input=1, comparison=ABOVE, limit=5, auto_reset=1, eased_loop=0, eased_q12=2867, eased_while=1)
    node = Node(row, ramp_256=256, stop_ramp_256=25600).run()
    image = node.node._image
    node.scans(1001)
    assert image[loop_at(0) + pid.SETPOINT] == 1000
    node.chips.raw[1] = 8
    node.scans(4)
    assert image[loop_at(0) + pid.SETPOINT] == 700, "by 100 a scan, from the next one on"
    node.scans(1)
    assert image[loop_at(0) + pid.SETPOINT] == image[loop_at(0) + pid.TARGET] == 699, "0.7 of it"
    assert node.node.loops.setpoints == [1000] and node.node.set_setpoint(0, 900, 0)[0] == OK
    node.chips.raw[1] = 0
    node.scans(11)
    assert image[loop_at(0) + pid.TARGET] == 900 and abs(image[loop_at(0) + pid.SETPOINT] - 639) <= 2, "1 a scan"


def test_a_line_that_lost_its_lease_slows_and_does_not_speed_up_again():
    row = interlock_row(input=1, comparison=ABOVE, limit=5, auto_reset=1, eased_loop=0, eased_q12=2048, eased_while=1)
    node = Node(row, ramp_256=25600, stop_ramp_256=25600).run()
    node.scans(20)
    tables = [list(rows) for rows in node.node._tables]
    tables[0] = [node_row(hold_max_s=60)]
    assert node.node.retune(tables)[0] == OK
    node.scans(25, 0)
    node.chips.raw[1] = 8
    node.scans(10, 0)
    assert node.node.lease.hold and node.node._image[loop_at(0) + pid.SETPOINT] == 500
    node.chips.raw[1] = 0
    node.scans(50, 0)
    assert node.node._image[loop_at(0) + pid.SETPOINT] == 500, "the way back needs a supervisor"


def test_while_a_row_that_took_a_setpoint_down_stands_no_higher_one_is_taken():
    row = interlock_row(input=1, comparison=ABOVE, limit=5, auto_reset=1, eased_loop=0, eased_q12=3891)
    node = Node(row).run()
    node.chips.raw[1] = 8
    node.scans(1)
    assert node.node.loops.setpoints == [949]
    assert node.node.set_setpoint(0, 960, 0) == (RANGE, 960, 949) and node.node.set_setpoint(0, 940, 0)[0] == OK
    node.chips.raw[1] = 0
    node.scans(1)
    assert node.node.set_setpoint(0, 960, 0)[0] == OK


def test_a_renewed_lease_does_not_end_a_hold_and_supervise_does():
    node = Node().run()
    node.scans(25, 0)
    node.scans(2)
    assert node.node.lease.hold and node.node.set_setpoint(0, 900, 0)[0] == NO_LEASE
    assert node.node.command(states.CMD_SUPERVISE) == OK
    assert not node.node.lease.hold and node.node.set_setpoint(0, 900, 0)[0] == OK


def test_supervise_needs_a_valid_lease():
    node = Node().run()
    node.scans(25, 0)
    assert node.node.command(states.CMD_SUPERVISE) == NO_LEASE and node.node.lease.hold


def test_stop_needs_no_lease():
    node = Node().run()
    node.scans(25, 0)
    assert node.node.command(states.CMD_STOP) == OK and node.node.state == states.STOPPING


def test_a_failed_sensor_takes_the_power_in_the_same_scan_and_holds_the_line():
    node = Node().run()
    node.chips.raw[0] = 500
    node.scans()
    assert node.chips.levels[0] > 0
    node.chips.failed[0] = 1
    assert node.scans() in (states.HOLDING, states.HELD) and node.chips.levels == [0, 0]
    assert states.EVT_SENSOR_FAULT in node.events and states.EVT_LOOP_FAILED in node.events


def test_a_failed_sensor_stops_a_heat_up():
    node = Node()
    node.scans()
    node.node.command(states.CMD_START)
    node.chips.failed[0] = 1
    assert node.scans() in (states.STOPPING, states.STOPPED)


def test_each_action_of_an_interlock_leads_to_its_state():
    for action, state in (
        (ACT_ALARM, states.EXECUTE),
        (ACT_HOLD, states.HOLDING),
        (ACT_STOP, states.STOPPING),
        (ACT_ABORT, states.ABORTING),
    ):
        node = Node(interlock_row(input=1, comparison=ABOVE, limit=5, action=action)).run()
        node.chips.raw[1] = 6
        node.scans()
        assert states.EVT_INTERLOCK_TRIPPED in node.events and node.node.flags(0) & states.FLAG_ALARM
        assert node.node.state in (state, next_state(state, states.DONE))


def test_a_latched_interlock_refuses_to_start_until_it_is_reset():
    node = Node(interlock_row(input=1, comparison=ABOVE, limit=5, action=ACT_ABORT, states=IN_EXECUTE)).run()
    node.chips.raw[1] = 6
    node.scans(20)
    assert node.node.state == states.ABORTED and node.node.command(states.CMD_RESET) == INTERLOCK
    node.chips.raw[1] = 5
    node.scans()
    assert node.node.command(states.CMD_RESET) == OK and node.node.state == states.IDLE
    assert node.node.command(states.CMD_START) == OK


def test_aborting_opens_the_permit_at_once_and_makes_each_output_safe_in_its_time():
    node = Node().run()
    node.chips.raw[0] = 500
    node.scans()
    node.node.command(states.CMD_ABORT)
    seen = []
    for _ in range(8):
        node.scans()
        seen.append(node.chips.levels[0])
        assert node.permit_out.level == 0
    assert seen == [0] * 8 and node.node.state == states.ABORTED


def test_completing_runs_the_line_out_and_comes_to_rest():
    node = Node().run()
    assert node.node.command(states.CMD_COMPLETE) == OK
    seen = [node.scans() for _ in range(60)]
    assert seen[0] == states.COMPLETING and seen[-1] == states.COMPLETE
    assert 10 <= seen.index(states.COMPLETE) <= 45


def test_every_scan_leaves_one_record_with_state_and_flags():
    node = Node().run()
    recorder = node.node.recorder
    before = recorder.next_scan
    node.scans(5)
    record = recorder.read(recorder.next_scan - 1, 1)
    assert recorder.next_scan == before + 5
    assert record[0] == states.EXECUTE and record[1] == states.FLAG_PERMIT | states.FLAG_SOAKED
    node.node.scan(2000, 1)
    assert recorder.read(recorder.next_scan - 1, 1)[1] & states.FLAG_OVERRUN


def test_a_setpoint_is_taken_under_a_lease_and_refused_beyond_its_limits():
    node = Node().run().node
    assert node.set_setpoint(0, 1200, 0) == (OK, 0, 0) and node.loops.setpoints == [1200]
    assert node.set_setpoint(0, 250001, 0) == (RANGE, 250001, 250000)
    assert node.set_setpoint(1, 0, 0) == (RANGE, 1, 0)
    assert node.loops.setpoints == [1200]


def test_the_safe_routine_switches_off_before_anything_else():
    node = Node().run()
    node.node.safe_now()
    assert node.chips.off_n == 1 and node.permit_out.level == 0 and node.node.state == states.ABORTED


def test_a_loop_whose_parameters_changed_in_memory_gives_no_power_in_any_state():
    for state in (states.STARTING, states.EXECUTE, states.HELD):
        node = Node().in_state(state)
        node.scans(30)
        assert node.chips.levels[0] > 0
        node.node._image[loop_at(0) + pid.MP] ^= 1 << 3
        node.scans(30)
        assert states.EVT_PARAMETERS in node.events and node.chips.levels == [0, 0], state


def test_an_output_at_fault_is_told_once_and_holds_a_running_line_and_stops_a_heat_up():
    for state, after in (
        (states.EXECUTE, states.HOLDING),
        (states.STARTING, states.STOPPING),
        (states.IDLE, states.IDLE),
        (states.ABORTED, states.ABORTED),
    ):
        node = Node().in_state(state)
        node.chips.faulty = 2
        node.scans()
        assert node.node.state == after, state
        node.scans(3)
        assert node.events.count(states.EVT_OUTPUT_FAULT) == 1


def test_a_line_with_an_output_at_fault_neither_starts_nor_runs_nor_resumes_until_it_is_well():
    for state, command in (
        (states.IDLE, states.CMD_START),
        (states.STARTING, states.CMD_RUN),
        (states.HELD, states.CMD_RESUME),
    ):
        node = Node().in_state(state)
        node.node._faulty = node.chips.faulty = 1
        node.scans()
        assert node.node.command(command) == INTERLOCK, state
        node.chips.faulty = 0
        node.scans()
        assert node.node.command(command) == OK, state
