"""Requests that change what a node does, and how each ended: done, refused, or unknown with the reason.  Pure.

The supervisor's record has an order before it is sent; a later supervisor asks the node what became of those without
an end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from spinline_protocol import errors, messages
from spinline_protocol.host_link import LinkEvent
from spinline_protocol.states import COMMANDS

DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"
# A configuration under way changes a shadow only, which its session takes along.
RECORDED = (messages.COMMAND, messages.SET_SETPOINT, messages.SET_MODE, messages.CONFIG_COMMIT)


@dataclass(frozen=True)
class Order:
    """One request of a session of a boot; ``what`` is for people; without an ``outcome`` it is under way."""

    boot_id: int
    session: int
    sequence: int
    operation: int
    what: str
    asked_us: int
    outcome: str | None = None
    reason: str = ""


class Orders:
    """The orders of one node.  ``told`` waits to be taken into the record: new ones, and those that have ended."""

    def __init__(self) -> None:
        self.told: list[Order] = []
        self._open: list[Order] = []

    def adopt(self, orders: list[Order]) -> None:
        """Orders of an earlier supervisor, whose end its record does not know."""
        self._open += orders

    def note(self, order: Order) -> None:
        """An order that is about to be sent."""
        if order.operation in RECORDED:
            self._open.append(order)
            self.told.append(order)

    def answered(self, session: int, sequence: int, code: int) -> None:
        """The node's own answer."""
        outcome = REFUSED if code else DONE
        self._end(session, sequence, outcome, errors.result_name(code) if code else "")

    def take(self, event: LinkEvent) -> None:
        """What the link tells of a request that went with its session."""
        fields = event.fields or {}
        if event.kind == "resolved" and fields["executed"]:
            self.answered(fields["session"], event.sequence, fields["code"])
        elif event.kind == "resolved":
            self._end(fields["session"], event.sequence, REFUSED, "it did not reach the node")
        elif event.kind == "dropped":
            self._end(fields["session"], event.sequence, REFUSED, "it was not sent")
        elif event.kind == "unresolved":
            self._end(fields["session"], event.sequence, UNKNOWN, event.reason)

    def _end(self, session: int, sequence: int, outcome: str, reason: str) -> None:
        for order in self._open:
            if (order.session, order.sequence) == (session, sequence):
                self._open.remove(order)
                self.told.append(replace(order, outcome=outcome, reason=reason))
                return


def words_of(number: int, values: tuple[Any, ...]) -> str:
    """An order for people."""
    if number == messages.COMMAND:
        return str(COMMANDS[values[0]])
    shown = [value.hex()[:12] if isinstance(value, bytes) else str(value) for value in values]
    return " ".join([messages.name_of(number), *shown])
