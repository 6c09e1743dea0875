"""Several real firmwares on one half-duplex bus in virtual time, polled by the host's bus: no plant, no supervisor."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

from spinline_firmware.boards import rp2350b as board
from spinline_protocol import auth
from spinline_protocol.bus import Bus, BusEvent
from spinline_protocol.host_link import HostLink

from .board_files import NODE
from .direct import LEASE_MS, NoAnswer
from .half_duplex import HOST, HalfDuplex
from .interpreters import Interpreter
from .node_process import Down, NodeProcess
from .provisioning import BOOT_MS, bench_site_key, lay_board, lay_once
from .wiring import NO_JUMPER, PERMIT_CONTACT

STEP_US = 250
RENEWAL_US = 500_000
ANSWER_S = 10.0
GAP_US = 2 * 10_000_000 // board.BAUD  # that a node lets pass before it answers


class BusNode:
    """One controller with its address switch set."""

    def __init__(self, interpreter: Interpreter, folder: Path, address: int, site_key: bytes) -> None:
        self.device_id = hashlib.sha256(folder.name.encode()).digest()[:8]
        lay_once(folder, lay_board, interpreter, NODE, NodeProcess, self.device_id, site_key)
        self.address = address
        self.process = NodeProcess(interpreter.command, folder, self.device_id, folder.name.encode())
        self.wake_ms = BOOT_MS
        self.alive = True
        switch = sum(1 << pin - 32 for i, pin in enumerate(board.BUS_ADDRESS) if address >> i & 1)
        self.down = Down(contacts=NO_JUMPER | PERMIT_CONTACT | switch)


class BusLine:
    """``names`` and their addresses; a host with an operator's session to each address, its lease renewed.

    ``step`` and ``ask`` work in virtual time; ``told`` keeps what the bus told.
    """

    def __init__(self, interpreter: Interpreter, folder: Path, seed: int, addresses: dict[str, int]) -> None:
        self._random = random.Random(seed)
        self.wire = HalfDuplex(self._random.randrange, board.BAUD, echo=True)
        site_key = bench_site_key(seed)
        self.nodes = [BusNode(interpreter, folder / name, at, site_key) for name, at in addresses.items()]
        key = auth.role_key(site_key, auth.OPERATOR)
        self.links = {
            at: HostLink(at, "bus", self._random.randbytes, auth.OPERATOR, key)
            for at in sorted(set(addresses.values()))
        }
        self.bus = Bus(self.links.values(), board.BAUD)
        self.now_us = 0
        self.told: list[BusEvent] = []
        self._answers: dict[tuple[int, int], dict[str, Any]] = {}
        self._renew_us = 0
        for link in self.links.values():
            link.open(LEASE_MS, 0)

    def run(self, seconds: float) -> None:
        """So much virtual time."""
        end_us = self.now_us + round(seconds * 1e6)
        while self.now_us < end_us:
            self.now_us += STEP_US
            self._wake_nodes()
            self._take(self.bus.receive(self.wire.hear(self.now_us, HOST), self.now_us))
            if self.now_us >= self._renew_us:
                self._renew_us += RENEWAL_US
                for link in self.links.values():
                    if link.state == "open":
                        link.renew_lease(0, 0)
            if self.now_us >= self.bus.wake_us:
                self._take(self.bus.poll(self.now_us))
                self.wire.send(self.now_us, self.bus.take_output(), HOST)

    def _wake_nodes(self) -> None:
        due = [node for node in self.nodes if node.alive and node.wake_ms * 1000 <= self.now_us]
        for node in due:
            node.process.send(node.wake_ms, node.down, self.wire.hear(self.now_us, self.nodes.index(node)))
        for node in due:
            up = node.process.receive()
            node.wake_ms = up.wake_ms
            self.wire.send(self.now_us + GAP_US, up.transmitted, self.nodes.index(node))

    def _take(self, told: list[BusEvent]) -> None:
        for one in told:
            self.told.append(one)
            if one.event.kind == "result" and one.event.fields is not None:
                self._answers[one.address, one.event.sequence] = one.event.fields

    def of(self, address: int, kind: str) -> list[dict[str, Any]]:
        """What an address told of one kind, in order."""
        return [one.event.fields or {} for one in self.told if one.address == address and one.event.kind == kind]

    def until_open(self) -> None:
        """Until every address has its session.  Raises NoAnswer."""
        for _ in range(round(ANSWER_S / 0.05)):
            if all(link.state == "open" for link in self.links.values()):
                return
            self.run(0.05)
        raise NoAnswer(str({address: link.state for address, link in self.links.items()}))

    def ask_all(self, address: int, asked: list[tuple[int, tuple[Any, ...]]]) -> list[dict[str, Any]]:
        """The answers of one board, in the order of the requests.  Raises NoAnswer."""
        sequences = [self.links[address].request(number, values) for number, values in asked]
        for _ in range(round(ANSWER_S / 0.05)):
            if all((address, sequence) in self._answers for sequence in sequences):
                return [self._answers.pop((address, sequence)) for sequence in sequences]
            self.run(0.05)
        raise NoAnswer(f"address {address}: {len(sequences)} requests")

    def kill(self, name_i: int) -> None:
        """End a node's process."""
        self.nodes[name_i].process.kill()
        self.nodes[name_i].alive = False

    def close(self) -> None:
        """End all processes."""
        for node in self.nodes:
            node.process.kill()
