"""Monitors: what a loop's heat balance, its current and its parameters say about heaters and sensors.  Never a gain.

A disturbance observer for each heated loop (gain K, time constant tau, dead time theta of the identified model):

    w = (tau dT/dt + T - ambient) / K - u(t - theta)

Pv and output go through the same two lags of 2^k steps: tau dT/dt is tau / 2^k times the difference of the lags, and
noise is never differenced.  A bias with a limited rate takes what the model does not know; d = w - bias is heat that
nobody asked for, in 1/4096 of full output.  Too much: the heater stays on.  Too little, yet not below what no heat at
all explains: the heater is open.  Less than that: nothing cools so fast, the sensor has slipped.

Why no intermediate reaches 2^30 (pv -200 000 to 500 000, output within 2^16, mantissas below 2^12):
    lags of the pv hold pv * 256         < 2^27, their difference < 2^28
    (difference >> 4) is cut to 2^17     * mantissa < 2^29
    (pv - ambient) >> 3                  < 600 000 / 8 < 2^17, * mantissa < 2^29
    both are cut to +-2^15; lags of the output hold 2^12 * 256 = 2^20; w < 2^17, the bias holds w * 256 < 2^25
    share (2^12) * output (2^12)         = 2^24
"""

from array import array

from spinline_protocol.configuration import HEATER, LOOP, MONITOR, field_index
from spinline_protocol.portable import const, micropython, ptr32
from spinline_protocol.quantities import BAD
from spinline_protocol.states import (
    EVT_HEATER_ON,
    EVT_HEATER_OPEN,
    EVT_LOOP_BREAK,
    EVT_PARAMETERS,
    EVT_PARTIAL_LOAD,
    EVT_REVERSED,
    EVT_SLIPPED,
    STARTING,
)

from . import pid
from .image import INPUT_WORDS, QUALITY, RAW, loop_at

_NAMES = tuple([field[0] for field in MONITOR])
_KIND, _LOOP, _INPUT, _OUTPUT, _STATES, _ACTION, _ACTION_LOW, _OFF = range(8)
_AMBIENT, _K, _DEAD, _RATE_M, _RATE_S, _GAIN_M, _GAIN_S = range(8, 15)
_LIMIT, _DELAY, _SHARE, _BIAS, _LEARN = range(15, 20)
_BREAK, _BREAK_BAND, _RISE, _RISE_BAND, _RISE_ABOVE, _REVERSE, _EXPECTED = range(20, 27)
assert _NAMES[_OFF] == "off_outputs" and _NAMES[_GAIN_S] == "gain_s" and _NAMES[_EXPECTED] == "expected"
_LOOP_INPUT = field_index(LOOP, "input")

# words of a monitor's state; its ring of delayed outputs follows
Y1, Y2, U1, U2, BIAS, OVER, LEARN = range(7)
BREAK_N, BREAK_PV, RISE_N, RISE_PV, REVERSE_PV, RISEN, RING_I, STARTED = range(7, 15)
STATE_WORDS = 15
LAGS_LEARN, LEARNT = 1, 2  # of STARTED: the lags do not know the slope yet; the observer judges
STUCK_ON = 2  # of ``tripped``: the outputs of its mask stay safe

CUT_RATE = 131071
CUT_TERM = 32768
FULL = 65536
NO_OUTPUT = FULL // 50  # 2 % of full output and less is no heat
AT_LIMIT = FULL * 95 // 100
HEATS_UP = FULL // 5  # from 20 % on a sensor must follow
HEAT_UP_FASTER = 8  # of the bias: without melt a zone loses less than the model says, and all the more the hotter it is
FULL_Q12 = 4096
LEARNING_WIDER = 3  # the limit while the bias follows quickly, in limits
BLOCK_WORDS = pid.OUT_RATE - pid.ACTION + 1
CRC_POLYNOMIAL = const(0x864CFB)  # CRC-24 of RFC 4880: every intermediate stays below 2^25


@micropython.viper
def block_crc(image, at: int, words_n: int) -> int:  # type: ignore[no-untyped-def]
    """CRC-24 over ``words_n`` words of ``image`` from ``at``, bytes from the lowest; below 2^24."""
    w = ptr32(image)
    crc = 0xB704CE
    i = 0
    while i < words_n:
        word = int(w[at + i])
        shift = 0
        while shift < 32:
            crc = crc ^ (((word >> shift) & 255) << 16)
            bit = 0
            while bit < 8:
                crc = crc << 1
                if crc & 0x1000000:
                    crc = (crc ^ CRC_POLYNOMIAL) & 0xFFFFFF
                bit = bit + 1
            shift = shift + 8
        i = i + 1
    return crc


def _cut(number: int, most: int) -> int:
    return -most if number < -most else most if number > most else number


class Monitors:
    """Rows of the table ``monitor`` over the process image, one step a second each, spread over the scans.

    ``step`` returns an event code or 0; ``tripped`` latches until ``reset``.  Also guards the blocks of all loops.
    """

    def __init__(self, rows: "list[tuple[int, ...]]", loop_rows, image, scans_n: int, changed=None) -> None:  # type: ignore[no-untyped-def]
        self.rows = rows
        self._image = image
        self._scans_n = scans_n  # scans of one step
        self._changed = changed  # a byte a loop: its parameters were changed by the loops themselves
        self._turn = 0
        self._input_at = [INPUT_WORDS * loop_rows[row[_LOOP]][_LOOP_INPUT] for row in rows]
        self._words = [array("i", bytes(4 * (STATE_WORDS + row[_DEAD] + 1))) for row in rows]  # many small blocks
        self._crc = [0] * len(loop_rows)
        self.tripped = bytearray(len(rows))
        self.cause = [0] * len(rows)  # event code of the cause that stands now
        self.damaged = bytearray(len(loop_rows))
        self.row = self.loop = self.action = self.raw = self.limit = 0  # of the last trip
        self.off_outputs = 0
        self.seal()

    def seal(self) -> None:
        """The blocks as they stand now are right: a configuration was committed."""
        for i in range(len(self._crc)):
            self._crc[i] = block_crc(self._image, loop_at(i) + pid.ACTION, BLOCK_WORDS)

    def enter(self) -> None:
        """The node changed its state, and with it what the zones have to heat: biases follow quickly for a while."""
        for i in range(len(self.rows)):
            words = self._words[i]
            if words[STARTED] != LAGS_LEARN:
                words[LEARN] = self.rows[i][_LEARN]
            words[BREAK_N] = words[RISE_N] = words[OVER] = 0

    def scan(self, state: int, levels) -> int:  # type: ignore[no-untyped-def]
        """The monitors whose turn it is; returns the event of a new trip, or 0.  ``levels``: of the last scan."""
        event = 0
        turn = self._turn
        self._turn = turn + 1 if turn + 1 < self._scans_n else 0
        i = turn
        while i < len(self.rows):
            row = self.rows[i]
            if row[_KIND] == HEATER:
                cause = self._heater(i, row, state)
            else:
                cause = self._current(i, row, levels)
            if not row[_STATES] >> state & 1:
                cause = 0
            self.cause[i] = cause
            if cause and not self.tripped[i] and not event:
                self._trip(i, row, cause)
                event = cause
            i += self._scans_n
        return event or self._guard(turn)

    def _guard(self, turn: int) -> int:
        """Compare the blocks whose turn it is with what was committed."""
        i, event = turn, 0
        while i < len(self._crc):
            crc = block_crc(self._image, loop_at(i) + pid.ACTION, BLOCK_WORDS)
            if self._changed and self._changed[i]:  # by the loops themselves: another set of gains, limits of an inner
                self._changed[i], self._crc[i] = 0, crc
            elif crc != self._crc[i] and not self.damaged[i]:
                self.damaged[i] = 1
                if not event:
                    self.row, self.loop, self.raw, self.limit, self.action = -1, i, 0, 0, 0
                    event = EVT_PARAMETERS
            i += self._scans_n
        return event

    def _trip(self, i: int, row: "tuple[int, ...]", cause: int) -> None:
        self.row, self.loop = i, row[_LOOP]
        self.tripped[i] = STUCK_ON if cause == EVT_HEATER_ON else 1
        self.action = row[_ACTION] if cause == EVT_HEATER_ON else row[_ACTION_LOW]
        if cause == EVT_HEATER_ON:
            self.off_outputs |= row[_OFF]

    def _heater(self, i: int, row: "tuple[int, ...]", state: int) -> int:
        """One step of a heated loop: what is wrong, as an event code, or 0."""
        words, source = self._words[i], self._input_at[i]
        if self._image[source + QUALITY] == BAD:
            words[STARTED] = words[OVER] = 0  # the sensor's own failure covers it; begin anew afterwards
            return 0
        pv = self._image[source]
        output = self._image[loop_at(row[_LOOP]) + pid.OUTPUT]
        if words[STARTED] == 0:
            self._begin(row, words, pv, output)
        delta = self._observe(row, words, pv, output, HEAT_UP_FASTER if state == STARTING else 1)
        cause = self._judge(row, words, delta, state)
        if not cause:
            cause = self._rules(row, words, pv, output, state)
        if cause and not self.tripped[i]:
            self.raw = self._image[source + RAW]
        return cause

    def _begin(self, row: "tuple[int, ...]", words, pv: int, output: int) -> None:  # type: ignore[no-untyped-def]
        words[Y1] = words[Y2] = pv << 8
        words[U1] = words[U2] = (output >> 4) << 8
        for i in range(row[_DEAD] + 1):
            words[STATE_WORDS + i] = output >> 4
        words[LEARN] = 5 << row[_K]  # until the lags know the slope
        words[STARTED] = LAGS_LEARN
        words[OVER] = words[BREAK_N] = words[RISE_N] = words[RISEN] = 0
        words[REVERSE_PV] = pv
        words[BIAS] = 0

    def _observe(self, row: "tuple[int, ...]", words, pv: int, output: int, faster: int) -> int:  # type: ignore[no-untyped-def]
        """Disturbance less its bias, 1/4096 of full output."""
        k = row[_K]
        ring_i = words[RING_I]
        ring = STATE_WORDS + ring_i
        words[ring] = output >> 4
        ring_i = ring_i + 1 if ring_i < row[_DEAD] else 0
        words[RING_I] = ring_i
        delayed = words[STATE_WORDS + ring_i]  # the oldest
        y1 = words[Y1]
        y1 += ((pv << 8) - y1) >> k
        y2 = words[Y2]
        y2 += (y1 - y2) >> k
        u1 = words[U1]
        u1 += ((delayed << 8) - u1) >> k
        u2 = words[U2]
        u2 += (u1 - u2) >> k
        words[Y1] = y1
        words[Y2] = y2
        words[U1] = u1
        words[U2] = u2
        rate = _cut(_cut((y1 - y2) >> 4, CUT_RATE) * row[_RATE_M] >> row[_RATE_S], CUT_TERM)
        level = _cut((((y2 >> 8) - row[_AMBIENT]) >> 3) * row[_GAIN_M] >> row[_GAIN_S], CUT_TERM)
        w_256 = (rate + level - (u2 >> 8)) << 8
        bias = words[BIAS]
        away = w_256 - bias
        if words[STARTED] == LAGS_LEARN:
            bias = w_256
        elif words[LEARN] > 0:
            bias += away >> k
        else:
            bias += _cut(away, row[_BIAS] * faster)
        words[BIAS] = bias
        return (w_256 - bias) >> 8

    def _judge(self, row: "tuple[int, ...]", words, delta: int, state: int) -> int:  # type: ignore[no-untyped-def]
        output = words[U2] >> 8
        limit = row[_LIMIT]
        if state == STARTING and output > 0:
            limit += row[_SHARE] * output >> 12
        if words[LEARN] > 0:
            limit *= LEARNING_WIDER
            words[LEARN] -= 1
            if words[LEARN] == 0:
                words[STARTED] = LEARNT
        if delta > 0 and output > FULL_Q12 - row[_LIMIT]:
            delta = 0  # a heater that is asked for everything cannot give more
        if -limit <= delta <= limit:
            words[OVER] = 0
            return 0
        slipped = delta + output < -limit
        delay = row[_DELAY] if delta > 0 or slipped else row[_DELAY] + (1 << row[_K])  # till a slip would show
        if words[OVER] < delay:
            words[OVER] += 1
            return 0
        self.limit = limit
        return EVT_HEATER_ON if delta > 0 else EVT_SLIPPED if slipped else EVT_HEATER_OPEN

    def _rules(self, row: "tuple[int, ...]", words, pv: int, output: int, state: int) -> int:  # type: ignore[no-untyped-def]
        """What needs no model: heat without output, no heat at full output, a sensor that falls as it heats."""
        setpoint = self._image[loop_at(row[_LOOP]) + pid.SETPOINT]
        if row[_RISE] and output <= NO_OUTPUT and pv > setpoint + row[_RISE_ABOVE]:
            if words[RISE_N] == 0:
                words[RISE_PV] = pv
            words[RISE_N] += 1
            if words[RISE_N] > row[_RISE]:
                words[RISE_N] = 0
                if pv - words[RISE_PV] >= row[_RISE_BAND]:
                    self.limit = row[_RISE_BAND]
                    return EVT_HEATER_ON
        else:
            words[RISE_N] = 0
        if row[_BREAK] and output >= AT_LIMIT:
            if words[BREAK_N] == 0 or not -row[_BREAK_BAND] < pv - words[BREAK_PV] < row[_BREAK_BAND]:
                words[BREAK_N] = 0
                words[BREAK_PV] = pv
            words[BREAK_N] += 1
            if words[BREAK_N] > row[_BREAK]:
                self.limit = row[_BREAK_BAND]
                return EVT_LOOP_BREAK
        else:
            words[BREAK_N] = 0
        return self._reversed(row, words, pv, output, state)

    def _reversed(self, row: "tuple[int, ...]", words, pv: int, output: int, state: int) -> int:  # type: ignore[no-untyped-def]
        """Only until the pv has once risen by the band: a sensor that follows is not reversed.

        It must rise where the output is beyond what holds it; a warm zone may well cool down under some output.
        """
        band = row[_REVERSE]
        if not band or words[RISEN] or state != STARTING:
            return 0
        held = _cut(((pv - row[_AMBIENT]) >> 3) * row[_GAIN_M] >> row[_GAIN_S], CUT_TERM)
        if (output >> 4) - max(held, 0) < HEATS_UP >> 4:
            words[REVERSE_PV] = pv
        elif pv >= words[REVERSE_PV] + band:
            words[RISEN] = 1
        elif pv <= words[REVERSE_PV] - band:
            self.limit = band
            return EVT_REVERSED
        return 0

    def _current(self, i: int, row: "tuple[int, ...]", levels) -> int:  # type: ignore[no-untyped-def]
        """Heater current against what the switch was told in the last scan; current without it is a shorted switch."""
        words, source = self._words[i], INPUT_WORDS * row[_INPUT]
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
        if words[OVER] <= row[_DELAY]:
            return 0
        self.raw, self.limit = self._image[source + RAW], most
        return EVT_PARTIAL_LOAD if levels[row[_OUTPUT]] else EVT_HEATER_ON

    def holds(self, loop: int) -> bool:
        """True while a trip of this loop stands, so that it must not control."""
        if self.damaged[loop]:
            return True
        return any([self.tripped[i] and self.rows[i][_LOOP] == loop for i in range(len(self.rows))])

    def latched(self) -> bool:
        """True while any row waits for its reset, or a block was found changed."""
        return any(self.tripped) or any(self.damaged)

    def reset(self) -> int:
        """Clear rows whose cause is gone; returns how many stay.  A changed block stays until a new configuration."""
        self.off_outputs = 0
        left = sum(self.damaged)
        for i in range(len(self.rows)):
            if self.tripped[i] and not self.cause[i]:
                self.tripped[i] = 0
                self._words[i][STARTED] = 0
            if self.tripped[i]:
                left += 1
            if self.tripped[i] == STUCK_ON:
                self.off_outputs |= self.rows[i][_OFF]
        return left
