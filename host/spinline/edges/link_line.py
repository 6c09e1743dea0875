"""A serial line for people: listens between supervisor and node, plays a recording, counts what is wrong.

A pseudo-terminal stands in for the other end, so that the supervisor connects to it as to any port.
"""

from __future__ import annotations

import os
import tty
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from spinline.edges import clock
from spinline.edges.link_recording import FROM_NODE, TO_NODE, Record, Recording, header_bytes, record_bytes
from spinline.edges.link_verdict import LinkExamination
from spinline.edges.serial_port import SerialPort

TURN_US = 2_000
READ_BYTES_MAX = 4096
LINGER_US = 200_000  # so that the other program reads the last bytes before the port goes


class PseudoPort:
    """Our end of a pseudo-terminal; ``name`` is the device for the other program."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.name = os.ttyname(self._theirs)

    def read(self) -> bytes:
        """Bytes that the other program sent."""
        try:
            return os.read(self._ours, READ_BYTES_MAX)
        except OSError:
            return b""  # nothing was sent, or nobody is there

    def write(self, octets: bytes) -> None:
        """Send bytes; what nobody reads is lost, as on a wire."""
        try:
            os.write(self._ours, octets)
        except OSError:
            pass  # nobody reads: lost, as on a wire

    def close(self) -> None:
        """End it."""
        os.close(self._ours)
        os.close(self._theirs)


class Tap:
    """Passes bytes between a node's port and a program, and writes them down."""

    def __init__(self, node: SerialPort, program: PseudoPort, file: BinaryIO) -> None:
        self._node, self._program, self._file = node, program, file
        self.bytes_n = 0
        file.write(header_bytes(node.device, clock.utc_us()))

    def step(self) -> None:
        """Whatever has arrived on either side goes to the other one."""
        from_node, to_node = self._node.read(), self._program.read()
        now_us = clock.monotonic_us()
        if from_node:
            self._program.write(from_node)
            self._note(Record(now_us, FROM_NODE, from_node))
        if to_node:
            self._node.write(to_node)
            self._note(Record(now_us, TO_NODE, to_node))

    def _note(self, record: Record) -> None:
        self.bytes_n += len(record.octets)
        self._file.write(record_bytes(record))
        self._file.flush()


def record_line(device: str, path: Path, seconds: float, told: Callable[[str], None]) -> int:
    """Record for this long, or until interrupted; ``told`` gets the port's name.  Returns how many bytes passed."""
    node, program = SerialPort(device), PseudoPort()
    end_us = clock.monotonic_us() + round(seconds * 1e6)
    try:
        with path.open("wb") as file:
            tap = Tap(node, program, file)
            told(program.name)
            try:
                _turns(tap.step, end_us)
            except KeyboardInterrupt:
                pass  # the person has seen enough
            return tap.bytes_n
    finally:
        node.close()
        program.close()


def replay_line(recording: Recording, speed: float, wait_s: float, told: Callable[[str], None]) -> int:
    """Play the node's bytes at their times into a pseudo-terminal; ``told`` gets its name.  Returns how many.

    It begins with the first byte of the other program, or when ``wait_s`` have passed.
    """
    program, sent_n = PseudoPort(), 0
    told(program.name)
    records = [record for record in recording.records if record.direction == FROM_NODE]
    try:
        _turns(lambda: None, clock.monotonic_us() + round(wait_s * 1e6), lambda: bool(program.read()))
        started_us = clock.monotonic_us()
        for record in records:
            clock.rest_until_us(started_us + round((record.at_us - records[0].at_us) / speed))
            program.read()
            program.write(record.octets)
            sent_n += len(record.octets)
        clock.rest_until_us(clock.monotonic_us() + LINGER_US)
        return sent_n
    finally:
        program.close()


def examine_line(device: str, seconds: float) -> LinkExamination:
    """Say HELLO and count for this long."""
    port, examination = SerialPort(device), LinkExamination(os.urandom)
    end_us = clock.monotonic_us() + round(seconds * 1e6)
    try:
        _turns(lambda: examine_once(port, examination), end_us)
    finally:
        port.close()
    return examination


def examine_once(port: SerialPort, examination: LinkExamination) -> None:
    """One turn of an examination on a port."""
    port.write(examination.step(port.read(), clock.monotonic_us()))
    examination.counted.port_problem = port.problem
    examination.counted.port_losses_n = port.losses_n


def _turns(turn: Callable[[], None], end_us: int, done: Callable[[], bool] = lambda: False) -> None:
    """A turn every 2 ms until it is done or the end has come."""
    while clock.monotonic_us() < end_us and not done():
        turn()
        clock.rest_until_us(clock.monotonic_us() + TURN_US)
