"""One loop over time as a small SVG: states on top, process variable and setpoint, output; the fault's band behind.

Pure: lists of points in, text out.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from spinline.record.page.svg import OTHER_COLOUR, STATE_COLOURS, box, ticks, with_air

Across = Callable[[float], float]
WIDTH, LEFT, RIGHT = 760, 64, 14
STATE_Y, STATE_H = 2, 15
PV_Y, PV_H = 38, 110  # the title of a panel stands above it
OUT_Y, OUT_H = 168, 46
AXIS_Y = OUT_Y + OUT_H
HEIGHT = AXIS_Y + 30
BAND, BAND_EDGE, PV, SP, OUT = "#fbdedb", "#c0392b", "#1f5fa8", "#d17a00", "#4d7c4d"
MARK_WIDTH_PX = 46  # a state narrower than this carries no name


def chart(trend: dict[str, Any], run: dict[str, Any]) -> str:
    """The picture of one trend of a run; time counts from the first fault, or from the start."""
    from_s: float = run["from_s"]
    to_s: float = max(run["virtual_s"], from_s + 1.0)
    zero_s = run["bands"][0][2] if run["bands"] else 0.0

    def x(at_s: float) -> float:
        return LEFT + (min(max(at_s, from_s), to_s) - from_s) / (to_s - from_s) * (WIDTH - LEFT - RIGHT)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">']
    parts += _states(run, x, to_s)
    for y, height in ((PV_Y, PV_H), (OUT_Y, OUT_H)):
        parts += [box(x(band[2]), y, x(band[3]) - x(band[2]), height, BAND) for band in run["bands"]]
    parts += [
        f'<line class="edge" x1="{x(at_s):.1f}" x2="{x(at_s):.1f}" y1="{PV_Y}" y2="{AXIS_Y}"/>'
        for band in run["bands"]
        for at_s in band[2:4]
        if at_s < to_s
    ]
    low, high = _range([trend["pv"], trend.get("sp", [])])
    parts += _grid(PV_Y, PV_H, low, high, f"{trend['name']}, {trend['unit']}")
    parts += _lines(trend.get("sp", []), x, PV_Y, PV_H, low, high, SP)
    parts += _lines(trend["pv"], x, PV_Y, PV_H, low, high, PV)
    if "out" in trend:
        low, high = min(0.0, _range([trend["out"]])[0]), 100.0
        parts += _grid(OUT_Y, OUT_H, low, high, "output, %")
        parts += _lines(trend["out"], x, OUT_Y, OUT_H, low, high, OUT)
    parts += _marks(run, x, zero_s)
    parts += _time_axis(x, from_s, to_s, zero_s, bool(run["bands"]))
    return "".join([*parts, "</svg>"])


def _states(run: dict[str, Any], x: Across, to_s: float) -> list[str]:
    """The batch's states as coloured pieces of a strip."""
    history = [[0.0, "IDLE", ""], *run["states"]]
    ends = [state[0] for state in history[1:]] + [to_s]
    parts = []
    for (begin_s, state, cause), end_s in zip(history, ends, strict=True):
        left, width = x(begin_s), x(end_s) - x(begin_s)
        if width <= 0:
            continue
        parts.append(box(left, STATE_Y, width, STATE_H, STATE_COLOURS.get(state, OTHER_COLOUR), f"{state}: {cause}"))
        if width > max(MARK_WIDTH_PX, 6.4 * len(state)):
            parts.append(f'<text class="s" x="{left + 3:.1f}" y="{STATE_Y + 11}">{state}</text>')
    return parts


def _range(lines: list[list[list[list[float]]]]) -> tuple[float, float]:
    """Lowest and highest number of all, with some air; never an empty range."""
    numbers = [number for line in lines for piece in line for _at, number in piece]
    return with_air(min(numbers, default=0.0), max(numbers, default=1.0))


def _grid(y: int, height: int, low: float, high: float, title: str) -> list[str]:
    parts = [f'<rect class="frame" x="{LEFT}" y="{y}" width="{WIDTH - LEFT - RIGHT}" height="{height}"/>']
    for number in ticks(low, high, 5 if height > 60 else 2):
        at = y + height - (number - low) / (high - low) * height
        parts.append(f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="y" x="{LEFT - 5}" y="{at + 3:.1f}">{number:.6g}</text>')
    parts.append(f'<text class="t" x="{LEFT}" y="{y - 5}">{escape(title)}</text>')
    return parts


def _lines(line: Any, x: Across, y: int, height: int, low: float, high: float, colour: str) -> list[str]:
    parts = []
    for piece in line:
        points = " ".join(
            f"{x(at_s):.0f},{y + height - (min(max(n, low), high) - low) / (high - low) * height:.1f}"
            for at_s, n in piece
        )
        parts.append(f'<polyline points="{points}" stroke="{colour}"/>')
    return parts


def _marks(run: dict[str, Any], x: Across, zero_s: float) -> list[str]:
    """A mark for each event but changes of state, which the strip shows; it says itself what it is."""
    return [
        f'<path class="e" d="M{x(at_s):.1f} {PV_Y}l-4-7h8z"><title>{at_s - zero_s:+.2f} s {node} {code} {escape(of)}'
        "</title></path>"
        for at_s, node, code, of in run["events"]
        if code != "STATE_CHANGED"
    ]


def _time_axis(x: Across, from_s: float, to_s: float, zero_s: float, fault: bool) -> list[str]:
    parts = [
        f'<text class="x" x="{x(zero_s + at_s):.1f}" y="{AXIS_Y + 13}">{at_s:g}</text>'
        for at_s in ticks(from_s - zero_s, to_s - zero_s, 9)
    ]
    words = f"s since the fault, laid at {zero_s:.1f} s of the run" if fault else "s since the start"
    parts.append(f'<text class="x" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{AXIS_Y + 26}">{words}</text>')
    return parts
