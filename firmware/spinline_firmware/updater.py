"""Builds the slot that does not run from a staged file, verifies it on the board, and lets it be tried (SPEC 7.3, 7.4).

The staged file: length of the manifest (4 bytes, big endian), the manifest, then those files that changed, in its
order: length of the path (1 byte), path, length (4 bytes), content.  What it lacks comes from the running slot.
"""

import hashlib

from spinline_protocol import errors
from spinline_protocol.slot_marks import mark_of, proof_of
from spinline_protocol.states import IDLE

from .drivers.slot_files import DRAFT, MANIFEST, SlotFiles, other
from .drivers.staging import CONTENT

PIECE_BYTES = 512
PIECES_N = 8  # read or written between two scans
MANIFEST_BYTES_MAX = 16384
PATH_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_/."
MARKS_N = 24  # in one answer
VERSION_CHARACTERS = 16


class Refused(Exception):
    """Ends the building; the first argument is the result code, the second the line of the manifest."""


class Updater:
    """``slot`` runs.  ``begin`` starts building the other one; ``scan`` goes on a piece, until it answers."""

    def __init__(self, slot: str, board_name: str, folder: str = "") -> None:
        self.slot = slot
        self.files = SlotFiles(folder)
        self._board = board_name
        self._content = folder + CONTENT
        self._sequence = 0  # of the request that waits
        self._work = None
        self._line = 0
        self._lines_n = 0
        self._piece = bytearray(PIECE_BYTES)

    def begin(self, link, sequence: int, state: int, key: bytes, proof: bytes) -> None:  # type: ignore[no-untyped-def]
        """Build from what is staged; ``proof`` is the HMAC of the manifest under the node's maintenance key."""
        if state != IDLE:
            link.answer_code(sequence, errors.STATE, state)
        elif self._work:
            link.answer_code(sequence, errors.BUSY)
        else:
            self._sequence = sequence
            self._work = self._build(key, proof)

    def stop(self) -> None:
        """The session is gone: nobody waits.  A slot that is half built has no manifest."""
        self._work = None

    def scan(self, link, state: int) -> None:  # type: ignore[no-untyped-def]
        """Once a scan: a piece of the work, and how far it is."""
        if not self._work:
            return
        code, line = errors.OK, 0
        try:
            if state != IDLE:
                raise Refused(errors.STATE, state)
            next(self._work)
            link.progress(self._sequence, self._line, self._lines_n)
            return
        except StopIteration:
            pass
        except Refused as refused:
            code, line = refused.args
        except OSError:
            code, line = errors.TOO_LARGE, self._line  # the file system is full
        except ValueError:
            code, line = errors.BAD_ARGUMENTS, self._lines_n  # a manifest that is none
        self._work = None
        link.answer_code(self._sequence, code, line)

    def try_other(self, firmware_sha256: bytes) -> int:
        """The next boot runs the other slot, once.  HASH where that is not the firmware it holds."""
        slot = other(self.slot)
        head = self.files.manifest_head(slot)
        if not head or head[0] != firmware_sha256.hex():
            return errors.HASH
        self.files.select(self.slot, slot, 1)
        return errors.OK

    def other_sha256(self) -> bytes:
        """Hash of the firmware in the other slot; empty where there is none."""
        head = self.files.manifest_head(other(self.slot))
        return bytes.fromhex(head[0]) if head else b""

    def version(self) -> str:
        """Of the firmware that runs; empty where its manifest names none."""
        return " ".join(self.files.manifest_head(self.slot)[2:])[:VERSION_CHARACTERS]

    def marks(self, first: int) -> "tuple[int, bytes]":
        """How many files run, and a mark of each from number ``first`` on: a host sends those it does not find."""
        files_n, marks = 0, b""
        with open(self.files.path(self.slot, MANIFEST)) as manifest:
            manifest.readline()
            for line in manifest:
                if first <= files_n < first + MARKS_N:
                    marks += mark_of(*line.split()[1:])
                files_n += 1
        return files_n, marks

    def confirm(self) -> None:
        """The running slot is the good one from now on."""
        self.files.select(self.slot, "-", 0)

    def _build(self, key: bytes, proof: bytes):  # type: ignore[no-untyped-def]
        """In pieces: the manifest is judged, each file laid and read again, what is left over removed, all sealed."""
        slot = other(self.slot)
        self._line = self._lines_n = 0
        with self._opened(self._content) as staged:
            length = int.from_bytes(staged.read(4), "big")
            if length > MANIFEST_BYTES_MAX:
                raise Refused(errors.TOO_LARGE, 0)
            yield from self._judge_manifest(staged, length, key, proof)
            self.files.remove(slot, MANIFEST)  # from here on it is no firmware, until it is sealed
            self.files.make_room(slot, DRAFT)
            names = set((DRAFT,))
            line_at, entry_at = 4, 4 + length
            with open(self.files.path(slot, DRAFT), "wb") as draft:
                while line_at < 4 + length:
                    staged.seek(line_at)
                    line = staged.readline()
                    line_at += len(line)
                    draft.write(line)
                    if self._line:
                        _source, sha256, name = line.decode().split()
                        names.add(name)
                        entry_at = yield from self._lay(staged, entry_at, slot, name, bytes.fromhex(sha256))
                    self._line += 1
        for name in self.files.names(slot):
            if name not in names:
                self.files.remove(slot, name)
        self.files.seal(slot)

    def _judge_manifest(self, staged, length: int, key: bytes, proof: bytes):  # type: ignore[no-untyped-def]
        """Its proof, its board, its own hash, and that every path stays in the slot."""
        digest, sources = hashlib.sha256(), hashlib.sha256()
        firmware_sha256, board_name = staged.readline().decode().split()[:2]
        staged.seek(4)
        at = 0
        while at < length:
            line = staged.readline()
            digest.update(line)
            at += len(line)
            if self._lines_n:
                words = line.decode().split()
                if len(words) != 3 or not _stays(words[2]):
                    raise Refused(errors.BAD_ARGUMENTS, self._lines_n)
                sources.update(("%s.py %s\n" % (words[2][:-4], words[0])).encode())
            self._lines_n += 1
            if self._lines_n % PIECES_N == 0:
                yield
        if not key or proof_of(key, digest.digest()) != proof:
            raise Refused(errors.AUTHENTICATION, 0)
        if at != length or sources.digest().hex() != firmware_sha256:
            raise Refused(errors.HASH, 0)
        if board_name != self._board:
            raise Refused(errors.CONFLICT, 0)

    def _lay(self, staged, at: int, slot: str, name: str, sha256: bytes):  # type: ignore[no-untyped-def]
        """One file into the slot: it is there, or staged, or copied; then read again.  Returns where staged goes on."""
        target = self.files.path(slot, name)
        staged.seek(at)
        count = (staged.read(1) or b"\0")[0]
        if count and staged.read(count) == name.encode():
            length = int.from_bytes(staged.read(4), "big")
            at += 5 + count
            yield from self._copy(staged, at, length, slot, name)
            at += length
        elif (yield from self._hash(target)) != sha256:
            with self._opened(self.files.path(self.slot, name)) as source:
                yield from self._copy(source, 0, None, slot, name)
        else:
            return at
        if (yield from self._hash(target)) != sha256:
            raise Refused(errors.HASH, self._line)
        return at

    def _opened(self, path: str):  # type: ignore[no-untyped-def]
        try:
            return open(path, "rb")
        except OSError:
            raise Refused(errors.GONE, self._line)

    def _copy(self, source, at: int, length, slot: str, name: str):  # type: ignore[no-untyped-def]
        """``length`` bytes from ``at``, or all there are, a few pieces between two scans."""
        self.files.make_room(slot, name)
        source.seek(at)
        pieces_n = 0
        view = memoryview(self._piece)
        with open(self.files.path(slot, name), "wb") as file:
            while length is None or length:
                most = PIECE_BYTES if length is None else min(PIECE_BYTES, length)
                count = source.readinto(view[:most])
                if not count:
                    break
                file.write(view[:count])
                length = None if length is None else length - count
                pieces_n += 1
                if pieces_n % PIECES_N == 0:
                    yield

    def _hash(self, path: str):  # type: ignore[no-untyped-def]
        """SHA-256 of a file; empty where it is not there."""
        digest = hashlib.sha256()
        pieces_n = 0
        try:
            with open(path, "rb") as file:
                while True:
                    count = file.readinto(self._piece)
                    if not count:
                        return digest.digest()
                    digest.update(memoryview(self._piece)[:count])
                    pieces_n += 1
                    if pieces_n % PIECES_N == 0:
                        yield
        except OSError:
            return b""


def _stays(name: str) -> bool:
    """True for a path that is a compiled file of its slot."""
    plain = name.endswith(".mpy") and ".." not in name and not name.startswith("/")
    return plain and all([character in PATH_CHARACTERS for character in name])
