"""All chips of a board behind three calls a scan: acquire every input, apply every output, finish the drives' exchange.

No decisions about the process.
"""

import time

import machine

from spinline_protocol.configuration import (
    ANALOG,
    COUNTER,
    DAC,
    DRIVE_IN,
    DRIVE_OUT,
    INPUT,
    OUTPUT,
    RTD,
    SSR,
    SWITCH_IN,
    THERMOCOUPLE,
    field_index,
)
from spinline_protocol.portable import micropython

from ..loaded import forget
from .ads1115 import CONVERSION_US, Ads1115
from .board_io import open_i2c, open_input, open_spi, open_uart
from .encoders import open_encoder
from .max31856 import Max31856
from .mcp4728 import PROGRAM_MS, Mcp4728

VERIFY_SCANS = 8  # of which one reads back what a converter of outputs holds
FAULTS_N_MAX = 3  # looks in a row that find an actuator's chip at fault: then it is one
RELEASES_N_MAX = 16  # looks whether the last bit has left; then the next scan looks
DRIVE_UNKNOWN, DRIVE_FAULTY = 0xF00, 0x7FF  # of drives.py, which is not loaded without a drive
_IN_KIND = field_index(INPUT, "kind")
_IN_PORT = field_index(INPUT, "port")
_IN_CHANNEL = field_index(INPUT, "channel")
_OUT_KIND = field_index(OUTPUT, "kind")
_OUT_PORT = field_index(OUTPUT, "port")
_OUT_CHANNEL = field_index(OUTPUT, "channel")


class Ports:
    """Chips of the board that the configuration uses; ``bind`` is called with each new configuration.

    ``fault`` says what is wrong with the actuator that ``apply`` names, ``errors_n`` how often its bus failed; ``i2c``
    is the bus of the converters.
    """

    def __init__(self, board) -> None:  # type: ignore[no-untyped-def]
        self._board = board
        pin = machine.Pin
        self._spi = open_spi(board)
        self.i2c = open_i2c(board)
        self._ssr = [pin(i, pin.OUT, value=0) for i in board.SSR]
        self._switches = [pin(i, pin.OUT, value=0) for i in board.SWITCH_OUT]
        self._contacts = [open_input(board, i) for i in board.SWITCH_IN]
        self._dacs = [Mcp4728(self.i2c, address) for address in board.MCP4728_ADDRESS]
        self._encoders: "dict[int, object]" = {}
        self._buses: "list[object]" = []  # of drives: none, or one that is opened with the first of them
        self.refused = ("", 0)  # table and row that the board could not have
        self._clear()

    def _clear(self) -> None:
        """Nothing is bound; chips are made anew, for a pin may have been another's meanwhile."""
        for drives in self._buses:
            drives.close()  # type: ignore[attr-defined]
        self._buses = []
        self._adcs: "dict[int, Ads1115]" = {}
        self._direct: "list[tuple[int, int, object]]" = []
        self._analog: "list[list[tuple[int, Ads1115]]]" = [[], [], [], []]
        self._driven: "list[tuple[int, object, int]]" = []
        self._actuators: "list[tuple[int, int, object, int]]" = []
        self._watched: "list[tuple[int, object]]" = []  # (output row, converter or drive) that can be at fault
        self._scans_n = self._faults_n = self._faulty = 0
        self.fault = self.errors_n = 0

    def bind(self, inputs: "list[tuple[int, ...]]", outputs: "list[tuple[int, ...]]") -> "list[tuple[int, int]]":
        """Make the drivers for these rows; returns (table side, row) of rows that the board cannot have."""
        from .places import unfit  # asked once for each configuration

        wrong = unfit(self._board, inputs, outputs)
        forget("spinline_firmware.drivers.places")
        self._clear()
        if wrong:
            self.refused = ("output" if wrong[0][0] else "input", wrong[0][1])
            return wrong
        for i in range(len(outputs)):
            self._bind_output(i, outputs[i])
        for i in range(len(inputs)):
            self._bind_input(i, inputs[i])
        return wrong

    def _bind_input(self, i: int, row: "tuple[int, ...]") -> None:
        kind, port, channel = row[_IN_KIND], row[_IN_PORT], row[_IN_CHANNEL]
        board = self._board
        if kind == THERMOCOUPLE:
            self._direct.append((i, kind, Max31856(self._spi, self._select(board.TC_SELECT[port]))))
        elif kind == RTD:
            from .max31865 import Max31865  # a node without one has no memory for it

            select = self._select(board.RTD_SELECT[port])
            self._direct.append((i, kind, Max31865(self._spi, select, board.RTD_REFERENCE_DOHM[port], channel)))
        elif kind == ANALOG:
            if port not in self._adcs:
                self._adcs[port] = Ads1115(self.i2c, board.ADS1115_ADDRESS[port])
            self._analog[channel].append((i, self._adcs[port]))
        elif kind == SWITCH_IN:
            self._direct.append((i, kind, self._contacts[port]))
        elif kind == COUNTER:
            if port not in self._encoders:
                self._encoders[port] = open_encoder(board, port)
            self._direct.append((i, kind, self._encoders[port]))
        elif kind == DRIVE_IN:
            self._driven.append((i, self._drive(port), channel))

    def _select(self, pin):  # type: ignore[no-untyped-def]
        return machine.Pin(pin, machine.Pin.OUT, value=1)

    def _drive(self, address: int):  # type: ignore[no-untyped-def]
        """The drive at an address; with the first the bus is opened."""
        if not self._buses:
            from .drives import TIMEOUT_US, Drives  # nor for these
            from .modbus import FRAME_BYTES_MAX, STOP_BITS, Modbus

            number, transmit, receive, enable, baud = self._board.MODBUS
            uart = open_uart(self._board, number, transmit, receive, baud, FRAME_BYTES_MAX, STOP_BITS)
            pin = None if enable == -1 else machine.Pin(enable, machine.Pin.OUT, value=0)
            self._buses.append(Drives(Modbus(uart, pin, baud, TIMEOUT_US)))
        return self._buses[0].add(address)  # type: ignore[attr-defined]

    def _bind_output(self, i: int, row: "tuple[int, ...]") -> None:
        kind, port = row[_OUT_KIND], row[_OUT_PORT]
        if kind == DRIVE_OUT:
            actuator = self._drive(port)
        else:
            places = self._ssr if kind == SSR else self._dacs if kind == DAC else self._switches
            actuator = places[port]  # type: ignore[index]
        self._actuators.append((i, kind, actuator, row[_OUT_CHANNEL]))
        if kind in (DAC, DRIVE_OUT) and actuator not in [of for _i, of in self._watched]:
            if kind == DAC:
                self._make_sure(actuator)
            self._watched.append((i, actuator))

    def _make_sure(self, dac) -> None:  # type: ignore[no-untyped-def]
        """A converter that would not be off at the next power-on is programmed, once in its life: nothing moves now."""
        if not dac.power_on_is_safe() and not dac.fault:
            dac.make_power_on_safe()
            time.sleep_us(1000 * PROGRAM_MS)
        dac.write()

    @micropython.native
    def acquire(self, sensors) -> None:  # type: ignore[no-untyped-def]
        """Read every input into ``sensors``; about 1.3 ms for each analog channel number in use."""
        for drives in self._buses:
            drives.look(time.ticks_us())  # type: ignore[attr-defined]
        for i, drive, of in self._driven:
            sensors.take(i, drive.measured[of], drive.fault & DRIVE_UNKNOWN)  # type: ignore[attr-defined]
        for channel in range(4):
            chips = self._analog[channel]
            for _i, chip in chips:
                chip.start(channel)
            if chips:
                time.sleep_us(CONVERSION_US)
            for i, chip in chips:
                sensors.take(i, chip.read(), chip.fault)
        for i, kind, source in self._direct:
            if kind == THERMOCOUPLE or kind == RTD:
                sensors.take(i, source.sample(), source.fault)  # type: ignore[attr-defined]
            elif kind == COUNTER:
                sensors.take(i, source.position(), 0)  # type: ignore[attr-defined]
            else:
                sensors.take(i, source.value(), 0)  # type: ignore[attr-defined]

    @micropython.native
    def apply(self, levels: "list[int]") -> int:
        """Put the decided levels on pins and converters; called once a scan, also when nothing changed.

        Returns 0, or 1 + the row of an actuator whose chip does not do what it is told.
        """
        for i, kind, actuator, channel in self._actuators:
            if kind == DAC:
                actuator.levels[channel] = levels[i]  # type: ignore[attr-defined]
            elif kind == DRIVE_OUT:
                actuator.tell(levels[i])  # type: ignore[attr-defined]
            else:
                actuator.value(levels[i])  # type: ignore[attr-defined]
        for dac in self._dacs:
            dac.write()
        return self._look() if self._watched else 0

    def _look(self) -> int:
        """1 + the first row whose chip was at fault in three scans in a row, and until it is not; 0 for none."""
        self._scans_n += 1
        found = 0
        for i, chip in self._watched:
            if self._scans_n % VERIFY_SCANS == 0 and chip in self._dacs:
                chip.verify()  # type: ignore[attr-defined]
            if not found and chip.fault & DRIVE_FAULTY:  # type: ignore[attr-defined]
                found = i + 1
                self.fault, self.errors_n = chip.fault, chip.errors_n  # type: ignore[attr-defined]
        self._faults_n = self._faults_n + 1 if found else 0
        if not found or self._faults_n >= FAULTS_N_MAX:
            self._faulty = found
        return self._faulty

    def finish(self) -> None:
        """Behind a scan: the drives' next exchange begins, and the bus is let go when its last bit has left."""
        for drives in self._buses:
            self._exchange(drives)

    def _exchange(self, drives) -> None:  # type: ignore[no-untyped-def]
        drives.go_on(time.ticks_us())
        for _ in range(RELEASES_N_MAX):
            left_us = drives.let_go_us(time.ticks_us())
            if not left_us:
                break
            time.sleep_us(left_us)

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
        for drives in self._buses:
            drives.stop_all()  # type: ignore[attr-defined]
