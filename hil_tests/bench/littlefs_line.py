"""The simulated line on boards whose file systems are real littlefs, each in a file; an empty one shows its prompt."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .board_files import NODE, lay_out, lay_rom
from .interpreters import Interpreter
from .node_process import BENCH_MODULES, NodeProcess
from .provisioning import lay_once, provision
from .simulated import SimulatedLine

MODULES = Path(__file__).parent / "mpy_littlefs"
BLOCKS_N = 256  # 1 MB
HANG_S = 2.0


class LittlefsProcess(NodeProcess):
    """A node whose files lie in flash.bin of its folder."""

    modules = f"{MODULES}:{BENCH_MODULES}"
    start = MODULES / "start.py"
    heap = "640wK"  # with the block device, which is a model


class LittlefsLine(SimulatedLine):
    """``empty``: boards that were formatted; ``blocks_n``: how large each file system is, in blocks of 4 kB.

    A program that ends is a board that hangs: its watchdog starts it again.
    """

    def __init__(
        self, interpreter: Interpreter, folder: Path, seed: int, names: tuple[str, ...] = ("melt", "bath", "draw"),
        empty: tuple[str, ...] = (), blocks_n: int = BLOCKS_N,
    ) -> None:  # fmt: skip
        self._empty, self._blocks_n = empty, blocks_n
        super().__init__(interpreter, folder, seed, names)
        self.watchdogs_only = True
        for node in self.nodes.values():
            node.process.hang_s = HANG_S

    def _process(
        self, name: str, index: int, kind: str = NODE, board: type[NodeProcess] = LittlefsProcess
    ) -> NodeProcess:
        """A board made anew: its flash is filled when it starts first."""
        folder = self._folder / name
        device_id = hashlib.sha256(f"{name} {index}".encode()).digest()[:8]
        site_key = b"" if name in self._empty else self.site_key
        lay_once(folder, lay_flash, self._interpreter, kind, board, device_id, site_key, self._blocks_n)
        seed = hashlib.sha256(f"{self._seed} {name}".encode()).digest()
        return board(self._interpreter.command, folder, device_id, seed)

    def restore_power(self, name: str) -> None:
        """As of every board; what was sent to it while it had no supply is lost."""
        self.nodes[name].to_node.pull(self.now_us)
        super().restore_power(name)

    def format(self, name: str) -> None:
        """The file system of a board is made anew, and the board starts."""
        self.cut_power(name)
        folder = self.nodes[name].process.folder
        (folder / "flash.bin").unlink()
        (folder / "flash.txt").write_text(f"{self._blocks_n} formatted\n")
        self.restore_power(name)

    def _manifest(self, process: NodeProcess) -> Path:
        return process.folder / "files" / "a" / "manifest.txt"


def lay_flash(
    folder: Path, interpreter: Interpreter, kind: str, board: type[NodeProcess], device_id: bytes, site_key: bytes,
    blocks_n: int,
) -> None:  # fmt: skip
    """A board with a flash of so many blocks: formatted, or where there is a site with its firmware and keys."""
    lay_out(folder / "files", interpreter.word_bits, kind=kind)
    lay_rom(folder)
    (folder / "flash.txt").write_text(f"{blocks_n} {'laid' if site_key else 'formatted'}\n")
    if site_key:
        provision(interpreter.command, folder, device_id, site_key, board)
