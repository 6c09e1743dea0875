"""Which alarm points stand: from the events of the nodes, their links, the batch and measured numbers.  Pure.

It only says what is; delays, acknowledgement and all that a person may do with an alarm is in `alarms`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spinline.line.alarm_table import Definition, definitions
from spinline.line.event_names import subject_of
from spinline.line.standing import CLAIMED
from spinline.recipe.line_model import Line
from spinline_protocol.quantities import CHECK, GOOD, UNCERTAIN
from spinline_protocol.states import EVENTS, EXECUTE, FLAG_ALARM, HELD, STARTING

ENDED_BY = {  # code of an event -> the code that says it is over, of the same source
    "LEASE_RENEWED": ("LEASE_EXPIRED",),
    "MONITOR_CLEARED": ("HEATER_OPEN",),
}
QUALITY_ENDS = {"SENSOR_FAULT": (GOOD, UNCERTAIN, CHECK), "SENSOR_MAINTENANCE": (GOOD,)}  # of the sensor's newest scan
UNTIL_RESET = (  # these stand until nothing of the node is latched any more
    "LOOP_FAILED", "HEATER_STUCK_ON", "SENSOR_SLIPPED", "LOOP_BREAK", "SENSOR_REVERSED", "PARTIAL_LOAD", "ENCODER_LOST",
    "PARAMETERS_CHANGED", "SCANS_LATE",
)  # fmt: skip
UNTIL_RUNS = ("OUTPUT_FAULT",)  # a node refuses to run while this lasts, and tells no end of it
AT_ONCE = ("BOOT", "SAFE_ORDER", "PERMIT_OPEN", "SCAN_OVERRUN", "INTERNAL_FAULT", "STORE_FAULT")  # over as it begins
RUNS = (STARTING, EXECUTE)
LINK_STATES = ("PREPARING", "THREADING", "RUNNING", "HOLDING", "HELD", "RESTARTING", "COMPLETING", "UNSUPERVISED")


@dataclass(frozen=True)
class NodeSeen:
    """A node in this scan: whether it answers, flags and state of its last scan."""

    answers: bool
    flags: int
    state: int = HELD


Number = Callable[[str], float | None]
"""The newest number of a tag in its screen unit; None while there is none."""
Quality = Callable[[str], int | None]
"""The quality of the newest number of a tag, likewise."""


class AlarmPoints:
    """What stands on one line.  A point is named NODE.NAME, or by the line where it has no node."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._interlocks = {node.name: node.interlock for node in line.node}
        self._standing: dict[str, tuple[Definition, int]] = {}
        self._kinds: dict[str, tuple[str, str]] = {}  # point -> node, code
        self._once: list[str] = []
        self._stopped: set[str] = set()  # points whose node was seen not running since they began
        tags = {f"{node.name}.{row.name}.pv" for node in line.node for row in node.input}
        self._numbers = [definition for definition in definitions().values() if definition.tag in tags]

    def definition_of(self, point: str) -> Definition | None:
        """What a point of this line is, by its name; None where the line file has no such thing any more."""
        code = point.rpartition(" ")[2]
        if code in definitions():
            return definitions()[code]
        node, _, name = point.partition(".")
        row = next((row for row in self._interlocks.get(node, ()) if row.name == name), None)
        return definitions()[row.row].with_priority(row.priority) if row else None

    def restore(self, point: str, at_us: int) -> None:
        """It stood when an earlier supervisor ended; the node will tell when it is over."""
        definition = self.definition_of(point)
        assert definition is not None
        code = point.rpartition(" ")[2]
        node = point.partition(".")[0].partition(" ")[0]
        self._begin_point(point, node, code if code in definitions() else "INTERLOCK_TRIPPED", definition, at_us)

    def event(self, node: str, code: int, source: int, at_us: int) -> None:
        """An event of a node."""
        told = EVENTS[code] if code < len(EVENTS) else ""
        name = subject_of(self.line, node, told, source, 0)
        if told == "INTERLOCK_TRIPPED":
            row = self._interlocks[node][source]
            self._begin(node, told, name, definitions()[row.row].with_priority(row.priority), at_us)
        elif told == "INTERLOCK_CLEARED":
            self._standing.pop(_point(node, "INTERLOCK_TRIPPED", name), None)
        elif told in ENDED_BY:
            for ended in ENDED_BY[told]:
                self._standing.pop(_point(node, ended, name), None)
        elif told in definitions():
            if told == "BOOT":
                self._end_of(node, lambda _code: True)
            self._begin(node, told, name, definitions()[told], at_us)
            if told in AT_ONCE:
                self._once.append(_point(node, told, name))

    def scan(
        self, nodes: Mapping[str, NodeSeen], batch_state: str, number: Number, quality: Quality, now_us: int
    ) -> dict[str, tuple[Definition, int]]:
        """Every point that stands in this scan, with its definition and since when; what is over at once, once."""
        for node, seen in nodes.items():
            if seen.answers and not seen.flags & FLAG_ALARM:
                self._end_of(node, lambda code: code in UNTIL_RESET)
            self._end_by_running(node, seen.state in RUNS)
            lost = not seen.answers and batch_state in LINK_STATES
            self._hold(node, "LINK_LOST", "", lost, now_us)
        self._end_sensors(quality)
        self._hold("line", "UNSUPERVISED", "", batch_state == "UNSUPERVISED", now_us)
        for definition in self._numbers:
            self._judge(definition, number(definition.tag), now_us)
        standing = dict(self._standing)
        for point in self._once:
            self._standing.pop(point, None)
        self._once = []
        return standing

    def claimed(self, outside: frozenset[str], now_us: int) -> None:
        """Claimed windows that a quantity has left: scope, not safety, so nothing but an alarm comes of it."""
        for name in CLAIMED:
            self._hold("line", name, "", name in outside, now_us)

    def _begin(self, node: str, code: str, name: str, definition: Definition, at_us: int) -> None:
        self._begin_point(_point(node, code, name), node, code, definition, at_us)

    def _begin_point(self, point: str, node: str, code: str, definition: Definition, at_us: int) -> None:
        self._standing.setdefault(point, (definition, at_us))
        self._kinds[point] = (node, code)

    def _hold(self, node: str, code: str, name: str, stands: bool, now_us: int) -> None:
        if stands:
            self._begin(node, code, name, definitions()[code], now_us)
        else:
            self._standing.pop(_point(node, code, name), None)

    def _judge(self, definition: Definition, number: float | None, now_us: int) -> None:
        """A number beyond its limit stands until it is back by the deadband; without a number it stays as it was."""
        node, _, name = definition.tag.partition(".")
        point = _point(node, definition.of[0], name)
        if number is None:
            return
        back = definition.deadband if point in self._standing else 0.0
        above = definition.above is not None and number > definition.above - back
        below = definition.below is not None and number < definition.below + back
        self._hold(node, definition.of[0], name, above or below, now_us)

    def _end_by_running(self, node: str, runs: bool) -> None:
        of_node = {point for point in self._standing if self._kinds[point][0] == node}
        for point in of_node:
            if self._kinds[point][1] in UNTIL_RUNS and not runs:
                self._stopped.add(point)
            elif runs and point in self._stopped:
                self._stopped.discard(point)
                del self._standing[point]

    def _end_sensors(self, quality: Quality) -> None:
        """No event says that a sensor is back; its scans do."""
        for point in list(self._standing):
            node, code = self._kinds[point]
            name = point.removeprefix(f"{node}.").removesuffix(f" {code}")
            if code in QUALITY_ENDS and quality(f"{node}.{name}.pv") in QUALITY_ENDS[code]:
                del self._standing[point]

    def _end_of(self, node: str, is_over: Callable[[str], bool]) -> None:
        for point in [point for point in self._standing if self._kinds[point][0] == node]:
            if is_over(self._kinds[point][1]):
                del self._standing[point]


def _point(node: str, code: str, name: str) -> str:
    """Interlocks say in their own name what is wrong; other points have the kind of alarm beside the part."""
    if code == "INTERLOCK_TRIPPED":
        return f"{node}.{name}"
    return f"{node}.{name} {code}" if name else f"{node} {code}"
