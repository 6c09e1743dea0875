"""Damaged frames: how many does the reader take for good ones, with CRC-32 and, beside it, with CRC-16?

Frames are damaged by the block: a wire of many frames is one array, and each frame of it is hit once.
"""

import binascii
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from spinline_protocol import framing
from tools.bench_row import Row, count_of

Octets = npt.NDArray[np.uint8]
SEED = 20260101
FRAMES_A_BLOCK_N = 20_000
CRC16_START = 0xFFFF


def sent_bodies(chance: np.random.Generator) -> list[bytes]:
    """Bodies with every length of payload, without their CRC; one byte in eight is a flag or an escape."""
    bodies = []
    for i in range(FRAMES_A_BLOCK_N):
        payload = chance.bytes(i % (framing.PAYLOAD_BYTES_MAX + 1))
        if i % 8 == 0:
            payload = payload.replace(payload[:1] or b"?", b"~}")[: framing.PAYLOAD_BYTES_MAX]
        wire = framing.encode(0, 1, framing.FROM_DEVICE | framing.TELEMETRY, 7, i & 0xFFFF, payload)
        body = wire[1:-1].replace(b"}^", b"~").replace(b"}]", b"}")
        bodies.append(body[:-4])
    return bodies


def stuffed(body: bytes) -> bytes:
    """A frame of a body that has its check already."""
    return b"~" + body.replace(b"}", b"}]").replace(b"~", b"}^") + b"~"


def with_crc16(body: bytes) -> bytes:
    """A body with the 16-bit check that the CRC of 0x1021 gives."""
    return body + binascii.crc_hqx(body, CRC16_START).to_bytes(2, "big")


def with_crc32(body: bytes) -> bytes:
    """A body with the check of this wire."""
    return body + binascii.crc32(body).to_bytes(4, "little")


def taken_with_crc16(wire: bytes) -> list[bytes]:
    """What a reader of the same framing with CRC-16 takes: length, check and version are all judged."""
    bodies = []
    for part in wire.split(framing.FLAG):
        body = part.replace(b"}^", b"~").replace(b"}]", b"}") if b"}" in part else part
        length = len(body)
        if length >= 10 and body[0] == length - 2 and not binascii.crc_hqx(body, CRC16_START):
            if body[3] & 0xF0 == framing.VERSION_BITS | framing.FROM_DEVICE:
                bodies.append(body[:-2])
    return bodies


def taken_with_crc32(wire: bytes) -> list[bytes]:
    """What our reader takes, put together again."""
    bodies = []
    for frame in framing.FrameReader(from_device=True).feed(wire):
        session, sequence = frame.session.to_bytes(2, "little"), frame.sequence.to_bytes(2, "little")
        head = bytes((len(frame.payload) + 8, frame.destination, frame.source, frame.control))
        bodies.append(head + session + sequence + frame.payload)
    return bodies


def damaged(wire: Octets, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], kind: int,
            chance: np.random.Generator) -> bytes:  # fmt: skip
    """The wire with every frame hit once: kind 0 to 7 flips that many bits and one, then bursts and slips."""
    at = starts + (chance.random(len(starts)) * lengths).astype(np.int64)
    if kind == 8:  # one byte lost
        return np.delete(wire, at).tobytes()
    if kind == 9:  # one byte more
        return np.insert(wire, at, chance.integers(0, 256, len(at), dtype=np.uint8)).tobytes()
    spoiled = wire.copy()
    if kind == 10:  # a byte becomes a flag or an escape
        spoiled[at] = np.array([0x7E, 0x7D], dtype=np.uint8)[chance.integers(0, 2, len(at))]
    elif kind == 11:  # a burst of random bytes
        for i in range(2 + int(chance.integers(0, 14))):
            spoiled[np.minimum(at + i, len(wire) - 1)] = chance.integers(0, 256, len(at), dtype=np.uint8)
    elif kind == 12:  # two neighbours change places
        after = np.minimum(at + 1, len(wire) - 1)
        spoiled[at], spoiled[after] = wire[after], wire[at]
    else:
        for _ in range(kind + 1):
            at = starts + (chance.random(len(starts)) * lengths).astype(np.int64)
            spoiled[at] ^= np.left_shift(np.uint8(1), chance.integers(0, 8, len(at), dtype=np.uint8))
    return spoiled.tobytes()


KINDS_N = 13


def undetected(
    check: Callable[[bytes], bytes], taken: Callable[[bytes], list[bytes]], count: int, seed: int
) -> tuple[int, int]:
    """Bodies that were taken and never sent, and how many frames were damaged for it."""
    chance = np.random.default_rng(seed)
    bodies = sent_bodies(chance)
    sent = set(bodies)
    frames = [stuffed(check(body)) for body in bodies]
    lengths = np.array([len(frame) for frame in frames], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    wire = np.frombuffer(b"".join(frames), dtype=np.uint8)
    assert taken(wire.tobytes()) == bodies, "what is not damaged is taken"
    wrong, hit = 0, 0
    while hit < count:
        got = taken(damaged(wire, starts, lengths, hit // FRAMES_A_BLOCK_N % KINDS_N, chance))
        wrong += sum(body not in sent for body in got)
        hit += len(frames)
    return wrong, hit


def undetected_corruptions() -> Sequence[Row]:
    """Damaged frames that pass for good ones."""
    count = count_of(10_000_000, 100_000_000)
    ours, hit = undetected(with_crc32, taken_with_crc32, count, SEED)
    peer, peer_hit = undetected(with_crc16, taken_with_crc16, min(count, 10_000_000), SEED + 1)
    peer_name = f"CRC-16, same framing and length byte, of {peer_hit}"
    return [Row("protocol.undetected_corruptions", ours, "frames", "lower", hit, peer_name, peer, 0)]
