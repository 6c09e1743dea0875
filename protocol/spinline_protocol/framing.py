"""Frames on the wire: flags at both ends, byte stuffing, length, CRC-32 (SPEC 1).  Never interprets a payload."""

from binascii import crc32
from struct import pack

from .portable import micropython

FLAG = b"~"
FRAME_BYTES_MIN = 12  # header 8 + CRC 4
PAYLOAD_BYTES_MAX = 240
HEADER_BYTES = 8
HEADER_LAYOUT = "<BBBBHH"  # length, destination, source, control, session, sequence
TAG_BYTES = 8
FRAME_BYTES_MAX = HEADER_BYTES + PAYLOAD_BYTES_MAX + 4
_TAGGED_BYTES_MIN = FRAME_BYTES_MIN + TAG_BYTES
READER_BYTES_MAX = 2 * FRAME_BYTES_MAX + 8  # every byte of a frame may be stuffed
CONSOLE_BYTES_MAX = 512

MASTER = 0
UNASSIGNED = 254
BROADCAST = 255

VERSION_BITS = 0x40
AUTHENTICATED = 0x20
FROM_DEVICE = 0x10
TYPE_MASK = 0x0F
_VERSION_AND_DIRECTION = 0xC0 | FROM_DEVICE

(CONTROL, REQUEST, RESPONSE, PROGRESS, TELEMETRY, EVENT, TRANSFER, BACKFILL, SYNC, LEASE, LOG) = range(11)
LINK_ERROR = 15

CRC_RESIDUE = 0x2144DF1C  # CRC-32 of any body followed by its own CRC, little endian

assert HEADER_BYTES + PAYLOAD_BYTES_MAX <= 255  # the length fits one byte
assert FRAME_BYTES_MAX <= 371  # up to here CRC-32 keeps a Hamming distance of 5


@micropython.native
def encode(  # type: ignore[no-untyped-def]
    destination: int, source: int, control: int, session: int, sequence: int, payload: bytes, sign=None
) -> bytes:
    """One frame ready for the wire, both flags included.  ``payload`` has at most 240 bytes (asserted: ours).

    ``sign(octets)``, where given, returns the 8 bytes of the tag that go behind the payload and count as part of it.
    """
    length = HEADER_BYTES + len(payload) + (TAG_BYTES if sign else 0)
    assert length <= HEADER_BYTES + PAYLOAD_BYTES_MAX
    header = pack(HEADER_LAYOUT, length, destination, source, control | VERSION_BITS, session, sequence)
    if sign:
        payload += sign(header + payload)
    crc = crc32(payload, crc32(header)).to_bytes(4, "little")
    body = b"".join((header, payload, crc))
    if b"}" in body or FLAG in body:
        body = body.replace(b"}", b"}]").replace(FLAG, b"}^")
    return b"".join((FLAG, body, FLAG))


class Frame:
    """A received frame whose CRC and length are right; ``payload`` is the message, without a tag."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.payload = body[HEADER_BYTES:-12] if body[3] & AUTHENTICATED else body[HEADER_BYTES:-4]

    @property
    def destination(self) -> int:
        """Address it is sent to."""
        return self._body[1]

    @property
    def source(self) -> int:
        """Address of its sender."""
        return self._body[2]

    @property
    def control(self) -> int:
        """Version, direction, kind and whether a tag is there, as one byte."""
        return self._body[3]

    @property
    def kind(self) -> int:
        """One of CONTROL to LINK_ERROR."""
        return self._body[3] & TYPE_MASK

    @property
    def authenticated(self) -> bool:
        """True where a tag stands behind the payload; nobody has judged it yet."""
        return self._body[3] & AUTHENTICATED != 0

    @property
    def session(self) -> int:
        """The session it belongs to; 0 is none."""
        return self._body[4] | self._body[5] << 8

    @property
    def sequence(self) -> int:
        """Its number within its kind."""
        return self._body[6] | self._body[7] << 8

    @property
    def octets(self) -> bytes:
        """All of it but the CRC: what a tag is made of, and the tag."""
        return self._body[:-4]


class FrameReader:
    """Cuts a stream of bytes into frames; whatever is no frame is counted, and kept as console text.

    ``from_device`` is the direction this end listens to: frames of the other direction are echoes and are dropped.
    """

    def __init__(self, from_device: bool) -> None:
        self._expected = VERSION_BITS | FROM_DEVICE if from_device else VERSION_BITS
        self._rest = b""
        self.frames_n = 0
        self.noise_n = 0
        self.echo_n = 0
        self.console = b""

    @micropython.native
    def feed(self, received: bytes) -> "list[Frame]":
        """Frames completed by ``received``.  Never raises, whatever arrives."""
        parts = (self._rest + received).split(FLAG)
        self._rest = rest = parts.pop()
        if len(rest) > READER_BYTES_MAX:
            self._note_noise(rest)
            self._rest = b""
        frames = []
        for part in parts:
            if part:
                body = part.replace(b"}^", FLAG).replace(b"}]", b"}") if b"}" in part else part
                length = len(body)
                if body[0] != length - 4 or length < FRAME_BYTES_MIN or length > FRAME_BYTES_MAX:
                    self._note_noise(part)
                elif crc32(body) != CRC_RESIDUE or (length < _TAGGED_BYTES_MIN and body[3] & AUTHENTICATED):
                    self._note_noise(part)
                elif body[3] & _VERSION_AND_DIRECTION == self._expected:
                    frames.append(Frame(body))
                elif body[3] & _VERSION_AND_DIRECTION == self._expected ^ FROM_DEVICE:
                    self.echo_n += 1
                else:
                    self._note_noise(part)
        self.frames_n += len(frames)
        return frames

    def give_up(self) -> None:
        """Nothing more has come for a while: what is unfinished is no frame."""
        if self._rest:
            self._note_noise(self._rest)
            self._rest = b""

    def _note_noise(self, part: bytes) -> None:
        self.noise_n += 1
        self.console = (self.console + part[-CONSOLE_BYTES_MAX:] + FLAG)[-CONSOLE_BYTES_MAX:]
