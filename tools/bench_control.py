"""What the control kernel is measured by, in this order.  Lists; it measures nothing itself."""

from collections.abc import Callable, Sequence

from tools.bench_control_autotune import TUNING
from tools.bench_control_guard import GUARD
from tools.bench_control_kernel import KERNEL
from tools.bench_control_quality import load_iae_ratio, ms_max
from tools.bench_row import Row

CONTROL: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (
    ("control.load_iae_ratio", load_iae_ratio),
    ("control.ms_max", ms_max),
    *TUNING,
    *KERNEL,
    *GUARD,
)
