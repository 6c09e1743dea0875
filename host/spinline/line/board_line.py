"""One board behind one port, asked one thing at a time: a session of maintenance, and what the board says of itself.

Port, time and entropy are handed in.  It also talks to a firmware of another schema: that one is to be replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spinline.line.flash_messages import FlashStopped
from spinline.line.ports import Port
from spinline_protocol import auth, errors, messages
from spinline_protocol.framing import UNASSIGNED
from spinline_protocol.host_link import HostLink
from spinline_protocol.schema import schema_sha256

LEASE_MS = 2000
CONNECT_US = 15_000_000
ANSWER_US = 120_000_000  # of a board that builds a slot
SLOTS = "ab"


@dataclass(frozen=True)
class Seen:
    """What a board says of itself; ``version`` and ``slot`` are empty where its firmware does not tell them."""

    device_id: bytes
    firmware_sha256: str
    configuration_sha256: bytes
    state: int
    board: str
    interpreter: str
    version: str = ""
    slot: str = ""


class BoardLine:
    """A board.  ``turn`` lets time pass and returns it in us; ``told`` hears step, done and total.

    ``lost`` says whether the port itself is gone.  Everything that ends raises FlashStopped.
    """

    def __init__(
        self, name: str, port: Port, turn: Callable[[], int], role_key: bytes, entropy: Callable[[int], bytes],
        told: Callable[[str, int, int], None], lost: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self.name, self.port, self.role_key, self.entropy = name, port, role_key, entropy
        self.told, self.lost = told, lost
        self._turn = turn
        self._link = HostLink(UNASSIGNED, "spinline flash", entropy, auth.MAINTENANCE, role_key, any_schema=True)
        self.now_us = 0
        self._results: dict[int, dict[str, Any]] = {}

    def turn(self) -> int:
        """Let time pass."""
        self.now_us = self._turn()
        return self.now_us

    def stop(self, code: str, **words: object) -> FlashStopped:
        """An end of this board's flash, to be raised."""
        return FlashStopped(code, controller=self.name, **words)

    def connect(self, limit_us: int = CONNECT_US) -> dict[str, Any] | None:
        """A session: what the board says in its HELLO_ACK; None where it is silent."""
        link, hello = self._link, None
        self.turn()
        end_us = self.now_us + limit_us
        while hello is None and self.now_us <= end_us:
            if link.state in ("closed", "refused"):
                link.open(LEASE_MS, self.now_us // 1000)
            hello = self._step()
            self.turn()
        return hello

    def close(self) -> None:
        """Forget the session."""
        self._link.close()

    def look(self) -> Seen:
        """Connect and ask what it is."""
        hello = self.connect()
        if hello is None:
            raise self.stop("silent")
        identity = self.ask("say what it is", messages.IDENTIFY)
        status: dict[str, Any] = {"version": "", "slot": 0}
        same = hello["schema_sha256"] == schema_sha256()
        if same:
            status = self.ask("say what it runs", messages.UPDATE_STATUS)
        return Seen(
            hello["device_id"],
            hello["firmware_sha256"].hex(),
            hello["configuration_sha256"],
            hello["state"],
            identity["board"],
            identity["interpreter"],
            status["version"],
            SLOTS[status["slot"] & 1] if same else "",
        )

    def ask(self, step: str, operation: int, *fields: Any) -> dict[str, Any]:
        """The answer to a request.  FlashStopped with what its code means, or where the line is lost."""
        sequence = self._link.request(operation, fields)
        end_us = self.now_us + ANSWER_US
        while sequence not in self._results:
            self.turn()
            self._step()
            if self.lost() or self.now_us > end_us:
                raise self.stop("unplugged")
        told = self._results.pop(sequence)
        if told["code"] == errors.TOO_LARGE:
            raise self.stop("device-full")
        if told["code"]:
            raise self.stop("board-refused", step=step, why=meaning_of(told["code"]))
        return told

    def _step(self) -> dict[str, Any] | None:
        """What arrived and what is to send; the hello of a session that opened."""
        link, hello, now_ms = self._link, None, self.now_us // 1000
        events = [event for at_us, octets in self.port.arrivals() for event in link.receive(octets, now_ms, at_us)]
        for event in events + link.poll(now_ms):
            fields = event.fields or {}
            if event.kind == "opened":
                hello = fields
            elif event.kind == "result":
                self._results[event.sequence] = fields
            elif event.kind == "progress":
                self.told("build", fields["done"], fields["total"])
            elif event.kind == "refused":
                raise self._refusal(event.reason)
            elif event.kind == "lost":
                raise self.stop("unplugged")
        self.port.write(link.take_output())
        return hello

    def _refusal(self, reason: str) -> FlashStopped:
        if "key" in reason:
            return self.stop("wrong-key")
        return self.stop("board-refused", step="connect", why=reason)


def meaning_of(code: int) -> str:
    """A result code in words, with what to do."""
    return next((f"{means}; {do}" for number, _name, means, do in errors.results() if number == code), f"code {code}")
