"""A board at MicroPython's own prompt: what it is, files onto it, hashes of what it then holds, and a restart.

The one file that uses mpremote, which is pinned: its interface "is going to change significantly" (its own words).  It
interrupts what runs (Ctrl-C), so only boards that have shown their prompt by themselves come here.
"""

from __future__ import annotations

import contextlib
import io
import os
import posixpath
import struct
from dataclasses import dataclass
from typing import Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from spinline.edges.serial_port import BAUD

READ_S = 2.0  # of one read; mpremote waits for ten seconds in all
CHUNK_BYTES = 512
INTERRUPT, FRIENDLY = b"\x03", b"\r\x02"  # MicroPython's reference, "The MicroPython Interactive Interpreter Mode"
PORTS = {"pyboard": "stm32"}  # where MicroPython calls a port otherwise than its folder
# in the order of MicroPython's numbers (py/persistentcode.h, MP_NATIVE_ARCH_...)
ARCHITECTURES = (
    "", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin", "rv32imc"
)  # fmt: skip
_ARCHITECTURE_SHIFT, _ARCHITECTURE_MASK = 10, 15  # in sys.implementation._mpy
_HASHES = """
import hashlib
def _sha256(name):
    digest = hashlib.sha256()
    with open(name, "rb") as file:
        while True:
            octets = file.read(512)
            if not octets:
                return digest.digest()
            digest.update(octets)
"""
_REMOVE = """
import os
def _remove(name):
    try:
        os.remove(name)
    except OSError:
        pass
"""
FAILURES = (TransportError, serial.SerialException, OSError, ValueError, IndexError, struct.error, SyntaxError)


class PromptFailed(Exception):
    """The board did not do what it was asked; the text says what it printed, or that it went silent."""


@dataclass(frozen=True)
class PromptIdentity:
    """What MicroPython says of the board: port, device id, architecture of machine code, version."""

    port: str
    device_id: bytes
    architecture: str
    interpreter: str

    def loads(self, architecture: str) -> bool:
        """True where it takes files that were compiled for this architecture: an ARM also those of a smaller one."""
        if architecture == self.architecture:
            return True
        arms = ARCHITECTURES[4:9]
        if architecture not in arms or self.architecture not in arms:
            return False
        return arms.index(architecture) <= arms.index(self.architecture)


class BoardPrompt:
    """One board.  Every method raises PromptFailed."""

    def __init__(self, device: str) -> None:
        self._left = False  # it was told to start anew
        try:
            self._transport = SerialTransport(os.path.realpath(device), baudrate=BAUD, timeout=READ_S)
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it did not expect
                self._transport.enter_raw_repl(soft_reset=False)
        except FAILURES as error:
            raise PromptFailed(str(error)) from error

    def close(self) -> None:
        """Give the port back.  Whatever was under way, the board is at its friendly prompt again."""
        if not self._left:  # what starts must not be interrupted
            with contextlib.suppress(*FAILURES):
                self._transport.serial.write(INTERRUPT + FRIENDLY)
                self._transport.serial.flush()
        with contextlib.suppress(*FAILURES):
            self._transport.close()

    def run(self, code: str) -> str:
        """What the code prints."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return str(self._transport.exec(code).decode("utf-8", "replace"))
        except TransportExecError as error:
            raise PromptFailed(error.error_output.strip().rpartition("\n")[2]) from error
        except FAILURES as error:
            raise PromptFailed(str(error) or "it went silent") from error

    def _literal(self, expression: str) -> Any:
        try:
            return self._transport.eval(expression)
        except TransportExecError as error:
            raise PromptFailed(error.error_output.strip().rpartition("\n")[2]) from error
        except FAILURES as error:
            raise PromptFailed(str(error) or "it went silent") from error

    def identity(self) -> PromptIdentity:
        """Who it is."""
        self.run("import machine, os, sys")
        port, device_id, mpy, version = self._literal(
            "(os.uname()[0], bytes(machine.unique_id())[:8], sys.implementation._mpy, sys.implementation.version[:3])"
        )
        number = mpy >> _ARCHITECTURE_SHIFT & _ARCHITECTURE_MASK
        architecture = ARCHITECTURES[number] if number < len(ARCHITECTURES) else ""
        return PromptIdentity(PORTS.get(port, port), device_id, architecture, ".".join(map(str, version)))

    def remove(self, names: list[str]) -> None:
        """Files that must not be there; one that is not is fine."""
        self.run(_REMOVE + f"for _name in {names!r}:\n    _remove(_name)\n")

    def write(self, name: str, octets: bytes) -> None:
        """One file with the folders above it."""
        folders = posixpath.dirname(name).split("/") if "/" in name else []
        paths = ["/".join(folders[: i + 1]) for i in range(len(folders))]
        make = "import os\nfor _name in {!r}:\n    try:\n        os.mkdir(_name)\n    except OSError:\n        pass\n"
        self.run(make.format(paths))
        try:
            self._transport.fs_writefile(name, octets, CHUNK_BYTES)
        except TransportExecError as error:
            raise PromptFailed(error.error_output.strip().rpartition("\n")[2]) from error
        except FAILURES as error:
            raise PromptFailed(str(error) or "it went silent") from error

    def sha256_of(self, name: str) -> bytes:
        """Hash of a file, computed on the board from what its flash holds."""
        self.run(_HASHES)
        return bytes(self._literal(f"_sha256({name!r})"))

    def restart(self) -> None:
        """As after power-on."""
        self.leave("import machine\nmachine.reset()")

    def leave(self, code: str) -> None:
        """Run what ends this conversation."""
        self._left = True
        try:
            self._transport.exec_raw_no_follow(code)
        except FAILURES as error:
            raise PromptFailed(str(error)) from error
