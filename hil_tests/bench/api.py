"""What a test may ask of a bench, on every target: lock-step, pseudo-terminals, or wires.  No target logic in tests.

Places are NODE or NODE.NAME of an input or output of the line file; times are seconds of the bench.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from spinline.line.desk import Asked, Command
from spinline.line.supervisor import Supervisor
from spinline.recipe.channel_model import Output
from spinline.recipe.compiler import NodeConfiguration
from spinline.recipe.line_model import Line
from spinline.record.batch_record import BatchRecord
from spinline_firmware.boards import rp2350b as board

from .interpreters import Interpreter
from .mpy import layout
from .wiring import DAC_FULL, DRIVE_FULL

# what a bench can do; a test names what it needs, and is skipped by that name where it is missing
FEATURES = (
    "thermocouples",  # voltages at the thermocouple terminals
    "loops",  # 4-20 mA
    "contacts",
    "encoders",
    "tc_open",  # relays: a thermocouple open, or at the supply
    "tc_short",
    "loop_open",
    "cable",  # a relay in the node's serial line
    "power",  # a relay in the node's supply
    "permit",  # a relay in the line_permit chain
)


@dataclass
class Laid:
    """A fault with its time on the bench's clock; ``to_us`` is None while it lasts."""

    fault: str
    place: str
    from_us: int
    to_us: int | None = None


def lifted(laid: Sequence[Laid], fault: str, place: str, at_us: int) -> None:
    """The fault that lasts at this place ends now."""
    for one in laid:
        if (one.fault, one.place, one.to_us) == (fault, place, None):
            one.to_us = at_us


def operate(bench: Bench, what: str, why: str = "trial", **of: Any) -> Asked:
    """An operator asks the supervisor for something; its next scan does it, or says why not."""
    return bench.supervisor.ask(Command(what, "operator", why, **of))


class CannotLay(Exception):
    """This bench cannot make this fault; the text says what it lacks.  The test is skipped by that name."""


class Bench(Protocol):
    """One line with its supervisor, on whatever target."""

    features: frozenset[str]
    seed: int
    interpreter: Interpreter | None  # that runs the firmware; None where boards do
    line: Line
    configurations: list[NodeConfiguration]
    firmware_sha256: str

    @property
    def journal_path(self) -> Path:
        """The journal's file, with everything in it that the supervisor has begun to commit."""

    @property
    def supervisor(self) -> Supervisor:
        """The one that supervises now."""

    @property
    def record(self) -> BatchRecord:
        """What it writes to."""

    @property
    def now_s(self) -> float:
        """Seconds since the bench began."""

    def start(self) -> None:
        """A person starts the batch."""

    def run_until(self, reached: Callable[[], bool], limit_s: float) -> bool:
        """Supervise until ``reached``, at most for ``limit_s``; True where it was reached."""

    def run_for(self, seconds: float) -> None:
        """Supervise for so long."""

    def run_without_supervisor(self, seconds: float) -> None:
        """Nobody supervises for so long: its scan stands still, or its process is gone."""

    def kill_supervisor(self) -> None:
        """The supervisor's process ends: what it had not committed is gone."""

    def restart_supervisor(self) -> None:
        """A new supervisor opens the same journal."""

    @property
    def laid(self) -> Sequence[Laid]:
        """All faults there ever were, in the order in which they began."""

    def lay(self, fault: str, place: str) -> None:
        """Begin a fault of the catalogue.  Raises CannotLay."""

    def lift(self, fault: str, place: str) -> None:
        """End it."""

    def output(self, place: str) -> float:
        """What an output of the node puts out, read outside of the controller: 0 to 1 of full scale."""

    def permit_closed(self, node: str) -> bool:
        """The node's contact in the line_permit chain, behind its watchdog relay."""

    def close(self) -> None:
        """End all that was started; may be called twice."""


def output_row(line: Line, place: str) -> Output:
    """The row of an output of the line file.  Raises KeyError for a place that the line lacks."""
    node, _, name = place.partition(".")
    for of in line.node:
        for row in of.output:
            if (of.name, row.name) == (node, name):
                return row
    raise KeyError(place)


def share_of(row: Output, pins: bytes, dac: tuple[int, ...]) -> float:
    """The share of full scale that an output has on these pins and converters."""
    if row.kind == "dac":
        return dac[4 * row.port + row.channel] / DAC_FULL
    if row.kind == "drive":
        return dac[layout.DAC_N + row.port - 1] / DRIVE_FULL
    return float(pins[(board.SSR if row.kind == "ssr" else board.SWITCH_OUT)[row.port]])
