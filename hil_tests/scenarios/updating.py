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

    def update(self, new: FirmwareImage) -> Updated:
        """From the first word to the end."""
        run = self.run
        configuration = next(one for one in run.configurations if one.name == NODE)
        entropy = random.Random(f"technician {run.bench.now_us}").randbytes
        key = auth.role_key(run.bench.site_key, auth.MAINTENANCE)
        line = BoardLine(NODE, run.bench.port(NODE), self.turn, key, entropy, self.told)
        return Update(line, new, configuration).run()

    def select(self) -> str:
        """What the selector would read."""
        file = self.run.bench.nodes[NODE].process.folder / "select.txt"
        return file.read_text() if file.exists() else ""
