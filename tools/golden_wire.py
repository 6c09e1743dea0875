"""Makes protocol/golden/vectors.json: every message as the board and as the host write it, and a frame.

The board's bytes are hand-assembled here from the table, not by the packer that they test.
"""

import binascii
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgpack

from spinline_protocol import messages
from spinline_protocol.framing import FROM_DEVICE, MASTER
from spinline_protocol.schema import schema_sha256

VECTORS = Path("protocol/golden/vectors.json")
MARKERS = {"u8": ">BB", "u16": ">BH", "u32": ">BI", "u64": ">BQ", "i32": ">Bi"}
MARKER_BYTES = {"u8": 0xCC, "u16": 0xCD, "u32": 0xCE, "u64": 0xCF, "i32": 0xD2}
ENDS = {"u8": (0, 255), "u16": (0, 65535), "u32": (0, 2**32 - 1), "u64": (0, 2**64 - 1), "i32": (-(2**31), 2**31 - 1)}
FROM_HOST = {0x00, 0x02, 0x04, 0x05, 0x07, 0x40, 0x50}  # besides the requests
DEVICE, SESSION, SEQUENCE = 1, 0x7E7D, 258


def _field(kind: str, name: str, high: bool) -> int | str | bytes:
    if kind == "str":
        return name if high else ""
    if kind == "bin":
        return bytes(range(120, 128)) if high else b""
    return ENDS[kind][high]


def board_bytes(number: int, fields: tuple[tuple[str, str], ...], values: Sequence[Any]) -> bytes:
    """A message with every integer at its full width, as a board writes it."""
    count = len(fields) + 1
    octets = bytes((0x90 | count,)) if count < 16 else struct.pack(">BH", 0xDC, count)
    octets += bytes((number,))
    for (_name, kind), value in zip(fields, values, strict=True):
        if kind == "str":
            octets += bytes((0xD9, len(value))) + value.encode()
        elif kind == "bin":
            octets += bytes((0xC4, len(value))) + value
        else:
            octets += struct.pack(MARKERS[kind], MARKER_BYTES[kind], value)
    return octets


def frame_bytes(number: int, kind: int, payload: bytes) -> bytes:
    """The frame of a payload, flags and stuffing included, from the rules of SPEC 1."""
    to_board = kind == 1 or number in FROM_HOST
    addresses = (DEVICE, MASTER) if to_board else (MASTER, DEVICE)
    control = 0x40 | (0 if to_board else FROM_DEVICE) | kind
    body = struct.pack("<BBBBHH", 8 + len(payload), *addresses, control, SESSION, SEQUENCE) + payload
    body += struct.pack("<I", binascii.crc32(body))
    escapes = {0x7E: b"}^", 0x7D: b"}]"}
    return b"~" + b"".join(escapes.get(octet, bytes((octet,))) for octet in body) + b"~"


def vectors() -> list[dict[str, Any]]:
    """One vector for each message and each end of its fields' ranges."""
    found = []
    for number, name, kind, fields in messages.rows():
        for high in (False, True) if fields else (False,):
            values = [_field(field_kind, field_name, high) for field_name, field_kind in fields]
            board = board_bytes(number, fields, values)
            shown = [value.hex(" ") if isinstance(value, bytes) else value for value in values]
            named = {
                f"{field_name}:{field_kind}": value
                for (field_name, field_kind), value in zip(fields, shown, strict=True)
            }
            found.append(
                {
                    "message": name,
                    "number": number,
                    "fields": named,
                    "order": list(named),
                    "board": board.hex(" "),
                    "host": msgpack.packb([number, *values], use_bin_type=True).hex(" "),
                    "frame": frame_bytes(number, kind, board).hex(" "),
                }
            )
    return found


def vectors_text() -> str:
    """The golden file: the schema's hash, then the vectors."""
    whole = {
        "about": "Bytes in hexadecimal. board: integers at full width; host: shortest form; frame: the board's bytes.",
        "address": DEVICE,
        "session": SESSION,
        "sequence": SEQUENCE,
        "schema_sha256": schema_sha256().hex(),
        "vectors": vectors(),
    }
    return json.dumps(whole, indent=1) + "\n"


def make_vectors() -> list[Path]:
    """Write the golden file."""
    VECTORS.write_text(vectors_text(), encoding="utf-8")
    return [VECTORS]
