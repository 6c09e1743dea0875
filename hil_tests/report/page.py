"""The page: one self-contained HTML file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections import Counter
from html import escape
from statistics import median
from typing import Any

from hil_tests.bench.faults import CATALOGUE

from .chart import OUT, PV, SP, chart
from .matrix import Left, anchor, legend, matrix
from .style import STYLE

NO_FIRMWARE = "0" * 64  # of a rig without a board's file system
ORDER = ("FAIL", "INFRA_BENCH", "INFRA_PORT", "INFRA_FLASH", "INFRA_TOOL", "SKIP", "PASS")
FAULTS = {fault.id: fault for fault in CATALOGUE}
RUNS_SHOWN_N = 2
SAID_LINES_N = 8


def page(tests: list[Left], figures: str = "") -> str:
    """The whole page from what the tests left, and a table of figures."""
    tests = sorted(tests, key=lambda left: left["nodeid"])
    seed = ", ".join(sorted({str(left["seed"]) for left in tests})) or "none"
    body = [
        _summary(tests, seed),
        "<h2>Figures of the bench</h2>",
        figures,
        "<h2>Faults and places</h2>",
        legend(tests),
        matrix(tests),
    ]
    bad = [left for left in tests if left["verdict"] not in ("PASS", "SKIP")]
    if bad:
        body += ["<h2>What did not pass</h2>", *(_test(left, opened=True) for left in bad)]
    body += ["<h2>Tests</h2>", _key()]
    for file, of_file in _by_file([left for left in tests if left not in bad]).items():
        body.append(f'<h3>{escape(file)} <span class="n">{_counts(of_file)}</span></h3>')
        body += [_test(left, opened=False) for left in of_file if left["verdict"] != "SKIP"]
        body += _skipped([left for left in of_file if left["verdict"] == "SKIP"])
    head = f'<meta charset="utf-8"><title>Spinline bench report, seed {seed}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _by_file(tests: list[Left]) -> dict[str, list[Left]]:
    files: dict[str, list[Left]] = {}
    for left in tests:
        files.setdefault(left["nodeid"].partition("::")[0].rpartition("/")[2], []).append(left)
    return files


def _counts(tests: list[Left]) -> str:
    counted = Counter(left["verdict"] for left in tests)
    return ", ".join(f"{counted[verdict]} {verdict}" for verdict in ORDER if counted[verdict])


def _summary(tests: list[Left], seed: str) -> str:
    runs = [run for left in tests for run in left["runs"]]
    counted = Counter(left["verdict"] for left in tests)
    verdicts = "".join(f'<span class="v {name}">{counted[name]} {name}</span>' for name in ORDER if counted[name])
    rows = [
        ("seed", seed),
        (
            "firmware (source manifest)",
            ", ".join(sorted({run["firmware"] for run in runs} - {NO_FIRMWARE})) or "none ran",
        ),
        ("interpreter", ", ".join(sorted({left["interpreter"] for left in tests if left["interpreter"]})) or "none"),
        ("virtual time", f"{sum(run['virtual_s'] for run in runs) / 3600:.1f} h in {len(runs)} runs of the line"),
    ]
    if runs:
        factor = median(run["real_time_factor"] for run in runs)
        rows.append(("real-time factor of a test", f"{factor:.0f} (median; workers share the machine)"))
    table = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in rows)
    return f'<h1>Spinline bench report</h1><p>{verdicts}</p><table class="about">{table}</table>'


def _key() -> str:
    lines = ((PV, "process variable"), (SP, "setpoint"), (OUT, "output"))
    shown = " ".join(f'<b style="color:{colour}">&#9473;</b> {name}' for colour, name in lines)
    marks = '<i class="band"></i> the fault lasts, &#9662; an event of a node'
    return f'<p class="key">{shown} {marks}. Above each trend: the state of the batch.</p>'


def _skipped(tests: list[Left]) -> list[str]:
    if not tests:
        return []
    rows = "".join(f"<li>{escape(left['why'])}</li>" for left in tests)
    return [f"<details><summary>{len(tests)} skipped</summary><ul>{rows}</ul></details>"]


def _title(left: Left) -> str:
    """What a test is about: a fault's case, or the sentence of its name."""
    fault = FAULTS.get(left["fault_id"])
    if fault and left["place"]:
        return f"<b>{fault.id}</b> {escape(fault.title)} <b>{escape(left['place'])}</b>, line {left['state']}"
    name, bracket, given = left["nodeid"].partition("::")[2].partition("[")
    sentence = name.removeprefix("test_").replace("_", " ")
    return escape(sentence + (f" ({given.removesuffix(']')})" if bracket else ""))


def _test(left: Left, opened: bool) -> str:
    verdict = left["verdict"]
    head = f'<span class="v {verdict}">{verdict}</span> {_title(left)} <span class="n">{escape(_reaction(left))}</span>'
    parts = [f'<details id="{anchor(left["nodeid"])}"{" open" if opened else ""}><summary>{head}</summary>']
    if left["why"]:
        parts.append(_why(left["why"]))
    for run in left["runs"][:RUNS_SHOWN_N]:
        parts += [chart(trend, run) for trend in run["trends"]]
        parts.append(_events(run))
        if run["wire"]:
            parts.append("<h4>Last frames, as sent</h4><pre>" + escape("\n".join(run["wire"])) + "</pre>")
        if run["problems"]:
            parts.append("<h4>What the supervisor said</h4><pre>" + escape("\n".join(run["problems"])) + "</pre>")
    if left["console"]:
        parts.append("<h4>What the nodes printed</h4><pre>" + escape("\n".join(left["console"])) + "</pre>")
    parts.append(f'<p class="n">{escape(_facts(left))}<br><code>{escape(left["reproduce"])}</code></p></details>')
    return "".join(parts)


def _why(text: str) -> str:
    """What failed in a few lines; where, a click away."""
    said = [line.removeprefix("E").strip() for line in text.splitlines() if line.startswith("E ")]
    short = "\n".join(said[:SAID_LINES_N]) or text
    whole = f"<details><summary>where</summary><pre>{escape(text)}</pre></details>" if said else ""
    return f'<pre class="why">{escape(short)}</pre>{whole}'


def _facts(left: Left) -> str:
    facts = [f"{left['wall_s']:.1f} s of wall time"]
    for run in left["runs"][:RUNS_SHOWN_N]:
        facts.append(f"seed {run['seed']}, {run['virtual_s']:.0f} s of the line at {run['real_time_factor']:.0f}x")
        facts += [f"trace {run['trace'][:16]}"] if run["trace"] else []
    return " · ".join(facts)


def _reaction(left: Left) -> str:
    """How long the declared reaction took, and how long it may take."""
    fault = FAULTS.get(left["fault_id"])
    reaction = fault.reactions.get(left["state"]) if fault else None
    if reaction is None or not left["runs"] or not left["runs"][0]["bands"]:
        return ""
    run = left["runs"][0]
    laid_s = run["bands"][0][2]
    told = [event for event in run["events"] if event[0] >= laid_s and event[2] in reaction.events]
    came = [state for state in run["states"] if state[0] >= laid_s and state[1] in reaction.batch]
    words = [f"{told[0][2]} after {told[0][0] - laid_s:.1f} s"] if told else []
    if not reaction.events:
        words.append("no trip and no fault asked for")
    stayed = f"batch {'stayed' if run['states'][-1][0] < laid_s else 'came to'} {run['states'][-1][1]}"
    words.append(f"{came[0][1]} after {came[0][0] - laid_s:.1f} s" if came else stayed)
    return f"{', '.join(words)}; allowed {reaction.within_s:g} s"


def _events(run: dict[str, Any]) -> str:
    if not run["events"]:
        return ""
    zero_s = run["bands"][0][2] if run["bands"] else 0.0
    rows = "".join(
        f"<tr><td>{at_s - zero_s:+.2f} s</td><td>{node}</td><td>{code}</td><td>{escape(of)}</td></tr>"
        for at_s, node, code, of in run["events"]
    )
    return f"<details><summary>events: {len(run['events'])}</summary><table class='events'>{rows}</table></details>"
