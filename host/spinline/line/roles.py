"""Which loop of a line is for what.  Pure: where the recipe has the setpoint of a loop says it, never its name."""

from __future__ import annotations

from dataclasses import dataclass

from spinline.errors import UnknownName
from spinline.recipe.line_model import Line, Loop, Node

STRETCH = "derived.stretch_ratio"
PLASTICIZER = "derived.plasticizer_ratio"
SOLVENT = "derived.solvent_ratio"
QUENCH_TEMPERATURE = "quench.quench_temperature_C"
QUENCH_FLOW = "quench.quench_flow_L_min"
BATH_PLASTICIZER = "extraction.bath_plasticizer_wt_percent"
EXTRACTION_TEMPERATURE = "extraction.extraction_temperature_C"


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
    def output(self) -> str:
        """Tag of the loop's output."""
        return f"{self.tag}.out"

    @property
    def master(self) -> str:
        """Tag of the measured number a ratio loop follows."""
        assert self.loop.master is not None
        return f"{self.node.name}.{self.loop.master}.pv"


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
