"""Exact decimal arithmetic, whatever the caller's decimal context is.  No float enters here."""

from contextlib import AbstractContextManager
from decimal import Clamped, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext

EXACT_DIGITS_N = 40  # a bound and a value written with fewer digits are compared without rounding

_EXACT = Context(
    prec=EXACT_DIGITS_N,
    rounding="ROUND_HALF_EVEN",
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
assert not _EXACT.traps[Clamped]


def exact() -> AbstractContextManager[Context]:
    """A `with` block in which decimals have 40 digits; an invalid operation raises InvalidOperation."""
    return localcontext(_EXACT)


def plain(number: Decimal, digits_n: int = 6) -> str:
    """The number as a person writes it: `digits_n` significant digits, no exponent, no trailing zeros."""
    with localcontext(Context(prec=digits_n)):
        rounded = +number
    with exact():
        text = format(rounded, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
