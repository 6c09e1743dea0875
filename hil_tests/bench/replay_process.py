"""The firmware's scan in a MicroPython process of its own, fed with recorded numbers block by block."""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spinline_firmware.control.image import INPUT_WORDS
from spinline_firmware.control.summary import RING_BYTES
from spinline_protocol.configuration import TABLES

from .board_files import lay_out
from .interpreters import Interpreter
from .mpy import layout
from .node_process import BENCH_MODULES, NodeDied

HEAP = "384wK"  # in words of 32 bits: it runs from the slot, not in place
assert INPUT_WORDS == 3  # of an input in the frames
BLOCK_WORDS = 4096  # what may be under way: less than a pipe holds, and so do the answers
Frame = tuple[int, Sequence[int]]  # kind and words: mpy/layout.py


class ReplayProcess:
    """One boot of one node.  ``run`` gives it frames; each scan is answered by its record, others by a result code."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="spinline-replay-")
        board = Path(self._folder.name) / "board"
        self.firmware_sha256 = lay_out(board, interpreter.word_bits)
        down_read, self._down = os.pipe()
        self._up, up_write = os.pipe()
        self._console = Path(self._folder.name) / "console.txt"
        program = [str(BENCH_MODULES / "replay_node.py"), str(board / "a"), str(down_read), str(up_write)]
        program += [str(RING_BYTES), str(len(TABLES))]
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                [*interpreter.command, "-X", f"heapsize={HEAP}", *program],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(down_read, up_write),
            )
        os.close(down_read)
        os.close(up_write)

    def run(self, frames: Sequence[Frame], record_bytes: int) -> list[bytes]:
        """The answer to each frame: the record of a scan, one byte of result code else.  Raises NodeDied."""
        octets, lengths = b"", []
        for kind, words in frames:
            octets += struct.pack(f"{layout.REPLAY_HEAD}{len(words)}i", kind, len(words), *words)
            lengths.append(record_bytes if kind == layout.SCAN else 1)
        try:
            os.write(self._down, octets)
        except BrokenPipeError as error:
            raise NodeDied(self._console.read_text(errors="replace")) from error
        return [self._read(length) for length in lengths]

    def _read(self, length: int) -> bytes:
        octets = b""
        while len(octets) < length:
            part = os.read(self._up, length - len(octets))
            if not part:
                raise NodeDied(self._console.read_text(errors="replace"))
            octets += part
        return octets

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        os.close(self._down)
        os.close(self._up)
        self._folder.cleanup()
