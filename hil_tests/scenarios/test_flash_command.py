"""`spinline flash` as a technician gives it: real ports, real littlefs, the real firmware, on the wall clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter

from .flashing import CRASH, NODE, Releases, Technician, releases, technician, until

__all__ = ["releases", "technician"]
pytestmark = pytest.mark.wall


def test_one_command_updates_a_controller_and_leaves_record_and_label(technician: Technician) -> None:
    new = technician.bundle("1.3.0", "NEWER = 1\n")
    assert technician.flash(new, "--dry-run")["result"] == "ready"
    assert technician.record() == []

    done = technician.flash(new)
    assert (done["result"], done["changed_n"]) == ("updated", 1)
    (entry,) = technician.record()
    assert (entry["result"], entry["version"], len(entry["files"])) == ("updated", "1.3.0", len(done["files"]))
    assert Path(done["label"]).read_text().startswith("<svg")

    assert technician.flash(new)["result"] == "current"
    technician.line.ask("power", NODE)
    older = technician.flash(technician.bundle("1.2.0", "OLDER = 1\n"))
    assert (older["result"], older["exit"]) == ("downgrade", 10)
    assert len(technician.record()) == 1


def test_a_firmware_that_crashes_is_undone_and_the_record_says_so(technician: Technician) -> None:
    done = technician.flash(technician.bundle("1.3.0", CRASH, "app.py", "crash"))
    assert (done["result"], done["exit"]) == ("rolled-back", 20)
    assert [entry["result"] for entry in technician.record()] == ["rolled-back"]


def test_a_full_flash_is_told_and_the_old_firmware_runs(
    interpreter: Interpreter, tmp_path: Path, releases: Releases
) -> None:
    technician = Technician(interpreter, tmp_path, releases, "--blocks", "110")
    try:
        big = technician.bundle("1.3.0", f"NEWER = {'1' * 4000!r}\n", name="big")
        done = technician.flash(big)
        assert (done["result"], done["exit"]) == ("device-full", 10), done
        assert technician.runs() == (technician.line.told["firmware_sha256"], "")
        assert technician.flash(big, "--dry-run")["result"] == "ready"
    finally:
        technician.close()


def test_a_pulled_cable_is_told_and_the_next_try_succeeds(
    technician: Technician, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = technician.bundle("1.3.0", "NEWER = 1\n")
    assert technician.flash(new, "--dry-run")["result"] == "ready"
    monkeypatch.setattr("spinline.line.board_line.ANSWER_US", 3_000_000)
    pulled: list[int] = []

    def told(_shown: object, _controller: str, step: str, done: int, _total: int) -> None:
        if step == "send" and done > 1000 and not pulled:
            pulled.append(done)
            technician.line.ask("pull", NODE)

    with monkeypatch.context() as patched:
        patched.setattr("spinline.edges.flash_command._Shown.told", told)
        lost = technician.flash(new)
    assert (lost["result"], lost["exit"]) == ("unplugged", 30)
    technician.line.ask("plug", NODE)
    assert technician.flash(new)["result"] == "updated"


def test_an_adapter_pulled_out_of_the_pc_is_told_at_once_and_the_next_try_succeeds(
    technician: Technician, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = technician.bundle("1.3.0", "NEWER = 1\n"), technician.line.told["firmware_sha256"]
    for at, result in (("send", "unplugged"), ("watch", "unplugged-in-trial")):
        pulled: list[int] = []

        def told(
            _shown: object,
            _controller: str,
            step: str,
            done: int,
            _total: int,
            at: str = at,
            pulled: list[int] = pulled,
        ) -> None:
            if step == at and not pulled:
                pulled.append(done)
                technician.line.ask("unplug", NODE)

        with monkeypatch.context() as patched:
            patched.setattr("spinline.edges.flash_command._Shown.told", told)
            lost = technician.flash(new)
        assert (lost["result"], lost["exit"]) == (result, 30)
        technician.line.ask("enumerate", NODE)
        until(lambda: technician.shown()["firmware"] == old[:8])
    assert technician.flash(new)["result"] == "updated"
