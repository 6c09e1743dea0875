"""Every board's file against the limits of its chip: what its pins can do, and that none is used twice.

The tables are from the datasheets: RP2040 2.19.2 and RP2350 9.4 (functions of the GPIO), ESP32 2.2-2.4, ESP32-S3
2.2-2.6, STM32F767 table 13 with the definition of the Pyboard D (names of its pins, which pins a bus has).
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from spinline_firmware.boards import RESETS, esp32, esp32s3, pico, pico2, pybd, rp2350b
from tools.compile_firmware import ARCHITECTURES

FOLDER = Path(pico.__file__).parent
BOARDS = {module.NAME: module for module in (rp2350b, pico, pico2, esp32, esp32s3, pybd)}
MAIN_WATCHDOG_MS = 8000
SPI_HZ_MAX, I2C_HZ_MAX = 5_000_000, 400_000  # of the converters
Pin = Any  # a number, or a name on stm32


@dataclass(frozen=True)
class Chip:
    """What the pins of a module can do; of each bus, by its number, the pins that it can have, by role."""

    usable: frozenset[Pin]
    uart: dict[int, tuple[frozenset[Pin], frozenset[Pin]]]  # transmit, receive
    spi: dict[int, tuple[frozenset[Pin], frozenset[Pin], frozenset[Pin]]]  # clock, out, in
    i2c: dict[int, tuple[frozenset[Pin], frozenset[Pin]]]  # data, clock
    encoder: dict[int, frozenset[tuple[Pin, Pin]]]
    input_only: frozenset[Pin] = frozenset()
    select_only: frozenset[Pin] = field(default_factory=frozenset)  # read or moved at reset, and best pulled up


def _pins(*numbers: int, last: int = 47) -> frozenset[int]:
    return frozenset(pin for pin in range(last + 1) if pin % 16 in numbers)


def _rp2(usable: set[int], machines_n: int, boot_i2c: bool = True) -> Chip:
    """The functions repeat: UART every 16 (with a shift of 8 for the other), SPI and I2C every 8 and 4."""
    every = sorted(usable)
    four = {0: (0, 12), 1: (4, 8)}  # first pins of UART in 16
    uart = {
        number: (_pins(*firsts) & frozenset(usable), _pins(*(pin + 1 for pin in firsts)) & frozenset(usable))
        for number, firsts in four.items()
    }
    spi = {
        number: tuple(frozenset(p for p in usable if p % 16 in (of + base, of + base + 4)) for of in (2, 3, 0))
        for number, base in ((0, 0), (1, 8))
    }
    i2c = {
        number: (
            frozenset(p for p in usable if p % 4 == 2 * number),
            frozenset(p for p in usable if p % 4 == 2 * number + 1),
        )
        for number in (0, 1)
    }
    pairs = frozenset((p, p + 1) for p in every if p + 1 in usable)  # a state machine reads two neighbours
    return Chip(frozenset(usable), uart, spi, i2c, {i: pairs for i in range(machines_n)})  # type: ignore[arg-type]


def _esp(usable: set[int], uarts: tuple[int, ...], inputs: set[int], selects: set[int], units_n: int) -> Chip:
    """Any pin can have any function through the matrix, but for those that only read."""
    outputs, every = frozenset(usable - inputs - selects), frozenset(usable)
    pairs = frozenset((a, b) for a in usable for b in usable if a != b)
    return Chip(
        every,
        {number: (outputs, every) for number in uarts},  # 0 is the console's
        {number: (outputs, outputs, every) for number in (1, 2)},
        {number: (outputs, outputs) for number in (0, 1)},
        {i: pairs for i in range(units_n)},
        frozenset(inputs),
        frozenset(selects),
    )


def _names(*names: str) -> frozenset[str]:
    return frozenset(names)


PICO_PINS = set(range(23)) | {26, 27, 28}
CHIPS = {
    "rp2350b": _rp2(set(range(48)), 12),
    "pico": _rp2(PICO_PINS, 8),
    "pico2": _rp2(PICO_PINS, 12),
    "esp32": _esp(
        {4, 5, 13, 14, 16, 17, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33, 34, 35, 36, 39},
        (1, 2),
        {34, 35, 36, 39},
        {5, 14},
        8,
    ),
    "esp32s3": _esp({1, 2, *range(4, 19), 21, *range(38, 43), 47, 48}, (1, 2), set(), set(), 4),
    "pybd": Chip(
        frozenset(f"{row}{i}" for row in "XY" for i in range(1, 13)),
        {
            1: (_names("Y1"), _names("Y2")),
            2: (_names("X3"), _names("X4")),
            3: (_names("Y9"), _names("Y10")),
            4: (_names("X1"), _names("X2")),
        },
        {1: (_names("X6"), _names("X8"), _names("X7"))},
        {1: (_names("X10"), _names("X9")), 2: (_names("Y10"), _names("Y9"))},
        # timers 2 and 5 on PA0 and PA1, 3 on PB4 and PB5: channels 1 and 2
        {2: frozenset({("X1", "X2")}), 5: frozenset({("X1", "X2")}), 3: frozenset({("Y3", "Y4")})},
    ),
}
# Pins that a wiring may use for one of several things, never for two at once: `drivers/places.py` refuses that.
INSTEAD = {
    "rp2350b": {
        14: {"TC_SELECT", "RTD_SELECT"},
        15: {"TC_SELECT", "RTD_SELECT"},
        8: {"TC_SELECT", "MODBUS"},
        9: {"TC_SELECT", "MODBUS"},
        31: {"SWITCH_OUT", "MODBUS"},
        36: {"SWITCH_IN", "ENCODER"},
        37: {"SWITCH_IN", "ENCODER"},
    }
}


def uses(board: ModuleType) -> list[tuple[str, Pin]]:
    """Every use of a pin: what for, which."""
    found = [("UART", pin) for pin in board.UART[1:3]] + [("SPI", pin) for pin in board.SPI[1:4]]
    found += [("I2C", pin) for pin in board.I2C[1:3]]
    found += [("MODBUS", pin) for pin in board.MODBUS[1:4] if pin != -1]
    found += [("ENCODER", pin) for _unit, *pins in board.ENCODER for pin in pins]
    for name in ("BUS_ADDRESS", "TC_SELECT", "RTD_SELECT", "SSR", "SWITCH_OUT", "SWITCH_IN"):
        found += [(name, pin) for pin in getattr(board, name)]
    return found + [(name, getattr(board, name)) for name in ("HEARTBEAT", "PERMIT_OUT", "PERMIT_IN", "SAFE_PIN")]


def names_of(board: ModuleType) -> set[str]:
    return {name for name in vars(board) if name.isupper()}


def test_every_file_of_the_folder_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(BOARDS) == set(CHIPS)


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_says_everything_and_nothing_else(name: str) -> None:
    assert names_of(BOARDS[name]) == names_of(rp2350b)
    told = (FOLDER / "__init__.py").read_text()
    assert all(key in told for key in names_of(rp2350b))


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_file_imports_nothing_for_it_stands_alone_at_the_root(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    allowed = (ast.Assign, ast.Expr)
    assert all(isinstance(node, allowed) for node in tree.body)


@pytest.mark.parametrize("name", BOARDS)
def test_no_pin_is_used_twice_but_where_it_is_one_thing_or_another(name: str) -> None:
    by_pin: dict[Pin, set[str]] = {}
    for use, pin in uses(BOARDS[name]):
        assert use not in by_pin.get(pin, set()), (pin, use)
        by_pin.setdefault(pin, set()).add(use)
    twice = {pin: found for pin, found in by_pin.items() if len(found) > 1}
    assert twice == INSTEAD.get(name, {})


@pytest.mark.parametrize("name", BOARDS)
def test_every_pin_exists_and_can_do_what_is_asked_of_it(name: str) -> None:
    board, chip = BOARDS[name], CHIPS[name]
    for use, pin in uses(board):
        assert pin in chip.usable, (use, pin)
        assert pin not in chip.select_only or use in ("TC_SELECT", "RTD_SELECT"), (use, pin)
    for pin in (*board.OUTPUTS, *board.TC_SELECT, *board.RTD_SELECT, *board.MODBUS[3:4]):
        assert pin not in chip.input_only, pin
    for number, transmit, receive, *_rest in [board.UART] + [board.MODBUS] * bool(board.MODBUS):
        assert transmit in chip.uart[number][0] and receive in chip.uart[number][1], number
    number, *pins, rate = board.SPI
    assert all(pin in can for pin, can in zip(pins, chip.spi[number], strict=True)) and rate <= SPI_HZ_MAX
    number, *pins, rate = board.I2C
    assert all(pin in can for pin, can in zip(pins, chip.i2c[number], strict=True)) and rate <= I2C_HZ_MAX
    for unit, a, b in board.ENCODER:
        assert (a, b) in chip.encoder[unit], unit
    assert len({unit for unit, _a, _b in board.ENCODER}) == len(board.ENCODER)
    assert not board.MODBUS or board.MODBUS[0] != board.UART[0]


@pytest.mark.parametrize("name", BOARDS)
def test_pins_without_a_pull_are_named_and_are_only_inputs(name: str) -> None:
    board, chip = BOARDS[name], CHIPS[name]
    assert set(board.UNPULLED) == chip.input_only
    assert board.SAFE_PIN not in chip.input_only, "its pull-up keeps a board out of maintenance"


@pytest.mark.parametrize("name", BOARDS)
def test_everything_that_moves_something_is_off_first_thing(name: str) -> None:
    board = BOARDS[name]
    wanted = {*board.SSR, *board.SWITCH_OUT, board.HEARTBEAT, board.PERMIT_OUT}
    wanted |= {pin for pin in board.MODBUS[3:4] if pin != -1}  # a driver that is on holds the bus
    assert set(board.OUTPUTS) == wanted and len(board.OUTPUTS) == len(wanted)


@pytest.mark.parametrize("name", BOARDS)
def test_interpreter_watchdog_and_reset_causes_fit_the_port(name: str) -> None:
    board = BOARDS[name]
    image, watchdog_ms_max = {"rp2": ("uf2", 8388), "esp32": ("esptool", 3600000), "stm32": ("dfu", 32768)}[board.PORT]
    assert (image, watchdog_ms_max) == (board.IMAGE, board.WATCHDOG_MS_MAX)
    assert f"WATCHDOG_MS = {MAIN_WATCHDOG_MS}\n" in (FOLDER.parents[1] / "main.py").read_text()
    assert watchdog_ms_max > MAIN_WATCHDOG_MS
    assert board.MPY_ARCH in ARCHITECTURES
    assert all(0 <= cause < len(RESETS) for cause in board.RESET_CAUSE)
    # machine.PWRON_RESET and WDT_RESET are 1 and 3 on all three ports, HARD_RESET 2 where there is one;
    # SOFT_RESET is 5 on esp32 and 0 on stm32, and rp2 has none
    soft = {"esp32": 5, "stm32": 0}.get(board.PORT)
    assert RESETS[board.RESET_CAUSE[1]] == "power on" and RESETS[board.RESET_CAUSE[3]] == "watchdog"
    assert board.PORT == "rp2" or RESETS[board.RESET_CAUSE[2]] == "hard"
    assert soft is None or RESETS[board.RESET_CAUSE[soft]] == "soft"


@pytest.mark.parametrize("name", BOARDS)
def test_the_converters_have_addresses_that_they_can_have(name: str) -> None:
    board = BOARDS[name]
    assert set(board.ADS1115_ADDRESS) <= set(range(0x48, 0x4C))
    assert set(board.MCP4728_ADDRESS) <= set(range(0x60, 0x68))
    assert not board.FRAM or (board.FRAM[0] in range(0x50, 0x58) and board.FRAM[1] in (8192, 32768))
    assert len(board.RTD_REFERENCE_DOHM) == len(board.RTD_SELECT)
    assert all(4000 <= of <= 8000 or 40000 <= of <= 80000 for of in board.RTD_REFERENCE_DOHM)


@pytest.mark.parametrize("name", BOARDS)
def test_boot_sets_every_output_to_zero_before_it_can_fail(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The board's own boot.py over a stand-in for its pins: nothing but its outputs is touched."""
    made: list[tuple[Pin, int]] = []

    class Pins:
        OUT = "out"

        def __init__(self, pin: Pin, mode: str, value: int) -> None:
            assert mode == self.OUT
            made.append((pin, value))

    machine = ModuleType("machine")
    machine.Pin = Pins  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "board", BOARDS[name])
    exec((FOLDER.parents[1] / "boot.py").read_text(), {})
    assert made == [(pin, 0) for pin in BOARDS[name].OUTPUTS]
