"""One picture of a batch for a person: temperatures, baths, stretch ratio, parts, the course on top.

The only file that imports matplotlib.  It draws what the journal holds and judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import apsw
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spinline.claims.catalog import window
from spinline.line import roles as line_roles
from spinline.line.roles import Role, role, zones
from spinline.recipe.line_model import Line
from spinline.record.course import Stage, course, production
from spinline.record.deviation import configured_ratio, deviations
from spinline.record.mode import mode_of
from spinline.record.series import Interval, extent, fetch, means, ratio_means, reading

WIDTH_IN, HEIGHT_IN, DPI = 16.0, 14.0, 100
POINTS_N = 1500  # about one a pixel; between them stand the lowest and the highest number
LANE_K = 3.0  # half the height of a zone's lane of deviation
RATIO_BAND = 0.003
MINUTE_US = 60_000_000

INSIDE, BAND, INK, GRID = "#e4f2e4", "#bfe3bf", "#20303c", "#d9dee2"
LIMIT, LINE_COLOUR, FINE = "#b3261e", "#1f5fa8", "#9db8d6"
ZONE_COLOURS = ("#4e79a7", "#59a14f", "#b07aa1", "#e15759", "#f28e2b", "#9c755f", "#17a2a2", "#222222")
STATE_COLOURS = {"RUNNING": "#7fc97f", "THREADING": "#fdd58a", "COMPLETING": "#c9b6e4", "COMPLETE": "#b8c4cc"}
OTHER_STATE, WARNING_STATE = "#f6c6a8", "#f08a80"
WARNING_STATES = ("HOLDING", "HELD", "UNSUPERVISED", "STOPPING", "STOPPED", "ABORTING", "ABORTED")


@dataclass(frozen=True)
class _View:
    """What every row of the picture shares: where it reads, the course, the time span."""

    connection: apsw.Connection
    line: Line
    stages: list[Stage]
    within: Interval

    @property
    def every_us(self) -> int:
        return max(1_000_000, (self.within[1] - self.within[0]) // POINTS_N)

    def minutes(self, at_us: list[int]) -> list[float]:
        return [(at - self.within[0]) / MINUTE_US for at in at_us]

    @property
    def heated_us(self) -> int:
        """End of the first state: what came before would hide the rest of a row."""
        return self.stages[0].to_us if self.stages else self.within[0]

    def in_production(self, at_us: int) -> bool:
        return any(begin <= at_us < end for begin, end in production(self.stages))


def draw_picture(journal: Path | apsw.Connection, line: Line, path: Path) -> None:
    """Write the picture, a PNG of 1600 x 1400 pixels.  Raises BadFile for no journal, OSError.

    A journal without scans gives a picture that says so.
    """
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    with reading(journal) as connection:
        within = extent(connection)
        if within is None:
            figure.text(0.5, 0.5, "no scans in this journal", ha="center", size=20)
        else:
            _draw(figure, _View(connection, line, course(connection), within))
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def _draw(figure: Figure, view: _View) -> None:
    heights = (0.32, 2.0, 3.0, 1.0, 1.0, 1.25, 1.25, 1.25)
    grid = figure.add_gridspec(
        len(heights), 2, height_ratios=heights, width_ratios=(14, 1), left=0.075, right=0.955, top=0.905, bottom=0.045,
        hspace=0.16, wspace=0.12,
    )  # fmt: skip
    rows = [figure.add_subplot(grid[0, 0])]
    rows += [figure.add_subplot(grid[i, 0], sharex=rows[0]) for i in range(1, len(heights))]
    gauges = [figure.add_subplot(grid[i, 1]) for i in range(3, len(heights))]
    _title(figure, view)
    _states(rows[0], view)
    _zone_temperatures(rows[1], view)
    _zone_deviations(rows[2], view)
    _bath(rows[3], gauges[0], view, role(view.line, line_roles.QUENCH_TEMPERATURE), "quench\ndegC", "E-TQUENCH")
    _bath(
        rows[4],
        gauges[1],
        view,
        role(view.line, line_roles.EXTRACTION_TEMPERATURE),
        "extraction\ndegC",
        "E-TEXTR",
    )
    _stretch(rows[5], gauges[2], view)
    _parts(rows[6], gauges[3], view, role(view.line, line_roles.PLASTICIZER), "plasticizer", "C12-PLAST")
    _parts(rows[7], gauges[4], view, role(view.line, line_roles.SOLVENT), "solvent", "C12-SOLV")
    for row in rows[1:]:
        _frame(row, view)
    for row in rows[:-1]:
        row.tick_params(labelbottom=False)
    rows[-1].set_xlabel("minutes since the first scan", color=INK)


def _title(figure: Figure, view: _View) -> None:
    rows = fetch(
        view.connection,
        "SELECT name, recipe, recipe_version, recipe_sha256, line, line_sha256 FROM batch",
    )
    nodes = fetch(view.connection, "SELECT DISTINCT micropython, firmware_sha256 FROM run")
    name, recipe, version, recipe_sha256, line, line_sha256 = rows[0] if rows else ("?", "?", "?", "", "?", "")
    mode = mode_of(view.connection) or "simulated?"
    figure.text(0.075, 0.972, f"Recipe {recipe} v{version} on line {line}", size=19, weight="bold", color=INK)
    hashes = f"batch {name}    recipe {recipe_sha256[:8]}    line {line_sha256[:8]}"
    firmware = "".join(f"    firmware {sha256[:8]} on MicroPython {micropython}" for micropython, sha256 in nodes)
    figure.text(0.075, 0.952, hashes + firmware, size=11, color=INK)
    box = {
        "boxstyle": "round,pad=0.35",
        "facecolor": "#fff3cd" if mode.startswith("simulated") else "#d8ecd8",
        "edgecolor": INK,
    }
    figure.text(0.955, 0.962, mode.upper(), size=17, weight="bold", ha="right", va="center", color=INK, bbox=box)


def _states(axes: Axes, view: _View) -> None:
    """The course of the batch as a band; a name that does not fit stands over it."""
    total_us = view.within[1] - view.within[0]
    for stage in view.stages:
        begin, end = view.minutes([stage.from_us, stage.to_us])
        colour = WARNING_STATE if stage.state in WARNING_STATES else STATE_COLOURS.get(stage.state, OTHER_STATE)
        axes.axvspan(begin, end, facecolor=colour, edgecolor="white")
        wide = (stage.to_us - stage.from_us) / total_us > 0.008 * len(stage.state)
        if wide:
            axes.text(
                (begin + end) / 2,
                0.5,
                stage.state,
                ha="center",
                va="center",
                size=10,
                weight="bold",
                color=INK,
            )
        else:
            edge = "right" if stage is view.stages[-1] else "center"
            axes.text((begin + end) / 2, 1.08, stage.state, size=8, color=INK, ha=edge, va="bottom")
    axes.set(ylim=(0, 1), yticks=[], xlim=(0, view.minutes([view.within[1]])[0]))
    for spine in axes.spines.values():
        spine.set_visible(False)


def _zone_temperatures(axes: Axes, view: _View) -> None:
    labels: list[tuple[float, str, str]] = []
    for zone, colour in zip(zones(view.line), ZONE_COLOURS, strict=False):
        found = means(view.connection, zone.pv, view.within, view.every_us)
        setpoint = means(view.connection, zone.setpoint, view.within, view.every_us)
        axes.plot(view.minutes([row.at_us for row in found]), [row.mean for row in found], color=colour, lw=1.5)
        at = view.minutes([row.at_us for row in setpoint])
        axes.plot(at, [row.mean for row in setpoint], color=colour, lw=0.9, ls=(0, (4, 3)))
        held = [row.mean for row in setpoint if view.in_production(row.at_us)] or [row.mean for row in setpoint]
        if held:
            labels.append((held[-1], f"{zone.loop.name}  {held[-1]:.0f}", colour))
    axes.set_ylabel("zones\ndegC", color=INK)
    _label_apart(axes, labels)
    axes.text(0.006, 0.94, "measured; setpoint dashed", transform=axes.transAxes, size=9, va="top", color=INK)


def _label_apart(axes: Axes, labels: list[tuple[float, str, str]]) -> None:
    """Names at the right edge beside their number, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    step, at = (high - low) * 0.115, low
    places = []
    for number, text, colour in sorted(labels, key=lambda label: round(label[0])):
        at = max(at, number)
        places.append((at, text, colour))
        at += step
    surplus = max(0.0, places[-1][0] - high) if places else 0.0
    for i in range(len(places) - 1, -1, -1):  # push down what does not fit at the top
        ceiling = high - (len(places) - 1 - i) * step
        place = min(places[i][0], ceiling) if surplus else places[i][0]
        axes.text(1.008, (place - low) / (high - low), places[i][1], transform=axes.transAxes, size=9.5, va="center",
                  color=places[i][2], weight="bold")  # fmt: skip


def _zone_deviations(axes: Axes, view: _View) -> None:
    """One lane a zone: measured less setpoint, lowest to highest as a band around the mean."""
    found = list(zip(zones(view.line), ZONE_COLOURS, strict=False))
    of_zones = deviations(view.connection, view.line, zones(view.line), production(view.stages))
    for lane, (zone, colour) in enumerate(found):
        middle = -2 * LANE_K * lane
        pv = means(view.connection, zone.pv, view.within, view.every_us)
        setpoints = {row.at_us: row.mean for row in means(view.connection, zone.setpoint, view.within, view.every_us)}
        rows = [(row, setpoints[row.at_us]) for row in pv if row.at_us in setpoints]
        at = view.minutes([row.at_us for row, _ in rows])
        ends = [
            [middle + max(-LANE_K, min(LANE_K, number - setpoint)) for number, setpoint in numbers]
            for numbers in (
                [(row.low, setpoint) for row, setpoint in rows],
                [(row.high, setpoint) for row, setpoint in rows],
                [(row.mean, setpoint) for row, setpoint in rows],
            )
        ]
        axes.axhspan(middle - LANE_K, middle + LANE_K, facecolor="white" if lane % 2 else "#f6f8f9", zorder=0)
        axes.axhline(middle, color=GRID, lw=0.8, zorder=1)
        axes.fill_between(at, ends[0], ends[1], color=colour, alpha=0.3, lw=0)
        axes.plot(at, ends[2], color=colour, lw=1.0)
        worst = of_zones[zone.tag].of_means
        text = f"{zone.loop.name}" + ("" if worst is None else f"  {worst:.2f} K")
        axes.text(
            1.008,
            middle,
            text,
            transform=axes.get_yaxis_transform(),
            size=9.5,
            va="center",
            color=colour,
            weight="bold",
        )
    axes.set_ylim(-2 * LANE_K * len(found) + LANE_K, LANE_K)
    ticks = [-2 * LANE_K * lane + off for lane in range(len(found)) for off in (0, 2)]
    axes.set_yticks(ticks, ["0", "+2"] * len(found), size=7.5)
    axes.set_ylabel(f"deviation of zones, K\n(lanes end at {LANE_K:g} K)", color=INK)
    axes.text(1.008, 1.0, "RUNNING: largest 10 s mean", transform=axes.transAxes, size=8, va="bottom", color=INK)


def _bath(axes: Axes, gauge: Axes, view: _View, bath: Role, label: str, window_id: str) -> None:
    found = means(view.connection, bath.pv, view.within, view.every_us)
    setpoint = means(view.connection, bath.setpoint, view.within, view.every_us)
    at = view.minutes([row.at_us for row in found])
    axes.fill_between(at, [row.low for row in found], [row.high for row in found], color=FINE, lw=0)
    axes.plot(at, [row.mean for row in found], color=LINE_COLOUR, lw=1.2)
    dashed = view.minutes([row.at_us for row in setpoint])
    axes.plot(dashed, [row.mean for row in setpoint], color=INK, lw=0.9, ls=(0, (4, 3)))
    axes.set_ylabel(label, color=INK)
    numbers = [end for row in found if view.in_production(row.at_us) for end in (row.low, row.high)]
    after_heatup = [end for row in found if row.at_us >= view.heated_us for end in (row.low, row.high)]
    _zoom(axes, after_heatup, setpoint[-1].mean if setpoint else None, least=1.0)
    _window(axes, gauge, window_id, numbers, 1)
    text = "lowest to highest pale; green: inside the window, which stands whole at the right"
    axes.text(0.006, 0.91, text, transform=axes.transAxes, size=9, va="top", color=INK)


def _stretch(axes: Axes, gauge: Axes, view: _View) -> None:
    stretch = role(view.line, line_roles.STRETCH)
    planned = configured_ratio(view.connection, stretch)
    found = ratio_means(view.connection, stretch.pv, stretch.master, view.within, 1_000_000, _least_master(stretch))
    axes.plot(view.minutes([at for at, _ in found]), [ratio for _, ratio in found], color=LINE_COLOUR, lw=0.9)
    numbers = [ratio for at, ratio in found if view.in_production(at)]
    axes.set_ylabel("stretch ratio\nv2 / v1", color=INK)
    if planned is not None:
        band = planned * RATIO_BAND
        _zoom(axes, numbers, planned, least=3 * band)
        axes.axhspan(planned - band, planned + band, facecolor=BAND, zorder=0.5)
        axes.axhline(planned, color=INK, lw=0.9, ls=(0, (4, 3)))
        for sign in (-1, 1):
            axes.axhline(planned + sign * band, color=LIMIT, lw=0.8)
        text = f"1 s means; green: setpoint {planned:.3f} +- {100 * RATIO_BAND:.1f} %"
        axes.text(0.006, 0.93, text, transform=axes.transAxes, size=9, va="top", color=INK)
    _window(axes, gauge, "E-DR", numbers, 3)


def _parts(axes: Axes, gauge: Axes, view: _View, feed: Role, name: str, window_id: str) -> None:
    planned = configured_ratio(view.connection, feed)
    numbers: list[float] = []
    for every_us, colour, width in ((10_000_000, FINE, 0.9), (MINUTE_US, LINE_COLOUR, 1.8)):
        found = ratio_means(view.connection, feed.pv, feed.master, view.within, every_us, _least_master(feed))
        middles = view.minutes([at + every_us // 2 for at, _ in found])
        axes.plot(middles, [100 * ratio for _, ratio in found], color=colour, lw=width)
        numbers = [
            100 * ratio for at, ratio in found if view.in_production(at) and view.in_production(at + every_us - 1)
        ]
    axes.set_ylabel(f"{name}\nparts", color=INK)
    if planned is not None:
        _zoom(axes, numbers, 100 * planned, least=3 * planned)
        axes.axhline(100 * planned, color=INK, lw=0.9, ls=(0, (4, 3)))
    axes.text(
        0.006,
        0.93,
        "per 100 parts of resin; 1 min means (10 s means pale)",
        transform=axes.transAxes,
        size=9,
        va="top",
        color=INK,
    )
    _window(axes, gauge, window_id, numbers, 1)


def _least_master(slave: Role) -> float:
    """Below 1 % of its range the master stands: a ratio to it says nothing."""
    return next(row.high for row in slave.node.input if row.name == slave.loop.master) / 100


def _zoom(axes: Axes, numbers: list[float], setpoint: float | None, least: float) -> None:
    """Show these numbers and the setpoint, at least ``least`` to either side of the setpoint."""
    shown = numbers + ([] if setpoint is None else [setpoint - least, setpoint + least])
    if shown:
        margin = 0.12 * (max(shown) - min(shown))
        axes.set_ylim(min(shown) - margin, max(shown) + margin)


def _window(axes: Axes, gauge: Axes, window_id: str, numbers: list[float], decimals: int) -> None:
    """Green is inside the window; the gauge beside the row shows the whole window and the numbers in it."""
    limits = window(window_id)
    low, high = float(limits.low or 0), float(limits.high or 0)
    shown = axes.get_ylim()
    axes.axhspan(low, high, facecolor=INSIDE, zorder=0)
    for limit in (low, high):
        if shown[0] < limit < shown[1]:
            axes.axhline(limit, color=LIMIT, lw=1.5)
    axes.set_ylim(shown)
    span = high - low
    gauge.axhspan(low, high, facecolor=INSIDE)
    for limit in (low, high):
        gauge.axhline(limit, color=LIMIT, lw=1.5)
    if numbers:
        gauge.axhspan(min(numbers), max(numbers), facecolor=LINE_COLOUR, alpha=0.5)
        middle = sum(numbers) / len(numbers)
        gauge.axhline(middle, color=LINE_COLOUR, lw=2)
        gauge.text(0.5, middle + 0.05 * span, f"{middle:.{decimals}f}", ha="center", va="bottom", size=9, weight="bold",
                   color=LINE_COLOUR, transform=gauge.get_yaxis_transform())  # fmt: skip
    ends = [low, high, *(numbers or [low])]
    gauge.set(ylim=(min(ends) - 0.12 * span, max(ends) + 0.12 * span), xticks=[], yticks=[low, high])
    gauge.tick_params(labelsize=8, colors=LIMIT)
    gauge.set_title(f"{limits.tier.value} {limits.id}", size=7, color=INK, pad=2)


def _frame(axes: Axes, view: _View) -> None:
    axes.grid(True, axis="both", color=GRID, lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK)
    for stage in view.stages[1:]:
        axes.axvline(view.minutes([stage.from_us])[0], color="#8a949c", lw=0.8, ls=":")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
