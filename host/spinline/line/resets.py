"""A person resets a node: what is latched is cleared, and ABORTED is left.  The node has the last word.  Sans-I/O.

It never resets by itself: a latched interlock, a failed loop and ABORTED wait for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spinline.errors import Refused
from spinline.line.desk import Asked, Command, Done
from spinline.line.node_session import READY, NodeSession
from spinline_protocol import errors, messages
from spinline_protocol.states import ABORTED, CMD_RESET, STATES

ANSWER_US = 10_000_000  # a node that said nothing for so long may have done it or not
RESET = "reset"


@dataclass(frozen=True)
class _UnderWay:
    """A reset that was sent, as which request, and in which state its node was."""

    asked: Asked
    sequence: int
    before: str
    began_us: int


class Resets:
    """Of the nodes, one at a time for each of them."""

    def __init__(self, sessions: Mapping[str, NodeSession]) -> None:
        self._sessions = sessions
        self._under_way: dict[str, _UnderWay] = {}

    def takes(self, command: Command) -> bool:
        """True where a node is meant, not an alarm."""
        return command.what == RESET and command.point in self._sessions

    def begin(self, asked: Asked, now_us: int) -> None:
        """Send it.  Raises Refused; then nothing was sent."""
        name = asked.command.point
        session = self._sessions[name]
        if name in self._under_way:
            raise Refused(f"{name} is being reset: ask again when that has ended")
        if session.phase != READY:
            raise Refused(f"{name} does not answer: it cannot be reset now")
        sequence = session.ask(messages.COMMAND, CMD_RESET)
        self._under_way[name] = _UnderWay(asked, sequence, STATES[session.state], now_us)

    def step(self, now_us: int) -> list[tuple[Command, Done]]:
        """What has been done; who asked for what was not is told why."""
        found = []
        for name, way in list(self._under_way.items()):
            answer = self._sessions[name].answers.pop(way.sequence, None)
            if answer is None and now_us - way.began_us < ANSWER_US:
                continue
            del self._under_way[name]
            way.asked.done = True
            if answer is None:
                way.asked.refused = f"{name} did not answer; whether it was reset is not known: look at its state"
            elif answer["code"] != errors.OK:
                way.asked.refused = f"{name} refuses the reset: {_why(answer['code'])}"
            else:
                self._sessions[name].state = answer["got"]
                found.append((way.asked.command, Done(f"{name} {way.before}", f"{name} {STATES[answer['got']]}")))
        return found

    def refuse_aborted(self) -> None:
        """Raises Refused where nodes are ABORTED: a start does not lead them back."""
        names = [name for name, session in self._sessions.items() if session.state == ABORTED]
        if names:
            are = "is" if len(names) == 1 else "are"
            raise Refused(f"start is not possible: {', '.join(names)} {are} ABORTED; see why, then reset each of them")


def _why(code: int) -> str:
    """Of the table of results: its name, what it means, what to do."""
    for number, name, means, act in errors.results():
        if number == code:
            return f"{name}: {means}; {act}"
    return errors.result_name(code)
