"""Brings a firmware onto one running board: transfer, build, trial, a watched minute, confirmation; else the old again.

Port, time and entropy are handed in.  Nothing here ends a firmware that runs: a board that hears no confirmation goes
back by itself (SPEC 7.3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spinline.line.firmware_image import FirmwareImage
from spinline.line.node_session import PREPARED, READY, REFUSED, NodeSession
from spinline.line.supervisor import Port
from spinline.recipe.compiler import NodeConfiguration
from spinline_protocol import auth, errors, messages
from spinline_protocol.framing import UNASSIGNED
from spinline_protocol.host_link import HostLink
from spinline_protocol.states import ACTIVE, EVENTS, EVT_INTERNAL, EVT_SCAN_OVERRUN, STATES

LEASE_MS = 2000
LEASE_EVERY_US = 400_000
CONNECT_US = 15_000_000
BACK_US = 15_000_000  # from a failure to the old firmware: the watchdog's 8 s, the start, a session
ANSWER_US = 120_000_000  # of a board that builds a slot
CONFIRM_US = 90_000_000  # a minute's watch and what is around it
ASK_AGAIN_US = 1_000_000
SPOILS = (EVT_SCAN_OVERRUN, EVT_INTERNAL)


class Refused(Exception):
    """The reason in one sentence; the board runs what it ran."""


class RolledBack(Exception):
    """The new firmware did not pass its trial, the reason in one sentence; the board runs the old one again."""


@dataclass(frozen=True)
class Updated:
    """What was done: bytes sent, and how many files of how many had changed."""

    sent_bytes: int
    changed_n: int
    files_n: int


class Update:
    """One update over one port.  ``turn`` lets time pass and returns it in us; ``told`` hears step, done and total."""

    def __init__(
        self, image: FirmwareImage, configuration: NodeConfiguration, port: Port, turn: Callable[[], int],
        role_key: bytes, entropy: Callable[[int], bytes], told: Callable[[str, int, int], None],
    ) -> None:  # fmt: skip
        self._image, self._configuration, self._port, self._turn = image, configuration, port, turn
        self._role_key, self._entropy, self._told = role_key, entropy, told
        self._link = HostLink(UNASSIGNED, "spinline flash", entropy, auth.MAINTENANCE, role_key)
        self._now_us = 0
        self._results: dict[int, dict[str, Any]] = {}

    def run(self) -> Updated:
        """All of it.  Raises Refused, where nothing has changed, or RolledBack."""
        self._now_us = self._turn()
        hello = self._connect(CONNECT_US)
        if hello is None:
            raise Refused("the board does not answer")
        if hello["firmware_sha256"].hex() == self._image.firmware_sha256:
            return Updated(0, 0, len(self._image.files))
        if hello["state"] in ACTIVE:
            raise Refused(f"the board is in {STATES[hello['state']]}: end the batch first")
        marks = self._marks()
        octets = self._image.staged(marks)
        self._transfer(octets)
        key = auth.device_key(self._role_key, hello["device_id"])
        self._ask("build", messages.UPDATE_APPLY, self._image.proof(key))
        self._ask("try", messages.UPDATE_TRY, bytes.fromhex(self._image.firmware_sha256))
        self._link.close()
        self._watch(hello["firmware_sha256"].hex())
        return Updated(len(octets), len(self._image.changed(marks)), len(self._image.files))

    def _connect(self, limit_us: int) -> dict[str, Any] | None:
        """A session of maintenance: what the board says of itself; None where it is silent."""
        link, hello = self._link, None
        end_us = self._now_us + limit_us
        while hello is None and self._now_us <= end_us:
            self._now_us = self._turn()
            if link.state in ("closed", "refused"):
                link.open(LEASE_MS, self._now_us // 1000)
            hello = self._step()
        return hello

    def _step(self) -> dict[str, Any] | None:
        """What arrived and what is to send; the hello of a session that opened."""
        link, hello, now_ms = self._link, None, self._now_us // 1000
        events = [event for at_us, octets in self._port.arrivals() for event in link.receive(octets, now_ms, at_us)]
        for event in events + link.poll(now_ms):
            fields = event.fields or {}
            if event.kind == "opened":
                hello = fields
            elif event.kind == "result":
                self._results[event.sequence] = fields
            elif event.kind == "progress":
                self._told("build", fields["done"], fields["total"])
            elif event.kind == "refused":
                raise Refused(event.reason)
            elif event.kind == "lost":
                raise Refused(f"the line to the board was lost: {event.reason}")
        self._port.write(link.take_output())
        return hello

    def _ask(self, step: str, operation: int, *fields: Any, limit_us: int = ANSWER_US) -> dict[str, Any]:
        """The answer to a request.  Refused with what its code means."""
        sequence = self._link.request(operation, fields)
        end_us = self._now_us + limit_us
        while sequence not in self._results:
            self._now_us = self._turn()
            self._step()
            if self._now_us > end_us:
                raise Refused(f"{step}: the board has not answered")
        told = self._results.pop(sequence)
        if told["code"]:
            raise Refused(f"{step}: {_meaning(told['code'])}")
        return told

    def _marks(self) -> set[bytes]:
        """Marks of all files that run."""
        octets, files_n = b"", 1
        while len(octets) < files_n * messages.MARK_BYTES:
            told = self._ask("compare", messages.UPDATE_FILES, len(octets) // messages.MARK_BYTES)
            octets, files_n = octets + told["marks"], told["files_n"]
        return {octets[at : at + messages.MARK_BYTES] for at in range(0, len(octets), messages.MARK_BYTES)}

    def _transfer(self, octets: bytes) -> None:
        """What is staged already is not sent again."""
        sha256 = hashlib.sha256(octets).digest()
        told = self._ask("send", messages.TRANSFER_BEGIN, 0, len(octets), sha256)
        offset, chunk = told["offset"], told["chunk_bytes"]
        while offset < len(octets):
            self._told("send", offset, len(octets))
            self._ask("send", messages.TRANSFER_PUT, told["transfer"], offset, octets[offset : offset + chunk])
            offset += chunk
        self._ask("send", messages.TRANSFER_END, told["transfer"])

    def _watch(self, old_sha256: str) -> None:
        """The trial: the board is configured, watched, confirmed.  Raises RolledBack when it runs the old one again."""
        session = NodeSession(
            self._configuration, self._image.firmware_sha256, LEASE_MS, self._entropy, self._role_key, auth.MAINTENANCE
        )
        reason, lease_due_us, ask_due_us = "it did not come back", 0, 0
        sequence = None
        end_us = self._now_us + CONFIRM_US
        began_us = self._now_us
        while self._now_us < end_us and session.phase != REFUSED:
            self._now_us = self._turn()
            octets = session.step(self._port.arrivals(), self._now_us)
            faults = [EVENTS[event["code"]] for event in session.events if event["code"] in SPOILS]
            reason = f"the new firmware reported {faults[0]}" if faults else reason
            session.scans, session.events, session.summaries, session.lost = [], [], [], []
            if session.phase == PREPARED:
                session.commit(self._now_us)
            if session.phase == READY and self._now_us >= lease_due_us:
                lease_due_us = self._now_us + LEASE_EVERY_US
                session.renew_lease(session.next_scan, 0)
            if session.phase == READY and sequence is None and self._now_us >= ask_due_us:
                sequence = session.ask(messages.UPDATE_CONFIRM, bytes.fromhex(self._image.firmware_sha256))
                ask_due_us = self._now_us + ASK_AGAIN_US
            if sequence in session.answers:
                told, sequence = session.answers.pop(sequence), None
                if told["code"] == errors.OK:
                    return
                reason = _trial_text(told)
                self._told("watch", min(60, (self._now_us - began_us) // 1_000_000), 60)
            elif session.phase != READY:
                sequence = None
            self._port.write(octets + session.step([], self._now_us))
        hello = self._connect(BACK_US)
        if hello is None or hello["firmware_sha256"].hex() != old_sha256:
            raise Refused(f"{reason}, and it has not come back with the old firmware: set its jumper and provision it")
        raise RolledBack(f"{reason}; it runs the old firmware again")


def _meaning(code: int) -> str:
    """A result code in words, with what to do."""
    return next((f"{means}; {do}" for number, _name, means, do in errors.RESULTS if number == code), f"code {code}")


def _trial_text(told: dict[str, Any]) -> str:
    """Why a trial is not confirmed, or not yet."""
    field, got = told["field"], told["got"]
    if field == "event":
        return f"the new firmware reported {EVENTS[got]}"
    if field == "input":
        return f"the new firmware cannot read input {got}"
    if field == "watch":
        return f"it was watched for {got} s of {told['limit']} s"
    return f"the board refuses: {field or _meaning(told['code'])}"
