"""How a line of the bench is built: its line file, the terminals of each node, what is in the sockets of its boards."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from spinline.recipe.line_model import Line, load_line
from spinline_firmware.boards import rp2350b as board

from .node_process import BusNodeProcess, NodeProcess
from .plant.signals import Actuators
from .wiring import DRIVE_FULL, WIRING, NodeWiring

LINE_R1 = Path(__file__).resolve().parents[2] / "lines" / "r1.toml"
ON_BUS = Path(__file__).with_name("on_bus.toml")
ROWS = ("input", "output", "interlock")  # tables of a node that a variant changes
FULL_M_MIN = 60.0  # of a godet, at 50 Hz
CODES = 32768  # of the resistance converter at its reference resistor
A, B, C = 3.9083e-3, -5.775e-7, -4.183e-12  # IEC 60751


@cache
def line_r1() -> Line:
    """The reference line, read once: it is frozen, and reading it took a fifth of the start of a run."""
    return load_line(LINE_R1)


def changed(line: dict[str, Any], by: dict[str, Any]) -> dict[str, Any]:
    """A line file with the rows of another one in place of those of the same name, or behind them."""
    nodes = []
    for node in line["node"]:
        rows: dict[str, Any] = next((row for row in by["node"] if row["name"] == node["name"]), {})
        nodes.append(node | {table: _joined(node[table], rows.get(table, [])) for table in ROWS})
    return line | {"node": nodes}


def _joined(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_name = {row["name"]: row for row in others}
    return [by_name.pop(row["name"], row) for row in rows] + list(by_name.values())


@cache
def line_on_bus() -> Line:
    """R1 with the godets' drives on a bus and a resistance thermometer in the quench."""
    return Line.model_validate(changed(tomllib.loads(LINE_R1.read_text()), tomllib.loads(ON_BUS.read_text())))


def pt100_code(temperature_C: float, reference_dohm: int) -> int:
    """The code of a Pt100 at a temperature, IEC 60751."""
    share = 1 + A * temperature_C + B * temperature_C**2
    if temperature_C < 0:
        share += C * (temperature_C - 100) * temperature_C**3
    return round(100 * share * CODES * 10 / reference_dohm)


def _draw_on_bus(actuators: Actuators, pins: bytes, out: tuple[int, ...], relay: bool) -> None:
    actuators.stretch_heater_on = relay and bool(pins[16])
    actuators.godet_enable = relay and bool(pins[24])
    actuators.drive_power = True
    actuators.godet1_command, actuators.godet2_command = (frequency / DRIVE_FULL for frequency in out[8:10])


WIRING_ON_BUS: dict[str, NodeWiring] = {
    "melt": WIRING["melt"],
    "bath": replace(
        WIRING["bath"],
        analog=WIRING["bath"].analog[1:],
        rtds=lambda s: [pt100_code(s.quench_temperature_C, board.RTD_REFERENCE_DOHM[0])],
    ),
    "draw": replace(
        WIRING["draw"],
        thermocouples=lambda s: [0.0, 0.0, s.stretch_temperature_C],
        turning=lambda s: [
            (s.godet1_speed_m_min / FULL_M_MIN, s.godet1_current_A),
            (s.godet2_speed_m_min / FULL_M_MIN, s.godet2_current_A),
        ],
        drive=_draw_on_bus,
    ),
}
assert WIRING["bath"].analog[0][0] == 0, "the quench had the first analog channel"


@dataclass(frozen=True)
class Build:
    """``boards`` are the nodes whose sockets hold something else than R1's."""

    line: Callable[[], Line] = line_r1
    wiring: dict[str, NodeWiring] = field(default_factory=lambda: WIRING)
    boards: dict[str, type[NodeProcess]] = field(default_factory=dict)


R1 = Build()
R1_ON_BUS = Build(line_on_bus, WIRING_ON_BUS, {"bath": BusNodeProcess, "draw": BusNodeProcess})
BUILDS = {"r1": R1, "r1 on bus": R1_ON_BUS}
