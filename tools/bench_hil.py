"""The bench itself: how fast it is and where its time goes, whether it repeats itself, what the catalogue caught."""

import gc
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time

from hil_tests.bench import bad_day
from hil_tests.bench.faults import CATALOGUE
from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.run import BenchRun
from hil_tests.bench.wall import now_s
from hil_tests.scenarios.conftest import short_recipe
from tools.bench_row import Row, count_of, unmeasured

WARM_UP_S = 60.0
MEASURED_S = 600.0
RUNS_N = 9  # the machine is shared: its fast moments are what other work slows least
DAY_S = 8 * 3600.0
SHORT_DAY_S = 600.0
HOGS_N = 4
REPEATED_S = 120.0
JUNIT = Path("build/hil/junit.xml")
SHORT_JUNIT = Path("build/bench/catalogue.xml")


@contextmanager
def a_line(seed: int = 1, architecture: str = "i386") -> Iterator[BenchRun]:
    """A preheated line that is about to start; afterwards this process may use every core again."""
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        recipe = short_recipe(production_min=600)
        run = BenchRun(find_interpreter(architecture=architecture), Path(folder), seed, recipe)
        try:
            run.preheat()
            run.start()
            gc.freeze()  # as in the suite: what is there to the end is not looked at again and again
            yield run
        finally:
            gc.unfreeze()
            run.close()
            os.sched_setaffinity(0, cores)


def _cpu_s(run: BenchRun) -> dict[str, float]:
    """CPU time of each node's process so far."""
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    found = {}
    for name, node in run.bench.nodes.items():
        fields = Path(f"/proc/{node.process.process.pid}/stat").read_text().rpartition(")")[2].split()
        found[name] = (int(fields[11]) + int(fields[12])) * tick_s
    return found


def _timed(spent: dict[str, float], name: str, call: Callable[..., object]) -> Callable[..., object]:
    """The same call, its CPU time added up under a name."""

    def timed(*given: object) -> object:
        started_s = process_time()
        try:
            return call(*given)
        finally:
            spent[name] += process_time() - started_s

    return timed


def real_time_factor() -> Sequence[Row]:
    """Virtual seconds in a wall second, in production; the best of nine, for other work only slows it.

    Of one more run the CPU time of each part for a second of the line, in ms.
    """
    factors = []
    for seed in range(1, RUNS_N + 1):
        with a_line(seed) as run:
            run.run_for(WARM_UP_S)
            run.bench.keep_to_cores()
            started_s = now_s()
            run.run_for(MEASURED_S)
            factors.append(MEASURED_S / (now_s() - started_s))
    spent = {"plant": 0.0, "supervisor": 0.0}
    with a_line() as run:
        run.run_for(WARM_UP_S)
        run.bench.plant.advance = _timed(spent, "plant", run.bench.plant.advance)  # type: ignore[assignment, method-assign]
        run.supervisor.step = _timed(spent, "supervisor", run.supervisor.step)  # type: ignore[assignment, method-assign]
        before, own_s = _cpu_s(run), process_time()
        run.run_for(MEASURED_S)
        spent["rest"] = process_time() - own_s - sum(spent.values())
        spent |= {name: after - before[name] for name, after in _cpu_s(run).items()}
    rows = [Row("hil.real_time_factor", max(factors), "x", "higher", RUNS_N, "ArduPilot", 100.0, 150.0)]
    return rows + [Row(f"hil.cpu_ms_a_second.{n}", 1000 * s / MEASURED_S, "ms", "lower", 1) for n, s in spent.items()]


def eight_hour_batch() -> Sequence[Row]:
    """Wall time of eight hours with a bad day's disturbances; the short form runs ten minutes and multiplies."""
    length_s = DAY_S if count_of(0, 1) else SHORT_DAY_S
    with a_line() as run:
        run.run_until(lambda: run.supervisor.batch.state == "RUNNING", 900)
        run.bench.keep_to_cores()
        started_s, began_s = now_s(), run.bench.now_us / 1e6
        while run.bench.now_us / 1e6 < began_s + length_s and run.supervisor.batch.state == "RUNNING":
            bad_day.apply(run.bench.plant.disturbances, (run.bench.now_us / 1e6 - began_s) / 3600)
            run.run_for(10)
        lasted_s, state = run.bench.now_us / 1e6 - began_s, run.supervisor.batch.state
        wall_s = (now_s() - started_s) * DAY_S / lasted_s
    why = "" if length_s == DAY_S else f"from {length_s:.0f} s, multiplied"
    if lasted_s < length_s:
        return [unmeasured("hil.eight_hour_batch_wall_s", f"the batch went to {state} after {lasted_s:.0f} s")]
    return [Row("hil.eight_hour_batch_wall_s", wall_s, "s", "lower", 1, None, None, 200.0, why)]


def _hashes(seed: int, architecture: str = "i386") -> tuple[str, str]:
    with a_line(seed, architecture) as run:
        run.run_for(REPEATED_S)
        return run.bench.trace_sha256(), run.bench.outputs_sha256()


def determinism() -> Sequence[Row]:
    """Equal runs of one seed; the 64-bit interpreter's outputs; and the same with four other processes at full load."""
    runs_n = count_of(3, 20)
    first = _hashes(1)
    equal_n = 1 + sum(_hashes(1) == first for _ in range(runs_n - 1))
    plain = _hashes(1, "amd64")[1] == first[1]  # no machine code in these boards: it is written for words of 32 bits
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(HOGS_N)]
    try:
        immune = _hashes(1) == first
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    return [
        Row("hil.determinism", 100 * equal_n / runs_n, "%", "higher", runs_n, None, None, 100.0),
        Row("hil.determinism.outputs_on_64_bit", 100.0 * plain, "%", "higher", 1, None, None, 100.0),
        Row("hil.load_immunity", 100.0 * immune, "%", "higher", HOGS_N, None, None, 100.0),
    ]


def _lays_a_fault(name: str, elsewhere: set[str]) -> bool:
    """Whether a test is of the catalogue, on the line or without one."""
    return "has_its_reaction" in name or name.partition("[")[0].partition("@")[0] in elsewhere


def faults_caught() -> Sequence[Row]:
    """From the last `make hil`; without one each fault is laid once."""
    junit = JUNIT
    if not junit.exists():
        junit = SHORT_JUNIT
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "hil_tests/scenarios/test_catalogue.py"]
        subprocess.run([*command, "--junit-xml", str(junit)], stdout=subprocess.DEVNULL, check=False)
    suite = next(ElementTree.parse(junit).getroot().iter("testsuite"))
    elsewhere = {fault.laid_by.rpartition("::")[2] for fault in CATALOGUE if fault.laid_by}
    laid = [case for case in suite.iter("testcase") if _lays_a_fault(str(case.get("name")), elsewhere)]
    bad = [case for case in laid if case.find("failure") is not None or case.find("error") is not None]
    waiting = [fault for fault in CATALOGUE if not (fault.reactions or fault.laid_by)]
    rows = [
        Row("hil.faults_caught", 100 * (1 - len(bad) / len(laid)), "%", "higher", len(laid), None, None, 100.0),
        Row("hil.faults_waiting_for_a_part", len(waiting), "ids", "lower", len(waiting)),
        Row("hil.retries", len(list(suite.iter("rerun"))), "", "lower", len(laid), None, None, 0.0),
    ]
    if junit is JUNIT:
        minutes = float(suite.get("time", "0")) / 60
        return [*rows, Row("hil.suite_wall_min", minutes, "min", "lower", len(laid), None, None, 15.0)]
    return [*rows, unmeasured("hil.suite_wall_min", "there is no report of `make hil`")]


HIL: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (
    ("hil", real_time_factor),
    ("hil", eight_hour_batch),
    ("hil", determinism),
    ("hil", faults_caught),
)
