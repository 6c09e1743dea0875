"""What the supervisor's record says of the fiber, against what the plant knows."""

from collections.abc import Callable, Sequence
from random import Random

from hil_tests.bench.metre_rig import Upset, metre_error
from tools.bench_row import Row, count_of

METRE_ERROR_MAX = 1.0
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


SUPERVISOR: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (("supervisor", metre_errors),)
