"""What is known of a quantity: lowest, highest, and how far either may be off.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from spinline.claims.catalog import window
from spinline.claims.windows import is_inside

SIGMAS = 2.0  # claims are judged at 2 sigma


@dataclass(frozen=True)
class Span:
    """Lowest and highest number of a quantity, and 2 sigma of either, in the unit of its window."""

    low: float
    high: float
    uncertainty: float = 0.0

    def joined(self, other: Span) -> Span:
        """Both together."""
        return Span(min(self.low, other.low), max(self.high, other.high), max(self.uncertainty, other.uncertainty))


def is_within(name: str, span: Span, by: float) -> bool:
    """Whether a window holds a span whose ends are moved outward by so much: strictly by the window's decimals."""
    ends = (span.low - by, span.high + by)
    return all(is_inside(window(name), Decimal(str(end))) for end in ends)


Spans = Mapping[str, Span | None]
"""Id of a window -> span in its unit."""
