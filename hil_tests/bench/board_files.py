"""Lays out a board's file system from the sources: boot.py, main.py, board.py and slot a with its manifest.

The manifest's hash is the firmware's identity: SHA-256 over path and SHA-256 of each source file, in order of path.
The same sources go to a board; only the compiled form (mpy-cross) differs with its architecture.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from spinline.edges import firmware_build
from spinline.line.firmware_image import FirmwareImage

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "mpy"
FORMS = {32: "x86", 64: firmware_build.PLAIN}  # by the word of the interpreter: machine code is for words of 32 bits
BOARD = "rp2350b"  # of the reference line

ROM, ROM_BYTES = "rom.bin", 256 * 1024  # partition for ROMFS of a board, beside its file system
NODE, FIXTURE = "firmware", "hil_tests/fixture"  # kinds of board: the folder of boot.py and main.py
PACKAGES = {
    NODE: firmware_build.PACKAGES,
    FIXTURE: (*firmware_build.PACKAGES, "hil_tests/fixture/spinline_fixture"),
}


def slot_sources(root: Path = ROOT, kind: str = NODE) -> dict[str, Path]:
    """Every file of a slot: path on the board -> source file, in order of path."""
    return firmware_build.slot_sources(root, PACKAGES[kind])


def firmware_sha256(root: Path = ROOT, kind: str = NODE) -> str:
    """Hash of the source manifest, as hex: what a node must announce in its handshake."""
    digest = hashlib.sha256()
    for path, source in slot_sources(root, kind).items():
        digest.update(f"{path} {hashlib.sha256(source.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def compiled_beside_slot(files: Iterable[Path]) -> dict[str, bytes]:
    """Programs of the bench that import from a slot and from each other, compiled with the slot's numbers in place of
    their names; by the names of modules.
    """
    beside = {file.name: file for file in files}
    sources = {**slot_sources(), **beside, "main.py": ROOT / NODE / "main.py"}  # whose calls name parameters
    texts = firmware_build.folded_texts(sources, CACHE)
    return {
        file.stem: firmware_build.compiled_text(texts[name], file, name, FORMS[32], CACHE)
        for name, file in beside.items()
    }


def image_of(sources: dict[str, Path], word_bits: int = 32, version: str = "") -> FirmwareImage:
    """The firmware of these sources (path on the board -> file), compiled for the bench's interpreter."""
    return firmware_build.image_of(sources, BOARD, FORMS[word_bits], version, CACHE)


def lay_out(board: Path, word_bits: int = 32, root: Path = ROOT, kind: str = NODE) -> str:
    """Write a board's files below ``board`` (made anew), compiled as a board gets them; returns the firmware hash."""
    shutil.rmtree(board, ignore_errors=True)
    image = image_of(slot_sources(root, kind), word_bits)
    lay_files(image, board)
    for name in ("boot.py", "main.py"):
        shutil.copyfile(root / kind / name, board / name)
    if kind == NODE:
        shutil.copyfile(root / firmware_build.BOARDS / f"{BOARD}.py", board / "board.py")
    return image.firmware_sha256


def lay_files(image: FirmwareImage, folder: Path) -> None:
    """Slot a of a firmware below a folder."""
    contents = {name: file.octets for name, file in image.files.items()} | {"manifest.txt": image.manifest}
    for name, octets in contents.items():
        (folder / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "a" / name).write_bytes(octets)


def lay_rom(folder: Path) -> None:
    """Give the board of this folder an empty partition for ROMFS."""
    (folder / ROM).write_bytes(b"\xff" * ROM_BYTES)
