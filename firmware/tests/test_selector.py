"""The slot selector starts a whole firmware whatever stands in its file, also where it cannot write (SPEC 7.4)."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SELECTOR = (Path(__file__).parents[1] / "main.py").read_text()
JUMPER_SET, JUMPER_OPEN = 0, 1


class Board:
    """The board's files in a folder; ``start`` gives the slot that was chosen and whether it was on trial."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.jumper = folder, JUMPER_OPEN
        self._chosen: list[tuple[str, bool]] = []
        self.watchdogs_n = 0
        pin = SimpleNamespace(value=lambda: self.jumper)
        pins = type("Pin", (), {"IN": 0, "PULL_UP": 1, "__new__": lambda _cls, *_given: pin})
        monkeypatch.setitem(sys.modules, "machine", SimpleNamespace(WDT=self._watchdog, Pin=pins))
        monkeypatch.setitem(sys.modules, "board", SimpleNamespace(SAFE_PIN=47))
        monkeypatch.setitem(sys.modules, "spinline_firmware.app", SimpleNamespace(App=self._app))
        monkeypatch.setattr(sys, "path", sys.path[:])
        monkeypatch.chdir(folder)

    def _watchdog(self, timeout: int) -> None:
        self.watchdogs_n += 1

    def _app(self, _board: object, _firmware_sha256: bytes, _entropy: object, slot: str, on_trial: bool) -> Any:
        self._chosen.append((slot, on_trial))
        return SimpleNamespace(run=lambda _watchdog: None)

    def lay(self, slots: str, select: str | None) -> None:
        """Slots with a manifest, and the selector's file."""
        for slot in slots:
            (self.folder / slot).mkdir()
            (self.folder / slot / "manifest.txt").write_text("00 board\n")
        if select is not None:
            (self.folder / "select.txt").write_text(select)

    def start(self) -> tuple[str, bool] | None:
        """One boot; None where it ends at the prompt."""
        booted_n = len(self._chosen)
        exec(SELECTOR, {"__name__": "__main__"})
        assert self.watchdogs_n == len(self._chosen), "a watchdog runs with an application, and never at the prompt"
        return self._chosen[-1] if len(self._chosen) > booted_n else None


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(tmp_path, monkeypatch)


def test_a_trial_is_started_once(board: Board) -> None:
    board.lay("ab", "a b 1\n")
    assert [board.start(), board.start()] == [("b", True), ("a", False)]


@pytest.mark.parametrize(
    "select", [None, "", "b", "x y z\n", "a b one\n", "a - 1\n", "a c 1\n", "a b 1 0\n", "\x00\x00"]
)
def test_whatever_stands_in_its_file_a_whole_firmware_starts(board: Board, select: str | None) -> None:
    board.lay("ab", select)
    assert board.start() == ("a", False)


@pytest.mark.parametrize(("slots", "select"), [("b", None), ("b", "a - 0\n"), ("a", "b - 0\n"), ("a", "a b 1\n")])
def test_a_slot_without_a_manifest_is_never_started(board: Board, slots: str, select: str | None) -> None:
    board.lay(slots, select)
    assert board.start() == (slots, False)


def test_in_safe_mode_nothing_is_started_and_a_trial_is_not_counted(
    board: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    board.lay("ab", "a b 1\n")
    board.jumper = JUMPER_SET
    assert board.start() is None and "safe mode" in capsys.readouterr().out
    board.jumper = JUMPER_OPEN
    assert [board.start(), board.start()] == [("b", True), ("a", False)]


@pytest.mark.parametrize("select", [None, "a - 0\n", "a b 1\n"])
def test_a_board_without_a_firmware_says_so_and_stays_at_the_prompt(
    board: Board, capsys: pytest.CaptureFixture[str], select: str | None
) -> None:
    board.lay("", select)
    assert board.start() is None
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and "no firmware" in told


def test_a_trial_that_cannot_be_counted_is_none_and_the_good_slot_starts(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.lay("ab", "a b 1\n")
    open_file = builtins.open

    def full(name: Any, mode: str = "r", *given: Any) -> Any:
        if "w" in mode:
            raise OSError(28, "no space left")
        return open_file(name, mode, *given)

    monkeypatch.setattr(builtins, "open", full)
    assert board.start() == ("a", False)
