"""Frames a second on the host, packing and checking included, beside pymavlink in the same run.

Times of a shared machine: both sides take turns, and the fastest turn of each counts.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from pymavlink.dialects.v20 import common as mavlink

from spinline_protocol import framing, messages
from spinline_protocol.host_messages import pack_message, unpack_message
from tools.bench_protocol_wire import mavlink_end, mavlink_taken
from tools.bench_row import Row

FRAMES_N = 500  # short turns: the fastest of them meets a quiet moment of a shared machine
TURNS_N = 200
TARGET_X = 5.0


def fastest(works: Sequence[Callable[[], object]], turns: int = TURNS_N) -> list[float]:
    """Seconds of the fastest turn of each; they take turns, so that a slow moment meets all."""
    best = [float("inf")] * len(works)
    for _ in range(turns):
        for i, work in enumerate(works):
            started = time.perf_counter()
            work()
            best[i] = min(best[i], time.perf_counter() - started)
    return best


def our_frame(i: int) -> bytes:
    """An order of the host: loop, setpoint, ramp."""
    payload = pack_message(messages.SET_SETPOINT, (i & 7, 180_000 + i, 1024))
    return framing.encode(1, 0, framing.REQUEST, 0x4A17, i & 0xFFFF, payload)


def row_of(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> Sequence[Row]:
    """Frames a second of both; an order with three numbers, against NAMED_VALUE_INT: a time, a name and a number."""
    fps, peer_fps = (FRAMES_N / seconds for seconds in fastest([ours, theirs]))
    return [Row(name, fps, "frames/s", "higher", FRAMES_N * TURNS_N, "pymavlink", peer_fps, TARGET_X * peer_fps)]


def their_frame(end: Any, i: int) -> bytes:
    """NAMED_VALUE_INT as bytes."""
    return bytes(mavlink.MAVLink_named_value_int_message(i, b"setpoint", 180_000 + i).pack(end))


def host_encode_fps() -> Sequence[Row]:
    """From numbers to bytes for the wire."""
    end = mavlink_end()
    return row_of(
        "protocol.host_encode_fps",
        lambda: [our_frame(i) for i in range(FRAMES_N)],
        lambda: [their_frame(end, i) for i in range(FRAMES_N)],
    )


def host_decode_fps() -> Sequence[Row]:
    """From bytes of the wire to named numbers, with every check."""
    end, reader, parser = mavlink_end(), framing.FrameReader(from_device=False), mavlink_end()
    our_wire = b"".join(our_frame(i) for i in range(FRAMES_N))
    their_wire = b"".join(their_frame(end, i) for i in range(FRAMES_N))

    def ours() -> None:
        frames = reader.feed(our_wire)
        assert len(frames) == FRAMES_N
        for frame in frames:
            unpack_message(frame.payload)

    def theirs() -> None:
        assert len(mavlink_taken(parser, their_wire)) == FRAMES_N

    return row_of("protocol.host_decode_fps", ours, theirs)
