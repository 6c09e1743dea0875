"""The matrix of the report: every fault of the catalogue against every loop and place, a mark for each line state."""

from __future__ import annotations

from html import escape
from typing import Any

from hil_tests.bench.faults import CATALOGUE, HEATING, HELD, RUNNING, Fault
from hil_tests.bench.run import LINE_R1
from spinline.recipe.line_model import Line, load_line

from .evidence import column_of

LETTERS = {RUNNING: "R", HEATING: "H", HELD: "S"}  # held: the fiber stands
KINDS = {
    "W": "wire",
    "S": "sensor",
    "A": "actuator",
    "T": "time",
    "P": "power",
}
Left = dict[str, Any]


def anchor(nodeid: str) -> str:
    """The name of a test's place in the page."""
    return "t-" + "".join(sign if sign.isalnum() else "-" for sign in nodeid.rpartition("/")[2])


def columns_of(line: Line) -> list[str]:
    """Every loop and place that a fault is laid at, node by node, the node itself first."""
    found = {column_of(line, place) for fault in CATALOGUE for place in fault.places}
    columns: list[str] = []
    for node in line.node:
        rank = [node.name, *(f"{node.name}.{loop.name}" for loop in node.loop)]
        rank += sorted(name for name in found - set(rank) if name.startswith(f"{node.name}."))
        columns += [name for name in rank if name in found]
    return columns


def matrix(tests: list[Left]) -> str:
    """The table as HTML."""
    line = load_line(LINE_R1)
    columns = columns_of(line)
    cells: dict[tuple[str, str], list[str]] = {}
    by_case = {(left["fault_id"], left["place"], left["state"]): left for left in tests if left["place"]}
    elsewhere = {fault.id: _laid_elsewhere(fault, tests) for fault in CATALOGUE if fault.laid_by}
    for fault in CATALOGUE:
        for place in fault.places:
            for state in fault.reactions:
                mark = _mark(fault, place, state, by_case.get((fault.id, place, state)))
                cells.setdefault((fault.id, column_of(line, place)), []).append(mark)
    rows = [_head(line, columns)]
    for kind, name in KINDS.items():
        rows.append(f'<tr class="kind"><th colspan="{2 + len(columns)}">{name}</th></tr>')
        for fault in CATALOGUE:
            if fault.id[0] == kind:
                rows.append(_row(fault, columns, cells, elsewhere))
    return f'<div class="wide"><table class="matrix">{"".join(rows)}</table></div>'


def _head(line: Line, columns: list[str]) -> str:
    groups = [(node.name, sum(name.partition(".")[0] == node.name for name in columns)) for node in line.node]
    top = "".join(f'<th colspan="{count}" class="node">{name}</th>' for name, count in groups if count)
    names = "".join(
        f'<th class="place{_first(columns, i)}"><div>{escape(name.partition(".")[2] or "node")}</div></th>'
        for i, name in enumerate(columns)
    )
    return f'<thead><tr><th colspan="2"></th>{top}</tr><tr><th class="id">id</th><th>fault</th>{names}</tr></thead>'


def _first(columns: list[str], i: int) -> str:
    """A heavier line before each node."""
    return " first" if i == 0 or columns[i].partition(".")[0] != columns[i - 1].partition(".")[0] else ""


def _row(
    fault: Fault, columns: list[str], cells: dict[tuple[str, str], list[str]], elsewhere: dict[str, list[Left]]
) -> str:
    head = f'<th class="id">{fault.id}</th><th class="title">{escape(fault.title)}</th>'
    if fault.laid_by:
        done = "".join(_mark(fault, "", RUNNING, left) for left in elsewhere[fault.id]) or _mark(
            fault, "", RUNNING, None
        )
        return f'<tr>{head}<td colspan="{len(columns)}">{done} no line: {escape(_named(fault))}</td></tr>'
    marks = "".join(
        f'<td class="{_first(columns, i).strip()}">{"".join(cells.get((fault.id, name), []))}</td>'
        for i, name in enumerate(columns)
    )
    return f"<tr>{head}{marks}</tr>"


def _named(fault: Fault) -> str:
    """The test that lays a fault no line is there for, in words."""
    return fault.laid_by.rpartition("::")[2].removeprefix("test_").partition("[")[0].replace("_", " ")


def _laid_elsewhere(fault: Fault, tests: list[Left]) -> list[Left]:
    """The tests that laid it."""
    named = fault.laid_by.rpartition("::")[2]
    by_name = [left for left in tests if left["nodeid"].rpartition("::")[2].startswith(named)]
    return [left for left in by_name if left["fault_id"] in ("", fault.id)]


def _mark(fault: Fault, place: str, state: str, left: Left | None) -> str:
    letter = LETTERS[state] if place else "T"
    if left is None:
        return f'<i class="m none" title="{fault.id} {place} {state}: not run">{letter}</i>'
    verdict = left["verdict"]
    shown = f"{fault.id} {place} {state}: {verdict}"
    return f'<a class="m {verdict}" href="#{anchor(left["nodeid"])}" title="{shown}">{letter}</a>'


def legend(tests: list[Left]) -> str:
    """What the marks mean, and how much of the catalogue was run."""
    ids = {left["fault_id"] for left in tests if left["place"]}
    ids |= {fault.id for fault in CATALOGUE if fault.laid_by and _laid_elsewhere(fault, tests)}
    cases_n = sum(bool(left["place"]) for left in tests)
    states = ", ".join(f"{letter} {state}" for state, letter in LETTERS.items()).replace(
        "S held", "S held (fiber stands)"
    )
    colours = " ".join(
        f'<i class="m {name}">{mark}</i> {words}'
        for name, mark, words in (
            ("PASS", "R", "reaction seen in time"),
            ("FAIL", "R", "not"),
            ("INFRA_BENCH", "R", "the bench failed, nothing is said of the line"),
            ("SKIP", "R", "skipped"),
            ("none", "R", "not run"),
        )
    )
    states += ", T a test without a line"
    counted = f"{len(ids)} of {len(CATALOGUE)} faults laid in {cases_n} tests"
    return f"<p>{counted}. Letters are states of the line: {states}. {colours}.</p>"
