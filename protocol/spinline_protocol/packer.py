"""msgpack subset of the wire (SPEC 2): board-side packing by one struct call, and a strict bounded decoder.

Integers, short strings, bytes, None and arrays only; no floats and no maps.  The decoder has one exception type and
never allocates more than the bytes it was given.
"""

import struct

from .errors import BadFrame, LocalError
from .portable import micropython, ptr8

DEPTH_MAX = 4
ARRAY_N_MAX = 64
STRING_BYTES_MAX = 64
BIN_BYTES_MAX = 224

# field type -> (struct codes of marker and number, marker byte, low, high)
INTEGERS = {
    "u8": ("BB", 0xCC, 0, 0xFF),
    "u16": ("BH", 0xCD, 0, 0xFFFF),
    "u32": ("BI", 0xCE, 0, 0xFFFFFFFF),
    "u64": ("BQ", 0xCF, 0, 0xFFFFFFFFFFFFFFFF),
    "i32": ("Bi", 0xD2, -0x80000000, 0x7FFFFFFF),
}


class Packer:
    """Packs one kind of message: array header, message number, then the fields in order.

    Integer fields have fixed width on the board, so that one ``struct.pack_into`` writes all of them; ``bin`` and
    ``str`` fields are appended behind the integers, which is why messages.py lists them last.
    """

    def __init__(self, number: int, fields: "tuple[tuple[str, str], ...]") -> None:
        self._number = number
        self._fields_n = len(fields)
        count = len(fields) + 1
        layout = ">BB" if count < 16 else ">BHB"
        self._numbers = [0x90 | count, number] if count < 16 else [0xDC, count, number]
        self._first = len(self._numbers) + 1  # place of the first field's number; a marker stands before each
        self._integers = [INTEGERS[kind] for _name, kind in fields if kind in INTEGERS]
        for codes, marker, _low, _high in self._integers:
            layout += codes
            self._numbers += [marker, 0]
        self._layout = layout
        self._buffer = bytearray(struct.calcsize(layout))

    def pack(self, fields: "tuple[int | bytes | str, ...]") -> bytes:
        """The message as bytes.  Raises LocalError where a number does not fit its field."""
        if len(fields) != self._fields_n:
            raise LocalError("message %d takes %d fields, not %d" % (self._number, self._fields_n, len(fields)))
        numbers, place = self._numbers, self._first
        for i in range(len(self._integers)):
            _codes, _marker, low, high = self._integers[i]
            field = fields[i]
            if not isinstance(field, int) or field < low or field > high:
                raise LocalError("message %d: field %d = %r is outside %d to %d" % (self._number, i, field, low, high))
            numbers[place] = field
            place += 2
        struct.pack_into(self._layout, self._buffer, 0, *numbers)
        parts: "list[bytes | bytearray]" = [self._buffer]
        for i in range(len(self._integers), self._fields_n):
            parts += pack_text(fields[i])
        return b"".join(parts)


def pack_text(field: "int | bytes | str") -> "tuple[bytes, bytes]":
    """Head and octets of a string or bytes as msgpack str8 or bin8, each at most as long as the limits above."""
    if isinstance(field, str):
        octets = field.encode()
        for octet in octets:
            if octet > 126 or octet < 32:
                raise LocalError("strings are printable ASCII")
        if len(octets) > STRING_BYTES_MAX:
            raise LocalError("a string of %d bytes; at most %d" % (len(octets), STRING_BYTES_MAX))
        return bytes((0xD9, len(octets))), octets
    if isinstance(field, int) or len(field) > BIN_BYTES_MAX:
        raise LocalError("bytes of at most %d expected, not %r" % (BIN_BYTES_MAX, field))
    return bytes((0xC4, len(field))), field


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.octets):
            raise BadFrame("message ends early")
        part = self.octets[self.at : end]
        self.at = end
        return part

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")


def unpack(octets: bytes) -> list:  # type: ignore[type-arg]
    """The array in ``octets``.  Raises BadFrame for anything else: trailing bytes, maps, floats, too deep, too long."""
    flat: "list[int] | None" = _unpack_numbers(octets)
    if flat:
        return flat
    reader = _Reader(octets)
    message = _unpack_one(reader, 0)
    if reader.at != len(octets):
        raise BadFrame("bytes behind the message")
    if not isinstance(message, list) or not message:
        raise BadFrame("a message is an array that is not empty")
    return message


@micropython.viper
def _unpack_numbers(octets):  # type: ignore[no-untyped-def]
    """A short array of numbers from 0 to 2^31 - 1, as orders and leases are; None where it is anything else."""
    length = int(len(octets))
    view = ptr8(octets)  # type: ignore[no-untyped-call]
    if length < 2 or view[0] & 0xF0 != 0x90:
        return None
    numbers = []
    at = 1
    while at < length:
        number = int(view[at])
        at += 1
        if number >= 0x80:
            if number < 0xCC or number > 0xCE:  # not u8, u16, u32
                return None
            end = at + (1 << (number - 0xCC))
            if end > length:
                return None
            number = 0
            while at < end:
                number = number << 8 | int(view[at])
                at += 1
            if number < 0:  # a board's words end here
                return None
        numbers.append(number)
    return numbers if int(len(numbers)) == view[0] & 15 else None


def _unpack_one(reader: _Reader, depth: int) -> "int | bytes | str | list | None":  # type: ignore[type-arg]
    marker = reader.take(1)[0]
    if marker < 0x80:
        return marker
    if marker >= 0xE0:
        return marker - 256
    if marker & 0xF0 == 0x90:
        return _unpack_array(reader, marker & 15, depth)
    if marker & 0xE0 == 0xA0:
        return _text(reader.take(marker & 31))
    return _unpack_marked(reader, marker, depth)


def _unpack_marked(reader: _Reader, marker: int, depth: int) -> "int | bytes | str | list | None":  # type: ignore[type-arg]
    if marker == 0xC0:
        return None
    if 0xCC <= marker <= 0xCF:
        return reader.number(1 << (marker - 0xCC))
    if 0xD0 <= marker <= 0xD3:
        size = 1 << (marker - 0xD0)
        number = reader.number(size)
        return number - (1 << 8 * size) if number >> (8 * size - 1) else number
    if marker == 0xC4:
        return reader.take(_bounded(reader.number(1), BIN_BYTES_MAX))
    if marker == 0xD9:
        return _text(reader.take(_bounded(reader.number(1), STRING_BYTES_MAX)))
    if marker == 0xDC:
        return _unpack_array(reader, reader.number(2), depth)
    raise BadFrame("marker 0x%02X is not part of this wire" % marker)


def _unpack_array(reader: _Reader, count: int, depth: int) -> list:  # type: ignore[type-arg]
    if depth >= DEPTH_MAX:
        raise BadFrame("nested deeper than %d" % DEPTH_MAX)
    # an element has at least one byte: a count beyond the bytes left is refused before anything is allocated
    _bounded(count, min(ARRAY_N_MAX, len(reader.octets) - reader.at))
    return [_unpack_one(reader, depth + 1) for _ in range(count)]


def _bounded(count: int, most: int) -> int:
    if count > most:
        raise BadFrame("length %d; at most %d here" % (count, most))
    return count


def _text(octets: bytes) -> str:
    for octet in octets:
        if octet > 126 or octet < 32:
            raise BadFrame("strings are printable ASCII")
    return octets.decode()
