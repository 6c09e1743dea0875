"""A new firmware comes to a board: it stays when its trial held, and whatever is wrong with it, the old one is back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hil_tests.bench.board_files import image_of, slot_sources
from hil_tests.bench.run import BenchRun
from spinline.line.board_line import BoardLine
from spinline.line.firmware_image import FirmwareImage
from spinline.line.flash_messages import FlashStopped
from spinline.line.update import Update, Updated
from spinline_protocol import auth

from .conftest import MakeRun

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


@pytest.fixture
def technician(make_run: MakeRun) -> Technician:
    """At a line that stands, none of its nodes configured."""
    return Technician(make_run())


def test_a_firmware_whose_trial_held_stays_also_after_a_power_cut(technician: Technician, tmp_path: Path) -> None:
    new = image(tmp_path, {CHANGED: "NEWER = 1\n"})
    done = technician.update(new)
    assert done.changed_n == 1 and done.sent_bytes < 20_000
    assert technician.steps == ["send", "build", "watch"]
    assert technician.select() == "b - 0\n"
    technician.run.bench.power_cycle(NODE)
    assert technician.update(new).sent_bytes == 0, "it runs already"


@pytest.mark.parametrize("fault", BAD)
def test_a_firmware_that_fails_its_trial_is_gone_by_itself(technician: Technician, tmp_path: Path, fault: str) -> None:
    file, text, reason = BAD[fault]
    with pytest.raises(FlashStopped, match=reason) as ended:
        technician.update(image(tmp_path, {file: text}))
    assert ended.value.code == "rolled-back"
    technician.run.bench.power_cycle(NODE)
    assert technician.select() == "a b 0\n", "the trial was counted, and is over"


def test_a_board_that_nobody_confirms_goes_back_by_itself(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = technician.run.bench

    class Gone(Exception):
        pass

    def told(step: str, done: int, _total: int) -> None:
        if step == "watch" and done > 5:
            raise Gone

    monkeypatch.setattr(technician, "told", told)
    new = image(tmp_path, {CHANGED: "NEWER = 1\n"})
    with pytest.raises(Gone):
        technician.update(new)
    boots_n = bench.nodes[NODE].boots_n
    bench.run_until(bench.now_us + round((60 + ROLLBACK_S) * 1e6))
    assert bench.nodes[NODE].boots_n == boots_n + 1
    assert technician.select() == "a b 0\n"


def test_a_pulled_cable_leaves_the_old_firmware_and_the_next_try_goes_on_where_it_was(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets: list[int] = []

    def told(step: str, done: int, _total: int) -> None:
        if step == "send":
            offsets.append(done)
            technician.run.bench.pull_cable(NODE, len(offsets) == 10)

    monkeypatch.setattr(technician, "told", told)
    new = image(tmp_path, {CHANGED: "NEWER = 1\n"})
    with pytest.raises(FlashStopped, match="lost"):
        technician.update(new)
    assert technician.select() == ""
    technician.run.bench.pull_cable(NODE, False)
    technician.update(new)
    assert offsets[10] >= offsets[9] > 0
    assert technician.select() == "b - 0\n"


def test_a_line_that_runs_is_not_touched(producing: BenchRun, tmp_path: Path) -> None:
    technician = Technician(producing)
    with pytest.raises(FlashStopped, match="is in EXECUTE"):
        technician.update(image(tmp_path, {CHANGED: "NEWER = 1\n"}))
    assert technician.select() == ""
