"""The framing against garbage and noise, and what eight temperatures cost on the wire.  Beside pymavlink."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import common as mavlink

from spinline_protocol import framing, messages
from spinline_protocol.packer import BIN_BYTES_MAX, Packer
from spinline_protocol.quantities import GOOD, QUANTITIES, TEMPERATURE, wire_bytes
from tools.bench_row import Row, count_of

SEED = 20260101
CHUNK_BYTES = 4096
GARBAGE_BYTES_MAX = 64
ZONES_N = 8
SCANS = Packer(messages.SCANS, messages.fields_of(messages.SCANS))
FLOATS_N = 58  # what a DEBUG_FLOAT_ARRAY holds


def mavlink_end() -> Any:
    """A parser of version 2 that goes on after an error, as ground stations use it."""
    end = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    end.robust_parsing = True
    return end


def mavlink_taken(end: Any, octets: bytes) -> list[Any]:
    """Messages that the parser gives, without what it calls bad itself."""
    return [found for found in end.parse_buffer(octets) or [] if found.get_type() != "BAD_DATA"]


def zone_temperatures(chance: random.Random) -> list[int]:
    """Eight zones near 200 degrees, in thousandths of one."""
    return [round(200_000 + chance.gauss(0, 800)) for _ in range(ZONES_N)]


def record_of(temperatures: Sequence[int]) -> bytes:
    """A scan record of SPEC 3.7: state, flags, numbers, qualities."""
    lowest = QUANTITIES[TEMPERATURE][3]
    numbers = b"".join((number - lowest).to_bytes(wire_bytes(TEMPERATURE), "big") for number in temperatures)
    return bytes((2, 0)) + numbers + bytes((GOOD,) * -(-len(temperatures) // 4))


def scans_frame(first_scan: int, records: bytes) -> bytes:
    """A frame of scan records as the board sends it."""
    payload = SCANS.pack((first_scan, 0, records))
    return framing.encode(0, 1, framing.FROM_DEVICE | framing.TELEMETRY, 0x4A17, first_scan & 0xFFFF, payload)


def lost(frames: Sequence[bytes], chance: random.Random, taken: Any) -> int:
    """How many of these undamaged frames are not found when a burst of random bytes stands before each."""
    wire = b"".join(chance.randbytes(1 + chance.randrange(GARBAGE_BYTES_MAX)) + frame for frame in frames)
    found = 0
    for at in range(0, len(wire), CHUNK_BYTES):
        found += taken(wire[at : at + CHUNK_BYTES])
    return len(frames) - found


def frames_lost_per_garbage_burst() -> Sequence[Row]:
    """Good frames that garbage before them costs."""
    count = count_of(100_000, 1_000_000)
    chance = random.Random(SEED)
    ours = [scans_frame(i, record_of(zone_temperatures(chance))) for i in range(count)]
    reader = framing.FrameReader(from_device=True)
    ours_lost = lost(ours, random.Random(SEED), lambda octets: len(reader.feed(octets)))
    end, sent = mavlink_end(), count // 5
    theirs = [bytes(float_array(end, i, zone_temperatures(chance))) for i in range(sent)]
    theirs_lost = lost(
        theirs,
        random.Random(SEED),
        lambda octets: sum(found.get_type() == "DEBUG_FLOAT_ARRAY" for found in mavlink_taken(end, octets)),
    )
    name = "protocol.frames_lost_per_garbage_burst"
    return [Row(name, ours_lost / count, "frames", "lower", count, "pymavlink", theirs_lost / sent, 0.0)]


def noise_accepted() -> Sequence[Row]:
    """Frames found in random bytes.  The peer reads at most 20 MB; its count is what it would be in all."""
    megabytes = count_of(20, 1000)
    peer_megabytes = min(megabytes, 20)
    reader, end = framing.FrameReader(from_device=True), mavlink_end()
    chance = np.random.default_rng(SEED)
    accepted, theirs = 0, 0
    for i in range(megabytes):
        noise = chance.bytes(1_000_000)
        for at in range(0, len(noise), CHUNK_BYTES):
            accepted += len(reader.feed(noise[at : at + CHUNK_BYTES]))
        if i < peer_megabytes:
            theirs += len(mavlink_taken(end, noise))
    accepted += reader.echo_n  # the other direction's frames would be frames too
    peer = f"pymavlink, from {peer_megabytes} MB"
    peer_value = theirs * megabytes / peer_megabytes
    return [Row("protocol.noise_accepted", accepted, "frames", "lower", megabytes * 1_000_000, peer, peer_value, 0)]


def float_array(end: Any, at_us: int, numbers: Sequence[float]) -> Any:
    """DEBUG_FLOAT_ARRAY with these numbers, as bytes."""
    floats = [float(number) for number in numbers] + [0.0] * (FLOATS_N - len(numbers))
    return mavlink.MAVLink_debug_float_array_message(at_us, b"zones", 0, floats).pack(end)


def named_values(end: Any, at_ms: int, numbers: Sequence[float]) -> bytes:
    """One NAMED_VALUE_FLOAT for each number."""
    packed = b""
    for i, number in enumerate(numbers):
        packed += bytes(mavlink.MAVLink_named_value_float_message(at_ms, b"zone%d" % i, number / 1000).pack(end))
    return packed


def bytes_per_sample() -> Sequence[Row]:
    """Bytes of eight zone temperatures with state, flags and qualities, everything counted, escapes too."""
    chance, end, samples_n = random.Random(SEED), mavlink_end(), 20_000
    samples = [zone_temperatures(chance) for _ in range(samples_n)]
    batch = BIN_BYTES_MAX // len(record_of(samples[0]))
    batched, at = 0, 0
    for at in range(0, samples_n - samples_n % batch, batch):
        batched += len(scans_frame(at, b"".join(record_of(sample) for sample in samples[at : at + batch])))
    single = sum(len(scans_frame(i, record_of(sample))) for i, sample in enumerate(samples))
    together = FLOATS_N // ZONES_N
    theirs = len(float_array(end, 1 << 40, [k / 1000 for row in samples[:together] for k in row])) / together
    theirs_single = len(float_array(end, 1 << 40, [k / 1000 for k in samples[0]]))
    theirs_named = len(named_values(end, 1 << 20, samples[0]))
    name, unit = "protocol.bytes_per_sample_8ch", "bytes"
    peer = "pymavlink DEBUG_FLOAT_ARRAY"
    return [
        Row(name, batched / (at + batch), unit, "lower", at + batch, f"{peer}, {together} samples", theirs, 36.0),
        Row(f"{name}.unbatched", single / samples_n, unit, "lower", samples_n, peer, theirs_single),
        Row(f"{name}.unbatched_by_name", single / samples_n, unit, "lower", samples_n,
            "pymavlink 8 NAMED_VALUE_FLOAT", theirs_named),
    ]  # fmt: skip
