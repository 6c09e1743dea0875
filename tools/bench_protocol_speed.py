"""Frames a second on the host, packing and checking included, beside pymavlink in the same run.

Times of a shared machine: both sides take turns, and the fastest turn of each counts.
"""

import time
from collections.abc import Callable, Sequence

from pymavlink.dialects.v20 import common as mavlink

from spinline_protocol import framing, messages
from spinline_protocol.host_link import pack_message, unpack_message
from tools.bench_protocol_wire import mavlink_end, mavlink_taken
from tools.bench_row import Row

FRAMES_N = 2000
TURNS_N = 15
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


def host_speed() -> Sequence[Row]:
    """An order with three numbers, against NAMED_VALUE_INT, which has a time, a name and a number."""
    end, reader, parser = mavlink_end(), framing.FrameReader(from_device=False), mavlink_end()
    ours = [our_frame(i) for i in range(FRAMES_N)]
    mark = mavlink.MAVLink_named_value_int_message
    theirs = [bytes(mark(i, b"setpoint", 180_000 + i).pack(end)) for i in range(FRAMES_N)]
    our_wire, their_wire = b"".join(ours), b"".join(theirs)

    def decode_ours() -> None:
        frames = reader.feed(our_wire)
        assert len(frames) == FRAMES_N
        for frame in frames:
            unpack_message(frame.payload)

    def decode_theirs() -> None:
        assert len(mavlink_taken(parser, their_wire)) == FRAMES_N

    works: list[Callable[[], object]] = [
        lambda: [our_frame(i) for i in range(FRAMES_N)],
        lambda: [mark(i, b"setpoint", 180_000 + i).pack(end) for i in range(FRAMES_N)],
        decode_ours,
        decode_theirs,
    ]
    encoded, their_encoded, decoded, their_decoded = (FRAMES_N / seconds for seconds in fastest(works))
    samples = FRAMES_N * TURNS_N
    rows = []
    for name, fps, peer_fps in (("encode", encoded, their_encoded), ("decode", decoded, their_decoded)):
        rows.append(
            Row(f"protocol.host_{name}_fps", fps, "frames/s", "higher", samples, "pymavlink", peer_fps,
                TARGET_X * peer_fps)
        )  # fmt: skip
    return rows
