"""The board's end of the session, sans-I/O: bytes in, noted requests and bytes out (SPEC 3).

It never acts on the line: requests are noted here and the next scan decides.  Entropy is an argument.
"""

from . import framing, messages
from .errors import BadFrame
from .packer import Packer, unpack
from .states import CMD_ABORT, CMD_STOP

RESULTS_CACHED_N = 8
WINDOW = 4
REQUESTS_N_MAX = 8
OUTPUT_BYTES_MAX = 4096
LEASE_MS_LOW = 500
LEASE_MS_HIGH = 10000

CLOSED = 0
PROPOSED = 1
OPEN = 2

_HELLO_ACK = Packer(messages.HELLO_ACK, messages.fields_of(messages.HELLO_ACK))
_OPENED = Packer(messages.OPENED, messages.fields_of(messages.OPENED))
_RESULT = Packer(messages.RESULT, messages.fields_of(messages.RESULT))
_PROGRESS = Packer(messages.PROGRESS_MESSAGE, messages.fields_of(messages.PROGRESS_MESSAGE))


class DeviceLink:
    """One serial session of the board.

    ``hello(host_nonce, device_nonce, session)`` returns the fields of HELLO_ACK: what the board says of itself.
    ``entropy(n)`` returns n random bytes.
    """

    def __init__(self, address: int, hello, entropy) -> None:  # type: ignore[no-untyped-def]
        self.address = address
        self._hello = hello
        self._entropy = entropy
        self._reader = framing.FrameReader(False)
        self._output = b""
        self.state = CLOSED
        self.session = 0
        self._proposed = 0
        self._expected = 1
        self._cache: "list[tuple[int, bytes]]" = []  # answered requests, oldest first
        self._waiting: "list[int]" = []  # requests noted and not yet answered
        self.requests: "list[tuple[int, list]]" = []  # type: ignore[type-arg]
        self._stream_n = 0
        self.lease_ms_renewed = 0  # set by a LEASE frame of the writer, taken by the scan
        self.scans_acknowledged = 0
        self.events_acknowledged = 0
        self.opened_n = 0
        self.bad_messages_n = 0
        self.dropped_n = 0

    def receive(self, octets: bytes) -> None:
        """Take bytes from the wire; note requests in ``requests``, leases in ``lease_ms_renewed``.  Never raises."""
        for frame in self._reader.feed(octets):
            if frame.destination not in (self.address, framing.UNASSIGNED, framing.BROADCAST):
                continue
            try:
                message = unpack(frame.payload)
                self._accept(frame, message)
            except BadFrame:
                self.bad_messages_n += 1

    def _accept(self, frame: "framing.Frame", message: list) -> None:  # type: ignore[type-arg]
        if frame.kind == framing.CONTROL:
            self._accept_control(frame, message)
        elif self.state != OPEN or frame.session != self.session:
            self._accept_stranger(frame, message)
        elif frame.kind == framing.REQUEST:
            self._accept_request(frame.sequence, message)
        elif frame.kind == framing.LEASE:
            self._accept_lease(message)

    def _accept_control(self, frame: "framing.Frame", message: list) -> None:  # type: ignore[type-arg]
        if message[0] == messages.HELLO and len(message) >= 6:
            nonce = _octets(message[3], 8)
            self._proposed = self._new_session()
            self.state = self.state if self.state == OPEN else PROPOSED
            fields = self._hello(nonce, self._entropy(8), self._proposed)
            self._send(framing.CONTROL, 0, frame.sequence, _HELLO_ACK.pack(fields))
        elif message[0] == messages.OPEN and len(message) >= 4:
            if self._proposed == 0 or message[1] != self._proposed:
                return  # a stale OPEN cannot take the line from the live session
            lease_ms = min(max(_number(message[2]), LEASE_MS_LOW), LEASE_MS_HIGH)
            self._open(self._proposed)
            opened = _OPENED.pack((self.session, lease_ms, "operator", b""))
            self._send(framing.CONTROL, self.session, frame.sequence, opened)
        elif message[0] == messages.CLOSE and frame.session == self.session:
            self.state = CLOSED
            self.session = 0

    def _open(self, session: int) -> None:
        self.session = session
        self._proposed = 0
        self.state = OPEN
        self.opened_n += 1
        self._expected = 1
        self._cache = []
        self._waiting = []
        self.requests = [noted for noted in self.requests if noted[0] == 0]  # a stranger's stop is not forgotten

    def _new_session(self) -> int:
        while True:
            octets = self._entropy(2)
            session = octets[0] | octets[1] << 8
            if session != 0 and session != self.session:
                return int(session)

    def _accept_stranger(self, frame: "framing.Frame", message: list) -> None:  # type: ignore[type-arg]
        """Stop and abort are accepted from anyone (SPEC 3.9): a convenience, not a safety function."""
        from_anyone = message[0] == messages.COMMAND and len(message) == 2 and message[1] in (CMD_STOP, CMD_ABORT)
        if frame.kind == framing.REQUEST and from_anyone and len(self.requests) < REQUESTS_N_MAX:
            self.requests.append((0, message))
        else:
            self.dropped_n += 1

    def _accept_request(self, sequence: int, message: list) -> None:  # type: ignore[type-arg]
        for answered, payload in self._cache:
            if answered == sequence:
                self._send(framing.RESPONSE, self.session, sequence, payload)
                return
        if sequence != self._expected or len(self.requests) >= REQUESTS_N_MAX:
            self.dropped_n += 1  # skipped or already noted: the host repeats in order
            return
        self._expected = (self._expected & 0xFFFF) + 1 if self._expected < 0xFFFF else 1
        self._waiting.append(sequence)
        self.requests.append((sequence, message))

    def _accept_lease(self, message: list) -> None:  # type: ignore[type-arg]
        if message[0] != messages.LEASE_MESSAGE or len(message) < 5:
            raise BadFrame("no lease")
        self.lease_ms_renewed = min(max(_number(message[1]), LEASE_MS_LOW), LEASE_MS_HIGH)
        self.scans_acknowledged = _number(message[3])
        self.events_acknowledged = _number(message[4])

    def answer(self, sequence: int, payload: bytes) -> None:
        """Answer a noted request once; the answer is kept for repeats.  Sequence 0 (from a stranger) has no answer."""
        if sequence == 0 or sequence not in self._waiting:
            return
        self._waiting.remove(sequence)
        self._cache = self._cache[-(RESULTS_CACHED_N - 1) :]
        self._cache.append((sequence, payload))
        self._send(framing.RESPONSE, self.session, sequence, payload)

    def progress(self, sequence: int, done: int, total: int) -> None:
        """Say how far a long request is; its answer comes later."""
        if sequence in self._waiting:
            self._send(framing.PROGRESS, self.session, sequence, _PROGRESS.pack((done, total)))

    def answer_code(self, sequence: int, code: int, got: int = 0, limit: int = 0, field: str = "") -> None:
        """Answer with a result code; ``got``, ``limit`` and ``field`` say what was refused and what is allowed."""
        self.answer(sequence, _RESULT.pack((code, got, limit, field)))

    def stream(self, kind: int, payload: bytes) -> bool:
        """Send telemetry or an event; False (and nothing sent) where no session is open or the output is full."""
        if self.state != OPEN or len(self._output) > OUTPUT_BYTES_MAX - 2 * framing.FRAME_BYTES_MAX:
            return False
        self._stream_n = (self._stream_n + 1) & 0xFFFF
        self._send(kind, self.session, self._stream_n, payload)
        return True

    def _send(self, kind: int, session: int, sequence: int, payload: bytes) -> None:
        if len(self._output) > OUTPUT_BYTES_MAX:
            self.dropped_n += 1
            return
        frame = framing.encode(framing.MASTER, self.address, framing.FROM_DEVICE | kind, session, sequence, payload)
        self._output += frame

    def take_output(self, most: int) -> bytes:
        """At most ``most`` bytes for the wire: what the transmit buffer has free, so that a write never waits."""
        octets = self._output[:most]
        self._output = self._output[most:]
        return octets

    def noise_n(self) -> int:
        """Pieces of the stream that were no frame."""
        return self._reader.noise_n


def _octets(field, count: int) -> bytes:  # type: ignore[no-untyped-def]
    if not isinstance(field, bytes) or len(field) != count:
        raise BadFrame("%d bytes expected" % count)
    return field


def _number(field) -> int:  # type: ignore[no-untyped-def]
    if not isinstance(field, int) or field < 0:
        raise BadFrame("a number from 0 expected")
    return field
