"""The report of a tuned loop: a table for the terminal, a JSON and a picture in a folder.  Judges nothing."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table

from spinline.tuning.picture import draw_tuning
from spinline.tuning.session import Request, Tuned, as_json


def summary_line(tuned: Tuned) -> str:
    """The result in one line."""
    p, gains = tuned.proposal, tuned.proposal.gains
    before = "unstable" if not p.before.stable else f"Ms {p.before.Ms:.2f}, load IAE {p.load_iae_before:.3g}"
    return (
        f"tuned: Kc {gains.Kc:.4g}, Ti {gains.Ti_s:.4g} s, Td {gains.Td_s:.4g} s; Ms {tuned.after.Ms:.2f}, "
        f"load IAE {tuned.load_iae_after:.3g} (before: {before}); {len(p.record.pv) * p.record.scan_s / 60:.0f} min"
    )


def before_after(tuned: Tuned) -> Table:
    """Gains, margins and load response, before, proposed, and as the node holds them."""
    p = tuned.proposal
    table = Table("", "before", "proposed", "as held", box=None)
    columns = (tuned.current, p.gains, tuned.held)
    for name, field in (("Kc", "Kc"), ("Ti, s", "Ti_s"), ("Td, s", "Td_s"), ("filter, 2^k scans", "filter_k")):
        table.add_row(name, *(f"{getattr(gains, field):.5g}" for gains in columns))
    for name, field in (("Ms", "Ms"), ("Mt", "Mt")):
        numbers = [getattr(one, field) for one in (p.before, p.after, tuned.after)]
        table.add_row(name, *("unstable" if number >= 99 else f"{number:.2f}" for number in numbers))
    before = f"{p.load_iae_before:.4g}" if p.before.stable else "unstable"
    table.add_row("load IAE", before, f"{p.load_iae_after:.4g}", f"{tuned.load_iae_after:.4g}")
    table.add_row("largest error of a gain", "", "", f"{100 * tuned.gain_error:.3f} %")
    return table


def write_report(folder: Path, asked: Request, tuned: Tuned) -> None:
    """tuning.json and tuning.png in the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_json(asked, tuned), indent=1) + "\n"
    (folder / "tuning.json").write_text(text, encoding="utf-8")
    draw_tuning(folder / "tuning.png", asked, tuned)
