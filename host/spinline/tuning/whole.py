"""The gains as a node really holds them: mantissa and shift, and what that makes of Kc, Ti and Td."""

from __future__ import annotations

from spinline.recipe.compiler import FULL_SCALE
from spinline.recipe.scaling import mantissa_shift
from spinline.tuning.model import Gains


def quantised(gains: Gains, scan_s: float, decimals: int) -> Gains:
    """The gains behind the kernel's whole numbers for a pv with so many decimals; BadInput where one cannot be held."""
    counts = FULL_SCALE / 10**decimals
    wanted = (gains.Kc, gains.Kc * scan_s / gains.Ti_s, gains.Kc * gains.Td_s / scan_s / 256)
    p, i, d = (mantissa / 2.0**shift / counts for mantissa, shift in (mantissa_shift(one * counts) for one in wanted))
    return Gains(p, p * scan_s / i, d * scan_s * 256 / p, gains.filter_k)


def largest_error(gains: Gains, scan_s: float, decimals: int) -> float:
    """The largest relative error of Kc, Ti and Td as they are held."""
    held = quantised(gains, scan_s, decimals)
    pairs = ((gains.Kc, held.Kc), (gains.Ti_s, held.Ti_s), (gains.Td_s, held.Td_s))
    return max(abs(one / wanted - 1) for wanted, one in pairs if wanted)
