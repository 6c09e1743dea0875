"""The ring of summaries: exact lowest, highest, last and worst of every interval, kept for 600 s (SPEC 7.1)."""

from plain import Chance, refused

from spinline_firmware.control.image import INPUT_WORDS, QUALITY, RAW, new_image
from spinline_firmware.control.summary import RING_BYTES, Summaries, ring_bytes, summary_bytes
from spinline_protocol.configuration import OF_INPUT, OF_OUTPUT, OF_RAW
from spinline_protocol.quantities import (
    BAD,
    COUNT,
    GOOD,
    OUTPUT,
    QUANTITIES,
    TEMPERATURE,
    UNCERTAIN,
    quality_rank,
    wire_bytes,
)

SCAN_MS = 1000  # five scans a summary
ROWS = [(OF_INPUT, 0, TEMPERATURE, 1), (OF_RAW, 1, COUNT, 1), (OF_OUTPUT, 0, OUTPUT, 0), (OF_INPUT, 2, TEMPERATURE, 1)]


def number_at(octets, at, quantity):
    width = wire_bytes(quantity)
    return int.from_bytes(octets[at : at + width], "big") + QUANTITIES[quantity][3]


def decoded(octets):
    """(first scan, state, flags, lowest and highest, last, worst) of one summary of ROWS, from the rule of SPEC 7.1."""
    both = [number_at(octets, 6 + 3 * i, TEMPERATURE) for i in range(4)]
    last = [number_at(octets, 18, TEMPERATURE), number_at(octets, 21, COUNT), number_at(octets, 24, TEMPERATURE)]
    worst = [octets[27] >> 2 * i & 3 for i in range(3)]
    assert len(octets) == 28
    return int.from_bytes(octets[:4], "big"), octets[4], octets[5], both, last, worst


def made(first_scan=0, records_n=10):
    """Summaries of ROWS and their image."""
    image = new_image()
    return Summaries(ROWS, image, bytearray(28 * records_n), SCAN_MS, first_scan), image


def measure(image, channel, pv, quality=GOOD, raw=0):
    image[INPUT_WORDS * channel] = pv
    image[INPUT_WORDS * channel + QUALITY] = quality
    image[INPUT_WORDS * channel + RAW] = raw


def test_a_summary_has_lowest_highest_last_and_worst_of_its_interval():
    summaries, image = made()
    pvs = (20000, -5000, 182500, 99, 30000)
    for scan in range(5):
        assert summaries.span() == (0, 0)
        measure(image, 0, pvs[scan], UNCERTAIN if scan == 2 else GOOD)
        measure(image, 1, 0, raw=100 + scan)
        measure(image, 2, -50000 + scan, BAD if scan == 0 else GOOD)
        summaries.record(scan, scan, 1 << scan)
    assert summaries.span() == (0, 1)
    assert decoded(summaries.read(0, 1)) == (
        0,
        4,
        31,
        [-5000, 182500, -50000, -49996],
        [30000, 104, -49996],
        [UNCERTAIN, GOOD, BAD],
    )


def test_nothing_of_one_interval_is_left_in_the_next():
    summaries, image = made()
    for pv, quality, flags in ((1000, BAD, 255), (5, GOOD, 0)):
        measure(image, 0, pv, quality)
        for _ in range(5):
            summaries.record(5 * summaries.span()[1] + _, 0, flags)
    assert decoded(summaries.read(1, 1)) == (5, 0, 0, [5, 5, 0, 0], [5, 0, 0], [GOOD, GOOD, GOOD])


def test_a_configuration_that_begins_inside_an_interval_has_a_short_first_summary():
    summaries, image = made(first_scan=13)
    assert summaries.span() == (2, 2)
    measure(image, 0, 7)
    for scan in range(13, 20):
        summaries.record(scan, 0, 0)
    assert summaries.span() == (2, 4)
    assert [decoded(summaries.read(i, 1))[0] for i in (2, 3)] == [13, 15]


def test_summaries_of_chance_are_those_of_the_numbers():
    chance = Chance(23)
    summaries, image = made(records_n=3)
    for i in range(40):
        pvs = [chance.between(-50000, 450000) for _ in range(5)]
        worst = [chance.below(4) for _ in range(5)]
        for scan in range(5):
            measure(image, 0, pvs[scan], worst[scan])
            summaries.record(5 * i + scan, 0, 0)
        first, _state, _flags, both, last, quality = decoded(summaries.read(i, 1))
        assert (first, both[:2], last[0], quality[0]) == (
            5 * i,
            [min(pvs), max(pvs)],
            pvs[-1],
            max(worst, key=quality_rank),
        )


def test_the_oldest_summary_goes_first_and_any_part_is_read_in_order():
    summaries, _image = made(records_n=4)
    for scan in range(100):
        summaries.record(scan, 0, 0)
        oldest, following = summaries.span()
        assert oldest == max(0, following - 4)
        octets = summaries.read(oldest, following - oldest)
        firsts = [decoded(octets[at : at + 28])[0] for at in range(0, len(octets), 28)]
        assert firsts == [5 * i for i in range(oldest, following)]
    for first, count in ((15, 1), (19, 2), (20, 1)):
        assert refused(AssertionError, summaries.read, first, count)


def test_without_a_summarised_column_nothing_is_kept():
    assert ring_bytes([row[:3] + (0,) for row in ROWS], SCAN_MS) == 0
    summaries = Summaries([(OF_INPUT, 0, TEMPERATURE, 0)], new_image(), bytearray(0), SCAN_MS)
    for scan in range(20):
        summaries.record(scan, 0, 0)
    assert summaries.span() == (0, 0)


def test_the_ring_keeps_ten_minutes_for_every_rate_of_scans():
    for scan_ms in (10, 50, 99, 250, 300, 999, 1000):
        size = ring_bytes(ROWS, scan_ms)
        summaries = Summaries(ROWS, new_image(), bytearray(size), scan_ms)
        assert (summaries.records_n - 1) * (5000 // scan_ms) * scan_ms >= 600000


def test_twenty_quantities_take_about_23_kilobytes():
    rows = [(OF_INPUT, i, TEMPERATURE, 1) for i in range(20)]
    assert summary_bytes(rows) == 191 and 22000 < ring_bytes(rows, 250) < 24000 < RING_BYTES
