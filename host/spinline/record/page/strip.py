"""The metre strip: every metre of the batch from left to right, its verdict and what it was judged by.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from spinline.claims.catalog import window
from spinline.line.ledger import Metre, MetreVerdict, judged_span
from spinline.line.span import Span
from spinline.record.page.svg import box, ticks

WIDTH, LEFT, RIGHT = 1240, 120, 10
VERDICT_H, ROW_H, ROW_GAP = 46, 11, 5
COLOURS = {
    MetreVerdict.PASS: "#7fbf7f",
    MetreVerdict.AT_LIMIT: "#e8c02e",
    MetreVerdict.UNKNOWN: "#8d99a1",
    MetreVerdict.FAIL: "#c0392b",
    MetreVerdict.SCRAP: "#d9dee2",
}
HEIGHTS = {  # so that a verdict has a shape beside its colour
    MetreVerdict.PASS: 1.0,
    MetreVerdict.AT_LIMIT: 0.8,
    MetreVerdict.UNKNOWN: 0.6,
    MetreVerdict.FAIL: 1.0,
    MetreVerdict.SCRAP: 0.3,
}
WORST_FIRST = (
    MetreVerdict.FAIL, MetreVerdict.UNKNOWN, MetreVerdict.AT_LIMIT, MetreVerdict.SCRAP, MetreVerdict.PASS
)  # fmt: skip


def strip(rows: Sequence[Metre], judged_by: Sequence[str]) -> str:
    """The picture; ``judged_by`` are the windows below the verdicts, a row each."""
    if not rows:
        return "<p>No fiber was taken up.</p>"
    columns_n = min(len(rows), WIDTH - LEFT - RIGHT)
    columns = [rows[len(rows) * i // columns_n : len(rows) * (i + 1) // columns_n] for i in range(columns_n)]
    width = (WIDTH - LEFT - RIGHT) / columns_n
    verdicts = [min((metre.verdict for metre in column), key=WORST_FIRST.index) for column in columns]
    parts = _verdicts(verdicts, columns, width)
    y = VERDICT_H + 22
    parts += _axis(len(rows), y - 18)
    for name in judged_by:
        marks = [_mark(column, name) for column in columns]
        parts.append(f'<text class="y" x="{LEFT - 6}" y="{y + ROW_H - 2}">{escape(name)}</text>')
        parts.append(box(LEFT, y, WIDTH - LEFT - RIGHT, ROW_H, "#f1f4f5", window(name).quantity))
        parts += _runs([COLOURS[mark] if mark else "" for mark in marks], y, ROW_H, width)
        y += ROW_H + ROW_GAP
    return f'<svg viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">{"".join(parts)}</svg>'


def _verdicts(verdicts: list[MetreVerdict], columns: list[Sequence[Metre]], width: float) -> list[str]:
    parts, at = [], 0
    for verdict, together in groupby(verdicts):
        columns_n = len(list(together))
        first, last = columns[at][0], columns[at + columns_n - 1][-1]
        height = round(VERDICT_H * HEIGHTS[verdict])
        title = f"{first.number} to {last.number + 1} m: {verdict.value} {first.reason}"
        parts.append(box(LEFT + at * width, 2 + VERDICT_H - height, columns_n * width, height, COLOURS[verdict], title))
        at += columns_n
    return parts


def _mark(column: Sequence[Metre], name: str) -> MetreVerdict | None:
    """What a quantity did to the metres of a column: the worst of them; None where it was well inside, or scrap."""
    worst: MetreVerdict | None = None
    for metre in column:
        if metre.verdict is MetreVerdict.SCRAP:
            continue
        mark = _of(metre.spans.get(name), name)
        if mark and (worst is None or WORST_FIRST.index(mark) < WORST_FIRST.index(worst)):
            worst = mark
    return worst


def _of(span: Span | None, name: str) -> MetreVerdict | None:
    verdict = MetreVerdict(judged_span(name, span).value)
    return None if verdict is MetreVerdict.PASS else verdict


def _runs(colours: list[str], y: int, height: int, width: float) -> Iterator[str]:
    at = 0
    for colour, together in groupby(colours):
        columns_n = len(list(together))
        if colour:
            yield box(LEFT + at * width, y, columns_n * width, height, colour)
        at += columns_n


def _axis(metres_n: int, y: int) -> list[str]:
    scale = (WIDTH - LEFT - RIGHT) / metres_n
    parts = [f'<text class="y" x="{LEFT - 6}" y="{VERDICT_H // 2 + 6}">verdict</text>']
    for metre in ticks(0, metres_n, 10):
        x = LEFT + metre * scale
        parts.append(f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{VERDICT_H + 2}" y2="{y + 2}"/>')
        parts.append(f'<text class="x" x="{x:.1f}" y="{y + 13}">{metre:g} m</text>')
    return parts
