"""A person gives one loop of a node another mode.  Judged here as far as the files say, and then by the node.

Port, record and time are handed in.  The order is in the record before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from spinline.errors import BadInput, Refused
from spinline.line.node_session import PREPARED, READY, NodeSession
from spinline.line.orders import Order
from spinline.line.ports import Port
from spinline.line.session_line import ANSWER_US, CONNECT_US, SessionLine
from spinline.recipe.line_model import Line, Loop
from spinline.record.decode import RecordDecoder
from spinline_protocol import errors, messages
from spinline_protocol.configuration import FULL_SCALE, MODES, OF_MODE, OUTPUT_KEPT
from spinline_protocol.states import CMD_SUPERVISE, FLAG_HOLD, STATES

ALLOWED = {
    "single": ("off", "manual", "auto"),
    "ratio": ("off", "manual", "auto", "ratio"),
    "cascade": ("off", "manual", "auto", "cascade"),
}


class OrderRecord(Protocol):
    """What a journal takes of an order."""

    def add_order(self, node: str, order: Order) -> None:
        """An order that is about to be sent, or has ended."""

    def add_action(self, at_us: int, who: str, what: str, why: str, old: str | None, new: str | None) -> None:
        """What a person did."""

    def commit(self) -> None:
        """Make it durable."""


@dataclass(frozen=True)
class ModeRequest:
    """A mode for the loop number ``loop_i`` of a node; ``output`` in counts, or OUTPUT_KEPT."""

    node: str
    loop: str
    loop_i: int
    mode: str
    output: int
    who: str
    why: str

    @property
    def words(self) -> str:
        """For people: the mode, and the output where one was given."""
        return self.mode if self.output == OUTPUT_KEPT else f"{self.mode} {100 * self.output / FULL_SCALE:.4g} %"


def mode_request(line: Line, name: str, mode: str, output_percent: float | None, who: str, why: str) -> ModeRequest:
    """What a person asks for NODE.LOOP.  BadInput naming what is wrong and what is allowed."""
    known = {f"{node.name}.{loop.name}": (node.name, i, loop) for node in line.node for i, loop in enumerate(node.loop)}
    if name not in known:
        raise BadInput([f"loop {name!r} is not in the line file; allowed: {', '.join(known)}"])
    node, loop_i, loop = known[name]
    if mode not in ALLOWED[loop.kind]:
        raise BadInput(
            [f"mode {mode!r} is not for the {loop.kind} loop {name}; allowed: {', '.join(ALLOWED[loop.kind])}"]
        )
    for key, text in (("who", who), ("why", why)):
        if not text.strip():
            raise BadInput([f"{key} is empty: an order has a person and a reason"])
    return ModeRequest(node, loop.name, loop_i, mode, _counts(name, loop, mode, output_percent), who, why)


def _counts(name: str, loop: Loop, mode: str, output_percent: float | None) -> int:
    """An output for manual, in counts."""
    if output_percent is None:
        return OUTPUT_KEPT
    if mode != "manual":
        raise BadInput([f"an output is for manual: {name} finds its own in {mode}"])
    low, high = 100 * loop.out_low, 100 * loop.out_high
    if not low <= output_percent <= high:
        raise BadInput([f"output {output_percent:g} % of {name} is not allowed: {low:g} to {high:g} %"])
    return round(output_percent / 100 * FULL_SCALE)


class ModeLine:
    """A node's session for one order.  ``turn`` lets time pass and returns it in us, ``start_us`` is UTC at its 0.

    ``known`` is what the supervisor's record holds of the node: boot id, next scan, next event, configuration's hash.
    """

    def __init__(
        self, session: NodeSession, port: Port, turn: Callable[[], int], record: OrderRecord, start_us: int,
        known: tuple[int, int, int, bytes] = (-1, 0, 0, b""),
    ) -> None:  # fmt: skip
        self._session, self._record, self._start_us, self._known = session, record, start_us, known
        session.resume(*known)
        self._line = SessionLine(session, port, turn, self._held, self._keep_orders)
        self._newest: tuple[int, ...] = ()
        self._decoder = RecordDecoder(session.configuration.columns)
        self._places = {c.of: 3 + i for i, c in enumerate(session.configuration.columns) if c.source == OF_MODE}

    def _held(self) -> tuple[int, int]:
        """No more than the record holds: the rest stays for the supervisor."""
        return self._known[1:3] if self._session.hello["boot_id"] == self._known[0] else (0, 0)

    def _step(self) -> None:
        self._line.step()
        for _first, records in self._line.scans:
            self._newest = self._decoder.decode(records)[-1]

    def _keep_orders(self) -> None:
        """An order is in the record before it leaves, and when it has ended."""
        for order in self._session.orders.told:
            self._record.add_order(self._session.name, replace(order, asked_us=order.asked_us + self._start_us))
        if self._session.orders.told:
            self._record.commit()
        self._session.orders.told = []

    def _until(self, reached: Callable[[], bool], limit_us: int, what: str) -> None:
        self._line.until(reached, limit_us, what, self._step)

    def _ask(self, number: int, *values: int) -> dict[str, Any]:
        return self._line.ask(self._step, number, *values)

    def connect(self) -> None:
        """Open the session; a hold that is there because nobody supervised ends.  Refused with the reason."""
        session = self._session
        self._step()
        self._until(
            lambda: session.phase in (READY, PREPARED), CONNECT_US,
            f"{session.name} does not answer; `spinline link doctor PORT` says what is wrong with its line",
        )  # fmt: skip
        if session.phase == PREPARED:
            session.cancel()
            self._step()
            raise Refused(f"{session.name} does not run this line and recipe: give the files of the batch that runs")
        self._newest = ()
        self._until(lambda: bool(self._newest), CONNECT_US, f"{session.name} sends no scans")
        if session.flags & FLAG_HOLD:
            self._ask(messages.COMMAND, CMD_SUPERVISE)

    def mode(self, loop_i: int) -> str:
        """The mode of a loop in the newest scan."""
        return MODES[self._newest[self._places[loop_i]] & 7]

    def set_mode(self, asked: ModeRequest) -> str:
        """The mode that was, after the new one is seen in a scan.  Refused with the reason; the loop is as it was."""
        was = self.mode(asked.loop_i)
        name = f"{asked.node}.{asked.loop}"
        self._record.add_action(
            self._start_us + self._line.now_us, asked.who, f"mode of {name}", asked.why, was, asked.words
        )
        told = self._ask(messages.SET_MODE, asked.loop_i, MODES.index(asked.mode), asked.output)
        if told["code"] == errors.STATE:
            state = STATES[self._session.state]
            raise Refused(f"{name} is {was} and takes no mode from a person while the node is in {state}")
        if told["code"]:
            raise Refused(f"{name}: the node refuses {asked.words}: {errors.result_name(told['code'])}")
        self._until(
            lambda: self.mode(asked.loop_i) == asked.mode, ANSWER_US, f"{name} took the mode and does not show it"
        )
        return was
