"""The inputs and outputs of one idle node for a person who checks them: numbers as they come, one output for a moment.

Port and time are handed in.  Judges nothing; what must not be is refused by the node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spinline.errors import Refused
from spinline.line.node_session import PREPARED, READY, NodeSession
from spinline.line.ports import Port
from spinline.line.session_line import SessionLine
from spinline.record.decode import RecordDecoder
from spinline_protocol import errors, messages
from spinline_protocol.configuration import OF_INPUT
from spinline_protocol.quantities import QUALITIES, QUANTITIES
from spinline_protocol.states import IDLE, STATES

CONNECT_US = 30_000_000  # with the download of a configuration


@dataclass(frozen=True)
class Reading:
    """An input in one scan: number in the screen unit of its quantity, quality as the protocol counts it."""

    number: float
    quality: int

    @property
    def letter(self) -> str:
        """NE 107 letter: S, F or C, empty where it is good."""
        return str(QUALITIES[self.quality][2])


class NodeChannels:
    """``turn`` lets time pass and returns it in us.  Inputs are numbered as in the line file."""

    def __init__(self, session: NodeSession, port: Port, turn: Callable[[], int]) -> None:
        self.session, self._line = session, SessionLine(session, port, turn)
        columns = session.configuration.columns
        self._decoder = RecordDecoder(columns)
        self._columns = [(i, column) for i, column in enumerate(columns) if column.source == OF_INPUT]
        self._scans: list[dict[int, Reading]] = []

    def connect(self) -> None:
        """A session with a node that is idle and has this configuration; it is given to it where it has another."""
        session = self.session
        self._step()
        self._until(
            lambda: session.phase in (READY, PREPARED), CONNECT_US,
            f"{session.name} does not answer; `spinline link doctor PORT` says what is wrong with its line",
        )  # fmt: skip
        if session.hello["state"] != IDLE:
            session.cancel()
            self._step()
            raise Refused(f"{session.name} is in {STATES[session.hello['state']]}: only an idle node is commissioned")
        if session.phase == PREPARED:
            session.commit(self._line.now_us)
        self._until(lambda: session.phase == READY, CONNECT_US, f"{session.name} does not take this line and recipe")
        self._until(lambda: bool(self._scans), CONNECT_US, f"{session.name} sends no scans")

    def watch(self, seconds: float, enough: Callable[[dict[int, Reading]], bool] = lambda scan: False) -> None:
        """Let time pass until a scan is enough, or so many seconds have gone."""
        end_us = self._line.now_us + round(seconds * 1e6)
        self._scans = []
        seen_n = 0
        while self._line.now_us < end_us:
            self._step()
            for scan in self._scans[seen_n:]:
                seen_n += 1
                if enough(scan):
                    return

    def rest(self) -> None:
        """Keep the session while a person thinks."""
        self._step()
        self._scans = []

    @property
    def scans(self) -> list[dict[int, Reading]]:
        """What came while it was watched."""
        return self._scans

    def pulse(self, output: int, level: int, ms: int) -> None:
        """One output on for a moment.  Refused with the node's reason."""
        told = self._ask(messages.PULSE, output, level, ms)
        if told["code"] and told["field"] == "permit":
            raise Refused("the permit chain is open: an emergency stop is pressed, or another node keeps it open")
        if told["code"]:
            why = f"{told['field']}: {told['got']}, limit {told['limit']}"
            raise Refused(f"{self.session.name} refuses it ({errors.result_name(told['code'])}): {why}")

    def _ask(self, number: int, *values: int) -> dict[str, Any]:
        return self._line.ask(self._step, number, *values)

    def _until(self, reached: Callable[[], bool], limit_us: int, what: str) -> None:
        self._line.until(reached, limit_us, what, self._step)

    def _step(self) -> None:
        self._line.step()
        for _first, records in self._line.scans:
            self._scans += [self._readings(row) for row in self._decoder.decode(records)]

    def _readings(self, row: tuple[int, ...]) -> dict[int, Reading]:
        return {
            column.of: Reading(row[3 + i] / 10 ** QUANTITIES[column.quantity][5], row[2] >> 2 * i & 3)
            for i, column in self._columns
        }
