"""A cable pulled at any chunk of a transfer, or in the trial: the old firmware runs, and the next run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.run import BenchRun
from spinline.line.firmware_image import FirmwareImage
from spinline.line.flash_messages import FlashStopped
from spinline_firmware.transfer import CHUNK_BYTES

from .conftest import MakeRun
from .updating import CHANGED, NODE, Technician, image

BACK_S = 90.0  # within which the board runs the old firmware, whoever went away when
SCAN_S = 0.5


@pytest.fixture
def run(make_run: MakeRun) -> BenchRun:
    """A line that stands."""
    return make_run()


class Puller(Technician):
    """Pulls the cable where the progress has come ``at`` a step."""

    def __init__(self, run: BenchRun) -> None:
        super().__init__(run)
        self.old = run.bench.firmware_sha256
        self.pull_at: tuple[str, float] = ("", 0.0)
        self._seen: tuple[int, int] = (0, 0)

    def told(self, step: str, done: int, total: int) -> None:
        if step == self.pull_at[0] and self.unplugged_us is None:
            self._seen = (done, total)
            self.unplug(self.pull_at[1])

    def pulled(self, new: FirmwareImage, step: str, after_s: float = 0.0) -> tuple[int, int]:
        """How far the step was when the cable went; the old firmware ran on, and nothing of the slots is chosen."""
        self.pull_at = (step, after_s)
        with pytest.raises(FlashStopped) as ended:
            self.update(new)
        assert (ended.value.code, ended.value.exit) == ("unplugged", 30)
        self.pull_at = ("", 0.0)
        self.plug()
        assert self.runs() == self.old
        assert self.select() == ""
        return self._seen


def test_a_cable_pulled_at_every_chunk_leaves_the_old_firmware_and_the_next_run_goes_on(
    run: BenchRun, tmp_path: Path
) -> None:
    technician, new = Puller(run), image(tmp_path, {CHANGED: "NEWER = 1\n"})
    began, total = [0], 1
    while began[-1] < total:
        offset, total = technician.pulled(new, "send")  # the chunk does not leave the PC
        assert offset == began[-1], "what the board has is not sent again"
        again, total = technician.pulled(new, "send", after_s=3 * SCAN_S)  # the chunk arrives, its answer does not
        assert again == offset
        began.append(min(total, offset + CHUNK_BYTES))
    assert technician.pulled(new, "send", after_s=3 * SCAN_S) == (total, total), "all is there, and was verified"
    technician.pulled(new, "build")
    run.bench.power_cycle(NODE)
    assert technician.runs() == technician.old
    assert technician.update(new).sent_bytes == total
    assert technician.runs() == new.firmware_sha256


def test_what_was_cut_off_or_spoiled_on_the_board_is_sent_again(run: BenchRun, tmp_path: Path) -> None:
    technician, new = Puller(run), image(tmp_path, {CHANGED: "NEWER = 1\n"})
    for _ in range(4):
        technician.pulled(new, "send", after_s=3 * SCAN_S)
    staged = run.bench.nodes[NODE].process.folder / "incoming.bin"
    octets = staged.read_bytes()
    assert len(octets) == 4 * CHUNK_BYTES
    staged.write_bytes(octets[:100])
    assert technician.pulled(new, "send")[0] == 100
    staged.write_bytes(bytes([octets[0] ^ 1]) + octets[1:])
    with pytest.raises(FlashStopped) as ended:
        technician.update(new)
    assert (ended.value.code, ended.value.exit) == ("board-refused", 10)
    assert technician.runs() == technician.old and technician.select() == ""
    assert technician.pulled(new, "send")[0] == 0
    technician.update(new)
    assert technician.runs() == new.firmware_sha256


def test_unplugged_in_its_trial_a_board_runs_the_old_firmware_within_90_s(run: BenchRun, tmp_path: Path) -> None:
    technician, new = Puller(run), image(tmp_path, {CHANGED: "NEWER = 1\n"})
    technician.pull_at = ("watch", 0.0)
    with pytest.raises(FlashStopped) as ended:
        technician.update(new)
    assert (ended.value.code, ended.value.exit) == ("unplugged-in-trial", 30)
    assert technician.unplugged_us is not None
    run.bench.run_until(technician.unplugged_us + round(BACK_S * 1e6))
    technician.plug()
    assert technician.runs() == technician.old
    technician.pull_at = ("", 0.0)
    technician.update(new)
    assert technician.runs() == new.firmware_sha256
