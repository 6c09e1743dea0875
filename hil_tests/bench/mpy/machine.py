"""Shadow of ``machine`` in the bench: pins, buses, UART, watchdog over the lock-step bus.  Chips are in sockets.py."""

import bus
import layout
import micropython
import sockets
from bus import pins, words
from layout import CONTACTS, I2C_DEAD, INPUTS_FROM, LONGER_MS

LONG_SCAN_MS = 50  # one that waits longer than this is seen from outside while it lasts
PWRON_RESET, HARD_RESET, WDT_RESET = 1, 2, 3


class Pin:
    """A pin: outputs are seen by the bench, inputs from INPUTS_FROM on are contacts."""

    IN, OUT, PULL_UP, PULL_DOWN = 0, 1, 1, 2
    selected = None

    def __init__(self, number, mode=-1, pull=-1, value=None):
        self.number = number
        self._chip = sockets.by_select.get(number)
        self._bit = number - INPUTS_FROM
        if value is not None:
            self.value(value)

    @micropython.native
    def value(self, level=None):
        if level is None:
            return words[CONTACTS] >> self._bit & 1 if self._bit >= 0 else 0
        if self._chip is None:
            pins[self.number] = level
        elif not level:
            Pin.selected = self._chip


class SPI:
    """Bus of the thermocouple converters; the chip whose select line went low last answers."""

    def __init__(self, *_args, **_kwargs):
        pass

    def write(self, octets):
        Pin.selected.write(octets)

    def write_readinto(self, octets, answer):
        Pin.selected.write_readinto(octets, answer)


class I2C:
    """Bus of the converters and DACs; an address nobody has is not acknowledged."""

    def __init__(self, number, **_kwargs):
        self._chips = sockets.by_bus[number]

    def writeto_mem(self, address, register, octets, addrsize=8):
        self._chip(address).write_register(register, octets)

    def readfrom_mem_into(self, address, register, answer, addrsize=8):
        self._chip(address).read_register(register, answer)

    def readfrom_into(self, address, answer):
        self._chip(address).read(answer)

    def writeto(self, address, octets):
        self._chip(address).write(octets)

    @micropython.native
    def _chip(self, address):
        chip = self._chips.get(address)
        if chip is None or words[I2C_DEAD] & sockets.dead_bit.get(address, 0):
            raise OSError(5)
        return chip


def _open_uart(number, **_kwargs):
    """The host's line, or the bus of the drives, whose models only a node has memory for that opens it."""
    if number == 0:
        return HostUart()
    from drive_bus import DriveUart

    return DriveUart()


class HostUart:
    """Bytes arrive and leave with the lock-step frames, at the times the baud rate gives."""

    def read(self):
        octets = bus.received
        bus.received = b""
        return octets or None

    def write(self, octets):
        bus.transmitted += octets
        return len(octets)


UART = _open_uart


class WDT:
    """The bench counts virtual time since the last feed and kills the process at the timeout."""

    def __init__(self, timeout):
        self.timeout = timeout

    def feed(self):
        """The firmware feeds it at the end of each scan: there the time passes that a long scan takes."""
        bus.watchdog_fed = 1
        longer_ms, spent_ms = words[LONGER_MS], bus.spent_us // 1000
        if longer_ms or spent_ms > LONG_SCAN_MS:
            bus.exchange(bus.now_ms + spent_ms + longer_ms)


def reset():
    """Never returns: the bench ends the process and starts another one."""
    bus.exchange(layout.RESTART)


def reset_cause():
    return bus.reset_cause


def unique_id():
    return bus.unique_id
