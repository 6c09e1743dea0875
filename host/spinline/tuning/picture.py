"""One picture of a tuning: the experiment with the model's fit, a load rejected before and after, the sensitivity."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spinline.tuning.identify import answer
from spinline.tuning.margin import frequencies, load_response
from spinline.tuning.model import controller_response, held_response
from spinline.tuning.rule import MS_MAX
from spinline.tuning.session import Request, Tuned

WIDTH_IN, HEIGHT_IN, DPI = 12.0, 11.0, 100
INK, GRID, LIMIT, OLD, NEW = "#20303c", "#d9dee2", "#b3261e", "#9c755f", "#1f5fa8"
LOAD = 0.1  # of full output
LAG_SCANS_SHOWN = 0.01  # a shorter lag is none


def _axes(axes: Axes, title: str, down: str, across: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_ylabel(down)
    axes.set_xlabel(across)
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def draw_tuning(path: Path, asked: Request, tuned: Tuned) -> None:
    """Write the picture as PNG."""
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    name = f"{asked.node.name}.{asked.loop.name}"
    figure.suptitle(f"Tuning of {name}", fontsize=14, color=INK)
    rows = figure.subplots(3, 1, height_ratios=(3, 1.4, 3))
    _experiment(rows[0], rows[1], asked, tuned)
    grid = rows[2].get_subplotspec().subgridspec(1, 2)
    rows[2].remove()
    _load(figure.add_subplot(grid[0]), asked, tuned)
    _sensitivity(figure.add_subplot(grid[1]), asked, tuned)
    figure.savefig(path)


def _unit(asked: Request) -> str:
    return next(row.unit for row in asked.node.input if row.name == asked.loop.input)


def _experiment(above: Axes, below: Axes, asked: Request, tuned: Tuned) -> None:
    p = tuned.proposal
    record, plan, model = p.record, p.plan, p.found.model
    time_s = np.arange(len(record.pv)) * record.scan_s
    shown_s = [lag_s for lag_s in model.lags_s if lag_s > LAG_SCANS_SHOWN * record.scan_s]
    lags = ", ".join(f"{lag_s:.3g} s" if lag_s < 1000 else f"{lag_s:.0f} s" for lag_s in shown_s)
    title = (
        f"experiment: gain {model.gain:.4g} {_unit(asked)} at full output, lags {lags}, dead time {model.dead_s:.3g} s"
    )
    title += f", zero {model.zero_s:.3g} s" if model.zero_s else ""
    _axes(above, f"{title}; {100 * p.found.explained:.2f} % explained", f"pv, {_unit(asked)}", "")
    above.plot(time_s, record.pv, color=OLD, linewidth=0.7, label="measured")
    above.plot(time_s, answer(record, p.found), color=NEW, linewidth=1.4, label="model")
    for edge in (plan.middle - plan.hysteresis, plan.middle + plan.hysteresis):
        above.axhline(edge, color=LIMIT, linewidth=0.8, linestyle=":")
    above.legend(loc="upper right", frameon=False)
    _axes(below, "", "output, %", "s")
    loop = asked.loop  # one that lowers is mirrored in the record
    shown = record.output if loop.action == "raises" else loop.out_low + loop.out_high - record.output
    below.step(time_s, 100 * shown, where="post", color=INK, linewidth=0.9)
    below.sharex(above)


def _load(axes: Axes, asked: Request, tuned: Tuned) -> None:
    p, scan_s = tuned.proposal, tuned.proposal.record.scan_s
    _axes(axes, f"a load of {100 * LOAD:.0f} % of full output", f"pv away, {_unit(asked)}", "s")
    end_s = 0.0
    for gains, stable, colour, name in (
        (tuned.held, True, NEW, "after"),
        (tuned.current, p.before.stable, OLD, "before"),
    ):
        if not stable:
            axes.plot([], [], color=colour, label=f"{name}: unstable")
            continue
        time_s, pv = load_response(p.found.model, gains, scan_s)
        axes.plot(time_s, LOAD * pv, color=colour, label=name, linewidth=1.4)
        large = np.flatnonzero(np.abs(pv) > 0.02 * np.abs(pv).max())
        end_s = max(end_s, float(time_s[large[-1]]) * 1.2)
    axes.set_xlim(0, end_s)
    axes.legend(loc="upper right", frameon=False)


def _sensitivity(axes: Axes, asked: Request, tuned: Tuned) -> None:
    p, scan_s = tuned.proposal, tuned.proposal.record.scan_s
    _axes(axes, "sensitivity: how much a disturbance grows", "|S|", "rad/s")
    for gains, stable, colour, name in (
        (tuned.held, True, NEW, f"after: Ms {tuned.after.Ms:.2f}"),
        (tuned.current, p.before.stable, OLD, f"before: Ms {p.before.Ms:.2f}" if p.before.stable else "unstable"),
    ):
        frequency = frequencies(p.found.model, gains, scan_s)
        loop = p.found.model.response(frequency) * held_response(scan_s, frequency)
        size = 1 / np.abs(1 + loop * controller_response(gains, scan_s, frequency))
        axes.semilogx(frequency, np.minimum(size, 5), color=colour, label=name, linewidth=1.4 if stable else 0.8)
    axes.axhline(MS_MAX, color=LIMIT, linewidth=0.8, linestyle=":")
    axes.set_xlim(1e-3 / max(p.found.model.slowness_s, 1e-9), math.pi / scan_s)
    axes.legend(loc="upper left", frameon=False)
