"""The board's packer and decoder against the msgpack package, for every message and any fields (hypothesis)."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline_protocol import host_messages, messages
from spinline_protocol.errors import BadFrame
from spinline_protocol.framing import PAYLOAD_BYTES_MAX, FrameReader, encode
from spinline_protocol.packer import BIN_BYTES_MAX, INTEGERS, STRING_BYTES_MAX, Packer, unpack

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=STRING_BYTES_MAX)
OCTETS = st.binary(max_size=BIN_BYTES_MAX)


def field(kind: str) -> st.SearchStrategy[Any]:
    if kind == "str":
        return TEXT
    if kind == "bin":
        return OCTETS
    low, high = INTEGERS[kind][2:]
    return st.sampled_from((low, high)) | st.integers(low, high)


def filled(number: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*[field(kind) for _name, kind in messages.fields_of(number)])


@pytest.mark.parametrize("row", list(messages.rows()), ids=lambda row: row[1])
@given(draws=st.data())
def test_each_end_reads_what_the_other_writes(row: tuple[Any, ...], draws: st.DataObject) -> None:
    number = row[0]
    values = draws.draw(filled(number))
    of_board = Packer(number, messages.fields_of(number)).pack(values)
    of_host = host_messages.pack_message(number, values)
    assert msgpack.unpackb(of_board, raw=False) == [number, *values]
    assert unpack(of_host) == unpack(of_board) == [number, *values]
    names = [name for name, _kind in messages.fields_of(number)]
    assert host_messages.unpack_message(of_board) == (number, dict(zip(names, values, strict=True)))


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXT | OCTETS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=30,
)


@given(st.lists(NESTED, max_size=6))
def test_the_board_reads_any_message_as_msgpack_does_or_refuses_it(message: list[Any]) -> None:
    packed: bytes = msgpack.packb(message, use_bin_type=True)
    try:
        assert unpack(packed) == message
    except BadFrame:
        assert not message or not plain(message, 1)


def plain(part: Any, depth: int) -> bool:
    """True where the wire's subset has this: no floats, maps or truth values, and nothing too deep or too long."""
    if isinstance(part, list):
        return depth <= 4 and all(plain(inner, depth + 1) for inner in part)
    return part is None or isinstance(part, int | str | bytes) and not isinstance(part, bool)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_bad_frame(octets: bytes) -> None:
    try:
        assert unpack(octets)
    except BadFrame:
        pass


@given(st.binary(max_size=PAYLOAD_BYTES_MAX), st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 15))
def test_a_frame_comes_back_as_it_was(payload: bytes, session: int, sequence: int, kind: int) -> None:
    (frame,) = FrameReader(False).feed(encode(1, 0, kind, session, sequence, payload))
    assert (frame.payload, frame.session, frame.sequence, frame.kind) == (payload, session, sequence, kind)


FRAMES = st.lists(st.binary(max_size=40).map(lambda payload: encode(1, 0, 1, 2, 3, payload)), max_size=5)


@given(st.lists(st.binary(max_size=60) | FRAMES.map(b"".join), max_size=8), st.lists(st.integers(0, 400), max_size=9))
def test_any_stream_cut_anywhere_gives_the_same_frames(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    whole = [frame.payload for frame in FrameReader(False).feed(stream)]
    reader, found, last = FrameReader(False), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        found += [frame.payload for frame in reader.feed(stream[last : max(cut, last)])]
        last = max(cut, last)
    assert found == whole


@given(st.binary(max_size=900), st.binary(max_size=100))
def test_noise_never_hides_a_frame_that_follows(noise: bytes, payload: bytes) -> None:
    frames = FrameReader(False).feed(noise + encode(1, 0, 1, 2, 3, payload))
    assert frames[-1].payload == payload
