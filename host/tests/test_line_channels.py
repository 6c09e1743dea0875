"""Resistance thermometers and drives in a line file: what becomes of them on the wire, and what is refused."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from spinline.errors import BadFile
from spinline.recipe.channel_compiler import input_words, output_words
from spinline.recipe.channel_model import Input, Output
from spinline.recipe.line_model import Line, load_line
from spinline_protocol import configuration as tables
from spinline_protocol.configuration import INPUT, OUTPUT, field_index

R1 = Path(__file__).resolve().parents[2] / "lines" / "r1.toml"
LINE: Line = load_line(R1)
DRAW = LINE.node[2]
RTD = {"name": "T", "kind": "rtd", "port": 0, "element": "Pt100", "wires": 3, "quantity": "temperature"}
RTD |= {"unit": "degC", "low": -20.0, "high": 150.0}
DRIVE = {"name": "D", "kind": "drive", "port": 1, "measures": "speed", "per_Hz": 20.0, "quantity": "speed"}
DRIVE |= {"unit": "mm/s", "low": -20.0, "high": 1100.0}


def words(table: tuple[tuple[str, int, int], ...], row: tuple[int, ...], *names: str) -> list[int]:
    return [row[field_index(table, name)] for name in names]


@pytest.mark.parametrize(
    ("changes", "channel"),
    [
        ({}, tables.RTD_THREE_WIRE),
        ({"wires": 2}, 0),
        ({"wires": 4, "mains_Hz": 60}, tables.RTD_60_HZ),
        ({"element": "Pt1000", "mains_Hz": 50}, tables.RTD_THREE_WIRE | tables.RTD_PT1000),
    ],
)
def test_a_resistance_thermometer_says_how_it_is_connected(changes: dict[str, object], channel: int) -> None:
    row = input_words(Input.model_validate(RTD | changes), DRAW, (1.0, 0.0))
    assert words(INPUT, row, "kind", "port", "channel") == [tables.RTD, 0, channel]
    assert words(INPUT, row, "zero", "scale_m", "scale_s", "offset") == [0, 1, 0, 0], "its raw number is m degC"


def test_what_a_drive_measures_is_its_channel_and_its_frequency_becomes_the_speed() -> None:
    row = input_words(Input.model_validate(DRIVE), DRAW, (1.0, 0.0))
    assert words(INPUT, row, "kind", "port", "channel") == [tables.DRIVE_IN, 1, tables.DRIVE_SPEED]
    mantissa, shift = words(INPUT, row, "scale_m", "scale_s")
    assert 5000 * mantissa >> shift == pytest.approx(100_000, abs=10), "50 Hz are 1000 mm/s"
    assert 65535 * mantissa < 1 << 30
    rest = {"per_Hz": None, "low": 0.0, "high": 100.0}
    current = Input.model_validate(DRIVE | rest | {"measures": "current", "quantity": "current", "unit": "A"})
    status = Input.model_validate(DRIVE | rest | {"measures": "status", "quantity": "state", "unit": ""})
    for channel, number in ((current, tables.DRIVE_CURRENT), (status, tables.DRIVE_STATUS)):
        row = input_words(channel, DRAW, (1.0, 0.0))
        assert words(INPUT, row, "channel", "scale_m", "scale_s") == [number, 1, 0]


def test_a_drive_is_told_by_an_output_that_names_its_address() -> None:
    row = output_words(Output(name="D", kind="drive", port=7, loop="G1"), DRAW)
    assert words(OUTPUT, row, "kind", "port", "channel", "loop") == [tables.DRIVE_OUT, 7, 0, 0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (RTD | {"element": "Pt500"}, "'Pt100' or 'Pt1000'"),
        (RTD | {"wires": 5}, "2, 3 or 4"),
        (RTD | {"mains_Hz": 400}, "50 or 60"),
        ({key: value for key, value in RTD.items() if key != "wires"}, "wires .2, 3, 4. belong to an rtd"),
        (RTD | {"quantity": "pressure", "unit": "kPa"}, "an rtd measures temperature"),
        (RTD | {"channel": 1}, "has no channel"),
        (DRIVE | {"element": "Pt100"}, "belong to an rtd"),
        (DRIVE | {"mains_Hz": 50}, "mains_Hz belongs to an rtd"),
        (DRIVE | {"port": 0}, "port 0 of a drive is its address on the bus: 1 to 31"),
        (DRIVE | {"port": 32}, "port 32 of a drive is its address on the bus: 1 to 31"),
        (DRIVE | {"channel": 2}, "a drive has no channel: 2"),
        (DRIVE | {"per_Hz": None}, "per_Hz belongs to a drive that measures speed"),
        (DRIVE | {"measures": "torque"}, "'speed', 'current' or 'status'"),
        (DRIVE | {"measures": "status"}, "per_Hz belongs to a drive that measures speed"),
        (DRIVE | {"measures": "status", "per_Hz": None}, "quantity of a drive's status is state, not speed"),
        (DRIVE | {"frozen_s": 5.0}, "frozen_s is for thermocouple, analog, rtd: a drive may well stand still"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_with_what_is_allowed(row: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Input.model_validate(row)


DRIVEN = '\n[[node.output]]\nname = "{}"\nkind = "drive"\nport = {}\nloop = "G1"\n'
MEASURED = (
    '\n[[node.input]]\nname = "{}"\nkind = "drive"\nport = {}\nmeasures = "current"\nquantity = "current"\n'
    'unit = "A"\nlow = 0.0\nhigh = 9.0\n'
)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        (DRIVEN.format("D1", 3) + DRIVEN.format("D2", 3), "two outputs are the drive at port 3"),
        (
            DRIVEN.format("D1", 3) + MEASURED.format("C", 4),
            "port 4 is no drive among the outputs .allowed: 3",
        ),
        (MEASURED.format("C", 4), "port 4 is no drive among the outputs .allowed: none"),
        (DRIVEN.format("D1", 99), "port 99 of a drive is its address on the bus: 1 to 31"),
    ],
)
def test_a_line_file_with_a_drive_nobody_can_speak_to_is_refused_whole(tmp_path: Path, added: str, told: str) -> None:
    path = tmp_path / "line.toml"
    path.write_text(R1.read_text() + added)
    with pytest.raises(BadFile, match=told) as refused:
        load_line(path)
    assert "line.toml" in str(refused.value)


@pytest.mark.parametrize(("scan_ms", "allowed"), [(19, False), (20, True)])
def test_a_scan_has_room_for_a_request_to_a_drive(tmp_path: Path, scan_ms: int, allowed: bool) -> None:
    path = tmp_path / "line.toml"
    text = R1.read_text().replace("scan_ms = 50\n", f"scan_ms = {scan_ms}\n")
    path.write_text(text)
    load_line(path)
    path.write_text(text + DRIVEN.format("D1", 3))
    refusal = nullcontext() if allowed else pytest.raises(BadFile, match="scan_ms 19 .*allowed: with drives 20 to 1000")
    with refusal:
        load_line(path)
