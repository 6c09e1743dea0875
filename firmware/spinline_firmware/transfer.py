"""Large files to the board: announced by hash, resumed where they were cut, re-read before they count (SPEC 7.2).

Nothing here activates what came, or looks into it.  A scan writes one chunk or re-reads one piece.
"""

import hashlib

from spinline_protocol import errors, messages
from spinline_protocol.packer import Packer
from spinline_protocol.states import ABORTED, COMPLETE, HELD, IDLE, STOPPED

KINDS_N = 1  # 0: the files of a firmware slot
LENGTH_MAX = 512 * 1024
CHUNK_BYTES = 192
SHA256_BYTES = 32
PIECE_BYTES = 512
PIECES_N = 8  # re-read in one scan: 4 kB
STATES = (IDLE, HELD, STOPPED, COMPLETE, ABORTED)

_TOLD = Packer(messages.TRANSFER_TOLD, messages.fields_of(messages.TRANSFER_TOLD))


class Transfer:
    """One transfer at a time into ``staging``.  ``offset`` is the next byte wanted; resumed by (sha256, generation)."""

    def __init__(self, staging) -> None:  # type: ignore[no-untyped-def]
        self._staging = staging
        self._length = 0
        self._label = ""
        self.number = 0  # of the transfer; one more at each begin
        self.open = False
        self.generation = 0  # one more at each erase: the same number means the same content
        self.offset = 0
        self._ending = 0  # sequence of the request that waits for the re-reading; 0: none
        self._checked = 0
        self._digest = hashlib.sha256()
        self._piece = bytearray(PIECE_BYTES)

    def serve(self, link, sequence: int, operation: int, fields: list, state: int) -> None:  # type: ignore[no-untyped-def, type-arg]
        """Answer one of the three requests; ``state`` is the node's."""
        if state not in STATES:
            link.answer_code(sequence, errors.STATE, state)
        elif self._ending:
            link.answer_code(sequence, errors.BUSY)
        elif operation == messages.TRANSFER_BEGIN:
            code = self.begin(fields[0], fields[1], fields[2])
            link.answer(sequence, _TOLD.pack((code, self.number, self.offset, self.generation, CHUNK_BYTES)))
        elif not self.open or fields[0] != self.number:
            link.answer_code(sequence, errors.CONFLICT, self.number)
        elif operation == messages.TRANSFER_PUT:
            link.answer_code(sequence, self.put(fields[1], fields[2]), self.offset, self._length)
        elif self.offset != self._length:
            link.answer_code(sequence, errors.SEQUENCE, self.offset, self._length)
        else:
            self._ending = sequence
            self._checked = 0
            self._digest = hashlib.sha256()

    def scan(self, link, state: int) -> None:  # type: ignore[no-untyped-def]
        """Once a scan: re-read a piece of what is whole, tell how far it is, and answer at the end."""
        if not self._ending:
            return
        code = errors.STATE
        if state in STATES:
            self._check()
            if self._checked < self._length:
                link.progress(self._ending, self._checked, self._length)
                return
            code = self._judge()
        sequence, self._ending = self._ending, 0
        link.answer_code(sequence, code, self.offset, self._length)

    def stop(self) -> None:
        """The session is gone: its transfer number ends, what is written stays."""
        self.open = False
        self._ending = 0

    def begin(self, kind: int, length: int, sha256: bytes) -> int:
        """Open a transfer; ``offset`` is where it goes on.  Another kind, length or hash erases what was staged."""
        if kind >= KINDS_N or length < 1 or len(sha256) != SHA256_BYTES:
            return errors.BAD_ARGUMENTS
        if length > LENGTH_MAX:
            return errors.TOO_LARGE
        generation, _, rest = self._staging.label().partition(" ")
        self.generation = int(generation) if generation.isdigit() else 0
        self._length = length
        self._label = "%d %d %s" % (kind, length, sha256.hex())
        self.offset = self._staging.size()
        if rest != self._label or self.offset > length:
            self._erase()
        self.number = self.number % 0xFFFF + 1
        self.open = True
        return errors.OK

    def _erase(self) -> None:
        self.generation += 1
        self._staging.erase("%d %s" % (self.generation, self._label))
        self.offset = 0

    def put(self, offset: int, octets: bytes) -> int:
        """Write the next chunk; the answer is given when the file has it.  What is there already is OK again."""
        if not octets or len(octets) > CHUNK_BYTES:
            return errors.BAD_ARGUMENTS
        if offset + len(octets) > self._length:
            return errors.TOO_LARGE
        if offset + len(octets) <= self.offset:
            return errors.OK
        if offset != self.offset:
            return errors.SEQUENCE
        try:
            self._staging.append(octets)
        except OSError:
            self.offset = self._staging.size()  # the disk is full: how much it took stands in the file
            return errors.TOO_LARGE
        self.offset += len(octets)
        return errors.OK

    def _check(self) -> None:
        for _ in range(PIECES_N):
            count = self._staging.read_into(self._checked, self._piece)
            if count == 0:
                self._checked = self._length  # shorter than it was: the hash will say so
                return
            self._digest.update(memoryview(self._piece)[:count])
            self._checked += count

    def _judge(self) -> int:
        """The hash of what was re-read.  A wrong one is erased, so that the next begin starts anew."""
        if self._label.endswith(self._digest.digest().hex()):
            return errors.OK
        self._erase()
        return errors.HASH
