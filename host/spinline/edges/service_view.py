"""The views of the service in a terminal: tables from what it answers.  Shows, decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spinline.edges.terminal import STYLES, clock_text

Plain = dict[str, Any]
BANNERS = {
    "simulated": ("SIMULATED LINE: no fiber is made", "black on yellow"),
    "bench": ("TEST BENCH: no fiber is made", "black on cyan"),
    "line": ("PRODUCTION LINE", "black on green"),
}
HEATED = "degC"


def time_text(at_us: int) -> str:
    """A time in UTC."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def banner(mode: str) -> Text:
    """The mode, which no view leaves out."""
    words, style = BANNERS.get(mode, ("MODE NOT KNOWN: take it for a simulation", "black on yellow"))
    return Text(f" {words} ", style=style)


def status_view(status: Plain) -> RenderableType:
    """State of the batch, its nodes, what calls."""
    head = Text(f"{status['batch']}  ")
    head.append(status["state"], style=STYLES.get(status["state"], "cyan"))
    head.append(f" for {clock_text(status['in_state_s'])}   possible: {', '.join(status['possible'])}")
    nodes = Table("node", "answers", "state", "board", box=None)
    for node in status["nodes"]:
        answers = "yes" if node["answers"] else node["problem"] or node["phase"]
        state = node["state"] + " in hold" * node["in_hold"]
        nodes.add_row(node["name"], answers, state, f"{node['board']} {node['port']}")
    problems = [Text(problem, style="red") for problem in status["problems"]]
    return Group(banner(status["mode"]), head, nodes, Text(alarm_words(status["alarms"])), *problems)


def alarm_words(figures: Plain) -> str:
    """Alarms that call, by priority, and the first of them."""
    standing = "  ".join(f"P{priority} {number}" for priority, number in figures["standing"].items())
    first = f" | first: {figures['first_out']}" if figures["first_out"] else ""
    shelved = f" | shelved {figures['shelved']}" if figures["shelved"] else ""
    return f"alarms {standing}{first}{shelved}{' | flood' if figures['flood'] else ''}"


def alarms_view(alarms: Plain) -> RenderableType:
    """One row an alarm that is not normal, and what to do."""
    if not alarms["alarms"]:
        return Group(banner(alarms["mode"]), Text("no alarm"))
    table = Table("P", "alarm", "state", "raised", "what it is", "what to do", "within")
    for alarm in alarms["alarms"]:
        first = " (first)" if alarm["first_out"] else ""
        state = alarm["state"] + (f" until {time_text(alarm['shelved_until_us'])}" if alarm["shelved_until_us"] else "")
        raised = time_text(alarm["raised_us"])[11:19]
        table.add_row(
            str(alarm["priority"]), alarm["point"] + first, state, raised, alarm["title"], alarm["action"],
            f"{alarm['respond_s']} s",
        )  # fmt: skip
    return Group(banner(alarms["mode"]), table)


def resume_view(shown: Plain) -> RenderableType:
    """What ran, the gap and the temperatures: what a person sees before a resume."""
    lines = [f"{shown['batch']} is {shown['state']} since {time_text(shown['entered_us'])}"]
    for node in shown["nodes"]:
        silent = "" if node["answers"] else ", does not answer"
        lines.append(f"  {node['name']}: {node['state']}{' in hold' * node['in_hold']}{silent}")
    alone = shown["unattended"]
    if alone:
        lines.append(f"without a supervisor for {alone['seconds']:.0f} s, from {time_text(alone['from_us'])}")
    lines += shown["record"]["told"]
    return Group(banner(shown["mode"]), Text("\n".join(lines)), temperatures_view(shown["temperatures"]))


def temperatures_view(temperatures: Plain) -> RenderableType:
    """Measured temperatures, none of them left out on a narrow screen; a number that may not be used is dashes."""
    words = [
        f"{tag.removesuffix('.pv')}={'----' if number is None else f'{number:.1f}'}"
        for tag, number in sorted(temperatures.items())
    ]
    return Text(f"{HEATED}:  " + "   ".join(words))


def live_view(status: Plain, values: Plain, temperatures_of: Callable[[Plain], Plain]) -> RenderableType:
    """What `spinline run` shows."""
    return Group(status_view(status), temperatures_view(temperatures_of(values)))
