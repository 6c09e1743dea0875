"""The catalogue of faults: what can go wrong with the line, where, and what has to follow.  Data only.

Every fault is told by its id.  One whose part does not exist yet says in ``needs`` what is missing; it is skipped by name.
"""

from __future__ import annotations

from dataclasses import dataclass

RUNNING, HELD, HEATING = "running", "held", "heating"  # states of the line in which faults are laid
ON, GONE = ("RUNNING",), ("ABORTED",)


@dataclass(frozen=True)
class Reaction:
    """What has to follow: a node tells one of ``events``, and the batch is in one of ``batch``, within ``within_s``.

    No events: nothing may be told but what the wire needs.
    """

    events: tuple[str, ...]
    batch: tuple[str, ...]
    within_s: float


@dataclass(frozen=True)
class Fault:
    """One fault.  ``places`` are of the line file; ``reactions`` by state of the line; ``lasts_s`` until it is lifted."""

    id: str
    title: str
    places: tuple[str, ...]
    reactions: dict[str, Reaction]
    lasts_s: float = 0.0  # 0: until the reaction has been seen
    needs: str = ""


NODES = ("melt", "bath", "draw")
ZONES = tuple(f"melt.{name}" for name in ("Z1", "Z2", "Z3", "Z4", "Z5", "Z6", "PUMP", "DIE"))
THERMOCOUPLES = (*ZONES, "draw.STRETCH")
HEATERS = tuple(f"melt.{name}_HEATER" for name in ("Z3", "Z1", "Z2", "Z4", "Z5", "Z6", "PUMP", "DIE"))


def _same(reaction: Reaction, *states: str) -> dict[str, Reaction]:
    return dict.fromkeys(states, reaction)


CATALOGUE: tuple[Fault, ...] = ()
