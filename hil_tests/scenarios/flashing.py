"""A technician's PC at boards on littlefs behind real ports: site, releases, the command.  Tests nothing itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hil_tests.bench.board_files import BOARD, ROOT
from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.provisioning import bench_site_key
from hil_tests.bench.pty_bench import SEED, LineProcess
from hil_tests.bench.run import LINE_R1, RECIPE_R1
from hil_tests.bench.wall import now_s, rest_until
from spinline.cli import app
from spinline.edges import flash_record
from spinline.edges.keys import new_key_file
from spinline.edges.serial_port import SerialPort, TimedPort
from spinline.edges.signing import new_release_key
from spinline.edges.site import read_site
from spinline.line.board_line import LEASE_MS, BoardLine
from spinline.line.flash_messages import MESSAGES
from spinline.line.node_session import PREPARED, READY, NodeSession
from spinline_protocol import auth, messages
from spinline_protocol.states import CMD_START, STATES

SPEED = 4.0
NODE = "draw"
SPINLINE = Path(sys.executable).with_name("spinline")
TURN_S = 0.004
CAP_S = 60.0  # of a wait for something to be seen
CRASH = "raise RuntimeError('a bug')\n"


class Releases:
    """The maker of releases, with a key; each is made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        new_release_key(folder / "release")

    def bundle(
        self, version: str, text: str = "", file: str = "events.py", name: str = "", image: Path | None = None
    ) -> Path:
        """A release of these sources, with text behind a file; ``name``: of the zip, where that must be another;
        ``image``: MicroPython for the bench's kind of board."""
        out = self.folder / f"{name or version}.zip"
        if out.exists():
            return out
        sources = self.folder / "sources"
        for part in ("protocol", "firmware"):
            shutil.copytree(ROOT / part, sources / part, dirs_exist_ok=True)
        changed = sources / "firmware" / "spinline_firmware" / file
        changed.write_text(changed.read_text() + "\n\n" + text)
        given = ["--source", str(sources), "--key", str(self.folder / "release"), "--version", version]
        given += ["--image", f"{BOARD}={image}"] if image else []
        ran = CliRunner().invoke(app, ["bundle", str(out), *given, "--arch", f"{BOARD}=x86"], catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        return out


class Technician:
    """A PC with its site, and the simulated line before it."""

    def __init__(
        self, interpreter: Interpreter, folder: Path, releases: Releases, *options: str, node: str = NODE
    ) -> None:
        self.folder, self.links, self.bundle = folder, folder / "by-id", releases.bundle
        self.node = node
        given = ("--node", node, "--littlefs", "--links", str(self.links), *options)
        self.line = LineProcess(interpreter, folder, SPEED, *given)
        self.site = folder / "site.toml"
        new_key_file(folder / "site.key", bench_site_key(SEED))
        shutil.copyfile(releases.folder / "release.pub", folder / "release.pub")
        words = {"line": LINE_R1, "recipe": RECIPE_R1, "key": "site.key", "release_key": "release.pub"}
        words |= {"ports": self.links}
        self.site.write_text("".join(f'{key} = "{word}"\n' for key, word in words.items()))

    @property
    def device(self) -> str:
        """The port of the board, by its link."""
        return str(next(self.links.iterdir()))

    def asked(self, release: Path, *options: str) -> list[str]:
        """The command as it is given; of one controller where the options name no other."""
        which = [] if "--controller" in options else ["--controller", self.node]
        return ["flash", "--site", str(self.site), "--bundle", str(release), *which, "--json", *options]

    def flash(self, release: Path, *options: str) -> dict[str, Any]:
        """What the command says, of one controller."""
        ran = CliRunner().invoke(app, self.asked(release, *options), catch_exceptions=False)
        told = json.loads(ran.stdout)
        assert ran.exit_code == told["exit"], ran.output
        return dict(told["outcomes"][0])

    def refused(self, code: str, release: Path, *options: str) -> dict[str, Any]:
        """The command ends with this message: one sentence, one action, its exit code, and no record."""
        entries_n = len(self.record())
        told = self.flash(release, *options)
        assert (told["result"], told["exit"]) == (code, MESSAGES[code].exit), told["sentence"]
        assert told["sentence"] and told["action"] and "\n" not in told["sentence"] + told["action"]
        assert len(self.record()) == entries_n
        return told

    def start(self, release: Path, *options: str) -> subprocess.Popen[str]:
        """The command as a process of its own; it tells its steps on its standard error."""
        plain = [word for word in self.asked(release, *options) if word != "--json"]
        return subprocess.Popen([SPINLINE, *plain], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def shown(self) -> dict[str, str]:
        """The only row of --list."""
        given = ["flash", "--list", "--json", "--site", str(self.site)]
        (row,) = json.loads(CliRunner().invoke(app, given, catch_exceptions=False).stdout)
        return dict(row)

    def record(self) -> list[dict[str, Any]]:
        """Every flash of the site; the chain is whole."""
        assert flash_record.problem_of(self.folder / "records") == ""
        return flash_record.entries_of(self.folder / "records")

    def runs(self) -> tuple[str, str]:
        """Hash of the firmware that answers, and of the one in the other slot."""
        port = SerialPort(self.device)
        key = auth.role_key(bench_site_key(SEED), auth.MAINTENANCE)
        line = BoardLine(self.node, TimedPort(port, _now_us), _turn, key, os.urandom, lambda step, done, total: None)
        try:
            seen = line.look()
            other = line.ask("say what it has", messages.UPDATE_STATUS)["other_sha256"]
            return seen.firmware_sha256, other.hex()
        finally:
            port.close()

    def start_batch(self) -> None:
        """The node is configured and heats; then nobody supervises it any more."""
        site = read_site(self.site)
        key = auth.role_key(site.site_key, auth.OPERATOR)
        session = NodeSession(site.configurations[self.node], "", LEASE_MS, os.urandom, key)
        serial = SerialPort(self.device)
        port = TimedPort(serial, _now_us)

        def begun() -> bool:
            now_us = _turn()
            octets = session.step(port.arrivals(), now_us)
            session.scans, session.events, session.summaries = [], [], []
            if session.phase == PREPARED:
                session.commit(now_us)
            session.renew_lease(session.next_scan, session.first_event)
            if session.phase == READY:
                session.command(CMD_START, now_us // 1000)
            port.write(octets + session.step([], now_us))
            return STATES[session.state] == "STARTING"

        try:
            until(begun)
        finally:
            serial.close()

    def close(self) -> None:
        """End the line."""
        self.line.close()


def _now_us() -> int:
    return round(now_s() * 1e6)


def _turn() -> int:
    rest_until(now_s() + TURN_S)
    return _now_us()


def until(seen: Callable[[], bool]) -> None:
    """Look again and again, for at most CAP_S."""
    end_s = now_s() + CAP_S
    while not seen():
        assert now_s() < end_s, "it was not seen"
        rest_until(now_s() + TURN_S)


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """One maker for all tests of a worker."""
    return Releases(tmp_path_factory.mktemp("releases"))


@pytest.fixture
def technician(interpreter: Interpreter, tmp_path: Path, releases: Releases) -> Iterator[Technician]:
    """At a board that runs."""
    made = Technician(interpreter, tmp_path, releases)
    yield made
    made.close()
