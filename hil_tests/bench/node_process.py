"""One controller of the bench: the unmodified firmware in its own MicroPython process, stepped frame by frame."""

from __future__ import annotations

import os
import select
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from spinline_firmware.boards import rp2350b as board

from .mpy import layout

BENCH_MODULES = Path(__file__).parent / "mpy"
HEAP = "256wK"  # in words of 32 bits: 192 kB of a board, the models of its chips, and their names
SAFE_BIT = 1 << board.SAFE_PIN - layout.INPUTS_FROM
HANG_S = 20.0  # real time without an answer: the interpreter hangs
UP_FRAME_BYTES_MAX = 1 << 16


class NodeDied(Exception):
    """The interpreter ended or hung; the text names the node and holds what it printed last."""


class NodeHung(NodeDied):
    """The interpreter runs and did not answer in time: a hang of the bench, no verdict on the line."""


@dataclass
class Down:
    """What the node's pins and chips read in its next scan."""

    tc_code: list[int] = field(default_factory=lambda: [0] * layout.TC_N)
    tc_fault: list[int] = field(default_factory=lambda: [0] * layout.TC_N)
    analog_uv: list[int] = field(default_factory=lambda: [0] * layout.ANALOG_N)
    contacts: int = 0
    counts: list[int] = field(default_factory=lambda: [0] * layout.ENCODERS_N)
    spi_dead: list[int] = field(default_factory=lambda: [0] * layout.TC_N)
    i2c_dead: int = 0
    rtd_code: list[int] = field(default_factory=lambda: [0] * layout.RTD_N)
    rtd_wrong: list[int] = field(default_factory=lambda: [0] * layout.RTD_N)
    drive_frequency: list[int] = field(default_factory=lambda: [0] * layout.DRIVES_N)
    drive_current: list[int] = field(default_factory=lambda: [0] * layout.DRIVES_N)
    drive_harm: list[int] = field(default_factory=lambda: [0] * layout.DRIVES_N)
    longer_ms: int = 0


class Up(NamedTuple):
    """What the node's pins and chips put out, and when it wants to be woken (ms)."""

    wake_ms: int
    pins: bytes
    dac: tuple[int, ...]
    watchdog_fed: bool
    transmitted: bytes


class NodeProcess:
    """A running node.  ``send`` wakes it at a virtual time; ``receive`` returns its outputs when it waits again.

    Another kind of board has other modules, another layout of the frames, and its own ``words`` to send down.
    """

    modules = str(BENCH_MODULES)  # folders of shadow modules, the first before the second
    start = BENCH_MODULES / "node.py"
    heap = HEAP
    pack_down = struct.Struct(layout.DOWN).pack
    unpack_up = struct.Struct(layout.UP).unpack_from
    head_bytes = struct.calcsize(layout.UP_HEAD)
    up_bytes = struct.calcsize(layout.UP)

    def __init__(
        self,
        command: tuple[str, ...],
        board: Path,
        device_id: bytes,
        seed: bytes,
        reset_cause: int = 1,
        ticks_offset: int = 0,
        console: Path | None = None,
        hang_s: float = HANG_S,
    ) -> None:
        self.folder = board
        self.hang_s = hang_s
        down_read, self._down = os.pipe()
        self._up, up_write = os.pipe()
        self._console = console or board / "console.txt"
        arguments = [self.modules, str(board), str(down_read), str(up_write), seed.hex(), device_id.hex()]
        with self._console.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "-X", f"heapsize={self.heap}", str(self.start), *arguments]
                + [str(reset_cause), str(ticks_offset)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(down_read, up_write),
            )
        os.close(down_read)
        os.close(up_write)
        self._answers = select.poll()
        self._answers.register(self._up, select.POLLIN)
        self._receive_rest = b""
        self.sent = b""  # the last frame each way, for the trace
        self.received = b""

    def send(self, now_ms: int, down: Down, received: bytes) -> None:
        """Wake the node at ``now_ms``; bytes beyond one frame's room wait for the next."""
        waiting = self._receive_rest + received
        part, self._receive_rest = waiting[: layout.RX_BYTES_MAX], waiting[layout.RX_BYTES_MAX :]
        self.sent = self.pack_down(now_ms, *self.words(down), len(part)) + part
        try:
            os.write(self._down, self.sent)
        except BrokenPipeError as error:
            raise NodeDied(f"{self.folder.name} ended; its last words:\n{self.last_words()}") from error

    @staticmethod
    def equip(folder: Path) -> None:
        """What the board's file says of its carrier; the reference board's says it already."""

    @staticmethod
    def dark(jumper: bool) -> Down:
        """Nothing on any terminal but the pull-up of the safe pin, which the jumper takes to 0 V."""
        return Down(contacts=0 if jumper else SAFE_BIT)

    def words(self, down: Down) -> tuple[int, ...]:
        """What goes down between the time and the number of bytes."""
        inputs = (*down.tc_code, *down.tc_fault, *down.analog_uv, down.contacts, *down.counts)
        bus = (*down.rtd_code, *down.rtd_wrong, *down.drive_frequency, *down.drive_current, *down.drive_harm)
        return (*inputs, *down.spi_dead, down.i2c_dead, *bus, down.longer_ms)

    def receive(self) -> Up:
        """The node's outputs.  Raises NodeDied when it ended, NodeHung without an answer in ``hang_s`` of real time."""
        frame = self._read()
        while len(frame) < self.up_bytes or len(frame) < frame[0] | frame[1] << 8:
            frame += self._read()
        self.received = frame
        words = self.unpack_up(frame)
        return Up(words[1], words[3], words[4:], bool(words[2]), frame[self.up_bytes :])

    @property
    def outputs(self) -> bytes:
        """What the last frame up says of pins and converters."""
        return self.received[self.head_bytes : self.up_bytes]

    def _read(self) -> bytes:
        if not self._answers.poll(1000 * self.hang_s):
            raise NodeHung(
                f"{self.folder.name} hangs: no answer in {self.hang_s:g} s of real time; its last words:\n"
                + self.last_words()
            )
        octets = os.read(self._up, UP_FRAME_BYTES_MAX)
        if not octets:
            raise NodeDied(f"{self.folder.name} ended; its last words:\n{self.last_words()}")
        return octets

    def last_words(self) -> str:
        """The end of what the interpreter printed: a traceback, if there was one."""
        try:
            return self._console.read_text(errors="replace")[-2000:]
        except OSError:
            return ""

    def kill(self) -> None:
        """End the process at once, as a power cut would; may be called twice."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in (self._down, self._up):
            try:
                os.close(descriptor)
            except OSError:
                pass
        self._down = self._up = -1


class BusNodeProcess(NodeProcess):
    """A node with its drives on a bus, resistance thermometers in sockets 6 and 7, and a FRAM."""

    modules = f"{BENCH_MODULES.parent / 'mpy_bus'}:{BENCH_MODULES}"

    @staticmethod
    def equip(folder: Path) -> None:
        """The carrier has a FRAM, and its board file says so."""
        path = folder / "board.py"
        told = path.read_text()
        assert told.count("FRAM = ()") == 1
        path.write_text(told.replace("FRAM = ()", "FRAM = (0x50, 8192)"))
