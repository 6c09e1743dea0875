"""The wire's msgpack subset: the golden vectors, and everything that the strict decoder must refuse (SPEC 2)."""

import json
import struct

from plain import Chance, refused

from spinline_protocol import framing, messages
from spinline_protocol.errors import BadFrame, LocalError
from spinline_protocol.packer import ARRAY_N_MAX, BIN_BYTES_MAX, DEPTH_MAX, STRING_BYTES_MAX, Packer, pack_text, unpack
from spinline_protocol.schema import schema_sha256

GOLDEN = __file__.replace("\\", "/").rpartition("/")[0] + "/../golden/vectors.json"


def octets_of(text):
    return bytes([int(pair, 16) for pair in text.split()])


def golden():
    with open(GOLDEN) as file:
        return json.load(file)


def values_of(vector):
    values = []
    for key in vector["order"]:
        field = vector["fields"][key]
        values.append(octets_of(field) if key.endswith(":bin") else field)
    return values


def packed(vector):
    number = vector["number"]
    return Packer(number, messages.fields_of(number)).pack(tuple(values_of(vector)))


def test_the_schema_has_the_same_hash_everywhere():
    assert golden()["schema_sha256"] == schema_sha256().hex()


def test_every_message_has_its_vectors():
    vectors = golden()["vectors"]
    assert sorted({vector["number"] for vector in vectors}) == sorted([row[0] for row in messages.rows()])
    for vector in vectors:
        fields = messages.fields_of(vector["number"])
        assert vector["order"] == [name + ":" + kind for name, kind in fields]


def test_the_board_writes_the_golden_bytes():
    for vector in golden()["vectors"]:
        assert packed(vector) == octets_of(vector["board"]), vector["message"]


def test_the_board_reads_what_either_end_writes():
    for vector in golden()["vectors"]:
        expected = [vector["number"]] + values_of(vector)
        assert unpack(octets_of(vector["board"])) == expected
        assert unpack(octets_of(vector["host"])) == expected


def test_the_golden_frames_are_written_and_read():
    whole = golden()
    for vector in whole["vectors"]:
        wire = octets_of(vector["frame"])
        reader = framing.FrameReader(bool(wire[4] & framing.FROM_DEVICE))
        (frame,) = reader.feed(wire)
        assert frame.payload == octets_of(vector["board"])
        assert (frame.session, frame.sequence) == (whole["session"], whole["sequence"])
        control = frame.control & ~framing.VERSION_BITS
        again = framing.encode(frame.destination, frame.source, control, frame.session, frame.sequence, packed(vector))
        assert again == wire


def test_a_number_that_does_not_fit_its_field_is_refused_by_the_packer():
    for kind, low, high in (("u8", 0, 255), ("u16", 0, 65535), ("u32", 0, 0xFFFFFFFF), ("i32", -(1 << 31), 0x7FFFFFFF)):
        packer = Packer(1, (("n", kind),))
        assert unpack(packer.pack((low,))) == [1, low] and unpack(packer.pack((high,))) == [1, high]
        for number in (low - 1, high + 1, "1", b"1"):
            assert refused(LocalError, packer.pack, (number,))


def test_a_wrong_number_of_fields_is_refused_by_the_packer():
    packer = Packer(1, (("n", "u8"),))
    assert refused(LocalError, packer.pack, ()) and refused(LocalError, packer.pack, (1, 2))


def test_texts_and_bytes_beyond_their_limits_are_refused_by_the_packer():
    assert len(b"".join(pack_text("x" * STRING_BYTES_MAX))) == STRING_BYTES_MAX + 2
    assert len(b"".join(pack_text(b"x" * BIN_BYTES_MAX))) == BIN_BYTES_MAX + 2
    for field in ("x" * (STRING_BYTES_MAX + 1), b"x" * (BIN_BYTES_MAX + 1), 7):
        assert refused(LocalError, pack_text, field)


def test_a_packed_message_does_not_change_when_the_packer_is_used_again():
    packer = Packer(1, (("n", "u16"),))
    first = packer.pack((1,))
    packer.pack((2,))
    assert unpack(first) == [1, 1]


def test_every_form_of_a_whole_number_is_read():
    forms = ((b"\x00", 0), (b"\x7f", 127), (b"\xe0", -32), (b"\xff", -1), (b"\xcc\xff", 255), (b"\xcd\x01\x00", 256))
    forms += ((b"\xce\xff\xff\xff\xff", 4294967295), (b"\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 1 << 32))
    forms += ((b"\xd0\x80", -128), (b"\xd1\x80\x00", -32768), (b"\xd2\x80\x00\x00\x00", -(1 << 31)))
    forms += ((b"\xd3\xff\xff\xff\xff\xff\xff\xff\xfe", -2), (b"\xd2\x7f\xff\xff\xff", 0x7FFFFFFF))
    for octets, number in forms:
        assert unpack(b"\x91" + octets) == [number]


def test_short_texts_nothing_and_nested_arrays_are_read():
    assert unpack(b"\x94\xa2ab\xc0\x92\x01\x90\xc4\x00") == ["ab", None, [1, []], b""]


def test_a_message_cut_at_any_byte_is_refused():
    for vector in golden()["vectors"]:
        for form in ("board", "host"):
            octets = octets_of(vector[form])
            for end in range(len(octets)):
                assert refused(BadFrame, unpack, octets[:end])


def test_a_byte_behind_the_message_is_refused():
    for vector in golden()["vectors"]:
        assert refused(BadFrame, unpack, octets_of(vector["board"]) + b"\x00")


def test_a_message_that_is_no_filled_array_is_refused():
    for octets in (b"", b"\x00", b"\x90", b"\xa1a", b"\xc0", b"\xc4\x00", b"\xdc\x00\x00"):
        assert refused(BadFrame, unpack, octets)


def test_floats_maps_truth_values_extensions_and_long_forms_are_refused():
    for marker in range(256):
        allowed = marker < 0x80 or 0x90 <= marker <= 0xC0 or marker >= 0xE0
        allowed = allowed or marker in (0xC4, 0xD9, 0xDC) or 0xCC <= marker <= 0xD3
        if not allowed:
            assert refused(BadFrame, unpack, b"\x91" + bytes((marker,)) + bytes(20)), marker


def test_arrays_nest_to_the_limit_and_no_deeper():
    assert unpack(b"\x91" * (DEPTH_MAX - 1) + b"\x91\x01")
    assert refused(BadFrame, unpack, b"\x91" * DEPTH_MAX + b"\x91\x01")
    assert refused(BadFrame, unpack, b"\x91" * 240)


def test_a_length_is_judged_before_anything_is_taken():
    for octets in (b"\xdc\xff\xff", b"\x91\xc4\xff", b"\x91\xd9\xff", b"\x91\xc5\xff\xff", b"\x91\xdd\xff\xff\xff\xff"):
        assert refused(BadFrame, unpack, octets + bytes(200))


def test_lengths_at_the_limit_are_read_and_one_more_is_refused():
    array = b"\xdc" + struct.pack(">H", ARRAY_N_MAX) + bytes(ARRAY_N_MAX)
    assert len(unpack(array)) == ARRAY_N_MAX
    assert refused(BadFrame, unpack, b"\xdc" + struct.pack(">H", ARRAY_N_MAX + 1) + bytes(ARRAY_N_MAX + 1))
    for marker, most, octet in ((0xC4, BIN_BYTES_MAX, b"\x00"), (0xD9, STRING_BYTES_MAX, b"a")):
        assert len(unpack(bytes((0x91, marker, most)) + octet * most)[0]) == most
        assert refused(BadFrame, unpack, bytes((0x91, marker, most + 1)) + octet * (most + 1))


def test_a_text_that_is_not_printable_ascii_is_refused():
    for octet in range(256):
        message = b"\x91\xa1" + bytes((octet,))
        if 32 <= octet <= 126:
            assert unpack(message) == [chr(octet)]
        else:
            assert refused(BadFrame, unpack, message)


def test_nothing_but_bad_frame_comes_out_of_the_decoder():
    chance = Chance(4)
    heads = (b"", b"\x91", b"\x95", b"\xdc\x00", b"\x9f")
    for _ in range(3000):
        octets = heads[chance.below(5)] + bytes([chance.below(256) for _ in range(chance.below(40))])
        try:
            assert isinstance(unpack(octets), list)
        except BadFrame:
            pass


def test_a_changed_byte_of_a_vector_is_read_or_refused_and_nothing_else():
    for vector in golden()["vectors"]:
        octets = bytearray(octets_of(vector["host"]))
        for at in range(len(octets)):
            for changed in (0x00, 0x7F, 0x80, 0x9F, 0xC1, 0xDC, 0xDF, octets[at] ^ 0x55):
                spoiled = octets[:]
                spoiled[at] = changed
                try:
                    unpack(bytes(spoiled))
                except BadFrame:
                    pass
