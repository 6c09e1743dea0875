"""Recordings of a serial line: both directions, their times, the tables they were made with.  No input or output.

A recording is 8 bytes SPINREC1, the length of the header (u32), the header (JSON: device, start, schema), then
records: length (u32), time (u64, monotonic us), direction (u8: 0 to the node, 1 from it), bytes.  Numbers are little
endian.  The header holds the tables of the protocol, so that a recording can be read when they have changed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spinline.errors import SpinlineError
from spinline_protocol import configuration, messages, quantities, states
from spinline_protocol.framing import READER_BYTES_MAX
from spinline_protocol.schema import schema_sha256

MAGIC = b"SPINREC1"
TO_NODE, FROM_NODE = 0, 1
_HEADER = struct.Struct("<I")
_RECORD = struct.Struct("<IQB")
HEADER_BYTES_MAX = 1 << 20
RECORD_BYTES_MAX = 1 << 17  # more than a port gives in one read
assert RECORD_BYTES_MAX > READER_BYTES_MAX


class BadRecording(SpinlineError):
    """The file is no recording; the text says what stands there."""


@dataclass(frozen=True)
class Record:
    """Bytes that were seen together at a time of a monotonic clock."""

    at_us: int
    direction: int
    octets: bytes


@dataclass(frozen=True)
class Recording:
    """What a file holds.  ``whole`` is False where the end is cut off, as when the recorder was killed."""

    header: dict[str, Any]
    records: tuple[Record, ...]
    whole: bool

    def bytes_of(self, direction: int) -> bytes:
        """All bytes of one direction."""
        return b"".join(record.octets for record in self.records if record.direction == direction)


def schema_tables() -> dict[str, Any]:
    """The tables both ends must agree on, as JSON can hold them."""
    return {
        "messages": tuple(messages.rows()),
        "quantities": quantities.QUANTITIES,
        "states": states.STATES,
        "commands": states.COMMANDS,
        "events": states.EVENTS,
        "configuration": configuration.TABLES,
    }


def header_bytes(device: str, started_utc_us: int) -> bytes:
    """What a recording begins with."""
    header = {
        "device": device,
        "started_utc_us": started_utc_us,
        "schema_sha256": schema_sha256().hex(),
        "schema": schema_tables(),
    }
    text = json.dumps(header).encode()
    return MAGIC + _HEADER.pack(len(text)) + text


def record_bytes(record: Record) -> bytes:
    """One record as it stands in the file."""
    assert len(record.octets) <= RECORD_BYTES_MAX
    return _RECORD.pack(len(record.octets), record.at_us, record.direction) + record.octets


def read_recording(octets: bytes) -> Recording:
    """The recording in these bytes.  Raises BadRecording; a cut end is no error."""
    if not octets.startswith(MAGIC):
        raise BadRecording(f"a recording begins with {MAGIC.decode()}, not with {octets[:8]!r}")
    at = len(MAGIC) + _HEADER.size
    if len(octets) < at:
        raise BadRecording("the recording ends in its header")
    (length,) = _HEADER.unpack_from(octets, len(MAGIC))
    if length > HEADER_BYTES_MAX or len(octets) < at + length:
        raise BadRecording("the recording ends in its header")
    try:
        header = json.loads(octets[at : at + length])
    except ValueError as error:
        raise BadRecording(f"the header of the recording is no JSON: {error}") from error
    if not isinstance(header, dict) or not isinstance(header.get("schema"), dict):
        raise BadRecording("the header of the recording holds no tables")
    records = list(_records(octets, at + length))
    end = at + length + sum(_RECORD.size + len(record.octets) for record in records)
    return Recording(header, tuple(records), end == len(octets))


def _records(octets: bytes, at: int) -> Iterator[Record]:
    """Records up to the first that is not whole."""
    while at + _RECORD.size <= len(octets):
        length, at_us, direction = _RECORD.unpack_from(octets, at)
        at += _RECORD.size
        if length > RECORD_BYTES_MAX or direction not in (TO_NODE, FROM_NODE) or at + length > len(octets):
            return
        yield Record(at_us, direction, octets[at : at + length])
        at += length
