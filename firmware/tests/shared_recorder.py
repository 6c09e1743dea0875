"""The ring of scan records: exact numbers with quality, the oldest overwritten, read back by scan number (SPEC 3.7)."""

from plain import Chance, refused

from spinline_firmware.control.image import INPUT_WORDS, QUALITY, RAW, loop_at, new_image
from spinline_firmware.control.pid import OUTPUT as LOOP_OUTPUT
from spinline_firmware.control.pid import SETPOINT
from spinline_firmware.control.recorder import RECORD_HEAD_BYTES, Recorder
from spinline_protocol.configuration import OF_INPUT, OF_OUTPUT, OF_RAW, OF_SETPOINT
from spinline_protocol.quantities import (
    BAD,
    CHECK,
    COUNT,
    GOOD,
    OUTPUT,
    PRESSURE,
    QUANTITIES,
    SWITCH,
    TEMPERATURE,
    UNCERTAIN,
    wire_bytes,
)


def decoded(record, quantities):
    """State, flags, numbers and qualities of one record, from the rule of SPEC 3.7 and not from the recorder's code."""
    at = RECORD_HEAD_BYTES
    numbers = []
    for quantity in quantities:
        width = wire_bytes(quantity)
        numbers.append(int.from_bytes(record[at : at + width], "big") + QUANTITIES[quantity][3])
        at += width
    qualities = [record[at + i // 4] >> 2 * (i % 4) & 3 for i in range(len(quantities))]
    assert len(record) == at + (len(quantities) + 3) // 4
    return record[0], record[1], numbers, qualities


def switches(ring_bytes):
    """A recorder of one switch (4 bytes a record) and its image."""
    image = new_image()
    return Recorder([(OF_INPUT, 0, SWITCH)], image, bytearray(ring_bytes)), image


def test_a_record_has_the_bytes_of_the_golden_example():
    image = new_image()
    image[0], image[QUALITY] = 182500, UNCERTAIN
    image[INPUT_WORDS], image[INPUT_WORDS + QUALITY], image[INPUT_WORDS + RAW] = 7, BAD, 0xABCDEF
    image[loop_at(0) + SETPOINT], image[loop_at(0) + LOOP_OUTPUT] = -50000, -65536
    rows = [(OF_INPUT, 0, TEMPERATURE), (OF_INPUT, 1, PRESSURE), (OF_RAW, 1, COUNT)]
    rows += [(OF_SETPOINT, 0, TEMPERATURE), (OF_OUTPUT, 0, OUTPUT)]
    recorder = Recorder(rows, image, bytearray(1000))
    recorder.record(2, 13)
    # state, flags, 232500 = 0x038C34, 1007 = 0x03EF, 0xABCDEF, 0, 0, qualities 1 2 2 0 | 0
    assert recorder.read(0, 1) == b"\x02\x0d\x03\x8c\x34\x03\xef\xab\xcd\xef\0\0\0\0\0\0\x29\x00"


def test_every_quantity_comes_back_exactly_at_both_ends_of_its_range():
    for row in QUANTITIES:
        image = new_image()
        recorder = Recorder([(OF_INPUT, 0, row[0])], image, bytearray(64))
        for number in (row[3], row[3] + 1, 0, row[4] - 1, row[4]):
            image[0] = number
            recorder.record(0, 0)
            record = recorder.read(recorder.next_scan - 1, 1)
            assert decoded(record, [row[0]])[2] == [number]


def test_records_of_chance_come_back_exactly():
    chance = Chance(16)
    for _ in range(60):
        count = 1 + chance.below(32)
        quantities = [chance.below(len(QUANTITIES)) for _ in range(count)]
        image = new_image()
        for i in range(count):
            image[INPUT_WORDS * i] = chance.between(QUANTITIES[quantities[i]][3], QUANTITIES[quantities[i]][4])
            image[INPUT_WORDS * i + QUALITY] = chance.below(4)
        recorder = Recorder([(OF_INPUT, i, quantities[i]) for i in range(count)], image, bytearray(4096))
        recorder.record(10, 31)
        numbers = [image[INPUT_WORDS * i] for i in range(count)]
        qualities = [image[INPUT_WORDS * i + QUALITY] for i in range(count)]
        assert decoded(recorder.read(0, 1), quantities) == (10, 31, numbers, qualities)


def test_the_four_qualities_stand_in_two_bits_each_first_in_the_lowest():
    image = new_image()
    recorder = Recorder([(OF_INPUT, i, SWITCH) for i in range(5)], image, bytearray(64))
    for i, quality in enumerate((CHECK, GOOD, UNCERTAIN, BAD, CHECK)):
        image[INPUT_WORDS * i + QUALITY] = quality
    recorder.record(0, 0)
    assert recorder.read(0, 1)[-2:] == bytes((0b10010011, 0b00000011))


def test_an_old_quality_does_not_stay_in_an_overwritten_record():
    recorder, image = switches(8)
    image[QUALITY] = CHECK
    for _ in range(2):
        recorder.record(0, 0)
    image[QUALITY] = GOOD
    recorder.record(0, 0)
    assert recorder.read(2, 1)[-1] == 0


def test_a_ring_holds_as_many_records_as_fit_and_the_oldest_goes_first():
    recorder, _image = switches(4 * 10 + 3)
    assert (recorder.record_bytes, recorder.records_n) == (4, 10)
    for scan in range(35):
        assert (recorder.next_scan, recorder.oldest_scan()) == (scan, max(0, scan - 10))
        recorder.record(scan, 0)


def test_any_part_of_the_ring_is_read_in_order_across_its_end():
    recorder, _image = switches(4 * 7)
    for scan in range(40):
        recorder.record(scan, 0)
        for first in range(recorder.oldest_scan(), recorder.next_scan):
            for count in range(recorder.next_scan - first + 1):
                octets = recorder.read(first, count)
                assert [octets[4 * i] for i in range(count)] == list(range(first, first + count))


def test_records_outside_the_ring_are_never_read():
    recorder, _image = switches(4 * 7)
    for scan in range(20):
        recorder.record(scan, 0)
    for first, count in ((12, 1), (12, 8), (13, 8), (20, 1), (0, 1)):
        assert refused(AssertionError, recorder.read, first, count)


def test_nothing_is_written_outside_a_record():
    image = new_image()
    ring = bytearray(b"\xa5" * 64)
    image[QUALITY] = CHECK
    Recorder([(OF_INPUT, 0, TEMPERATURE)], image, ring).record(1, 2)
    assert bytes(ring[6:]) == b"\xa5" * 58
