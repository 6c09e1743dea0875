"""Alarms as ISA-18.2 / IEC 62682 have them: one point for each thing that asks for a person, and its state.  Pure.

A point stands or does not; delays, acknowledgement, latch, shelf, suppression by state of the batch and service are
kept here, with the first of a group, chatter and flood.  Every change is a row for the record.  An alarm tells a
person: it never acts on the line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from spinline.errors import Refused
from spinline.line.alarm_table import Definition

SECOND_US = 1_000_000
SHELF_S_MAX = 8 * 3600  # one shift
FLOOD_WINDOW_US = 600 * SECOND_US
FLOOD_BEGINS_N, FLOOD_ENDS_N = 10, 5  # more than, fewer than so many new alarms in ten minutes (ISA-18.2)
CHATTER_WINDOW_US, CHATTER_N = 60 * SECOND_US, 3

NORMAL, UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED, LATCHED, SHELVED, SUPPRESSED, OUT_OF_SERVICE = (
    "normal",
    "unacknowledged",
    "acknowledged",
    "returned",
    "latched",
    "shelved",
    "suppressed",
    "out of service",
)
CALLS = (UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED, LATCHED)  # states in which a person sees it among the alarms


@dataclass(frozen=True)
class Change:
    """A point came into another state: when (us, of the caller's clock), why, and by whom; "" where nobody did it."""

    at_us: int
    point: str
    state: str
    priority: int
    first_out: bool
    who: str = ""
    why: str = ""


@dataclass
class Point:
    """One alarm point.  ``raised_us`` is when it was raised last; ``activations`` of the last ten minutes."""

    name: str
    definition: Definition
    state: str = NORMAL
    stood: bool = False
    since_us: int = 0
    active: bool = False
    acknowledged: bool = True
    latched: bool = False
    shelved_until_us: int = 0
    out_of_service: bool = False
    suppressed: bool = False
    first_out: bool = False
    raised_us: int = 0
    activations: deque[int] = field(default_factory=deque)


@dataclass(frozen=True)
class Figures:
    """How the alarms do: by priority what stands, raised in ten minutes, whether that is a flood, what chatters."""

    standing: Mapping[int, int]
    raised_n: int
    is_flood: bool
    chattering: tuple[str, ...]
    first_out: str


class Alarms:
    """Every point that ever stood.  Times in us of one clock that never runs back."""

    def __init__(self) -> None:
        self.points: dict[str, Point] = {}
        self._raised: deque[int] = deque()
        self._is_flood = False
        self._now_us = 0

    def scan(self, standing: Mapping[str, tuple[Definition, int]], state: str, now_us: int) -> list[Change]:
        """One scan: ``standing`` has each point that stands, with definition and since when; returns the changes."""
        for name, (definition, since_us) in standing.items():
            if name not in self.points:
                self.points[name] = Point(name, definition, since_us=since_us)
        changes = []
        for name in sorted(self.points, key=lambda name: standing[name][1] if name in standing else now_us):
            changes += self._step(self.points[name], standing.get(name), state, now_us)
        self._count(now_us)
        return changes

    def restore(self, name: str, definition: Definition, state: str, now_us: int) -> bool:
        """How an earlier supervisor left a point; True where it stood.  What lay on its shelf calls again."""
        stood = state in (UNACKNOWLEDGED, ACKNOWLEDGED, SUPPRESSED, SHELVED)
        self.points[name] = Point(
            name,
            definition,
            state,
            stood=stood,
            since_us=now_us,
            active=stood,
            acknowledged=state in (ACKNOWLEDGED, LATCHED, NORMAL, OUT_OF_SERVICE),
            latched=definition.latches and state not in (NORMAL, OUT_OF_SERVICE),
            out_of_service=state == OUT_OF_SERVICE,
        )
        return stood

    def _step(self, point: Point, standing: tuple[Definition, int] | None, state: str, now_us: int) -> list[Change]:
        point.suppressed = state in point.definition.suppressed_in
        stands = standing is not None
        if stands != point.stood:
            point.stood, point.since_us = stands, standing[1] if standing else now_us
        delay_s = point.definition.on_delay_s if stands else point.definition.off_delay_s
        if stands != point.active and now_us - point.since_us >= delay_s * SECOND_US:
            point.active = stands
            if stands:
                self._raise(point, now_us)
        if point.suppressed and not point.active:
            point.acknowledged, point.latched = True, False  # it came and went while nobody was to be called
        expired = 0 < point.shelved_until_us <= now_us
        if expired:
            point.shelved_until_us = 0
        return self._changed(point, now_us, why="the shelf time is over" if expired else "")

    def _raise(self, point: Point, now_us: int) -> None:
        point.first_out = not point.suppressed and not any(other.state in CALLS for other in self.points.values())
        point.acknowledged, point.latched = False, point.definition.latches
        point.raised_us = now_us
        point.activations.append(now_us)
        self._raised.append(now_us)

    def _changed(self, point: Point, now_us: int, who: str = "", why: str = "") -> list[Change]:
        state = _state_of(point)
        if state == point.state:
            return []
        point.state = state
        if state == NORMAL:
            point.first_out = False
        return [Change(now_us, point.name, state, point.definition.priority, point.first_out, who, why)]

    def _count(self, now_us: int) -> None:
        self._now_us = now_us
        while self._raised and self._raised[0] <= now_us - FLOOD_WINDOW_US:
            self._raised.popleft()
        for point in self.points.values():
            while point.activations and point.activations[0] <= now_us - FLOOD_WINDOW_US:
                point.activations.popleft()
        raised_n = len(self._raised)
        self._is_flood = raised_n > FLOOD_BEGINS_N or (self._is_flood and raised_n >= FLOOD_ENDS_N)

    def acknowledge(self, name: str, who: str, now_us: int) -> list[Change]:
        """A person has seen it.  Raises Refused where there is nothing to acknowledge."""
        point = self._point(name)
        if point.acknowledged:
            raise Refused(f"{name} is {point.state}: there is nothing to acknowledge")
        point.acknowledged = True
        return self._changed(point, now_us, who)

    def reset(self, name: str, who: str, now_us: int) -> list[Change]:
        """A latched alarm goes when its cause is gone and a person resets it.  Raises Refused otherwise."""
        point = self._point(name)
        if point.state != LATCHED:
            raise Refused(
                f"{name} is {point.state}: only a latched alarm is reset, acknowledged, when its cause is gone"
            )
        point.latched = False
        return self._changed(point, now_us, who)

    def shelve(self, name: str, seconds: int, who: str, why: str, now_us: int) -> list[Change]:
        """Out of sight for some time, at most a shift.  Raises Refused; one of priority 1 is never shelved."""
        point = self._point(name)
        if point.definition.priority == 1:
            raise Refused(f"{name} has priority 1 and cannot be shelved")
        if not 0 < seconds <= SHELF_S_MAX:
            raise Refused(f"{name} cannot be shelved for {seconds} s (allowed: 1 to {SHELF_S_MAX})")
        if not why.strip():
            raise Refused(f"{name} cannot be shelved without a reason")
        point.shelved_until_us = now_us + seconds * SECOND_US
        return self._changed(point, now_us, who, why)

    def unshelve(self, name: str, who: str, now_us: int) -> list[Change]:
        """Back before its time.  Raises Refused where it is not on the shelf."""
        point = self._point(name)
        if not point.shelved_until_us:
            raise Refused(f"{name} is {point.state}: it is not shelved")
        point.shelved_until_us = 0
        return self._changed(point, now_us, who)

    def set_service(self, name: str, in_service: bool, who: str, why: str, now_us: int) -> list[Change]:
        """Out of service for repair, or back.  Raises Refused without a reason."""
        point = self._point(name)
        if not why.strip():
            raise Refused(f"{name} cannot change its service without a reason")
        point.out_of_service = not in_service
        return self._changed(point, now_us, who, why)

    def figures(self) -> Figures:
        """For the first line of a view, as of the last scan."""
        calling = [point for point in self.points.values() if point.state in CALLS]
        standing = {priority: sum(point.definition.priority == priority for point in calling) for priority in (1, 2, 3)}
        chattering = tuple(
            point.name
            for point in self.points.values()
            if sum(at_us > self._now_us - CHATTER_WINDOW_US for at_us in point.activations) >= CHATTER_N
        )
        first_out = next((point.name for point in calling if point.first_out), "")
        return Figures(standing, len(self._raised), self._is_flood, chattering, first_out)

    def state_of(self, name: str) -> str:
        """How an alarm stands.  Raises Refused where there is none of that name."""
        return self._point(name).state

    def _point(self, name: str) -> Point:
        if name not in self.points:
            raise Refused(f"there is no alarm {name!r}")
        return self.points[name]


def _state_of(point: Point) -> str:
    if point.out_of_service:
        return OUT_OF_SERVICE
    if point.shelved_until_us:
        return SHELVED
    if point.active and point.suppressed:
        return SUPPRESSED
    if point.active:
        return ACKNOWLEDGED if point.acknowledged else UNACKNOWLEDGED
    if not point.acknowledged:
        return RETURNED
    return LATCHED if point.latched else NORMAL
