"""The one tuning experiment of a node: what may be asked, who owns the output meanwhile, how the loop goes on.

A loop in an experiment runs the kernel in TUNE, which is manual with the relay's output: the integral follows.  One
experiment a node: neighbours answer each other, and a second relay would be in the record of the first.
"""

from spinline_protocol import states
from spinline_protocol.configuration import (
    ABOVE,
    ACT_ALARM,
    BELOW,
    INTERLOCK,
    JUDGE_MEAN,
    LOOP,
    MODE_TUNE,
    REF_NONE,
    field_index,
)
from spinline_protocol.errors import BUSY, NO_LEASE, OK, RANGE
from spinline_protocol.errors import STATE as WRONG_STATE

from . import pid
from .image import INPUT_WORDS, QUALITY, loop_at
from .relay import HALF_SCANS_MAX, QUIET_SCANS_MAX, SWITCHES_N_MAX, Relay

# states in which a person may move a loop: fiber stands, or runs and a person has said that it may be scrap
TUNE_NODE_STATES = (states.STARTING, states.HELD, states.EXECUTE)
SWITCHES_N_MIN = 4  # two whole cycles

_INPUT = field_index(LOOP, "input")
_ACTION = field_index(LOOP, "action")
_LOW = field_index(LOOP, "setpoint_low")
_HIGH = field_index(LOOP, "setpoint_high")
_OUT_LOW = field_index(LOOP, "out_low")
_OUT_HIGH = field_index(LOOP, "out_high")
_LOCK_INPUT = field_index(INTERLOCK, "input")
_LOCK_COMPARISON = field_index(INTERLOCK, "comparison")
_LOCK_LIMIT = field_index(INTERLOCK, "limit")
_LOCK_ACTION = field_index(INTERLOCK, "action")
_LOCK_REFERENCE = field_index(INTERLOCK, "reference_kind")
_LOCK_STATES = field_index(INTERLOCK, "states")
_LOCK_JUDGED = field_index(INTERLOCK, "judged")


class Tune:
    """The experiment of loop ``loop`` of ``image``; -1 while there is none."""

    def __init__(self, image) -> None:  # type: ignore[no-untyped-def]
        self.loop = -1
        self.relay = Relay()
        self._image = image
        self._ran = False  # the kernel has run in manual
        self._setpoint = 0
        self._input = 0

    def judge(self, node, asked) -> "tuple[int, int, int, str]":  # type: ignore[no-untyped-def]
        """Code, got, limit and field of the first thing that forbids it; ``asked`` are the fields of TUNE_START."""
        loops = node.loops
        loop, falling, centre, rising, band_low, band_high, pv_low, pv_high = asked[:8]
        if node.lease.hold or not node.lease.valid():
            return NO_LEASE, 0, 0, "lease"
        if loop >= len(loops.rows):
            return RANGE, loop, len(loops.rows) - 1, "loop"
        if self.loop >= 0:
            return BUSY, self.loop, 0, "loop"
        if node.state not in TUNE_NODE_STATES:
            return WRONG_STATE, node.state, 0, "state"
        if not loops.controls(loop):
            return WRONG_STATE, self._image[loop_at(loop) + pid.MODE], pid.AUTO, "mode"
        row = loops.rows[loop]
        lowest, highest = (falling, rising) if row[_ACTION] > 0 else (rising, falling)
        ordered = (
            ("output_low", lowest, row[_OUT_LOW], centre - 1),
            ("output_high", highest, centre + 1, row[_OUT_HIGH]),
            ("band_low", band_low, pv_low, band_high - 1),
            ("band_high", band_high, band_low + 1, pv_high),
            ("pv_low", pv_low, row[_LOW], row[_HIGH]),
            ("pv_high", pv_high, row[_LOW], row[_HIGH]),
            ("quiet_scans", asked[8], 1, QUIET_SCANS_MAX),
            ("switches_n", asked[9], SWITCHES_N_MIN, SWITCHES_N_MAX),
            ("half_scans_max", asked[10], 2, HALF_SCANS_MAX),
        )
        for field, got, low, high in ordered:
            if got < low:
                return RANGE, got, low, field
            if got > high:
                return RANGE, got, high, field
        return self._beyond_interlock(node, row[_INPUT], pv_low, pv_high)

    def _beyond_interlock(self, node, channel: int, pv_low: int, pv_high: int) -> "tuple[int, int, int, str]":  # type: ignore[no-untyped-def]
        """An experiment may not reach what would stop the line."""
        for row in node.interlocks.rows:
            acts = row[_LOCK_ACTION] != ACT_ALARM and row[_LOCK_STATES] >> node.state & 1
            if row[_LOCK_INPUT] != channel or row[_LOCK_REFERENCE] != REF_NONE or not acts:
                continue
            if row[_LOCK_JUDGED] > JUDGE_MEAN:
                continue  # the limit of a change or a swing is none of the pv
            if row[_LOCK_COMPARISON] == ABOVE and pv_high >= row[_LOCK_LIMIT]:
                return RANGE, pv_high, row[_LOCK_LIMIT], "pv_high"
            if row[_LOCK_COMPARISON] == BELOW and pv_low <= row[_LOCK_LIMIT]:
                return RANGE, pv_low, row[_LOCK_LIMIT], "pv_low"
        return OK, 0, 0, ""

    def begin(self, node, asked) -> "tuple[int, int, int, str]":  # type: ignore[no-untyped-def]
        """Begin what was judged; the first scan of the quiet time is the next one."""
        refused = self.judge(node, asked)
        if refused[0] != OK:
            return refused
        loop = asked[0]
        self.loop, self._input = loop, INPUT_WORDS * node.loops.rows[loop][_INPUT]
        self._ran = False
        self._setpoint = self._image[loop_at(loop) + pid.SETPOINT]
        self.relay.begin(asked[8], tuple(asked[1:4]), tuple(asked[4:6]), tuple(asked[6:8]), asked[9], asked[10])
        return refused

    def scan(self, loops, i: int, at: int) -> None:  # type: ignore[no-untyped-def]
        """The loop's scan of an experiment, before the kernel's; behind its end once the mode that holds then."""
        image = self._image
        output = self.relay.scan(image[at + pid.PV], image[self._input + QUALITY])
        if self.relay.running():
            self._ran = True
            image[at + pid.MODE] = MODE_TUNE
            image[at + pid.MANUAL] = output
        elif self._ran:
            self._ran = False
            loops.settle(i)
            self._give_back(at)

    def _give_back(self, at: int) -> None:
        """In the mode that holds now: the working setpoint it had, and the output at which it rested before.

        What the relay had last is nobody's output: a loop that went on from there would begin with the whole step.
        """
        image = self._image
        image[at + pid.OUTPUT] = self.relay.output
        if image[at + pid.MODE] == pid.MANUAL_MODE:
            image[at + pid.MANUAL] = image[at + pid.OUTPUT]
        elif pid.AUTO <= image[at + pid.MODE] <= pid.RATIO:
            image[at + pid.SETPOINT] = self._setpoint if image[at + pid.RAMP_256] != 0 else image[at + pid.TARGET]
            image[at + pid.ABSORB] = 1

    def stop(self) -> None:
        """End it: a person, a change of state, a trip or a lost lease.  The next scan gives the loop back."""
        self.relay.stop()

    def ended(self) -> int:
        """The loop whose experiment has ended and which goes on by itself, once; -1 otherwise."""
        if self.loop < 0 or self.relay.running():
            return -1
        loop = self.loop
        self.loop = -1
        return loop
