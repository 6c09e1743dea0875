"""A recording as lines of text, read with the tables that it brings along.  Pure; knows framing, but no message.

So a recording of last year is readable when the messages have changed since.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack

from spinline.edges.link_recording import FROM_NODE, TO_NODE, Recording
from spinline_protocol import framing

ARROWS = {TO_NODE: "->", FROM_NODE: "<-"}
BYTES_SHOWN_MAX = 16


def lines_of(recording: Recording) -> Iterator[str]:
    """One line for each frame and each piece that is none, at the time when its last byte was seen."""
    table = {row[0]: (row[1], [field[0] for field in row[3]]) for row in recording.header["schema"]["messages"]}
    readers = {direction: framing.FrameReader(from_device=direction == FROM_NODE) for direction in ARROWS}
    started_us = recording.records[0].at_us if recording.records else 0
    for record in recording.records:
        reader = readers[record.direction]
        noise_n = reader.noise_n
        head = f"{(record.at_us - started_us) / 1e6:12.6f} {ARROWS[record.direction]}"
        for frame in reader.feed(record.octets):
            yield f"{head} {frame.session:04X} {frame.sequence:5} {message_text(frame.payload, table)}"
        if reader.noise_n > noise_n:
            text = reader.console.strip(framing.FLAG)[-BYTES_SHOWN_MAX:]
            yield f"{head} {reader.noise_n - noise_n} pieces that are no frame: {text!r}"


def message_text(payload: bytes, table: dict[int, tuple[str, list[str]]]) -> str:
    """Name and fields of a message; its bytes where the recording's tables do not know it."""
    try:
        number, *fields = msgpack.unpackb(payload, raw=False)
        name, names = table[number]
    except Exception:  # msgpack has many exception types for what is one thing: no message
        return f"unknown message {payload[:BYTES_SHOWN_MAX].hex(' ')}"
    shown = [f"{word}={_shown(field)}" for word, field in zip(names, fields, strict=False)]
    return " ".join([name, *shown])


def _shown(field: Any) -> str:
    if isinstance(field, bytes):
        return field.hex() if len(field) <= BYTES_SHOWN_MAX else f"{len(field)} bytes {field[:8].hex()}.."
    return str(field)
