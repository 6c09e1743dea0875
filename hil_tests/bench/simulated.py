"""The simulated bench: plant, wires and three real interpreters in one virtual time, stepped scan by scan.

Nothing here reads a wall clock; the caller says how far to run.  The same seed gives the same trace hash.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from spinline_firmware.boards import rp2350b as board

from .board_files import NODE
from .builds import R1, Build
from .interpreters import Interpreter
from .mpy import layout
from .node_process import NodeDied, NodeProcess
from .plant.line import Line as Plant
from .provisioning import BOOT_MS, bench_site_key, lay_board, lay_once
from .wire import Wire
from .wiring import Terminals

WATCHDOG_US = 8_000_000  # of the chip (firmware/main.py)
POWER_ON_RESET, HARD_RESET, WATCHDOG_RESET = 1, 2, 3  # what machine.reset_cause() says then
# How long a scan takes on a board, where that is more than a step of the plant: conversions of 1.3 ms for each channel
# number, and 400 us of a desktop's processor, a hundred times as fast.  Meanwhile the bench goes on with other nodes.
SCAN_LASTS_US = {"melt": 50_000, "bath": 50_000}
# Boards of a line do not start in one instant; these never scan at once, so the bench waits for one less.
STARTS_LATER_MS = {"bath": 100}
SPOKEN_N_MAX = 600


@dataclass(eq=False)
class BenchNode:
    """One controller on the bench with its wires."""

    name: str
    process: NodeProcess
    terminals: Terminals
    wake_ms: int  # by the node's own clock
    drift_ppm: int  # how much faster its crystal runs than the bench
    to_node: Wire = field(default_factory=lambda: Wire(board.BAUD))
    to_host: Wire = field(default_factory=lambda: Wire(board.BAUD))
    alive: bool = True
    fed_us: int = 0  # when it fed its watchdog last
    lasts_us: int = 0  # from its waking to its outputs: how long a scan takes on a board
    woke_us: int = 0
    busy: bool = False  # in a scan: it has been woken and its outputs are not there yet
    hung: bool = False  # it runs no more, but the supply is there: its watchdog will start it again
    boots_n: int = 1  # how often it started

    @property
    def wake_us(self) -> int:
        """When it wakes, by the bench."""
        if not self.drift_ppm:
            return self.wake_ms * 1000
        return -(-self.wake_ms * 1_000_000_000 // (1_000_000 + self.drift_ppm))

    @property
    def next_us(self) -> int:
        """When something happens at it next."""
        ends_us = self.woke_us + self.lasts_us
        if self.busy:
            return ends_us
        wake_us = self.wake_us
        return wake_us if wake_us > ends_us else ends_us

    def own_ms(self, now_us: int) -> int:
        """The time of its crystal."""
        return now_us * (1_000_000 + self.drift_ppm) // 1_000_000_000


class BenchPort:
    """The supervisor's end of one node's serial line: the same two methods as a real port."""

    def __init__(self, bench: SimulatedLine, node: BenchNode) -> None:
        self._bench = bench
        self._node = node

    def read(self) -> bytes:
        """Bytes that have arrived."""
        return self._node.to_host.pull(self._bench.now_us)

    def arrivals(self) -> list[tuple[int, bytes]]:
        """The same, in pieces with the time of each."""
        return self._node.to_host.pieces(self._bench.now_us)

    def write(self, octets: bytes) -> None:
        """Send bytes."""
        if octets:
            self._bench.spoken.append((self._bench.now_us, self._node.name, True, octets))
        self._node.to_node.push(self._bench.now_us, octets)


class SimulatedLine:
    """The whole line on the bench.  ``folder`` takes the boards' file systems; ``seed`` fixes every random source.

    Every board gets the keys of the seed's site before it starts, unless the line is ``keyless``.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        folder: Path,
        seed: int,
        names: tuple[str, ...] = ("melt", "bath", "draw"),
        noise: bool = True,
        ticks_offset: int = 0,
        keyless: bool = False,
        drift_ppm: dict[str, int] | None = None,
        build: Build = R1,
    ) -> None:
        self._build = build
        self.plant = Plant(seed, noise=noise)
        self.plant.actuators.threaded = True  # the leader rope is in the line from the start
        self.now_us = 0
        self._interpreter = interpreter
        self._folder = folder
        self._seed = seed
        self._ticks_offset = ticks_offset
        self.site_key = bench_site_key(seed)
        self._keyless = keyless
        self._digest = hashlib.sha256()
        self._outputs = hashlib.sha256()
        # what was sent last, ahead of all harm: when, to or from which node, True to it, bytes
        self.watchdogs_only = False  # True: a program that ends is a board that hangs, as for a firmware on trial
        self.spoken: deque[tuple[int, str, bool, bytes]] = deque(maxlen=SPOKEN_N_MAX)
        self.firmware_sha256 = ""
        self._drift_ppm = drift_ppm or {}
        self.nodes = {name: self._start(name, i) for i, name in enumerate(names)}
        for node in self.nodes.values():
            node.terminals.drive(self.plant.actuators, 0)

    def _start(self, name: str, index: int) -> BenchNode:
        terminals = Terminals(self._build.wiring[name])
        drift_ppm, lasts_us = self._drift_ppm.get(name, 0), SCAN_LASTS_US.get(name, 0)
        boards = self._build.boards
        process = self._process(name, index, board=boards[name]) if name in boards else self._process(name, index)
        wakes_ms = BOOT_MS + STARTS_LATER_MS.get(name, 0)
        node = BenchNode(name, process, terminals, wakes_ms, drift_ppm, lasts_us=lasts_us)
        self.firmware_sha256 = self._manifest(node.process).read_text().split()[0]
        return node

    def _manifest(self, process: NodeProcess) -> Path:
        """Of the slot that a board was laid out with."""
        return process.folder / "a" / "manifest.txt"

    def _process(self, name: str, index: int, kind: str = NODE, board: type[NodeProcess] = NodeProcess) -> NodeProcess:
        """A board laid out anew, with its keys, running."""
        folder = self._folder / name
        device_id = hashlib.sha256(f"{name} {index}".encode()).digest()[:8]
        lay_once(folder, lay_board, self._interpreter, kind, board, device_id, b"" if self._keyless else self.site_key)
        seed = hashlib.sha256(f"{self._seed} {name}".encode()).digest()
        return board(self._interpreter.command, folder, device_id, seed, ticks_offset=self._ticks_offset)

    def port(self, name: str) -> BenchPort:
        """The supervisor's port of a node."""
        return BenchPort(self, self.nodes[name])

    def run_until(self, until_us: int) -> None:
        """Advance plant and firmware to ``until_us``; a node's scan at exactly that time has run."""
        while True:
            self._watch(until_us)
            now_us, there = self._next(until_us)
            if now_us > until_us:
                break
            self._step(now_us, there)
        self._advance(until_us)
        self.now_us = until_us

    def _next(self, until_us: int) -> tuple[int, list[BenchNode]]:
        """When something happens next, and at which nodes; a later time than ``until_us`` where nothing does before."""
        next_us, there, living = until_us + 1, [], False
        for node in self.nodes.values():
            if node.alive:
                living, at_us = True, node.next_us
                if at_us < next_us:
                    next_us, there = at_us, [node]
                elif at_us == next_us:
                    there.append(node)
        if not living and self.now_us < until_us:
            next_us = min(until_us, self.now_us + 50_000)  # only relays and the plant are left
        return next_us, there

    def _advance(self, now_us: int) -> None:
        """What is behind the terminals goes on to this time."""
        self.plant.advance(now_us)

    def _step(self, now_us: int, there: list[BenchNode]) -> None:
        """What happens ``there`` at a time: scans begin, those that take no time end at once, then others end.

        So the nodes of long scans have a scan of the short ones more until the bench waits for them.
        """
        self.now_us, now_ms = now_us, now_us // 1000
        self._advance(now_us)
        ending = [node for node in there if node.busy]
        due = [node for node in there if not node.busy and node.wake_us <= now_us]
        permit = bool(due) and self._permit(now_ms)
        for node in due:
            shown = node.terminals.read(self.plant.sensors, permit, now_ms)
            node.process.send(node.wake_ms, shown, node.to_node.pull(now_us))
            node.woke_us, node.busy = now_us, True
            self._digest.update(node.process.sent)
        for node in due:
            if not node.lasts_us:
                self._end_scan(node)
        for node in ending:
            self._end_scan(node)
        for node in self.nodes.values():
            if not node.alive or node in there:
                node.terminals.drive(self.plant.actuators, now_ms)

    def _permit(self, now_ms: int) -> bool:
        """The line_permit chain: every node's contact in a row."""
        for node in self.nodes.values():
            if not node.terminals.permit(now_ms):
                return False
        return True

    def _end_scan(self, node: BenchNode) -> None:
        """Take what a node put out; what it sent left while the scan ran."""
        try:
            up = node.process.receive()
        except NodeDied:
            if not self.watchdogs_only:
                raise
            node.alive = node.busy = False
            node.hung = True
            return
        self._digest.update(node.process.received)
        node.busy = False
        if up.wake_ms == layout.RESTART:
            node.process.kill()
            self._boot(node, self.now_us, HARD_RESET)
            return
        node.wake_ms = up.wake_ms
        self._outputs.update(node.process.outputs)
        node.terminals.write(up, self.now_us // 1000)
        if up.watchdog_fed:
            node.fed_us = self.now_us
        if up.transmitted:
            self.spoken.append((self.now_us, node.name, False, up.transmitted))
            node.to_host.push(node.woke_us, up.transmitted)

    def _watch(self, until_us: int) -> None:
        """Start a hung node again where its watchdog expires before anything else happens."""
        for node in self.nodes.values():
            if node.hung:
                break
        else:
            return
        others = [node.next_us for node in self.nodes.values() if node.alive]
        next_us = min([until_us, *others])
        for node in self.nodes.values():
            if node.hung and node.fed_us + WATCHDOG_US <= next_us:
                node.process.kill()
                self._boot(node, max(self.now_us, node.fed_us + WATCHDOG_US), WATCHDOG_RESET)

    def hang(self, name: str) -> None:
        """A node's program stands still: outputs stay as they were, and its watchdog will start it again."""
        node = self.nodes[name]
        if node.busy:
            self._end_scan(node)
        node.alive, node.hung = False, True

    def kill(self, name: str) -> None:
        """End a node's process: its outputs stay as they were, its heartbeat stands still."""
        node = self.nodes[name]
        node.process.kill()
        node.alive = node.busy = False

    def cut_power(self, name: str) -> None:
        """A board loses its supply: its process ends, its outputs are off, its heartbeat stands still."""
        self.kill(name)
        self.nodes[name].terminals.power_off()

    def restore_power(self, name: str) -> None:
        """The supply is back: another process starts on the same file system."""
        self._boot(self.nodes[name], self.now_us, POWER_ON_RESET)

    def _boot(self, node: BenchNode, at_us: int, reset_cause: int) -> None:
        device_id = hashlib.sha256(f"{node.name} {list(self.nodes).index(node.name)}".encode()).digest()[:8]
        seed = hashlib.sha256(f"{self._seed} {node.name} {at_us}".encode()).digest()
        folder, ticks_offset = self._folder / node.name, self._ticks_offset
        command = self._interpreter.command
        hang_s, console = node.process.hang_s, None
        node.process = type(node.process)(command, folder, device_id, seed, reset_cause, ticks_offset, console, hang_s)
        node.terminals.power_off()  # a reset makes every pin an input
        node.wake_ms = node.own_ms(at_us) + BOOT_MS
        node.fed_us = at_us
        node.boots_n += 1
        node.alive, node.hung, node.busy = True, False, False

    def power_cycle(self, name: str) -> None:
        """The supply of a board is gone for an instant."""
        self.cut_power(name)
        self.restore_power(name)

    def pull_cable(self, name: str, pulled: bool = True) -> None:
        """Pull or plug a node's serial cable, both directions."""
        self.nodes[name].to_node.cut = pulled
        self.nodes[name].to_host.cut = pulled

    def keep_to_cores(self) -> None:
        """Hand over where it costs least: this process and the node that wakes most often on one core, the rest beside.

        Threads that run already, as the journal's writer, keep every core: call it behind the first commit.  With one
        core nothing changes.
        """
        cores = sorted(os.sched_getaffinity(0))[:2]
        os.sched_setaffinity(0, {cores[0]})
        for node in self.nodes.values():
            os.sched_setaffinity(node.process.process.pid, {cores[-1] if node.lasts_us else cores[0]})

    def trace_sha256(self) -> str:
        """Hash over every scan of every node: time, inputs, outputs, bytes both ways."""
        return self._digest.copy().hexdigest()

    def outputs_sha256(self) -> str:
        """Hash over the outputs alone: equal on interpreters that only name themselves differently on the wire."""
        return self._outputs.copy().hexdigest()

    def close(self) -> None:
        """End all processes."""
        for node in self.nodes.values():
            node.process.kill()
