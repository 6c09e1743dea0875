"""Boards without MicroPython: an RP2's boot drive in a folder, an ESP32's ROM loader behind a pseudo-terminal."""

from __future__ import annotations

import hashlib
import os
import struct
import tty
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

RP2040, RP2350, ABSOLUTE = 0xE48BFF56, 0xE48BFF59, 0xE48BFF57  # families of UF2 files
UF2_CONTENT_BYTES = 256
END, ESCAPE, ESCAPED = b"\xc0", b"\xdb", ((b"\xdb\xdc", b"\xc0"), (b"\xdb\xdd", b"\xdb"))  # SLIP (RFC 1055)
# ESP-IDF, "Serial Protocol", commands; those of the flash are of the stub, a program that is put into the chip's RAM
RAM_BEGIN, RAM_END, RAM_DATA, SYNC, WRITE_REGISTER, READ_REGISTER = 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A
FLASH_SIZES, FLASH_ATTACH, FLASH_BEGIN, FLASH_DATA, FLASH_END, FLASH_MD5 = 0x0B, 0x0D, 0x10, 0x11, 0x12, 0x13
JUST_DONE = (RAM_BEGIN, RAM_DATA, WRITE_REGISTER, FLASH_SIZES, FLASH_ATTACH, FLASH_END)
STUB_RUNS = b"OHAI"
FLASH_BYTES = 4 << 20
MAGIC_AT, ESP32_MAGIC = 0x40001000, 0x00F01D83
NO_SUCH_COMMAND = b"\x01\x05\0\0"


def uf2(family: int, content: bytes) -> bytes:
    """A UF2 file (UF2 specification, file format)."""
    parts = [content[at : at + UF2_CONTENT_BYTES] for at in range(0, len(content), UF2_CONTENT_BYTES)]
    blocks = b""
    for i, part in enumerate(parts):
        head = (0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + UF2_CONTENT_BYTES * i, len(part), i, len(parts), family)
        blocks += struct.pack("<8I476sI", *head, part, 0x0AB16F30)
    return blocks


def boot_drive(folder: Path, board_id: str) -> str:
    """Make a folder a boot drive; returns its line of /proc/mounts."""
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\r\nModel: of the bench\r\nBoard-ID: {board_id}\r\n")
    place = str(folder).replace(" ", "\\040")
    return f"/dev/sdz1 {place} vfat rw,nosuid 0 0\n"


class RomLoader:
    """The ROM loader of an ESP32 and the stub that takes its place in RAM; ``asked`` are commands.

    ``flash`` is the chip's; ``wears``: it does not keep a bit; ``pulled_at``: the block at which the cable is pulled.
    """

    def __init__(self, wears: bool = False, pulled_at: int | None = None) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.name_of_port = os.ttyname(self._theirs)
        self.asked: list[int] = []
        self.flash = bytearray(b"\xff" * FLASH_BYTES)
        self._wears, self._pulled_at = wears, pulled_at
        self._inflater, self._at = zlib.decompressobj(), 0
        self._ended = False
        self._worker = ThreadPoolExecutor(1, "ROM loader")
        self._served: Future[None] | None = None

    def start(self) -> None:
        """Answer what comes until it is closed."""
        self._served = self._worker.submit(self._serve)

    def _serve(self) -> None:
        waiting = b""
        while not self._ended:
            waiting += os.read(self._ours, 4096)
            *frames, waiting = waiting.split(END)
            for frame in frames:
                for sent, meant in ESCAPED:
                    frame = frame.replace(sent, meant)
                if len(frame) >= 8 and frame[0] == 0:
                    self._answer(frame[1], frame[8:])

    def _answer(self, command: int, given: bytes) -> None:
        self.asked.append(command)
        if command == SYNC:
            for _ in range(8):
                self._say(command, 0x07122055, bytes(4))
        elif command == READ_REGISTER:
            at_magic = int.from_bytes(given[:4], "little") == MAGIC_AT
            self._say(command, ESP32_MAGIC if at_magic else 0, bytes(4))
        elif command == RAM_END:
            self._say(command, 0, bytes(4))
            self._frame(STUB_RUNS)
        elif command == FLASH_MD5:
            at, size = struct.unpack_from("<II", given)
            self._say(command, 0, hashlib.md5(self.flash[at : at + size]).digest() + bytes(2))
        elif command in (FLASH_BEGIN, FLASH_DATA):
            self._write(command, given)
        else:
            self._say(command, 0, bytes(4) if command in JUST_DONE else NO_SUCH_COMMAND)

    def _write(self, command: int, given: bytes) -> None:
        """What comes is deflated, a block after the other."""
        number, place = struct.unpack_from("<4xI4xI", given)
        if command == FLASH_BEGIN:
            self._inflater, self._at = zlib.decompressobj(), place
        elif number == self._pulled_at:
            self._ended = True
            os.close(self._ours)
            return
        else:
            octets = self._inflater.decompress(given[16:])
            self.flash[self._at : self._at + len(octets)] = octets
            self.flash[self._at] &= 0xFE if self._wears else 0xFF
            self._at += len(octets)
        self._say(command, 0, bytes(2))

    def _say(self, command: int, number: int, status: bytes) -> None:
        self._frame(struct.pack("<BBHI", 1, command, len(status), number) + status)

    def _frame(self, body: bytes) -> None:
        os.write(self._ours, END + body.replace(ESCAPE, b"\xdb\xdd").replace(END, b"\xdb\xdc") + END)

    def close(self) -> None:
        """End it."""
        pulled, self._ended = self._ended, True
        if not pulled:
            os.write(self._theirs, END)  # it waits for an octet
        self._worker.shutdown()
        if self._served:
            self._served.result()
        if not pulled:
            os.close(self._ours)
        os.close(self._theirs)
