"""One loop of a node as a line for tuning: session, scans and the board's experiment.  No clock, no I/O of its own.

The node judges what is asked and ends the experiment by itself when this side is silent; nothing here is for safety.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from spinline.errors import Refused
from spinline.line.node_session import PREPARED, READY, REFUSED, NodeSession
from spinline.line.ports import Port
from spinline.line.session_line import CONNECT_US, SessionLine
from spinline.recipe.channel_model import QUANTITY_BY_NAME
from spinline.recipe.compiler import FULL_SCALE, NodeConfiguration
from spinline.recipe.line_model import Loop, Node
from spinline.record.decode import RecordDecoder
from spinline.tuning.experiment import End, Plan, Refusal
from spinline.tuning.identify import Record
from spinline.tuning.model import Real
from spinline_protocol import errors, messages
from spinline_protocol.configuration import OF_INPUT, OF_OUTPUT
from spinline_protocol.states import (
    CMD_RESET,
    CMD_START,
    CMD_STOP,
    CMD_SUPERVISE,
    EVT_INTERLOCK_TRIPPED,
    EVT_TUNE_BEGAN,
    EVT_TUNE_ENDED,
    EXECUTE,
    FLAG_HOLD,
    HELD,
    IDLE,
    STARTING,
    STATES,
    STOPPED,
    TUNE_DISTURBED,
    TUNE_DONE,
    TUNE_NO_RESPONSE,
    TUNE_PV_OUT,
    TUNE_SENSOR,
    TUNE_STOPPED,
)

LEASE_TRIES_N = 5  # of a command that came without one
Output = TypeVar("Output", float, Real)
ENDS = {
    TUNE_DONE: End.DONE,
    TUNE_PV_OUT: End.PV_OUT,
    TUNE_SENSOR: End.SENSOR,
    TUNE_NO_RESPONSE: End.NO_RESPONSE,
    TUNE_DISTURBED: End.DISTURBED,
    TUNE_STOPPED: End.STOPPED,
}
TUNABLE = (STARTING, HELD, EXECUTE)


class NodeLine:
    """The loop ``loop`` of ``node`` behind a session and a port.  ``turn`` lets time pass and returns it in ms.

    ``told`` gets a line of progress now and then.  Outputs are shown so that more of them raises the pv: where the
    loop lowers, they are mirrored within its limits.
    """

    def __init__(
        self, session: NodeSession, port: Port, turn: Callable[[], int], node: Node, loop: Loop,
        told: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        self.session, self.loop, self.scan_s = session, loop, node.scan_ms / 1000
        self.quantity = next(row.quantity for row in node.input if row.name == loop.input)
        self.decimals: int = QUANTITY_BY_NAME[self.quantity][5]
        self.unit: str = QUANTITY_BY_NAME[self.quantity][6]
        self.states_seen: set[int] = set()
        self._node, self._told = node, told
        self._loop_i = node.loop.index(loop)
        columns = session.configuration.columns
        input_i = next(i for i, row in enumerate(node.input) if row.name == loop.input)
        self._pv_at = 3 + next(i for i, c in enumerate(columns) if c.source == OF_INPUT and c.of == input_i)
        self._out_at = 3 + next(i for i, c in enumerate(columns) if c.source == OF_OUTPUT and c.of == self._loop_i)
        self._decoder = RecordDecoder(columns)
        self._scans: dict[int, tuple[float, float]] = {}
        self._newest = -1
        self._events: list[dict[str, Any]] = []
        self._line = SessionLine(session, port, turn)
        self._told_ms = 0
        self._lost = False
        self._watched_in = -1

    # ------------------------------------------------------------------------------------------------ the session

    def step(self) -> None:
        """A turn of the session; what has come is taken."""
        self._line.step()
        for first, records in self._line.scans:
            self._take(first, records)
        lost = self._line.lost
        self._lost = self._lost or bool(lost and lost[-1][1] > self._newest + 1 and self._newest >= 0)
        self._events += self._line.events

    @property
    def _now_ms(self) -> int:
        return self._line.now_us // 1000

    def _take(self, first: int, records: bytes) -> None:
        for i, row in enumerate(self._decoder.decode(records)):
            output = row[self._out_at] / FULL_SCALE
            self._scans[first + i] = (row[self._pv_at] / 10**self.decimals, self.mirrored(output))
            self._newest = first + i
        while len(self._scans) > 1_000_000:
            del self._scans[next(iter(self._scans))]

    def mirrored(self, output: Output) -> Output:
        """An output as the node has it, from one as it is shown here; and the other way round."""
        if self.loop.action == "raises":
            return output
        return self.loop.out_low + self.loop.out_high - output

    def _until(self, reached: Callable[[], bool], limit_us: int, what: str) -> None:
        try:
            self._line.until(reached, limit_us, what, self.step)
        except Refused as refused:
            raise Refusal(str(refused)) from None

    def connect(self) -> None:
        """Open the session, and end a hold that was there because nobody was.  Refusal where it cannot be."""
        self.step()
        self._until(
            lambda: self.session.phase in (READY, PREPARED), CONNECT_US,
            "the node does not answer; `spinline link doctor PORT` says what is wrong with its line",
        )  # fmt: skip
        if self.session.phase == PREPARED:
            self.session.commit(self._line.now_us)
        self._until(lambda: self.session.phase == READY and self._newest >= 0, CONNECT_US, "the node sends no scans")
        self.rest(4)  # the lease has come
        if self.session.flags & FLAG_HOLD:
            self.command(CMD_SUPERVISE)

    def ask(self, number: int, *values: int) -> dict[str, Any]:
        """The answer to one request."""
        try:
            return self._line.ask(self.step, number, *values)
        except Refused as refused:
            raise Refusal(str(refused)) from None

    def command(self, command: int) -> None:
        """A command to the node; Refusal where it is refused.  A lease that ran out on a busy PC is renewed first."""
        code = self.ask(messages.COMMAND, command)["code"]
        for _ in range(LEASE_TRIES_N):
            if code != errors.NO_LEASE:
                break
            self.rest(4)  # the lease has come
            code = self.ask(messages.COMMAND, command)["code"]
        if code:
            raise Refusal(f"the node refuses the command: {errors.result_name(code)}")
        self.rest(8)

    # ------------------------------------------------------------------------------------------------ the experiment

    def judge_state(self, while_running: bool, start: bool) -> bool:
        """A state in which the loop may be moved; True where the node was started for it.  Refusal otherwise."""
        if self.session.state == STOPPED and start:
            self.command(CMD_RESET)  # what the tuning of another loop has left
        state = self.session.state
        if state == IDLE and start:
            self.command(CMD_START)
            return True
        if state not in TUNABLE:
            raise Refusal(
                f"the node is in {STATES[state]}: tune in STARTING or HELD (--start heats an idle node up), "
                "or in EXECUTE with --while-running"
            )
        if state == EXECUTE and not while_running:
            raise Refusal("the line is running and the experiment moves the loop: say --while-running to make scrap")
        return False

    def watch(self, scans: int) -> Record:
        """The loop as it runs; from the first watch on the node must stay in its state."""
        self._watched_in = self.session.state if self._watched_in < 0 else self._watched_in
        first = self._newest + 1
        self._pass(lambda: self._newest >= first + scans - 1, scans, "watching")
        return self._record(first, first + scans)

    def rest(self, scans: int) -> None:
        """Let time pass; the loop controls itself."""
        first = self._newest
        self._pass(lambda: self._newest >= first + scans, scans, "waiting until the loop is at rest")

    def _judge_still_there(self) -> None:
        """Refusal where the node has left the state of the first watch: what is seen now is another loop."""
        state = self._watched_in
        if state < 0 or self.session.state == state:
            return
        trips = [event for event in self._events if event["code"] == EVT_INTERLOCK_TRIPPED]
        names = [row.name for row in self._node.interlock]
        why = f": interlock {names[trips[-1]['source']]!r}" if trips and trips[-1]["source"] < len(names) else ""
        raise Refusal(
            f"the node went from {STATES[state]} to {STATES[self.session.state]}{why}; the loop has its gains"
        )

    def _pass(self, reached: Callable[[], bool], scans: int, what: str) -> None:
        limit_ms = self._now_ms + round(scans * self.scan_s * 1500) + CONNECT_US // 1000
        while not reached():
            self.step()
            self._judge_still_there()
            if self._now_ms - self._told_ms > 10_000 and self._newest in self._scans:
                self._told_ms = self._now_ms
                pv, output = self._scans[self._newest]
                self._told(f"{what}: pv {pv:.6g} {self.unit}, output {100 * output:.1f} %")
            if self.session.phase == REFUSED or self._lost or self._now_ms > limit_ms:
                self._lost = False
                raise Refusal(self.session.problem or "scans were lost on the way: the record of the loop has a hole")

    def _record(self, first: int, end: int) -> Record:
        rows = [self._scans[scan] for scan in range(first, end)]
        return Record(self.scan_s, np.array([row[1] for row in rows]), np.array([row[0] for row in rows]))

    def run(self, plan: Plan) -> tuple[Record, End]:
        """The experiment on the board, from its first quiet scan to its end."""

        def count(pv: float) -> int:
            return round(float(pv * 10**self.decimals))

        outputs = [round(self.mirrored(output) * FULL_SCALE) for output in (plan.low, plan.centre, plan.high)]
        band = (count(plan.middle - plan.hysteresis), count(plan.middle + plan.hysteresis))
        limits = (count(plan.pv_low), count(plan.pv_high))
        times = (plan.quiet_scans, plan.switches_n, plan.half_scans_max)
        self._events.clear()
        self._told(f"experiment: output {100 * plan.low:.1f} % and {100 * plan.high:.1f} % around {plan.middle:.6g}")
        told = self.ask(messages.TUNE_START, self._loop_i, *outputs, *band, *limits, *times)
        if told["code"]:
            raise Refusal(self._refusal(told))
        scans_max = plan.quiet_scans + plan.switches_n * plan.half_scans_max
        self._pass(lambda: self._event(EVT_TUNE_ENDED) is not None, scans_max, "experiment")
        began, ended = self._event(EVT_TUNE_BEGAN), self._event(EVT_TUNE_ENDED)
        assert ended is not None
        if began is None:
            raise Refusal("the node's word of the beginning was lost")
        self._pass(lambda: self._newest >= ended["scan"], 100, "experiment")
        return self._record(began["scan"], ended["scan"]), ENDS[ended["got"]]

    def _event(self, code: int) -> dict[str, Any] | None:
        found = [event for event in self._events if event["code"] == code and event["source"] == self._loop_i]
        return found[0] if found else None

    def _refusal(self, told: dict[str, Any]) -> str:
        code, field, got, limit = (told[key] for key in ("code", "field", "got", "limit"))
        if code == errors.NO_LEASE:
            return "the node has not heard this PC within its lease and is on hold: look at the cable; run it again"
        if code == errors.STATE:
            return f"the node refuses the experiment: the loop does not control in {STATES[self.session.state]}"
        shown = {key: 10**self.decimals for key in ("pv_low", "pv_high", "band_low", "band_high")}
        unit = self.unit if field in shown else "%" if field.startswith("output") else ""
        scale = shown.get(field, FULL_SCALE / 100 if field.startswith("output") else 1)
        numbers = f", {got / scale:.5g} {unit}, limit {limit / scale:.5g} {unit}".rstrip() if got or limit else ""
        return f"the node refuses the experiment ({errors.result_name(code)}): {field or 'lease'}{numbers}"

    def stop(self) -> None:
        """End whatever experiment runs."""
        if self.session.phase == READY:
            self.ask(messages.TUNE_STOP)

    def stop_node(self) -> None:
        """Back to rest a node that was started for this."""
        self._watched_in = -1
        self.command(CMD_STOP)

    def apply(self, configuration: NodeConfiguration) -> None:
        """The configuration with the new gains, whole, without moving an output; Refusal leaves the old one running."""
        self.session.change(configuration)
        self._until(lambda: self.session.phase == PREPARED, CONNECT_US, "the download was not prepared")
        self.session.commit(self._line.now_us)
        self._until(lambda: self.session.phase == READY, CONNECT_US, "the commit was not answered")
        self._newest = self.session.first_scan - 1  # scans under way belong to the configuration before
