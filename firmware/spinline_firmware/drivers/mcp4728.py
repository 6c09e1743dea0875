"""MCP4728 four-channel 12-bit DAC over I2C (Microchip DS22187).  Writes and reads back; decides nothing.

Fast write: section 5.6.1; sequential write of outputs and EEPROM: 5.6.3; read: 5.7, six bytes for each channel.  The
EEPROM holds what the outputs are from power-on until the first write: zero on a board that was provisioned.
"""

from spinline_protocol.portable import const, micropython

_WRITE_ALL = const(0x50)  # sequential, from channel A on, outputs at once
_READY = const(0x80)  # no EEPROM write is under way
_SAFE = b"\x90\x00"  # reference of 2.048 V, gain 2, not powered down, code 0
_REFERENCE = const(0x90)
NO_ANSWER = const(1)
DIFFERS = const(2)  # what is read back is not what was written, or not 0 at power-on
PROGRAM_MS = const(50)  # the longest time that an EEPROM write takes


class Mcp4728:
    """One converter.  ``write()`` puts out ``levels``: 0 to 65 536 of full scale; the upper 12 bits count."""

    def __init__(self, i2c, address: int) -> None:  # type: ignore[no-untyped-def]
        self._i2c = i2c
        self._address = address
        self._octets = bytearray(8)
        self.levels = [0, 0, 0, 0]
        self._told = bytearray(24)
        self._differed = False
        self.errors_n = 0  # as a drive has it
        self.fault = 0  # NO_ANSWER, DIFFERS

    @micropython.native
    def write(self) -> None:
        """Put ``levels`` on the outputs, with the power-down bits cleared."""
        octets = self._octets
        for channel in range(4):
            code = self.levels[channel] >> 4
            if code > 4095:
                code = 4095
            octets[2 * channel] = code >> 8
            octets[2 * channel + 1] = code & 255
        try:
            self._i2c.writeto(self._address, octets)
            self.fault &= DIFFERS
        except OSError:
            self.fault |= NO_ANSWER

    def verify(self) -> None:
        """Read back what was written last, reference, gain and power-on value.  Allocates nothing.

        What differs twice in a row is a ``fault``, until it does not any more.
        """
        try:
            self._i2c.readfrom_into(self._address, self._told)
        except OSError:
            self.fault |= NO_ANSWER
            return
        differed, self._differed = self._differed, self._differs()
        self.fault = self.fault & NO_ANSWER | (DIFFERS if differed and self._differed else 0)

    def _differs(self) -> bool:
        told, octets = self._told, self._octets
        for i in range(4):
            at = 6 * i
            if told[at + 1] != _REFERENCE | octets[2 * i] or told[at + 2] != octets[2 * i + 1]:
                return True
            if told[at + 4] != _REFERENCE or told[at + 5]:
                return True
        return False

    def power_on_is_safe(self) -> bool:
        """Read back what the outputs are at the next power-on: True where it is 0 on all four.

        False, too, where an EEPROM write is under way or the chip does not answer (then ``fault`` says so).
        """
        told = self._told
        try:
            self._i2c.readfrom_into(self._address, told)
        except OSError:
            self.fault = NO_ANSWER
            return False
        self.fault = 0
        for at in range(0, 24, 6):
            if not told[at] & _READY or told[at + 4 : at + 6] != _SAFE:
                return False
        return True

    def make_power_on_safe(self) -> None:
        """Write outputs and EEPROM to 0; it takes PROGRAM_MS.  Once, at provisioning: an EEPROM wears."""
        try:
            self._i2c.writeto(self._address, bytes((_WRITE_ALL,)) + 4 * _SAFE)
            self.fault = 0
        except OSError:
            self.fault = NO_ANSWER
