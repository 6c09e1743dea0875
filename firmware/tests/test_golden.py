"""The golden trace of the PID kernel is the one that the kernel gives now."""

from pathlib import Path

from tools.golden_pid import TRACE, trace_text


def test_the_golden_trace_is_that_of_the_kernel() -> None:
    file = Path(__file__).resolve().parents[2] / TRACE
    assert file.read_text(encoding="utf-8") == trace_text(), "run `make golden` and review the difference"
