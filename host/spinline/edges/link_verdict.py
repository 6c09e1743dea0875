"""What is wrong with a serial line, in words, from what was counted on it.  Sans-I/O: time and entropy are arguments.

It only ever says HELLO, which proposes a session and changes nothing at the node (SPEC 3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spinline_protocol import framing, messages
from spinline_protocol.host_messages import pack_message, unpack_message
from spinline_protocol.schema import schema_sha256

HELLO_US = 500_000
LATE_US = 200_000  # our own turn came this much after it was due
SLOW_ANSWER_US = 1_500_000  # a node answers in its next scan: at most a second
PROMPTS = (b">>> ", b"raw REPL;")
PROMPT_ACTS_ON = b"\x01\x02\x03\x04\x05\x0a\x0d"
TAIL_BYTES = 256
WAITING_N_MAX = 64  # questions whose answer may still come


@dataclass
class LinkCounters:
    """What was counted while somebody listened."""

    hellos_n: int = 0
    answers_n: int = 0
    bytes_n: int = 0
    frames_n: int = 0
    noise_n: int = 0
    echo_n: int = 0
    late_n: int = 0
    slow_n: int = 0
    overdue_n: int = 0  # questions of more than 1.5 s ago that have no answer yet
    port_losses_n: int = 0
    port_problem: str = ""
    prompt: bool = False
    other_schema: bool = False
    boot_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: a word for programs, what it is, and what to do."""

    code: str
    sentence: str
    advice: str


def findings_of(counted: LinkCounters) -> list[Finding]:
    """Everything that is wrong, the cause of the rest first; none where the line is well."""
    found = []
    if counted.port_problem or counted.port_losses_n:
        lost = f"the port was lost {counted.port_losses_n} times"
        found.append(
            Finding("port", counted.port_problem or lost, "plug the cable in; end the program that has the port")
        )
    if counted.prompt:
        advice = "reset the node; if the prompt comes back, flash the firmware"
        found.append(Finding("no application", "a MicroPython prompt answers: no application is running", advice))
    elif counted.noise_n:
        share = f"{counted.noise_n} damaged pieces beside {counted.frames_n} good frames"
        advice = (
            "check cable, shield and ground, keep it away from drives; with no good frame at all check the baud rate"
        )
        found.append(Finding("damaged", f"bytes are damaged on the way: {share}", advice))
    if len(counted.boot_ids) > 1:
        advice = "check the node's supply; read its reset cause and its journal"
        found.append(Finding("reset", f"the node started again {len(counted.boot_ids) - 1} times", advice))
    if counted.late_n:
        advice = "end other work on this computer; look for a disk or a power saver that stops it"
        found.append(Finding("host late", f"this computer was late {counted.late_n} times", advice))
    if counted.slow_n:
        advice = "look for overruns in the node's events; the USB hub or adapter may hold bytes back"
        found.append(Finding("slow", f"{counted.slow_n} answers took longer than 1.5 s", advice))
    if counted.overdue_n and counted.answers_n and not (counted.noise_n or counted.prompt):
        share = f"{counted.overdue_n} of {counted.hellos_n} questions were not answered, and nothing was damaged"
        advice = "whole pieces get lost: look for a full buffer, a hub, or a node that stops for long"
        found.append(Finding("lost", share, advice))
    if counted.other_schema:
        advice = "flash the firmware that belongs to this host"
        found.append(Finding("schema", "the node speaks another version of the protocol", advice))
    if counted.answers_n == 0 and not counted.prompt and not counted.port_problem:
        found.append(_silence(counted))
    return found


def _silence(counted: LinkCounters) -> Finding:
    if counted.echo_n and not counted.frames_n:
        return Finding("echo", "only our own bytes come back", "the adapter echoes, or RX and TX are joined")
    if counted.bytes_n == 0:
        return Finding("silent", "nobody answers: not one byte came", "check power, cable and which port it is")
    return Finding("no answer", "bytes come, but no answer to HELLO", "check the baud rate and what is connected")


class LinkExamination:
    """Says HELLO twice a second and counts what comes back.  ``entropy(n)`` returns n bytes."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self.counted = LinkCounters()
        self.hello: dict[str, Any] = {}  # what the node said of itself last
        self._entropy = entropy
        self._reader = framing.FrameReader(from_device=True)
        self._sent_us: dict[bytes, int] = {}
        self._due_us = -1
        self._tail = b""

    def step(self, received: bytes, now_us: int) -> bytes:
        """Take what arrived; returns what to send.  Never raises."""
        self._take(received, now_us)
        self.counted.overdue_n = sum(now_us - sent_us > SLOW_ANSWER_US for sent_us in self._sent_us.values())
        if self._due_us < 0:
            self._due_us = now_us
        if now_us < self._due_us:
            return b""
        if now_us - self._due_us > LATE_US:
            self.counted.late_n += 1
        self._due_us = now_us + HELLO_US
        return self._hello(now_us)

    def _hello(self, now_us: int) -> bytes:
        """HELLO without a byte that a prompt would act on."""
        while True:
            nonce = self._entropy(8)
            payload = pack_message(messages.HELLO, (255, messages.VERSION_TEXT, nonce, "viewer", "doctor"))
            frame = framing.encode(framing.UNASSIGNED, framing.MASTER, framing.CONTROL, 0, 0, payload)
            if not set(frame) & set(PROMPT_ACTS_ON):
                break
        self._sent_us[nonce] = now_us
        if len(self._sent_us) > WAITING_N_MAX:
            del self._sent_us[next(iter(self._sent_us))]
        self.counted.hellos_n += 1
        return frame

    def _take(self, received: bytes, now_us: int) -> None:
        counted = self.counted
        counted.bytes_n += len(received)
        self._tail = (self._tail + received)[-TAIL_BYTES - len(received) :]
        counted.prompt = counted.prompt or any(prompt in self._tail for prompt in PROMPTS)
        for frame in self._reader.feed(received):
            try:
                number, fields = unpack_message(frame.payload)
            except ValueError:
                counted.other_schema = True  # a frame whose CRC is right, with a message that we do not know
                continue
            if number == messages.HELLO_ACK:
                self._answered(fields, now_us)
        counted.frames_n, counted.noise_n = self._reader.frames_n, self._reader.noise_n
        counted.echo_n = self._reader.echo_n

    def _answered(self, fields: dict[str, Any], now_us: int) -> None:
        boot_id, schema = fields["boot_id"], fields["schema_sha256"]
        sent_us = self._sent_us.pop(fields["host_nonce"], None)
        if sent_us is None:
            return
        self.hello = fields
        self.counted.answers_n += 1
        self.counted.slow_n += now_us - sent_us > SLOW_ANSWER_US
        self.counted.other_schema = self.counted.other_schema or schema != schema_sha256()
        if not self.counted.boot_ids or self.counted.boot_ids[-1] != boot_id:
            self.counted.boot_ids.append(boot_id)
