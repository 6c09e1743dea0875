"""One number against one window: verdict and margin.  Pure; the same comparison for plan and product."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from spinline.claims.catalog import Window, window
from spinline.claims.evidence import Quality, Reading
from spinline.claims.exact import exact
from spinline.claims.verdicts import Verdict


@dataclass(frozen=True)
class WindowRow:
    """A window with what was found.  `value`, `uncertainty` and `margin` in `unit`, None when not known.

    `margin` is the distance to the nearest bound, negative outside.  `place` is a resin lot or empty.
    `counts` is False where a FAIL of this row refuses nothing by itself.
    """

    id: str
    quantity: str
    tier: str
    unit: str
    value: Decimal | None
    uncertainty: Decimal | None
    low: Decimal | None
    high: Decimal | None
    low_inclusive: bool
    high_inclusive: bool
    margin: Decimal | None
    verdict: Verdict
    place: str
    reason: str
    evidence: str
    source: str
    counts: bool


def is_inside(limits: Window, number: Decimal) -> bool:
    """Strict decimal comparison with the bounds as they are written; nothing is rounded."""
    above = limits.low is None or (number >= limits.low if limits.low_inclusive else number > limits.low)
    below = limits.high is None or (number <= limits.high if limits.high_inclusive else number < limits.high)
    return above and below


def margin(limits: Window, number: Decimal) -> Decimal | None:
    """Distance to the nearest bound, negative outside; None when the window has no bound."""
    with exact():
        below = [] if limits.low is None else [number - limits.low]
        above = [] if limits.high is None else [limits.high - number]
    return min(below + above, default=None)


def _compare(limits: Window, reading: Reading | None) -> tuple[Verdict, str]:
    if reading is None:
        return Verdict.UNKNOWN, "no number on file"
    if reading.quality is not Quality.GOOD:
        return Verdict.UNKNOWN, reading.note or f"the number is {reading.quality.value}"
    if not is_inside(limits, reading.number):
        return Verdict.FAIL, "outside"
    if reading.uncertainty is None:
        return Verdict.UNKNOWN, "inside, but its uncertainty is not stated"
    with exact():
        ends = (reading.number - reading.uncertainty, reading.number + reading.uncertainty)
    if not all(is_inside(limits, end) for end in ends):
        return Verdict.AT_LIMIT, "inside, but within its uncertainty of a bound"
    return Verdict.PASS, "inside"


def _guard_band(limits: Window, reading: Reading | None) -> tuple[Verdict, str]:
    """A guard band stands inside a claimed window: between the two is AT_LIMIT, outside the claim is FAIL."""
    assert limits.guards is not None
    if reading is None or reading.quality is not Quality.GOOD or is_inside(limits, reading.number):
        # The band already is the uncertainty: the number itself is compared as it stands.
        return _compare(limits, None if reading is None else replace(reading, uncertainty=Decimal(0)))
    if is_inside(window(limits.guards), reading.number):
        return Verdict.AT_LIMIT, f"outside the guard band, inside {limits.guards}"
    return Verdict.FAIL, f"outside {limits.guards}"


def judge_window(window_id: str, reading: Reading | None, place: str = "", counts: bool | None = None) -> WindowRow:
    """Compare a reading with a window.  Raises UnknownName for an id that is not in the tables.

    Outside is FAIL whatever the uncertainty; inside, AT_LIMIT when the reading plus or minus its uncertainty
    leaves the window; UNKNOWN when the reading is missing, not GOOD, or inside without a stated uncertainty.
    `counts` defaults to True for engineering windows and False for all others.
    """
    limits = window(window_id)
    rule: Callable[[Window, Reading | None], tuple[Verdict, str]] = _guard_band if limits.guards else _compare
    verdict, reason = rule(limits, reading)
    return WindowRow(
        id=limits.id,
        quantity=limits.quantity,
        tier=limits.tier.value,
        unit=limits.unit,
        value=None if reading is None else reading.number,
        uncertainty=None if reading is None else reading.uncertainty,
        low=limits.low,
        high=limits.high,
        low_inclusive=limits.low_inclusive,
        high_inclusive=limits.high_inclusive,
        margin=None if reading is None else margin(limits, reading.number),
        verdict=verdict,
        place=place,
        reason=reason,
        evidence="" if reading is None else reading.source,
        source=limits.source,
        counts=limits.tier == "engineering" if counts is None else counts,
    )
