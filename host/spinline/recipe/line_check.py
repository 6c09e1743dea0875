"""What a line says of a recipe before a download: its interlocks' limits, and how long its path keeps the fiber.  Pure.

The limits are those of the configuration that is compiled; a node that runs confirms its hash when it is connected to,
so the limits it holds are these, or it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from spinline.claims.evidence import Reading
from spinline.claims.exact import exact
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import WindowRow, judge_window
from spinline.recipe.compiler import compile_node, setpoint_of
from spinline.recipe.guard_model import Interlock
from spinline.recipe.line_model import Line, Node
from spinline.recipe.models import Recipe

SECONDS_A_MIN = 60


@dataclass(frozen=True)
class LimitRow:
    """A setpoint beside an interlock that acts on the same measured number; numbers in its screen unit."""

    node: str
    interlock: str
    row: str
    action: str
    setpoint: float
    limit: float
    is_high: bool

    @property
    def margin(self) -> float:
        """Distance to the limit, negative or 0 where the line would stop by itself."""
        return self.limit - self.setpoint if self.is_high else self.setpoint - self.limit

    @property
    def sentence(self) -> str:
        """What is wrong, or how much room there is, for a technician."""
        side = "above" if self.is_high else "below"
        acts = f"{self.node}: {self.interlock} ({self.row}) acts {side} {self.limit:g} ({self.action})"
        return f"{acts}; the setpoint is {self.setpoint:g}, margin {self.margin:g}"


@dataclass(frozen=True)
class LineReport:
    """A recipe on its line: limits, windows, and the hash (hex) of each node's configuration."""

    limits: tuple[LimitRow, ...]
    windows: tuple[WindowRow, ...]
    configurations: dict[str, str]

    @property
    def problems(self) -> tuple[str, ...]:
        """Why this line cannot run it; empty where it can."""
        beyond = [row.sentence for row in self.limits if row.margin <= 0]
        failed = [row for row in self.windows if row.verdict is Verdict.FAIL]
        return (*beyond, *(f"{row.id} by {row.place}: {row.quantity} {row.value:g}: {row.reason}" for row in failed))


def check_on_line(recipe: Recipe, line: Line) -> LineReport:
    """The recipe on this line.  Raises BadInput with every field that a node's tables cannot hold."""
    hashes = {node.name: compile_node(line, node, recipe).sha256.hex() for node in line.node}
    limits = tuple(row for node in line.node for row in _limits(recipe, node))
    return LineReport(limits, (_residence(recipe, line),), hashes)


def _limits(recipe: Recipe, node: Node) -> Iterator[LimitRow]:
    """Interlocks with a limit of their own on a number that a loop of the node controls to a setpoint."""
    for interlock in node.interlock:
        limit = interlock.above if interlock.above is not None else interlock.below
        if limit is None or not _counts_from_nothing(interlock):
            continue
        for loop in node.loop:
            if loop.input == interlock.input and loop.kind == "single":
                told = (node.name, interlock.name, interlock.row, interlock.action)
                yield LimitRow(*told, setpoint_of(loop, recipe), limit, interlock.above is not None)


def _counts_from_nothing(interlock: Interlock) -> bool:
    references = (interlock.of_setpoint, interlock.of_input, interlock.of_output)
    return not any(references) and not interlock.change_min and interlock.swing_s is None


def _residence(recipe: Recipe, line: Line) -> WindowRow:
    """How long the line's path keeps the fiber in the extraction at the recipe's speed; the recipe asks for its own."""
    with exact():
        metres = Decimal(str(line.path.take_up_to_stretch_m))
        seconds = metres * SECONDS_A_MIN / recipe.draw.takeup_speed_m_min
    reading = Reading(seconds, Decimal(0), f"path of {metres} m at the recipe's take-up speed")
    return judge_window("E-TRES", reading, f"the path of line {line.name}")
