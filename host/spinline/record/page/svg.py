"""Small pieces of SVG that pictures over time or over metres share.  Pure: numbers in, text out."""

from __future__ import annotations

import math
from html import escape

STATE_COLOURS = {
    "RUNNING": "#cfe8cf",
    "THREADING": "#fde7b5",
    "PREPARING": "#f6d9c4",
    "HELD": "#cfdcf3",
    "HOLDING": "#dfe8f7",
    "UNSUPERVISED": "#e9d3ee",
    "ABORTED": "#eeb4ae",
    "ABORTING": "#f5d0cc",
    "STOPPED": "#d5d8da",
}
OTHER_COLOUR = "#eceff1"


def box(left: float, y: float, width: float, height: float, fill: str, title: str = "") -> str:
    """A filled rectangle, at least 1 px wide; ``title`` is shown where a pointer rests on it."""
    shown = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{left:.1f}" y="{y}" width="{max(width, 1):.1f}" height="{height}" fill="{fill}">{shown}</rect>'


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers within the range, at most so many."""
    raw = (high - low) / most
    step = 10 ** math.floor(math.log10(raw))
    step *= next(factor for factor in (1, 2, 5, 10) if factor * step >= raw)
    first = math.ceil(low / step)
    return [step * i for i in range(first, math.floor(high / step) + 1)]


def with_air(low: float, high: float) -> tuple[float, float]:
    """A range with some air around it; never an empty one."""
    air = max(0.06 * (high - low), 0.002 * max(abs(low), abs(high)), 1e-6)
    return low - air, high + air
