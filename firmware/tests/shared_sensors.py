"""Sensors: a number is used only with its quality, a failed sensor is BAD in the same scan, and comes back slowly."""

from plain import Chance
from rows import input_row

from spinline_firmware.control.image import IMAGE_WORDS, INPUT_WORDS, LOOPS_AT, QUALITY, RAW, new_image
from spinline_firmware.control.sensors import Sensors
from spinline_protocol.configuration import ANALOG, COUNTER
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN


class Channel:
    """One configured input and what it says."""

    def __init__(self, **named: int) -> None:
        self.image = new_image()
        self.sensors = Sensors([input_row(**named)], self.image)

    def take(self, raw, failed=0):
        return self.sensors.take(0, raw, failed)

    @property
    def pv(self):
        return self.image[0]


def test_the_image_holds_every_input_before_the_first_loop():
    assert INPUT_WORDS * 32 == LOOPS_AT < IMAGE_WORDS == len(new_image())


def test_an_input_is_bad_at_its_offset_until_its_first_sample():
    channel = Channel(offset=-5000)
    assert (channel.pv, channel.image[QUALITY]) == (-5000, BAD)
    assert channel.take(1) == GOOD and channel.pv == -4999


def test_a_raw_number_is_scaled_with_its_zero_mantissa_shift_and_offset():
    channel = Channel(kind=ANALOG, zero=4800, scale_m=21333, scale_s=11, offset=-100)
    assert channel.take(24000) == GOOD
    assert channel.pv == -100 + ((24000 - 4800) * 21333 >> 11)


def test_a_thermocouple_code_becomes_exact_millidegrees():
    channel = Channel(scale_m=1000, scale_s=7)
    for code in (-25600, -1, 0, 1, 128, 25 * 128, 39999):
        channel.take(code)
        assert channel.pv == code * 1000 // 128


def test_the_raw_number_is_kept_beside_the_value():
    channel = Channel(scale_m=2)
    channel.take(77)
    assert channel.image[RAW] == 77 and channel.pv == 154


def test_a_fault_bit_is_bad_in_the_same_scan_and_keeps_the_last_value():
    channel = Channel()
    channel.take(1000)
    assert channel.take(2000, 1) == BAD
    assert (channel.pv, channel.image[QUALITY]) == (1000, BAD)


def test_a_current_outside_namur_ne_43_is_bad_in_the_same_scan():
    # 150 ohm and 125 uV: 3.6 mA is code 4320, 21 mA is code 25 200
    for raw, quality in ((4319, BAD), (4320, GOOD), (25200, GOOD), (25201, BAD), (0, BAD), (32767, BAD)):
        channel = Channel(kind=ANALOG, zero=4800, raw_low=4320, raw_high=25200)
        assert channel.take(raw) == quality


def test_a_value_out_of_range_is_dropped_and_the_last_one_stays():
    for wrong in (-1, 1001):
        channel = Channel(low=0, high=1000)
        channel.take(500)
        assert channel.take(wrong) == UNCERTAIN and channel.pv == 500
        assert channel.take(501) == GOOD and channel.pv == 501


def test_a_value_at_the_end_of_its_range_is_good():
    channel = Channel(low=0, high=1000)
    assert channel.take(0) == GOOD and channel.take(1000) == GOOD


def test_a_value_faster_than_the_slew_limit_is_dropped():
    channel = Channel(slew=10)
    channel.take(100)
    assert channel.take(110) == GOOD and channel.take(99) == UNCERTAIN and channel.pv == 110
    assert channel.take(121) == UNCERTAIN and channel.take(120) == GOOD


def test_the_third_dropped_sample_of_eight_scans_is_bad():
    for gap in range(3):
        channel = Channel(high=1000)
        channel.take(1)
        for _ in range(2):
            assert channel.take(2000) == UNCERTAIN
            for _ in range(gap):
                assert channel.take(1) == GOOD
        assert channel.take(2000) == BAD


def test_two_dropped_samples_of_eight_scans_are_not_bad():
    channel = Channel(high=1000)
    channel.take(1)
    for _ in range(40):
        assert [channel.take(2000)] + [channel.take(1) for _ in range(3)] == [UNCERTAIN, GOOD, GOOD, GOOD]


def test_after_three_dropped_samples_only_the_eighth_clean_scan_is_good():
    channel = Channel(high=1000)
    channel.take(1)
    for _ in range(3):
        channel.take(2000)
    assert [channel.take(500) for _ in range(9)] == [BAD] * 7 + [GOOD, GOOD]


def test_a_dropped_sample_on_the_way_back_begins_the_eight_scans_again():
    channel = Channel(high=1000)
    for _ in range(3):
        channel.take(2000)
    for _ in range(5):
        channel.take(500)
    channel.take(2000)
    assert [channel.take(500) for _ in range(8)] == [BAD] * 7 + [GOOD]


def test_the_value_after_a_fault_is_judged_by_range_and_not_by_its_distance_from_an_old_one():
    channel = Channel(slew=10)
    channel.take(100)
    for _ in range(3):
        channel.take(5000)
    assert [channel.take(5000) for _ in range(8)][-1] == GOOD and channel.pv == 5000


def test_a_filter_follows_a_step_without_passing_it_and_arrives():
    for k in range(1, 8):
        channel = Channel(filter_k=k)
        channel.take(0)
        seen = []
        for _ in range(14 << k):
            channel.take(1000)
            seen.append(channel.pv)
        assert seen == sorted(seen) and 998 <= seen[-1] <= 1000


def test_a_filter_begins_at_its_first_value():
    channel = Channel(filter_k=7)
    channel.take(-54321)
    assert channel.pv == -54321


def test_a_counter_gives_counts_a_scan():
    channel = Channel(kind=COUNTER)
    assert [(channel.take(count), channel.pv) for count in (100, 103, 103, 90)] == [
        (GOOD, 0),
        (GOOD, 3),
        (GOOD, 0),
        (GOOD, -13),
    ]


def test_a_counter_that_wraps_at_2_to_the_24_goes_on():
    channel = Channel(kind=COUNTER)
    for count, step in ((0xFFFFFE, 0), (3, 5), (0xFFFFFF, -4), (0, 1), (400000, 400000), (0xFFFFFF, -400001)):
        quality = channel.take(count)
        assert channel.image[RAW] == count
        assert (quality, channel.pv) == (GOOD, step) or step < -200000 and quality == UNCERTAIN


def test_a_steady_counter_is_steady_through_every_wrap():
    channel = Channel(kind=COUNTER)
    count = 0xFFFFFF - 5000
    channel.take(count)
    for _ in range(200):
        count = count + 77 & 0xFFFFFF
        assert channel.take(count) == GOOD and channel.pv == 77


def test_every_sample_has_a_quality_and_only_a_good_one_moves_the_value():
    chance = Chance(12)
    for _ in range(40):
        channel = Channel(
            kind=chance.below(3), low=-900, high=900, slew=chance.below(2) * 300, filter_k=chance.below(8)
        )
        for _ in range(100):
            before = channel.pv
            quality = channel.take(chance.between(-1000, 1000), chance.below(10) == 0)
            assert quality == channel.image[QUALITY] and quality in (GOOD, UNCERTAIN, BAD)
            assert -900 <= channel.pv <= 900
            assert quality != UNCERTAIN or channel.pv == before
