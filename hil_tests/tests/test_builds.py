"""The lines that the bench builds: every node takes its configuration, and its board has every pin that it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hil_tests.bench.builds import BUILDS, CODES, line_on_bus, line_r1, pt100_code
from spinline.recipe.calibration import GAIN_OFF_MAX, Calibration
from spinline.recipe.channel_model import CALIBRATED
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import Line
from spinline.recipe.reading import read_recipe
from spinline_firmware.boards import rp2350b as board
from spinline_firmware.drivers.max31865 import milli_celsius
from spinline_firmware.drivers.places import unfit
from spinline_firmware.transaction import Transaction
from spinline_protocol.configuration import TABLE_INPUT, TABLE_OUTPUT
from spinline_protocol.errors import OK
from spinline_protocol.words import pack_words

NOBODY: dict[str, Any] = {"points": (), "reference": "none", "who": "nobody", "date": "never"}
RECIPE = read_recipe(Path(__file__).resolve().parents[2] / "recipes" / "r1.toml")


def judged(line: Line, name: str) -> Transaction:
    """What a node says of its configuration."""
    made = compile_node(line, next(node for node in line.node if node.name == name), RECIPE)
    transaction = Transaction()
    assert transaction.begin(len(made.rows), made.sha256) == OK
    for i, (table, words) in enumerate(made.rows):
        assert transaction.put(i, table, pack_words(words)) == OK
    code, found = transaction.prepare()
    assert (code, found) == (OK, [])
    return transaction


def calibrated(line: Line, gain: float) -> Line:
    """Every sensor that can be has been compared with a reference."""
    rows = [
        Calibration(
            input=f"{node.name}.{row.name}", unit=row.unit, gain=gain, points=(), reference="x", who="x", date="x"
        )
        for node in line.node
        for row in node.input
        if row.kind in CALIBRATED
    ]
    return line.model_copy(update={"calibration": tuple(rows)})


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("name", ["melt", "bath", "draw"])
def test_a_node_takes_its_configuration_and_its_board_has_every_pin(build: str, name: str) -> None:
    tables = judged(BUILDS[build].line(), name).tables
    assert unfit(board, tables[TABLE_INPUT], tables[TABLE_OUTPUT]) == []


@pytest.mark.parametrize("gain", [1 - GAIN_OFF_MAX, 1.0003, 1 + GAIN_OFF_MAX])
@pytest.mark.parametrize("name", ["melt", "bath", "draw"])
def test_a_node_takes_the_calibration_of_every_sensor(name: str, gain: float) -> None:
    judged(calibrated(line_on_bus(), gain), name)


def test_the_bench_makes_the_code_that_the_driver_takes_for_the_temperature() -> None:
    for temperature_C in (-50.0, 0.0, 8.0, 25.0, 99.9, 250.0):
        code = pt100_code(temperature_C, 4300)
        assert 0 < code < CODES
        assert milli_celsius(code, 4300) == pytest.approx(1000 * temperature_C, abs=35)


def test_only_draw_and_bath_of_the_line_on_a_bus_differ() -> None:
    plain, on_bus = line_r1(), line_on_bus()
    assert [one == other for one, other in zip(plain.node, on_bus.node, strict=True)] == [True, False, False]
