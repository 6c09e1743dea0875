"""The runner of trials: what is due is done in order, what is not seen or not kept fails with the trial on paper."""

from __future__ import annotations

from typing import Any

import pytest

from hil_tests.scenarios.trial import PRODUCING, Do, Keep, See, Trial, TrialFailed, carry_out


class Clockwork:
    """In place of a run: a second a step, and a note of what was done."""

    def __init__(self) -> None:
        self.bench = self
        self.now_us = 7_000_000
        self.done: list[tuple[float, str]] = []

    def step(self) -> None:
        self.now_us += 1_000_000

    def note(self, what: str) -> None:
        self.done.append((self.now_us / 1e6 - 7, what))


def after(seconds: float) -> Any:
    return lambda run: run.now_us / 1e6 - 7 >= seconds


def carried_out(*steps: Do | See | Keep) -> Clockwork:
    run: Any = Clockwork()
    carry_out(Trial("a trial", PRODUCING, steps), run)
    return run  # type: ignore[no-any-return]


def test_acts_are_done_in_the_order_of_their_times_whatever_order_they_are_written_in() -> None:
    run = carried_out(Do(5, "b", lambda r: r.note("b")), Do(2, "a", lambda r: r.note("a")))  # type: ignore[attr-defined]
    assert run.done == [(2, "a"), (5, "b")]


def test_what_is_seen_in_time_passes_and_what_comes_a_scan_late_fails() -> None:
    carried_out(See(0, 10, "ten seconds are over", after(10)))
    with pytest.raises(TrialFailed, match="ten seconds are over"):
        carried_out(See(0, 10, "ten seconds are over", after(11)))


def test_what_was_seen_before_its_time_begins_does_not_count() -> None:
    with pytest.raises(TrialFailed, match="too early"):
        carried_out(See(5, 10, "too early", lambda run: run.bench.now_us / 1e6 - 7 < 5))


def test_a_late_look_fails_while_the_trial_goes_on_and_not_only_at_its_end() -> None:
    with pytest.raises(TrialFailed, match=r"at 4\.0 s: not seen by 3 s: nothing"):
        carried_out(See(0, 3, "nothing", after(99)), Keep(0, 50, "all", after(0)))


def test_what_is_not_kept_in_one_scan_fails_with_the_trial_on_paper() -> None:
    with pytest.raises(TrialFailed, match="not kept: below six") as failed:
        carried_out(
            Do(1, "press", lambda run: None), Keep(0, 9, "below six", lambda run: run.bench.now_us < 13_000_000)
        )
    assert "given   a line in production" in str(failed.value)
    assert "do    press" in str(failed.value) and "at 6.0 s" in str(failed.value)
