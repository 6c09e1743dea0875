"""How fast the bench is: the whole line with register-level chips, supervisor and journal, against real time."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.run import BenchRun
from hil_tests.bench.wall import now_s
from tools.bench_row import Row

WARM_UP_S = 60.0
MEASURED_S = 600.0
RUNS_N = 3


def real_time_factor() -> Sequence[Row]:
    """Virtual seconds in a wall second while the line heats up; the best of three, for other work only slows it."""
    factors = []
    for seed in range(RUNS_N):
        with tempfile.TemporaryDirectory() as folder:
            run = BenchRun(find_interpreter(), Path(folder), seed)
            try:
                run.start()
                run.run_for(WARM_UP_S)
                started_s = now_s()
                run.run_for(MEASURED_S)
                factors.append(MEASURED_S / (now_s() - started_s))
            finally:
                run.close()
    return [Row("hil.real_time_factor", max(factors), "x", "higher", RUNS_N, "ArduPilot", 100.0, 150.0)]
