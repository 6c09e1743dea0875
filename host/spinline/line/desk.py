"""What people ask of a line: start, hold, resume, stop, abort, a number of the recipe, an alarm, or a note.  Pure.

A command is noted when it comes and done in the supervisor's next scan, there or not at all; every one that was done is
an action of the record with who and why, before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spinline.errors import Refused
from spinline.line.alarms import Alarms, Change
from spinline.line.batch import TRANSITIONS, Batch
from spinline.recipe.models import Recipe

OF_BATCH = ("start", "hold", "resume", "stop", "abort")
OF_ALARMS = ("acknowledge", "reset", "shelve", "unshelve", "out of service", "in service")
OF_RECIPE = ("set", "recipe")
NOTE = "note"
Row = tuple[str, str, str]
"""For the record: what was done, before, after."""


@dataclass(frozen=True)
class Command:
    """One command of a person.  ``point`` names an alarm, or the node of a reset; ``seconds``: how long it is shelved.

    ``set`` has a key of the recipe in ``tag`` and its ``value`` as it is written; ``recipe`` has a whole one.
    """

    what: str
    who: str
    why: str
    point: str = ""
    seconds: int = 0
    tag: str = ""
    value: str = ""
    recipe: Recipe | None = None


@dataclass
class Asked:
    """A command on its way: ``done`` from the scan on that took it, ``refused`` says why nothing happened."""

    command: Command
    done: bool = False
    refused: str = ""


@dataclass(frozen=True)
class Done:
    """What a command did: for the record the words before and after, and the changes of alarms.

    ``rows`` stand in the place of the words where it did several things.
    """

    before: str
    after: str
    changes: tuple[Change, ...] = ()
    rows: tuple[Row, ...] = ()

    def told(self, what: str) -> tuple[Row, ...]:
        """The rows of the record."""
        return self.rows or ((what, self.before, self.after),)


class Desk:
    """Where commands are done, but for those that nodes answer: of the recipe, and resets of nodes.

    ``start`` begins the batch when every node is ready, or raises Refused.
    """

    def __init__(self, batch: Batch, alarms: Alarms, start: Callable[[], None]) -> None:
        self._batch = batch
        self._alarms = alarms
        self._start = start

    def do(self, command: Command, now_us: int) -> Done:
        """Do it now.  Raises Refused with what is possible instead; then nothing has changed."""
        needs_person(command)
        if command.what in OF_BATCH:
            return self._of_batch(command, now_us)
        if command.what in OF_ALARMS:
            return self._of_alarm(command, now_us)
        if command.what != NOTE:
            known = ", ".join((*OF_BATCH, *OF_RECIPE, *OF_ALARMS, NOTE))
            raise Refused(f"nobody knows {command.what!r} (possible: {known})")
        if not command.why.strip():
            raise Refused("a note needs words")
        return Done("", "")

    def _of_batch(self, command: Command, now_us: int) -> Done:
        before = self._batch.state
        if command.what == "start" and before == "IDLE":
            self._start()
            return Done(before, "starts when every node is ready")
        if command.what == "start" or not self._batch.cause(command.what, now_us / 1e6):
            raise Refused(f"{command.what} is not possible in {before} (possible: {', '.join(possible(before))})")
        return Done(before, self._batch.state)

    def _of_alarm(self, command: Command, now_us: int) -> Done:
        who, why, point = command.who, command.why, command.point
        before = self._alarms.state_of(point)
        acts: dict[str, Callable[[], list[Change]]] = {
            "acknowledge": lambda: self._alarms.acknowledge(point, who, now_us),
            "reset": lambda: self._alarms.reset(point, who, now_us),
            "shelve": lambda: self._alarms.shelve(point, command.seconds, who, why, now_us),
            "unshelve": lambda: self._alarms.unshelve(point, who, now_us),
            "out of service": lambda: self._alarms.set_service(point, False, who, why, now_us),
            "in service": lambda: self._alarms.set_service(point, True, who, why, now_us),
        }
        changes = tuple(acts[command.what]())
        return Done(f"{point} {before}", f"{point} {self._alarms.state_of(point)}", changes)


def needs_person(command: Command) -> None:
    """Raises Refused where nobody asks."""
    if not command.who.strip():
        raise Refused(f"{command.what} needs the name of the person who asks")


def possible(state: str) -> tuple[str, ...]:
    """What a person may ask of a batch in this state; never empty."""
    found = tuple(what for what in OF_BATCH if (state, what) in TRANSITIONS)
    return found or ("nothing",)
