"""A firmware for one kind of board: its compiled files, the manifest that names them, and what a board must be sent.

The same bytes the board verifies (SPEC 7.3); the firmware's identity is the hash of its sources.  Pure.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from spinline_protocol.slot_marks import mark_of, proof_of


@dataclass(frozen=True)
class SlotFile:
    """One file of a slot: SHA-256 of its source as hex, and what the board gets."""

    source_sha256: str
    octets: bytes

    @property
    def sha256(self) -> str:
        """Of what the board gets."""
        return hashlib.sha256(self.octets).hexdigest()


@dataclass(frozen=True)
class FirmwareImage:
    """``files`` by path in the slot; ``board`` is the kind of board they are compiled for; ``version`` X.Y.Z or ""."""

    board: str
    files: dict[str, SlotFile]
    version: str = ""

    @property
    def firmware_sha256(self) -> str:
        """The identity: SHA-256 over path and SHA-256 of each source, in order of path; hex."""
        digest = hashlib.sha256()
        for name, file in sorted(self.files.items()):
            digest.update(f"{name.removesuffix('.mpy')}.py {file.source_sha256}\n".encode())
        return digest.hexdigest()

    @property
    def manifest(self) -> bytes:
        """As it stands in the slot."""
        lines = [f"{file.source_sha256} {file.sha256} {name}" for name, file in sorted(self.files.items())]
        head = f"{self.firmware_sha256} {self.board} {self.version}".rstrip()
        return "\n".join([head, *lines, ""]).encode()

    def proof(self, key: bytes) -> bytes:
        """HMAC-SHA256 of the manifest under a node's maintenance key."""
        return proof_of(key, hashlib.sha256(self.manifest).digest())

    def changed(self, marks: set[bytes]) -> list[str]:
        """Paths of the files that a board with these marks has not."""
        return [name for name, file in sorted(self.files.items()) if mark_of(file.sha256, name) not in marks]

    def marks(self) -> set[bytes]:
        """What a board that runs this tells of its files."""
        return {mark_of(file.sha256, name) for name, file in self.files.items()}

    def staged(self, marks: set[bytes]) -> bytes:
        """What is transferred: the manifest and the files that the board has not."""
        manifest = self.manifest
        octets = len(manifest).to_bytes(4, "big") + manifest
        for name in self.changed(marks):
            content = self.files[name].octets
            octets += bytes([len(name)]) + name.encode() + len(content).to_bytes(4, "big") + content
        return octets


def image_from(manifest: bytes, files: dict[str, bytes]) -> FirmwareImage:
    """The firmware that a manifest and the files of its slot are.  Raises ValueError where one is not the other's."""
    head, *lines = manifest.decode("ascii").splitlines()
    _sha256, board, *version = head.split()
    rows = [line.split() for line in lines]
    sources = {row[2]: row[0] for row in rows if len(row) == 3}
    if set(sources) != set(files):
        raise ValueError(f"{len(files)} files, {len(sources)} in the manifest")
    image = FirmwareImage(board, {n: SlotFile(sources[n], o) for n, o in files.items()}, version[0] if version else "")
    if image.manifest != manifest:
        raise ValueError("a file is not what the manifest says")
    return image
