"""Puts MicroPython itself onto a board: a UF2 file onto its boot drive, or an image through an ESP32's ROM loader.

The one file that uses esptool, by its command.  Only boards that run no controller's firmware come here: a drive, a
port at which nothing answers, or a prompt.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spinline.edges import clock
from spinline.edges.bundle import Bundle
from spinline.edges.found_boards import Found, Place, find_boards
from spinline.edges.rescue import BoardPrompt, PromptFailed
from spinline.line.flash_messages import FlashStopped
from spinline.line.interpreter_image import ESP_CHIPS, board_id_of

INFO = "INFO_UF2.TXT"  # RP2040 datasheet, "USB Mass Storage Interface"; RP2350 datasheet, the same
UF2_NAME = "firmware.uf2"  # any name will do
MOUNTS = Path("/proc/mounts")
FAT = ("vfat", "msdos")
DRIVE_US = 30_000_000  # from the order to the mounted drive
BACK_US = 60_000_000  # from the image to an answer: an ESP32 formats its file system first
REST_US = 200_000
ESP_S_MAX = 600  # 2 MB at 115200 baud
CONNECT_ATTEMPTS_N = 5
_BOARD_ID = re.compile(r"^Board-ID:\s*(\S+)", re.MULTILINE)
_ESP_SAID = re.compile(r"error occurred: ([^\n]*)")


@dataclass(frozen=True)
class Drive:
    """A boot drive that is mounted."""

    folder: Path
    board_id: str


def boot_drives() -> list[Drive]:
    """Every mounted FAT drive that says by its INFO_UF2.TXT what board it is."""
    drives = []
    for line in MOUNTS.read_text().splitlines():
        _device, place, system, *_options = line.split()
        folder = Path(place.encode("latin-1", "backslashreplace").decode("unicode_escape"))  # \040 is a space
        if system in FAT:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found = _BOARD_ID.search((folder / INFO).read_text("ascii"))
                drives += [Drive(folder, found[1])] if found else []
    return drives


def bring_interpreter(name: str, found: list[Found], bundle: Bundle, board: str) -> str:
    """Write the bundle's MicroPython onto the one board without a firmware; returns SHA-256 of the image.

    ``board``: the kind of board, where it is not clear.  FlashStopped says why not.
    """
    bare: list[Drive | Found] = [*boot_drives(), *(one for one in found if not one.hello and one.problem is None)]
    if not bare:
        raise FlashStopped("not-found", controller=name)
    if len(bare) > 1:
        raise FlashStopped("which-board", controller=name, count=len(bare))
    one = bare[0]
    if isinstance(one, Found) and one.prompt:
        one = _drive_of(name, one) or one
    if isinstance(one, Drive):
        image = _image_for_drive(name, one, bundle, board)
        write_uf2(name, one, image)
    else:
        kind, image = _image_for_port(name, bundle, board)
        write_esp(name, one.place.device, kind, image)
    return hashlib.sha256(image).hexdigest()


def _drive_of(name: str, one: Found) -> Drive | None:
    """The boot drive of a board at its prompt, which is sent there; None for a board that has none."""
    try:
        prompt = BoardPrompt(one.place.device)
        try:
            if prompt.identity().port != "rp2":
                return None
            prompt.leave("import machine\nmachine.bootloader()")
        finally:
            prompt.close()
    except PromptFailed as failed:
        raise FlashStopped("not-set-up", controller=name, why=str(failed)) from None
    end_us = clock.monotonic_us() + DRIVE_US
    while clock.monotonic_us() < end_us:
        drives = boot_drives()
        if drives:
            return drives[0]
        clock.rest_until_us(clock.monotonic_us() + REST_US)
    raise FlashStopped("not-set-up", controller=name, why="its boot drive was not mounted")


def _images(bundle: Bundle, kinds: Callable[[str, str], bool]) -> dict[str, bytes]:
    """Images of the bundle by kind of board; ``kinds`` of name and port says which."""
    parts = [(kind, part.interpreter) for kind, part in bundle.boards.items() if kinds(kind, part.port)]
    return {kind: interpreter[1] for kind, interpreter in parts if interpreter}


def _image_for_drive(name: str, drive: Drive, bundle: Bundle, board: str) -> bytes:
    images = _images(bundle, lambda _kind, port: port == "rp2")
    if not images:
        raise FlashStopped("no-interpreter", controller=name)
    fit = {kind: image for kind, image in images.items() if kind == (board or kind) and _takes(drive, image)}
    if not fit:
        boards = board or " or ".join(images)
        raise FlashStopped("wrong-drive", drive=drive.folder, board_id=drive.board_id, boards=boards)
    if len(set(fit.values())) > 1:
        raise FlashStopped("which-kind", controller=name, kinds=" or ".join(fit))
    return next(iter(fit.values()))


def _takes(drive: Drive, image: bytes) -> bool:
    try:
        return board_id_of(image) == drive.board_id
    except ValueError:
        return False


def _image_for_port(name: str, bundle: Bundle, board: str) -> tuple[str, bytes]:
    """Of a board behind a port: only an ESP32 takes its image that way."""
    if board and board not in ESP_CHIPS:
        raise FlashStopped("by-hand", board=board)
    images = _images(bundle, lambda kind, _port: kind in ESP_CHIPS and kind == (board or kind))
    if not images:
        raise FlashStopped("no-interpreter", controller=name)
    if len(images) > 1:
        raise FlashStopped("which-kind", controller=name, kinds=" or ".join(images))
    return next(iter(images.items()))


def write_uf2(name: str, drive: Drive, image: bytes) -> None:
    """Copy an image that the drive takes.  A drive that goes has its last block: the board starts by itself."""
    assert _takes(drive, image)
    try:
        with open(drive.folder / UF2_NAME, "wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if (drive.folder / INFO).exists():
            why = f"its drive {drive.folder} does not take MicroPython: {error.strerror}"
            raise FlashStopped("not-set-up", controller=name, why=why) from None


def write_esp(name: str, device: str, chip: str, image: bytes) -> None:
    """Through the chip's ROM loader, which compares what it wrote by MD5; then the chip starts.  FlashStopped."""
    options = ["--chip", chip, "--port", os.path.realpath(device), "--connect-attempts", str(CONNECT_ATTEMPTS_N)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "interpreter.bin")
        file.write_bytes(image)
        command = [sys.executable, "-m", "esptool", *options, "write-flash", hex(ESP_CHIPS[chip][1]), str(file)]
        plain = os.environ | {"COLUMNS": "1000", "NO_COLOR": "1", "TERM": "dumb"}
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=ESP_S_MAX, env=plain)
        except subprocess.TimeoutExpired:
            raise FlashStopped("not-set-up", controller=name, why="its ROM loader went silent") from None
    if done.returncode == 0:
        return
    said = _ESP_SAID.search(done.stdout + done.stderr)
    why = said[1].strip() if said else f"esptool ended with {done.returncode}"
    other = re.search(r"This chip is ([^,]+), not", why)
    if other:
        raise FlashStopped("wrong-board", controller=name, board=other[1], boards=chip)
    raise FlashStopped("not-set-up", controller=name, why=why)


def wait_until_it_answers(name: str, places: Callable[[], list[Place]]) -> list[Found]:
    """What is on the ports when the board has started: at its prompt, or with the firmware that its flash still has."""
    end_us = clock.monotonic_us() + BACK_US
    while clock.monotonic_us() < end_us:
        found = find_boards(places())
        if any(one.prompt or one.hello for one in found):
            return found
        clock.rest_until_us(clock.monotonic_us() + REST_US)
    raise FlashStopped("not-set-up", controller=name, why="it has its MicroPython and does not show its prompt")
