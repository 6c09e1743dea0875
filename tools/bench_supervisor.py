"""The supervisor: its record of the fiber against what the plant knows, what it costs, and what a kill loses."""

import datetime
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median

from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.metre_rig import LINE, Upset, metre_error
from hil_tests.bench.service_kills import kill_again_and_again
from hil_tests.bench.service_load import service_load
from hil_tests.bench.wall import now_s
from spinline.line.by_second import Scan
from spinline.line.live_ledger import LiveLedger
from spinline.recipe.check import judge_plan
from spinline.recipe.papers import read_papers
from spinline.recipe.reading import read_recipe
from spinline_protocol.states import EXECUTE
from tools.bench_row import Row, count_of

METRE_ERROR_MAX = 1.0
RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "r1_blend.toml"
DAY = datetime.date(2026, 1, 1)  # on which its papers are valid
PARTS_N = 5  # of which the median counts
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


def checks_per_s() -> Sequence[Row]:
    """Whole checks of a blend with two certificates and a waiver: evidence, twelve claims, every window."""
    recipe = read_recipe(RECIPE)
    papers, rates, checks_n = read_papers(recipe, RECIPE, DAY), [], count_of(50, 500)
    for _ in range(PARTS_N):
        began_s = now_s()
        for _ in range(checks_n):
            judge_plan(RECIPE, recipe, papers, DAY)
        rates.append(checks_n / (now_s() - began_s))
    return [Row("claims.checks_per_s", median(rates), "1/s", "higher", PARTS_N * checks_n)]


def ledger_cost() -> Sequence[Row]:
    """What the ledger takes of a supervisor's scan of a second: every scan of three nodes, metres and alarms."""
    ledger, seconds_n = LiveLedger(LINE), count_of(600, 3600)
    ledger.enter(0, "RUNNING")
    costs_ms = []
    for at_s in range(seconds_n):
        scans = [row for node in LINE.node for row in _scans(node.name, node.scan_ms, ledger.tags, _steady(), at_s)]
        began_s = now_s()
        for _ in ledger.take(scans):
            pass
        costs_ms.append(1000 * (now_s() - began_s))
    assert ledger.newest is not None and ledger.newest.at_s == seconds_n - 2, "each second is over with the next"
    note = f"median; the longest was {max(costs_ms):.2f} ms"
    return [Row("supervisor.ledger_ms_per_scan", median(costs_ms), "ms", "lower", seconds_n, why=note)]


def _steady() -> dict[str, float]:
    """R1 as it runs; the encoder counts are added second by second."""
    feeds = {"melt.RESIN.pv": 619.0, "melt.PLAST.pv": 928.5, "melt.SOLV.pv": 185.7, "melt.REFILL.pv": 0.0}
    baths = {"bath.QUENCH.pv": 40.0, "bath.QFLOW.pv": 20000.0, "bath.EXT.pv": 22.0}
    godets = {"draw.G1.pv": 166.667, "draw.G2.pv": 300.0, "draw.G2.sp": 300.0}
    return feeds | baths | godets


def _scans(
    name: str, scan_ms: int, tags: Mapping[str, tuple[str, ...]], numbers: dict[str, float], at_s: int
) -> list[tuple[str, Scan]]:
    found, scans_n = [], 1000 // scan_ms
    for i in range(scans_n):
        at_us = at_s * 1_000_000 + i * scan_ms * 1000
        told = tuple(
            at_us * 0.0353678 % (1 << 24) if tag.endswith(".count") else numbers.get(tag, 300.0)
            for tag in tags.get(name, ())
        )
        found.append((name, Scan(1, at_s * scans_n + i, at_us, EXECUTE, told, (True,) * len(told))))
    return found


def cpu_percent() -> Sequence[Row]:
    """A service before three nodes on pseudo-terminals by the wall clock, in production, with one reader of events."""
    with tempfile.TemporaryDirectory() as folder:
        load = service_load(find_interpreter(), Path(folder), float(count_of(30, 120)))
    note = f"{load.words}, a reader of events; 200 tags at 10 Hz on three nodes: 30 rows/s, 2000 numbers/s"
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
    ("supervisor", checks_per_s),
    ("supervisor", ledger_cost),
    ("supervisor.cpu_percent", cpu_percent),
    ("supervisor.kill", kills),
)
