"""One whole node in plain Python: the firmware's own scan over a compiled configuration, numbers for chips.

For what asks every row of a table; the same scan runs on MicroPython in the scenarios.  It never reads a clock.
"""

from __future__ import annotations

from typing import Any

from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import Line, Node
from spinline.recipe.models import Recipe
from spinline.recipe.scaling import whole
from spinline_firmware.control.image import new_image
from spinline_firmware.control.summary import RING_BYTES
from spinline_firmware.scan import Scan
from spinline_protocol.configuration import (
    COUNTER,
    INPUT,
    LOOP,
    TABLE_INPUT,
    TABLE_LOOP,
    TABLE_MONITOR,
    TABLES,
    field_index,
)
from spinline_protocol.states import EVENTS

LEASE_MS = 2000
_KIND, _ZERO, _M = field_index(INPUT, "kind"), field_index(INPUT, "zero"), field_index(INPUT, "scale_m")
_S, _OFFSET, _SLEW = [field_index(INPUT, name) for name in ("scale_s", "offset", "slew")]


class Contact:
    """A pin of the permit chain."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.value = self._pin  # the name that a pin of the board has

    def _pin(self, level: int | None = None) -> int:
        """The level; set where one is given."""
        if level is not None:
            self.level = level
        return self.level


class Numbers:
    """In place of the chips: what each input reads, in its screen unit, and what the outputs got."""

    def __init__(self, node: Node, rows: list[tuple[int, ...]]) -> None:
        self._node, self._rows = node, rows
        self.reads = dict.fromkeys((row.name for row in node.input), 0.0)
        self.broken: set[str] = set()
        self._count = [0.0] * len(rows)
        self._noise = 0  # the last bit of a thermocouple never stands still
        self.levels: list[int] = [0] * len(node.output)
        self.calls: list[str] = []

    def acquire(self, sensors: Any) -> None:
        """Every input as a raw number, through the firmware's own scaling."""
        self._noise ^= 1
        for i, channel in enumerate(self._node.input):
            row = self._rows[i]
            unit = whole(channel.quantity, self.reads[channel.name]) - row[_OFFSET]
            raw = row[_ZERO] + unit * 2 ** row[_S] / row[_M]
            if row[_KIND] == COUNTER:
                self._count[i] += raw
                raw = self._count[i]
            raw += self._noise if channel.kind == "thermocouple" else 0
            sensors.take(i, round(raw), 1 if channel.name in self.broken else 0)

    def apply(self, levels: list[int]) -> None:
        """Remember them."""
        self.levels = list(levels)
        self.calls.append("apply")

    def all_off(self) -> None:
        """Remember it."""
        self.levels = [0] * len(self.levels)
        self.calls.append("all_off")


class NodeRig:
    """A node of the line that begins IDLE with every loop at its setpoint.

    Heat balance and slew are not watched: a number that a test sets obeys no heat and may jump.
    """

    def __init__(self, line: Line, recipe: Recipe, name: str) -> None:
        self.node = next(node for node in line.node if node.name == name)
        rows = compile_node(line, self.node, recipe).rows
        tables = [[words for of, words in rows if of == table] for table in range(len(TABLES))]
        tables[TABLE_MONITOR] = []
        tables[TABLE_INPUT] = [(*row[:_SLEW], 0, *row[_SLEW + 1 :]) for row in tables[TABLE_INPUT]]
        self.chips = Numbers(self.node, tables[TABLE_INPUT])
        self.permit_in, self.permit_out = Contact(1), Contact(0)
        self.events: list[tuple[str, int, int, int]] = []
        image, ring = new_image(), bytearray(RING_BYTES)
        self.scan = Scan(tables, image, ring, self.chips, self.permit_in, self.permit_out, self._note)
        for i, loop in enumerate(self.node.loop):
            words = tables[TABLE_LOOP][i]
            if loop.kind == "single":
                unit = whole(next(row.quantity for row in self.node.input if row.name == loop.input), 1.0)
                self.chips.reads[loop.input] = words[field_index(LOOP, "setpoint")] / unit

    def _note(self, code: int, source: int, got: int, limit: int) -> None:
        self.events.append((EVENTS[code], source, got, limit))

    def run(self, seconds: float) -> int:
        """Scan for so long under a valid lease; returns the state."""
        for _ in range(max(1, round(seconds * 1000 / self.scan.scan_ms))):
            self.scan.scan(LEASE_MS, 0)
        return int(self.scan.state)

    def level(self, output: str) -> int:
        """What an actuator got in the last scan."""
        return self.chips.levels[[row.name for row in self.node.output].index(output)]
