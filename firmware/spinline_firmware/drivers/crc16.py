"""CRC-16 of Modbus RTU (Modbus over serial line V1.02, section 6.2.2), also over the records of the FRAM."""

from spinline_protocol.portable import micropython, ptr8


@micropython.viper
def crc16(octets, count: int) -> int:  # type: ignore[no-untyped-def]
    """CRC of the first ``count`` bytes: polynomial 0xA001 reflected, begun with 0xFFFF.  0 over a frame with its CRC.

    A transmitted frame carries the low byte first.  Allocates nothing.
    """
    place = ptr8(octets)
    crc = 0xFFFF
    i = 0
    while i < count:
        crc ^= place[i]
        bit = 0
        while bit < 8:
            if crc & 1:
                crc = (crc >> 1) ^ 0xA001
            else:
                crc = crc >> 1
            bit += 1
        i += 1
    return crc
