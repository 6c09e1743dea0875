"""A new firmware comes to a board: it stays when its trial held, and whatever is wrong with it, the old one is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.run import BenchRun
from spinline.line.flash_messages import FlashStopped
from spinline.line.flash_rules import judge_readings, read_line

from .conftest import MakeRun
from .updating import BAD, CHANGED, NODE, ROLLBACK_S, Technician, image

DRIVES = """
_scan = Loops.scan


def _drive(self, frozen):
    told = _scan(self, frozen)
    self._image[loop_at(0) + pid.OUTPUT] = 6553
    return told


Loops.scan = _drive
"""


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


def test_a_line_that_runs_is_not_touched(threaded: BenchRun, tmp_path: Path) -> None:
    technician = Technician(threaded)
    with pytest.raises(FlashStopped, match="is in EXECUTE"):
        technician.update(image(tmp_path, {CHANGED: "NEWER = 1\n"}))
    assert technician.select() == ""


def test_a_node_that_drives_something_while_it_rests_is_refused(technician: Technician, tmp_path: Path) -> None:
    technician.update(image(tmp_path, {"spinline_firmware/control/loops.py": DRIVES}))
    configuration = next(one for one in technician.run.configurations if one.name == NODE)
    line = technician.line()
    line.look()
    with pytest.raises(FlashStopped, match="bath drives") as refused:
        judge_readings(NODE, read_line(line, configuration))
    assert refused.value.code == "outputs-on"
