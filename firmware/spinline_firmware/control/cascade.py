"""The limit feedback of a cascade: an inner loop at its limit lets its outer loop ask for no more of the same."""

from spinline_protocol.configuration import LOOP, MODE_CASCADE, field_index

from . import pid
from .image import loop_at

_MASTER, _ACTION, _OUT_LOW = [field_index(LOOP, name) for name in ("master", "action", "out_low")]


def limit_outer(image, rows: "list[tuple[int, ...]]", i: int) -> bool:  # type: ignore[no-untyped-def]
    """The limits of the outer loop of inner loop ``i``; True where they changed."""
    row, at = rows[i], loop_at(i)
    above, outer = rows[row[_MASTER]], loop_at(row[_MASTER])
    low, high = above[_OUT_LOW], above[_OUT_LOW + 1]
    if image[at + pid.MODE] == MODE_CASCADE:
        wanted = image[at + pid.BEFORE_LIMITS]
        at_high, at_low = wanted > image[at + pid.OUT_HIGH], wanted < image[at + pid.OUT_LOW]
        if row[_ACTION] < 0:
            at_high, at_low = at_low, at_high
        if at_high:
            high = image[outer + pid.OUTPUT]
        elif at_low:
            low = image[outer + pid.OUTPUT]
    if image[outer + pid.OUT_LOW] == low and image[outer + pid.OUT_HIGH] == high:
        return False
    image[outer + pid.OUT_LOW], image[outer + pid.OUT_HIGH] = low, high
    return True
