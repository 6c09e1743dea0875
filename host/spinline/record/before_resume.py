"""What a person sees before an unsupervised line is led back: what ran, the gap, the temperatures.  Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field

import apsw

from spinline.line.roles import zones
from spinline.recipe.line_model import Line
from spinline.record.accounts import UNDECLARED, count
from spinline.record.resuming import retired_scans, stored_scans
from spinline.record.schema import quoted
from spinline.record.series import columns_of, fetch
from spinline_protocol.states import STATES

RESUMABLE = ("UNSUPERVISED", "HELD")
AWAY = (*RESUMABLE, "HOLDING", "RESTARTING")  # from production, whatever led there
SECOND_US = 1_000_000


@dataclass(frozen=True)
class NodeBefore:
    """A node: state and age of its newest scan, and the longest time without a scan since the batch was left.

    ``lost_n`` scans since then are lost for good, ``waiting_n`` may still come.
    """

    node: str
    state: str
    age_s: float
    silent_s: float
    lost_n: int
    waiting_n: int


@dataclass(frozen=True)
class ZoneBefore:
    """A heated zone in its newest scan, degC; None where its sensor was bad."""

    tag: str
    pv_C: float | None
    setpoint_C: float | None

    @property
    def below_K(self) -> float | None:
        """How much it is too cold; None where that is not known."""
        return None if self.pv_C is None or self.setpoint_C is None else self.setpoint_C - self.pv_C


@dataclass(frozen=True)
class BeforeResume:
    """``ran`` is the state of the batch before it was left and ``cause`` why; ``alone_s`` how long ago that is."""

    batch: str
    ran: str
    cause: str
    left_us: int
    alone_s: float
    nodes: list[NodeBefore] = field(default_factory=list)
    zones: list[ZoneBefore] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The same in sentences, for a screen."""
        found = [f"Batch {self.batch} was {self.ran}, alone for {self.alone_s:.0f} s: {self.cause}."]
        for node in self.nodes:
            found.append(
                f"{node.node} is in {node.state}, seen {node.age_s:.0f} s ago; {node.silent_s:.0f} s without a scan, "
                f"{node.lost_n} scans are lost, {node.waiting_n} may still come."
            )
        for zone in self.zones:
            pv, asked = (
                "unknown" if number is None else f"{number:.1f} degC" for number in (zone.pv_C, zone.setpoint_C)
            )
            found.append(f"{zone.tag} is at {pv}, asked {asked}.")
        return found


def before_resume(connection: apsw.Connection, line: Line, now_us: int) -> BeforeResume | None:
    """Of the batch in a journal at ``now_us`` (UTC); None where it is not one that a person could resume."""
    states = fetch(connection, "SELECT at_us, state, cause FROM batch_state ORDER BY n")
    if not states or states[-1][1] not in RESUMABLE:
        return None
    last = max((i for i, (_at_us, state, _cause) in enumerate(states) if state not in AWAY), default=-1)
    ran = states[last][1] if last >= 0 else "not begun"
    left_us, _state, cause = states[last + 1]
    ((name,),) = fetch(connection, "SELECT name FROM batch") or [("",)]
    alone_s = (now_us - left_us) / SECOND_US
    nodes = [found for node in line.node if (found := _node(connection, node.name, left_us, now_us))]
    return BeforeResume(str(name), ran, cause, left_us, alone_s, nodes, _zones(connection, line))


def _node(connection: apsw.Connection, name: str, left_us: int, now_us: int) -> NodeBefore | None:
    runs = fetch(
        connection,
        "SELECT run, first_scan, scan_ms, scan_table FROM run JOIN configuration USING (configuration_i) "
        "JOIN node USING (node_i) WHERE name = ? ORDER BY run",
        (name,),
    )
    if not runs:
        return None
    lost_n = waiting_n = 0
    for run, first, scan_ms, table in runs:
        since = max(first, _first_since(connection, run, first, scan_ms, left_us))
        gaps = fetch(connection, "SELECT from_scan, to_scan, reason FROM gap WHERE run = ? ORDER BY at_us", (run,))
        later = [(max(low, since), high, reason) for low, high, reason in gaps if high >= since]
        stored = [(max(low, since), high) for low, high in stored_scans(connection, run, table) if high >= since]
        retired = [(max(low, since), high) for low, high in retired_scans(connection, run) if high >= since]
        missing = count(since, stored, retired, later)[2]
        waiting_n += missing.pop(UNDECLARED, 0)
        lost_n += sum(missing.values())
    table = runs[-1][3]
    newest = fetch(connection, f"SELECT at_us, state FROM {quoted(table)} ORDER BY run_scan DESC LIMIT 1")
    at_us, state = newest[0] if newest else (left_us, 0)
    before = fetch(connection, f"SELECT max(at_us) FROM {quoted(table)} WHERE at_us < ?", (left_us,))[0][0]
    since = f"SELECT at_us FROM {quoted(table)} WHERE at_us >= ? ORDER BY 1"
    ends = [left_us if before is None else before, *(at for (at,) in fetch(connection, since, (left_us,))), now_us]
    silent_us = max(later - earlier for earlier, later in zip(ends, ends[1:], strict=False))
    age_s = max(0.0, (now_us - at_us) / SECOND_US)
    return NodeBefore(name, STATES[state], age_s, silent_us / SECOND_US, lost_n, waiting_n)


def _first_since(connection: apsw.Connection, run: int, first: int, scan_ms: int, since_us: int) -> int:
    """The first scan of a run at or behind a time, by the record's clock; the run's first where that says nothing."""
    newest = fetch(connection, "SELECT from_scan, at_us FROM clock WHERE run = ? ORDER BY from_scan DESC", (run,))
    if not newest:
        return first
    from_scan, at_us = next(((scan, at) for scan, at in newest if at <= since_us), newest[-1])
    return max(first, int(from_scan) + max(0, -(-(since_us - int(at_us)) // (1000 * scan_ms))))


def _zones(connection: apsw.Connection, line: Line) -> list[ZoneBefore]:
    found = []
    for zone in zones(line):
        for pv, asked in columns_of(connection, zone.pv, zone.setpoint)[-1:]:
            newest = f"FROM {quoted(pv.scan_table)} ORDER BY run_scan DESC LIMIT 1"
            for number, usable, setpoint in fetch(
                connection, f"SELECT {pv.number}, {pv.usable}, {asked.number} {newest}"
            ):
                found.append(ZoneBefore(zone.tag, number if usable else None, setpoint))
    return found
