"""What the service shows: plain numbers and words of the supervisor after a scan, ready to leave its thread.  Pure.

Times are in us UTC.  A number of a node that does not answer is stale, whatever its quality was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spinline.line.alarms import NORMAL, SHELVED, Point
from spinline.line.desk import possible
from spinline.line.node_session import READY, NodeSession
from spinline.line.supervisor import Supervisor
from spinline.record.batch_record import BatchRecord
from spinline.record.journal import Batch
from spinline_protocol.quantities import QUALITIES, QUANTITIES
from spinline_protocol.states import FLAG_ALARM, FLAG_HOLD, STATES

STALE, NO_NUMBER = "stale", "none yet"
UNKNOWN = "UNKNOWN"  # the state of a node that was not heard yet
ACTIONS_N_MAX = 500
PROBLEMS_N_MAX = 20
HEATED = "degC"

Plain = dict[str, Any]


@dataclass
class Kept:
    """What the service keeps for its views besides the supervisor; only its loop changes it."""

    batch: Batch
    journal: str
    actions: deque[Plain] = field(default_factory=lambda: deque(maxlen=ACTIONS_N_MAX))
    course: list[Plain] = field(default_factory=list)
    unattended: Plain | None = None
    committed_us: int = 0
    problem: str = ""
    port_problems: Callable[[], dict[str, str]] = dict  # why the port of a node is down; empty where it is not


@dataclass(frozen=True)
class Snapshot:
    """The views after one scan; nobody changes them any more."""

    status: Plain
    alarms: Plain
    values: Plain
    batch: Plain
    actions: Plain


def units_of(supervisor: Supervisor) -> dict[str, str]:
    """Unit of every recorded tag as screens show it."""
    return {
        column.tag: QUANTITIES[column.quantity][6]
        for session in supervisor.sessions.values()
        for column in session.configuration.columns
    }


def snapshot(
    supervisor: Supervisor, record: BatchRecord, kept: Kept, units: Mapping[str, str], start_us: int, now_us: int
) -> Snapshot:
    """Everything that is shown, as of ``now_us`` of the supervisor's clock."""
    at = {"mode": supervisor.mode, "at_us": start_us + now_us}
    numbers = _numbers(supervisor, record, units)
    return Snapshot(
        at | _status(supervisor, record, kept, start_us, now_us),
        at | _alarms(supervisor, start_us),
        at | {"values": numbers},
        at | _batch(supervisor, kept, now_us),
        at | {"actions": list(kept.actions)},
    )


def _status(supervisor: Supervisor, record: BatchRecord, kept: Kept, start_us: int, now_us: int) -> Plain:
    batch = supervisor.batch
    figures = supervisor.alarms.figures()
    return {
        "batch": kept.batch.name,
        "state": batch.state,
        "entered_us": start_us + round(batch.entered_s * 1e6),
        "in_state_s": round(now_us / 1e6 - batch.entered_s, 1),
        "possible": list(possible(batch.state)),
        "nodes": [_node(session, record, kept.port_problems()) for session in supervisor.sessions.values()],
        "alarms": {
            "standing": {str(priority): number for priority, number in figures.standing.items()},
            "raised_in_ten_minutes": figures.raised_n,
            "flood": figures.is_flood,
            "chattering": list(figures.chattering),
            "first_out": figures.first_out,
            "shelved": sum(point.state == SHELVED for point in supervisor.alarms.points.values()),
        },
        "journal": kept.journal,
        "committed_us": kept.committed_us,
        "problems": ([kept.problem] if kept.problem else []) + supervisor.problems[-PROBLEMS_N_MAX:],
    }


def _node(session: NodeSession, record: BatchRecord, port_problems: Mapping[str, str]) -> Plain:
    return {
        "name": session.name,
        "phase": session.phase,
        "answers": session.phase == READY,
        "state": STATES[session.state] if session.hello else UNKNOWN,
        "in_hold": bool(session.flags & FLAG_HOLD),
        "latched": bool(session.flags & FLAG_ALARM),
        "permit_closed": session.permit_closed,
        "problem": port_problems.get(session.name) or session.problem,
        "board": session.identity.get("board", ""),
        "port": session.identity.get("port", ""),
        "interpreter": session.identity.get("interpreter", ""),
        "recorded_to": record.scans_to(session.name),  # the first scan of its run that is not acknowledged
        "firmware_sha256": session.hello["firmware_sha256"].hex() if session.hello else "",
        "configuration_sha256": session.configuration.sha256.hex(),
    }


def _alarms(supervisor: Supervisor, start_us: int) -> Plain:
    points = [point for point in supervisor.alarms.points.values() if point.state != NORMAL]
    points.sort(key=lambda point: (point.definition.priority, -point.raised_us))
    return {"alarms": [_alarm(point, start_us) for point in points]}


def _alarm(point: Point, start_us: int) -> Plain:
    definition = point.definition
    shelved = point.shelved_until_us
    return {
        "point": point.name,
        "state": point.state,
        "priority": definition.priority,
        "first_out": point.first_out,
        "title": definition.title,
        "raised_us": start_us + point.raised_us,
        "shelved_until_us": start_us + shelved if shelved else None,
        "cause": definition.cause,
        "consequence": definition.consequence,
        "action": definition.action,
        "respond_s": definition.respond_s,
    }


def _numbers(supervisor: Supervisor, record: BatchRecord, units: Mapping[str, str]) -> Plain:
    answers = {name: session.phase == READY for name, session in supervisor.sessions.items()}
    known = record.numbers()
    found = {}
    for tag, unit in units.items():
        number, quality = known.get(tag, (None, None))
        fresh = quality is not None and answers[tag.partition(".")[0]]
        word = NO_NUMBER if quality is None else QUALITIES[quality][1] if fresh else STALE
        found[tag] = {"number": number, "unit": unit, "quality": word}
    return found


def _batch(supervisor: Supervisor, kept: Kept, now_us: int) -> Plain:
    batch, made = supervisor.batch, kept.batch
    produced_s = batch.produced_s + (now_us / 1e6 - batch.entered_s if batch.state == "RUNNING" else 0)
    return {
        "name": made.name,
        "recipe": made.recipe,
        "recipe_version": made.recipe_version,
        "recipe_sha256": made.recipe_sha256,
        "line": made.line,
        "line_sha256": made.line_sha256,
        "started_us": made.started_us,
        "state": batch.state,
        "produced_s": round(produced_s, 1),
        "production_s": batch.production_s,
        "course": list(kept.course),
        "unattended": kept.unattended,
    }


def temperatures(values: Plain) -> Plain:
    """The measured temperatures of the values' view: tag -> number, or None where there is none that may be used."""
    return {
        tag: value["number"] if value["quality"] in ("good", "uncertain") else None
        for tag, value in values["values"].items()
        if value["unit"] == HEATED and tag.endswith(".pv")
    }
