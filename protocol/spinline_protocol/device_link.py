"""The board's end of the session, sans-I/O: bytes in, noted requests and bytes out (SPEC 3).

It never acts on the line: requests are noted here and the next scan decides.  Entropy, keys and time are arguments.
"""

from . import auth, errors, framing, messages
from .auth import OPERATOR, VIEWER
from .device_fields import is_stop, number_in, octets_in
from .device_journal import Journal
from .device_output import OUTPUT_BYTES_MAX, Output
from .device_turn import AGE_US_MAX, Turn
from .errors import BadFrame
from .packer import Packer, unpack

RESULTS_CACHED_N = 8
WINDOW = 4
REQUESTS_N_MAX = 8
LEASE_MS_LOW = 500
LEASE_MS_HIGH = 10000
SYNCS_N_MAX = 8
CREDIT_BYTES_FIRST = 2048  # telemetry of a new session until its first LEASE
CREDIT_UNLIMITED = 0xFFFF

CLOSED = 0
PROPOSED = 1
OPEN = 2

_HELLO_ACK = Packer(messages.HELLO_ACK, messages.fields_of(messages.HELLO_ACK))
_OPENED = Packer(messages.OPENED, messages.fields_of(messages.OPENED))
_RESULT = Packer(messages.RESULT, messages.fields_of(messages.RESULT))
_JOURNAL_TOLD = Packer(messages.JOURNAL_TOLD, messages.fields_of(messages.JOURNAL_TOLD))
_PROGRESS = Packer(messages.PROGRESS_MESSAGE, messages.fields_of(messages.PROGRESS_MESSAGE))
_SYNC_TOLD = Packer(messages.SYNC_TOLD, messages.fields_of(messages.SYNC_TOLD))
_DEVICE_ID_AT = [name for name, _kind in messages.fields_of(messages.HELLO_ACK)].index("device_id")

assert messages.JOURNAL_N > 2 * WINDOW  # what was under way is still there after the next session's requests


class _Proposal:
    """What a HELLO asked for and was answered: an OPEN may name it."""

    def __init__(self, session: int, role: int, host_nonce: bytes, device_nonce: bytes, device_id: bytes) -> None:
        self.session = session
        self.role = role
        self.nonces = (host_nonce, device_nonce, device_id)


class DeviceLink:
    """One serial session of the board.

    ``hello(host_nonce, device_nonce, session)`` returns the fields of HELLO_ACK: what the board says of itself.
    ``entropy(n)`` returns n random bytes; ``keys.of(role)`` the 32 bytes of a role's key, or b"" where there is none;
    ``now_us()`` a time in us that never wraps.  While ``jumper`` is set it takes keys from anyone, and no orders.
    With ``bus_device_id``, the board's id, it is on a bus: it sends in its turn only (SPEC 8).
    """

    def __init__(  # type: ignore[no-untyped-def]
        self, address: int, hello, entropy, keys, now_us, bus_device_id: bytes = b""
    ) -> None:
        self.address = address
        self._hello = hello
        self._entropy = entropy
        self._keys = keys
        self._now_us = now_us
        self.jumper = False
        self._reader = framing.FrameReader(False)
        self._output = Output(address)
        self.turn = Turn(self._output, bus_device_id)
        self._syncs: "list[tuple[int, int, int]]" = []  # asked: the host's stamp, when it was received, by which scan
        self.next_scan = messages.NO_SCAN  # the scan that begins with what is received
        self.state = CLOSED
        self.session = 0
        self.role = VIEWER
        self._key = b""
        self._proposal: "_Proposal | None" = None
        self._expected = 1
        self._wraps = 0
        self._lease_n = 0
        self._heard_us = 0
        self.openings = auth.Guard()
        self.tags = auth.Guard()
        self._cache: "list[tuple[int, bytes]]" = []  # answered requests, oldest first
        self._waiting: "list[tuple[int, int]]" = []  # requests noted and not yet answered: sequence, operation
        self.requests: "list[tuple[int, list]]" = []  # type: ignore[type-arg]
        self._journal = Journal()
        self._stream_n = 0
        self.credit_bytes = 0
        self.lease_ms_renewed = 0  # set by a LEASE frame of the writer, taken by the scan
        self.scans_acknowledged = 0
        self.events_acknowledged = 0
        self.opened_n = 0
        self.bad_messages_n = 0
        self.dropped_n = 0

    def receive(self, octets: bytes, age_us: int = 0) -> None:
        """Take bytes from the wire; note requests in ``requests``, leases in ``lease_ms_renewed``.  Never raises.

        ``age_us`` is the time since the wire was read before: on a bus a question that may be too old is not answered.
        """
        if self.turn.polled and octets:
            # Only what nothing follows may be answered: whatever came before is history on a bus.
            at = octets.rfind(framing.FLAG, 0, len(octets) - 1) + 1
            self.turn.listen(False)
            self._receive(octets[:at])
            self.turn.listen(age_us <= AGE_US_MAX)
            octets = octets[at:]
        self._receive(octets)

    def _receive(self, octets: bytes) -> None:
        now_us = self._now_us()
        for frame in self._reader.feed(octets):
            if frame.destination not in (self.address, framing.BROADCAST):
                if frame.destination != framing.UNASSIGNED or self.turn.polled:
                    continue
            try:
                message = unpack(frame.payload)
                if not messages.in_its_place(message[0], frame.control):
                    raise BadFrame("a message in a frame where it does not belong")
                self._accept(frame, message, now_us)
            except BadFrame:
                self.bad_messages_n += 1

    def _accept(self, frame: "framing.Frame", message: list, now_us: int) -> None:  # type: ignore[type-arg]
        if frame.destination == framing.BROADCAST:
            self._accept_broadcast(frame, message, now_us)
        elif frame.kind == framing.CONTROL:
            self._accept_control(frame, message, now_us)
        elif self.state != OPEN or frame.session != self.session:
            self._accept_stranger(frame, message)
        elif frame.kind == framing.REQUEST:
            self._accept_request(frame, message, now_us)
        elif frame.kind == framing.LEASE:
            self._accept_lease(frame, message, now_us)
        else:
            self._accept_sync(message, now_us)

    def _accept_broadcast(self, frame: "framing.Frame", message: list, now_us: int) -> None:  # type: ignore[type-arg]
        """What is said to all is answered by nobody: a stop, and a stamp that an open session may ask about."""
        if frame.kind == framing.REQUEST and is_stop(message):
            self._accept_stranger(frame, message)
        elif frame.kind == framing.SYNC and self.turn.polled:
            if self.state == OPEN:
                self._accept_sync(message, now_us)
        else:
            raise BadFrame("not for all: no tag proves it to every board")

    def _accept_sync(self, message: list, now_us: int) -> None:  # type: ignore[type-arg]
        if len(message) < 2:
            raise BadFrame("no stamp")
        self._syncs = self._syncs[-(SYNCS_N_MAX - 1) :]
        self._syncs.append((number_in(message[1]), now_us, self.next_scan))

    def _accept_control(self, frame: "framing.Frame", message: list, now_us: int) -> None:  # type: ignore[type-arg]
        if message[0] == messages.HELLO and len(message) >= 6:
            nonce, role = octets_in(message[3], 8), auth.role_of(message[4])
            session, device_nonce = self._new_session(), self._entropy(8)
            fields = self._hello(nonce, device_nonce, session)
            self._proposal = _Proposal(session, role, nonce, device_nonce, fields[_DEVICE_ID_AT])
            self.state = self.state if self.state == OPEN else PROPOSED
            self._send(framing.CONTROL, 0, frame.sequence, _HELLO_ACK.pack(fields))
        elif message[0] == messages.OPEN and len(message) >= 4:
            self._accept_open(frame, message, now_us)
        elif message[0] == messages.POLL and len(message) >= 3:
            credit_bytes, frames_n = number_in(message[1]), number_in(message[2])
            if self.turn.may_answer(frame, self.address):
                self._tell_syncs()
                self.turn.answer_poll(self.session, frame.sequence, credit_bytes, frames_n)
        elif message[0] == messages.FIND and len(message) >= 4:
            if self.turn.may_answer(frame, self.address):
                bits, prefix, besides = number_in(message[1]), octets_in(message[2]), octets_in(message[3])
                self.turn.answer_find(frame.sequence, bits, prefix, besides)
        elif message[0] == messages.CLOSE and frame.session == self.session:
            if self.role == VIEWER or self._proven(frame, 0, now_us):
                self._end_session()
                self.state = CLOSED
                self.session = 0

    def _accept_open(self, frame: "framing.Frame", message: list, now_us: int) -> None:  # type: ignore[type-arg]
        proposal = self._proposal
        if proposal is None or message[1] != proposal.session:
            return  # a stale OPEN cannot take the line from the live session
        lease_ms = min(max(number_in(message[2]), LEASE_MS_LOW), LEASE_MS_HIGH)
        role, key = proposal.role, b""
        if role == VIEWER:
            silent = now_us - self._heard_us > LEASE_MS_HIGH * 1000
            if self.state == OPEN and self.role != VIEWER and not silent:
                self._refuse(frame, errors.BUSY)  # who only looks does not take the line from who works
                return
        else:
            of_device = self._keys.of(role)
            if self.openings.refusing(now_us):
                self.dropped_n += 1
                return
            host_nonce, device_nonce, device_id = proposal.nonces
            key = auth.session_key(of_device, host_nonce, device_nonce, device_id, proposal.session)
            if not of_device or not auth.proves(key, frame.octets):
                self.openings.failed(now_us)
                self._refuse(frame, errors.AUTHENTICATION)
                return
        self._open(proposal.session, role, key, now_us)
        opened = _OPENED.pack((self.session, lease_ms, auth.ROLES[role], bytes(framing.TAG_BYTES) if key else b""))
        if key:
            self._send(framing.CONTROL, self.session, frame.sequence, opened[: -framing.TAG_BYTES], self._sign)
        else:
            self._send(framing.CONTROL, self.session, frame.sequence, opened)

    def _sign(self, octets: bytes) -> bytes:
        return auth.tag_of(self._key, octets)

    def _open(self, session: int, role: int, key: bytes, now_us: int) -> None:
        self._end_session()
        self.session = session
        self.role = role
        self._key = key
        self._proposal = None
        self.state = OPEN
        self.opened_n += 1
        self._expected = 1
        self._wraps = 0
        self._lease_n = 0
        self._heard_us = now_us
        self.credit_bytes = CREDIT_BYTES_FIRST
        if role != VIEWER:
            self._journal.note(session, 0, messages.OPEN, role)

    def _end_session(self) -> None:
        """Forget what waits, except a stranger's stop; what was begun and not answered stands in the journal."""
        noted = [sequence for sequence, _message in self.requests]
        for sequence, operation in self._waiting:
            if sequence not in noted:
                self._journal.note(self.session, sequence, operation, messages.UNFINISHED)
        self._cache = []
        self._waiting = []
        self._syncs = []
        self.lease_ms_renewed = 0
        self.requests = [noted for noted in self.requests if noted[0] == 0]

    def _refuse(self, frame: "framing.Frame", code: int) -> None:
        """Say why a frame was not taken, without making it an answer: the request itself may still come."""
        self._send(framing.LINK_ERROR, frame.session, frame.sequence, _RESULT.pack((code, 0, 0, "")))

    def _proven(self, frame: "framing.Frame", wraps: int, now_us: int) -> bool:
        """True where the frame may come from the session's owner: in a viewer's session any, else the tag decides."""
        if self.role == VIEWER:
            return True
        if self.tags.refusing(now_us):
            return False
        if frame.authenticated and auth.proves(self._key, frame.octets, wraps):
            self._heard_us = now_us
            return True
        self.tags.failed(now_us)
        self._refuse(frame, errors.AUTHENTICATION)
        return False

    def _new_session(self) -> int:
        # nor the one proposed last: its OPEN may be under way, and would be judged by the wrong nonces
        proposed = self._proposal.session if self._proposal is not None else 0
        while True:
            octets = self._entropy(2)
            session = octets[0] | octets[1] << 8
            if session not in [0, self.session, proposed] + self._journal.sessions():
                return int(session)

    def _accept_stranger(self, frame: "framing.Frame", message: list) -> None:  # type: ignore[type-arg]
        if frame.kind == framing.REQUEST and is_stop(message) and len(self.requests) < REQUESTS_N_MAX:
            self.requests.append((0, message))
        else:
            self.dropped_n += 1

    def _accept_request(self, frame: "framing.Frame", message: list, now_us: int) -> None:  # type: ignore[type-arg]
        operation, sequence = number_in(message[0]), frame.sequence
        anyones = self.role != VIEWER and not frame.authenticated and is_stop(message)
        if anyones or not self._proven(frame, auth.wraps_of(sequence, self._expected, self._wraps), now_us):
            self._accept_stranger(frame, message)
            return
        for answered, payload in self._cache:
            if answered == sequence:
                self._send(framing.RESPONSE, self.session, sequence, payload)
                return
        if sequence != self._expected or len(self.requests) >= REQUESTS_N_MAX:
            self.dropped_n += 1  # skipped or already noted: the host repeats in order
            return
        self._expected += 1
        if self._expected > 0xFFFF:
            self._expected = 1
            self._wraps += 1
        code = self._verdict(message)
        if code == errors.OK:
            self._waiting.append((sequence, operation))
            self.requests.append((sequence, message))
        else:
            self._reply(sequence, _RESULT.pack((code, 0, 0, "")))

    def _verdict(self, message: list) -> int:  # type: ignore[type-arg]
        """Whether this session may ask for this: OK, DENIED, or STATE while the jumper is set."""
        needed = auth.role_needed(message[0])
        if is_stop(message) or (self.jumper and message[0] == messages.PROVISION):
            return errors.OK
        if self.jumper and needed == OPERATOR:
            return errors.STATE
        return errors.OK if self.role >= needed else errors.DENIED

    def _accept_lease(self, frame: "framing.Frame", message: list, now_us: int) -> None:  # type: ignore[type-arg]
        if len(message) < 5:
            raise BadFrame("no lease")
        lease_ms, credit_bytes, scans_to, events_to = [number_in(field) for field in message[1:5]]
        wraps = auth.wraps_of(frame.sequence, self._lease_n & 0xFFFF, self._lease_n >> 16)
        if not self._proven(frame, wraps, now_us):
            return
        lease_n = wraps << 16 | frame.sequence
        if lease_n <= self._lease_n:
            self.dropped_n += 1  # late or replayed
            return
        self._lease_n = lease_n
        self.credit_bytes = credit_bytes
        if self.role != VIEWER and not self.jumper:
            self.lease_ms_renewed = min(max(lease_ms, LEASE_MS_LOW), LEASE_MS_HIGH)
            self.scans_acknowledged = scans_to
            self.events_acknowledged = events_to

    def answer(self, sequence: int, payload: bytes) -> None:
        """Answer a noted request once; the answer is kept for repeats.  Sequence 0 (from a stranger) has no answer."""
        for waiting in self._waiting:
            if sequence != 0 and waiting[0] == sequence:
                self._waiting.remove(waiting)
                self._journal.note(self.session, sequence, waiting[1], payload[messages.CODE_AT])
                self._reply(sequence, payload)
                return

    def _reply(self, sequence: int, payload: bytes) -> None:
        self._cache = self._cache[-(RESULTS_CACHED_N - 1) :]
        self._cache.append((sequence, payload))
        self._send(framing.RESPONSE, self.session, sequence, payload)

    def answer_journal(self, sequence: int) -> None:
        """Answer JOURNAL: what was executed last and how it ended, oldest first."""
        self.answer(sequence, _JOURNAL_TOLD.pack((errors.OK, self._journal.octets())))

    def progress(self, sequence: int, done: int, total: int) -> None:
        """Say how far a long request is; its answer comes later."""
        if sequence in [waiting[0] for waiting in self._waiting]:
            self._send(framing.PROGRESS, self.session, sequence, _PROGRESS.pack((done, total)))

    def answer_code(self, sequence: int, code: int, got: int = 0, limit: int = 0, field: str = "") -> None:
        """Answer with a result code; ``got``, ``limit`` and ``field`` say what was refused and what is allowed."""
        self.answer(sequence, _RESULT.pack((code, got, limit, field)))

    def stream(self, kind: int, payload: bytes) -> bool:
        """Send telemetry or an event; False (and nothing sent) without an open session, credit or room."""
        if self.state != OPEN or self._output.bytes_n() > OUTPUT_BYTES_MAX - 2 * framing.FRAME_BYTES_MAX:
            return False
        if len(payload) + framing.FRAME_BYTES_MIN > self.credit_bytes:
            return False  # before the work of a frame
        following = (self._stream_n + 1) & 0xFFFF
        frame = self._output.frame(kind, self.session, following, payload)
        if self.credit_bytes != CREDIT_UNLIMITED:
            if len(frame) > self.credit_bytes:
                return False
            self.credit_bytes -= len(frame)
        self._stream_n = following
        return self._output.put(frame)

    def _send(  # type: ignore[no-untyped-def]
        self, kind: int, session: int, sequence: int, payload: bytes, sign=None
    ) -> None:
        if not self._output.put(self._output.frame(kind, session, sequence, payload, sign)):
            self.dropped_n += 1

    def take_output(self, most: int) -> bytes:
        """At most ``most`` bytes for the wire: what the transmit buffer has free, so that a write never waits.

        On a bus: the whole answer to the question that was read last, and else nothing.
        """
        if self.turn.polled:
            return self.turn.take()
        if self._syncs:
            self._tell_syncs()
        return self._output.take(most)

    def _tell_syncs(self) -> None:
        """Answers about time go ahead of everything that waits: their stamp is when they leave."""
        now_us = self._now_us()
        for i in range(len(self._syncs) - 1, -1, -1):
            host_sent_us, received_us, scan = self._syncs[i]
            payload = _SYNC_TOLD.pack((host_sent_us, received_us, now_us, scan))
            self._output.put_first(self._output.frame(framing.SYNC, self.session, 0, payload))
        self._syncs = []

    def noise_n(self) -> int:
        """Pieces of the stream that were no frame."""
        return self._reader.noise_n
