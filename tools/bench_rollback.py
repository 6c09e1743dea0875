"""How long a board that got a bad firmware is without its old one: from the failure to the old one's first answer."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.run import BenchRun
from hil_tests.scenarios.updating import BAD, CHANGED, NODE, ROLLBACK_S, Technician, image
from spinline.line.flash_messages import FlashStopped
from tools.bench_row import Row

WATCH_S, HEARD_N = 60.0, 5  # of a host that goes away: after so many seconds of the watch


class HostGone(Exception):
    """The technician's PC is switched off in the trial."""


class Timed(Technician):
    """Notes when the board started on trial, and when it started again."""

    def __init__(self, run: BenchRun, leaves: bool) -> None:
        super().__init__(run)
        self.boots_us: list[int] = []
        self.watched_us = 0  # when the board's watch began
        self._boots_n, self._leaves = run.bench.nodes[NODE].boots_n, leaves

    def turn(self) -> int:
        """Time passes."""
        now_us = super().turn()
        self.note()
        return now_us

    def note(self) -> None:
        """A start since the last look."""
        boots_n = self.run.bench.nodes[NODE].boots_n
        self.boots_us += [self.run.bench.now_us] * (boots_n - self._boots_n)
        self._boots_n = boots_n

    def told(self, step: str, done: int, total: int) -> None:
        """What a progress bar would show; the host may leave at it."""
        super().told(step, done, total)
        if step == "watch":
            self.watched_us = self.watched_us or self.run.bench.now_us  # its first answer behind its configuration
            if self._leaves and done > HEARD_N:
                raise HostGone


def without(folder: Path, changes: dict[str, str], leaves: bool) -> float:
    """Seconds from the start on trial to the old firmware's first answer; of a host that leaves, behind the watch."""
    run = BenchRun(find_interpreter(), folder)
    technician = Timed(run, leaves)
    try:
        technician.update(image(folder, changes))
    except FlashStopped as stopped:
        assert stopped.code == "rolled-back", stopped
        return (run.bench.now_us - technician.boots_us[0]) / 1e6
    except HostGone:
        while len(technician.boots_us) < 2:
            technician.turn()
        return (technician.boots_us[1] - technician.watched_us) / 1e6 - WATCH_S
    finally:
        run.bench.close()
    raise AssertionError("a bad firmware stayed")


def rollback() -> Sequence[Row]:
    """One row a fault, and the longest of them."""
    faults = {name.replace(" ", "_"): ({file: text}, False) for name, (file, text, _reason) in BAD.items()}
    faults["loses_its_host"] = ({CHANGED: "NEWER = 1\n"}, True)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: without(Path(folder, name), *given) for name, given in faults.items()}
    rows = [Row(f"flash.rollback_s.{name}", seconds, "s", "lower", 1) for name, seconds in found.items()]
    return [Row("flash.rollback_s", max(found.values()), "s", "lower", len(found), None, None, ROLLBACK_S), *rows]


ROLLBACK: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (("flash", rollback),)
