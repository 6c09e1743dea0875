"""How a loop takes new gains without moving its output.  Pure; what may change is in structure.py."""

from . import pid
from .ratio import cut

BUMP_MAX = 2  # counts of the output
TERM_MAX = 524288
ERROR_MAX = SPEED_MAX = 131071


def _limited(number: int, most: int) -> int:
    return -most if number < -most else most if number > most else number


def p_term(image, at: int, words: "tuple[int, ...]") -> int:  # type: ignore[no-untyped-def]
    """The P that the kernel's last scan would have made of these words; another setpoint weight begins without lag."""
    lag = image[at + pid.LAG] if words[pid.B_256 - pid.ACTION] == image[at + pid.B_256] else 0
    acc = ((image[at + pid.SETPOINT] - image[at + pid.PV]) << 8) + image[at + pid.RAMP_REST] - lag + 128
    error, fine = _limited(acc >> 8, ERROR_MAX), (acc & 255) - 128
    if image[at + pid.ACTION] < 0:
        error, fine = -error, -fine
    mantissa = words[pid.MP - pid.ACTION]
    return _limited((error * mantissa + (fine * mantissa >> 8)) >> words[pid.SP - pid.ACTION], TERM_MAX)


def d_term(image, at: int, mantissa: int, shift: int, kd: int) -> int:  # type: ignore[no-untyped-def]
    """The D that the kernel's next scan would make of these gains if the pv stood still."""
    fine = image[at + pid.FILTER_1]
    fine += ((image[at + pid.PV] << 8) - fine) >> kd
    dy = _limited((fine - image[at + pid.FILTER_2]) >> kd, SPEED_MAX)
    if image[at + pid.ACTION] < 0:
        dy = -dy
    return _limited(-((dy * mantissa) >> shift), TERM_MAX)


def bumpless_integral(image, at: int, words: "tuple[int, ...]", feed_forward: int) -> "tuple[int, int]":  # type: ignore[no-untyped-def]
    """The integral with which new gains give the output of the old ones, and how far the output would still move.

    ``words`` are the block's words from ACTION to OUT_RATE as they will be.  The integral takes what P, D and
    feed-forward lose; where it reaches its own limit the output may move, and the caller refuses.
    """
    word = pid.ACTION
    p = p_term(image, at, words)
    d = d_term(image, at, words[pid.MD - word], words[pid.SD - word], words[pid.KD - word])
    d_before = d_term(image, at, image[at + pid.MD], image[at + pid.SD], image[at + pid.KD])
    before = image[at + pid.P_TERM] + image[at + pid.INTEGRAL] + d_before + image[at + pid.FEED_FORWARD]
    integral = cut(before - p - d - feed_forward)
    low, high = words[pid.OUT_LOW - word], words[pid.OUT_HIGH - word]
    after = max(low, min(high, p + integral + d + feed_forward))
    return integral, abs(after - max(low, min(high, before)))
