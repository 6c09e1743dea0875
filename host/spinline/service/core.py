"""The middle of the service: the one thread that has supervisor and journal, and the doors to it for all the others.

Other threads leave commands in a queue and read snapshots that nobody changes any more; nothing else passes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

from spinline.errors import Refused, SpinlineError
from spinline.line.desk import Asked, Command
from spinline.line.supervisor import Supervisor
from spinline.recipe.compiler import NodeConfiguration
from spinline.record.batch_record import BatchRecord
from spinline.record.journal import Journal, JournalBroken
from spinline.service.feed import Feed
from spinline.service.resuming import Shown
from spinline.service.snapshot import Kept, Snapshot, snapshot, units_of

COMMANDS_A_SCAN_MAX = 50


class Unanswered(SpinlineError):
    """Nobody knows whether a command was done: the journal did not take it, or the service ends."""


class ServiceRecord(BatchRecord):
    """A batch's record that keeps, for the views, what people did, the course, and when it was durable last."""

    def __init__(self, journal: Journal, configurations: list[NodeConfiguration], kept: Kept) -> None:
        super().__init__(journal, configurations)
        self._kept = kept

    def add_action(self, at_us: int, who: str, what: str, why: str, old: str | None, new: str | None) -> None:
        """What a person did, before and after."""
        super().add_action(at_us, who, what, why, old, new)
        self._kept.actions.append({"at_us": at_us, "who": who, "what": what, "why": why, "old": old, "new": new})

    def add_batch_state(self, at_us: int, state: str, cause: str) -> None:
        """The batch changed its state."""
        super().add_batch_state(at_us, state, cause)
        self._kept.course.append({"at_us": at_us, "state": state, "cause": cause})


@dataclass
class Waiting:
    """A command on its way, and who waits for its end.  ``shown``: the proof of what was shown before a resume."""

    command: Command
    shown: str
    answer: Future[Snapshot]
    asked: Asked | None = None


class Core:
    """``start_us`` is UTC at time 0 of the supervisor's clock.  `step` is the loop's; the rest is for every thread."""

    def __init__(self, supervisor: Supervisor, record: BatchRecord, kept: Kept, start_us: int) -> None:
        self._supervisor, self._record, self._kept, self._start_us = supervisor, record, kept, start_us
        self._units = units_of(supervisor)
        self._commands: SimpleQueue[Waiting] = SimpleQueue()
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._scans_n = 0
        self._flying: list[Waiting] = []
        self.feed = Feed()
        self.shown = Shown()
        self.latest = snapshot(supervisor, record, kept, self._units, start_us, 0)

    def ask(self, command: Command, shown: str = "") -> Future[Snapshot]:
        """The views after it was done and is on the disk; or Refused, or Unanswered."""
        waiting = Waiting(command, shown, Future())
        self._commands.put(waiting)
        return waiting.answer

    def leave(self, job: Callable[[], None]) -> None:
        """Something for the loop to do before its next scan."""
        self._jobs.put(job)

    def step(self, now_us: int) -> int:
        """One step of the supervisor; returns when to come again."""
        self._take_commands()
        self._do_jobs()
        due_us = self._supervisor.step(now_us)
        if self._supervisor.scans_n != self._scans_n:
            self._scans_n = self._supervisor.scans_n
            self._settle(now_us)
        return due_us

    def end(self, why: str) -> None:
        """Nobody waits for ever: who still does is told that the end of the command is not known."""
        self._take_commands()
        for waiting in self._flying:
            waiting.answer.set_exception(Unanswered(f"{why}; whether it was done is not known: look at the actions"))
        self._flying = []

    def _take_commands(self) -> None:
        for _ in range(COMMANDS_A_SCAN_MAX - len(self._flying)):
            try:
                waiting = self._commands.get_nowait()
            except Empty:
                return
            try:
                waiting.asked = self._supervisor.ask(self._proved(waiting))
                self._flying.append(waiting)
            except Refused as refusal:
                waiting.answer.set_exception(refusal)

    def _proved(self, waiting: Waiting) -> Command:
        """A resume carries what was shown before it, and the record says so."""
        command = waiting.command
        if command.what != "resume":
            return command
        words = self.shown.words_of(waiting.shown, self.latest.status)
        return replace(command, why=f"{command.why} [{words}]".strip())

    def _do_jobs(self) -> None:
        while not self._jobs.empty():
            self._jobs.get_nowait()()

    def _trouble(self, wanted: bool) -> str:
        """Why the record is not on the disk; it is waited for where somebody waits."""
        try:
            if wanted and not self._supervisor.record_trouble:
                self._record.end_commit()
        except JournalBroken as broken:
            return str(broken)
        return self._supervisor.record_trouble

    def _settle(self, now_us: int) -> None:
        """After a scan: whoever waits is told once the record has it on the disk, readers get the snapshot."""
        done = [waiting for waiting in self._flying if waiting.asked and waiting.asked.done]
        trouble = self._trouble(bool(done))
        if not trouble:
            self._kept.committed_us = self._start_us + now_us
        self._kept.problem = trouble
        self.latest = snapshot(self._supervisor, self._record, self._kept, self._units, self._start_us, now_us)
        for waiting in done:
            assert waiting.asked is not None
            if waiting.asked.refused:
                waiting.answer.set_exception(Refused(waiting.asked.refused))
            elif trouble:
                waiting.answer.set_exception(Unanswered(f"{trouble}; it was done, and is not in the record yet"))
            else:
                waiting.answer.set_result(self.latest)
        self._flying = [waiting for waiting in self._flying if waiting not in done]
        if self.feed.readers_n:
            self.feed.publish(event_text(self.latest))


def event_text(seen: Snapshot) -> str:
    """One snapshot as a server-sent event."""
    told: dict[str, Any] = {"status": seen.status, "values": seen.values["values"]}
    return f"event: scan\ndata: {json.dumps(told)}\n\n"
