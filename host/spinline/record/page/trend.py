"""Trends of a batch as SVG: lowest to highest of a pixel behind its mean, windows shaded, events marked, gaps blank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from spinline.claims.catalog import window
from spinline.record.course import Stage
from spinline.record.page.svg import OTHER_COLOUR, STATE_COLOURS, box, ticks, with_air
from spinline.record.series import Interval, Mean
from spinline.record.told import Told

WIDTH, LEFT, RIGHT = 1240, 70, 10
STATE_H, PANEL_H, TITLE_H, AXIS_H = 16, 84, 17, 30
COLOURS = ("#1f5fa8", "#59a14f", "#b07aa1", "#e15759", "#f28e2b", "#9c755f", "#17a2a2", "#222222")
SETPOINT = "#d17a00"
INSIDE = "#e7f4e7"
MINUTE_US = 60_000_000
NOT_MARKED = ("STATE_CHANGED", "CONFIGURED", "BOOT", "LEASE_RENEWED", "SETPOINT_CHANGED")


@dataclass(frozen=True)
class Panel:
    """One row of the picture: lines of means that share an axis, one dashed for the setpoint, and a window.

    ``every_us`` is what a mean stands for.
    """

    title: str
    every_us: int
    lines: Sequence[tuple[str, Sequence[Mean]]]
    setpoint: Sequence[Mean] = ()
    window_id: str | None = None
    band: tuple[float, float] | None = None  # inside of which all is well, where no window says it
    nodes: tuple[str, ...] = ()  # whose events are marked


@dataclass
class Trends:
    """Panels below each other over the time of the batch."""

    within: Interval
    stages: Sequence[Stage]
    events: Sequence[Told] = ()
    panels: list[Panel] = field(default_factory=list)

    def svg(self) -> str:
        """The whole picture."""
        height = STATE_H + len(self.panels) * (TITLE_H + PANEL_H) + AXIS_H
        parts = [f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">']
        parts += self._states()
        y = STATE_H
        for panel in self.panels:
            y += TITLE_H
            parts += self._panel(panel, y)
            y += PANEL_H
        parts += self._axis(y)
        return "".join([*parts, "</svg>"])

    def _x(self, at_us: float) -> float:
        begin, end = self.within
        return LEFT + (min(max(at_us, begin), end) - begin) / max(end - begin, 1) * (WIDTH - LEFT - RIGHT)

    def _states(self) -> list[str]:
        parts = []
        for stage in self.stages:
            left, width = self._x(stage.from_us), self._x(stage.to_us) - self._x(stage.from_us)
            parts.append(box(left, 0, width, STATE_H, STATE_COLOURS.get(stage.state, OTHER_COLOUR), stage.state))
            if width > 7 * len(stage.state):
                parts.append(f'<text class="s" x="{left + 3:.1f}" y="{STATE_H - 4}">{escape(stage.state)}</text>')
        return parts

    def _panel(self, panel: Panel, y: int) -> list[str]:
        low, high = _range(panel)
        parts = [f'<text class="t" x="{LEFT}" y="{y - 4}">{escape(panel.title)}{_window_words(panel)}</text>']
        parts += _shade(panel, low, high, y)
        parts += _grid(low, high, y)
        for stage in self.stages[1:]:
            x = self._x(stage.from_us)
            parts.append(f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + PANEL_H}"/>')
        for i, (_name, means) in enumerate(panel.lines):
            colour = COLOURS[i % len(COLOURS)]
            parts += self._line(means, panel.every_us, y, (low, high), colour, "band" if len(panel.lines) == 1 else "")
        parts += self._line(panel.setpoint, panel.every_us, y, (low, high), SETPOINT, "dashed")
        parts += self._names(panel, y)
        parts += [self._event(event, y) for event in self.events if _is_marked(event, panel)]
        return parts

    def _line(
        self, means: Sequence[Mean], every_us: int, y: int, shown: tuple[float, float], colour: str, form: str
    ) -> list[str]:
        """A line with gaps; ``form`` is "band" for lowest to highest behind it, "dashed", or empty."""
        low, high = shown

        def at(number: float) -> str:
            return f"{y + PANEL_H - (min(max(number, low), high) - low) / (high - low) * PANEL_H:.1f}"

        parts = []
        for piece in _without_gaps(means, every_us):
            xs = [f"{self._x(mean.at_us + every_us / 2):.1f}" for mean in piece]
            if form == "band":
                over = [f"{x},{at(mean.high)}" for x, mean in zip(xs, piece, strict=True)]
                under = [f"{x},{at(mean.low)}" for x, mean in zip(xs, piece, strict=True)]
                parts.append(f'<polygon points="{" ".join(over + under[::-1])}" fill="{colour}" opacity="0.3"/>')
            points = " ".join(f"{x},{at(mean.mean)}" for x, mean in zip(xs, piece, strict=True))
            dashes = ' stroke-dasharray="5 3"' if form == "dashed" else ""
            parts.append(f'<polyline points="{points}" stroke="{colour}"{dashes}/>')
        return parts

    def _names(self, panel: Panel, y: int) -> list[str]:
        """Beside the title, in the colour of their line; one line needs no name."""
        if len(panel.lines) < 2:
            return []
        names = "".join(
            f'<tspan fill="{COLOURS[i % len(COLOURS)]}" dx="9">{escape(name)}</tspan>'
            for i, (name, _means) in enumerate(panel.lines)
        )
        return [f'<text class="r" x="{WIDTH - RIGHT}" y="{y - 4}">{names}</text>']

    def _event(self, event: Told, y: int) -> str:
        minute = (event.at_us - self.within[0]) / MINUTE_US
        words = f"{minute:.1f} min {event.node} {event.code} {event.subject}"
        return f'<path class="e" d="M{self._x(event.at_us):.1f} {y + 7}l-4-7h8z"><title>{escape(words)}</title></path>'

    def _axis(self, y: int) -> list[str]:
        minutes = (self.within[1] - self.within[0]) / MINUTE_US
        parts = [
            f'<text class="x" x="{self._x(self.within[0] + at * MINUTE_US):.1f}" y="{y + 13}">{at:g}</text>'
            for at in ticks(0, max(minutes, 0.1), 12)
        ]
        return [*parts, f'<text class="x" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{y + 27}">minutes</text>']


def _range(panel: Panel) -> tuple[float, float]:
    """What is shown: numbers and setpoint, of the band its edges."""
    numbers = [end for _name, means in panel.lines for mean in means for end in (mean.low, mean.high)]
    numbers += [mean.mean for mean in panel.setpoint] + list(panel.band or ())
    return with_air(min(numbers, default=0.0), max(numbers, default=1.0))


def _shade(panel: Panel, low: float, high: float, y: int) -> list[str]:
    """Green is inside the window; its bound is a red line where it lies in the picture."""
    bounds = window(panel.window_id) if panel.window_id else None
    ends = (bounds.low, bounds.high) if bounds else panel.band or (None, None)
    bottom, top = (float(end) if end is not None else None for end in ends)
    if bottom is None and top is None:
        return []

    def at(number: float) -> float:
        return y + PANEL_H - (min(max(number, low), high) - low) / (high - low) * PANEL_H

    upper, lower = at(high if top is None else top), at(low if bottom is None else bottom)
    width, height = WIDTH - LEFT - RIGHT, lower - upper
    parts = [f'<rect x="{LEFT}" y="{upper:.1f}" width="{width}" height="{height:.1f}" fill="{INSIDE}"/>']
    for end in (bottom, top):
        if end is not None and low < end < high:
            parts.append(
                f'<line class="bound" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at(end):.1f}" y2="{at(end):.1f}"/>'
            )
    return parts


def _window_words(panel: Panel) -> str:
    if not panel.window_id:
        return ""
    bounds = window(panel.window_id)
    low, high = ("" if end is None else f"{end}" for end in (bounds.low, bounds.high))
    return f'<tspan class="w" dx="8">{escape(panel.window_id)} ({bounds.tier.value}) {low} .. {high}</tspan>'


def _grid(low: float, high: float, y: int) -> list[str]:
    parts = [f'<rect class="frame" x="{LEFT}" y="{y}" width="{WIDTH - LEFT - RIGHT}" height="{PANEL_H}"/>']
    for number in ticks(low, high, 4):
        at = y + PANEL_H - (number - low) / (high - low) * PANEL_H
        parts.append(f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="y" x="{LEFT - 5}" y="{at + 3:.1f}">{number:.6g}</text>')
    return parts


def _without_gaps(means: Sequence[Mean], every_us: int) -> list[list[Mean]]:
    """Pieces between which at least one mean is missing."""
    pieces: list[list[Mean]] = []
    for mean in means:
        if not pieces or mean.at_us - pieces[-1][-1].at_us > 1.5 * every_us:
            pieces.append([])
        pieces[-1].append(mean)
    return pieces


def _is_marked(event: Told, panel: Panel) -> bool:
    return event.node in panel.nodes and event.code not in NOT_MARKED
