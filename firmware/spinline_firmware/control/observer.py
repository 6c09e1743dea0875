"""The disturbance observer of a heated loop, and the check of a loop's parameters: viper functions, no heap.

For gain K, time constant tau, dead time theta of the identified model, in each step

    w = (tau dT/dt + T - ambient) / K - u(t - theta)

Pv and output go through the same two lags of 2^k steps: tau dT/dt is tau / 2^k times the difference of the lags, and
noise is never differenced.  A bias with a limited rate takes what the model does not know; w - bias is heat that
nobody asked for, in 1/4096 of full output.  Too much: the heater stays on.  Too little, yet not below what no heat at
all explains: the heater is open.  Less than that: nothing cools so fast, the sensor has slipped.

Why no intermediate reaches 2^30 (pv -200 000 to 500 000, output within 2^16, mantissas below 2^12); a test proves it
from the text, with the ranges of the state as an invariant:
    lags of the pv hold pv * 256         < 2^27, their difference < 2^28
    (difference >> 4) is cut to 2^17     * mantissa < 2^29
    (pv - ambient) >> 3                  < 600 000 / 8 < 2^17, * mantissa < 2^29
    both are cut to +-2^15; lags of the output hold 2^12 * 256 = 2^20; w < 2^17, the bias holds w * 256 < 2^25
"""

from array import array

from spinline_protocol.portable import const, micropython, ptr8, ptr32
from spinline_protocol.quantities import BAD
from spinline_protocol.states import EVT_HEATER_ON, EVT_HEATER_OPEN, EVT_LOOP_BREAK, EVT_REVERSED, EVT_SLIPPED, STARTING

from . import pid
from .image import QUALITY

# words of a monitor: parameters, as PARAMETERS names their fields in the table
K = const(0)  # both lags have 2^K steps
RATE_M = const(1)
RATE_S = const(2)
GAIN_M = const(3)
GAIN_S = const(4)
AMBIENT = const(5)
BIAS_RATE = const(6)  # fastest move of the bias in a step
LIMIT = const(7)
DELAY = const(8)
SHARE = const(9)  # of the output, that widens the limit while it heats up
BREAK = const(10)
BREAK_BAND = const(11)
RISE = const(12)
RISE_BAND = const(13)
RISE_ABOVE = const(14)
REVERSE = const(15)  # a fall by this while it heats up is a reversed sensor; 0: not looked for
DEAD = const(16)  # steps of dead time
STATES = const(17)
PARAMETERS = (
    "filter_k rate_m rate_s gain_m gain_s ambient bias_256 limit_q12 delay_steps share_q12 "
    "break_steps break_band rise_steps rise_band rise_above reverse_band dead_steps states"
)
SOURCE = const(18)  # word of the image: the loop's input
BLOCK = const(19)  # the loop's block
# state; the ring of outputs, one a step of dead time, follows
Y1 = const(20)
Y2 = const(21)
U1 = const(22)
U2 = const(23)
BIAS = const(24)
LEARN = const(25)  # steps in which the bias follows quickly
STARTED = const(26)  # LAGS_LEARN until the lags know the slope
OVER = const(27)
BREAK_N = const(28)
BREAK_PV = const(29)
RISE_N = const(30)
RISE_PV = const(31)
REVERSE_PV = const(32)
RISEN = const(33)
RING_I = const(34)
HELD = const(35)  # 1: heat that does not come was told, the bias does not learn it
FROZEN_N = const(36)  # steps until a loop that stands still has failed
TOLD = const(37)  # limit of the cause that was found
CAUSE = const(38)  # event code of the cause that stands now
STARTING_NOW = const(39)  # 1 while the node heats up
FOUND = const(40)  # disturbance of this step, 1/256 of 1/4096
ASKED = const(41)  # output of a dead time ago, behind the lags
DELTA = const(42)  # what of it no bias took, 1/4096
RING = const(43)
LAGS_LEARN = const(1)  # of STARTED
LEARNT = const(2)

CUT_RATE = const(131071)
CUT_TERM = const(32768)
FULL_Q12 = const(4096)
NO_OUTPUT = const(1310)  # 2 % of full output and less is no heat
AT_LIMIT = const(62259)  # 95 %
HEATS_UP = const(819)  # 20 % of FULL_Q12 beyond what holds the zone: from here on a sensor must follow
HEAT_UP_FASTER = const(8)  # of the bias: without melt a zone loses less than the model says, and more when hotter
LEARNING_WIDER = const(3)  # the limit while the bias follows quickly, in limits
_HEATER_ON = const(18)
_HEATER_OPEN = const(19)
_SLIPPED = const(20)
_LOOP_BREAK = const(21)
_REVERSED = const(22)
_OUTPUT = const(33)  # of a loop's block
_SETPOINT = const(24)
assert (_OUTPUT, _SETPOINT) == (pid.OUTPUT, pid.SETPOINT)
assert (_HEATER_ON, _HEATER_OPEN, _SLIPPED) == (EVT_HEATER_ON, EVT_HEATER_OPEN, EVT_SLIPPED)
assert (_LOOP_BREAK, _REVERSED) == (EVT_LOOP_BREAK, EVT_REVERSED)
# words of the seals, before the CRC of each block
TURN = const(0)
TURNS_N = const(1)
BLOCKS_N = const(2)
FIRST_AT = const(3)  # of the image
STRIDE = const(4)
WORDS_N = const(5)
SEALS = const(6)
CRC_POLYNOMIAL = 0x864CFB  # CRC-24 of RFC 4880: every intermediate stays below 2^25


@micropython.viper
def observe(words, image):  # type: ignore[no-untyped-def]  # noqa: PLR0915  no call, no heap
    """One step of the lags: leaves the disturbance in FOUND, and the output that acts now in ASKED."""
    w = ptr32(words)
    v = ptr32(image)
    source = int(w[SOURCE])
    block = int(w[BLOCK])
    pv = int(v[source])
    output = int(v[block + _OUTPUT])

    # the output of a dead time ago: the oldest of the ring
    ring_i = int(w[RING_I])
    w[RING + ring_i] = output >> 4
    ring_i = ring_i + 1
    if ring_i > w[DEAD]:
        ring_i = 0
    w[RING_I] = ring_i
    delayed = int(w[RING + ring_i])

    # the lags, and the disturbance
    k = int(w[K])
    y1 = int(w[Y1])
    y2 = int(w[Y2])
    u1 = int(w[U1])
    u2 = int(w[U2])
    y1 = y1 + (((pv << 8) - y1) >> k)
    y2 = y2 + ((y1 - y2) >> k)
    u1 = u1 + (((delayed << 8) - u1) >> k)
    u2 = u2 + ((u1 - u2) >> k)
    w[Y1] = y1
    w[Y2] = y2
    w[U1] = u1
    w[U2] = u2
    rate = (y1 - y2) >> 4
    if rate > CUT_RATE:
        rate = CUT_RATE
    if rate < -CUT_RATE:
        rate = -CUT_RATE
    rate = (rate * int(w[RATE_M])) >> w[RATE_S]
    if rate > CUT_TERM:
        rate = CUT_TERM
    if rate < -CUT_TERM:
        rate = -CUT_TERM
    level = ((((y2 >> 8) - int(w[AMBIENT])) >> 3) * int(w[GAIN_M])) >> w[GAIN_S]
    if level > CUT_TERM:
        level = CUT_TERM
    if level < -CUT_TERM:
        level = -CUT_TERM
    asked = u2 >> 8
    w[ASKED] = asked
    w[FOUND] = (rate + level - asked) << 8


@micropython.viper
def take_bias(words):  # type: ignore[no-untyped-def]
    """One step of the bias, which takes what the model does not know; leaves the rest of the disturbance in DELTA."""
    w = ptr32(words)
    found = int(w[FOUND])
    bias = int(w[BIAS])
    learn = int(w[LEARN])
    if w[STARTED] == LAGS_LEARN:
        bias = found
    elif w[HELD] == 0 and learn > 0:
        bias = bias + ((found - bias) >> w[K])
    elif w[HELD] == 0:
        most = int(w[BIAS_RATE])
        if w[STARTING_NOW] != 0:
            most = most * HEAT_UP_FASTER
        high = bias + most
        low = bias - most
        bias = found
        if bias > high:
            bias = high
        if bias < low:
            bias = low
    w[BIAS] = bias
    w[DELTA] = (found - bias) >> 8


@micropython.viper
def judge(words) -> int:  # type: ignore[no-untyped-def]
    """The disturbance that no bias took, against the limit: an event code, or 0."""
    w = ptr32(words)
    delta = int(w[DELTA])
    asked = int(w[ASKED])
    learn = int(w[LEARN])
    limit = int(w[LIMIT])
    if delta > 0 and asked > FULL_Q12 - limit:
        delta = 0  # a heater that is asked for everything cannot give more
    if w[STARTING_NOW] != 0 and asked > 0:
        limit = limit + ((int(w[SHARE]) * asked) >> 12)
    if learn > 0:
        if w[HELD] == 0:
            limit = limit * LEARNING_WIDER
        w[LEARN] = learn - 1
        if learn == 1:
            w[STARTED] = LEARNT
    cause = 0
    delay = int(w[DELAY])
    if delta > limit:
        cause = _HEATER_ON
    elif delta < -limit:
        cause = _SLIPPED  # below what no heat at all explains
        if delta + asked >= -limit:
            cause = _HEATER_OPEN
            delay = delay + (1 << w[K])  # till a slip would show
    w[TOLD] = limit
    if cause == 0:
        w[OVER] = 0
    elif w[OVER] < delay:
        w[OVER] = w[OVER] + 1
        cause = 0
    return cause


@micropython.viper
def rules(words, image) -> int:  # type: ignore[no-untyped-def]
    """What needs no model: a rise without output, no rise at full output; an event code, or 0."""
    w = ptr32(words)
    v = ptr32(image)
    source = int(w[SOURCE])
    block = int(w[BLOCK])
    pv = int(v[source])
    output = int(v[block + _OUTPUT])
    setpoint = int(v[block + _SETPOINT])
    cause = 0
    n = 0
    if w[RISE] != 0 and output <= NO_OUTPUT and pv > setpoint + int(w[RISE_ABOVE]):
        n = int(w[RISE_N]) + 1
        if n == 1:
            w[RISE_PV] = pv
        if n > w[RISE]:
            n = 0
            if pv - int(w[RISE_PV]) >= w[RISE_BAND]:
                cause = _HEATER_ON
                w[TOLD] = w[RISE_BAND]
    w[RISE_N] = n
    if cause == 0:
        n = 0
        if w[BREAK] != 0 and output >= AT_LIMIT:
            n = int(w[BREAK_N])
            if n == 0 or pv - int(w[BREAK_PV]) >= w[BREAK_BAND]:
                n = 0
                w[BREAK_PV] = pv
            n = n + 1
            if n > w[BREAK]:
                n = int(w[BREAK])
                cause = _LOOP_BREAK
                w[TOLD] = w[BREAK_BAND]
        w[BREAK_N] = n
    return cause


@micropython.viper
def find_reversed(words, image) -> int:  # type: ignore[no-untyped-def]
    """A sensor that falls where the output is beyond what holds the zone, until it has once risen: its event, or 0."""
    w = ptr32(words)
    v = ptr32(image)
    source = int(w[SOURCE])
    block = int(w[BLOCK])
    pv = int(v[source])
    cause = 0
    band = int(w[REVERSE])
    if band != 0 and w[RISEN] == 0:
        held = (((pv - int(w[AMBIENT])) >> 3) * int(w[GAIN_M])) >> w[GAIN_S]
        if held < 0:
            held = 0
        if (int(v[block + _OUTPUT]) >> 4) - held < HEATS_UP:
            w[REVERSE_PV] = pv
        elif pv >= w[REVERSE_PV] + band:
            w[RISEN] = 1
        elif pv <= w[REVERSE_PV] - band:
            cause = _REVERSED
            w[TOLD] = band
    return cause


def step(words, image, state: int) -> int:  # type: ignore[no-untyped-def]
    """One step of a heated loop: what is wrong, as an event code, or 0."""
    source = words[SOURCE]
    words[CAUSE] = 0
    if image[source + QUALITY] == BAD:
        words[STARTED] = words[OVER] = 0  # the sensor's own failure covers it; begin anew afterwards
        return 0
    if words[STARTED] == 0:
        begin(words, image[source], image[words[BLOCK] + pid.OUTPUT])
    words[STARTING_NOW] = 1 if state == STARTING else 0
    observe(words, image)
    take_bias(words)
    cause = int(judge(words) or rules(words, image))
    if not cause and state == STARTING:
        cause = int(find_reversed(words, image))
    if cause and words[STATES] >> state & 1:
        words[CAUSE] = cause
        return cause
    return 0


def begin(words, pv: int, output: int) -> None:  # type: ignore[no-untyped-def]
    """A monitor begins anew, with a good sensor: until the lags know the slope the bias takes all."""
    words[Y1] = words[Y2] = pv << 8
    words[U1] = words[U2] = (output >> 4) << 8
    for i in range(words[DEAD] + 1):
        words[RING + i] = output >> 4
    words[LEARN] = 5 << words[K]
    words[STARTED] = LAGS_LEARN
    words[OVER] = words[BREAK_N] = words[RISE_N] = words[RISEN] = words[BIAS] = 0
    words[REVERSE_PV] = pv


def model_duty(words, setpoint: int) -> int:  # type: ignore[no-untyped-def]
    """The output that the model, with its bias, asks for to hold a setpoint: 0 to 65 536."""
    held = (((setpoint - words[AMBIENT]) >> 3) * words[GAIN_M] >> words[GAIN_S]) - (words[BIAS] >> 8)
    return max(0, min(FULL_Q12, held)) << 4


def _crc_of(bits: int) -> int:
    crc = bits << 20
    for _ in range(4):
        crc = crc << 1 ^ (CRC_POLYNOMIAL if crc & 0x800000 else 0)
    return crc & 0xFFFFFF


_CRC_OF_BITS = array("i", [_crc_of(bits) for bits in range(16)])  # four at once: a table for eight is 1 kB


@micropython.viper
def check_blocks(image, seals, changed) -> int:  # type: ignore[no-untyped-def]
    """Compare the blocks whose turn it is with their seals, CRC-24 over bytes from the lowest; 0, or 1 + a block.

    A block with its byte in ``changed`` is sealed anew.  So is one that is told, which is told once.
    """
    w = ptr32(image)
    s = ptr32(seals)
    c = ptr8(changed)
    of = ptr32(_CRC_OF_BITS)
    turn = int(s[TURN])
    s[TURN] = turn + 1
    if turn + 1 >= s[TURNS_N]:
        s[TURN] = 0
    told = 0
    block = turn
    while block < s[BLOCKS_N]:
        at = int(s[FIRST_AT]) + block * int(s[STRIDE])
        end = at + int(s[WORDS_N])
        crc = 0xB704CE
        while at < end:
            word = int(w[at])
            shift = 0
            while shift < 32:
                crc = crc ^ (((word >> shift) & 255) << 16)
                crc = ((crc & 0xFFFFF) << 4) ^ int(of[crc >> 20])
                crc = ((crc & 0xFFFFF) << 4) ^ int(of[crc >> 20])
                shift = shift + 8
            at = at + 1
        if c[block] != 0:
            c[block] = 0
            s[SEALS + block] = crc
        elif s[SEALS + block] != crc and told == 0:
            s[SEALS + block] = crc
            told = block + 1
        block = block + int(s[TURNS_N])
    return told
