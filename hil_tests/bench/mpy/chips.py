"""Register-level models of the chips on a node's buses: what the drivers talk to in the bench.

Which chip is where stands in sockets.py.
"""

import bus
import layout
import micropython
from bus import words
from layout import I2C_DEAD
from models.ads1115_model import Ads1115Model


class Max31856:
    """Thermocouple converter: sixteen registers; converts only in automatic mode, sees an open only when asked."""

    def __init__(self, index):
        self.registers = bytearray(16)
        self._stuck, self._code, self._fault = layout.SPI_DEAD + index, layout.TC + index, layout.TC_FAULT + index
        self.reset()

    def reset(self):
        for i in range(16):
            self.registers[i] = 0
        self.registers[3:7] = b"\x7f\xc0\x7f\xff"

    def write(self, octets):
        if octets[0] & 0x80:
            self.registers[octets[0] & 0x0F] = octets[1]

    def write_readinto(self, octets, answer):
        stuck = words[self._stuck]
        if stuck == 3:
            self.reset()
            stuck = 0
        if stuck:
            for i in range(len(answer)):
                answer[i] = 255 if stuck == 2 else 0
        elif octets[0] == 0x0C and self.registers[0] & 0x80:
            self._show_temperature(answer)
        else:
            for i in range(1, len(answer)):
                answer[i] = self.registers[(octets[0] + i - 1) & 0x0F]

    @micropython.native
    def _show_temperature(self, answer):
        code = words[self._code]
        answer[1] = code >> 11 & 255
        answer[2] = code >> 3 & 255
        answer[3] = (code & 7) << 5
        answer[4] = words[self._fault] & (255 if self.registers[0] & 0x30 else 0xFE)


class Ads1115(Ads1115Model):
    """Four-channel converter on a node's terminals."""

    def __init__(self, index):
        self._at, self._stands = layout.ANALOG + 4 * index, layout.STANDS << index
        Ads1115Model.__init__(self, self._terminal)

    def _terminal(self, channel):
        return None if words[I2C_DEAD] & self._stands else words[self._at + channel]


@micropython.viper
def fast_write(codes, octets):
    """Four codes of 12 bits, each with its higher byte first; without viper it is a quarter of the whole scan."""
    w, o = ptr8(codes), ptr8(octets)
    i = 0
    while i < 8:
        w[i] = o[i + 1]
        w[i + 1] = o[i] & 15
        i += 2


class Mcp4728:
    """Four-channel DAC: fast write of all channels, and a read of what it puts out; its EEPROM was programmed."""

    def __init__(self, index):
        self._words = bus.dacs[8 * index : 8 * index + 8]

    def write(self, octets):
        fast_write(self._words, octets)

    def read(self, answer):
        words = self._words
        for channel in range(4):
            at = 6 * channel
            answer[at] = answer[at + 3] = 0xC0 | channel << 4
            answer[at + 1] = 0x90 | words[2 * channel + 1]
            answer[at + 2] = words[2 * channel]
            answer[at + 4] = 0x90
            answer[at + 5] = 0


class Mcp23017:
    """Sixteen-pin expander: what is latched goes up behind the DACs' words, what is at its pins comes down."""

    def __init__(self, at, inputs):
        self._at = at  # of its latches among the words that go up
        self._inputs = inputs  # the word that comes down; None: its pins show the latches
        self._latches = bytearray(2)

    def write_register(self, register, octets):
        if register == 0x14 and self._at is not None:
            self._latches[:] = octets
            bus.dacs[2 * self._at] = octets[0]
            bus.dacs[2 * self._at + 1] = octets[1]

    def read_register(self, register, answer):
        if register == 0x12 and self._inputs is not None:
            answer[0] = words[self._inputs] & 255
            answer[1] = words[self._inputs] >> 8 & 255
        else:
            answer[:] = self._latches
