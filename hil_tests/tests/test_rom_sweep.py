"""No power cut leaves a board with an image in ROM that is not its slot's, and the sweep that says so would see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.flash_sweep import cuts
from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.rom_sweep import BY_WATCHDOG, POWER_ON, Life, RomBoard, small_firmware, sweep

EVERY = 5  # of the effects
ERASED = "        partition.erase(self.length, feed)\n"
FIRST_PAGE_FIRST = (ERASED, ERASED + "        partition.write(0, b''.join(list(self._octets()))[:PAGE_BYTES])\n")


@pytest.fixture(scope="module")
def command() -> tuple[str, ...]:
    """The interpreter with VfsRom in it."""
    try:
        return find_interpreter().command
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")


def board_of(command: tuple[str, ...], folder: Path, **given: int) -> RomBoard:
    board = RomBoard(command, folder / "board", **given)
    board.lay("a", small_firmware(folder / "old", "old"))
    return board


def lived(life: Life | None) -> Life:
    assert life is not None
    return life


@pytest.mark.parametrize("kind", ("1.25", "later"))
def test_the_first_start_writes_the_image_and_every_start_runs_in_place(
    command: tuple[str, ...], tmp_path: Path, kind: str
) -> None:
    board = board_of(command, tmp_path)
    first, second = lived(board.live(kind=kind)), lived(board.live(kind=kind))
    assert first.in_place and first.whole and first.effects_n > 20 and first.feeds_n > 5
    assert second.in_place and second.whole and second.effects_n == 0


@pytest.mark.parametrize("kind", ("1.25", "later"))
def test_after_every_cut_in_the_first_image_the_slot_runs_in_place(
    command: tuple[str, ...], tmp_path: Path, kind: str
) -> None:
    before, board = board_of(command, tmp_path), RomBoard(command, tmp_path / "cut")
    board.copy_of(before)
    effects_n = lived(board.live(kind=kind)).effects_n
    found = sweep(before, board, ("a", "old"), list(cuts(effects_n, EVERY)), kind)
    assert found.cuts_n >= 15 and found.wrong_n == 0


def test_after_every_cut_in_the_image_of_a_trial_the_good_slot_runs_in_place(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    before, board = board_of(command, tmp_path), RomBoard(command, tmp_path / "cut")
    assert lived(before.live()).version == "old"
    before.lay("b", small_firmware(tmp_path / "new", "new"))
    before.select("a b 1")
    board.copy_of(before)
    trial, back = lived(board.live()), lived(board.live())
    assert (trial.slot, trial.on_trial, trial.version, trial.in_place) == ("b", True, "new", True)
    assert (back.slot, back.version, back.in_place, back.whole) == ("a", "old", True, True)
    found = sweep(before, board, ("a", "old"), list(cuts(trial.effects_n, EVERY)), "1.25")
    assert found.cuts_n >= 15 and found.wrong_n == 0


def test_an_image_whose_first_page_is_written_first_does_not_stand_the_same_cuts(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    before, board = RomBoard(command, tmp_path / "board"), RomBoard(command, tmp_path / "cut")
    before.lay("a", small_firmware(tmp_path / "old", "old", FIRST_PAGE_FIRST))
    board.copy_of(before)
    effects_n = lived(board.live()).effects_n
    found = sweep(before, board, ("a", "old"), list(cuts(effects_n, EVERY)), "1.25")
    assert found.wrong_n > found.cuts_n // 4


@pytest.mark.parametrize("kind", ("none", "1.25"))
def test_without_a_partition_or_with_too_small_a_one_the_slot_runs_itself(
    command: tuple[str, ...], tmp_path: Path, kind: str
) -> None:
    board = board_of(command, tmp_path, rom_bytes=8192)
    life = lived(board.live(kind=kind))
    assert life.slot == "a" and life.whole and not life.in_place and life.effects_n == 0


def test_a_partition_that_does_not_take_it_is_tried_twice_and_again_when_the_power_returns(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    board = board_of(command, tmp_path)
    lives = [lived(board.live(cause=cause, kind="worn")) for cause in (POWER_ON, *(BY_WATCHDOG,) * 3, POWER_ON)]
    assert [life.effects_n > 0 for life in lives] == [True, True, False, False, True]
    assert all(life.whole and not life.in_place for life in lives)
    mended = lived(board.live(cause=BY_WATCHDOG))
    assert mended.in_place and mended.whole
