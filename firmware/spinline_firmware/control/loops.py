"""The loops of the node: mode by state, ratio and feed-forward, failure, soak.  The kernel is control/pid.py."""

from spinline_protocol.configuration import LOOP, RATIO_LOOP, field_index
from spinline_protocol.quantities import BAD

from . import pid
from .image import INPUT_WORDS, QUALITY, loop_at
from .ratio import feed_forward, ratio_setpoint
from .retune import BUMP_MAX, bumpless_integral

_KIND = field_index(LOOP, "kind")
_INPUT = field_index(LOOP, "input")
_MASTER = field_index(LOOP, "master")
_RATIO = field_index(LOOP, "ratio_q12")
_LOW = field_index(LOOP, "setpoint_low")
_HIGH = field_index(LOOP, "setpoint_high")
_SETPOINT = field_index(LOOP, "setpoint")
_RAMP = field_index(LOOP, "ramp_256")
_STOP_RAMP = field_index(LOOP, "stop_ramp_256")
_HOLDBACK = field_index(LOOP, "holdback")
_SOAK = field_index(LOOP, "soak_scans")
_AUTO = field_index(LOOP, "auto_states")
_DOWN = field_index(LOOP, "down_states")
_STANDSTILL = field_index(LOOP, "standstill")
_FF_LOOP = field_index(LOOP, "ff_loop")
_FF_M = field_index(LOOP, "ff_m")
_FF_S = field_index(LOOP, "ff_s")
_ACTION = field_index(LOOP, "action")
_OUT_LOW = field_index(LOOP, "out_low")

# words of a row that go to the block as they stand: action..kd to ACTION..KD, then the output limits
_KERNEL = tuple((_ACTION + i, pid.ACTION + i) for i in range(_OUT_LOW - _ACTION + 3))
assert field_index(LOOP, "kd") - _ACTION == pid.KD - pid.ACTION
assert field_index(LOOP, "out_rate") - _ACTION == pid.OUT_RATE - pid.ACTION

RAMP_256_MAX = LOOP[_RAMP][2]


def _kernel_words(row: "tuple[int, ...]") -> "tuple[int, ...]":
    """Words of a row as they stand in the block from ACTION to OUT_RATE."""
    return row[_ACTION : _OUT_LOW + 3]


class Loops:
    """Rows of the table ``loop`` with their blocks in ``image``."""

    def __init__(self, rows: "list[tuple[int, ...]]", image) -> None:  # type: ignore[no-untyped-def]
        self.rows = rows
        self._image = image
        self.failed = bytearray(len(rows))
        self.setpoints = [row[_RATIO] if row[_KIND] == RATIO_LOOP else row[_SETPOINT] for row in rows]
        self._down = bytearray(len(rows))
        for i in range(len(rows)):
            at = loop_at(i)
            for word in range(pid.BLOCK_WORDS):
                image[at + word] = 0
            for of_row, of_block in _KERNEL:
                image[at + of_block] = rows[i][of_row]
            image[at + pid.RAMP_256] = rows[i][_RAMP]
            image[at + pid.HOLDBACK] = rows[i][_HOLDBACK]
            image[at + pid.SOAK_SCANS] = rows[i][_SOAK]

    def enter(self, state: int) -> None:
        """Set the mode of every loop for a new state: controlling, controlling towards zero, or off."""
        for i in range(len(self.rows)):
            row = self.rows[i]
            at = loop_at(i)
            down = row[_DOWN] >> state & 1
            self._down[i] = down
            on = down or row[_AUTO] >> state & 1
            self._image[at + pid.MODE] = pid.AUTO if on else pid.OFF
            self._image[at + pid.RAMP_256] = row[_STOP_RAMP] if down else row[_RAMP]

    def scan(self, frozen: int) -> int:
        """One scan of every loop, masters first as the rows stand; returns the first that failed, or -1."""
        image = self._image
        newly_failed = -1
        for i in range(len(self.rows)):
            row = self.rows[i]
            at = loop_at(i)
            source = INPUT_WORDS * row[_INPUT]
            if image[source + QUALITY] == BAD:
                if not self.failed[i] and image[at + pid.MODE] != pid.OFF:
                    self.failed[i] = 1
                    if newly_failed < 0:
                        newly_failed = i
            if self.failed[i]:
                image[at + pid.MODE] = pid.OFF
            image[at + pid.PV] = image[source]
            image[at + pid.FREEZE] = 0 if self._down[i] else frozen  # a way down to rest is never frozen
            image[at + pid.TARGET] = self._target(i, row, at)
            if row[_FF_LOOP] >= 0:
                image[at + pid.FEED_FORWARD] = feed_forward(self._asked(row), row[_FF_M], row[_FF_S])
            pid.scan_pid(image, at)
        return newly_failed

    def _target(self, i: int, row: "tuple[int, ...]", at: int) -> int:
        """Setpoint asked for: ratio to the measured master (the last one where it is bad), zero, or as set."""
        if row[_KIND] == RATIO_LOOP:
            master = INPUT_WORDS * row[_MASTER]
            if self._image[master + QUALITY] == BAD:  # the last one; on a way down to rest, rest
                return 0 if self._down[i] else int(self._image[at + pid.TARGET])
            target = ratio_setpoint(self._image[master], self.setpoints[i])
            return row[_LOW] if target < row[_LOW] else row[_HIGH] if target > row[_HIGH] else target
        return 0 if self._down[i] else self.setpoints[i]

    def change_setpoint(self, i: int, setpoint: int, ramp_256: int) -> "tuple[int, int]":
        """Take a setpoint (of a ratio loop its ratio in 1/4096); returns (0, 0), or (got, limit) where refused."""
        row = self.rows[i]
        low, high = (0, 65535) if row[_KIND] == RATIO_LOOP else (row[_LOW], row[_HIGH])
        if setpoint < low:
            return setpoint, low
        if setpoint > high:
            return setpoint, high
        if ramp_256 > RAMP_256_MAX:
            return min(ramp_256, 0x7FFFFFFF), RAMP_256_MAX
        self.setpoints[i] = setpoint
        if ramp_256 and not self._down[i]:
            self._image[loop_at(i) + pid.RAMP_256] = ramp_256
        return 0, 0

    def judge(self, rows: "list[tuple[int, ...]]") -> "tuple[int, int]":
        """Rows of the same structure for a running line: (0, 0), or (got, limit) of what cannot be taken as it runs."""
        for i in range(len(rows)):
            setpoint, row = self._setpoint_under(rows, i), rows[i]
            low, high = (0, 65535) if row[_KIND] == RATIO_LOOP else (row[_LOW], row[_HIGH])
            if not low <= setpoint <= high:
                return setpoint, low if setpoint < low else high
            if self._image[loop_at(i) + pid.MODE] == pid.AUTO:
                moved = bumpless_integral(self._image, loop_at(i), _kernel_words(row), self._feed_forward(i, row))[1]
                if moved > BUMP_MAX:
                    return moved, BUMP_MAX
        return 0, 0

    def retune(self, rows: "list[tuple[int, ...]]") -> None:
        """Take rows that were judged, between two scans: setpoints, ramps, integrals and soaks go on."""
        image = self._image
        for i in range(len(rows)):
            row, before, at = rows[i], self.rows[i], loop_at(i)
            self.setpoints[i] = self._setpoint_under(rows, i)
            words, forward = _kernel_words(row), self._feed_forward(i, row)
            new = words != _kernel_words(before) or forward != image[at + pid.FEED_FORWARD]
            if new and image[at + pid.MODE] == pid.AUTO:
                image[at + pid.INTEGRAL] = bumpless_integral(image, at, words, forward)[0]
                for rest in (pid.INTEGRAL_REST, pid.TRACK_REST, pid.LAG_REST):
                    image[at + rest] = 0  # less than one count, in units of the old shift
            for word in range(len(words)):
                image[at + pid.ACTION + word] = words[word]
            ramp = _STOP_RAMP if self._down[i] else _RAMP
            if row[ramp] != before[ramp]:
                image[at + pid.RAMP_256] = row[ramp]
            image[at + pid.HOLDBACK] = row[_HOLDBACK]
            image[at + pid.SOAK_SCANS] = row[_SOAK]
        self.rows = rows

    def _setpoint_under(self, rows: "list[tuple[int, ...]]", i: int) -> int:
        """The setpoint that runs, or that of the row where the row changed it."""
        field = _RATIO if rows[i][_KIND] == RATIO_LOOP else _SETPOINT
        return self.setpoints[i] if rows[i][field] == self.rows[i][field] else rows[i][field]

    def _feed_forward(self, i: int, row: "tuple[int, ...]") -> int:
        """What this row would feed forward now; as it stands where the row does not change it."""
        before = self.rows[i]
        if row[_FF_LOOP] < 0 or (row[_FF_M] == before[_FF_M] and row[_FF_S] == before[_FF_S]):
            return int(self._image[loop_at(i) + pid.FEED_FORWARD])
        return feed_forward(self._asked(row), row[_FF_M], row[_FF_S])

    def _asked(self, row: "tuple[int, ...]") -> int:
        """The setpoint whose feed-forward a row takes."""
        slave = self.rows[row[_FF_LOOP]][_KIND] == RATIO_LOOP  # its target moves with the master and has no ramp
        return int(self._image[loop_at(row[_FF_LOOP]) + (pid.TARGET if slave else pid.SETPOINT)])

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
                if self._image[at + pid.TARGET] > self.rows[i][_STANDSTILL]:
                    return False
                if self._image[at + pid.PV] > self.rows[i][_STANDSTILL]:
                    return False
        return True
