"""Ratio, cascade and feed-forward arithmetic, split so that no product reaches 2^30."""


def ratio_setpoint(master: int, ratio_q12: int) -> int:
    """Setpoint of a slave loop: the master's pv times the ratio.  Any unit, ratio in 1/4096.

    At most 2 counts from exact.  Split so that no product reaches 2^30: master < 2^19 and ratio < 2^16,
    hence (master >> 9) * ratio < 2^26 and (master & 511) * ratio < 2^25.
    """
    return ((master >> 9) * ratio_q12 >> 3) + ((master & 511) * ratio_q12 >> 12)


def cascade_setpoint(output: int, low: int, high: int) -> int:
    """Setpoint of an inner loop: the outer loop's output, 0 to 65 536, over the range of setpoints.

    The range is below 2^20 and the output below 2^17: both products stay below 2^27.
    """
    span = high - low
    setpoint = low + ((span >> 10) * output >> 6) + ((span & 1023) * output >> 16)
    return low if setpoint < low else high if setpoint > high else setpoint


def cascade_output(setpoint: int, low: int, high: int) -> int:
    """Output of the outer loop, 0 to 65 536, that asks for this setpoint: the highest that does not ask for more."""
    output = 0
    bit = 65536
    while bit:
        if cascade_setpoint(output + bit, low, high) <= setpoint and output + bit <= 65536:
            output += bit
        bit >>= 1
    return output


def rate_forward(rate_256: int, mantissa: int, shift: int) -> int:
    """Output that the speed of a ramp asks for; the speed, in 1/256 unit a scan, is cut to 2^17: product < 2^29."""
    return cut(cut(rate_256) * mantissa >> shift)


def feed_forward(setpoint: int, mantissa: int, shift: int) -> int:
    """Output in 1/65536 that a setpoint asks for: setpoint * mantissa / 2^shift, cut to +-2^17.

    The setpoint is below 2^19 and the mantissa below 2^12; its low 9 bits are taken apart as above.
    """
    high = (setpoint >> 9) * mantissa  # < 2^22
    low = (setpoint & 511) * mantissa >> shift  # < 2^21
    if shift >= 9:
        high >>= shift - 9
    else:
        high = cut(high) << (9 - shift)  # < 2^26
    return cut(high + low)


def cut(output: int) -> int:
    """The output within +-2^17."""
    return -131072 if output < -131072 else 131072 if output > 131072 else output
