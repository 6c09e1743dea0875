"""A firmware on trial stays only when it is confirmed after all it had to show; else it ends by itself (SPEC 7.3)."""

from array import array

import pytest

from spinline_firmware.control.image import INPUT_WORDS, QUALITY, new_image
from spinline_firmware.trial import CONFIGURE_US, CONFIRM_US, SETTLE_US, WATCH_US, Trial
from spinline_protocol import errors
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN
from spinline_protocol.states import (
    EVT_CONFIGURED,
    EVT_INTERNAL,
    EVT_SCAN_OVERRUN,
    EVT_SENSOR_FAULT,
    IDLE,
    STATES,
)

INPUTS_N = 4
BEGAN_US = 5_000_000
WATCHED_US = BEGAN_US + WATCH_US


@pytest.fixture
def trial() -> Trial:
    """One that was configured at BEGAN_US."""
    trial = Trial(True)
    trial.note(EVT_CONFIGURED, BEGAN_US)
    return trial


def field(trial: Trial, now_us: int, state: int = IDLE, image: "array[int] | None" = None) -> str:
    """What a confirmation is refused for; empty where it is not."""
    code, _got, _limit, what = trial.refusal(now_us, state, image or new_image(), INPUTS_N)
    assert (code == errors.OK) == (what == "")
    return what


def test_it_is_confirmed_after_a_watched_minute_and_not_before(trial: Trial) -> None:
    assert field(trial, WATCHED_US - 1) == "watch"
    assert field(trial, WATCHED_US) == ""
    assert not trial.over(WATCHED_US + CONFIRM_US)
    assert trial.over(WATCHED_US + CONFIRM_US + 1)


def test_a_board_that_is_not_on_trial_is_neither_confirmed_nor_ended() -> None:
    trial = Trial(False)
    trial.note(EVT_INTERNAL, BEGAN_US)
    assert field(trial, WATCHED_US) == "trial"
    assert not trial.over(1 << 40)


def test_one_that_nobody_configures_ends() -> None:
    trial = Trial(True)
    assert field(trial, CONFIGURE_US) == "configuration"
    assert not trial.over(CONFIGURE_US)
    assert trial.over(CONFIGURE_US + 1)


@pytest.mark.parametrize("code", [EVT_SCAN_OVERRUN, EVT_INTERNAL])
def test_a_late_scan_or_a_fault_inside_spoils_it_at_once(trial: Trial, code: int) -> None:
    now_us = BEGAN_US + SETTLE_US + 1
    trial.note(code, now_us)
    assert field(trial, WATCHED_US) == "event"
    assert trial.over(now_us)


def test_a_scan_that_is_late_because_the_node_is_built_is_none_of_it(trial: Trial) -> None:
    trial.note(EVT_SCAN_OVERRUN, BEGAN_US + SETTLE_US)
    trial.note(EVT_SENSOR_FAULT, BEGAN_US + 2 * SETTLE_US)
    assert field(trial, WATCHED_US) == ""


@pytest.mark.parametrize("state", [i for i in range(len(STATES)) if i != IDLE])
def test_nothing_is_confirmed_while_the_line_moves(trial: Trial, state: int) -> None:
    assert field(trial, WATCHED_US, state) == "state"


@pytest.mark.parametrize("bad_i", range(INPUTS_N))
def test_every_sensor_has_to_be_read(trial: Trial, bad_i: int) -> None:
    image = new_image()
    for i in range(INPUTS_N):
        image[i * INPUT_WORDS + QUALITY] = BAD if i == bad_i else (GOOD, UNCERTAIN)[i & 1]
    assert trial.refusal(WATCHED_US, IDLE, image, INPUTS_N) == (errors.STATE, bad_i, 0, "input")
