"""Feeds hostile bytes to a board's decoder and link: ``micropython -X heapsize=N hostile.py CORPUS HALF``.

CORPUS is pieces: kind (1 byte: 255 raw, else the kind of a frame of the open session), length (u16), bytes.  The
line that is printed is pieces, refusals of the decoder, openings, growth of the heap in bytes: the least in use behind
the first HALF pieces, less the most before (the collector takes some numbers on the stack for addresses, so that what
is in use goes up and down).  Without CORPUS it only imports, which says how much heap the code itself takes.
"""

import gc
import sys

HERE = __file__.rpartition("/")[0] or "."
sys.path.insert(0, HERE)
sys.path.insert(0, HERE + "/../../protocol")

from spinline_protocol import auth, errors, framing, messages  # noqa: E402, F401
from spinline_protocol.device_link import OPEN, DeviceLink  # noqa: E402
from spinline_protocol.errors import BadFrame  # noqa: E402
from spinline_protocol.packer import Packer, unpack  # noqa: E402

RAW = 255
PIECE_BYTES_MAX = 600
OUTPUT_BYTES = 256
MEASURED_EVERY_N = 400  # pieces
HELLO = Packer(messages.HELLO, messages.fields_of(messages.HELLO)).pack((255, "1.0", b"n" * 8, "viewer", "test"))


class Victim:
    """A viewer's session, which needs no tag, so that whatever is sent is read to its end."""

    def __init__(self):
        self.word = 1
        self.opened_n = 0
        self.link = DeviceLink(1, self.hello, self.entropy, self, lambda: 0)

    def of(self, role):
        return b""

    def entropy(self, count):
        self.word = (self.word * 75 + 74) % 65537
        return bytes([self.word >> 8 & 255, self.word & 255] * 4)[:count]

    def hello(self, host_nonce, device_nonce, session):
        return (1, 0, session, 1, 0, 240, 4, 0, 0, 0, 0, 0, host_nonce, device_nonce, b"id", b"fw", b"schema", b"conf")

    def open(self):
        """A new session, whatever was before."""
        self.link.receive(framing.FLAG + framing.encode(1, 0, framing.CONTROL, 0, 0, HELLO))
        session = self.link._proposal.session
        opening = Packer(messages.OPEN, messages.fields_of(messages.OPEN)).pack((session, 2000, b""))
        self.link.receive(framing.encode(1, 0, framing.CONTROL, session, 0, opening))
        assert self.link.state == OPEN
        self.opened_n += 1
        self.drain()

    def drain(self):
        """What a scan does: answer the requests, send what waits."""
        while self.link.requests:
            sequence, message = self.link.requests.pop(0)
            self.link.answer_code(sequence, errors.OK)
        while self.link.take_output(OUTPUT_BYTES):
            pass

    def feed(self, kind, octets):
        """One piece from the wire."""
        if kind != RAW:
            if self.link.state != OPEN:
                self.open()
            octets = framing.encode(1, 0, kind, self.link.session, self.link._expected, bytes(octets[:240]))
        self.link.receive(octets)
        self.drain()

    def heap(self):
        """Bytes that are in use in one and the same state."""
        self.link.receive(bytes(framing.CONSOLE_BYTES_MAX) + framing.FLAG)  # the console is full
        self.open()
        identify = b"\x91\x18"
        for _ in range(8):
            self.feed(framing.REQUEST, identify)
        gc.collect()
        gc.collect()
        return gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0


def refused(octets):
    """True where the decoder refuses a payload; any other exception than its own passes through."""
    try:
        unpack(octets)
    except BadFrame:
        return 1
    return 0


def run(path, half_n):
    victim = Victim()
    pieces_n = refusals_n = before = 0
    behind = 1 << 29
    head = bytearray(3)
    buffer = bytearray(PIECE_BYTES_MAX)
    view = memoryview(buffer)
    with open(path, "rb") as corpus:
        while corpus.readinto(head) == 3:
            count = head[1] | head[2] << 8
            corpus.readinto(view[:count])
            piece = bytes(view[:count])
            refusals_n += refused(piece)
            victim.feed(head[0], piece)
            pieces_n += 1
            if pieces_n % MEASURED_EVERY_N == 0:
                in_use = victim.heap()
                if pieces_n <= half_n:
                    before = max(before, in_use)
                else:
                    behind = min(behind, in_use)
    print(pieces_n, refusals_n, victim.opened_n, behind - before)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(sys.argv[1], int(sys.argv[2]))
    else:
        Victim().open()
        print("imported")
