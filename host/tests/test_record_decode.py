"""Decoding scan records: exact for every quantity, against a plain encoder and the firmware's own."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.recipe.compiler import Recorded
from spinline.record.decode import RecordDecoder
from spinline_protocol.configuration import OF_INPUT, OF_OUTPUT, OF_SETPOINT
from spinline_protocol.quantities import OUTPUT, QUANTITIES, TEMPERATURE, wire_bytes

sys.path.insert(0, str(Path(__file__).parents[2] / "firmware"))

from spinline_firmware.control.image import INPUT_WORDS, QUALITY, loop_at, new_image  # noqa: E402
from spinline_firmware.control.pid import OUTPUT as OUTPUT_WORD  # noqa: E402
from spinline_firmware.control.pid import SETPOINT as SETPOINT_WORD  # noqa: E402
from spinline_firmware.control.recorder import Recorder  # noqa: E402

Record = tuple[int, ...]


def _columns(quantities: list[int]) -> tuple[Recorded, ...]:
    return tuple(Recorded(f"n.{i}.pv", OF_INPUT, i, quantity) for i, quantity in enumerate(quantities))


def _encoded(quantities: list[int], record: Record) -> bytes:
    """SPEC 3.7 word for word, slowly."""
    state, flags, quality, *numbers = record
    octets = bytes((state, flags))
    for quantity, number in zip(quantities, numbers, strict=True):
        octets += (number - QUANTITIES[quantity][3]).to_bytes(wire_bytes(quantity), "big")
    for first in range(0, len(quantities), 4):
        octets += bytes((quality >> 2 * first & 255,))
    return octets


@st.composite
def _recordings(draw) -> tuple[list[int], list[Record]]:
    quantities = draw(st.lists(st.integers(0, len(QUANTITIES) - 1), min_size=1, max_size=64))
    numbers = st.tuples(*(st.integers(QUANTITIES[i][3], QUANTITIES[i][4]) for i in quantities))
    heads = st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, (1 << 2 * len(quantities)) - 1))
    records = st.tuples(heads, numbers).map(lambda parts: (*parts[0], *parts[1]))
    return quantities, draw(st.lists(records, max_size=5))


@given(_recordings())
def test_whatever_is_encoded_comes_back_exactly(recording):
    quantities, records = recording
    decoder = RecordDecoder(_columns(quantities))
    assert decoder.decode(b"".join(_encoded(quantities, record) for record in records)) == records


@given(_recordings())
def test_a_column_that_is_not_good_has_the_letter_of_its_quality(recording):
    quantities, records = recording
    decoder = RecordDecoder(_columns(quantities))
    for record in decoder.decode(b"".join(_encoded(quantities, record) for record in records)):
        codes = [record[2] >> 2 * i & 3 for i in range(len(quantities))]
        assert decoder.letters(record) == {f"n.{i}.pv": " SFC"[code] for i, code in enumerate(codes) if code}


@given(st.integers(1, 64), st.integers(1, 300))
def test_a_length_that_is_no_whole_number_of_records_is_refused(columns_n, octets_n):
    decoder = RecordDecoder(_columns([TEMPERATURE] * columns_n))
    if octets_n % decoder.record_bytes:
        with pytest.raises(ValueError, match="no whole number of records"):
            decoder.decode(bytes(octets_n))


@given(
    st.lists(st.tuples(st.integers(-50000, 450000), st.integers(0, 3)), min_size=1, max_size=20),
    st.integers(-50000, 450000),
    st.integers(-65536, 65536),
)
def test_what_the_firmware_records_is_what_the_host_decodes(inputs, setpoint, output):
    sources = [(OF_INPUT, i, TEMPERATURE) for i in range(len(inputs))]
    sources += [(OF_SETPOINT, 3, TEMPERATURE), (OF_OUTPUT, 3, OUTPUT)]
    image = new_image()
    for i, (number, quality) in enumerate(inputs):
        image[INPUT_WORDS * i] = number
        image[INPUT_WORDS * i + QUALITY] = quality
    image[loop_at(3) + SETPOINT_WORD] = setpoint
    image[loop_at(3) + OUTPUT_WORD] = output
    recorder = Recorder(sources, image, bytearray(1024))
    recorder.record(2, 9)

    decoder = RecordDecoder(tuple(Recorded(f"n.{i}", *source) for i, source in enumerate(sources)))

    quality_word = sum(quality << 2 * i for i, (_, quality) in enumerate(inputs))
    assert decoder.record_bytes == recorder.record_bytes
    assert decoder.decode(recorder.read(0, 1)) == [
        (2, 9, quality_word, *(number for number, _ in inputs), setpoint, output)
    ]
