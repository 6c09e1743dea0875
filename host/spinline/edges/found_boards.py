"""Which boards are on which ports: USB serial numbers, our handshake, a prompt, or another program that has the port.

Nothing that is sent interrupts a running controller: HELLO changes nothing at a node (SPEC 3.2) and holds no control
character, a carriage return and Ctrl-B, which brings a prompt back from its raw mode, are noise between two frames.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from spinline.edges import clock
from spinline.edges.link_line import examine_once
from spinline.edges.link_verdict import LinkExamination
from spinline.edges.serial_port import SerialPort
from spinline.line.flash_messages import FlashStopped

ANSWER_US = 2_500_000  # a node answers in its next scan
PROMPT_US = 1_500_000
TURN_US = 10_000
FRIENDLY = b"\r\x02"
PSEUDO = "/dev/pts/"
_SERIAL = re.compile(r"_([A-Za-z0-9.-]+?)(?:-if\d.*)?$")  # usb-MAKER_MODEL_SERIAL-if00-port0


@dataclass(frozen=True)
class Place:
    """A port and the USB serial number of what is plugged in; empty where it has none."""

    device: str
    usb_serial: str = ""


@dataclass
class Found:
    """What is at a port: ``hello`` of a controller, or a ``prompt``, or a ``problem``, or nothing."""

    place: Place
    hello: dict[str, Any] = field(default_factory=dict)
    prompt: bool = False
    problem: FlashStopped | None = None


def places_of(folder: str | None) -> list[Place]:
    """Every USB port of this PC; with a folder those that its links name, as a system makes them."""
    if folder is None:
        return [Place(port.device, port.serial_number or "") for port in sorted(list_ports.comports()) if port.vid]
    links = sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []
    serials = [(link, _SERIAL.search(link.name)) for link in links]
    return [Place(str(link), found[1] if found else "") for link, found in serials]


def holders_of(device: str) -> list[str]:
    """Other processes that have a port open: name and number of each; only those this account may look into.

    The program that is a pseudo-terminal's other end is none of them.
    """
    target, found = os.path.realpath(device), []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):  # it has ended, or is another account's
            opened = {one.name: os.readlink(one) for one in (process / "fd").iterdir()}
            if target in opened.values() and not _is_other_end(process, opened, target):
                found.append(f"{(process / 'comm').read_text().strip()} (process {process.name})")
    return found


def _is_other_end(process: Path, opened: dict[str, str], target: str) -> bool:
    """True for a process with the master of this pseudo-terminal: Linux tells its number beside the descriptor."""
    masters = [number for number, name in opened.items() if name.endswith("/ptmx")]
    told = [(process / "fdinfo" / number).read_text() for number in masters]
    return any(f"tty-index:\t{target.removeprefix(PSEUDO)}\n" in text for text in told)


def claim(device: str) -> SerialPort:
    """The port, for us alone.

    FlashStopped: ``port-busy`` says who has it, ``no-access`` why it cannot be opened, ``no-device`` that it is a name.
    """
    if not os.path.exists(device):
        raise FlashStopped("no-device", port=device)
    others = holders_of(device)
    if others:
        raise FlashStopped("port-busy", port=device, who=", ".join(others))
    port = SerialPort(device)
    port.read()
    if port.problem and os.path.exists(device) and os.access(device, os.R_OK | os.W_OK):
        raise FlashStopped("port-busy", port=device, who=", ".join(others) or "another program")
    if port.problem:
        raise FlashStopped("no-access", port=device, why=port.problem.partition(": ")[2])
    return port


def find_boards(places: list[Place]) -> list[Found]:
    """Ask at every port at once who is there."""
    found = [Found(place) for place in places]
    asked: list[tuple[Found, SerialPort, LinkExamination]] = []
    for one in found:
        try:
            asked.append((one, claim(one.place.device), LinkExamination(os.urandom)))
        except FlashStopped as stopped:
            one.problem = stopped
    try:
        _listen(asked, ANSWER_US)
        silent = [row for row in asked if not row[0].hello]
        for _one, port, _examination in silent:
            port.write(FRIENDLY)
        _listen(silent, PROMPT_US)
    finally:
        for _one, port, _examination in asked:
            port.close()
    return found


def _listen(asked: list[tuple[Found, SerialPort, LinkExamination]], limit_us: int) -> None:
    """Until each has said who it is."""
    end_us = clock.monotonic_us() + limit_us
    while clock.monotonic_us() < end_us and not all(one.hello or one.prompt for one, _port, _examination in asked):
        for one, port, examination in asked:
            examine_once(port, examination)
            one.hello = examination.hello
            one.prompt = examination.counted.prompt and not one.hello
        clock.rest_until_us(clock.monotonic_us() + TURN_US)
