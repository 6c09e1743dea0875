"""A technician with a new firmware, good or bad, at one board of the simulated line.  Tests nothing itself."""

from __future__ import annotations

import random
from pathlib import Path

from hil_tests.bench.board_files import image_of, slot_sources
from hil_tests.bench.run import BenchRun
from spinline.line.board_line import BoardLine
from spinline.line.firmware_image import FirmwareImage
from spinline.line.update import Update, Updated
from spinline_protocol import auth

NODE = "bath"
ROLLBACK_S = 15.0  # from the failure, or from the end of the watch
CHANGED = "spinline_firmware/events.py"
APP = "spinline_firmware/app.py"
LATE = "import time\nfrom . import scan as _scans\n_scan = _scans.Scan.scan\n" + (
    "def _late(self, *given):\n    time.sleep_us(700000)\n    return _scan(self, *given)\n\n_scans.Scan.scan = _late\n"
)
BAD = {
    "crashes at its import": (APP, "raise RuntimeError('a bug')\n", "did not start"),
    "hangs at its import": (APP, "while True:\n    pass\n", "did not start"),
    "misses its deadlines": (APP, LATE, "SCAN_OVERRUN"),
}


def image(folder: Path, changes: dict[str, str]) -> FirmwareImage:
    """The firmware with text behind some of its files."""
    sources = slot_sources()
    for name, text in changes.items():
        changed = folder / name.replace("/", "_")
        changed.write_text(sources[name].read_text() + "\n\n" + text)
        sources[name] = changed
    return image_of(sources)


class Technician:
    """Updates a board over its serial line, alone."""

    def __init__(self, run: BenchRun) -> None:
        self.run = run
        self.steps: list[str] = []
        self.unplugged_us: int | None = None  # from then on the port is gone from this PC
        run.kill_supervisor()
        run.bench.watchdogs_only = True
        for node in run.bench.nodes.values():
            node.process.hang_s = 2.0

    def turn(self) -> int:
        """Time passes."""
        self.run.run_without_supervisor(0.01)
        return self.run.bench.now_us

    def told(self, step: str, _done: int, _total: int) -> None:
        """What a progress bar would show."""
        if step not in self.steps:
            self.steps.append(step)

    def unplug(self, after_s: float = 0.0) -> None:
        """Pull the cable out of the PC; with ``after_s`` the board still hears what is sent now, and is not heard."""
        node = self.run.bench.nodes[NODE]
        self.unplugged_us = self.run.bench.now_us + round(after_s * 1e6)
        node.to_host.cut, node.to_node.cut = True, not after_s

    def plug(self) -> None:
        """Plug it in again."""
        self.run.bench.pull_cable(NODE, False)
        self.unplugged_us = None

    def line(self) -> BoardLine:
        """A line to the board that no session has used."""
        bench = self.run.bench
        entropy = random.Random(f"technician {bench.now_us}").randbytes
        key = auth.role_key(bench.site_key, auth.MAINTENANCE)

        def lost() -> bool:
            return self.unplugged_us is not None and bench.now_us >= self.unplugged_us

        return BoardLine(NODE, bench.port(NODE), self.turn, key, entropy, self.told, lost)

    def update(self, new: FirmwareImage) -> Updated:
        """From the first word to the end."""
        configuration = next(one for one in self.run.configurations if one.name == NODE)
        return Update(self.line(), new, configuration).run()

    def runs(self) -> str:
        """Hash of the firmware that answers."""
        return self.line().look().firmware_sha256

    def select(self) -> str:
        """What the selector would read."""
        file = self.run.bench.nodes[NODE].process.folder / "select.txt"
        return file.read_text() if file.exists() else ""
