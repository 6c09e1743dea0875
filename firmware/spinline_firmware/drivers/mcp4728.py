"""MCP4728 four-channel 12-bit DAC over I2C (Microchip DS22187, section 5.6.1, fast write).  Writes; decides nothing."""

from spinline_protocol.portable import micropython


class Mcp4728:
    """One converter.  ``write()`` puts out ``levels``: 0 to 65 536 of full scale; the upper 12 bits count."""

    def __init__(self, i2c, address: int) -> None:  # type: ignore[no-untyped-def]
        self._i2c = i2c
        self._address = address
        self._octets = bytearray(8)
        self.levels = [0, 0, 0, 0]
        self.fault = 0  # 1: the chip did not answer

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
            self.fault = 0
        except OSError:
            self.fault = 1
