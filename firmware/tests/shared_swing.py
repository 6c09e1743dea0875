"""The swing of a number about its slow mean: only cycles of the right length, in a row, and the weakest of them."""

from plain import Chance

from spinline_firmware.control.image import QUALITY, new_image
from spinline_firmware.control.swing import Swing
from spinline_protocol.quantities import BAD, GOOD

SHORTEST, LONGEST, CYCLES_N = 20, 80, 5  # steps of 0.1 s: 2 to 8 s
MEAN_UM = 1400
SINE = (0, 309, 588, 809, 951, 1000, 951, 809, 588, 309)  # of half a circle, thousandths


def sine(i: int, period: int) -> int:
    """Thousandths."""
    at = 20 * (i % period)
    step, rest = at // period, at % period
    left, right = [SINE[n % 10] * (1 if n % 20 < 10 else -1) for n in (step, step + 1)]
    return left + (right - left) * rest // period


class Gauge:
    """A swing over an image that a test writes."""

    def __init__(self, every=1) -> None:  # type: ignore[no-untyped-def]
        self.image = new_image()
        self.swing = Swing(0, CYCLES_N, SHORTEST * every, LONGEST * every, every)

    def take(self, diameter_um, quality=GOOD):
        self.image[0], self.image[QUALITY] = diameter_um, quality
        return self.swing.take(self.image)

    def swings(self, period, percent, scans_n, chance=None):
        """What is told at the end of so many scans of a swing with noise of +-15 um."""
        told = 0
        for i in range(scans_n):
            noise = chance.between(-15, 15) if chance else 0
            told = self.take(MEAN_UM + MEAN_UM * percent * sine(i, period) // 100000 + noise)
        return told


def test_a_swing_is_told_in_parts_of_its_mean_within_a_tenth_for_every_period_in_its_window():
    for period in (24, 30, 41, 60, 75):
        for percent in (3, 5, 10, 15):
            told = Gauge().swings(period, percent, 12 * period)
            assert abs(told - 4096 * percent // 100) <= 4096 * percent // 1000, (period, percent, told)


def test_a_swing_faster_or_slower_than_its_window_is_none():
    for period in (6, 12, 18, 90, 120, 300):
        assert Gauge().swings(period, 10, 2000) == 0, period


def test_one_cycle_less_than_asked_for_tells_nothing():
    gauge, cycles = Gauge(), []
    for i in range(41 * 8):
        if gauge.take(MEAN_UM + MEAN_UM * 5 * sine(i, 41) // 100000):
            cycles.append(i / 41)
    assert CYCLES_N < cycles[0] < CYCLES_N + 1.2, "the first crossing begins the first cycle"


def test_noise_alone_never_reaches_3_percent_and_does_not_hide_a_swing_of_5():
    chance = Chance(3)
    gauge = Gauge()
    most = 0
    for _ in range(20000):
        most = max(most, gauge.take(MEAN_UM + chance.between(-15, 15)))
    assert most < 123
    assert gauge.swings(41, 5, 41 * 20, chance) > 123


def test_a_jump_of_the_diameter_and_a_bad_number_begin_the_count_anew():
    for diameter_um, quality in ((700, GOOD), (0, GOOD), (MEAN_UM, BAD)):
        gauge = Gauge()
        assert gauge.swings(41, 5, 41 * 9) > 0
        assert gauge.take(diameter_um, quality) == 0
        assert gauge.swings(41, 5, 41 * 4) == 0 and gauge.swings(41, 5, 41 * 5) > 0


def test_an_empty_gauge_has_no_swing():
    gauge = Gauge()
    for i in range(500):
        assert gauge.take(sine(i, 41) // 100) == 0


def test_only_every_nth_scan_is_looked_at():
    gauge = Gauge(every=2)
    assert gauge.swings(82, 5, 82 * 9) > 123
    gauge = Gauge(every=2)
    for i in range(2000):
        assert gauge.take(MEAN_UM + (200 if i % 2 else 0)) == 0, "the odd scans are never seen"


def test_whatever_a_sensor_says_the_words_stay_small():
    chance = Chance(8)
    gauge = Gauge()
    for _ in range(3000):
        told = gauge.take(chance.between(-1000000, 1000000) if chance.between(0, 3) else chance.between(1000, 1200))
        assert 0 <= told < 1 << 20
        assert max([abs(word) for word in gauge.swing._words]) < 1 << 30
