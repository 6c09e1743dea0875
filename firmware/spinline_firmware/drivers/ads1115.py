"""ADS1115 four-channel converter over I2C (Texas Instruments SBAS444, tables 8-1 to 8-3).  Reads; decides nothing."""

from spinline_protocol.portable import const

_CONVERSION = const(0)
_CONFIG = const(1)
# config register: start, single-ended channel, +-4.096 V, single shot, 860 samples a second, comparator off
_START_HIGH = const(0xC3)
_RATE_LOW = const(0xE3)

CONVERSION_US = const(1300)  # 1/860 s and the 10 % tolerance of the chip's clock
LSB_UV = const(125)


class Ads1115:
    """One converter.  ``start(channel)``, wait CONVERSION_US, then ``read()``: code of 125 uV, -32 768 to 32 767."""

    def __init__(self, i2c, address: int) -> None:  # type: ignore[no-untyped-def]
        self._i2c = i2c
        self._address = address
        self._config = bytearray((_START_HIGH, _RATE_LOW))
        self._answer = bytearray(2)
        self.fault = 0  # 1: the chip did not answer

    def start(self, channel: int) -> None:
        """Begin one conversion of channel 0 to 3 against ground."""
        self._config[0] = _START_HIGH | channel << 4
        try:
            self._i2c.writeto_mem(self._address, _CONFIG, self._config)
            self.fault = 0
        except OSError:
            self.fault = 1

    def read(self) -> int:
        """Code of the conversion that was started; 0 and ``fault`` where the chip does not answer."""
        answer = self._answer
        try:
            self._i2c.readfrom_mem_into(self._address, _CONVERSION, answer)
        except OSError:
            self.fault = 1
            return 0
        return (answer[0] ^ 0x80) - 0x80 << 8 | answer[1]
