"""MAX31856 thermocouple converter over SPI (Maxim datasheet 19-7534, tables 6 to 12).  Reads; decides nothing."""

from spinline_protocol.portable import const

_WRITE = const(0x80)
_CR0 = const(0x00)  # table 7: conversion mode, open-circuit detection, mains filter
_CR1 = const(0x01)  # table 8: averaging, thermocouple type
_MASK = const(0x02)
_LTCBH = const(0x0C)  # linearised temperature, three bytes, then the fault status
_SR = const(0x0F)

_AUTOMATIC = const(0x80)
_OPEN_DETECT = const(0x10)  # for sensors below 5 kOhm
_MAINS_50_HZ = const(0x01)
_TYPE_K = const(0x03)

# fault status, table 12
OPEN = const(0x01)
OVER_UNDER_VOLTAGE = const(0x02)
TC_LOW = const(0x04)
TC_HIGH = const(0x08)
CJ_LOW = const(0x10)
CJ_HIGH = const(0x20)
TC_RANGE = const(0x40)
CJ_RANGE = const(0x80)
NO_CHIP = const(0x100)  # ours: the chip did not keep what was written to it

_CONFIGURED = const(0x91)  # automatic conversion, open-circuit detection, 50 Hz filter


class Max31856:
    """One converter.  ``sample()`` gives the 19-bit code (1/128 degC, -210 to 1800 degC) and sets ``fault``."""

    def __init__(self, spi, select) -> None:  # type: ignore[no-untyped-def]
        self._spi = spi
        self._select = select
        self._command = bytearray(5)
        self._answer = bytearray(5)
        self.fault = 0
        select.value(1)
        self._write(_CR1, _TYPE_K)
        self._write(_MASK, 0xFF)
        self._write(_CR0, _CONFIGURED)
        if self._read_register(_CR0) != _CONFIGURED:
            self.fault = NO_CHIP

    def _write(self, register: int, octet: int) -> None:
        self._select.value(0)
        self._spi.write(bytes((register | _WRITE, octet)))
        self._select.value(1)

    def _read_register(self, register: int) -> int:
        answer = bytearray(2)
        self._select.value(0)
        self._spi.write_readinto(bytes((register, 0)), answer)
        self._select.value(1)
        return answer[1]

    def sample(self) -> int:
        """Temperature code in 1/128 degC, signed; meaningless where ``fault`` is not 0.  Allocates nothing."""
        answer = self._answer
        self._command[0] = _LTCBH
        self._select.value(0)
        self._spi.write_readinto(self._command, answer)
        self._select.value(1)
        self.fault = self.fault & NO_CHIP | answer[4]
        code = answer[1] << 11 | answer[2] << 3 | answer[3] >> 5
        return code - 0x80000 if code & 0x40000 else code
