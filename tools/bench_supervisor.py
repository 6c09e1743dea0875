"""The supervisor: its record of the fiber against what the plant knows, what it costs, and what a kill loses."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.metre_rig import Upset, metre_error
from hil_tests.bench.service_kills import kill_again_and_again
from hil_tests.bench.service_load import service_load
from tools.bench_row import Row, count_of

METRE_ERROR_MAX = 1.0
CPU_PERCENT_MAX = 25.0
KILL_SPEED = 4.0  # of the line's clock, times ours
UPSETS = (("C12-PLAST", 0.0), ("C12-PLAST", 2.0), ("C12-SOLV", 0.0), ("C12-SOLV", 3.0))  # window, share of the flow


def metre_errors() -> Sequence[Row]:
    """Feeder upsets of a random length at a random take-up speed, each in a run of its own; the worst counts."""
    source = Random(1)
    worst_m, runs_n = 0.0, count_of(4, 40)
    for i in range(runs_n):
        window_id, share = UPSETS[i % len(UPSETS)]
        upset = Upset(window_id, share, source.randint(90, 300), source.uniform(8.0, 16.0), seed=i + 1)
        worst_m = max(worst_m, metre_error(upset))
    note = "edges of the metres marked FAIL against those whose true parts were outside of the window"
    return [Row("ledger.metre_error", worst_m, "m", "lower", runs_n, None, None, METRE_ERROR_MAX, note)]


def cpu_percent() -> Sequence[Row]:
    """A service before three nodes on pseudo-terminals by the wall clock, in production, with one reader of events."""
    with tempfile.TemporaryDirectory() as folder:
        load = service_load(find_interpreter(), Path(folder), float(count_of(30, 120)))
    note = f"{load.tags_n} tags, {load.numbers_per_s:.0f} numbers/s on the disk (200 tags at 10 Hz: 2000), a reader"
    return [Row("supervisor.cpu_percent", load.percent, "% of a core", "lower", 1, None, None, CPU_PERCENT_MAX, note)]


def kills() -> Sequence[Row]:
    """kill -9 in production at random: acknowledged notes and scans that are gone, and batches found running."""
    with tempfile.TemporaryDirectory() as folder:
        killed = kill_again_and_again(find_interpreter(), Path(folder), count_of(50, 1000), KILL_SPEED, seed=2)
    lost = len(killed.lost) + sum(scans_n for _node, scans_n in killed.holes)
    note = f"of {killed.acknowledged_n} notes and {killed.scans_acknowledged} scans acknowledged; "
    note += f"{killed.scans_lost} scans were told as overwritten in a node before any acknowledgement"
    found = "what a service found: " + ", ".join(sorted({states[-1] for states in killed.found}))
    return [
        Row("supervisor.kill.lost", lost, "rows", "lower", killed.kills_n, None, None, 0, note),
        Row("supervisor.kill.running", len(killed.unsafe), "", "lower", killed.kills_n, None, None, 0, found),
    ]


SUPERVISOR: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (
    ("supervisor", metre_errors),
    ("supervisor.cpu_percent", cpu_percent),
    ("supervisor.kill", kills),
)
