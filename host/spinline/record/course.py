"""The course of a batch as the journal has it, and which loop of the line is for what.  Reads only."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from spinline.errors import UnknownName
from spinline.recipe.line_model import Line, Loop, Node
from spinline.record.series import Interval, extent, fetch

PRODUCTION = "RUNNING"
NO_STATE = "NO BATCH"
# Where the recipe has the setpoint of a loop says what the loop is for; no loop is known by its name.
STRETCH = "derived.stretch_ratio"
PLASTICIZER = "derived.plasticizer_ratio"
SOLVENT = "derived.solvent_ratio"
QUENCH_TEMPERATURE = "quench.quench_temperature_C"
QUENCH_FLOW = "quench.quench_flow_L_min"
EXTRACTION_TEMPERATURE = "extraction.extraction_temperature_C"


@dataclass(frozen=True)
class Stage:
    """One state of the batch with its time in us; the end is the beginning of the next."""

    state: str
    from_us: int
    to_us: int


@dataclass(frozen=True)
class Role:
    """A loop found by what it is for, with the tags of its numbers."""

    node: Node
    loop: Loop

    @property
    def tag(self) -> str:
        """The loop as people name it: node and loop."""
        return f"{self.node.name}.{self.loop.name}"

    @property
    def pv(self) -> str:
        """Tag of the measured number."""
        return f"{self.node.name}.{self.loop.input}.pv"

    @property
    def setpoint(self) -> str:
        """Tag of the working setpoint."""
        return f"{self.tag}.sp"

    @property
    def master(self) -> str:
        """Tag of the measured number a ratio loop follows."""
        assert self.loop.master is not None
        return f"{self.node.name}.{self.loop.master}.pv"


def course(connection: apsw.Connection) -> list[Stage]:
    """The states of the batch in order; the last one ends with the batch, or with the last scan."""
    rows = fetch(connection, "SELECT at_us, state FROM batch_state ORDER BY at_us, rowid")
    if not rows:
        return []
    ends = [at_us for (at_us,) in fetch(connection, "SELECT ended_us FROM batch WHERE ended_us NOTNULL")]
    scans = extent(connection)
    last_us = max(rows[-1][0], *ends, *(scans[1:] if scans else ()))
    begins = [at_us for at_us, _ in rows]
    return [Stage(state, at_us, end) for (at_us, state), end in zip(rows, [*begins[1:], last_us], strict=True)]


def production(stages: list[Stage]) -> list[Interval]:
    """The intervals in which the batch was RUNNING."""
    return [
        (stage.from_us, stage.to_us) for stage in stages if stage.state == PRODUCTION and stage.to_us > stage.from_us
    ]


def role(line: Line, setpoint: str) -> Role:
    """The loop whose setpoint the recipe has at this place.  Raises UnknownName where the line has none."""
    for node in line.node:
        for loop in node.loop:
            if loop.setpoint == setpoint:
                return Role(node, loop)
    raise UnknownName(f"line {line.name} has no loop with the setpoint {setpoint}")


def roles(line: Line) -> list[Role]:
    """Every loop of the line."""
    return [Role(node, loop) for node in line.node for loop in node.loop]


def zones(line: Line) -> list[Role]:
    """The heated zones of the melt: the loops that soak."""
    return [found for found in roles(line) if found.loop.soaks]
