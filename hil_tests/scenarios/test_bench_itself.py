"""The first test on a wired bench: what it puts out arrives.  A failure is INFRA_BENCH and ends the session."""

from __future__ import annotations

from hil_tests.bench.real import RealBench


def test_every_stimulus_of_the_bench_is_read_back_where_it_reaches_the_node(wired_bench: RealBench) -> None:
    wired_bench.self_test()
