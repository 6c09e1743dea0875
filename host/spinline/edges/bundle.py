"""A release of the firmware in one zip: the files of every kind of board, a manifest of all of them, its signature.

    bundle.json   format, version, firmware hash, boards, SHA-256 and size of every other file (UTF-8, keys in order)
    bundle.sig    Ed25519 over bundle.json, hexadecimal
    BOARD/boot.py main.py board.py  BOARD/a/...  and, where there is one, BOARD/interpreter.bin or .uf2

Equal input gives equal bytes.  A bundle is read and refused whole: every file is in the manifest, and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spinline.edges.signing import is_signed
from spinline.errors import BadFile
from spinline.line.firmware_image import FirmwareImage, image_from
from spinline.line.flash_messages import FlashStopped

MANIFEST, SIGNATURE = "bundle.json", "bundle.sig"
MICROPYTHON_MIN = "1.23.0"  # the first whose bytecode is version 6.3
DAY = (1980, 1, 1, 0, 0, 0)  # of every entry: a zip has no earlier one
FILE_BYTES_MAX = 16 * 1024 * 1024
FILES_N_MAX = 2000
SLOT = "a"
SLOT_MANIFEST = "manifest.txt"

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Version = Annotated[str, Field(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")]
Name = Annotated[str, Field(pattern="^[a-z0-9_]{1,24}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FileEntry(_Model):
    """One file of the zip."""

    sha256: Hash
    size: Annotated[int, Field(ge=0, le=FILE_BYTES_MAX)]


class BoardEntry(_Model):
    """One kind of board."""

    port: Name
    architecture: Name
    interpreter: str | None = None  # name of the image of MicroPython


class Manifest(_Model):
    """bundle.json."""

    format: Literal[1]
    version: Version
    firmware_sha256: Hash
    micropython_min: Version
    boards: Annotated[dict[Name, BoardEntry], Field(min_length=1)]
    files: dict[str, FileEntry]


@dataclass(frozen=True)
class BoardPart:
    """What one kind of board gets: its slot, the files beside the slots, and an image of MicroPython or None."""

    port: str
    architecture: str
    image: FirmwareImage
    root_files: dict[str, bytes]
    interpreter: tuple[str, bytes] | None = None


@dataclass(frozen=True)
class Bundle:
    """A release.  ``sha256`` is of its manifest, and so of all its files."""

    version: str
    boards: dict[str, BoardPart]
    sha256: str
    micropython_min: str = MICROPYTHON_MIN


def _files(boards: dict[str, BoardPart]) -> dict[str, bytes]:
    """Every file but manifest and signature, by path in the zip."""
    files: dict[str, bytes] = {}
    for name, part in boards.items():
        slot = {path: file.octets for path, file in part.image.files.items()} | {SLOT_MANIFEST: part.image.manifest}
        files |= {f"{name}/{SLOT}/{path}": octets for path, octets in slot.items()}
        files |= {f"{name}/{path}": octets for path, octets in part.root_files.items()}
        if part.interpreter:
            files[f"{name}/{part.interpreter[0]}"] = part.interpreter[1]
    return dict(sorted(files.items()))


def manifest_of(version: str, boards: dict[str, BoardPart]) -> bytes:
    """bundle.json of a release."""
    written = Manifest(
        format=1,
        version=version,
        firmware_sha256=next(iter(boards.values())).image.firmware_sha256,
        micropython_min=MICROPYTHON_MIN,
        boards={
            name: BoardEntry(
                port=part.port,
                architecture=part.architecture,
                interpreter=part.interpreter[0] if part.interpreter else None,
            )
            for name, part in boards.items()
        },
        files={
            path: FileEntry(sha256=hashlib.sha256(octets).hexdigest(), size=len(octets))
            for path, octets in _files(boards).items()
        },
    )
    return (json.dumps(written.model_dump(), sort_keys=True, indent=1) + "\n").encode()


def bundle_of(version: str, boards: dict[str, BoardPart]) -> Bundle:
    """A release that was just compiled."""
    return Bundle(version, boards, hashlib.sha256(manifest_of(version, boards)).hexdigest())


def write_bundle(path: Path, version: str, boards: dict[str, BoardPart], key: Ed25519PrivateKey) -> str:
    """Write the zip; returns SHA-256 of its manifest.  Raises BadFile where it cannot be written."""
    manifest = manifest_of(version, boards)
    contents = {MANIFEST: manifest, SIGNATURE: key.sign(manifest).hex().encode() + b"\n", **_files(boards)}
    draft = path.with_name(path.name + ".new")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
            for name, octets in contents.items():
                entry = zipfile.ZipInfo(name, DAY)
                entry.create_system, entry.external_attr = 3, 0o644 << 16
                archive.writestr(entry, octets)
        draft.replace(path)
    except OSError as error:
        raise BadFile(path, [f"cannot be written: {error.strerror}"]) from error
    return hashlib.sha256(manifest).hexdigest()


def read_bundle(path: Path, public_key: bytes) -> Bundle:
    """The release in a zip, signature and every hash checked.

    Raises FlashStopped: ``signature``, or ``corrupt`` with what is wrong.
    """
    contents = _unzipped(path)
    manifest = contents.pop(MANIFEST, b"")
    try:
        signature = bytes.fromhex(contents.pop(SIGNATURE, b"").decode("ascii").strip())
    except ValueError:
        signature = b""
    if not is_signed(public_key, signature, manifest):
        raise FlashStopped("signature", file=path)
    try:
        read = Manifest.model_validate_json(manifest)
    except ValidationError as error:
        why = f"{MANIFEST} is of another version ({error.error_count()} errors)"
        raise FlashStopped("corrupt", file=path, why=why) from None
    _judge_files(path, read, contents)
    boards = {name: _part(path, name, entry, contents, read) for name, entry in read.boards.items()}
    return Bundle(read.version, boards, hashlib.sha256(manifest).hexdigest(), read.micropython_min)


def _unzipped(path: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise BadFile(path, [f"cannot be read: {error.strerror or error}"]) from None
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            entries = archive.infolist()
            if len(entries) > FILES_N_MAX:
                raise FlashStopped("corrupt", file=path, why=f"it has more than {FILES_N_MAX} files")
            for entry in entries:
                if entry.filename in contents or not _stays(entry.filename) or entry.file_size > FILE_BYTES_MAX:
                    raise FlashStopped("corrupt", file=path, why=f"{entry.filename!r} is twice, too long or no name")
                contents[entry.filename] = archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise FlashStopped("corrupt", file=path, why=f"it is no whole zip file ({error})") from None
    return contents


def _stays(name: str) -> bool:
    """True for a path below the folder in which it is unpacked."""
    return bool(name) and not name.startswith("/") and ".." not in PurePosixPath(name).parts and "\\" not in name


def _judge_files(path: Path, manifest: Manifest, contents: dict[str, bytes]) -> None:
    for name in sorted(set(manifest.files) ^ set(contents)):
        where = "the manifest" if name in contents else "the zip"
        raise FlashStopped("corrupt", file=path, why=f"{name} is not in {where}")
    for name, entry in manifest.files.items():
        if hashlib.sha256(contents[name]).hexdigest() != entry.sha256:
            raise FlashStopped("corrupt", file=path, why=f"{name} is not what was signed")


def _part(path: Path, name: str, entry: BoardEntry, contents: dict[str, bytes], manifest: Manifest) -> BoardPart:
    """One kind of board; its slot's own manifest must say the same."""
    slot = f"{name}/{SLOT}/"
    files = {file.removeprefix(slot): octets for file, octets in contents.items() if file.startswith(slot)}
    try:
        image = image_from(files.pop(SLOT_MANIFEST), files)
        beside = {file: contents[f"{name}/{file}"] for file in ("boot.py", "main.py", "board.py")}
        interpreter = (entry.interpreter, contents[f"{name}/{entry.interpreter}"]) if entry.interpreter else None
    except (KeyError, ValueError) as error:
        raise FlashStopped("corrupt", file=path, why=f"the files of {name} are not whole: {error}") from None
    said = (image.board, image.version, image.firmware_sha256)
    if said != (name, manifest.version, manifest.firmware_sha256):
        raise FlashStopped("corrupt", file=path, why=f"{slot}{SLOT_MANIFEST} is of another firmware")
    return BoardPart(entry.port, entry.architecture, image, beside, interpreter)
