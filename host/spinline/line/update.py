"""Brings a firmware onto one running board: transfer, build, trial, a watched minute, confirmation; else the old again.

Nothing here ends a firmware that runs: a board that hears no confirmation goes back by itself (SPEC 7.3).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from spinline.line.board_line import LEASE_MS, BoardLine, Seen, meaning_of
from spinline.line.firmware_image import FirmwareImage
from spinline.line.flash_messages import FlashStopped
from spinline.line.node_session import PREPARED, READY, REFUSED, NodeSession
from spinline.line.session_line import SessionLine
from spinline.recipe.compiler import NodeConfiguration
from spinline_protocol import auth, errors, messages
from spinline_protocol.states import ACTIVE, EVENTS, EVT_INTERNAL, EVT_SCAN_OVERRUN, IDLE, STATES

BACK_US = 15_000_000  # from a failure to the old firmware: the watchdog's 8 s, the start, a session
GONE_US = 15_000_000  # a board with an USB port of its own is gone from it for seconds while it starts again
CONFIRM_US = 90_000_000  # a minute's watch and what is around it
ASK_AGAIN_US = 1_000_000
SPOILS = (EVT_SCAN_OVERRUN, EVT_INTERNAL)


@dataclass(frozen=True)
class Updated:
    """What was done: bytes sent, and how many files of how many had changed."""

    sent_bytes: int
    changed_n: int
    files_n: int


class Update:
    """One update of one board, whose node is to have this configuration while it is on trial."""

    def __init__(self, line: BoardLine, image: FirmwareImage, configuration: NodeConfiguration) -> None:
        self._line, self._image, self._configuration = line, image, configuration

    def run(self) -> Updated:
        """All of it.  Raises FlashStopped, with exit code 10 where nothing has changed."""
        seen = self._line.look()
        if seen.firmware_sha256 == self._image.firmware_sha256:
            return Updated(0, 0, len(self._image.files))
        judge_state(self._line.name, seen.state)
        return self.install(seen)

    def install(self, seen: Seen) -> Updated:
        """From the marks of the files to the confirmation."""
        line, image = self._line, self._image
        marks = self._marks()
        octets = image.staged(marks)
        self._transfer(octets)
        key = auth.device_key(line.role_key, seen.device_id)
        line.ask("build it", messages.UPDATE_APPLY, image.proof(key))
        line.ask("try it", messages.UPDATE_TRY, bytes.fromhex(image.firmware_sha256))
        line.close()
        self._watch(seen.firmware_sha256)
        return Updated(len(octets), len(image.changed(marks)), len(image.files))

    def verify(self) -> None:
        """The board names the files of the slot that runs, each of which it hashed itself: they are this firmware's."""
        if self._line.connect() is None:
            raise self._line.stop("silent")
        if self._marks() != self._image.marks():
            raise self._line.stop("board-refused", step="prove its files", why="they are not those of the bundle")

    def _marks(self) -> set[bytes]:
        """Marks of all files that run."""
        octets, files_n = b"", 1
        while len(octets) < files_n * messages.MARK_BYTES:
            told = self._line.ask("compare", messages.UPDATE_FILES, len(octets) // messages.MARK_BYTES)
            octets, files_n = octets + told["marks"], told["files_n"]
        return {octets[at : at + messages.MARK_BYTES] for at in range(0, len(octets), messages.MARK_BYTES)}

    def _transfer(self, octets: bytes) -> None:
        """What is staged already is not sent again."""
        line, sha256 = self._line, hashlib.sha256(octets).digest()
        told = line.ask("take it", messages.TRANSFER_BEGIN, 0, len(octets), sha256)
        offset, chunk = told["offset"], told["chunk_bytes"]
        while offset < len(octets):
            line.told("send", offset, len(octets))
            line.ask("take it", messages.TRANSFER_PUT, told["transfer"], offset, octets[offset : offset + chunk])
            offset += chunk
        line.told("send", len(octets), len(octets))
        line.ask("take it", messages.TRANSFER_END, told["transfer"])

    def _watch(self, old_sha256: str) -> None:
        """The trial: the board is configured, watched, confirmed.  FlashStopped when it runs the old one again."""
        line, sha256 = self._line, self._image.firmware_sha256
        session = NodeSession(self._configuration, sha256, LEASE_MS, line.entropy, line.role_key, auth.MAINTENANCE)
        asked = SessionLine(session, line.port, line.turn, lambda: (session.next_scan, 0))  # events stay for the record
        reason, ask_due_us = "it did not start", 0
        sequence = None
        began_us = there_us = line.now_us
        while line.now_us < began_us + CONFIRM_US and session.phase != REFUSED:
            asked.step()
            there_us = there_us if line.lost() else line.now_us
            if line.now_us > there_us + GONE_US:
                raise line.stop("unplugged-in-trial")
            faults = [EVENTS[event["code"]] for event in asked.events if event["code"] in SPOILS]
            reason = f"the new firmware reported {faults[0]}" if faults else reason
            if session.phase == PREPARED:
                session.commit(line.now_us)
            if session.phase == READY and sequence is None and line.now_us >= ask_due_us:
                sequence = session.ask(messages.UPDATE_CONFIRM, bytes.fromhex(sha256))
                ask_due_us = line.now_us + ASK_AGAIN_US
            if sequence in session.answers:
                told, sequence = session.answers.pop(sequence), None
                if told["code"] == errors.OK:
                    return
                reason = _trial_text(told)
                line.told("watch", min(60, (line.now_us - began_us) // 1_000_000), 60)
            elif session.phase != READY:
                sequence = None
        raise self._end(old_sha256, reason)

    def _end(self, old_sha256: str, reason: str) -> FlashStopped:
        """What became of a board whose trial was not confirmed."""
        line = self._line
        hello = line.connect(BACK_US)
        if hello is not None and hello["firmware_sha256"].hex() == old_sha256:
            return line.stop("rolled-back", why=reason)
        return line.stop("unplugged-in-trial") if line.lost() else line.stop("needs-safe-mode", why=reason)


def judge_state(name: str, state: int) -> None:
    """FlashStopped for a board that works, or waits for a person."""
    if state != IDLE:
        code = "batch-running" if state in ACTIVE else "not-idle"
        raise FlashStopped(code, controller=name, state=STATES[state])


def _trial_text(told: dict[str, Any]) -> str:
    """Why a trial is not confirmed, or not yet."""
    field, got = told["field"], told["got"]
    if field == "event":
        return f"the new firmware reported {EVENTS[got]}"
    if field == "input":
        return f"the new firmware cannot read input {got}"
    if field == "watch":
        return f"it was watched for {got} s of {told['limit']} s"
    return f"the board refuses: {field or meaning_of(told['code'])}"
