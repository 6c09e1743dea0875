"""The page of a batch: what was made, of what, judged by what, and what is missing.  Reads the journal, judges nothing.

One file, no script, nothing loaded from elsewhere: it can be kept, mailed and printed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import apsw

from spinline.claims.catalog import window
from spinline.line.deviations import Deviation, deviations
from spinline.line.event_names import subject_of
from spinline.line.ledger import Ledger, Metre, MetreVerdict
from spinline.recipe.line_model import Line
from spinline.record.chain import head
from spinline.record.course import course
from spinline.record.metres import ledger, metres
from spinline.record.mode import mode_of
from spinline.record.page.accounts import tags_table
from spinline.record.page.panels import trends
from spinline.record.page.strip import COLOURS, strip
from spinline.record.page.style import STYLE
from spinline.record.plan_record import WAIVED
from spinline.record.series import fetch
from spinline.record.summary import batch_row, nodes, records
from spinline.record.told import told

MODES = {
    "simulated": "SIMULATED LINE: no fiber was made",
    "bench": "TEST BENCH: no fiber was made",
    "line": "PRODUCTION LINE",
}
TILES = (
    ("passed", MetreVerdict.PASS, "in every window"),
    ("at_limit", MetreVerdict.AT_LIMIT, "inside, by less than the uncertainty"),
    ("unknown", MetreVerdict.UNKNOWN, "evidence is missing"),
    ("failed", MetreVerdict.FAIL, "outside a window"),
    ("scrap", MetreVerdict.SCRAP, "no product"),
)
ROWS_MAX = 300
SECOND_US = 1_000_000
QUIET = ("STATE_CHANGED", "CONFIGURED")


def page(connection: apsw.Connection, line: Line) -> str:
    """The whole page of the batch in a journal.  Raises UnknownName where the line lacks a loop this needs."""
    rows, judged_by = list(ledger(connection, line)), Ledger.of(line).judged_by
    batch = batch_row(connection) or {}
    name = escape(str(batch.get("name", "no batch")))
    body = [
        _mode(mode_of(connection)),
        _head(connection, batch),
        _tiles(rows),
        "<h2>Metres</h2>",
        '<p class="n">Each column is a piece of fiber at take-up, oldest left; below it, the quantities it was judged '
        "by, coloured where they were outside, at the limit or not known.</p>",
        strip(rows, judged_by),
        _key(),
        "<h2>Deviations</h2>",
        _deviations(rows),
        "<h2>Claims</h2>",
        _claims(connection),
        "<h2>Waivers</h2>",
        _waivers(connection),
        "<h2>Trends</h2>",
        '<p class="n">Pale: lowest to highest of each pixel. Green: inside the window. Orange: setpoint. '
        "&#9662;: an event of the node. Blank: nothing was recorded.</p>",
        trends(connection, line).svg(),
        "<h2>Alarms</h2>",
        _alarms(connection),
        "<h2>What people did</h2>",
        _actions(connection),
        "<h2>What the nodes told</h2>",
        _events(connection, line),
        "<h2>What is recorded and what is missing</h2>",
        _accounts(connection),
        tags_table(connection),
    ]
    head = f'<meta charset="utf-8"><title>Spinline batch {name}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _mode(mode: str) -> str:
    known = mode if mode in MODES else "simulated"
    return f'<div class="mode {known}">{MODES.get(mode, "MODE NOT KNOWN: take it for a simulation")}</div>'


def _time(at_us: int | None) -> str:
    return "-" if at_us is None else datetime.fromtimestamp(at_us / SECOND_US, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _verdict(name: str, counts: bool = True) -> str:
    return f'<span class="v {escape(name)}{"" if counts else " pale"}">{escape(name)}</span>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], nothing: str, css: str = "") -> str:
    """``rows`` are HTML already; a head that begins with > is of a column of numbers."""
    if not rows:
        return f'<p class="n">{nothing}</p>'
    right = [' class="r"' if head.startswith(">") else "" for head in heads]
    top = "".join(f"<th{css_of}>{head.lstrip('>')}</th>" for head, css_of in zip(heads, right, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{css_of}>{cell}</td>" for cell, css_of in zip(row, right, strict=True)) + "</tr>"
        for row in rows[:ROWS_MAX]
    )
    more = f'<p class="n">{len(rows) - ROWS_MAX} more are in the journal.</p>' if len(rows) > ROWS_MAX else ""
    return f'<table class="{css}"><tr>{top}</tr>{body}</table>{more}'


def _head(connection: apsw.Connection, batch: dict[str, object]) -> str:
    stages = course(connection)
    firmware = "<br>".join(
        f"{escape(node['name'])}: firmware <code>{node['firmware_sha256'][:16]}</code> configuration "
        f"<code>{node['config_sha256'][:16]}</code> MicroPython {escape(node['micropython'])}, {node['word_bits']} bits"
        + (f", {node['runs']} starts" if node["runs"] > 1 else "")
        for node in nodes(connection)
    )
    rows = (
        ("state", escape(stages[-1].state if stages else "not begun")),
        (
            "recipe",
            f"{escape(str(batch.get('recipe')))} v{batch.get('recipe_version')} {_code(batch, 'recipe_sha256')}",
        ),
        ("line", f"{escape(str(batch.get('line')))} {_code(batch, 'line_sha256')}"),
        ("begun", _time(batch.get("started_us"))),  # type: ignore[arg-type]
        ("ended", _time(batch.get("ended_us"))),  # type: ignore[arg-type]
        ("nodes", firmware or "none"),
        ("made by", _documents(connection)),
        ("records", "{} in a chain, newest <code>{}</code>".format(*head(connection))),
    )
    table = "".join(f"<tr><th>{name}</th><td>{shown}</td></tr>" for name, shown in rows)
    return f'<h1>Batch {escape(str(batch.get("name", "")))}</h1><table class="about">{table}</table>'


def _documents(connection: apsw.Connection) -> str:
    """What is in the record whole, with the hash of its text."""
    rows = fetch(connection, "SELECT kind, name, text FROM document ORDER BY n")
    found = [
        f"{escape(kind)} {escape(name)} <code>{hashlib.sha256(text.encode()).hexdigest()[:16]}</code>"
        for kind, name, text in rows
    ]
    return "<br>".join(found) or "no document is in the record"


def _code(batch: dict[str, object], key: str) -> str:
    return f"<code>{escape(str(batch.get(key, ''))[:16])}</code>"


def _tiles(rows: Sequence[Metre]) -> str:
    judged = metres(rows)
    finished_m = sum(metre.finished_m or 0.0 for metre in rows if metre.verdict is not MetreVerdict.SCRAP)
    tiles = [
        f'<div class="tile"><span>made, at take-up</span><b>{judged.made:.0f} m</b>'
        f"<span>{finished_m:.0f} m finished</span></div>"
    ]
    for field, verdict, words in TILES:
        tiles.append(
            f'<div class="tile" style="border-top-color:{COLOURS[verdict]}"><span>{verdict.value}</span>'
            f"<b>{getattr(judged, field):.0f} m</b><span>{words}</span></div>"
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _key() -> str:
    return "<p>" + " ".join(_verdict(verdict.value) for _field, verdict, _words in TILES) + "</p>"


def _deviations(rows: Sequence[Metre]) -> str:
    cells = [
        (
            f"{run.from_m}",
            f"{run.to_m:.0f}",
            f"{run.to_m - run.from_m:.0f}",
            _time(run.taken_up_s * SECOND_US),
            _verdict(run.verdict.value),
            escape(run.quantity),
            _extremes(run),
        )
        for run in deviations(rows)
    ]
    heads = (">from m", ">to m", ">m", "taken up", "verdict", "why", "lowest .. highest")
    return _table(heads, cells, "Every metre passed.")


def _extremes(run: Deviation) -> str:
    """Lowest and highest of the quantity, beside its window."""
    if not run.window or run.low is None:
        return ""
    bounds = window(run.window)
    low, high = ("" if end is None else str(end) for end in (bounds.low, bounds.high))
    return f"{run.low:.4g} .. {run.high:.4g} {escape(bounds.unit)} (window {low} .. {high})"


def _claims(connection: apsw.Connection) -> str:
    """Planned and measured verdict of each claim, the last of each basis; never one for the other."""
    found: dict[int, dict[str, tuple[str, bool, str]]] = {}
    query = "SELECT claim, basis, verdict, required, reason FROM claim ORDER BY claim, at_us, rowid"
    for claim, basis, verdict, required, reason in fetch(connection, query):
        found.setdefault(claim, {})[basis] = (verdict, bool(required), reason)
    rows = []
    for claim, bases in found.items():
        planned, measured = bases.get("planned"), bases.get("measured")
        is_required = any(row[1] for row in (planned, measured) if row)
        shown = [_verdict(row[0], is_required) if row else "-" for row in (planned, measured)]
        reason = (measured or planned or ("", False, ""))[2]
        rows.append((str(claim), "required" if is_required else "", *shown, escape(reason)))
    return _table((">claim", "", "planned", "measured", "why"), rows, "No claim was judged yet.")


def _waivers(connection: apsw.Connection) -> str:
    """What a lead let the batch run without, or outside of; it changed no verdict."""
    query = f"SELECT at_us, who, what, new_value, why FROM action WHERE what LIKE '{WAIVED}%' ORDER BY at_us, rowid"
    rows = [
        (_time(at_us), *map(escape, (who, what.removeprefix(WAIVED), told or "", why)))
        for at_us, who, what, told, why in fetch(connection, query)
    ]
    return _table(("when", "who", "of", "what", "why"), rows, "Nothing was waived.")


def _alarms(connection: apsw.Connection) -> str:
    """Every change of an alarm, with what a person had to do; the first of a group is marked."""
    query = "SELECT at_us, point, state, priority, first_out, who, why FROM alarm ORDER BY at_us, rowid"
    rows = [
        (_time(at_us), str(priority), escape(point), escape(state), "first" if first else "", escape(who), escape(why))
        for at_us, point, state, priority, first, who, why in fetch(connection, query)
    ]
    raised = [row for row in rows if row[3] == "unacknowledged"]
    by_priority = ", ".join(f"{sum(row[1] == str(i) for row in raised)} of priority {i}" for i in (1, 2, 3))
    figures = f'<p class="n">{len(raised)} raised: {by_priority}.</p>' if rows else ""
    heads = ("when", ">priority", "alarm", "state", "", "who", "why")
    return figures + _table(heads, rows, "No alarm was raised.")


def _actions(connection: apsw.Connection) -> str:
    query = "SELECT at_us, who, what, why, old_value, new_value FROM action ORDER BY at_us, rowid"
    rows = [
        (_time(at_us), escape(who), escape(what), escape(old or ""), escape(new or ""), escape(why))
        for at_us, who, what, why, old, new in fetch(connection, query)
    ]
    states = [
        (_time(at_us), "", f"batch {escape(state)}", "", "", escape(cause))
        for at_us, state, cause in fetch(
            connection, "SELECT at_us, state, cause FROM batch_state ORDER BY at_us, rowid"
        )
    ]
    heads = ("when", "who", "what", "before", "after", "why")
    return _table(heads, sorted([*rows, *states]), "Nobody did anything.")


def _events(connection: apsw.Connection, line: Line) -> str:
    rows = [
        (
            _time(event.at_us),
            escape(event.node),
            escape(event.code),
            escape(event.subject),
            str(event.got),
            str(event.limit),
        )
        for event in told(connection, line)
        if event.code not in QUIET
    ]
    heads = ("when", "node", "what", "of", ">got", ">limit")
    return _table(heads, rows, "Nothing but changes of state.") + _earlier(connection, line)


def _earlier(connection: apsw.Connection, line: Line) -> str:
    """What nodes that restarted had kept from before; only the numbers of their scans say when."""
    columns = 'node, boot_id, scan, code, source, got, "limit"'
    found = fetch(connection, f"SELECT {columns} FROM earlier_event ORDER BY node, told_us, boot_id, event_i")
    rows = []
    for node, boot_id, scan, code, source, got, limit in found:
        subject = subject_of(line, node, code, source, got)
        rows.append([escape(str(cell)) for cell in (node, f"{boot_id:x}", scan, code, subject, got, limit)])
    if not rows:
        return ""
    heads = ("node", "start", ">scan", "what", "of", ">got", ">limit")
    return '<p class="n">Kept by a node from before its restart:</p>' + _table(heads, rows, "")


def _accounts(connection: apsw.Connection) -> str:
    """Scans expected are those stored and those missing; what is declared lost has a row."""
    found = records(connection)["nodes"]
    rows = [
        (escape(name), str(row["scans"] + row["lost"]), str(row["scans"]), str(row["lost"]), str(row["undeclared"]))
        for name, row in found.items()
    ]
    heads = ("node", ">scans expected", ">stored", ">missing", ">of them not declared")
    gaps = [
        (_time(at_us), escape(name), f"{low}", f"{high}", str(high - low + 1), escape(reason))
        for at_us, name, low, high, reason in fetch(
            connection,
            "SELECT at_us, name, from_scan, to_scan, reason FROM gap JOIN run USING (run) "
            "JOIN configuration USING (configuration_i) JOIN node USING (node_i) ORDER BY at_us",
        )
    ]
    lost = _table(("declared", "node", ">from scan", ">to scan", ">scans", "why"), gaps, "No scan was declared lost.")
    return _table(heads, rows, "Nothing was recorded.") + lost
