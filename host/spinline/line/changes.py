"""Changes of the recipe in force on their way to the nodes: taken by all of them, or taken back.  Sans-I/O.

The supervisor's scan sends what is asked here, after its commit.  A node has the last word: where one refuses, or does
not answer, the setpoints that others took are set back and the recipe stays as it was.  A supervisor that takes over
sends the newest change of the one before again, once a person has resumed: nobody knows whether all of it arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spinline.errors import Refused
from spinline.line.desk import Asked, Command, Done
from spinline.line.node_session import READY, NodeSession
from spinline.line.setting import Change, Setpoint, Setting, sha256_of
from spinline.recipe.models import Recipe
from spinline_protocol import errors, messages

ANSWER_US = 10_000_000  # a node that said nothing for so long does not count as having taken it
SET_IN = ("PREPARING", "THREADING", "RUNNING", "HOLDING", "HELD")
IN_FORCE = "recipe in force"


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

    ``made``: the changes of earlier supervisors in this batch, each its keys with their values, in order.
    """

    def __init__(
        self, setting: Setting | None, sessions: Mapping[str, NodeSession], made: list[list[tuple[str, str]]]
    ) -> None:
        self._setting, self._sessions = setting, sessions
        self._under_way: _UnderWay | None = None
        self._back: list[Setpoint] = []
        self._again = setting.restore(made) if setting is not None else None

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
        if self._under_way is not None or self._back or self._again is not None:
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
            self._send_all(Asked(Command("set", "supervisor", "sent again")), before, change, now_us)
        self._send_back()
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
        command = Command(way.asked.command.what, "supervisor", f"taken back: {way.asked.refused}")
        return command, Done("", "", rows=_rows(way.change, way.before, back=True))

    @staticmethod
    def _note(way: _UnderWay, row: Setpoint, code: int, limit: int) -> None:
        if code == errors.OK:
            way.taken.append(row)
            return
        beyond = f", limit {limit}" if code == errors.RANGE else ""
        way.refused.append(f"{row.node}.{row.loop}: the node refuses {row.number}: {errors.result_name(code)}{beyond}")

    def _send_back(self) -> None:
        """As soon as a node takes setpoints again."""
        for row in list(self._back):
            if self._sessions[row.node].supervised:
                self._send(row, row.before)
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
