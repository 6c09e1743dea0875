"""One supervisor scan: take what arrived, step the batch, command the nodes, commit the record, then renew the leases.

Pure of I/O: ports and record are handed in, the clock is an argument.  The lease is the last act, after the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from spinline.line.batch import Batch, NodeView
from spinline.line.node_session import DOWNLOADING, PREPARED, READY, REFUSED, NodeSession
from spinline.recipe.compiler import NodeConfiguration
from spinline_protocol.states import ACTIVE, CMD_SUPERVISE, FLAG_HOLD

SCAN_US = 1_000_000
SETUP_SCAN_US = 100_000  # while connecting and downloading


class Port(Protocol):
    """A node's serial line."""

    def read(self) -> bytes:
        """Bytes that have arrived; empty where there are none."""

    def write(self, octets: bytes) -> None:
        """Send bytes; never waits."""


class Record(Protocol):
    """Where the supervisor writes what it saw.  ``commit`` makes it durable or raises; only then is it acknowledged."""

    def open_node(self, session: NodeSession) -> None:
        """A node answered: its scans and events belong to this run from now on."""

    def add_scans(self, name: str, first_scan: int, at_us: int, records: bytes) -> None:
        """Scan records in order; ``at_us`` is the time of the first of them."""

    def add_summaries(self, name: str, first: int, zero_us: int, records: bytes) -> None:
        """Summaries from number ``first`` on; ``zero_us`` is the time of scan 0.  One that is there stays as it is."""

    def add_gap(self, name: str, from_scan: int, to_scan: int, at_us: int) -> None:
        """Scans that are lost."""

    def add_event(self, name: str, at_us: int, fields: dict[str, Any]) -> None:
        """An event of a node."""

    def add_batch_state(self, at_us: int, state: str, cause: str) -> None:
        """The batch changed its state."""

    def commit(self) -> None:
        """Make everything durable."""

    def scans_to(self, name: str) -> int:
        """The first scan of the node that the record does not hold yet."""

    def events_to(self, name: str) -> int:
        """The first event of the node that the record does not hold yet."""

    def known_runs(self) -> dict[str, tuple[int, int, int]]:
        """What the record holds from before: node -> boot id, next scan, next event."""


class Supervisor:
    """The line's supervisor.

    ``start_us`` is the wall time (UTC, us) at virtual or monotonic time 0, ``operator_key`` the operator's key at this
    site (auth.role_key).
    """

    def __init__(
        self,
        configurations: list[NodeConfiguration],
        firmware_sha256: str,
        lease_ms: int,
        ports: dict[str, Port],
        record: Record,
        batch: Batch,
        entropy: Callable[[int], bytes],
        start_us: int,
        operator_key: bytes,
    ) -> None:
        self.sessions = {
            configuration.name: NodeSession(configuration, firmware_sha256, lease_ms, entropy, operator_key)
            for configuration in configurations
        }
        for name, known in record.known_runs().items():
            self.sessions[name].resume(*known)
        self.batch = batch
        self.problems: list[str] = []
        self._ports = ports
        self._record = record
        self._start_us = start_us
        self._runs = dict.fromkeys(self.sessions, 0)
        self._offset_us: dict[str, int] = {}
        self._started = False
        self._committed = False
        self._history_n = 0

    def step(self, now_us: int) -> int:
        """One scan at ``now_us`` (monotonic); returns when the next one is due."""
        replies = {}
        for name, session in self.sessions.items():
            replies[name] = session.step(self._ports[name].read(), now_us // 1000)
            self._take(name, session, now_us)
        if self._committed:
            self._step_batch(now_us)
        else:
            self._set_up()
        self._note_batch()
        self._record.commit()
        for name, session in self.sessions.items():
            session.renew_lease(self._record.scans_to(name), self._record.events_to(name))
            self._ports[name].write(replies[name] + session.step(b"", now_us // 1000))
        settled = self._committed and all(session.phase == READY for session in self.sessions.values())
        period_us = SCAN_US if settled else SETUP_SCAN_US
        return now_us - now_us % period_us + period_us

    def _take(self, name: str, session: NodeSession, now_us: int) -> None:
        """Everything a session has collected goes to the record."""
        if session.runs_n != self._runs[name] and session.phase == READY and session.identity:
            self._runs[name] = session.runs_n
            self._record.open_node(session)
            self._offset_us.pop(name, None)
        if session.refusals:
            self.problems += session.refusals
            session.refusals = []
        if self._runs[name] == 0 or self._runs[name] != session.runs_n:
            return  # what belongs to a run that the record does not know yet waits
        for from_scan, to_scan in session.lost:
            self._record.add_gap(name, from_scan, to_scan, self._start_us + now_us)
        for first, octets in session.scans:
            self._record.add_scans(name, first, self._scan_time_us(session, first, len(octets), now_us), octets)
        if name in self._offset_us:  # known with the first scan of a run
            for first, octets in session.summaries:
                self._record.add_summaries(name, first, self._start_us + self._offset_us[name], octets)
            session.summaries = []
        for event in session.events:
            self._record.add_event(name, self._start_us + now_us, event)
        session.lost, session.scans, session.events = [], [], []

    def _scan_time_us(self, session: NodeSession, first: int, octets_n: int, now_us: int) -> int:
        """When scan ``first`` was: scan number times period, placed by the promptest frame so far."""
        scan_us = session.configuration.scan_ms * 1000
        last = first + octets_n // session.record_bytes - 1
        offset_us = now_us - last * scan_us
        self._offset_us[session.name] = min(self._offset_us.get(session.name, offset_us), offset_us)
        return self._start_us + self._offset_us[session.name] + first * scan_us

    def _set_up(self) -> None:
        """Two-phase download: commit on all nodes when all are prepared, on none where one refuses."""
        sessions = list(self.sessions.values())
        refused = [session for session in sessions if session.phase == REFUSED]
        if refused:
            for session in sessions:
                session.cancel()
            self.problems += [session.problem for session in refused if session.problem not in self.problems]
        elif all(session.phase in (PREPARED, READY) for session in sessions):
            for session in sessions:
                if session.phase == PREPARED:
                    session.commit()
            self._committed = True

    def _step_batch(self, now_us: int) -> None:
        sessions = self.sessions
        if any(session.phase == REFUSED for session in sessions.values()):
            self.problems += [s.problem for s in sessions.values() if s.problem and s.problem not in self.problems]
        if self.batch.state == "IDLE" and not all(session.phase == READY for session in sessions.values()):
            return
        views = {
            name: NodeView(session.state, session.soaked, session.supervised, session.phase == READY)
            for name, session in sessions.items()
        }
        if self.batch.state == "IDLE" and any(view.state in ACTIVE for view in views.values()):
            self.batch.cause(
                "line active", now_us / 1e6
            )  # this supervisor did not start it: a person must take it over
        elif self._started and self.batch.state == "IDLE":
            if all(session.permit_closed for session in sessions.values()):
                self.batch.cause("start", now_us / 1e6)
        else:
            self.batch.scan(views, now_us / 1e6)
        for name, session in sessions.items():
            command = CMD_SUPERVISE if self._resuming(session) else self.batch.command_for(views[name])
            if command:
                session.command(command, now_us // 1000)

    def _resuming(self, session: NodeSession) -> bool:
        """A person said resume: nodes that hold since the lease ran out are told so explicitly."""
        return self.batch.state == "RESTARTING" and bool(session.flags & FLAG_HOLD)

    def _note_batch(self) -> None:
        for at_s, state, cause in self.batch.history[self._history_n :]:
            self._record.add_batch_state(self._start_us + round(at_s * 1e6), state, cause)
        self._history_n = len(self.batch.history)

    def start(self) -> None:
        """Start the batch as soon as every node is ready and the line_permit chain is closed."""
        self._started = True

    @property
    def refused(self) -> bool:
        """True where a node or its configuration was refused: the batch cannot start."""
        return any(session.phase == REFUSED for session in self.sessions.values())

    @property
    def setting_up(self) -> bool:
        """True until every node is configured."""
        phases = {session.phase for session in self.sessions.values()}
        return bool(phases & {DOWNLOADING, PREPARED}) or not self._committed
