"""The PID kernel: one scan of one loop over a block of whole numbers.  Never reads a clock, never allocates.

Positional two-degree-of-freedom PID with the derivative on the process variable behind two cascaded filters, the
integral in output units with its remainder carried, and back-calculation on the output that was really applied
(Astrom and Hagglund, Advanced PID Control, chapters 3 and 4).  The text is one viper function on a board and plain
Python elsewhere; both give the same numbers, bit for bit.

Units: pv and setpoint in the loop's whole unit, -200 000 to 500 000; output in 1/65536 of full scale, -65 536 (cool)
to 65 536 (heat); gains as mantissa (at most 4095) and shift.  Why no intermediate reaches 2^30:
    y1, y2 hold pv * 256                 < 2^27
    e and dy are cut to +-(2^17 - 1), mantissas to 4095:  products < 2^29
    fine is what e lost by being whole, -128 to 128 in 1/256 unit: its share of P and I is below 2^11
    a remainder is below 2^shift <= 2^28, so product + remainder < 2^29 + 2^28 + 2^11
    z = 256 * (setpoint - its lag)       < 700 000 * 256 < 2^28
    P and D are cut to +-2^19, I to +-2^17, feed-forward to +-2^17: their sum stays below 2^21
"""

from spinline_protocol.portable import const, micropython, ptr32

# offsets in a block: commands of the scan
MODE = const(0)
TARGET = const(1)
PV = const(2)
MANUAL = const(3)  # output in manual mode
FEED_FORWARD = const(4)
FREEZE = const(5)  # not 0: ramp and soak stand still
# parameters
ACTION = const(6)
MP = const(7)
SP = const(8)
MI = const(9)
SI = const(10)
MD = const(11)
SD = const(12)
MT = const(13)
ST = const(14)
B_256 = const(15)
KZ = const(16)
KD = const(17)
OUT_LOW = const(18)
OUT_HIGH = const(19)
OUT_RATE = const(20)
RAMP_256 = const(21)
HOLDBACK = const(22)
SOAK_SCANS = const(23)
# state
SETPOINT = const(24)  # working setpoint, behind the ramp
RAMP_REST = const(25)  # of the working setpoint, 0 to 255 in 1/256 unit
LAG = const(26)
LAG_REST = const(27)
FILTER_1 = const(28)
FILTER_2 = const(29)
INTEGRAL = const(30)
INTEGRAL_REST = const(31)
TRACK_REST = const(32)
OUTPUT = const(33)  # applied output; interlocks write it before the next scan
SOAKED = const(34)  # scans within the holdback at the target
STARTED = const(35)
# published
ERROR = const(36)
P_TERM = const(37)
D_TERM = const(38)
BEFORE_LIMITS = const(39)
ABSORB = const(40)  # not 0: this scan the integral takes what would move the output (a command, done once)
SHOWN = const(41)  # the mode, and 8 times the setpoint program (PROGRAM_* of configuration.py)
BLOCK_WORDS = const(42)

# modes of configuration.py: tune drives the output as manual does, failed is off, from auto on the loop controls
OFF = const(0)
MANUAL_MODE = const(1)
AUTO = const(2)
RATIO = const(4)
FAILED = const(6)


@micropython.viper
def scan_pid(image, at: int):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0915  one function: no call, no heap
    """One scan of the loop whose block starts at word ``at`` of ``image`` (an array of 32-bit words)."""
    w = ptr32(image)
    asked = int(w[at + MODE])
    mode = asked
    if mode > RATIO:
        mode = FAILED - mode
    elif mode > AUTO:
        mode = AUTO
    pv = int(w[at + PV])
    if w[at + STARTED] == 0:
        w[at + STARTED] = 1
        w[at + SETPOINT] = pv
        w[at + FILTER_1] = pv << 8
        w[at + FILTER_2] = pv << 8

    # setpoint: ramp with holdback, then guaranteed soak; outside automatic it follows the pv
    setpoint = int(w[at + SETPOINT])
    rest = int(w[at + RAMP_REST])
    before = setpoint
    leak = 256 - int(w[at + B_256])
    lag = int(w[at + LAG]) - (rest * leak >> 8)
    program = 0
    if mode < AUTO:
        setpoint = pv
        rest = 0
        lag = 0
        w[at + LAG_REST] = 0
        w[at + SOAKED] = 0
        before = pv
    elif w[at + FREEZE] == 0:
        away = setpoint - ((int(w[at + LAG]) + 128) >> 8) - pv  # from the setpoint the loop really follows
        if away < 0:
            away = 0 - away
        near = 1
        if w[at + HOLDBACK] != 0 and away > w[at + HOLDBACK]:
            near = 0
        gap = int(w[at + TARGET]) - setpoint
        if gap == 0:  # a way down ends with its remainder
            rest = rest - int(w[at + RAMP_256])
            if rest < 0:
                rest = 0
        if w[at + RAMP_256] == 0:
            rest = 0
        if gap != 0:
            step = gap
            program = 1
            if w[at + RAMP_256] != 0:
                step = 0
                program = 2
                if near != 0:
                    program = 1
                    acc = rest + int(w[at + RAMP_256])
                    if gap < 0:
                        acc = rest - int(w[at + RAMP_256])
                    step = acc >> 8
                    rest = acc & 255
                    if gap > 0 and step >= gap:
                        step = gap
                        rest = 0
                    if gap < 0 and step < gap:
                        step = gap
                        rest = 0
            setpoint = setpoint + step
        elif w[at + SOAKED] < w[at + SOAK_SCANS]:
            program = 2
            away = setpoint - pv  # a soak counts from the target itself
            if away < 0:
                away = 0 - away
            if away <= w[at + HOLDBACK]:
                w[at + SOAKED] = w[at + SOAKED] + 1
                program = 3
        elif w[at + SOAK_SCANS] != 0:
            program = 4
    else:
        program = 5
    w[at + SHOWN] = asked + (program << 3)
    w[at + SETPOINT] = setpoint
    w[at + RAMP_REST] = rest

    # setpoint weight by a lag of the setpoint's own moves; each move to the ramp's own 1/256, whose share telescopes
    lag = lag + (setpoint - before) * leak + (rest * leak >> 8)
    acc = lag + int(w[at + LAG_REST])
    q = acc >> w[at + KZ]
    w[at + LAG_REST] = acc - (q << w[at + KZ])
    lag = lag - q
    w[at + LAG] = lag
    acc = ((setpoint - pv) << 8) + rest - lag + 128
    e = acc >> 8
    fine = acc - (e << 8) - 128
    if e > 131071:
        e = 131071
    if e < -131071:
        e = -131071

    # derivative on the pv behind two filters
    y1 = int(w[at + FILTER_1])
    y1 = y1 + (((pv << 8) - y1) >> w[at + KD])
    w[at + FILTER_1] = y1
    dy = (y1 - int(w[at + FILTER_2])) >> w[at + KD]
    w[at + FILTER_2] = w[at + FILTER_2] + dy
    if dy > 131071:
        dy = 131071
    if dy < -131071:
        dy = -131071
    if w[at + ACTION] < 0:
        e = 0 - e
        fine = 0 - fine
        dy = 0 - dy
    d_term = 0 - ((dy * int(w[at + MD])) >> w[at + SD])
    if d_term > 524288:
        d_term = 524288
    if d_term < -524288:
        d_term = -524288
    p_term = (e * int(w[at + MP]) + (fine * int(w[at + MP]) >> 8)) >> w[at + SP]
    if p_term > 524288:
        p_term = 524288
    if p_term < -524288:
        p_term = -524288

    integral = int(w[at + INTEGRAL])
    if mode >= AUTO:
        if w[at + ABSORB] != 0:
            integral = int(w[at + OUTPUT]) - p_term - d_term - int(w[at + FEED_FORWARD])
            w[at + INTEGRAL_REST] = 0
            w[at + TRACK_REST] = 0
        else:
            acc = e * int(w[at + MI]) + (fine * int(w[at + MI]) >> 8) + int(w[at + INTEGRAL_REST])
            q = acc >> w[at + SI]
            w[at + INTEGRAL_REST] = acc - (q << w[at + SI])
            integral = integral + q
        if integral > 131072:
            integral = 131072
        if integral < -131072:
            integral = -131072

    w[at + ABSORB] = 0

    # output: limits, then rate
    v = p_term + integral + d_term + int(w[at + FEED_FORWARD])
    u = v
    if mode == OFF:
        u = 0
    elif mode == MANUAL_MODE:
        u = int(w[at + MANUAL])
    if mode != OFF:
        if u > w[at + OUT_HIGH]:
            u = int(w[at + OUT_HIGH])
        if u < w[at + OUT_LOW]:
            u = int(w[at + OUT_LOW])
        rate = int(w[at + OUT_RATE])
        if rate != 0:
            last = int(w[at + OUTPUT])
            if u > last + rate:
                u = last + rate
            if u < last - rate:
                u = last - rate

    # the integral follows what was really applied
    away = u - v
    if away > 131071:
        away = 131071
    if away < -131071:
        away = -131071
    if mode >= AUTO:
        acc = away * int(w[at + MT]) + int(w[at + TRACK_REST])
        q = acc >> w[at + ST]
        w[at + TRACK_REST] = acc - (q << w[at + ST])
        integral = integral + q
    else:
        w[at + INTEGRAL_REST] = 0
        w[at + TRACK_REST] = 0
        integral = integral + away
    if integral > 131072:
        integral = 131072
    if integral < -131072:
        integral = -131072
    w[at + INTEGRAL] = integral
    w[at + OUTPUT] = u
    w[at + ERROR] = e
    w[at + P_TERM] = p_term
    w[at + D_TERM] = d_term
    w[at + BEFORE_LIMITS] = v
