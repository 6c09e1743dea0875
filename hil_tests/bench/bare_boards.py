"""Boards without MicroPython: an RP2's boot drive in a folder, an ESP32's ROM loader behind a pseudo-terminal."""

from __future__ import annotations

import os
import struct
import tty
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

RP2040, RP2350, ABSOLUTE = 0xE48BFF56, 0xE48BFF59, 0xE48BFF57  # families of UF2 files
UF2_CONTENT_BYTES = 256
END, ESCAPE, ESCAPED = b"\xc0", b"\xdb", ((b"\xdb\xdc", b"\xc0"), (b"\xdb\xdd", b"\xdb"))  # SLIP (RFC 1055)
SYNC, READ_REGISTER, SECURITY_INFO = 0x08, 0x0A, 0x14  # ESP-IDF, "Serial Protocol", commands
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
    """The ROM loader of an ESP32 as far as its conversation goes before anything is written; ``asked`` are commands."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.name_of_port = os.ttyname(self._theirs)
        self.asked: list[int] = []
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
        else:
            self._say(command, 0, NO_SUCH_COMMAND)

    def _say(self, command: int, number: int, status: bytes) -> None:
        body = struct.pack("<BBHI", 1, command, len(status), number) + status
        os.write(self._ours, END + body.replace(ESCAPE, b"\xdb\xdd").replace(END, b"\xdb\xdc") + END)

    def close(self) -> None:
        """End it."""
        self._ended = True
        os.write(self._theirs, END)  # it waits for an octet
        self._worker.shutdown()
        if self._served:
            self._served.result()
        os.close(self._ours)
        os.close(self._theirs)
