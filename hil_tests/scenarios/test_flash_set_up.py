"""Boards without a firmware: formatted, in safe mode, or left in the middle of a set-up.  Each is known and set up."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hil_tests.bench.bare_boards import RP2350, boot_drive, uf2
from hil_tests.bench.interpreters import Interpreter
from spinline.edges.interpreter import Drive, write_uf2
from spinline.edges.rescue import BoardPrompt
from spinline.edges.set_up import STARTER
from spinline.edges.site import note_controller

from .flashing import NODE, SPEED, Releases, Technician, releases, technician, until

__all__ = ["releases", "technician"]
pytestmark = pytest.mark.wall

AT_PROMPT = "at MicroPython's prompt: empty, or in safe mode"
QUICK = 60.0  # a board at its prompt has no lease
EVERY, EVERY_WHOLE = 20, 4  # of the files; the second with --whole


def set_up(technician: Technician, release: Path, *options: str) -> None:
    """The command sets the board up, and it runs with its keys."""
    technician.line.ask("speed", str(QUICK))
    done = technician.flash(release, *options)
    assert (done["result"], done["exit"]) == ("provisioned", 0), done["sentence"]
    technician.line.ask("speed", str(SPEED))
    assert technician.runs() == (done["firmware_sha256"], "")


def test_an_empty_board_is_set_up_and_runs(interpreter: Interpreter, tmp_path: Path, releases: Releases) -> None:
    technician = Technician(interpreter, tmp_path, releases, "--empty", NODE)
    try:
        assert (technician.shown()["controller"], technician.shown()["state"]) == ("unknown", AT_PROMPT)
        technician.refused("empty-board", technician.bundle("1.3.0"), "--controller", "all")
        set_up(technician, technician.bundle("1.3.0"))
        assert technician.flash(technician.bundle("1.3.0"))["result"] == "current", "it has its keys"
    finally:
        technician.close()


def test_a_formatted_board_is_known_by_its_usb_number(technician: Technician) -> None:
    release = technician.bundle("1.3.0")
    assert technician.flash(release, "--dry-run")["result"] == "ready"
    note_controller(technician.folder / "controllers.toml", NODE, "00", technician.shown()["USB serial"])
    technician.line.ask("format", NODE)
    until(lambda: technician.shown()["state"] == AT_PROMPT)
    assert technician.shown()["controller"] == NODE
    set_up(technician, release, "--controller", "all")


def test_a_board_in_safe_mode_is_set_up_and_a_jumper_that_stays_is_told(technician: Technician) -> None:
    release = technician.bundle("1.3.0")
    technician.line.ask("jumper", NODE)
    technician.line.ask("power", NODE)
    until(lambda: technician.shown()["state"] == AT_PROMPT)
    technician.line.ask("speed", str(QUICK))
    told = technician.flash(release)
    assert (told["result"], told["exit"]) == ("jumper-set", 40)
    technician.line.ask("jumper", NODE)
    technician.line.ask("speed", str(SPEED))
    technician.line.ask("power", NODE)
    assert technician.flash(release)["result"] == "current"


def test_a_set_up_cut_at_any_file_is_begun_again(
    interpreter: Interpreter,
    tmp_path: Path,
    releases: Releases,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    technician = Technician(interpreter, tmp_path, releases, "--empty", NODE)
    release, write = technician.bundle("1.3.0"), BoardPrompt.write
    technician.line.ask("speed", str(QUICK))
    files_n, at, left_n = 1, 0, 0

    def told(_shown: object, _controller: str, _step: str, _done: int, total: int) -> None:
        nonlocal files_n
        files_n = total - 1

    def torn(prompt: BoardPrompt, name: str, octets: bytes) -> None:
        """Of the file that is cut the board has half; a person gave up, or its supply went too."""
        nonlocal left_n
        if not left_n:
            write(prompt, name, octets[: len(octets) // 2])
            if at // EVERY_WHOLE % 2:
                technician.line.ask("power", NODE)
            raise KeyboardInterrupt
        left_n -= 1
        write(prompt, name, octets)

    try:
        monkeypatch.setattr("spinline.edges.flash_command._Shown.told", told)
        while at < files_n:
            left_n = at
            with monkeypatch.context() as patched:
                patched.setattr(BoardPrompt, "write", torn)
                lost = technician.flash(release)
            assert (lost["result"], lost["exit"]) == ("not-set-up", 40), lost["sentence"]
            until(lambda: technician.shown()["state"] == AT_PROMPT)
            at += EVERY_WHOLE if request.config.getoption("--whole") else EVERY
        set_up(technician, release)
    finally:
        technician.close()


def test_a_supply_that_goes_in_a_set_up_is_told_and_the_board_is_set_up_again(
    technician: Technician, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, rename = technician.bundle("1.3.0"), BoardPrompt.run
    technician.line.ask("format", NODE)
    technician.line.ask("speed", str(QUICK))

    def run(prompt: BoardPrompt, code: str) -> str:
        """Off in the last step, the one that makes the board start."""
        if STARTER in code and "rename" in code:
            technician.line.ask("off", NODE)
        return rename(prompt, code)

    with monkeypatch.context() as patched:
        patched.setattr(BoardPrompt, "run", run)
        lost = technician.flash(release)
    assert (lost["result"], lost["exit"]) == ("not-set-up", 40), lost["sentence"]
    technician.line.ask("on", NODE)
    until(lambda: technician.shown()["state"] == AT_PROMPT)
    set_up(technician, release)


def test_a_board_without_micropython_gets_it_from_the_bundle_and_is_set_up(
    interpreter: Interpreter, tmp_path: Path, releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    technician = Technician(interpreter, tmp_path, releases, "--empty", NODE)
    (tmp_path / "mounts").write_text(boot_drive(tmp_path / "drive", "RP2350"))
    monkeypatch.setattr("spinline.edges.interpreter.MOUNTS", tmp_path / "mounts")
    image, write = tmp_path / "micropython.uf2", write_uf2
    image.write_bytes(uf2(RP2350, b"MicroPython" * 100))
    release = technician.bundle("1.3.0", name="with an image", image=image)

    def written(name: str, drive: Drive, octets: bytes) -> None:
        """With the last block the drive goes and the board starts."""
        write(name, drive, octets)
        (tmp_path / "mounts").write_text("")
        technician.line.ask("enumerate", NODE)

    try:
        technician.line.ask("unplug", NODE)
        monkeypatch.setattr("spinline.edges.interpreter.write_uf2", written)
        set_up(technician, release, "--interpreter")
        assert (tmp_path / "drive" / "firmware.uf2").read_bytes() == image.read_bytes()
        assert technician.record()[-1]["interpreter_sha256"] == hashlib.sha256(image.read_bytes()).hexdigest()
    finally:
        technician.close()
