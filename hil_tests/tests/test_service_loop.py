"""The service's loop: what systemd is told of it, and that no reader holds it up.  Its ports lead nowhere."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from hil_tests.bench.run import LINE_R1
from hil_tests.bench.service_site import journal_of, make_site, noted
from hil_tests.bench.wall import Beside, Signal, now_s, rest_until
from spinline.edges import clock
from spinline.edges.client import NoAnswer
from spinline.edges.keys import load_key_file
from spinline.errors import BadInput
from spinline.recipe.check import check_recipe
from spinline.recipe.line_model import load_line
from spinline.record.journal import Journal
from spinline.service.feed import WAITING_N_MAX
from spinline.service.notify import Notifier
from spinline.service.running import Given, Service

pytestmark = [pytest.mark.wall, pytest.mark.xdist_group("service")]
UNIT = Path(__file__).resolve().parents[2] / "host" / "spinline.service"
CAP_S = 20.0
STUCK_S = 1.0
FLOOD_BYTES = 2_000_000  # of one snapshot: more than what a system keeps for a reader that does not read


class Rig:
    """A service in this thread, and what systemd hears of it."""

    def __init__(self, folder: Path) -> None:
        self.site = make_site(folder)
        self.systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.systemd.bind(str(folder / "notify"))
        ports = {node: str(folder / f"none-{node}") for node in ("melt", "bath", "draw")}
        report = check_recipe(self.site.recipe, clock.utc_day())
        files = (load_line(LINE_R1), LINE_R1, self.site.recipe, report, load_key_file(self.site.key), self.site.records)
        self.given = Given(*files, ports, "simulated", self.site.tokens, "127.0.0.1", 0)
        self.service = Service(self.given, Notifier({"NOTIFY_SOCKET": str(folder / "notify")}), lambda _words: None)
        self.problem: BaseException | None = None

    def heard(self) -> list[str]:
        found = []
        try:
            while True:
                found += self.systemd.recv(100).decode().split("\n")
        except BlockingIOError:
            return found

    def run(self, visit) -> None:
        """The service, and a visitor beside it; its loop ends with the visit."""

        def all_of_it() -> None:
            try:
                visit()
            except BaseException as problem:  # told in the test's own thread
                self.problem = problem
            self.service.end("the visit is over")

        def began() -> None:
            Beside(all_of_it)

        self.service.run(began)
        if self.problem:
            raise self.problem

    def scans(self, more_n: int) -> None:
        """Wait for so many more."""
        until, end_s = self.service.supervisor.scans_n + more_n, now_s() + CAP_S
        while self.service.supervisor.scans_n < until:
            assert now_s() < end_s, "the loop stands"
            rest_until(now_s() + 0.01)


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    made.systemd.close()


def test_the_watchdog_is_fed_by_finished_scans_and_by_nothing_else(rig):
    def visit() -> None:
        rig.scans(3)
        heard = rig.heard()
        assert heard.count("READY=1") == 1 and "WATCHDOG=1" in heard
        stuck, free = Signal(), Signal()
        rig.service.core.leave(stuck.set)
        rig.service.core.leave(lambda: free.wait(CAP_S) and None)
        assert stuck.wait(CAP_S)
        rig.heard()
        client = rig.site.client(rig.service.url)
        assert client.get("status")["mode"] == "simulated", "the server lives, and that is no reason to feed it"
        rest_until(now_s() + STUCK_S)
        assert rig.heard() == []
        free.set()
        rig.scans(2)
        assert set(rig.heard()) == {"WATCHDOG=1"}

    rig.run(visit)
    assert rig.heard()[-1] == "STOPPING=1"


def test_a_reader_that_does_not_read_holds_nobody_up_and_is_told_what_it_lost(rig):
    def visit() -> None:
        host, port = rig.service.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=CAP_S) as reader:
            head = f"GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {rig.site.token}\r\n\r\n"
            reader.sendall(head.encode())
            while not rig.service.core.feed.readers_n:
                rig.scans(1)
            began_s = now_s()
            for _ in range(4 * WAITING_N_MAX):
                rig.service.core.feed.publish("x" * FLOOD_BYTES)
                rig.scans(1)
            assert now_s() - began_s < CAP_S
            assert rig.site.client(rig.service.url).get("status")["state"] == "IDLE"
            octets = b""
            while b"event: dropped\ndata: {" not in octets[-4_100_000:]:
                part = reader.recv(1 << 20)
                assert part, "the stream ended"
                octets += part

    rig.run(visit)


def test_a_port_that_leads_nowhere_is_told_with_its_name(rig):
    def visit() -> None:
        rig.scans(3)
        nodes = rig.site.client(rig.service.url).get("status")["nodes"]
        assert [(node["answers"], node["state"]) for node in nodes] == [(False, "UNKNOWN")] * 3
        assert all(f"none-{node['name']}" in node["problem"] for node in nodes), nodes

    rig.run(visit)


def test_a_disk_that_is_full_is_told_to_everybody_and_what_was_done_meanwhile_is_recorded_afterwards(rig):
    told: list[str] = []

    def visit() -> None:
        client = rig.site.client(rig.service.url)
        client.order("note", {"why": "there is room"})
        rig.service.core.leave(lambda: _fill(rig.service.journal))
        with pytest.raises(NoAnswer, match="the disk did not take a commit.*it was done, and is not in the record yet"):
            for i in range(1000):
                client.order("note", {"why": f"{i} " + "x" * 490})
                told.append(f"{i} ")
        rig.scans(3)  # opened anew, the file may grow
        client.order("note", {"why": "there is room again"})

    rig.run(visit)
    there = noted(journal_of(rig.site))
    assert (there[0], there[-1]) == ("there is room", "there is room again")
    assert [note[: note.index(" ") + 1] for note in there[1:-1]] == [*told, f"{len(told)} "]


def _fill(journal: Journal) -> None:
    """From now on the file may not grow: what a full disk does to a commit."""
    connection = journal._connection
    connection.pragma("max_page_count", connection.pragma("page_count"))


def test_a_second_service_on_the_address_of_the_first_is_refused(rig, tmp_path):
    port = int(rig.service.url.rpartition(":")[2])
    with pytest.raises(BadInput, match=f"--http-port {port}: cannot listen there: Address already in use"):
        Service(Given(**{**vars(rig.given), "http_port": port}), Notifier({}), lambda _words: None)
    rig.service.journal.close()


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("missing tool: systemd-analyze")
    unit = tmp_path / UNIT.name
    program = shutil.which("true")
    text = UNIT.read_text(encoding="utf-8").replace("/opt/spinline/.venv/bin/spinline", str(program))
    unit.write_text(text, encoding="utf-8")
    found = subprocess.run([tool, "verify", "--man=no", str(unit)], capture_output=True, text=True)
    told = [line for line in found.stderr.splitlines() if UNIT.name in line]
    assert told == [] and found.returncode == 0, found.stderr
    assert "Type=notify\n" in text and "WatchdogSec=10\n" in text
