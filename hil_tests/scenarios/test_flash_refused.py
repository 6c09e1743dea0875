"""What a technician can do wrong with `spinline flash`: one sentence, an exit code, and the old firmware runs on."""

from __future__ import annotations

import getpass
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter
from spinline.edges.bundle import read_bundle, write_bundle
from spinline.edges.signing import load_public_key, load_secret_key, new_release_key
from spinline.edges.site import note_controller

from .flashing import NODE, Releases, Technician, releases, technician, until

__all__ = ["releases", "technician"]
pytestmark = pytest.mark.wall

HOLDS = (
    "import os, sys; port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('open', flush=True); sys.stdin.read()"
)


@pytest.fixture
def new(releases: Releases) -> Path:
    """A release that every board here would take."""
    return releases.bundle("1.3.0", "NEWER = 1\n")


def untouched(technician: Technician) -> bool:
    """True where the old firmware answers and the other slot holds none."""
    return technician.runs() == (technician.line.told["firmware_sha256"], "")


def test_a_port_that_another_program_has_open_is_told_with_program_and_number(
    technician: Technician, new: Path
) -> None:
    command = [sys.executable, "-c", HOLDS, technician.device]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        told = technician.refused("port-busy", new)
        assert f"(process {other.pid})" in told["sentence"] and "python" in told["sentence"]
        assert f"(process {other.pid})" in technician.shown()["state"]
        other.communicate()
    assert untouched(technician)


def test_of_two_technicians_the_second_is_told_who_is_first(technician: Technician, new: Path, tmp_path: Path) -> None:
    first = technician.start(new)
    assert first.stderr is not None
    while "upload" not in first.stderr.readline():
        assert first.poll() is None
    first.send_signal(signal.SIGSTOP)  # not to be done before the second has been told
    told = technician.refused("another-flash", new)
    assert f"{getpass.getuser()} (process {first.pid})" in told["sentence"]
    site = technician.site.read_text()
    technician.site.write_text(site + 'records = "elsewhere"\n')  # another site's, at the same board
    told = technician.refused("port-busy", new)
    assert f"(process {first.pid})" in told["sentence"]
    technician.site.write_text(site)
    first.send_signal(signal.SIGINT)
    first.send_signal(signal.SIGCONT)
    assert first.wait(20) == 30
    assert "interrupted; draw runs the old firmware" in first.stderr.read()
    assert [entry["result"] for entry in technician.record()] == ["interrupted"]
    assert untouched(technician)


def test_a_line_that_is_hot_or_works_is_refused(
    interpreter: Interpreter, tmp_path: Path, releases: Releases, new: Path
) -> None:
    technician = Technician(interpreter, tmp_path, releases, "--preheated", node="melt")
    try:
        assert technician.refused("hot", new)["sentence"].startswith("melt measures 220 degC at melt.")
        technician.start_batch()
        assert technician.refused("batch-running", new)["sentence"] == "melt is in STARTING"
        technician.refused("batch-running", new, "--cold")
        assert untouched(technician)
    finally:
        technician.close()


def test_bundles_that_are_damaged_forged_or_for_something_else_are_refused(
    technician: Technician, new: Path, releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets, key = new.read_bytes(), releases.folder / "release"
    for name, harmed in (("cut", octets[:-100]), ("flipped", octets[:9000] + b"\0\0\0\0" + octets[9004:])):
        (tmp_path / f"{name}.zip").write_bytes(harmed)
        technician.refused("corrupt", tmp_path / f"{name}.zip")

    release = read_bundle(new, load_public_key(key.with_name("release.pub")))
    esp32 = {name: part for name, part in release.boards.items() if part.port == "esp32"}
    write_bundle(tmp_path / "esp32.zip", "1.3.0", esp32, load_secret_key(key))
    technician.refused("wrong-board", tmp_path / "esp32.zip")

    with monkeypatch.context() as patched:
        patched.setattr("spinline.edges.bundle.MICROPYTHON_MIN", "9.0.0")
        write_bundle(tmp_path / "later.zip", "1.3.0", release.boards, load_secret_key(key))
    technician.refused("micropython", tmp_path / "later.zip")

    new_release_key(tmp_path / "other")
    write_bundle(tmp_path / "forged.zip", "1.3.0", release.boards, load_secret_key(tmp_path / "other"))
    technician.refused("signature", tmp_path / "forged.zip")
    assert untouched(technician)


def test_who_is_meant_has_to_be_clear(technician: Technician, new: Path) -> None:
    technician.refused("no-controller", new, "--controller", "oven")
    technician.refused("unknown-board", new, "--controller", "all")
    note_controller(technician.folder / "controllers.toml", NODE, "00", "")
    technician.refused("name-taken", new)
    technician.line.ask("off", NODE)
    technician.refused("not-found", new)
    row = technician.shown()
    assert (row["controller"], row["state"]) == ("unknown", "no answer: no supply, or no MicroPython")
    technician.line.ask("unplug", NODE)
    technician.refused("not-found", new)
    technician.line.ask("enumerate", NODE)
    technician.line.ask("on", NODE)
    until(lambda: technician.shown()["state"] == "IDLE")
    assert untouched(technician)
