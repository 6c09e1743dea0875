"""One scan, in order: inputs, lease, setpoints and control, interlocks, outputs, record.  Read ``scan`` first."""

from spinline_protocol.configuration import (
    ACT_ABORT,
    ACT_ALARM,
    ACT_HOLD,
    NODE,
    TABLE_GAINS,
    TABLE_INPUT,
    TABLE_LOOP,
    TABLE_NODE,
    TABLE_OUTPUT,
    TABLE_RECORD,
    field_index,
)
from spinline_protocol.errors import BUSY, INTERLOCK, NO_LEASE, OK, RANGE
from spinline_protocol.errors import STATE as WRONG_STATE
from spinline_protocol.states import (
    ABORTED,
    ABORTING,
    ACTIVE,
    CMD_ABORT,
    CMD_HOLD,
    CMD_RESET,
    CMD_RESUME,
    CMD_RUN,
    CMD_START,
    CMD_STOP,
    CMD_SUPERVISE,
    COMPLETING,
    DONE,
    EVT_ENCODER_LOST,
    EVT_LEASE_EXPIRED,
    EVT_LEASE_RENEWED,
    EVT_LOOP_FAILED,
    EVT_OUTPUT_FAULT,
    EVT_PERMIT_OPEN,
    EVT_PULSE,
    EVT_SAFE_ORDER,
    EVT_SCANS_LATE,
    EVT_SENSOR_FAULT,
    EVT_SETPOINT,
    EVT_STATE,
    EVT_TUNE_BEGAN,
    EVT_TUNE_ENDED,
    EXECUTE,
    FLAG_ALARM,
    FLAG_HOLD,
    FLAG_OVERRUN,
    FLAG_PERMIT,
    FLAG_SOAKED,
    HOLDING,
    IDLE,
    STARTING,
    STOPPING,
)
from spinline_protocol.transitions import next_state

from . import loaded
from .control.image import INPUT_WORDS, QUALITY, RAW
from .control.lease import Lease
from .control.loops import Loops
from .control.outputs import Outputs
from .control.pulse import Pulse
from .control.recorder import Recorder
from .control.rundown import RunDown
from .control.sensors import Sensors
from .control.summary import Summaries, ring_bytes
from .guards import Guards

_PERMIT_OPEN = (ABORTING, ABORTED)  # made once: a tuple made in the scan is an object of the heap
LATE_N_MAX = 3  # scans in a row that began late: the node cannot keep its time
_ANSWERS = (0, 0, CMD_HOLD, CMD_STOP, CMD_ABORT)  # command of each action
_SCAN_MS, _HOLD_MAX_S, _ALONE_MAX_S = [field_index(NODE, name) for name in "scan_ms hold_max_s alone_max_s".split()]
_RUNOUT_S, _STOP_MAX_S = field_index(NODE, "runout_s"), field_index(NODE, "stop_max_s")
assert (ACT_ALARM, ACT_HOLD, ACT_ABORT) == (1, 2, 4)


class Scan:
    """A configured node.  ``ports`` reads and writes the chips, ``event(code, source, got, limit)`` reports."""

    def __init__(self, tables, image, ring, ports, permit_in, permit_out, event, first_scan=0) -> None:  # type: ignore[no-untyped-def]
        node = tables[TABLE_NODE][0]
        self.scan_ms = node[_SCAN_MS]
        self._tables = tables
        self._take_times(node)
        self._image = image
        self._ports = ports
        self._permit_in = permit_in
        self._permit_out = permit_out
        self._event = event
        self.sensors = Sensors(tables[TABLE_INPUT], image)
        self.loops = Loops(tables[TABLE_LOOP], image, tables[TABLE_GAINS])
        self.guards = Guards(tables, image, self.loops, self.scan_ms, event)
        self.interlocks, self.monitors = self.guards.interlocks, self.guards.monitors
        self._run_down = RunDown(tables[TABLE_INPUT], tables[TABLE_LOOP], image, self.scan_ms)
        self.outputs = Outputs(tables[TABLE_OUTPUT], image)
        self.pulse = Pulse()
        scans_end = len(ring) - ring_bytes(tables[TABLE_RECORD], self.scan_ms)
        ring = memoryview(ring)
        self.recorder = Recorder(tables[TABLE_RECORD], image, ring[:scans_end], first_scan)
        self.summaries = Summaries(tables[TABLE_RECORD], image, ring[scans_end:], self.scan_ms, first_scan)
        self.lease = Lease(1000 * node[_HOLD_MAX_S], 1000 * node[_ALONE_MAX_S])
        self.state = IDLE
        self.held_open = 0  # so many scans the permit contact stays open, for every other node to see
        self._in_state_ms = 0
        self._permit = 0
        self._late_n = 0
        self.late = 0  # latched: three scans in a row began late
        self._faulty = 0  # 1 + the row of an output whose chip is at fault
        self.loops.enter(IDLE)

    def _take_times(self, node: "tuple[int, ...]") -> None:
        self._runout_ms = 1000 * node[_RUNOUT_S]
        self._stop_max_ms = 1000 * node[_STOP_MAX_S]

    def retune(self, tables) -> "tuple[int, int, int]":  # type: ignore[no-untyped-def]
        """Take other numbers between two scans of a running line: code, got, limit.  Refused whole, or no output moves.

        State, lease, latches, filters, carries, rings and scan numbers go on.
        """
        if not loaded.same_structure(self._tables, tables):
            return WRONG_STATE, 0, 0
        if self.loops.tune.loop >= 0:
            return BUSY, self.loops.tune.loop, 0  # what is found out belongs to the numbers that it began with
        got, limit = self.loops.judge(tables[TABLE_LOOP], tables[TABLE_GAINS])
        if got or limit:
            return RANGE, got, limit
        self.loops.retune(tables[TABLE_LOOP], tables[TABLE_GAINS])
        self.sensors.retune(tables[TABLE_INPUT])
        self.guards.take(tables)
        self.outputs.retune(tables[TABLE_OUTPUT])
        node = tables[TABLE_NODE][0]
        self.lease.change(1000 * node[_HOLD_MAX_S], 1000 * node[_ALONE_MAX_S])
        self._take_times(node)
        self._tables = tables
        return OK, 0, 0

    def scan(self, lease_ms: int, overrun: int) -> None:
        """One scan.  ``lease_ms`` is not 0 where the supervisor renewed the lease since the last one."""
        self._ports.acquire(self.sensors)
        if self.sensors.doubts:
            self.sensors.doubt(self._event)
        self._permit = self._permit_in.value()
        self._take_lease(lease_ms)
        failed = self.loops.scan(1 if self.lease.hold else 0)
        self._tell_tuned(self.loops.tune.ended())
        if failed >= 0:
            self._fail(failed)
        self._run_down.scan()
        self._watch(overrun)
        self._act()
        self._in_state_ms += self.scan_ms
        flags = self.flags(overrun)
        if self.loops.tune.loop >= 0:
            self.sensors.check(self.loops.rows[self.loops.tune.loop][1])
        self.summaries.record(self.recorder.next_scan, self.state, flags)
        self.recorder.record(self.state, flags)

    def _tell_tuned(self, loop: int) -> None:
        if loop >= 0:
            relay = self.loops.tune.relay
            self._event(EVT_TUNE_ENDED, loop, relay.state, relay.switches_n)

    def flags(self, overrun: int) -> int:
        """The node's flags byte (protocol: states.py)."""
        flags = FLAG_HOLD if self.lease.hold else 0
        if self._permit:
            flags |= FLAG_PERMIT
        if self.latched():
            flags |= FLAG_ALARM
        if self.loops.soaked():
            flags |= FLAG_SOAKED
        return flags | FLAG_OVERRUN if overrun else flags

    def _take_lease(self, lease_ms: int) -> None:
        if lease_ms:
            self.lease.renew(lease_ms + self.scan_ms)  # it counts from the end of the scan that takes it
        active = self.state in ACTIVE
        if self.lease.tick(self.scan_ms, active):
            self._event(EVT_LEASE_EXPIRED, 0, 0, 0)
            self.loops.tune.stop()  # before the loops' scan: the experiment ends with the lease
        if self.lease.exhausted():
            self._event(EVT_SAFE_ORDER, 0, 0, 0)
            self.lease.release()
            self._go(ABORTING)
        elif self.lease.alone_too_long():
            self._answer(ACT_HOLD)

    def _fail(self, loop: int) -> None:
        """A loop lost its sensor: the line holds, or a heat-up stops.

        Its output is zero already; only drives, which must stop in ratio, go down together without their encoder.
        """
        channel = self.loops.rows[loop][1]
        self._event(EVT_SENSOR_FAULT, channel, self._image[INPUT_WORDS * channel + RAW], 0)
        self._event(EVT_LOOP_FAILED, loop, self._image[INPUT_WORDS * channel + QUALITY], 0)
        if self._run_down.begin(loop):
            self._event(EVT_ENCODER_LOST, channel, self._image[INPUT_WORDS * channel + RAW], 0)
        self._own_command(CMD_STOP if self.state == STARTING else CMD_HOLD)

    def latched(self) -> bool:
        """True while anything waits for a person's reset."""
        return self.guards.latched() or self.late == 1

    def _watch(self, overrun: int) -> None:
        """Interlocks, monitors and the permit chain: after the loops, and stronger than any command."""
        action = self.guards.scan(self.state, self.outputs.level)
        if action:
            self._answer(action)
        self._watch_time(overrun)
        if not self._permit and self.state in ACTIVE:
            self._event(EVT_PERMIT_OPEN, 0, 0, 0)
            self._go(ABORTING)
        if self._finished():
            self._go(next_state(self.state, DONE))

    def _answer(self, action: int) -> None:
        """What an interlock's or monitor's row asks of the node; a heat-up that should hold stops."""
        command = _ANSWERS[action]
        if command == CMD_HOLD and self.state == STARTING:
            command = CMD_STOP
        if command:
            self._own_command(command)

    def _watch_time(self, overrun: int) -> None:
        self._late_n = self._late_n + 1 if overrun else 0
        if self._late_n >= LATE_N_MAX and not self.late:
            self.late = 1
            self._event(EVT_SCANS_LATE, 0, self._late_n, LATE_N_MAX)
            self._own_command(CMD_ABORT)

    def _finished(self) -> bool:
        state = self.state
        if state == HOLDING or state == STOPPING:
            return self.loops.at_rest() or self._in_state_ms >= self._stop_max_ms
        if state == COMPLETING:
            return self._run_out()
        if state == ABORTING:
            return self._in_state_ms >= self.outputs.safe_ms
        return False

    def _run_out(self) -> bool:
        """COMPLETING: the fiber in the line is drawn out, then everything comes to rest as in STOPPING."""
        beyond_ms = self._in_state_ms - self._runout_ms
        if 0 <= beyond_ms < self.scan_ms:
            self.loops.enter(STOPPING)
        return beyond_ms >= self.scan_ms and (self.loops.at_rest() or beyond_ms >= self._stop_max_ms)

    def _act(self) -> None:
        """Outputs: by the loops, in the safe order, or safe."""
        if self.state == ABORTED:
            self.outputs.safe()
        else:
            self.outputs.scan(self.state)
            if self.pulse.output >= 0:
                self.pulse.scan(self.outputs.level)
            off = self.guards.off_outputs(self.outputs.level)
            if off:
                self.outputs.safe_of(off)
            if self.state == ABORTING:
                self.outputs.safe_after(self._in_state_ms)
        faulty = self._ports.apply(self.outputs.level) or 0
        if faulty != self._faulty:
            self._tell_output(faulty)
        if self.held_open:
            self.held_open -= 1
        self._permit_out.value(0 if self.held_open or self.state in _PERMIT_OPEN else 1)

    def _tell_output(self, faulty: int) -> None:
        """Another output's chip does not do what it is told, or none any more: the line holds, a heat-up stops."""
        self._faulty = faulty
        if faulty:
            self._event(EVT_OUTPUT_FAULT, faulty - 1, self._ports.fault, self._ports.errors_n)
            self._answer(ACT_HOLD)

    def safe_now(self) -> None:
        """The safe routine: outputs off before anything else is asked, permit open, ABORTED."""
        self._ports.all_off()
        self._permit_out.value(0)
        self.outputs.safe()
        self._go(ABORTED)

    def _go(self, state: int) -> None:
        if state < 0 or state == self.state:
            return
        self._event(EVT_STATE, self.state, state, self._in_state_ms // 1000)
        self.state = state
        self._in_state_ms = 0
        self.pulse.stop()
        self.loops.enter(state)
        self.guards.enter()
        if state not in ACTIVE:
            self.lease.release()

    def _own_command(self, command: int) -> None:
        self._go(next_state(self.state, command))

    def command(self, command: int) -> int:
        """A command from the wire; returns a result code.  A refused one leaves the state as it was."""
        if command == CMD_SUPERVISE:
            return self._supervise()
        state = next_state(self.state, command) if command < DONE else -1
        if state < 0:
            return self._reset_in_place() if command == CMD_RESET and self.latched() else WRONG_STATE
        if command in (CMD_START, CMD_RUN, CMD_RESUME) and (self.lease.hold or not self.lease.valid()):
            return NO_LEASE
        if not self._permitted(command):
            return INTERLOCK
        self._go(state)
        return OK

    def _supervise(self) -> int:
        """A person takes the line back after a lost lease: explicit, and only under a valid lease."""
        if not self.lease.valid():
            return NO_LEASE
        if self.lease.hold:
            self.lease.release()
            self._event(EVT_LEASE_RENEWED, 0, 0, 0)
        return OK

    def _permitted(self, command: int) -> bool:
        if command == CMD_RESET:
            return self._reset()
        if command in (CMD_START, CMD_RUN, CMD_RESUME):
            if not self._permit or self._faulty or self.latched():
                return False
            if self.guards.permissives.refuses(command, self.outputs.level) >= 0:
                return False
            return command != CMD_RUN or self.loops.soaked()
        return True

    def _reset(self) -> bool:
        """Clear what is latched and whose cause has gone; True where nothing stays."""
        self.late = 0
        return self.guards.reset() == 0

    def _reset_in_place(self) -> int:
        """A person's reset where the state stays: what was latched is clear, and failed loops control again."""
        done = self._reset()
        self.loops.enter(self.state)
        return OK if done else INTERLOCK

    def set_setpoint(self, loop: int, setpoint: int, ramp_256: int) -> "tuple[int, int, int]":
        """A setpoint from the wire: result code, and (got, limit) where it is refused.  Never clipped."""
        if self.lease.hold or not self.lease.valid():
            return NO_LEASE, 0, 0
        if loop >= len(self.loops.rows):
            return RANGE, loop, len(self.loops.rows) - 1
        if not self.loops.takes_setpoint(loop):
            return WRONG_STATE, 0, 0
        if self.guards.refuses(loop, setpoint):
            return RANGE, setpoint, self.loops.setpoints[loop]
        got, limit = self.loops.change_setpoint(loop, setpoint, ramp_256)
        if got or limit:
            return RANGE, got, limit
        self._event(EVT_SETPOINT, loop, setpoint, ramp_256)
        return OK, 0, 0

    def set_mode(self, loop: int, mode: int, output: int) -> "tuple[int, int, int]":
        """A loop's mode from the wire: result code, and (got, limit) where it is refused."""
        if self.lease.hold or not self.lease.valid():
            return NO_LEASE, 0, 0
        if loop >= len(self.loops.rows):
            return RANGE, loop, len(self.loops.rows) - 1
        return self.loops.change_mode(loop, mode, output)

    def begin_pulse(self, output: int, level: int, ms: int) -> "tuple[int, int, int, str]":
        """One output on for a moment, for a person who looks at it; IDLE only, and never against an interlock."""
        if self.state != IDLE:
            return WRONG_STATE, self.state, IDLE, "state"
        if not self._permit:
            return INTERLOCK, 0, 0, "permit"
        if self.guards.off_outputs(self.outputs.level) >> output & 1:
            return INTERLOCK, output, 0, "output"
        refused = self.pulse.begin(self.outputs.rows, self.scan_ms, output, level, ms)
        if refused[0] == OK:
            self._event(EVT_PULSE, output, level, ms)
        return refused

    def begin_tune(self, asked: "list[int]") -> "tuple[int, int, int, str]":
        """A tuning experiment from the wire: code, and got, limit and field of what forbids it."""
        refused = self.loops.tune.begin(self, asked)
        if refused[0] == OK:
            self._event(EVT_TUNE_BEGAN, asked[0], asked[2], asked[9])
        return refused


assert EXECUTE in ACTIVE and ABORTED not in ACTIVE
