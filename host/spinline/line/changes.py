"""Changes of the recipe in force on their way to the nodes: taken by all of them, or taken back.  Sans-I/O.

The supervisor's scan sends what is asked here, after its commit.  A node has the last word: where one refuses, or does
not answer, the setpoints that others took are set back and the recipe stays as it was.  A supervisor that takes over
goes on with the newest change of the one before, once a person has resumed: what not every node is known to have taken
is sent again, and what was taken back is set back again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spinline.errors import Refused
from spinline.line.desk import Asked, Command, Done
from spinline.line.guarded_record import SUPERVISOR
from spinline.line.node_session import READY, NodeSession
from spinline.line.setting import Change, Setpoint, Setting, sha256_of
from spinline.recipe.models import Recipe
from spinline_protocol import errors, messages

ANSWER_US = 10_000_000  # a node that said nothing for so long does not count as having taken it
SET_IN = ("PREPARING", "THREADING", "RUNNING", "HOLDING", "HELD")
BACK_IN = (*SET_IN, "COMPLETING")  # where the line still runs by its setpoints
IN_FORCE = "recipe in force"


@dataclass(frozen=True)
class Made:
    """A change that the record holds: keys with their values; a supervisor made it ``back``, or it was a person's.

    ``taken``: every order of it ended with the node's yes.
    """

    values: tuple[tuple[str, str], ...]
    back: bool
    taken: bool


@dataclass
class _UnderWay:
    """Setpoints that were sent: by node and number of the request, with what the node said."""

    asked: Asked
    change: Change
    before: Recipe
    began_us: int
    waiting: dict[tuple[str, int], Setpoint]
    taken: list[Setpoint] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Changes:
    """One change at a time.  Without ``setting`` there is no recipe to change.

    ``made``: the changes of earlier supervisors in this batch, in order.
    """

    def __init__(self, setting: Setting | None, sessions: Mapping[str, NodeSession], made: list[Made]) -> None:
        self._setting, self._sessions = setting, sessions
        self._under_way: _UnderWay | None = None
        self._back: list[Setpoint] = []  # waits for its node to take setpoints
        self._going_back: dict[tuple[str, int], tuple[Setpoint, int]] = {}  # sent when, and not confirmed
        self._again: tuple[Recipe, Change] | None = None
        newest = setting.restore(one.values for one in made) if setting is not None else None
        if newest is not None and made[-1].back:
            self._back = [replace(row, number=row.before, before=row.number) for row in newest[1].setpoints]
        elif newest is not None and not made[-1].taken:
            self._again = newest

    @property
    def recipe(self) -> Recipe:
        """The one in force."""
        assert self._setting is not None, "this supervisor has no recipe"
        return self._setting.recipe

    def begin(self, asked: Asked, batch_state: str, now_us: int) -> Done:
        """Judge what a person asks and send its setpoints.  Raises Refused; then nothing has changed."""
        command, setting = asked.command, self._setting
        if setting is None:
            raise Refused("this supervisor was not given the recipe of the batch: nothing of it can be set")
        if not command.why.strip():
            raise Refused(f"{command.what} needs a reason")
        if batch_state not in SET_IN:
            raise Refused(f"{command.what} is not possible in {batch_state} (possible in: {', '.join(SET_IN)})")
        if self._under_way is not None or self._back or self._going_back or self._again is not None:
            raise Refused("another change is under way: ask again when it has ended")
        change = setting.plan(command.recipe or setting.with_value(command.tag, command.value))
        for name in self._deaf(change):
            raise Refused(f"{name} does not take setpoints: it does not answer, or is in hold")
        before, setting.recipe = setting.recipe, change.recipe
        self._send_all(asked, before, change, now_us)
        return Done("", "", rows=_rows(change, before))

    def _deaf(self, change: Change) -> list[str]:
        """Nodes of the change that take no setpoints at present."""
        return [name for name in {row.node for row in change.setpoints} if not self._sessions[name].supervised]

    def _send_all(self, asked: Asked, before: Recipe, change: Change, now_us: int) -> None:
        waiting = {(row.node, self._send(row, row.number)): row for row in change.setpoints}
        self._under_way = _UnderWay(asked, change, before, now_us, waiting)

    def step(self, batch_state: str, now_us: int) -> tuple[Command, Done] | None:
        """What became of the change under way; rows for the record where it was taken back."""
        if self._again is not None and batch_state in SET_IN and not self._deaf(self._again[1]):
            (before, change), self._again = self._again, None
            self._send_all(Asked(Command("set", SUPERVISOR, "sent again")), before, change, now_us)
        self._send_back(batch_state, now_us)
        way = self._under_way
        if way is None:
            return None
        for (name, sequence), row in list(way.waiting.items()):
            answer = self._sessions[name].answers.pop(sequence, None)
            if answer is not None:
                del way.waiting[name, sequence]
                self._note(way, row, answer["code"], answer.get("limit", 0))
        if way.waiting and now_us - way.began_us < ANSWER_US:
            return None
        self._under_way = None
        silent = list(way.waiting.values())
        way.refused += [f"{row.node}.{row.loop}: the node did not answer" for row in silent]
        way.asked.done = True
        if not way.refused:
            return None
        assert self._setting is not None
        self._setting.recipe = way.before
        self._back = way.taken + silent
        way.asked.refused = "; ".join(way.refused)
        command = Command(way.asked.command.what, SUPERVISOR, f"taken back: {way.asked.refused}")
        return command, Done("", "", rows=_rows(way.change, way.before, back=True))

    @staticmethod
    def _note(way: _UnderWay, row: Setpoint, code: int, limit: int) -> None:
        if code == errors.OK:
            way.taken.append(row)
            return
        beyond = f", limit {limit}" if code == errors.RANGE else ""
        way.refused.append(f"{row.node}.{row.loop}: the node refuses {row.number}: {errors.result_name(code)}{beyond}")

    def _send_back(self, batch_state: str, now_us: int) -> None:
        """As soon as a node takes setpoints again; what it refuses, or does not answer, again after a while."""
        for (name, sequence), (row, sent_us) in list(self._going_back.items()):
            answer = self._sessions[name].answers.pop(sequence, None)
            taken = answer is not None and answer["code"] == errors.OK
            if taken or now_us - sent_us >= ANSWER_US:
                del self._going_back[name, sequence]
                self._back += [] if taken else [row]
        for row in list(self._back):
            if batch_state in BACK_IN and self._sessions[row.node].supervised:
                self._going_back[row.node, self._send(row, row.before)] = row, now_us
                self._back.remove(row)

    def _send(self, row: Setpoint, number: int) -> int:
        session = self._sessions[row.node]
        assert session.phase == READY, "who supervises has a session"
        return session.ask(messages.SET_SETPOINT, row.loop_i, number, 0)


def _rows(change: Change, before: Recipe, back: bool = False) -> tuple[tuple[str, str, str], ...]:
    """What the record is told: each key, then the recipe that is in force from this scan on."""
    keys = [(f"set {row.key}", row.before, row.after) for row in change.keys]
    found = [*keys, (IN_FORCE, sha256_of(before), sha256_of(change.recipe))]
    return tuple((what, new, old) if back else (what, old, new) for what, old, new in found)
