"""The terminal: a live view of a batch that fits in a few lines.  Shows, decides nothing."""

from __future__ import annotations

from collections import Counter

from rich.table import Table
from rich.text import Text

from spinline.line.alarms import Alarms
from spinline.line.supervisor import Supervisor
from spinline.recipe.line_model import Line
from spinline.record.batch_record import BatchRecord
from spinline.record.modes_seen import mode_words
from spinline_protocol.configuration import PROGRAMS

NEAR_K = 1.0  # a zone this close to its setpoint is where it should be
OWN_MODES = {"single": "auto", "ratio": "ratio", "cascade": "cascade"}
STYLES = {"RUNNING": "bold green", "COMPLETE": "bold green", "HELD": "bold yellow", "ABORTED": "bold red"}


def clock_text(seconds: float) -> str:
    """Hours, minutes and seconds of a duration."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _deviation(record: BatchRecord, node: str, loop: str) -> Text:
    pv, setpoint = record.latest(f"{node}.{loop}.pv"), record.latest(f"{node}.{loop}.sp")
    if pv is None or setpoint is None:
        return Text("  -  ")
    away = pv - setpoint
    return Text(f"{away:+6.1f}", style="" if abs(away) <= NEAR_K else "yellow")


def by_hand(line: Line, record: BatchRecord) -> str:
    """Loops of the running line that are not in the mode of their kind: NODE.LOOP MODE, with commas."""
    found = []
    for node in line.node:
        for loop in node.loop:
            number = record.latest(f"{node.name}.{loop.name}.mode")
            shown = mode_words(int(number))[0] if number is not None else OWN_MODES[loop.kind]
            if shown != OWN_MODES[loop.kind]:
                found.append(f"{node.name}.{loop.name} {shown}")
    return ", ".join(found)


def programs(line: Line, record: BatchRecord) -> str:
    """What the setpoint programs of the soaking loops do: how many ramp, are held back, soak, have soaked."""
    found: Counter[str] = Counter()
    for node in line.node:
        for loop in node.loop:
            number = record.latest(f"{node.name}.{loop.name}.mode") if loop.soaks else None
            found[mode_words(int(number))[1] if number is not None else ""] += 1
    return ", ".join(f"{found[word]} {word}" for word in PROGRAMS if word and found[word])


def alarm_words(alarms: Alarms) -> str:
    """Alarms that call, by priority, and the first of them; empty where none does."""
    figures = alarms.figures()
    if not any(figures.standing.values()):
        return ""
    standing = "  ".join(f"P{priority} {number}" for priority, number in figures.standing.items())
    first = f" | first: {figures.first_out}" if figures.first_out else ""
    return f"ALARM {standing}{first}{' | flood' if figures.is_flood else ''}"


def line_view(line: Line, supervisor: Supervisor, record: BatchRecord, simulated_s: float, mode: str) -> Table:
    """State, time, and how far each heated zone is from its working setpoint in K; ``mode`` says what line it is.

    Below: the alarms that call; in a heat-up what the setpoint programs do, while the batch runs the loops that a
    person, or a failure, took from their own mode.
    """
    zones = [(node.name, loop.name) for node in line.node for loop in node.loop if loop.soaks]
    state = supervisor.batch.state
    table = Table(title=f"{line.title}  [{mode}]   zones: K from setpoint", title_justify="left", expand=False)
    below = by_hand(line, record) if state == "RUNNING" else programs(line, record)
    table.caption = "\n".join(words for words in (alarm_words(supervisor.alarms), below) if words)
    table.add_column("batch")
    table.add_column("time", justify="right")
    for _node, name in zones:
        table.add_column(name, justify="right")
    table.add_row(
        Text(state, style=STYLES.get(state, "cyan")),
        clock_text(simulated_s),
        *(_deviation(record, node, name) for node, name in zones),
    )
    return table
