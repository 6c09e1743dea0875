"""All chips of a board behind two calls: acquire every input, apply every output.  No decisions about the process."""

import time

import machine

from spinline_protocol.configuration import (
    ANALOG,
    COUNTER,
    DAC,
    INPUT,
    OUTPUT,
    SSR,
    SWITCH_IN,
    THERMOCOUPLE,
    field_index,
)
from spinline_protocol.portable import micropython

from .ads1115 import CONVERSION_US, Ads1115
from .board_io import open_i2c, open_input, open_spi
from .encoders import open_encoder
from .max31856 import Max31856
from .mcp4728 import Mcp4728

_IN_KIND = field_index(INPUT, "kind")
_IN_PORT = field_index(INPUT, "port")
_IN_CHANNEL = field_index(INPUT, "channel")
_OUT_KIND = field_index(OUTPUT, "kind")
_OUT_PORT = field_index(OUTPUT, "port")
_OUT_CHANNEL = field_index(OUTPUT, "channel")


class Ports:
    """Chips of the board that the configuration uses; ``bind`` is called with each new configuration."""

    def __init__(self, board) -> None:  # type: ignore[no-untyped-def]
        self._board = board
        pin = machine.Pin
        self._spi = open_spi(board)
        self._i2c = open_i2c(board)
        self._ssr = [pin(i, pin.OUT, value=0) for i in board.SSR]
        self._switches = [pin(i, pin.OUT, value=0) for i in board.SWITCH_OUT]
        self._contacts = [open_input(board, i) for i in board.SWITCH_IN]
        self._dacs = [Mcp4728(self._i2c, address) for address in board.MCP4728_ADDRESS]
        self._encoders: "dict[int, object]" = {}
        self._converters: "dict[int, Max31856]" = {}
        self._adcs: "dict[int, Ads1115]" = {}
        self._direct: "list[tuple[int, int, object]]" = []
        self._analog: "list[list[tuple[int, Ads1115]]]" = []
        self._actuators: "list[tuple[int, int, object, int]]" = []

    def bind(self, inputs: "list[tuple[int, ...]]", outputs: "list[tuple[int, ...]]") -> "list[tuple[int, int]]":
        """Make the drivers for these rows; returns (table side, row) of rows that name a port the board lacks."""
        wrong = self._shared_pins(inputs)
        self._direct = []
        self._analog = [[], [], [], []]
        self._actuators = []
        for i in range(len(inputs)):
            if not self._bind_input(i, inputs[i]):
                wrong.append((0, i))
        for i in range(len(outputs)):
            if not self._bind_output(i, outputs[i]):
                wrong.append((1, i))
        return wrong

    def _shared_pins(self, inputs: "list[tuple[int, ...]]") -> "list[tuple[int, int]]":
        """Contacts on the pins of an encoder that is configured too."""
        board, taken = self._board, []
        for row in inputs:
            if row[_IN_KIND] == COUNTER and row[_IN_PORT] < len(board.ENCODER):
                taken += board.ENCODER[row[_IN_PORT]][1:]
        contacts = board.SWITCH_IN
        found = []
        for i in range(len(inputs)):
            kind, port = inputs[i][_IN_KIND], inputs[i][_IN_PORT]
            if kind == SWITCH_IN and port < len(contacts) and contacts[port] in taken:
                found.append((0, i))
        return found

    def _bind_input(self, i: int, row: "tuple[int, ...]") -> bool:
        kind, port = row[_IN_KIND], row[_IN_PORT]
        board = self._board
        places = (board.TC_SELECT, board.ADS1115_ADDRESS, board.SWITCH_IN, board.ENCODER)
        if port >= len(places[kind]):
            return False
        if kind == THERMOCOUPLE:
            if port not in self._converters:
                select = machine.Pin(board.TC_SELECT[port], machine.Pin.OUT, value=1)
                self._converters[port] = Max31856(self._spi, select)
            self._direct.append((i, kind, self._converters[port]))
        elif kind == ANALOG:
            if port not in self._adcs:
                self._adcs[port] = Ads1115(self._i2c, board.ADS1115_ADDRESS[port])
            self._analog[row[_IN_CHANNEL]].append((i, self._adcs[port]))
        elif kind == SWITCH_IN:
            self._direct.append((i, kind, self._contacts[port]))
        elif kind == COUNTER:
            if port not in self._encoders:
                self._encoders[port] = open_encoder(board, port)
            self._direct.append((i, kind, self._encoders[port]))
        return True

    def _bind_output(self, i: int, row: "tuple[int, ...]") -> bool:
        kind, port = row[_OUT_KIND], row[_OUT_PORT]
        places = (self._ssr, self._dacs, self._switches)[kind]
        if port >= len(places):
            return False
        self._actuators.append((i, kind, places[port], row[_OUT_CHANNEL]))
        return True

    @micropython.native
    def acquire(self, sensors) -> None:  # type: ignore[no-untyped-def]
        """Read every input into ``sensors``; about 1.3 ms for each analog channel number in use."""
        for channel in range(4):
            chips = self._analog[channel]
            for _i, chip in chips:
                chip.start(channel)
            if chips:
                time.sleep_us(CONVERSION_US)
            for i, chip in chips:
                sensors.take(i, chip.read(), chip.fault)
        for i, kind, source in self._direct:
            if kind == THERMOCOUPLE:
                sensors.take(i, source.sample(), source.fault)  # type: ignore[attr-defined]
            elif kind == COUNTER:
                sensors.take(i, source.position(), 0)  # type: ignore[attr-defined]
            else:
                sensors.take(i, source.value(), 0)  # type: ignore[attr-defined]

    @micropython.native
    def apply(self, levels: "list[int]") -> None:
        """Put the decided levels on pins and converters; called once a scan, also when nothing changed."""
        for i, kind, actuator, channel in self._actuators:
            if kind == DAC:
                actuator.levels[channel] = levels[i]  # type: ignore[attr-defined]
            else:
                actuator.value(levels[i])  # type: ignore[attr-defined]
        for dac in self._dacs:
            dac.write()

    def all_off(self) -> None:
        """Every output of the board off, whatever is configured.  The first statement of the safe routine."""
        for pin in self._ssr:
            pin.value(0)
        for pin in self._switches:
            pin.value(0)
        for dac in self._dacs:
            for channel in range(4):
                dac.levels[channel] = 0
            dac.write()


assert SSR == 0  # the order of ``places`` in _bind_output
