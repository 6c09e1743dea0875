"""A second reading of SPEC.md: frames, messages and scan records out of recorded bytes.  Shares no code with the house.

Written from the text alone; what it needs of the tables it reads from the tables of SPEC.md itself.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

SPEC = Path(__file__).resolve().parents[1] / "SPEC.md"
TAG_BYTES = 8


class Unreadable(Exception):
    """Bytes that are no frame or no message; the text says which rule they break."""


@dataclass(frozen=True)
class Seen:
    """One frame: its header, the name of its message and the fields by name."""

    destination: int
    source: int
    kind: str
    from_node: bool
    session: int
    sequence: int
    message: str
    fields: dict[str, object]


@dataclass
class Found:
    """What a stream held."""

    frames: list[Seen] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def rows(name: str) -> list[list[str]]:
    """Cells of the table between the markers of this name."""
    text = SPEC.read_text(encoding="utf-8")
    inside = re.search(rf"<!-- made: {name} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert inside, name
    lines = [line for line in inside[1].splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def limits() -> dict[str, int]:
    """Limits of 2.7 by their words."""
    return {words: int(most) for words, most in rows("limits")}


KINDS = {int(number): name for number, name in rows("kinds")}
MESSAGES = {
    int(number, 16): (name, frame, [] if fields == "none" else [word.split(":") for word in fields.split(", ")])
    for number, name, frame, fields in rows("messages")
}
LIMITS = limits()
QUANTITIES = {int(row[0]): (int(row[3]), int(row[5])) for row in rows("quantities")}


def unstuffed(piece: bytes) -> bytes:
    """1.3, from left to right: 7D 5E is 7E and 7D 5D is 7D."""
    body, at = bytearray(), 0
    while at < len(piece):
        if piece[at] == 0x7D and at + 1 < len(piece) and piece[at + 1] in (0x5D, 0x5E):
            body.append(piece[at + 1] ^ 0x20)
            at += 2
        else:
            body.append(piece[at])
            at += 1
    return bytes(body)


def read_stream(octets: bytes) -> Found:
    """Every frame of one direction, in order; a piece behind the last flag is unfinished and left."""
    found = Found()
    for piece in octets.split(b"\x7e")[:-1]:
        if piece:
            try:
                found.frames.append(read_frame(unstuffed(piece)))
            except Unreadable as error:
                found.unreadable.append(str(error))
    return found


def read_frame(body: bytes) -> Seen:
    """1.2: header, payload, CRC."""
    if not 12 <= len(body) <= LIMITS["frame before stuffing, bytes"]:
        raise Unreadable(f"1.2: {len(body)} bytes")
    if body[0] != len(body) - 4:
        raise Unreadable("1.2: length")
    if zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "little"):
        raise Unreadable("1.2: CRC")
    control = body[3]
    if control >> 6 != 1:
        raise Unreadable("1.2: version")
    payload = body[8 : -4 - (TAG_BYTES if control & 0x20 else 0)]
    message, at = one(payload, 0, 1)
    if at != len(payload) or not isinstance(message, list) or not message:
        raise Unreadable("2.1: not one array that is not empty")
    if message[0] not in MESSAGES:
        raise Unreadable(f"2.6: message {message[0]!r}")
    name, kind, fields = MESSAGES[message[0]]
    if len(message) - 1 < len(fields):
        raise Unreadable(f"2.5: {name} has {len(message) - 1} fields")
    if KINDS.get(control & 15) != kind:
        raise Unreadable(f"2.6: {name} in a frame of kind {control & 15}")
    named = {word[0]: got for word, got in zip(fields, message[1:], strict=False)}
    session, sequence = int.from_bytes(body[4:6], "little"), int.from_bytes(body[6:8], "little")
    return Seen(body[1], body[2], kind, bool(control & 0x10), session, sequence, name, named)


def one(octets: bytes, at: int, depth: int) -> tuple[object, int]:
    """2.2: the msgpack object at a place, and where it ends."""
    marker, at = cut(octets, at, 1)
    if marker[0] < 0x80:
        return marker[0], at
    if marker[0] >= 0xE0:
        return marker[0] - 256, at
    if marker[0] >> 4 == 9:
        return array(octets, at, marker[0] & 15, depth)
    if marker[0] >> 5 == 5:
        return text(octets, at, marker[0] & 31)
    if marker[0] == 0xC0:
        return None, at
    if marker[0] in range(0xCC, 0xD4):
        number, at = cut(octets, at, 1 << (marker[0] & 3))
        return int.from_bytes(number, "big", signed=marker[0] >= 0xD0), at
    if marker[0] not in (0xC4, 0xD9, 0xDC):
        raise Unreadable(f"2.2: marker {marker[0]:02X}")
    size, at = cut(octets, at, 2 if marker[0] == 0xDC else 1)
    count = int.from_bytes(size, "big")
    if marker[0] == 0xDC:
        return array(octets, at, count, depth)
    if marker[0] == 0xD9:
        return text(octets, at, count)
    if count > LIMITS["bin, bytes"]:
        raise Unreadable("2.7: bin too long")
    return cut(octets, at, count)


def array(octets: bytes, at: int, count: int, depth: int) -> tuple[list[object], int]:
    """2.7: so many objects, not nested too deep."""
    if depth > LIMITS["nesting of arrays"] or count > LIMITS["elements of an array"]:
        raise Unreadable("2.7: array too deep or too long")
    objects = []
    for _ in range(count):
        element, at = one(octets, at, depth + 1)
        objects.append(element)
    return objects, at


def text(octets: bytes, at: int, count: int) -> tuple[str, int]:
    """2.2: printable ASCII."""
    octets, at = cut(octets, at, count)
    if count > LIMITS["string, bytes"] or any(octet not in range(32, 127) for octet in octets):
        raise Unreadable("2.2: string")
    return octets.decode("ascii"), at


def cut(octets: bytes, at: int, count: int) -> tuple[bytes, int]:
    """So many bytes, and where they end."""
    if at + count > len(octets):
        raise Unreadable("2.4: ends early")
    return octets[at : at + count], at + count


def read_records(records: bytes, columns: list[int]) -> list[tuple[int, int, list[int], list[int]]]:
    """3.7: state, flags, numbers and qualities of each record; ``columns`` are the quantities of table 5."""
    widths = [QUANTITIES[column][1] for column in columns]
    size = 2 + sum(widths) + (len(columns) + 3) // 4
    if len(records) % size:
        raise Unreadable("3.7: not whole records")
    found = []
    for start in range(0, len(records), size):
        at, numbers = start + 2, []
        for column, width in zip(columns, widths, strict=True):
            numbers.append(int.from_bytes(records[at : at + width], "big") + QUANTITIES[column][0])
            at += width
        packed = int.from_bytes(records[at : start + size], "little")
        qualities = [packed >> 2 * i & 3 for i in range(len(columns))]
        found.append((records[start], records[start + 1], numbers, qualities))
    return found
