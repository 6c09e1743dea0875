"""A step in a feeder marks exactly the metres that the plant says it reached."""

import pytest

from hil_tests.bench.metre_rig import Upset, metre_error

UPSETS = (
    Upset("C12-PLAST", 0.0, 90),
    Upset("C12-PLAST", 2.0, 240, speed_m_min=14.0, seed=2),
    Upset("C12-SOLV", 0.0, 200, seed=3),
)


@pytest.mark.parametrize("upset", UPSETS, ids=lambda upset: f"{upset.window_id} x {upset.share:g}")
def test_an_upset_of_a_feeder_is_marked_to_the_metre(upset):
    assert metre_error(upset) <= 1.0


def test_an_upset_that_stays_inside_the_window_marks_nothing():
    assert metre_error(Upset("C12-PLAST", 0.9, 120)) == 0.0
