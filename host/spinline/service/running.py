"""Puts the service together and runs it: the loop in this thread, the HTTP server in another.

The loop alone touches supervisor, ports and journal.  It ends by SIGTERM or SIGINT: what was collected is committed,
no lease is renewed any more, and the nodes go to hold by themselves.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from spinline.edges import clock
from spinline.edges.batch_documents import add_documents
from spinline.edges.found_boards import holders_of
from spinline.edges.serial_port import SerialPort, TimedPort, wait_for_bytes
from spinline.errors import BadInput
from spinline.line.alarm_points import AlarmPoints
from spinline.line.batch import Batch
from spinline.line.line_mode import SIMULATED
from spinline.line.setting import Setting
from spinline.line.supervisor import Supervisor
from spinline.recipe.check import CheckExit, CheckReport
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import Line
from spinline.record import journal as journals
from spinline.record.plan_record import keep_plan
from spinline.service.api import make_app
from spinline.service.batches import Batches, record_of
from spinline.service.core import Core, ServiceRecord
from spinline.service.judging import Judging
from spinline.service.notify import READY, STOPPING, WATCHDOG, Notifier
from spinline.service.tokens import Doorkeeper
from spinline_protocol import auth

LISTEN_US = 4_000  # at the least between two looks at the ports: bytes get the time at which they are heard
LOOK_US = 50_000  # at the most: a port that was pulled is tried again
SERVER_END_S = 3.0


@dataclass(frozen=True)
class Given:
    """What a service is started with.  ``firmware_sha256``: of the nodes, hex; empty: whatever speaks our protocol.

    ``speed``: of a simulated line's clock, times ours; 1 on every other one.
    """

    line: Line
    line_path: Path
    recipe_path: Path
    report: CheckReport
    site_key: bytes
    folder: Path
    ports: Mapping[str, str]
    mode: str
    tokens: Path
    host: str
    http_port: int
    firmware_sha256: str = ""
    speed: float = 1.0


class Service:
    """One service.  Raises BadInput before anything is begun; then `run` until it is told to end."""

    def __init__(self, given: Given, notifier: Notifier, say: Callable[[str], None]) -> None:
        _refuse_unfit(given)
        self._given, self._notifier, self._say = given, notifier, say
        doorkeeper = Doorkeeper(given.tokens)
        self._listening = _listening(given.host, given.http_port)
        self._ending = ""
        self._scans_n = 0
        self._batches = Batches(given.folder)
        started_us = clock.utc_us()
        journal, self.kept, newest_us = self._batches.open(_batch_of(given, started_us))
        self._begun_us = clock.monotonic_us()
        began_us = self.kept.batch.started_us  # a simulated line at speed has lived further than our clock since then
        self._start_us = began_us + round((started_us - began_us) * given.speed)
        self._note_unattended(newest_us)
        serial_ports = {name: SerialPort(device) for name, device in given.ports.items()}
        self._timed = {name: TimedPort(port, self._now_us) for name, port in serial_ports.items()}
        self.kept.port_problems = lambda: {name: port.problem for name, port in serial_ports.items()}
        self.supervisor, self._record = self._supervisor(journal)
        self.core = Core(self.supervisor, self._record, self.kept, self._start_us)
        self._judging = Judging(given.line, given.report, self._record, Path(self.kept.journal), self.core.leave)
        if not newest_us:
            keep_plan(journal, given.report, self._start_us)
            add_documents(journal, self._start_us, given.report.recipe, given.recipe_path, given.line_path)
        app = make_app(self.core, doorkeeper, lambda now_us: record_of(Path(self.kept.journal), given.line, now_us))
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        )

    def _note_unattended(self, newest_us: int) -> None:
        """How long the line was without a supervisor: shown before a resume."""
        if newest_us and self.kept.course:
            span = {"from_us": newest_us, "to_us": self._start_us}
            self.kept.unattended = span | {"seconds": round((self._start_us - newest_us) / 1e6, 1)}

    def _supervisor(self, journal: journals.Journal) -> tuple[Supervisor, ServiceRecord]:
        given, recipe = self._given, self._given.report.recipe
        configurations = [compile_node(given.line, node, recipe) for node in given.line.node]
        record = ServiceRecord(journal, configurations, self.kept)
        batch = Batch(float(recipe.program.threading_min) * 60, float(recipe.program.production_min) * 60)
        supervisor = Supervisor(
            configurations,
            given.firmware_sha256,
            given.line.node[0].lease_ms,
            dict(self._timed),
            record,
            batch,
            os.urandom,
            self._start_us,
            auth.role_key(given.site_key, auth.OPERATOR),
            AlarmPoints(given.line),
            given.mode,
            Setting(given.line, given.recipe_path, recipe, given.report.papers, clock.utc_day()),
        )
        return supervisor, record

    @property
    def journal(self) -> journals.Journal:
        """The one that is written now: where the disk failed it was opened again."""
        return self._record.journal

    @property
    def url(self) -> str:
        """Where the interface is."""
        host, port = self._listening.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _now_us(self) -> int:
        return round((clock.monotonic_us() - self._begun_us) * self._given.speed)

    def end(self, why: str) -> None:
        """From a signal or another thread: the loop ends after its step."""
        self._ending = why

    def run(self, began: Callable[[], None] = lambda: None) -> None:
        """Supervise until told to end.  ``began`` is called once everything runs.  Raises JournalBroken."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda caught, _frame: self.end(signal.Signals(caught).name))
        server = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]}, name="http")
        server.start()
        try:
            self._loop(began)
        finally:
            self._notifier.tell(STOPPING)
            self.core.end("the service ends")
            self._server.should_exit = True
            server.join(SERVER_END_S)
            self._close()

    def _loop(self, began: Callable[[], None]) -> None:
        due_us, told = 0, False
        while not self._ending:
            due_us = self.core.step(max(due_us, self._now_us()))
            if self.supervisor.scans_n != self._scans_n:
                self._scans_n = self.supervisor.scans_n
                self._notifier.tell(WATCHDOG)
                self._judging.look(self.supervisor.batch.ended, self._start_us + self._now_us())
            if not told and self._server.started:
                told = True
                self._notifier.tell(READY)
                self._say(f"{self.url}: mode {self._given.mode}, batch {self.kept.batch.name}, {self.kept.journal}")
                began()
            self._rest(due_us)

    def _rest(self, due_us: int) -> None:
        """Until the supervisor is due, hearing the ports."""
        while (left_us := (due_us - self._now_us()) / self._given.speed) > 0 and not self._ending:
            for port in self._timed.values():
                port.listen()
            ours_us = clock.monotonic_us()
            clock.rest_until_us(ours_us + min(LISTEN_US, round(left_us)))
            wait_for_bytes(self._timed.values(), min(LOOK_US, round(left_us) - LISTEN_US))

    def _close(self) -> None:
        """What was collected is committed, and everybody is told how the line was left."""
        at_us = self._start_us + self._now_us()
        state = self.supervisor.batch.state
        left = f"line left in {state}"
        if state != "IDLE" and not self.supervisor.batch.ended:
            left += f"; without a lease its nodes go to hold within {self._given.line.node[0].lease_ms} ms"
        try:
            if self.supervisor.batch.ended:
                self.supervisor.end_ledger()
            self.journal.add_action(at_us, "spinline", "service ends", self._ending, None, left)
            if self.supervisor.batch.ended:
                self._judging.finish(at_us)
            self.journal.commit()
            if self.supervisor.batch.ended:
                self._batches.ended()
            self._say(f"{self._ending}: the journal is committed; {left}")
        finally:
            self.journal.close()
            for port in self._timed.values():
                port.close()
            self._notifier.close()


def _refuse_unfit(given: Given) -> None:
    """A recipe that the check refuses is not run, and a port that another program has is not taken."""
    report, problems = given.report, []
    if report.exit_code is not CheckExit.MET:
        names = [
            f"claim {claim.claim}: {claim.verdict.value}" for claim in (*report.failed_claims, *report.open_claims)
        ]
        names += [f"window {row.id}" for row in report.failed_windows]
        problems.append(f"{given.recipe_path}: the check refuses it ({'; '.join(names)}); see `spinline check`")
    if given.speed != 1.0 and given.mode != SIMULATED:
        problems.append(f"--speed {given.speed:g}: a line in mode {given.mode} has a clock of its own (allowed: 1)")
    for name, device in given.ports.items():
        others = holders_of(device) if os.path.exists(device) else []
        if others:
            problems.append(f"{name}: {device} is in use by {', '.join(others)}; a port has one supervisor")
    if problems:
        raise BadInput(problems)


def _listening(host: str, port: int) -> socket.socket:
    """The socket of the interface.  Raises BadInput where another program has it, or the address is not ours."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise BadInput([f"--host {host} --http-port {port}: cannot listen there: {error.strerror}"]) from None


def _batch_of(given: Given, at_us: int) -> journals.Batch:
    recipe = given.report.recipe.recipe
    name = f"{recipe.name}-{clock.stamp(at_us)}"
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (given.recipe_path, given.line_path)]
    return journals.Batch(name, recipe.name, recipe.version, hashes[0], given.line.name, hashes[1], given.mode, at_us)
