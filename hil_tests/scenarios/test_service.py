"""The service as a technician has it: `spinline serve` as a process on real pseudo-terminals, commands by HTTP."""

from __future__ import annotations

import getpass
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.pty_bench import LineProcess
from hil_tests.bench.run import LINE_R1
from hil_tests.bench.service_kills import into_production, reach, state_of
from hil_tests.bench.service_site import OPERATOR, ServiceSite, holes, journal_of, make_site, noted, scans_lost
from hil_tests.bench.wall import now_s
from spinline.cli import app
from spinline.edges.client import Client, ClientModel, write_client
from spinline.errors import Refused
from spinline.record.series import fetch, reading
from spinline.service.snapshot import temperatures

OF_PEOPLE = "SELECT who, what, why FROM action WHERE what NOT LIKE 'certificate of lot %' ORDER BY n"
pytestmark = [pytest.mark.wall, pytest.mark.xdist_group("service")]
SPEED = 3.0
END_S = 30.0
NODES = ("melt", "bath", "draw")


@dataclass
class Served:
    """A line, and `spinline serve` before it."""

    site: ServiceSite
    folder: Path
    line: LineProcess
    systemd: socket.socket
    speed: float = SPEED  # of the line's clock, times ours
    process: subprocess.Popen[str] | None = None
    url: str = ""
    said: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def command(self, *more: str, name: str = "serve") -> list[str]:
        """What a shell would run."""
        links = self.folder / "by-id"
        ports = [f"--port={node}={next(links.glob(f'*{node.upper()}*'))}" for node in NODES]
        site = self.site
        files = [f"--recipe={site.recipe}", f"--key={site.key}", f"--records={site.records}", f"--tokens={site.tokens}"]
        last = ["--mode=simulated", f"--speed={self.speed:g}", "--http-port=0", *more]
        return [sys.executable, "-m", "spinline.cli", name, str(LINE_R1), *files, *ports, *last]

    def serve(self) -> None:
        """Start it and read where it listens."""
        environment = {"NOTIFY_SOCKET": str(self.folder / "notify"), "PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+): mode simulated, batch ", first)
        assert found, first
        self.url = found[1]
        self.listen()

    def ask(self, *words: str) -> Result:
        """A command of the operator."""
        file = self.folder / "client.toml"
        file.unlink(missing_ok=True)
        write_client(file, ClientModel(url=self.url, token=self.site.token))
        return CliRunner().invoke(app, [*words, "--client", str(file)], catch_exceptions=False)

    def end(self, number: signal.Signals) -> int:
        """What it said goes to ``said``; returns its status."""
        assert self.process is not None
        self.listen()
        self.process.send_signal(number)
        self.said = self.process.communicate(timeout=END_S)[0].splitlines()
        status, self.process = self.process.returncode, None
        return status

    def listen(self) -> None:
        """What systemd was told goes to ``told``, as far as the system's short queue has kept it."""
        try:
            while True:
                self.told += self.systemd.recv(1000).decode().split("\n")
        except BlockingIOError:
            pass  # that was all


@contextmanager
def serving(interpreter: Interpreter, site: ServiceSite, folder: Path, speed: float, *options: str) -> Iterator[Served]:
    """A preheated line with these options of ``pty_line``; the service before it is not started yet."""
    line = LineProcess(interpreter, folder, speed, "--preheated", "--links", str(folder / "by-id"), *options)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
            systemd.bind(str(folder / "notify"))
            made = Served(site, folder, line, systemd, speed)
            try:
                yield made
            finally:
                if made.process is not None:
                    made.end(signal.SIGKILL)
    finally:
        line.close()


@pytest.fixture
def served(interpreter: Interpreter, tmp_path: Path) -> Iterator[Served]:
    with serving(interpreter, make_site(tmp_path), tmp_path, SPEED) as made:
        yield made


def warmth_known(client: Client) -> bool:
    """Of every node there is a number: some seconds after a service begins, when it knows the nodes' clocks."""
    return all(temperatures(client.get("values")).get(tag) is not None for tag in ("melt.Z1.pv", "bath.QUENCH.pv"))


def test_a_batch_is_started_held_resumed_survives_a_kill_and_ends_in_order(served: Served) -> None:
    served.serve()
    client = served.site.client(served.url)
    reach(lambda: all(node["port"] for node in client.get("status")["nodes"]), "the nodes")
    wrong = served.ask("hold")
    assert wrong.exit_code == 1 and "hold is not possible in IDLE (possible: start)" in wrong.output
    started = served.ask("start", "--why", "first shift")
    assert started.exit_code == 0 and started.output.startswith("[simulated] start: done, in the record as ada;")
    into_production(client)
    shown = served.ask("status")
    assert "SIMULATED LINE: no fiber is made" in shown.output and "RUNNING" in shown.output

    assert served.ask("hold", "--why", "spinneret").exit_code == 0
    reach(lambda: state_of(client) == "HELD" and warmth_known(client), "a held line whose temperatures are known")
    declined = CliRunner().invoke(app, ["resume", "--client", str(served.folder / "client.toml")], input="n\n")
    assert declined.exit_code == 1 and "0 scans are lost" in declined.output and "melt.Z1" in declined.output
    assert state_of(client) == "HELD"
    resumed = served.ask("resume", "--yes", "--why", "clean again")
    assert resumed.exit_code == 0, resumed.output
    into_production(client)
    assert served.ask("note", "roll 7").exit_code == 0

    served.end(signal.SIGKILL)
    assert noted(journal_of(served.site)) == ["roll 7"]
    served.serve()
    client = served.site.client(served.url)
    states = []
    reach(lambda: states.append(state_of(client)) or states[-1] != "IDLE", "a service that knows the line")  # type: ignore[func-returns-value]
    assert set(states) <= {"IDLE", "UNSUPERVISED"}
    reach(lambda: warmth_known(client), "temperatures")
    resumed = served.ask("resume", "--yes")
    assert resumed.exit_code == 0, resumed.output
    assert "without a supervisor for" in resumed.output
    into_production(client)

    assert served.end(signal.SIGTERM) == 0
    assert re.search(r"SIGTERM: the journal is committed; line left in RUNNING; without a lease", served.said[-1])
    served.listen()
    assert served.told.count("READY=1") == 2 and served.told[-1] == "STOPPING=1"
    assert set(served.told) == {"READY=1", "WATCHDOG=1", "STOPPING=1"}
    _look_at_the_record(served)


def test_run_serves_starts_and_shows_the_batch_until_it_is_told_to_end(served: Served) -> None:
    served.process = subprocess.Popen(served.command("--why=shift", name="run"), stdout=subprocess.PIPE, text=True)
    assert served.process.stdout is not None
    shown: list[str] = []
    end_s = now_s() + END_S
    while not any("RUNNING" in line or "UNSUPERVISED" in line for line in shown) and now_s() < end_s:
        shown.append(served.process.stdout.readline())
    assert shown[0].startswith("http://127.0.0.1:") and all(line.startswith("[simulated] ") for line in shown[1:])
    assert served.end(signal.SIGINT) == 0
    assert served.said[-1].startswith("SIGINT: the journal is committed; line left in ")
    with reading(journal_of(served.site)) as connection:
        (who, what, why), *_rest = fetch(connection, OF_PEOPLE)
    assert (who, what, why) == (getpass.getuser(), "start", "shift")


def _look_at_the_record(served: Served) -> None:
    journal = journal_of(served.site)
    assert holes(journal) == [] and scans_lost(journal) == 0
    with reading(journal) as connection:
        assert fetch(connection, "SELECT mode FROM batch") == [("simulated",)]
        assert {words.split()[1] for (words,) in fetch(connection, "SELECT micropython FROM run")} == {"linux"}
        actions = fetch(connection, OF_PEOPLE)
        states = [state for (state,) in fetch(connection, "SELECT state FROM batch_state ORDER BY rowid")]
    assert [what for _who, what, _why in actions] == ["start", "hold", "resume", "note", "resume", "service ends"]
    assert {who for who, _what, _why in actions[:-1]} == {OPERATOR}
    resumes = [why for _who, what, why in actions if what == "resume"]
    assert "clean again [shown" in resumes[0] and "nobody supervised for" in resumes[1]
    before = [states[i - 1] for i, state in enumerate(states) if state == "RESTARTING"]
    assert before == ["HELD", "UNSUPERVISED"], "nothing leads back but a person"


def test_a_second_service_is_refused_with_program_and_number_of_the_first(served: Served) -> None:
    served.serve()
    assert served.process is not None
    second = subprocess.run(served.command(), capture_output=True, text=True, timeout=END_S)
    assert second.returncode == 2
    who = rf"\S+ \(process {served.process.pid}\)"
    assert re.search(rf"refused: melt: \S+ is in use by {who}; a port has one supervisor", second.stderr), second.stderr

    reach(lambda: journal_of(served.site).exists(), "a journal")
    elsewhere = [f"--port={node}={served.folder}/none-{node}" for node in NODES]
    command = [word for word in served.command() if not word.startswith("--port=")]
    third = subprocess.run([*command, *elsewhere], capture_output=True, text=True, timeout=END_S)
    assert third.returncode == 2
    assert re.search(rf"another program is writing this journal: {who}", third.stderr), third.stderr


def test_a_line_refuses_a_disturbance_that_there_is_not_and_lives_on(served: Served) -> None:
    with pytest.raises(Refused, match=r"disturb: there is no 'nothing' \(allowed: ambient_offset_K, "):
        served.line.ask("disturb", "nothing", 1.0)
    with pytest.raises(Refused, match=r"disturb: plasticizer_ratio = 'half' \(allowed: a number\)"):
        served.line.ask("disturb", "plasticizer_ratio", "half")
    assert isinstance(served.line.ask("permit", "melt"), bool)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--mode=line", "--speed=1"], None),
        (["--mode=line"], "--speed 3: a line in mode line has a clock of its own"),
        (["--port=oven=/dev/null"], "--port oven=/dev/null: NODE=DEVICE is expected, with a node of melt, bath, draw"),
        (["--host=192.0.2.1"], "--host 192.0.2.1 --http-port 0: cannot listen there"),
        (["--recipe=recipes/refused_plasticizer.toml"], "the check refuses it"),
        (["--tokens=none.toml"], "none.toml: cannot be read"),
        (["--records=/proc/none"], "/proc/none: cannot be made"),
    ],
)
def test_what_cannot_be_served_is_refused_whole(served: Served, more: list[str], says: str | None) -> None:
    if says is not None:
        refused = subprocess.run(served.command(*more), capture_output=True, text=True, timeout=END_S)
        assert refused.returncode == 2 and says in refused.stderr, refused.stderr
        assert not list(served.site.records.glob("*.sqlite"))
        return
    served.process = subprocess.Popen(served.command(*more), stdout=subprocess.PIPE, text=True)
    assert served.process.stdout is not None
    client = served.site.client(served.process.stdout.readline().partition(": ")[0])
    reach(lambda: len(client.get("status")["problems"]) == len(NODES), "every simulation refused")
    status = client.get("status")
    assert status["mode"] == "line"
    assert "is a simulation and the mode is line (allowed: simulated)" in status["problems"][0]
    client.order("start", {})
    assert state_of(client) == "IDLE" and {node["phase"] for node in status["nodes"]} == {"REFUSED"}
    with reading(journal_of(served.site)) as connection:
        assert fetch(connection, "SELECT count(*) FROM run") == [(0,)], "nothing of a simulation is in its record"
