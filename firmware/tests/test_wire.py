"""The host's line on every kind of board, over stand-ins for UART and time: no scan waits for the line."""

from __future__ import annotations

import importlib
import random
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from spinline_firmware.boards import esp32, pico, pybd, rp2350b

BOARDS = {board.NAME: board for board in (rp2350b, pico, esp32, pybd)}
BYTE_US = 10_000_000 // 115200


class Clock:
    """Virtual time in us, with the names that the firmware uses."""

    def __init__(self) -> None:
        self.now_us = 0

    def ticks_us(self) -> int:
        return self.now_us

    def ticks_ms(self) -> int:
        return self.now_us // 1000

    def ticks_diff(self, end: int, start: int) -> int:
        return end - start

    def sleep_ms(self, ms: int) -> None:
        self.now_us += 1000 * ms

    def sleep_us(self, us: int) -> None:
        self.now_us += us


class Uart:
    """A transmitter with the buffer that was asked for; without one the writer waits for every byte, as on stm32."""

    def __init__(self, clock: Clock, number: int, **given: Any) -> None:
        self.clock, self.given, self.number = clock, given, number
        self.room = given.get("txbuf", 0)
        self.sent = b""
        self.done_us = 0

    def read(self) -> None:
        return None

    def write(self, octets: bytes) -> int:
        self.sent += octets
        waiting = max(0, self.done_us - self.clock.now_us) + len(octets) * BYTE_US
        self.done_us = self.clock.now_us + waiting
        self.clock.now_us += max(0, waiting - self.room * BYTE_US)  # what has no room
        return len(octets)


class Link:
    """Has so much to say."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def take_output(self, most: int) -> bytes:
        octets, self.octets = self.octets[:most], self.octets[most:]
        return octets


class Pins:
    """Reads 0; knows the pulls of a port."""

    IN, OUT, PULL_UP, PULL_DOWN = 0, 1, 1, 2
    pulled: list[Any] = []

    def __init__(self, pin: Any, mode: int = 0, pull: int | None = None, value: int | None = None) -> None:
        self.pin = pin
        self.value = self._level  # the name that a pin has
        if pull is not None:
            Pins.pulled.append(pin)

    def _level(self) -> int:
        return 0


def make_wire(monkeypatch: pytest.MonkeyPatch, board: ModuleType) -> tuple[Any, Uart, Clock]:
    clock, made = Clock(), []
    machine = ModuleType("machine")

    def new_uart(number: int, **given: Any) -> Uart:
        made.append(Uart(clock, number, **given))
        return made[0]

    machine.UART, machine.Pin = new_uart, Pins  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "machine", machine)
    for name in ("spinline_firmware.drivers.board_io", "spinline_firmware.wire"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module("spinline_firmware.wire")
    monkeypatch.setattr(module, "time", clock)
    wire = module.Wire(board)
    monkeypatch.delitem(sys.modules, "spinline_firmware.wire")
    monkeypatch.delitem(sys.modules, "spinline_firmware.drivers.board_io")
    return wire, made[0], clock


@pytest.mark.parametrize("name", BOARDS)
def test_a_scan_never_waits_for_the_line_and_all_is_sent_in_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    board, chance = BOARDS[name], random.Random(name)
    wire, uart, clock = make_wire(monkeypatch, board)
    most, scan_ms = board.BAUD // 10000 * 250, 250
    told = b""
    for scan in range(60):
        part = chance.randbytes(chance.choice((0, 30, 700, 1500, 3000)))
        told += part
        link = Link(part)
        began_us = clock.now_us
        wire.send(link, most)
        assert clock.now_us == began_us, "the scan ends when it wants to"
        told = told[: len(told) - len(link.octets)]  # what the node kept for itself
        due = 250 * (scan + 1)
        wire.wait(link, due)
        assert clock.now_us // 1000 == due, "and the next one begins when it is due"
    for _ in range(20):
        wire.send(Link(b""), most)
        wire.wait(Link(b""), clock.now_us // 1000 + scan_ms)
    assert uart.sent == told


@pytest.mark.parametrize("name", BOARDS)
def test_a_uart_is_opened_with_what_its_port_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _wire, uart, _clock = make_wire(monkeypatch, BOARDS[name])
    taken = {"baudrate", "stop", "rxbuf"} | (set() if BOARDS[name].PORT == "stm32" else {"tx", "rx", "txbuf"})
    assert set(uart.given) == taken and uart.number == BOARDS[name].UART[0]


def test_an_input_without_a_pull_of_its_own_is_not_asked_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace(Pin=Pins))
    module = importlib.import_module("spinline_firmware.drivers.board_io")
    Pins.pulled.clear()
    for pin in (*esp32.SWITCH_IN, esp32.PERMIT_IN, esp32.SAFE_PIN):
        module.open_input(esp32, pin)
    monkeypatch.delitem(sys.modules, "spinline_firmware.drivers.board_io")
    assert Pins.pulled == [esp32.SAFE_PIN]
