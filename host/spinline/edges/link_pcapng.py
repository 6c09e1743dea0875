"""A recording as pcapng, the file format of Wireshark: a packet for each frame.  Pure: bytes out, no file.

Blocks and options as in the IETF draft "PCAP Next Generation (pcapng) Capture File Format": a section header whose
comment is the header of the recording, tables included; one interface of link type USER0; enhanced packets with the
time in us and the direction (inbound: from the node).  A packet is what stood between two flags, with both.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

from spinline.edges.link_recording import FROM_NODE, TO_NODE, Recording
from spinline_protocol.framing import FLAG

LINK_TYPE_USER0 = 147
SNAP_BYTES = 65_535
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER, _VERSION = 0x1A2B3C4D, (1, 0)
_COMMENT, _INTERFACE_NAME, _PACKET_FLAGS = 1, 2, 2
_INBOUND, _OUTBOUND = 1, 2
OPTION_BYTES_MAX = 65_535


def pcapng_bytes(recording: Recording) -> bytes:
    """The whole file.  Times are UTC, as far as the clock of the recording's start was right."""
    header = json.dumps(recording.header, separators=(",", ":")).encode()
    comments = [header[at : at + OPTION_BYTES_MAX] for at in range(0, len(header), OPTION_BYTES_MAX)]
    section = struct.pack("<IHHq", _BYTE_ORDER, *_VERSION, -1) + _options([(_COMMENT, part) for part in comments])
    name = str(recording.header.get("device", "")).encode()
    interface = struct.pack("<HHI", LINK_TYPE_USER0, 0, SNAP_BYTES) + _options([(_INTERFACE_NAME, name)])
    return b"".join((_block(_SECTION, section), _block(_INTERFACE, interface), *_packets(recording)))


def _packets(recording: Recording) -> Iterator[bytes]:
    start_us = recording.records[0].at_us if recording.records else 0
    utc_us = int(recording.header.get("started_utc_us", 0))
    rest = {TO_NODE: b"", FROM_NODE: b""}
    for record in recording.records:
        *parts, rest[record.direction] = (rest[record.direction] + record.octets).split(FLAG)
        for part in parts:
            if part:
                yield _packet(utc_us + record.at_us - start_us, record.direction, FLAG + part + FLAG)
    for direction, part in rest.items():
        if part:
            yield _packet(utc_us + recording.records[-1].at_us - start_us, direction, FLAG + part)


def _packet(at_us: int, direction: int, octets: bytes) -> bytes:
    octets = octets[:SNAP_BYTES]
    at_us &= (1 << 64) - 1
    head = struct.pack("<IIIII", 0, at_us >> 32, at_us & 0xFFFFFFFF, len(octets), len(octets))
    flags = struct.pack("<I", _INBOUND if direction == FROM_NODE else _OUTBOUND)
    return _block(_PACKET, head + _padded(octets) + _options([(_PACKET_FLAGS, flags)]))


def _options(options: list[tuple[int, bytes]]) -> bytes:
    ended = [*options, (0, b"")]
    return b"".join(struct.pack("<HH", code, len(octets)) + _padded(octets) for code, octets in ended)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
