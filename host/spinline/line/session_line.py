"""A node's session behind a port, for one who asks it something: time passes, what came is taken, the lease is renewed.

Port and time are handed in.  It judges nothing and records nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spinline.errors import Refused
from spinline.line.node_session import READY, REFUSED, NodeSession
from spinline.line.ports import Port

ANSWER_US = 10_000_000
CONNECT_US = 20_000_000
LEASE_EVERY_US = 400_000  # several in each lease: one damaged frame costs nothing


class SessionLine:
    """``turn`` lets time pass and returns it in us.  Each ``step`` leaves what came in ``scans``, ``events``, ``lost``.

    ``held`` says what the lease acknowledges, the next scan and the next event: all that came, where it is left out;
    ``before_writing`` is called when what is to be sent is known and has not left.
    """

    def __init__(
        self, session: NodeSession, port: Port, turn: Callable[[], int],
        held: Callable[[], tuple[int, int]] | None = None, before_writing: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.session, self._port, self._turn = session, port, turn
        self._held = held or (lambda: (session.next_scan, session.first_event))
        self._before_writing = before_writing
        self.now_us = self._lease_due_us = 0
        self.scans: list[tuple[int, bytes]] = []
        self.events: list[dict[str, Any]] = []
        self.lost: list[tuple[int, int]] = []

    def step(self) -> None:
        """A turn: what has come is taken, what is due is sent."""
        session = self.session
        self.now_us = self._turn()
        octets = session.step(self._port.arrivals(), self.now_us)
        self.scans, self.events, self.lost = session.scans, session.events, session.lost
        session.scans, session.events, session.lost = [], [], []
        session.summaries, session.earlier_events = [], []
        if session.phase == READY and self.now_us >= self._lease_due_us:
            self._lease_due_us = self.now_us + LEASE_EVERY_US
            session.renew_lease(*self._held())
        self._before_writing()
        self._port.write(octets + session.step([], self.now_us))

    def until(self, reached: Callable[[], bool], limit_us: int, what: str, step: Callable[[], None]) -> None:
        """``step`` until it is reached.  Refused: why the session ended, or ``what`` where the time is over."""
        end_us = self.now_us + limit_us
        while not reached():
            if self.session.phase == REFUSED:
                raise Refused(self.session.problem)
            if self.now_us > end_us:
                raise Refused(what)
            step()

    def ask(self, step: Callable[[], None], number: int, *values: int) -> dict[str, Any]:
        """The answer to one request, after so many times ``step``."""
        sequence = self.session.ask(number, *values)
        what = f"{self.session.name} has not answered"
        self.until(lambda: sequence in self.session.answers, ANSWER_US, what, step)
        return self.session.answers.pop(sequence)
