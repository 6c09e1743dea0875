"""One supervisor scan: take what arrived, step the batch, command the nodes, commit the record, then renew the leases.

Pure of I/O: ports and record are handed in, the clock is an argument.  The lease is the last act, after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from spinline.errors import Refused
from spinline.line.alarm_points import AlarmPoints, NodeSeen
from spinline.line.alarms import Alarms, Change
from spinline.line.batch import ENDED, UNSUPERVISED, Batch, NodeView
from spinline.line.changes import Changes
from spinline.line.desk import OF_RECIPE, Asked, Command, Desk, Done, needs_person
from spinline.line.guarded_record import GuardedRecord
from spinline.line.line_mode import node_problem
from spinline.line.live_ledger import SCANS_MAX, LiveLedger
from spinline.line.node_session import DOWNLOADING, PREPARED, READY, REFUSED, NodeSession
from spinline.line.ports import Port, Record
from spinline.line.resets import Resets
from spinline.line.setting import Setting
from spinline.recipe.compiler import NodeConfiguration
from spinline.recipe.models import Recipe
from spinline_protocol.states import CMD_RESET, CMD_SUPERVISE, COMPLETE, FLAG_ALARM, FLAG_HOLD, STOPPED
from spinline_protocol.words import summary_scans

SCAN_US = 1_000_000
SETUP_SCAN_US = 100_000  # while connecting and downloading
RECOVER_US = 5_000_000  # so often a record that failed is tried again
OVER = (STOPPED, COMPLETE)  # of a batch before this one


class Supervisor:
    """The line's supervisor.

    ``start_us`` is the wall time (UTC, us) at virtual or monotonic time 0, ``operator_key`` the operator's key at this
    site (auth.role_key), ``points`` say which alarms stand, ``mode`` what the nodes must be (line_mode.MODES).
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
        points: AlarmPoints,
        mode: str,
        setting: Setting | None = None,
    ) -> None:
        self.mode = mode
        self.alarms = Alarms()
        self._points = points
        self._start_us = start_us
        self._record = record
        self._guarded = GuardedRecord(record)
        self._configurations = configurations
        self._given = (firmware_sha256, lease_ms, entropy, operator_key)
        self.sessions: dict[str, NodeSession] = {}
        self._connect()
        for point, state in record.alarm_states():
            definition = points.definition_of(point)
            if definition and self.alarms.restore(point, definition, state, 0):
                points.restore(point, 0)
        self.ledger = LiveLedger(points.line)
        self.batch = batch
        self._take_over(record.batch_states(), record.recorded_to_us())
        self._desk = Desk(batch, self.alarms, self.start)
        self._changes = Changes(setting, self.sessions, record.settings())
        self._resets = Resets(self.sessions)
        self._asked: list[Asked] = []
        self.problems: list[str] = []
        self._ports = ports
        self._due_us = 0
        self._started = False
        self._committed = False
        self._history_n = 0
        self.scans_n = 0  # that were finished
        self._recover_us = 0

    def _take_over(self, entered: list[tuple[int, str]], left_us: int) -> None:
        """What an earlier supervisor's batch did; from the newest scan that it stored on, nobody supervised."""
        if entered and entered[-1][1] not in (*ENDED, UNSUPERVISED):
            entered = [*entered, (max(left_us, entered[-1][0]), UNSUPERVISED)]
            self._guarded.add_batch_state(*entered[-1], "its supervisor ended")
        for at_us, state in entered:
            self.ledger.enter(at_us, state)
        self.batch.restore((at_us / 1e6, state) for at_us, state in entered)

    def _connect(self) -> None:
        """Sessions that go on behind what the record holds: at the start, and when it is well again."""
        for configuration in self._configurations:
            self.sessions[configuration.name] = NodeSession(configuration, *self._given)
        self._runs = dict.fromkeys(self.sessions, 0)
        for name, known in self._record.known_runs().items():
            self.sessions[name].resume(*known)
        for name, orders in self._record.open_orders().items():
            self.sessions[name].adopt([replace(order, asked_us=order.asked_us - self._start_us) for order in orders])

    def step(self, now_us: int) -> int:
        """One scan at ``now_us`` (monotonic), or before it is due questions about time; returns when to come again."""
        for name, session in self.sessions.items():
            asking = session.ask_time(now_us)
            if asking:
                self._ports[name].write(asking)
        if now_us >= self._due_us:
            self._due_us = self._scan(now_us)
        asked = [session.ask_due_us for session in self.sessions.values()]
        return min([self._due_us, *(max(due_us, now_us + 1) for due_us in asked if due_us is not None)])

    def _scan(self, now_us: int) -> int:
        replies = {}
        self._guarded.end_commit()  # of the scan before: the disk had a second for it
        if self._guarded.trouble:
            self._without_record(now_us)
        for name, session in self.sessions.items():
            replies[name] = session.step(self._ports[name].arrivals(), now_us)
            problem = node_problem(self.mode, name, session.identity) if session.phase != REFUSED else ""
            if problem:
                session.dismiss(problem)
            self._take(name, session, now_us)
        self._do_asked(now_us)
        if self._committed:
            self._step_batch(now_us)
        elif not self._guarded.trouble:
            self._set_up(now_us)
        self._note_batch()
        self._step_ledger(now_us)
        self._step_alarms(now_us)
        ordered = any(session.orders.told for session in self.sessions.values())
        for name, session in self.sessions.items():
            for order in session.orders.told:
                self._guarded.add_order(name, replace(order, asked_us=order.asked_us + self._start_us))
            session.orders.told = []
        self._guarded.begin_commit()
        if ordered:
            self._guarded.end_commit()  # an order is in the record before it leaves
        for name, session in self.sessions.items():
            if not self._guarded.trouble:
                session.renew_lease(self._record.scans_to(name), self._record.events_to(name))
            self._ports[name].write(replies[name] + session.step([], now_us))
        settled = self._committed and all(session.phase == READY for session in self.sessions.values())
        period_us = SCAN_US if settled else SETUP_SCAN_US
        self.scans_n += 1
        return now_us - now_us % period_us + period_us

    def _without_record(self, now_us: int) -> None:
        """Nothing is durable: no acknowledgement, no lease, so the nodes hold, until the disk is well again."""
        if self.problems[-1:] != [self._guarded.trouble]:
            self.problems.append(self._guarded.trouble)
        self.batch.cause("journal lost", now_us / 1e6)
        if now_us >= self._recover_us:
            self._recover_us = now_us + RECOVER_US
            if self._guarded.recover(self._start_us + now_us):
                self._guarded.attempt(self._connect)

    def _take(self, name: str, session: NodeSession, now_us: int) -> None:
        """Everything a session has collected goes to the record."""
        if session.runs_n != self._runs[name] and session.phase == READY and session.identity:
            self._runs[name] = session.runs_n
            self._guarded.open_node(session, self._start_us + now_us)
        if session.refusals:
            self.problems += session.refusals
            session.refusals = []
        if self._runs[name] == 0 or self._runs[name] != session.runs_n or not session.run_sha256:
            return  # what belongs to a run that the record does not know yet waits
        for from_scan, to_scan in session.lost:
            self._guarded.add_gap(name, from_scan, to_scan, self._start_us + now_us)
        session.scans = [left for part in session.scans if (left := self._take_scans(session, *part, now_us))[1]]
        session.summaries = [part for part in session.summaries if not self._take_summaries(session, *part, now_us)]
        for event in session.events:
            self._guarded.add_event(name, self._start_us + now_us, event)
            self._points.event(name, event["code"], event["source"], now_us)
        for from_event, to_event in session.lost_events:
            self._guarded.add_event_gap(name, from_event, to_event, self._start_us + now_us)
        for event in session.earlier_events:
            self._guarded.add_earlier_event(name, self._start_us + now_us, event)
        session.lost, session.events, session.lost_events, session.earlier_events = [], [], [], []

    def _take_scans(self, session: NodeSession, first: int, octets: bytes, now_us: int) -> tuple[int, bytes]:
        """Records go to the record as far as their time is known; returns what has to wait."""
        width = session.record_bytes
        while octets:
            placing = session.clock.place(first, len(octets) // width, now_us)
            if placing is None:
                break
            part = octets[: (placing.to_scan - first) * width]
            utc = replace(placing, at_us=placing.at_us + self._start_us)
            self._guarded.add_scans(session.name, first, utc, part)
            first, octets = first + len(part) // width, octets[len(part) :]
        return first, octets

    def _take_summaries(self, session: NodeSession, first: int, octets: bytes, now_us: int) -> bool:
        """Summaries go to the record; False where their time is not known yet."""
        scans_n, width = summary_scans(session.configuration.scan_ms), session.summary_bytes
        for i in range(len(octets) // width):
            placed = session.clock.at(max((first + i) * scans_n, session.first_scan), now_us)
            if placed is None:
                return False
            record = octets[i * width : (i + 1) * width]
            self._guarded.add_summary(session.name, first + i, placed[0] + self._start_us, placed[1], record)
        return True

    def _set_up(self, now_us: int) -> None:
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
                    session.commit(now_us)
            self._committed = True

    def _step_batch(self, now_us: int) -> None:
        sessions = self.sessions
        for session in sessions.values():
            if session.phase == PREPARED:  # it started again and lost its configuration: the others run theirs
                session.commit(now_us)
        if any(session.phase == REFUSED for session in sessions.values()):
            self.problems += [s.problem for s in sessions.values() if s.problem and s.problem not in self.problems]
        if self.batch.state == "IDLE" and not all(s.phase == READY and s.identity for s in sessions.values()):
            return
        views = {
            name: NodeView(session.state, session.soaked, session.supervised, session.phase == READY)
            for name, session in sessions.items()
        }
        if self.batch.state == "IDLE" and self.batch.goes_on(views):
            self.batch.cause("line active", now_us / 1e6)  # a person must take it over
        elif self._started and self.batch.state == "IDLE":
            over = [session for session in sessions.values() if session.state in OVER]
            for session in over:
                if not session.flags & FLAG_ALARM:  # what is latched waits for a person's reset
                    session.command(CMD_RESET, now_us // 1000)
            if not over and all(session.permit_closed for session in sessions.values()):
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

    def _step_ledger(self, now_us: int) -> None:
        """What the record holds goes to the metres; what comes back are rows of the record and alarms, nothing else."""
        if self._guarded.trouble:
            return
        scans = self._record.stored_scans(self.ledger.tags, SCANS_MAX)
        for deviation in self.ledger.take(scans):
            self._guarded.add_deviation(deviation)
        if self._record.caught_up:
            self._points.claimed(self.ledger.outside, now_us)

    def end_ledger(self) -> None:
        """The batch has ended and nothing more will come: what its last metres were is in the record."""
        for deviation in self.ledger.finish():
            self._guarded.add_deviation(deviation)

    def _step_alarms(self, now_us: int) -> None:
        """Every change is a row of the record, in the commit of this scan."""
        seen = {
            name: NodeSeen(session.phase == READY, session.flags, session.state)
            for name, session in self.sessions.items()
        }
        numbers = (self._record.latest, self._record.latest_quality)
        standing = self._points.scan(seen, self.batch.state, *numbers, now_us)
        self._note_alarms(self.alarms.scan(standing, self.batch.state, now_us))

    def _do_asked(self, now_us: int) -> None:
        """What people asked since the scan before, in the order in which they did."""
        ended = self._changes.step(self.batch.state, now_us)
        if ended is not None:
            self._note_done(*ended, now_us)
        for reset in self._resets.step(now_us):
            self._note_done(*reset, now_us)
        asked, self._asked = self._asked, []
        for one in asked:
            waits = one.command.what in OF_RECIPE or self._resets.takes(one.command)
            try:
                self._guarded.refuse(one.command.what)
                done = self._begin(one, now_us) if waits else self._desk.do(one.command, now_us)
            except Refused as refusal:
                one.refused = str(refusal)
            else:
                if done is not None:
                    self._note_done(one.command, done, now_us)
            one.done = one.done or not waits or bool(one.refused)

    def _begin(self, asked: Asked, now_us: int) -> Done | None:
        """Of the recipe, or a node's reset: it is done when the nodes have said so."""
        needs_person(asked.command)
        if asked.command.what in OF_RECIPE:
            return self._changes.begin(asked, self.batch.state, now_us)
        self._resets.begin(asked, now_us)
        return None

    def _note_done(self, command: Command, done: Done, now_us: int) -> None:
        for what, before, after in done.told(command.what):
            told = (command.who, what, command.why, before or None, after or None)
            self._guarded.add_action(self._start_us + now_us, *told)
        self._note_alarms(done.changes)

    def _note_alarms(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._guarded.add_alarm(replace(change, at_us=change.at_us + self._start_us))

    def _note_batch(self) -> None:
        for at_s, state, cause in self.batch.history[self._history_n :]:
            self._guarded.add_batch_state(self._start_us + round(at_s * 1e6), state, cause)
            self.ledger.enter(self._start_us + round(at_s * 1e6), state)
        self._history_n = len(self.batch.history)

    def ask(self, command: Command) -> Asked:
        """Note what a person asks; the next scan does it, or says in the answer why not."""
        asked = Asked(command)
        self._asked.append(asked)
        return asked

    @property
    def recipe_in_force(self) -> Recipe:
        """The recipe the line runs by now.  Only where the supervisor was given one."""
        return self._changes.recipe

    def start(self) -> None:
        """Start the batch as soon as every node is ready and the line_permit chain is closed.

        Raises Refused where nodes are ABORTED."""
        self._resets.refuse_aborted()
        self._started = True

    @property
    def record_trouble(self) -> str:
        """Why nothing is recorded at present; "" while everything is."""
        return self._guarded.trouble

    @property
    def refused(self) -> bool:
        """True where a node or its configuration was refused: the batch cannot start."""
        return any(session.phase == REFUSED for session in self.sessions.values())

    @property
    def setting_up(self) -> bool:
        """True until every node is configured."""
        phases = {session.phase for session in self.sessions.values()}
        return bool(phases & {DOWNLOADING, PREPARED}) or not self._committed
