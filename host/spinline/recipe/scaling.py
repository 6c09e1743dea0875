"""From SI and screen units to whole numbers: mantissa and shift of a gain, wire units of a quantity."""

from __future__ import annotations

import math

from spinline.errors import BadInput
from spinline.recipe.channel_model import QUANTITY_BY_NAME

GAIN_ERROR_MAX = 0.01  # relative; a gain that cannot be met closer than this is refused


def mantissa_shift(gain: float, mantissa_max: int = 4095, shift_max: int = 28) -> tuple[int, int]:
    """``gain`` as mantissa / 2^shift, the mantissa as large as fits.  BadInput where it cannot be met within 1 %."""
    if gain == 0:
        return 0, 0
    if gain < 0 or not math.isfinite(gain):
        raise BadInput([f"a gain of {gain} cannot be meant"])
    shift = min(shift_max, max(0, math.floor(math.log2(mantissa_max / gain))))
    mantissa = round(gain * 2**shift)
    if mantissa > mantissa_max and shift > 0:
        shift -= 1
        mantissa = round(gain * 2**shift)
    error = abs(mantissa / 2**shift - gain) / gain
    if mantissa > mantissa_max or error > GAIN_ERROR_MAX:
        nearest = f"{mantissa}/2^{shift}, off by {100 * error:.1f} %"
        raise BadInput([f"a gain of {gain:.3g} in whole units cannot be met: nearest is {nearest}"])
    return mantissa, shift


def whole(quantity: str, number: float) -> int:
    """A number of the quantity's screen unit in its whole wire unit."""
    decimals: int = QUANTITY_BY_NAME[quantity][5]
    return round(number * float(10**decimals))
