"""The loops of the node: mode by state, ratio and feed-forward, failure, soak.  The kernel is control/pid.py."""

from spinline_protocol.configuration import (
    CASCADE_LOOP,
    LOOP,
    MODE_AUTO,
    MODE_CASCADE,
    MODE_FAILED,
    MODE_MANUAL,
    MODE_OFF,
    MODE_RATIO,
    MODE_TUNE,
    OUTPUT_KEPT,
    PROGRAM_RAMPING,
    RATIO_LOOP,
    SINGLE,
    field_index,
)
from spinline_protocol.errors import OK, RANGE
from spinline_protocol.errors import STATE as WRONG_STATE
from spinline_protocol.portable import const, micropython
from spinline_protocol.quantities import BAD

from . import pid
from .cascade import limit_outer
from .gains import GainSets
from .image import INPUT_WORDS, QUALITY, loop_at
from .ratio import cascade_output, cascade_setpoint, cut, feed_forward, rate_forward, ratio_setpoint
from .retune import BUMP_MAX, bumpless_integral
from .tune import Tune

_KIND, _INPUT, _MASTER, _RATIO = [field_index(LOOP, name) for name in "kind input master ratio_q12".split()]
_LOW, _HIGH, _SETPOINT = [field_index(LOOP, name) for name in "setpoint_low setpoint_high setpoint".split()]
_RAMP, _STOP_RAMP, _HOLDBACK, _SOAK = [
    field_index(LOOP, name) for name in "ramp_256 stop_ramp_256 holdback soak_scans".split()
]
_AUTO, _DOWN, _STANDSTILL = [field_index(LOOP, name) for name in "auto_states down_states standstill".split()]
_FF_LOOP, _FF_M, _FF_S, _FF_RATE_M, _FF_RATE_S = [
    field_index(LOOP, name) for name in "ff_loop ff_m ff_s ff_rate_m ff_rate_s".split()
]
_ACTION, _OUT_LOW = [field_index(LOOP, name) for name in "action out_low".split()]

# offsets that every scan needs, as the compiler folds them
_MODE = const(0)
_PV = const(2)
_BAD = const(2)
_QUALITY = const(1)
assert (_MODE, _PV, _BAD, _QUALITY) == (pid.MODE, pid.PV, BAD, QUALITY)

# what a loop needs in a scan beside its kernel
_FOLLOWS = const(1)  # a master: ratio or cascade
_FORWARD = const(2)  # feed-forward
_SETS = const(4)  # gain sets
_OUTER = const(8)  # the outer loop of a cascade
_INNER = const(16)
_OWN_MODES = (MODE_AUTO, MODE_RATIO, MODE_CASCADE)  # of each kind

# words of a row that go to the block as they stand: ACTION to OUT_RATE
assert field_index(LOOP, "kd") - _ACTION == pid.KD - pid.ACTION
assert field_index(LOOP, "out_rate") - _ACTION == pid.OUT_RATE - pid.ACTION

RAMP_256_MAX = LOOP[_RAMP][2]
FULL_Q12 = 4096


def _setpoint_range(row: "tuple[int, ...]", mode: int) -> "tuple[int, int]":
    """What a setpoint may be: a ratio in 1/4096 while the loop follows by ratio."""
    return (0, 65535) if mode == MODE_RATIO else (row[_LOW], row[_HIGH])


class Loops:
    """Rows of the table ``loop`` with their blocks in ``image``, and their sets of the table ``gains``."""

    def __init__(self, rows: "list[tuple[int, ...]]", image, gains: "list[tuple[int, ...]]") -> None:  # type: ignore[no-untyped-def]
        self.rows = rows
        self._image = image
        self.failed = bytearray(len(rows))
        self.tune = Tune(image)
        self.setpoints = [row[_RATIO] if row[_KIND] == RATIO_LOOP else row[_SETPOINT] for row in rows]
        self._local = [row[_SETPOINT] for row in rows]  # the setpoint of a loop that was taken from its master
        self.asked = bytearray([_OWN_MODES[row[_KIND]] for row in rows])  # by a person; else the mode of its kind
        self._on, self._down = bytearray(len(rows)), bytearray(len(rows))
        self._tracks = [-1] * len(rows)  # of an outer loop: its inner one while that is not in cascade
        self._slowed = [FULL_Q12] * len(rows)  # part of its setpoint to which an interlock takes a loop down
        self._frozen = 0
        self.changed = bytearray(len(rows))  # blocks whose parameters were changed here, for who guards them
        self._gains = [GainSets(gains, i, rows[i]) for i in range(len(rows))]
        for i in range(len(rows)):
            for word in range(pid.BLOCK_WORDS):
                image[loop_at(i) + word] = 0
            self._load(i)
            image[loop_at(i) + pid.RAMP_256] = rows[i][_RAMP]
        self._plan = tuple([(i, loop_at(i), INPUT_WORDS * rows[i][_INPUT], self._needs(i)) for i in range(len(rows))])
        for i in range(len(rows)):
            self.settle(i)

    def _needs(self, i: int) -> int:
        """What a loop needs beside its kernel, as a sum of the bits above."""
        row = self.rows[i]
        needs = {SINGLE: 0, CASCADE_LOOP: _FOLLOWS | _INNER}.get(row[_KIND], _FOLLOWS)
        if row[_FF_LOOP] >= 0 or row[_FF_RATE_M]:
            needs |= _FORWARD
        if self._gains[i].rows:
            needs |= _SETS
        if any([other[_KIND] == CASCADE_LOOP and other[_MASTER] == i for other in self.rows]):
            needs |= _OUTER
        return needs

    def _load(self, i: int) -> None:
        """Parameters of a row, with the gains that hold, to its block."""
        at, row = loop_at(i), self.rows[i]
        words = self._gains[i].words()
        if words[pid.B_256 - pid.ACTION] != self._image[at + pid.B_256]:
            self._image[at + pid.LAG] = 0  # it is of another weight
        for word in range(len(words)):
            self._image[at + pid.ACTION + word] = words[word]
        self._image[at + pid.HOLDBACK] = row[_HOLDBACK]
        self._image[at + pid.SOAK_SCANS] = row[_SOAK]
        self.changed[i] = 1

    def enter(self, state: int) -> None:
        """Set the mode of every loop for a new state: controlling, controlling towards zero, or off."""
        self.tune.stop()
        for i in range(len(self.rows)):
            row = self.rows[i]
            self._down[i] = row[_DOWN] >> state & 1
            self._on[i] = 1 if self._down[i] or row[_AUTO] >> state & 1 else 0
            if self._down[i] or not self._on[i]:
                self.asked[i] = _OWN_MODES[row[_KIND]]  # a person's choice ends with the run
            self._image[loop_at(i) + pid.RAMP_256] = self._ramp(i)
            self.settle(i)

    def _ramp(self, i: int) -> int:
        """The ramp of a way down or of an interlock that slows, or that of the line."""
        row = self.rows[i]
        slows = self._slowed[i] < FULL_Q12 and row[_STOP_RAMP] > 0
        return row[_STOP_RAMP] if self._down[i] or slows else row[_RAMP]

    def slow(self, i: int, share_q12: int) -> None:
        """To this part of its setpoint by the stop ramp, and back to all of it by the ramp of the line.

        Also while the lease is lost: less speed needs nobody's leave, the way back does.
        """
        if share_q12 != self._slowed[i]:
            self._slowed[i] = share_q12
            self._image[loop_at(i) + pid.RAMP_256] = self._ramp(i)
            self.settle(i)

    def set_failed(self, i: int, failed: int) -> None:
        """1: from its next scan on the loop gives no output; 0: a person reset it, and the mode of its state holds."""
        self.failed[i] = failed
        self.settle(i)

    def settle(self, i: int) -> None:
        """The mode that holds now, and the target of a loop that follows nobody.  Whatever changed, this says it."""
        row, at, image = self.rows[i], loop_at(i), self._image
        mode = self.asked[i] if self._on[i] else MODE_OFF
        if self._down[i] and row[_KIND] == CASCADE_LOOP:
            mode = MODE_AUTO  # to rest by itself, whatever its outer loop asks for
        if mode >= MODE_AUTO and self._tracks[i] >= 0:
            mode = MODE_MANUAL
        if mode >= MODE_AUTO and not self._gains[i].legal:
            self.failed[i] = 1
        if self.failed[i]:
            mode = MODE_FAILED
        if image[at + _MODE] == MODE_FAILED and MODE_AUTO <= mode < MODE_TUNE:
            image[at + pid.ABSORB] = 1  # a sensor that returned: from zero, whatever the setpoint's way asks for
        image[at + _MODE] = mode
        self._freeze(i)
        if row[_KIND] == CASCADE_LOOP:
            self._track(row[_MASTER], -1 if mode == MODE_CASCADE else i)
        if self._down[i] and row[_KIND] != RATIO_LOOP:
            image[at + pid.TARGET] = 0
        elif row[_KIND] == SINGLE:
            image[at + pid.TARGET] = ratio_setpoint(self.setpoints[i], self._slowed[i])
        elif mode == MODE_AUTO:
            image[at + pid.TARGET] = self._local[i]

    def _freeze(self, i: int) -> None:
        """A ramp stands still while the lease is lost; who follows a master, slows or goes down to rest, moves on."""
        at = loop_at(i)
        moves = self._down[i] or self._slowed[i] < FULL_Q12 or MODE_AUTO < self._image[at + _MODE] < MODE_TUNE
        self._image[at + pid.FREEZE] = 0 if moves else self._frozen

    def _track(self, outer: int, inner: int) -> None:
        """Whom the outer loop of a cascade tracks, -1 for nobody: then it has its own mode again."""
        if self._tracks[outer] != inner:
            self._tracks[outer] = inner
            self.settle(outer)
            self._load(outer)  # its own limits again

    @micropython.native
    def scan(self, frozen: int) -> int:
        """One scan of every loop, masters first as the rows stand; returns the first that failed, or -1."""
        image = self._image
        scan_pid, tuned, newly_failed = pid.scan_pid, self.tune.loop, -1
        if frozen != self._frozen:
            self._frozen = frozen
            for i in range(len(self.rows)):
                self._freeze(i)
        for i, at, source, needs in self._plan:
            if image[source + _QUALITY] == _BAD and image[at + _MODE] != MODE_OFF and not self.failed[i]:
                self.set_failed(i, 1)
                if newly_failed < 0:
                    newly_failed = i
            image[at + _PV] = image[source]
            if i == tuned:
                self.tune.scan(self, i, at)
            if needs:
                self._prepare(i, at, needs)
            scan_pid(image, at)
            if needs & _INNER and limit_outer(image, self.rows, i):
                self.changed[self.rows[i][_MASTER]] = 1
        return newly_failed

    def controls(self, i: int) -> bool:
        """True where a loop is not off, has not failed, has no experiment and is not on its way to rest."""
        return not self._down[i] and MODE_OFF < self._image[loop_at(i) + _MODE] < MODE_TUNE

    @micropython.native
    def _prepare(self, i: int, at: int, needs: int) -> None:
        """What a loop takes from others before its kernel: target, gains, feed-forward, a tracked output."""
        row, image = self.rows[i], self._image
        if needs & _FOLLOWS:
            self._follow(i, row, at)
        if needs & _SETS and self._gains[i].chosen(image):
            self._load(i)
            image[at + pid.LAG_REST] = 0
            image[at + pid.ABSORB] = 1
        if needs & _FORWARD:
            image[at + pid.FEED_FORWARD] = self._forward(row, at)
        if needs & _OUTER and self._tracks[i] >= 0:
            inner = self.rows[self._tracks[i]]
            working = image[loop_at(self._tracks[i]) + pid.SETPOINT]
            image[at + pid.MANUAL] = cascade_output(working, inner[_LOW], inner[_HIGH])

    @micropython.native
    def _follow(self, i: int, row: "tuple[int, ...]", at: int) -> None:
        """Target from the measured master (the last one where it is bad), or from the outer loop's output."""
        image = self._image
        if row[_KIND] == CASCADE_LOOP:
            outer = loop_at(row[_MASTER])
            if image[at + _MODE] == MODE_CASCADE and MODE_OFF < image[outer + _MODE] < MODE_FAILED:
                image[at + pid.TARGET] = cascade_setpoint(image[outer + pid.OUTPUT], row[_LOW], row[_HIGH])
        elif self.asked[i] != MODE_AUTO:
            master = INPUT_WORDS * row[_MASTER]
            if image[master + _QUALITY] != _BAD:
                target = ratio_setpoint(image[master], self.setpoints[i])
                image[at + pid.TARGET] = row[_LOW] if target < row[_LOW] else min(target, row[_HIGH])
            elif self._down[i]:
                image[at + pid.TARGET] = 0  # on a way down to rest, rest

    @micropython.native
    def _forward(self, row: "tuple[int, ...]", at: int) -> int:
        """Feed-forward of a row: from a setpoint, and from the speed of the loop's own ramp."""
        forward = 0
        if row[_FF_LOOP] >= 0:
            forward = feed_forward(self._asked_of(row), row[_FF_M], row[_FF_S])
        if row[_FF_RATE_M] and self._image[at + pid.SHOWN] >> 3 == PROGRAM_RAMPING:
            gap = self._image[at + pid.TARGET] - self._image[at + pid.SETPOINT]
            ramp_256 = self._image[at + pid.RAMP_256]
            rate_256 = ramp_256 if gap > 0 else -ramp_256 if gap < 0 else 0
            forward = cut(forward + rate_forward(rate_256, row[_FF_RATE_M], row[_FF_RATE_S]))
        return forward

    def _asked_of(self, row: "tuple[int, ...]") -> int:
        """The setpoint whose feed-forward a row takes."""
        slave = self.rows[row[_FF_LOOP]][_KIND] == RATIO_LOOP  # its target moves with the master and has no ramp
        return int(self._image[loop_at(row[_FF_LOOP]) + (pid.TARGET if slave else pid.SETPOINT)])

    def change_setpoint(self, i: int, setpoint: int, ramp_256: int) -> "tuple[int, int]":
        """Take a setpoint (in ratio the ratio in 1/4096); returns (0, 0), or (got, limit) where it is refused.

        In cascade there is none to set: the outer loop's output is (``takes_setpoint``).
        """
        row = self.rows[i]
        own = row[_KIND] != SINGLE and self.asked[i] == MODE_AUTO
        low, high = _setpoint_range(row, MODE_RATIO if row[_KIND] == RATIO_LOOP and not own else MODE_AUTO)
        if setpoint < low:
            return setpoint, low
        if setpoint > high:
            return setpoint, high
        if ramp_256 > RAMP_256_MAX:
            return min(ramp_256, 0x7FFFFFFF), RAMP_256_MAX
        (self._local if own else self.setpoints)[i] = setpoint
        if ramp_256 and not self._down[i]:
            self._image[loop_at(i) + pid.RAMP_256] = ramp_256
        self.settle(i)
        return 0, 0

    def takes_setpoint(self, i: int) -> bool:
        """False in cascade, where the setpoint is the outer loop's output."""
        return self.asked[i] != MODE_CASCADE

    def change_mode(self, i: int, mode: int, output: int) -> "tuple[int, int, int]":
        """A person sets a loop's mode: code, and (got, limit) where it is refused.  No output moves by more than asked.

        ``output`` is that of manual, or OUTPUT_KEPT.  In auto a loop of ratio or cascade goes on at its working
        setpoint; back with its master the setpoint moves to the master's by the loop's ramp.
        """
        row, at, image = self.rows[i], loop_at(i), self._image
        own = _OWN_MODES[row[_KIND]]
        if mode > MODE_AUTO and mode != own:
            return RANGE, mode, own
        if self.failed[i] or self._down[i] or not self._on[i] or image[at + _MODE] == MODE_TUNE:
            return WRONG_STATE, int(image[at + _MODE]), 0
        if mode == MODE_MANUAL:
            low, high = row[_OUT_LOW], row[_OUT_LOW + 1]
            if output == OUTPUT_KEPT:
                output = int(image[at + pid.OUTPUT])
            elif not low <= output <= high:
                return RANGE, output, low if output < low else high
            image[at + pid.MANUAL] = output
        if mode == MODE_AUTO and own != MODE_AUTO and self.asked[i] != MODE_AUTO:
            self._local[i] = max(row[_LOW], min(row[_HIGH], int(image[at + pid.SETPOINT])))
        if mode >= MODE_AUTO and mode != self.asked[i]:
            image[at + pid.ABSORB] = 1
            if mode == MODE_CASCADE:
                image[loop_at(row[_MASTER]) + pid.ABSORB] = 1
        self.asked[i] = mode
        self.settle(i)
        return OK, 0, 0

    def judge(self, rows: "list[tuple[int, ...]]", gains: "list[tuple[int, ...]]") -> "tuple[int, int]":
        """Rows of the same structure for a running line: (0, 0), or (got, limit) of what cannot be taken as it runs."""
        for i in range(len(rows)):
            setpoint, row = self._setpoint_under(rows, i), rows[i]
            low, high = _setpoint_range(row, _OWN_MODES[row[_KIND]])
            if not low <= setpoint <= high:
                return setpoint, low if setpoint < low else high
            if MODE_AUTO <= self._image[loop_at(i) + _MODE] <= MODE_RATIO:
                words = self._under(i, row, gains).words()
                moved = bumpless_integral(self._image, loop_at(i), words, self._feed_forward(i, row))[1]
                if moved > BUMP_MAX:
                    return moved, BUMP_MAX
        return 0, 0

    def _under(self, i: int, row: "tuple[int, ...]", gains: "list[tuple[int, ...]]") -> GainSets:
        """Sets of other rows, of which the same one holds."""
        return GainSets(gains, i, row, self._gains[i].number)

    def retune(self, rows: "list[tuple[int, ...]]", gains: "list[tuple[int, ...]]") -> None:
        """Take rows that were judged, between two scans: setpoints, ramps, integrals and soaks go on."""
        image, before = self._image, self.rows
        after = [self._setpoint_under(rows, i) for i in range(len(rows))]
        forwards = [self._feed_forward(i, rows[i]) for i in range(len(rows))]
        olds = [sets.words() for sets in self._gains]
        self.rows, self.setpoints = rows, after
        for i in range(len(rows)):
            row, at = rows[i], loop_at(i)
            self._gains[i] = self._under(i, row, gains)
            words = self._gains[i].words()
            new = words != olds[i] or forwards[i] != image[at + pid.FEED_FORWARD]
            if new and MODE_AUTO <= image[at + _MODE] <= MODE_RATIO:
                image[at + pid.INTEGRAL] = bumpless_integral(image, at, words, forwards[i])[0]
                for rest in (pid.INTEGRAL_REST, pid.TRACK_REST, pid.LAG_REST):
                    image[at + rest] = 0  # less than one count, in units of the old shift
            self._load(i)
            ramp = _STOP_RAMP if self._down[i] else _RAMP
            if row[ramp] != before[i][ramp]:
                image[at + pid.RAMP_256] = row[ramp]
        self._plan = tuple([(i, at, source, self._needs(i)) for i, at, source, _needs in self._plan])
        for i in range(len(rows)):
            self.settle(i)

    def _setpoint_under(self, rows: "list[tuple[int, ...]]", i: int) -> int:
        """The setpoint that runs, or that of the row where the row changed it."""
        field = _RATIO if rows[i][_KIND] == RATIO_LOOP else _SETPOINT
        return self.setpoints[i] if rows[i][field] == self.rows[i][field] else rows[i][field]

    def _feed_forward(self, i: int, row: "tuple[int, ...]") -> int:
        """What this row would feed forward now; as it stands where the row does not change it."""
        fields = (_FF_LOOP, _FF_M, _FF_S, _FF_RATE_M, _FF_RATE_S)
        if all([row[field] == self.rows[i][field] for field in fields]):
            return int(self._image[loop_at(i) + pid.FEED_FORWARD])
        return self._forward(row, loop_at(i))

    def soaked(self) -> bool:
        """True when every loop that must soak has done so, guaranteed: only time near the target counted."""
        for i in range(len(self.rows)):
            if self._image[loop_at(i) + pid.SOAKED] < self.rows[i][_SOAK]:
                return False
        return True

    def at_rest(self) -> bool:
        """True when every loop that runs down has come to rest."""
        for i in range(len(self.rows)):
            if self._down[i] and not self.failed[i]:
                at = loop_at(i)
                if max(self._image[at + pid.TARGET], self._image[at + pid.PV]) > self.rows[i][_STANDSTILL]:
                    return False
        return True
