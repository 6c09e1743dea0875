"""Interlocks: judged after the loops, delayed as configured, latched until a person resets what has gone away."""

from plain import Chance
from rows import interlock_row

from spinline_firmware.control import pid
from spinline_firmware.control.image import INPUT_WORDS, QUALITY, loop_at, new_image
from spinline_firmware.control.interlock import JUDGED, Interlocks
from spinline_firmware.control.ratio import ratio_setpoint
from spinline_protocol.configuration import (
    ABOVE,
    APART,
    BELOW,
    JUDGE_CHANGE,
    JUDGE_MEAN,
    JUDGE_SWING,
    MEAN_BLOCKS_N,
    NOT_GOOD,
    REF_INPUT,
    REF_NONE,
)
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN
from spinline_protocol.states import EXECUTE, IDLE


class Wall:
    """Interlocks over an image that a test writes."""

    def __init__(self, *rows) -> None:  # type: ignore[no-untyped-def]
        self.image = new_image()
        self.interlocks = Interlocks(list(rows), self.image)

    def scan(self, pv, quality=GOOD, state=EXECUTE, channel=0):
        self.image[INPUT_WORDS * channel] = pv
        self.image[INPUT_WORDS * channel + QUALITY] = quality
        return self.interlocks.scan(state)

    @property
    def tripped(self):
        return list(self.interlocks.tripped)


def test_a_limit_itself_is_allowed_and_one_beyond_trips():
    for comparison, beyond in ((ABOVE, 101), (BELOW, 99)):
        wall = Wall(interlock_row(comparison=comparison, limit=100))
        assert wall.scan(100) == -1 and wall.scan(beyond) == 0


def test_an_interlock_waits_its_delay_and_begins_anew_when_the_cause_goes():
    wall = Wall(interlock_row(comparison=ABOVE, limit=100, delay_scans=3))
    assert [wall.scan(101) for _ in range(3)] == [-1] * 3
    assert wall.scan(100) == -1
    assert [wall.scan(101) for _ in range(4)] == [-1, -1, -1, 0]


def test_an_interlock_latches_and_is_told_once():
    wall = Wall(interlock_row(comparison=ABOVE, limit=100))
    assert [wall.scan(pv) for pv in (101, 101, 0, 101, 0)] == [0, -1, -1, -1, -1]
    assert wall.interlocks.latched() and wall.tripped == [1]


def test_an_interlock_sleeps_in_states_that_are_not_its_own():
    wall = Wall(interlock_row(comparison=ABOVE, limit=100, delay_scans=1, states=1 << EXECUTE))
    assert [wall.scan(101, state=IDLE) for _ in range(9)] == [-1] * 9
    assert [wall.scan(101) for _ in range(2)] == [-1, 0]


def test_a_bad_sensor_is_taken_for_the_worst_where_the_row_says_so():
    for comparison in (ABOVE, BELOW, NOT_GOOD):
        wall = Wall(interlock_row(comparison=comparison, limit=100, bad_trips=1))
        assert wall.scan(100, BAD) == 0


def test_a_bad_sensor_that_the_row_leaves_to_the_loop_trips_nothing():
    for comparison in (ABOVE, BELOW):
        for pv in (-200000, 100, 500000):
            wall = Wall(interlock_row(comparison=comparison, limit=100))
            assert wall.scan(pv, BAD) == -1


def test_an_uncertain_number_is_compared_like_a_good_one():
    wall = Wall(interlock_row(comparison=ABOVE, limit=100, bad_trips=1))
    assert wall.scan(100, UNCERTAIN) == -1 and wall.scan(101, UNCERTAIN) == 0


def test_the_first_row_that_trips_is_told_first():
    wall = Wall(*[interlock_row(comparison=ABOVE, limit=limit) for limit in (300, 100, 200)])
    assert [wall.scan(pv) for pv in (50, 150, 250, 350)] == [-1, 1, 2, 0]


def test_a_reset_clears_only_rows_whose_cause_is_gone():
    wall = Wall(
        interlock_row(comparison=ABOVE, limit=100),
        interlock_row(input=1, comparison=BELOW, limit=5),
    )
    wall.scan(101)
    wall.scan(4, channel=1)
    assert wall.tripped == [1, 1] and wall.interlocks.reset() == 2
    wall.scan(100)
    assert wall.interlocks.reset() == 1 and wall.tripped == [0, 1] and wall.interlocks.latched()
    wall.scan(5, channel=1)
    assert wall.interlocks.reset() == 0 and not wall.interlocks.latched()


def test_a_row_that_was_reset_trips_again():
    wall = Wall(interlock_row(comparison=ABOVE, limit=100))
    wall.scan(101)
    wall.scan(100)
    wall.interlocks.reset()
    assert wall.scan(101) == 0


def test_of_rows_that_trip_in_one_scan_the_highest_priority_is_the_first_out_and_the_strongest_action_is_asked_for():
    wall = Wall(
        interlock_row(comparison=ABOVE, limit=100, priority=1, action=4),
        interlock_row(comparison=ABOVE, limit=110, priority=2, action=1),
        interlock_row(comparison=ABOVE, limit=120, priority=2, action=2),
        interlock_row(comparison=ABOVE, limit=200, priority=2),
    )
    assert wall.scan(150) == 1 and wall.interlocks.action == 4
    assert [wall.interlocks.change(i) for i in range(4)] == [1, 1, 1, 0]
    assert wall.scan(150) == -1 and wall.interlocks.action == 0 and not wall.interlocks.changed_n


def test_a_row_that_clears_itself_says_so_and_lets_its_outputs_go():
    wall = Wall(interlock_row(comparison=ABOVE, limit=100, auto_reset=1, off_outputs=5))
    assert wall.scan(101) == 0 and wall.interlocks.off_outputs == 5 and wall.interlocks.latched()
    assert wall.scan(100) == -1 and wall.interlocks.change(0) == -1
    assert wall.interlocks.off_outputs == 0 and not wall.interlocks.latched()


def test_a_mean_is_judged_where_the_row_asks_for_it_and_a_bad_number_is_left_out_of_it():
    wall = Wall(
        interlock_row(comparison=ABOVE, limit=15, judged=JUDGE_MEAN, window_scans=30, auto_reset=1)
    )  # blocks of two scans
    assert [wall.scan(10) for _ in range(30)] == [-1] * 30
    assert [wall.scan(70) for _ in range(3)] == [-1] * 3  # one block of 70: the mean is 14
    assert wall.scan(500, BAD) == -1
    assert [wall.scan(70) for _ in range(2)] == [0, -1]  # the second: 18
    assert [wall.scan(10) for _ in range(25)] == [-1] * 25 and wall.tripped == [1]
    for _ in range(4):
        wall.scan(10)
    assert wall.tripped == [0]


def test_a_mean_is_that_of_its_blocks_whatever_comes():
    chance = Chance(5)
    wall = Wall(interlock_row(comparison=ABOVE, limit=500000, judged=JUDGE_MEAN, window_scans=45))
    numbers = []
    for _ in range(400):
        numbers.append(chance.between(-200000, 500000))
        wall.scan(numbers[-1])
        full = len(numbers) // 3 * 3
        window = numbers[max(0, full - 45) : full] or numbers
        mean = wall.interlocks._words[JUDGED]
        assert abs(mean * len(window) - sum(window)) <= 2 * len(window)


def test_a_change_over_the_window_is_judged_and_a_slower_one_is_not():
    for rise, trips in ((3, True), (2, False)):  # a scan; over 14 blocks of two scans 84 and 56
        wall = Wall(interlock_row(comparison=ABOVE, limit=80, judged=JUDGE_CHANGE, window_scans=28, auto_reset=1))
        told = [wall.scan(1000 + rise * i) for i in range(60)]
        assert (0 in told) == trips and told[:28] == [-1] * 28
        for _ in range(2 * MEAN_BLOCKS_N):
            wall.scan(5000 if trips else 0)
        assert wall.tripped == [0], "it stands still: the change is over"


def test_a_change_is_newest_less_oldest_block_whatever_comes():
    chance = Chance(6)
    wall = Wall(interlock_row(comparison=ABOVE, limit=500000, judged=JUDGE_CHANGE, window_scans=42))
    numbers = []
    for _ in range(400):
        numbers.append(chance.between(-200000, 500000))
        wall.scan(numbers[-1])
        full = len(numbers) // 3 * 3
        change = 0
        if full:
            oldest = max(0, full - 3 * MEAN_BLOCKS_N)
            change = sum(numbers[full - 3 : full]) - sum(numbers[oldest : oldest + 3])
        assert abs(3 * wall.interlocks._words[JUDGED] - change) <= 3


def test_a_swing_of_the_fiber_trips_after_its_cycles_and_clears_itself_when_it_has_gone():
    named = {"judged": JUDGE_SWING, "cycles_n": 5, "cycle_scans_min": 20, "cycle_scans_max": 80}
    wall = Wall(interlock_row(comparison=ABOVE, limit=123, auto_reset=1, **named))  # 3 %
    told = [wall.scan(1400 + 70 * triangle(i, 40) // 100) for i in range(400)]  # 5 %
    assert 0 in told and 5 * 40 < told.index(0) < 7 * 40
    assert wall.scan(1400, BAD) == -1 and wall.tripped == [0], "a bad number ends the row of cycles"
    for i in range(300):
        wall.scan(1400 + 70 * triangle(i, 40) // 100)
    assert wall.tripped == [1]
    for _ in range(81):
        wall.scan(1400)
    assert wall.tripped == [0]


def triangle(i: int, period: int) -> int:
    """Between -100 and 100."""
    phase = 400 * (i % period) // period
    return phase - 100 if phase < 200 else 300 - phase


def test_a_judgement_is_the_same_as_plain_arithmetic_for_every_kind_of_row():
    chance = Chance(9)
    for _ in range(3000):
        kind, comparison = chance.between(0, 3), chance.between(0, 3)
        named = {"comparison": comparison, "limit": chance.between(-3000, 3000), "reference_kind": kind}
        named.update(bad_trips=chance.between(0, 1), share_q12=chance.between(1, 9000), reference=3)
        named.update(reference_min=chance.between(0, 1) * 500, band_q12=chance.between(0, 1) * 400)
        wall = Wall(interlock_row(**named))
        reference, quality = chance.between(-9000, 9000), chance.between(0, 2)
        wall.image[9], wall.image[10] = reference, chance.between(0, 2)
        wall.image[loop_at(3) + pid.SETPOINT] = wall.image[loop_at(3) + pid.OUTPUT] = reference
        pv = chance.between(-9000, 9000)
        assert (wall.scan(pv, quality) == 0) == expected(named, pv, quality, reference, wall.image[10])


def expected(named, pv, quality, reference, reference_quality) -> bool:
    """What a row says, written another way."""
    if quality == BAD:
        return named["bad_trips"] == 1 or named["comparison"] == NOT_GOOD
    against, band = 0, 0
    if named["reference_kind"] != REF_NONE:
        if named["reference_kind"] == REF_INPUT and reference_quality == BAD:
            return False
        against = ratio_setpoint(reference, named["share_q12"])
        if named["reference_min"] and against < named["reference_min"]:
            return False
        band = ratio_setpoint(against, named["band_q12"])
    away, limit = pv - against, named["limit"]
    if named["comparison"] == NOT_GOOD:
        return False
    if named["comparison"] == APART:
        return not -(limit + band) <= away <= limit + band
    return away > limit if named["comparison"] == ABOVE else away < limit
