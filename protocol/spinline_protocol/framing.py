"""Frames on the wire: flags at both ends, byte stuffing, length, CRC-32 (SPEC 1).  Never interprets a payload."""

import binascii
import struct

FLAG = b"~"
FRAME_BYTES_MIN = 12  # header 8 + CRC 4
PAYLOAD_BYTES_MAX = 240
HEADER_BYTES = 8
HEADER_LAYOUT = "<BBBBHH"  # length, destination, source, control, session, sequence
TAG_BYTES = 8
FRAME_BYTES_MAX = HEADER_BYTES + PAYLOAD_BYTES_MAX + 4
READER_BYTES_MAX = 2 * FRAME_BYTES_MAX + 8  # every byte of a frame may be stuffed
CONSOLE_BYTES_MAX = 512

MASTER = 0
UNASSIGNED = 254
BROADCAST = 255

VERSION_BITS = 0x40
AUTHENTICATED = 0x20
FROM_DEVICE = 0x10
TYPE_MASK = 0x0F

(CONTROL, REQUEST, RESPONSE, PROGRESS, TELEMETRY, EVENT, TRANSFER, BACKFILL, SYNC, LEASE, LOG) = range(11)
LINK_ERROR = 15

CRC_RESIDUE = 0x2144DF1C  # CRC-32 of any body followed by its own CRC, little endian

assert HEADER_BYTES + PAYLOAD_BYTES_MAX <= 255  # the length fits one byte
assert FRAME_BYTES_MAX <= 371  # up to here CRC-32 keeps a Hamming distance of 5


def encode(  # type: ignore[no-untyped-def]
    destination: int, source: int, control: int, session: int, sequence: int, payload: bytes, sign=None
) -> bytes:
    """One frame ready for the wire, both flags included.  ``payload`` has at most 240 bytes (asserted: ours).

    ``sign(octets)``, where given, returns the 8 bytes of the tag that go behind the payload and count as part of it.
    """
    length = HEADER_BYTES + len(payload) + (TAG_BYTES if sign else 0)
    assert length <= HEADER_BYTES + PAYLOAD_BYTES_MAX
    header = struct.pack(HEADER_LAYOUT, length, destination, source, control | VERSION_BITS, session, sequence)
    if sign:
        payload += sign(header + payload)
    crc = binascii.crc32(payload, binascii.crc32(header)).to_bytes(4, "little")
    frame = b"".join((FLAG, header, payload, crc, FLAG))
    if b"}" in frame or frame.find(FLAG, 1) != len(frame) - 1:  # something inside must be stuffed
        frame = FLAG + frame[1:-1].replace(b"}", b"}]").replace(FLAG, b"}^") + FLAG
    return frame


class Frame:
    """A received frame whose CRC and length are right.

    ``octets`` is all of it but the CRC; ``payload`` is the message, without the tag of an authenticated frame.
    """

    def __init__(self, body: bytes) -> None:
        self.destination = body[1]
        self.source = body[2]
        self.control = body[3]
        self.kind = body[3] & TYPE_MASK
        self.session = body[4] | body[5] << 8
        self.sequence = body[6] | body[7] << 8
        self.octets = body[:-4]
        self.authenticated = body[3] & AUTHENTICATED != 0
        self.payload = self.octets[HEADER_BYTES:-TAG_BYTES] if self.authenticated else self.octets[HEADER_BYTES:]


class FrameReader:
    """Cuts a stream of bytes into frames; whatever is no frame is counted, and kept as console text.

    ``from_device`` is the direction this end listens to: frames of the other direction are echoes and are dropped.
    """

    def __init__(self, from_device: bool) -> None:
        self._direction = FROM_DEVICE if from_device else 0
        self._rest = b""
        self.frames_n = 0
        self.noise_n = 0
        self.echo_n = 0
        self.console = b""

    def feed(self, received: bytes) -> "list[Frame]":
        """Frames completed by ``received``.  Never raises, whatever arrives."""
        parts = (self._rest + received).split(FLAG)
        self._rest = parts.pop()
        if len(self._rest) > READER_BYTES_MAX:
            self._note_noise(self._rest)
            self._rest = b""
        frames = []
        for part in parts:
            if part:
                frame = self._check(part)
                if frame is not None:
                    frames.append(frame)
        return frames

    def give_up(self) -> None:
        """Nothing more has come for a while: what is unfinished is no frame."""
        if self._rest:
            self._note_noise(self._rest)
            self._rest = b""

    def _check(self, part: bytes) -> "Frame | None":
        body = part
        if b"}" in part:
            body = part.replace(b"}^", FLAG).replace(b"}]", b"}")
        length = len(body)
        if not FRAME_BYTES_MIN <= length <= FRAME_BYTES_MAX or body[0] != length - 4:
            self._note_noise(part)
            return None
        if binascii.crc32(body) != CRC_RESIDUE:
            self._note_noise(part)
            return None
        if body[3] & 0xC0 != VERSION_BITS or (body[3] & AUTHENTICATED and length < FRAME_BYTES_MIN + TAG_BYTES):
            self._note_noise(part)
            return None
        if body[3] & FROM_DEVICE != self._direction:
            self.echo_n += 1
            return None
        self.frames_n += 1
        return Frame(body)

    def _note_noise(self, part: bytes) -> None:
        self.noise_n += 1
        self.console = (self.console + part + FLAG)[-CONSOLE_BYTES_MAX:]
