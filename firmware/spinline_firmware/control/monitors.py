"""Monitors: what a loop's heat balance, its current and its parameters say about heaters and sensors.  Never a gain.

The observer of control/observer.py says how much heat nobody asked for.  Too much: the heater stays on.  Too little,
yet not below what no heat at all explains: the heater is open.  Less than that: nothing cools so fast, the sensor has
slipped.  What a trip does to the loop is said by scan.py; here it is found, told once and latched.

Why no intermediate reaches 2^30: the observer's own are proved from its text; share (2^12) * output (2^12) = 2^24.
"""

from array import array

from spinline_protocol.configuration import HEATER_CURRENT, LOOP, MONITOR, field_index
from spinline_protocol.quantities import BAD
from spinline_protocol.states import (
    EVT_HEATER_ON,
    EVT_HEATER_OPEN,
    EVT_LOOP_BREAK,
    EVT_LOOP_FAILED,
    EVT_MONITOR_CLEARED,
    EVT_PARAMETERS,
    EVT_PARTIAL_LOAD,
    EVT_SLIPPED,
)

from . import pid
from .image import INPUT_WORDS, QUALITY, RAW, loop_at
from .observer import (
    BLOCK,
    BREAK_N,
    CAUSE,
    FROZEN_N,
    HELD,
    LAGS_LEARN,
    LEARN,
    OVER,
    PARAMETERS,
    RING,
    RISE_N,
    SOURCE,
    STARTED,
    TOLD,
    K,
    check_blocks,
    model_duty,
    step,
)

_KIND, _LOOP, _INPUT, _OUTPUT, _STATES, _ACTION, _OPEN, _BREAKS, _SENSOR, _OFF = range(10)
_K, _DEAD, _LIMIT, _DELAY = [field_index(MONITOR, name) for name in "filter_k dead_steps limit_q12 delay_steps".split()]
_LEARN, _EXPECTED, _FREEZE = [field_index(MONITOR, name) for name in "learn_steps expected freeze_steps".split()]
_OBSERVED = [field_index(MONITOR, name) for name in PARAMETERS.split()]
_LOOP_INPUT = field_index(LOOP, "input")
assert MONITOR[_OFF][0] == "off_outputs"

CLEAR_THEMSELVES = (EVT_HEATER_OPEN, EVT_PARTIAL_LOAD)  # the loop goes on, and is told when the cause has gone
SEALED_WORDS = pid.OUT_RATE - pid.ACTION + 1


class Monitors:
    """Rows of the table ``monitor`` over the process image, one step a second each, spread over the scans.

    ``step`` returns an event code or 0; ``tripped`` latches until ``reset``.  Also guards the blocks of all loops.
    """

    def __init__(self, rows: "list[tuple[int, ...]]", loop_rows, image, scans_n: int, changed=None) -> None:  # type: ignore[no-untyped-def]
        self.rows = rows
        self._rows_n = len(rows)
        self._image = image
        self._scans_n = scans_n  # scans of one step
        self._changed = changed if changed is not None else bytearray(len(loop_rows))  # by the loops themselves
        self._turn = 0
        self._words = [array("i", bytes(4 * (RING + row[_DEAD] + 1))) for row in rows]  # many small blocks
        for i in range(len(rows)):
            for word in range(len(_OBSERVED)):
                self._words[i][word] = rows[i][_OBSERVED[word]]
            source = loop_rows[rows[i][_LOOP]][_LOOP_INPUT]
            if rows[i][_KIND] == HEATER_CURRENT:
                source, self._words[i][K] = rows[i][_INPUT], 0
            self._words[i][SOURCE] = INPUT_WORDS * source
            self._words[i][BLOCK] = loop_at(rows[i][_LOOP])
        blocks_n = len(loop_rows)
        seals = [0, scans_n, blocks_n, loop_at(0) + pid.ACTION, pid.BLOCK_WORDS, SEALED_WORDS]
        self._seals = array("i", seals + [0] * blocks_n)
        self.tripped = bytearray(len(rows))  # event code of the trip that stands; 0: none
        self.damaged = bytearray(len(loop_rows))
        self.row = self.loop = self.action = self.raw = self.limit = 0  # of the last trip
        self.duty = 0  # of a sensor that slipped: the output that the model asks for
        self.off_outputs = 0
        self._latched_n = 0
        self.seal()

    def seal(self) -> None:
        """The blocks as they stand now are right: a configuration was committed."""
        for i in range(len(self._changed)):
            self._changed[i] = 1
        for _ in range(self._scans_n):
            check_blocks(self._image, self._seals, self._changed)

    def enter(self) -> None:
        """The node changed its state, and with it what the zones have to heat: biases follow quickly for a while."""
        for i in range(len(self.rows)):
            words = self._words[i]
            if words[STARTED] != LAGS_LEARN:
                words[LEARN] = self.rows[i][_LEARN]
            words[BREAK_N] = words[RISE_N] = 0
            if not words[HELD]:
                words[OVER] = 0

    def scan(self, state: int, levels) -> int:  # type: ignore[no-untyped-def]
        """The monitors whose turn it is; returns the event of a new trip, or 0.  ``levels``: of the last scan."""
        event = 0
        i = self._turn
        self._turn = i + 1 if i + 1 < self._scans_n else 0
        while i < self._rows_n:
            words = self._words[i]
            cause = step(words, self._image, state) if words[K] else self._current(i, state, levels)
            if (cause or self.tripped[i]) and not event:
                event = self._take(i, self.rows[i], cause)
            i += self._scans_n
        changed = check_blocks(self._image, self._seals, self._changed)
        return self._damage(changed - 1, event) if changed else event

    def _damage(self, loop: int, event: int) -> int:
        """A block is not what was committed: told where nothing else is, latched in any case."""
        if self.damaged[loop]:
            return event
        self.damaged[loop] = 1
        self._latched_n += 1
        if not event:
            self.row, self.loop, self.raw, self.limit, self.action = -1, loop, 0, 0, 0
        return event or EVT_PARAMETERS

    def _take(self, i: int, row: "tuple[int, ...]", cause: int) -> int:
        """What a cause, or its end, makes of a row: the event to tell, or 0."""
        stands, words = self.tripped[i], self._words[i]
        mild = stands in CLEAR_THEMSELVES
        if cause and (not stands or (mild and cause not in CLEAR_THEMSELVES)):
            self._trip(i, row, cause)
            return cause
        if mild and not cause:
            self.tripped[i] = 0
            self._gather()
            self.row, self.loop, self.action = i, row[_LOOP], 0
            return EVT_MONITOR_CLEARED
        if words[FROZEN_N]:
            words[FROZEN_N] -= 1
            if not words[FROZEN_N]:
                self.row, self.loop, self.action = i, row[_LOOP], row[_SENSOR]
                self.raw, self.limit = self._image[words[SOURCE] + RAW], row[_FREEZE]
                return EVT_LOOP_FAILED
        return 0

    def _trip(self, i: int, row: "tuple[int, ...]", cause: int) -> None:
        words = self._words[i]
        self.row, self.loop, self.tripped[i] = i, row[_LOOP], cause
        self.raw, self.limit = self._image[words[SOURCE] + RAW], words[TOLD]
        if cause == EVT_HEATER_ON:
            self.action = row[_ACTION]
        elif cause in CLEAR_THEMSELVES:
            self.action = row[_OPEN]
        elif cause == EVT_LOOP_BREAK:
            self.action = row[_BREAKS]
        else:
            self.action = row[_SENSOR]
        if cause == EVT_SLIPPED:
            words[FROZEN_N] = row[_FREEZE]
            self.duty = model_duty(words, self._image[words[BLOCK] + pid.SETPOINT])
        self._gather()

    def freezes(self, i: int) -> bool:
        """True while the loop of row i stands still with the model's output, until its sensor counts as failed."""
        return self._words[i][FROZEN_N] > 0

    def _gather(self) -> None:
        self.off_outputs, self._latched_n = 0, sum(self.damaged)
        for i in range(len(self.rows)):
            self._words[i][HELD] = 1 if self.tripped[i] in CLEAR_THEMSELVES else 0
            self._latched_n += 1 if self.tripped[i] else 0
            if self.tripped[i] == EVT_HEATER_ON:
                self.off_outputs |= self.rows[i][_OFF]

    def _current(self, i: int, state: int, levels) -> int:  # type: ignore[no-untyped-def]
        """Heater current against what the switch was told in the last scan; current without it is a shorted switch."""
        words, row = self._words[i], self.rows[i]
        words[CAUSE] = 0
        source = words[SOURCE]
        if self._image[source + QUALITY] == BAD:
            words[OVER] = 0
            return 0
        current, expected = self._image[source], row[_EXPECTED]
        most = (expected >> 6) * row[_LIMIT] >> 6  # expected < 2^19, limit <= 2^14: product < 2^27
        away = current - expected if levels[row[_OUTPUT]] else current
        if -most <= away <= most:
            words[OVER] = 0
            return 0
        words[OVER] += 1
        if words[OVER] <= row[_DELAY] or not row[_STATES] >> state & 1:
            return 0
        words[TOLD] = most
        words[CAUSE] = EVT_PARTIAL_LOAD if levels[row[_OUTPUT]] else EVT_HEATER_ON
        return int(words[CAUSE])

    def holds(self, loop: int) -> bool:
        """True while a trip of this loop stands, so that it must not control."""
        for i in range(len(self.rows)):
            if self.tripped[i] and self.rows[i][_LOOP] == loop and self.tripped[i] not in CLEAR_THEMSELVES:
                return True
        return self.damaged[loop] != 0

    def latched(self) -> bool:
        """True while any row waits for its reset, or a block was found changed."""
        return self._latched_n > 0

    def reset(self) -> int:
        """Clear rows whose cause is gone; returns how many stay.  A changed block stays until a new configuration.

        Heat that does not come is left to its loop: that row begins anew in any case, and tells it again.
        """
        for i in range(len(self.rows)):
            if self.tripped[i] in CLEAR_THEMSELVES or (self.tripped[i] and not self._words[i][CAUSE]):
                self.tripped[i] = 0
                self._words[i][STARTED] = self._words[i][FROZEN_N] = 0
        self._gather()
        return self._latched_n
