"""Frames: whatever arrives is a frame or is counted; a good frame behind a flag is never lost (SPEC 1)."""

import binascii

from plain import Chance

from spinline_protocol import framing
from spinline_protocol.framing import FLAG, FROM_DEVICE, REQUEST, FrameReader, encode

BODIES = (
    b"",
    b"\x91\x10",
    b"~",
    b"}",
    b"}^}]~",
    b"]^}~" * 9,
    bytes(range(240)),
    b"~" * 240,
    b"}" * 240,
    b"~}" * 120,
)


def frame_of(payload, sequence=7):
    return encode(1, framing.MASTER, REQUEST, 0x1234, sequence, payload)


def payloads(reader, octets):
    return [frame.payload for frame in reader.feed(octets)]


def sealed(body):
    """A body of any header with a right CRC, between flags."""
    body += binascii.crc32(body).to_bytes(4, "little")
    return FLAG + body.replace(b"}", b"}]").replace(FLAG, b"}^") + FLAG


def test_a_frame_carries_its_addresses_session_sequence_and_payload():
    (frame,) = FrameReader(False).feed(encode(3, 0, REQUEST, 0x7E7D, 0x7D7E, b"\x91\x10"))
    assert (frame.destination, frame.source, frame.kind) == (3, 0, REQUEST)
    assert (frame.session, frame.sequence, frame.payload) == (0x7E7D, 0x7D7E, b"\x91\x10")


def test_every_body_comes_back_as_it_was():
    reader = FrameReader(False)
    for body in BODIES:
        assert payloads(reader, frame_of(body)) == [body]
    assert (reader.frames_n, reader.noise_n) == (len(BODIES), 0)


def test_bodies_of_chance_come_back_as_they_were():
    chance = Chance(1)
    for _ in range(300):
        body = chance.octets(chance.below(241))
        assert payloads(FrameReader(False), frame_of(body)) == [body]


def test_a_frame_has_its_flags_at_both_ends_and_nowhere_else():
    for body in BODIES:
        wire = frame_of(body)
        assert wire[:1] == FLAG and wire[-1:] == FLAG and FLAG not in wire[1:-1]


def test_a_stream_cut_anywhere_is_the_same_stream():
    wire = frame_of(b"~}^]") + frame_of(b"\x00}]") + frame_of(bytes(range(110, 140)))
    whole = payloads(FrameReader(False), wire)
    for cut in range(len(wire) + 1):
        reader = FrameReader(False)
        assert payloads(reader, wire[:cut]) + payloads(reader, wire[cut:]) == whole


def test_a_stream_that_comes_byte_by_byte_is_the_same_stream():
    wire = frame_of(b"~}^]" * 50) + frame_of(b"")
    reader = FrameReader(False)
    found = []
    for i in range(len(wire)):
        found += payloads(reader, wire[i : i + 1])
    assert found == [b"~}^]" * 50, b""]


def test_two_frames_may_share_one_flag():
    assert payloads(FrameReader(False), frame_of(b"one")[:-1] + frame_of(b"two")) == [b"one", b"two"]


def test_noise_never_raises_and_never_hides_the_frame_behind_it():
    chance = Chance(2)
    reader = FrameReader(False)
    for i in range(200):
        found = []
        noise = chance.octets(chance.below(700))
        wire = noise + frame_of(b"good", i)
        while wire:
            cut = 1 + chance.below(len(wire))
            found += reader.feed(wire[:cut])
            wire = wire[cut:]
        assert found[-1].payload == b"good" and found[-1].sequence == i


def test_noise_inside_a_frame_costs_that_frame_and_not_the_next():
    chance = Chance(3)
    wire = frame_of(b"broken}~")
    for at in range(1, len(wire) - 1):
        spoiled = wire[:at] + chance.octets(1 + chance.below(9)) + wire[at:]
        assert payloads(FrameReader(False), spoiled + frame_of(b"next"))[-1:] == [b"next"]


def test_an_endless_frame_is_dropped_at_the_limit():
    reader = FrameReader(False)
    for _ in range(10):
        assert reader.feed(b"x" * framing.READER_BYTES_MAX) == []
        assert len(reader._rest) <= framing.READER_BYTES_MAX
        assert len(reader.console) <= framing.CONSOLE_BYTES_MAX
    assert payloads(reader, frame_of(b"after")) == [b"after"]


def test_every_single_wrong_bit_of_a_frame_is_refused():
    for body in (b"", b"\x91\x10", b"~}]^\xfe\x7f\xff"):
        wire = frame_of(body)
        for bit in range(8 * len(wire)):
            wrong = bytearray(wire)
            wrong[bit // 8] ^= 1 << bit % 8
            assert FrameReader(False).feed(bytes(wrong)) == []


def test_a_frame_that_ends_early_or_late_is_refused():
    body = frame_of(b"payload")[1:-1]
    for end in range(len(body)):
        assert FrameReader(False).feed(FLAG + body[:end] + FLAG) == []
    assert FrameReader(False).feed(FLAG + body + b"\x00" + FLAG) == []


def test_a_wrong_length_is_refused_even_with_a_right_crc():
    header = b"\x01\x00\x41\x00\x00\x00\x00"
    assert len(FrameReader(False).feed(sealed(b"\x0a" + header + b"\x91\x10"))) == 1
    for length in range(256):
        if length != 10:
            assert FrameReader(False).feed(sealed(bytes((length,)) + header + b"\x91\x10")) == []


def test_another_version_is_refused():
    for bits in (0x00, 0x80, 0xC0):
        reader = FrameReader(False)
        assert reader.feed(sealed(bytes((8, 1, 0, bits | REQUEST, 0, 0, 0, 0)))) == []
        assert reader.noise_n == 1


def test_an_end_does_not_hear_its_own_echo():
    asked, said = frame_of(b"asked"), encode(0, 1, FROM_DEVICE | 2, 0, 0, b"said")
    device, host = FrameReader(False), FrameReader(True)
    assert payloads(device, asked + said) == [b"asked"]
    assert payloads(host, asked + said) == [b"said"]
    assert (device.echo_n, host.echo_n, device.noise_n, host.noise_n) == (1, 1, 0, 0)


def test_text_between_frames_is_kept_for_the_console():
    reader = FrameReader(False)
    reader.feed(b"Traceback: a fault\n" + frame_of(b"") + b"more" + FLAG)
    assert reader.console == b"Traceback: a fault\n~more~"
    assert (reader.noise_n, reader.frames_n) == (2, 1)
