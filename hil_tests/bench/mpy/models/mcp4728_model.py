"""MCP4728 at byte level: outputs, the EEPROM behind them, and the time that a write of it takes."""

EEPROM_US = 50000
DEFAULT = (0x80, 0x00)  # as delivered: reference inside, gain 1


class Mcp4728Model:
    """``now_us()`` gives the time; ``outputs`` and ``eeprom``: two bytes for each of four channels."""

    def __init__(self, now_us):
        self._now_us = now_us
        self._done_us = 0
        self.eeprom = bytearray(4 * DEFAULT)
        self.outputs = bytearray(8)
        self.power_on()

    def power_on(self):
        """The outputs are what the EEPROM holds."""
        self.outputs[:] = self.eeprom

    def code(self, channel):
        """What is put out, 0 to 4095."""
        return (self.outputs[2 * channel] & 15) << 8 | self.outputs[2 * channel + 1]

    def write(self, octets):
        if octets[0] & 0xF8 == 0x50:  # sequential write; ignored while the EEPROM is written
            if self._now_us() >= self._done_us:
                at = octets[0] & 6
                for i in range(1, len(octets)):
                    self.eeprom[at + i - 1] = self.outputs[at + i - 1] = octets[i]
                self._done_us = self._now_us() + EEPROM_US
        elif octets[0] & 0xC0 == 0:  # fast write: power-down bits and code, reference and gain stay
            for i in range(0, len(octets), 2):
                self.outputs[i] = self.outputs[i] & 0x90 | (octets[i] & 0x30) << 1 | octets[i] & 15
                self.outputs[i + 1] = octets[i + 1]

    def read(self, answer):
        ready = 0x80 if self._now_us() >= self._done_us else 0
        for channel in range(4):
            for part, held in ((0, self.outputs), (3, self.eeprom)):
                answer[6 * channel + part] = ready | 0x40 | channel << 4
                answer[6 * channel + part + 1] = held[2 * channel]
                answer[6 * channel + part + 2] = held[2 * channel + 1]
