"""Interlocks: judged after the loops, delayed as configured, latched until a person resets what has gone away."""

from rows import interlock_row

from spinline_firmware.control.image import INPUT_WORDS, QUALITY, new_image
from spinline_firmware.control.interlock import Interlocks
from spinline_protocol.configuration import ABOVE, BELOW, NOT_GOOD
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
