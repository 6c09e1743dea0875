"""Writes the page from what tests and measurements left: after a suite, and again after `make bench ONLY=hil`."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from .page import page

FIGURES = Path("build/bench/bench.json")
VERDICTS = {True: "PASS", False: "FAIL", None: "none"}
WORDS = {True: "met", False: "missed", None: ""}


def write_page(folder: Path, figures: Path = FIGURES) -> Path | None:
    """``folder``/report.html from ``folder``/tests and the figures of the bench; None where no test left anything."""
    tests = [json.loads(file.read_text()) for file in sorted((folder / "tests").glob("*.json"))]
    if not tests:
        return None
    rows = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else []
    target = folder / "report.html"
    table = figures_table([row for row in rows if str(row["name"]).startswith("hil.")])
    target.write_text(page(tests, table), encoding="utf-8")
    return target


def figures_table(rows: list[dict[str, Any]]) -> str:
    """The rows that `make bench` measured last, as HTML; a sentence where there are none."""
    if not rows:
        return "<p>Not measured in this folder yet: <code>make bench ONLY=hil</code>.</p>"
    shown = []
    for row in rows:
        number = "-" if row["value"] is None else f"{row['value']:.4g} {row['unit']}"
        aim = "" if row["target"] is None else f"{'&le;' if row['better'] == 'lower' else '&ge;'} {row['target']:g}"
        met = f'<span class="v {VERDICTS[row["ok"]]}">{WORDS[row["ok"]]}</span>' if WORDS[row["ok"]] else ""
        cells = (escape(row["name"]), escape(number), aim, f"{row['n']}", met + escape(row.get("why", "")))
        shown.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{name}</th>" for name in ("figure", "measured", "target", "n", ""))
    return f'<table class="figures"><tr>{head}</tr>{"".join(shown)}</table>'
