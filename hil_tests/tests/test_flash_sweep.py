"""No power cut leaves a board without a whole firmware, and the sweep that says so would see it (SPEC 7.3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.flash_sweep import Found, Sweep, firmware, in_place
from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.record_sweep import LAID_EVENTS, Records, RecordSweep, judged

pytestmark = pytest.mark.xdist_group("flash_sweep")  # what they look at is made once

OLD_FILES = {f"pack/{name}.mpy": (name * 300).encode() for name in "abcdefg"}
NEW_FILES = {**OLD_FILES, "pack/b.mpy": b"B" * 900, "pack/e.mpy": b"E" * 1500, "pack/h.mpy": b"H" * 50}
OLD, NEW = firmware(OLD_FILES), firmware(NEW_FILES)
EVERY = 7  # of the effects: all of them are in `make bench ONLY=flash`


@pytest.fixture(scope="module")
def command() -> tuple[str, ...]:
    """The interpreter with littlefs in it."""
    try:
        return find_interpreter().command
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")


@pytest.fixture(scope="module")
def found(command: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What cuts in some effects of every act did."""
    return Sweep(command, tmp_path_factory.mktemp("board"), OLD, NEW).run(EVERY)


def test_after_every_cut_the_old_firmware_or_the_new_one_starts_whole(found: Found) -> None:
    assert found.cuts_n >= 20
    assert found.dead_n == 0
    assert found.old_n and found.new_n


def test_after_every_cut_the_update_can_be_made_again(found: Found) -> None:
    assert found.stuck_n == 0


def test_files_copied_over_those_that_run_do_not_stand_the_same_cuts(command: tuple[str, ...], tmp_path: Path) -> None:
    cuts_n, broken_n = in_place(command, tmp_path, OLD, NEW, EVERY)
    assert broken_n > cuts_n // 4


def test_after_every_cut_what_a_board_keeps_is_old_or_new_and_can_be_written_again(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    found = RecordSweep(command, tmp_path).run(EVERY)
    assert found.cuts_n >= 20
    assert (found.neither_n, found.stuck_n) == (0, 0)
    assert found.old_n


def test_the_sweep_would_see_a_record_that_is_of_two_and_events_that_are_lost() -> None:
    assert judged("tables", Records(1, 2, LAID_EVENTS, 0)) == "new"
    for bad in (
        Records(1, -2, LAID_EVENTS, 0),
        Records(1, -1, LAID_EVENTS, 0),
        Records(0, 1, LAID_EVENTS, 0),
        Records(1, 1, LAID_EVENTS[1:], 0),
        Records(1, 1, [*LAID_EVENTS, 53], 0),
    ):
        assert judged("tables", bad) == "neither"
    assert judged("events", Records(1, 1, [*LAID_EVENTS, 52], 0)) == "neither", "half of what was appended at once"
