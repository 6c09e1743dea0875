"""The PC's end of the session, sans-I/O: fed with bytes and ``now_ms``, it returns events and bytes (SPEC 3).

Runs on CPython only; it packs with the msgpack package and so checks the board's own packer from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgpack

from . import framing, messages
from .schema import schema_sha256

WINDOW = 4
RETRY_MS_FIRST = 1500  # a node answers in its next scan: at most 500 ms, and the reply waits behind telemetry
TRIES_MAX = 5
HELLO_MS = 1000

CLOSED = "closed"
GREETING = "greeting"
OPENING = "opening"
OPEN = "open"
REFUSED = "refused"  # the node and the host do not belong together


@dataclass(frozen=True)
class LinkEvent:
    """What the link tells: opened, refused, result, progress, scans, summaries, event or lost."""

    kind: str
    sequence: int = 0
    fields: dict[str, Any] | None = None
    reason: str = ""


@dataclass
class _Request:
    sequence: int
    frame: bytes
    due_ms: int
    retry_ms: int
    tries: int = 0


_KINDS: dict[str, type] = {"bin": bytes, "str": str}


def pack_message(number: int, values: tuple[Any, ...]) -> bytes:
    """A message as msgpack; the number of values must be that of the table (asserted: ours)."""
    assert len(values) == len(messages.fields_of(number)), (number, values)
    packed: bytes = msgpack.packb([number, *values], use_bin_type=True)
    return packed


def unpack_message(payload: bytes) -> tuple[int, dict[str, Any]]:
    """Number and named fields of a payload; fields beyond the table are ignored.  Raises ValueError."""
    try:
        message = msgpack.unpackb(payload, raw=False, strict_map_key=True)
        number, values = message[0], message[1:]
        names = [name for name, _kind in messages.fields_of(number)]
    except Exception as error:  # msgpack has many exception types for what is one thing: no message
        raise ValueError(f"no message: {error}") from error
    if len(values) < len(names):
        raise ValueError(f"message {number} has {len(values)} fields, not {len(names)}")
    for (name, kind), field in zip(messages.fields_of(number), values, strict=False):
        if type(field) is not _KINDS.get(kind, int):
            raise ValueError(f"message {number}: {name} is no {kind}")
    return number, dict(zip(names, values, strict=False))


class HostLink:
    """One node's session.  ``entropy(n)`` returns n bytes; time is only what the caller says."""

    def __init__(self, address: int, client: str, entropy: Callable[[int], bytes]) -> None:
        self.address = address
        self.state = CLOSED
        self.session = 0
        self.hello: dict[str, Any] = {}
        self.reader = framing.FrameReader(from_device=True)
        self.bad_messages_n = 0
        self.retries_n = 0
        self.opened_n = 0
        self._client = client
        self._entropy = entropy
        self._nonce = b""
        self._lease_ms = 2000
        self._next = 1
        self._queue: list[tuple[int, bytes]] = []
        self._flying: list[_Request] = []
        self._output = bytearray()
        self._due_ms = 0
        self._events: list[LinkEvent] = []

    def open(self, lease_ms: int, now_ms: int) -> None:
        """Begin the three-way opening; it repeats by itself until the node answers."""
        self.state = GREETING
        self._lease_ms = lease_ms
        self._queue, self._flying, self._next = [], [], 1
        self._hello(now_ms)

    def _hello(self, now_ms: int) -> None:
        """HELLO must be harmless at a REPL prompt: its nonce is redrawn until no control byte is in the frame."""
        while True:
            self._nonce = self._entropy(8)
            payload = pack_message(messages.HELLO, (255, messages.VERSION_TEXT, self._nonce, "operator", self._client))
            frame = framing.encode(framing.UNASSIGNED, framing.MASTER, framing.CONTROL, 0, 0, payload)
            if not any(octet in frame for octet in b"\x01\x02\x03\x04\x05\x0a\x0d"):
                break
        self._output += frame
        self._due_ms = now_ms + HELLO_MS

    def request(self, number: int, values: tuple[Any, ...] = ()) -> int:
        """Queue a request; its sequence number comes back in the ``result`` event.  Requests are executed in order."""
        assert self.state == OPEN, "a request needs a session"
        sequence = self._next
        self._next = self._next + 1 if self._next < 0xFFFF else 1
        payload = pack_message(number, values)
        frame = framing.encode(self.address, framing.MASTER, framing.REQUEST, self.session, sequence, payload)
        self._queue.append((sequence, frame))
        return sequence

    def renew_lease(self, scans_to: int, events_to: int, credit_bytes: int = 0xFFFF) -> None:
        """Renew the lease and acknowledge what the journal holds: the supervisor's last act, after its commit."""
        payload = pack_message(messages.LEASE_MESSAGE, (self._lease_ms, credit_bytes, scans_to, events_to))
        self._output += framing.encode(self.address, framing.MASTER, framing.LEASE, self.session, 0, payload)

    def close(self) -> None:
        """Forget the session; open requests have an unknown outcome."""
        self.state = CLOSED
        self._queue, self._flying = [], []

    def receive(self, octets: bytes, now_ms: int) -> list[LinkEvent]:
        """Take bytes from the wire; returns what they mean, in order.  Never raises."""
        self._events = []
        for frame in self.reader.feed(octets):
            try:
                number, fields = unpack_message(frame.payload)
            except ValueError:
                self.bad_messages_n += 1
                continue
            self._accept(frame, number, fields, now_ms)
        return self._events

    def _accept(self, frame: framing.Frame, number: int, fields: dict[str, Any], now_ms: int) -> None:
        if frame.kind == framing.CONTROL:
            self._accept_control(number, fields, now_ms)
        elif self.state != OPEN or frame.session != self.session:
            return
        elif frame.kind == framing.RESPONSE:
            self._accept_response(frame.sequence, fields)
        elif number == messages.PROGRESS_MESSAGE:
            self._note_progress(frame.sequence, now_ms)
            self._events.append(LinkEvent("progress", frame.sequence, fields))
        elif number == messages.SCANS:
            self._events.append(LinkEvent("scans", fields=fields))
        elif number == messages.SUMMARIES:
            self._events.append(LinkEvent("summaries", fields=fields))
        elif number == messages.EVENT:
            self._events.append(LinkEvent("event", fields=fields))

    def _accept_control(self, number: int, fields: dict[str, Any], now_ms: int) -> None:
        if number == messages.HELLO_ACK and self.state in (GREETING, OPENING):
            if fields["host_nonce"] != self._nonce:
                return
            self.hello = fields
            mismatch = self._mismatch(fields)
            if mismatch:
                self.state = REFUSED
                self._events.append(LinkEvent("refused", reason=mismatch))
                return
            self.session = fields["session"]
            self.state = OPENING
            payload = pack_message(messages.OPEN, (self.session, self._lease_ms, b""))
            self._output += framing.encode(self.address, framing.MASTER, framing.CONTROL, self.session, 0, payload)
            self._due_ms = now_ms + HELLO_MS
        elif number == messages.OPENED and self.state == OPENING and fields["session"] == self.session:
            self.state = OPEN
            self.opened_n += 1
            self._events.append(LinkEvent("opened", fields=self.hello))

    @staticmethod
    def _mismatch(fields: dict[str, Any]) -> str:
        if fields["major"] != messages.VERSION_MAJOR:
            return f"protocol {fields['major']}.{fields['minor']} on the node, {messages.VERSION_TEXT} here"
        ours = schema_sha256()
        if fields["schema_sha256"] != ours:
            return f"schema {fields['schema_sha256'].hex()[:12]} on the node, {ours.hex()[:12]} here"
        return ""

    def _accept_response(self, sequence: int, fields: dict[str, Any]) -> None:
        for request in self._flying:
            if request.sequence == sequence:
                self._flying.remove(request)
                self._events.append(LinkEvent("result", sequence, fields))
                return

    def _note_progress(self, sequence: int, now_ms: int) -> None:
        """A long request is under way: it is not repeated while the node says so."""
        for request in self._flying:
            if request.sequence == sequence:
                request.due_ms = now_ms + request.retry_ms

    def poll(self, now_ms: int) -> list[LinkEvent]:
        """Send what waits and repeat what is overdue; tells ``lost`` when a request went unanswered five times."""
        if self.state in (GREETING, OPENING) and now_ms >= self._due_ms:
            self.state = GREETING
            self._hello(now_ms)
        if self.state != OPEN:
            return []
        for request in self._flying:
            if now_ms >= request.due_ms:
                if request.tries >= TRIES_MAX:
                    self.close()
                    return [LinkEvent("lost", request.sequence, reason="no answer to a request")]
                self._fly(request, now_ms)
                self.retries_n += 1
        while self._queue and len(self._flying) < WINDOW:
            sequence, frame = self._queue.pop(0)
            request = _Request(sequence, frame, 0, RETRY_MS_FIRST)
            self._flying.append(request)
            self._fly(request, now_ms)
        return []

    def _fly(self, request: _Request, now_ms: int) -> None:
        request.tries += 1
        request.due_ms = now_ms + request.retry_ms
        request.retry_ms *= 2
        self._output += request.frame

    @property
    def idle(self) -> bool:
        """True where no request waits for sending or for an answer."""
        return not self._queue and not self._flying

    def take_output(self) -> bytes:
        """Bytes for the wire since the last call."""
        octets = bytes(self._output)
        self._output.clear()
        return octets
