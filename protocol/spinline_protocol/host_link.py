"""The PC's end of the session, sans-I/O: fed with bytes and ``now_ms``, it returns events and bytes (SPEC 3).

Runs on CPython only; it packs with the msgpack package and so checks the board's own packer from outside.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import auth, errors, framing, messages
from .host_messages import mismatch_of, pack_message, unpack_message

WINDOW = 4
RETRY_MS_FIRST = 1500  # a node answers in its next scan, and the answer waits behind telemetry
RETRY_MS = (
    3000  # and from then on: on a wire that loses one sending in ten a request must not take longer than a ring holds
)
TRIES_MAX = 16  # 46.5 s
HELLO_MS = 1000
BUSY_VIEWER = "a host works with this node; a viewer reads that host's journal, or comes again when it is gone"
SYNCS_N_MAX = 8  # asked for and not yet answered
CONSOLE_MS = 1000  # text that no flag has ended after this long is told
CONSOLE_BYTES_A_SECOND = 1024
_PRINTED = re.compile(rb"[\t\r\n\x20-\x7d]{8,}")  # shorter runs are damaged frames
_STREAMS = {messages.SCANS: "scans", messages.SUMMARIES: "summaries", messages.EVENT: "event"}

CLOSED = "closed"
GREETING = "greeting"
OPENING = "opening"
OPEN = "open"
REFUSED = "refused"  # the node and the host do not belong together


@dataclass(frozen=True)
class LinkEvent:
    """What the link tells its owner.

    ``opened``, ``refused`` (reason), ``lost`` (reason): the session.
    ``result``, ``progress``: a request, by its sequence.  ``scans``, ``summaries``, ``event``: what streams.
    ``unknown``: the session ended with this request under way (fields: session, operation).  Later, once: ``resolved``
    (also executed, code) or ``unresolved`` (reason).  ``dropped``: a request that had no effect went with the session.
    ``sync``: four stamps in us.  ``console``: text between frames (reason).  ``link_error``: a frame was not taken.
    """

    kind: str
    sequence: int = 0
    fields: dict[str, Any] | None = None
    reason: str = ""


@dataclass
class _Request:
    sequence: int
    operation: int
    frame: bytes
    retry_ms: int = RETRY_MS_FIRST
    due_ms: int = 0
    tries: int = 0


@dataclass(frozen=True)
class _Unknown:
    """A request that was under way when its session ended, in the boot that alone can tell of it."""

    boot_id: int
    session: int
    sequence: int
    operation: int

    def event(self, kind: str, reason: str = "", **more: Any) -> LinkEvent:
        return LinkEvent(kind, self.sequence, {"session": self.session, "operation": self.operation, **more}, reason)


class HostLink:
    """One node's session.  ``entropy(n)`` returns n bytes; time is only what the caller says.

    A viewer needs no key; for another ``role`` its key at this site is ``role_key`` (auth.role_key).  With
    ``any_schema`` it also talks to a node of another schema: an update must reach a firmware of before (SPEC 7.3).
    """

    def __init__(
        self,
        address: int,
        client: str,
        entropy: Callable[[int], bytes],
        role: int = auth.VIEWER,
        role_key: bytes = b"",
        any_schema: bool = False,
    ) -> None:
        assert role == auth.VIEWER or len(role_key) == auth.KEY_BYTES, "a role needs its key"
        self.address = address
        self.state = CLOSED
        self.session = 0
        self.hello: dict[str, Any] = {}
        self.reader = framing.FrameReader(from_device=True)
        self.bad_messages_n, self.retries_n, self.opened_n = 0, 0, 0
        self._role, self._role_key, self._key = role, role_key, b""
        self._client, self._any_schema = client, any_schema
        self._entropy = entropy
        self._nonce = b""
        self._lease_ms, self._lease_n = 2000, 0
        self._next, self._wraps = 1, 0  # request numbers begin anew behind 65535
        self._queue: list[_Request] = []
        self._flying: list[_Request] = []
        self._unknown: list[_Unknown] = []
        self._asking = 0  # sequence of the JOURNAL that resolves them
        self._syncs: list[int] = []
        self._output = bytearray()
        self._due_ms, self._heard_ms = 0, 0
        self._console_ms, self._console_bytes, self.console_dropped_n = 0, 0, 0
        self._events: list[LinkEvent] = []

    def open(self, lease_ms: int, now_ms: int) -> None:
        """Begin the three-way opening; it repeats by itself until the node answers."""
        self.close()
        self.state = GREETING
        self._lease_ms = lease_ms
        self._hello(now_ms)

    def _hello(self, now_ms: int) -> None:
        """HELLO must be harmless at a REPL prompt: its nonce is redrawn until no control byte is in the frame."""
        while True:
            self._nonce = self._entropy(8)
            payload = pack_message(
                messages.HELLO, (255, messages.VERSION_TEXT, self._nonce, auth.ROLES[self._role], self._client)
            )
            frame = framing.encode(self.address, framing.MASTER, framing.CONTROL, 0, 0, payload)
            on_bus = self.address != framing.UNASSIGNED  # where no prompt listens
            if on_bus or not any(octet in frame for octet in b"\x01\x02\x03\x04\x05\x0a\x0d"):
                break
        self._output += frame
        self._due_ms = now_ms + HELLO_MS

    def request(self, number: int, values: tuple[Any, ...] = ()) -> int:
        """Queue a request; its sequence number comes back in the ``result`` event.  Requests are executed in order."""
        assert self.state == OPEN, "a request needs a session"
        sequence = self._next
        frame = self._encode(framing.REQUEST, sequence, pack_message(number, values), self._wraps)
        self._queue.append(_Request(sequence, number, frame))
        self._next += 1
        if self._next > 0xFFFF:
            self._next, self._wraps = 1, self._wraps + 1
        return sequence

    def _signer(self, wraps: int = 0) -> Callable[[bytes], bytes] | None:
        """What makes the tags of this session; None where the session has no key."""
        key = self._key
        return (lambda octets: auth.tag_of(key, octets, wraps)) if key else None

    def _encode(self, kind: int, sequence: int, payload: bytes, wraps: int = 0) -> bytes:
        """A frame of the session, with its tag where the session has a key."""
        sign = self._signer(wraps)
        control = kind | (framing.AUTHENTICATED if sign else 0)
        return framing.encode(self.address, framing.MASTER, control, self.session, sequence, payload, sign)

    def take_over(self, boot_id: int, session: int, sequence: int, operation: int) -> None:
        """A request that another host had under way: the next session of that boot resolves it as one of ours."""
        self._unknown.append(_Unknown(boot_id, session, sequence, operation))

    def renew_lease(self, scans_to: int, events_to: int, credit_bytes: int = 0xFFFF) -> None:
        """Renew the lease and acknowledge what the journal holds: the supervisor's last act, after its commit.

        ``credit_bytes`` of telemetry may come until the next one; 65535 is no limit.
        """
        assert self.state == OPEN, "a lease needs a session"
        self._lease_n += 1
        payload = pack_message(messages.LEASE_MESSAGE, (self._lease_ms, credit_bytes, scans_to, events_to))
        self._output += self._encode(framing.LEASE, self._lease_n & 0xFFFF, payload, self._lease_n >> 16)

    def ask_sync(self, now_us: int) -> None:
        """Ask for the node's time; the ``sync`` event brings host_sent_us back with the other three stamps."""
        self.expect_sync(now_us)
        payload = pack_message(messages.SYNC_ASK, (now_us,))
        self._output += framing.encode(self.address, framing.MASTER, framing.SYNC, self.session, 0, payload)

    def expect_sync(self, now_us: int) -> None:
        """The node has been asked for its time, with this stamp: by ``ask_sync`` or by a frame for all of a bus."""
        assert self.state == OPEN, "a question needs a session"
        self._syncs = [*self._syncs[-(SYNCS_N_MAX - 1) :], now_us]

    def close(self) -> None:
        """Forget the session.  What was under way becomes ``unknown`` until a session of the same boot resolves it."""
        boot_id = self.hello.get("boot_id", -1)
        for request in [request for request in self._flying if request.sequence != self._asking]:
            effect = auth.role_needed(request.operation) != auth.VIEWER
            unknown = _Unknown(boot_id, self.session, request.sequence, request.operation)
            self._events.append(unknown.event("unknown" if effect else "dropped"))
            self._unknown += [unknown] if effect else []
        for request in self._queue:
            unsent = _Unknown(boot_id, self.session, request.sequence, request.operation)
            self._events.append(unsent.event("dropped"))
        self.state = CLOSED
        self._key, self._lease_n, self._asking, self._next, self._wraps = b"", 0, 0, 1, 0
        self._queue, self._flying, self._syncs = [], [], []

    def receive(self, octets: bytes, now_ms: int, now_us: int | None = None) -> list[LinkEvent]:
        """Take bytes from the wire; returns what they mean, in order.  Never raises.  ``now_us`` stamps ``sync``."""
        now_us = now_ms * 1000 if now_us is None else now_us
        if octets:
            self._heard_ms = now_ms
        frames = self.reader.feed(octets)
        events = self.receive_frames(frames, now_ms, now_us) if frames else []
        if self.reader.console:
            self._read_console(now_ms)
        return events + self._take_events()

    def receive_frames(self, frames: list[framing.Frame], now_ms: int, now_us: int) -> list[LinkEvent]:
        """Take frames of this node that another reader has cut from the wire.  One in a wrong place has no effect."""
        for frame in frames:
            try:
                number, fields = unpack_message(frame.payload)
            except ValueError:
                self.bad_messages_n += 1
                continue
            if messages.in_its_place(number, frame.control):
                self._accept(frame, number, fields, now_ms, now_us)
            else:
                self.bad_messages_n += 1
        return self._take_events()

    def _take_events(self) -> list[LinkEvent]:
        events, self._events = self._events, []
        return events

    def _read_console(self, now_ms: int) -> None:
        """Text of the board that is no frame (a traceback), at most so much a second."""
        if now_ms - self._console_ms >= 1000:
            self._console_ms, self._console_bytes = now_ms, 0
        text = b"\n".join(_PRINTED.findall(self.reader.console)).replace(b"\r", b"")
        self.reader.console = b""
        room = max(0, CONSOLE_BYTES_A_SECOND - self._console_bytes)
        self._console_bytes += len(text[:room])
        self.console_dropped_n += len(text[room:])
        if text[:room]:
            self._events.append(LinkEvent("console", reason=text[:room].decode("ascii")))

    def _accept(self, frame: framing.Frame, number: int, fields: dict[str, Any], now_ms: int, now_us: int) -> None:
        if frame.kind == framing.CONTROL:
            self._accept_control(frame, number, fields, now_ms)
        elif frame.kind == framing.LINK_ERROR and number == messages.RESULT and frame.session == self.session:
            self._accept_link_error(frame.sequence, fields)
        elif self.state != OPEN or frame.session != self.session:
            return
        elif frame.kind == framing.RESPONSE and "code" in fields:
            self._accept_response(frame.sequence, fields)
        elif frame.kind == framing.SYNC and number == messages.SYNC_TOLD and fields["host_sent_us"] in self._syncs:
            self._syncs.remove(fields["host_sent_us"])
            self._events.append(LinkEvent("sync", fields={**fields, "host_received_us": now_us}))
        elif number == messages.PROGRESS_MESSAGE:
            self._note_progress(frame.sequence, now_ms)
            self._events.append(LinkEvent("progress", frame.sequence, fields))
        elif number in _STREAMS:
            self._events.append(LinkEvent(_STREAMS[number], fields=fields))

    def _accept_control(self, frame: framing.Frame, number: int, fields: dict[str, Any], now_ms: int) -> None:
        if number == messages.HELLO_ACK and self.state in (GREETING, OPENING):
            if fields["host_nonce"] == self._nonce:
                self._accept_hello_ack(fields, now_ms)
        elif number == messages.OPENED and self.state == OPENING and fields["session"] == self.session:
            proven = not self._key or auth.proves(self._key, frame.octets)
            if not proven or fields["role"] != auth.ROLES[self._role]:
                self.bad_messages_n += 1
                return
            self.state = OPEN
            self.opened_n += 1
            self._events.append(LinkEvent("opened", fields=self.hello))
            self._begin_resolving()

    def _accept_hello_ack(self, fields: dict[str, Any], now_ms: int) -> None:
        mismatch = mismatch_of(fields, self._any_schema)
        if mismatch:
            self._refused(mismatch)
            return
        self.hello = fields
        self.session = fields["session"]
        self.state = OPENING
        self._due_ms = now_ms + HELLO_MS
        if self._role != auth.VIEWER:
            of_device = auth.device_key(self._role_key, fields["device_id"])
            nonces = (self._nonce, fields["device_nonce"], fields["device_id"])
            self._key = auth.session_key(of_device, *nonces, self.session)
        tag = bytes(framing.TAG_BYTES) if self._key else b""
        payload = pack_message(messages.OPEN, (self.session, self._lease_ms, tag))
        payload = payload[: len(payload) - len(tag)]  # the tag is the last field: it is signed into its place
        opening = (framing.CONTROL, self.session, 0, payload, self._signer())
        self._output += framing.encode(self.address, framing.MASTER, *opening)

    def _refused(self, reason: str) -> None:
        self.state = REFUSED
        self._events.append(LinkEvent("refused", reason=reason))

    def _accept_link_error(self, sequence: int, fields: dict[str, Any]) -> None:
        """An opening that is refused for its key ends; anything else is told, and what is under way is repeated."""
        code = fields["code"]
        if self.state == OPENING and code == errors.AUTHENTICATION:
            self._refused(f"the key of the {auth.ROLES[self._role]} is not the node's; provision the key of this site")
        elif self.state == OPENING and code == errors.BUSY and self._role == auth.VIEWER:
            self._refused(BUSY_VIEWER)
        elif self.state in (OPENING, OPEN):
            self._events.append(LinkEvent("link_error", sequence, fields, errors.result_name(code)))

    def _begin_resolving(self) -> None:
        """Ask the journal before anything else; another boot cannot tell."""
        boot_id = self.hello["boot_id"]
        for unknown in self._unknown:
            if unknown.boot_id != boot_id:
                self._events.append(unknown.event("unresolved", "the node has started again since"))
        self._unknown = [unknown for unknown in self._unknown if unknown.boot_id == boot_id]
        self._asking = self.request(messages.JOURNAL) if self._unknown else 0

    def _resolve(self, octets: bytes) -> None:
        """What became of the requests whose outcome is unknown, from the journal (oldest first)."""
        whole = len(octets) - len(octets) % messages.JOURNAL_BYTES
        entries = list(struct.iter_unpack(messages.JOURNAL_LAYOUT, octets[:whole]))
        codes = {entry[:3]: entry[3] for entry in entries}
        for unknown in self._unknown:
            code = codes.get((unknown.session, unknown.sequence, unknown.operation))
            reaches_back = any(one[0] == unknown.session and one[1] < unknown.sequence for one in entries)
            if code == messages.UNFINISHED:
                self._events.append(unknown.event("unresolved", "it was begun; its end is not known"))
            elif code is not None:
                self._events.append(unknown.event("resolved", "executed", executed=True, code=code))
            elif reaches_back:
                self._events.append(unknown.event("resolved", "not executed", executed=False, code=None))
            else:
                self._events.append(unknown.event("unresolved", "the node's journal does not reach back so far"))
        self._unknown = []

    def _accept_response(self, sequence: int, fields: dict[str, Any]) -> None:
        for request in self._flying:
            if request.sequence == sequence:
                self._flying.remove(request)
                if sequence == self._asking:
                    self._asking = 0
                    self._resolve(fields.get("entries", b""))
                else:
                    self._events.append(LinkEvent("result", sequence, fields))
                return

    def _note_progress(self, sequence: int, now_ms: int) -> None:
        """A long request is under way: it is not repeated while the node says so."""
        for request in self._flying:
            if request.sequence == sequence:
                request.due_ms = now_ms + request.retry_ms

    def poll(self, now_ms: int) -> list[LinkEvent]:
        """Send what waits and repeat what is overdue; tells ``lost`` when a request went unanswered for too long."""
        if now_ms - self._heard_ms >= CONSOLE_MS:
            self.reader.give_up()
            self._read_console(now_ms)
        if self.state in (GREETING, OPENING) and now_ms >= self._due_ms:
            self.state = GREETING
            self._hello(now_ms)
        if self.state == OPEN:
            self._send_requests(now_ms)
        return self._take_events()

    def _send_requests(self, now_ms: int) -> None:
        for i, request in enumerate(self._flying):
            if now_ms >= request.due_ms:
                if request.tries >= TRIES_MAX:
                    self.close()
                    self._events.append(LinkEvent("lost", request.sequence, reason="no answer to a request"))
                    return
                self._fly(request, now_ms)
                self.retries_n += 1
                for behind in self._flying[i + 1 :]:  # the node dropped them, as their turn had not come
                    behind.due_ms = now_ms + behind.retry_ms
                    self._output += behind.frame
                break
        while self._queue:
            oldest = (self._flying or self._queue)[0].sequence  # the node keeps answers as far back as the window
            if (self._queue[0].sequence - oldest) % 0xFFFF >= WINDOW or (self._asking and self._flying):
                break
            request = self._queue.pop(0)
            self._flying.append(request)
            self._fly(request, now_ms)

    def _fly(self, request: _Request, now_ms: int) -> None:
        request.tries += 1
        request.due_ms = now_ms + request.retry_ms
        request.retry_ms = RETRY_MS
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
