"""`spinline flash` as a technician gives it: real ports, real littlefs, the real firmware, on the wall clock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hil_tests.bench.board_files import BOARD, ROOT
from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.provisioning import bench_site_key
from hil_tests.bench.pty_bench import SEED, LineProcess
from hil_tests.bench.run import LINE_R1, RECIPE_R1
from spinline.cli import app
from spinline.edges import flash_record
from spinline.edges.keys import new_key_file
from spinline.edges.serial_port import SerialPort
from spinline.edges.signing import new_release_key
from spinline.edges.site import note_controller

pytestmark = pytest.mark.wall

SPEED = 4.0
NODE = "draw"
CRASH = "raise RuntimeError('a bug')\n"


class Technician:
    """A PC with its site, and the simulated line before it."""

    def __init__(self, interpreter: Interpreter, folder: Path, *options: str) -> None:
        self.folder, self.links = folder, folder / "by-id"
        given = ("--node", NODE, "--littlefs", "--links", str(self.links), *options)
        self.line = LineProcess(interpreter, folder, SPEED, *given)
        new_key_file(folder / "site.key", bench_site_key(SEED))
        new_release_key(folder / "release")
        words = {"line": LINE_R1, "recipe": RECIPE_R1, "key": "site.key", "release_key": "release.pub"}
        words |= {"ports": self.links}
        (folder / "site.toml").write_text("".join(f'{key} = "{word}"\n' for key, word in words.items()))

    def bundle(self, version: str, text: str = "", file: str = "events.py") -> Path:
        """A release of these sources, with text behind a file."""
        sources, out = self.folder / "sources", self.folder / f"{version}.zip"
        for name in ("protocol", "firmware"):
            shutil.copytree(ROOT / name, sources / name, dirs_exist_ok=True)
        changed = sources / "firmware" / "spinline_firmware" / file
        changed.write_text(changed.read_text() + "\n\n" + text)
        given = ["--source", str(sources), "--key", str(self.folder / "release"), "--version", version]
        ran = CliRunner().invoke(app, ["bundle", str(out), *given, "--arch", f"{BOARD}=x86"], catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        return out

    def flash(self, release: Path, *options: str) -> dict[str, Any]:
        """What the command says, of one controller."""
        given = ["--site", str(self.folder / "site.toml"), "--bundle", str(release), "--controller", NODE, "--json"]
        ran = CliRunner().invoke(app, ["flash", *given, *options], catch_exceptions=False)
        told = json.loads(ran.stdout)
        assert ran.exit_code == told["exit"], ran.output
        return dict(told["outcomes"][0])

    def record(self) -> list[dict[str, Any]]:
        """Every flash of the site; the chain is whole."""
        assert flash_record.problem_of(self.folder / "records") == ""
        return flash_record.entries_of(self.folder / "records")


@pytest.fixture
def technician(interpreter: Interpreter, tmp_path: Path) -> Iterator[Technician]:
    made = Technician(interpreter, tmp_path)
    yield made
    made.line.close()


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
    done = technician.flash(technician.bundle("1.3.0", CRASH, "app.py"))
    assert (done["result"], done["exit"]) == ("rolled-back", 20)
    assert [entry["result"] for entry in technician.record()] == ["rolled-back"]


def test_an_empty_board_is_set_up_and_runs(interpreter: Interpreter, tmp_path: Path) -> None:
    technician = Technician(interpreter, tmp_path, "--empty", NODE)
    try:
        done = technician.flash(technician.bundle("1.3.0"))
        assert (done["result"], done["exit"]) == ("provisioned", 0), done
        assert technician.flash(technician.folder / "1.3.0.zip")["result"] == "current", "it has its keys"
    finally:
        technician.line.close()


def test_a_full_flash_is_told_and_the_old_firmware_runs(interpreter: Interpreter, tmp_path: Path) -> None:
    technician = Technician(interpreter, tmp_path, "--blocks", "110")
    try:
        done = technician.flash(technician.bundle("1.3.0", f"NEWER = {'1' * 4000!r}\n"))
        assert (done["result"], done["exit"]) == ("device-full", 10), done
        assert technician.flash(technician.folder / "1.3.0.zip", "--dry-run")["result"] == "ready"
    finally:
        technician.line.close()


def test_what_is_refused_is_refused_before_the_board_is_touched(technician: Technician) -> None:
    new = technician.bundle("1.3.0", "NEWER = 1\n")
    port = SerialPort(str(next(technician.links.iterdir())))
    port.read()
    busy = technician.flash(new)
    port.close()
    assert (busy["result"], busy["exit"]) == ("port-busy", 10)

    cut = technician.folder / "cut.zip"
    cut.write_bytes(new.read_bytes()[:-100])
    assert technician.flash(cut)["result"] == "corrupt"

    new_release_key(technician.folder / "other")
    site = technician.folder / "site.toml"
    site.write_text(site.read_text().replace("release.pub", "other.pub"))
    assert technician.flash(new)["result"] == "signature"
    site.write_text(site.read_text().replace("other.pub", "release.pub"))

    note_controller(technician.folder / "controllers.toml", NODE, "00", "")
    assert technician.flash(new)["result"] == "name-taken"
    assert technician.record() == []


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
