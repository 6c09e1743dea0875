"""An order is in the record before it leaves, and ends there: done, refused or unknown, whoever was killed."""

from __future__ import annotations

from typing import Any

import pytest

from hil_tests.bench.run import BenchRun

from .conftest import MakeRun
from .protocol import node_states, rows_of


def orders(run: BenchRun, what: str = "START") -> list[tuple[Any, ...]]:
    """(node, outcome, reason) of every order of this name."""
    return rows_of(run, 'SELECT node, outcome, reason FROM "order" WHERE what = ? ORDER BY node', what)


def before_the_order(make_run: MakeRun) -> BenchRun:
    """A run whose next scan orders START; the same seed gives the same run, so another one shows which that is."""
    guide = make_run()
    guide.start()
    at_us = 0
    while not orders(guide):
        at_us = guide.due_us
        guide.step()
    run = make_run()
    run.start()
    while run.due_us < at_us:
        run.step()
    assert not orders(run)
    return run


class Killed(Exception):
    """The process is gone."""


@pytest.mark.parametrize("alone_s", [0.0, 2.0])
def test_an_order_that_was_recorded_and_not_sent_ends_as_refused(make_run: MakeRun, alone_s: float) -> None:
    run = before_the_order(make_run)
    for name in run.bench.nodes:
        run.bench.nodes[name].to_node.cut = True
    run.step()
    for name in run.bench.nodes:
        run.bench.nodes[name].to_node.cut = False
    run.kill_supervisor()
    assert [outcome for _, outcome, _ in orders(run)] == [None, None, None]
    run.run_without_supervisor(alone_s)
    run.restart_supervisor()
    run.run_for(8)
    assert {(outcome, reason) for _, outcome, reason in orders(run)} == {("refused", "it did not reach the node")}
    assert set(node_states(run).values()) == {"IDLE"}


@pytest.mark.parametrize("alone_s", [0.0, 0.3, 2.0])
def test_an_order_whose_answer_nobody_read_ends_as_done(make_run: MakeRun, alone_s: float) -> None:
    run = before_the_order(make_run)
    run.step()
    run.run_without_supervisor(0.1)
    run.kill_supervisor()
    run.run_without_supervisor(alone_s)
    run.restart_supervisor()
    run.run_for(8)
    found = orders(run)
    assert [outcome for _, outcome, _ in found] == ["done"] * 3, found
    assert set(node_states(run).values()) == {"STARTING"}


def test_an_answer_that_was_read_and_not_committed_is_asked_for_again(make_run: MakeRun) -> None:
    run = before_the_order(make_run)
    run.step()

    def killed() -> None:
        raise Killed

    run.record.begin_commit = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        for _ in range(30):
            run.step()
    run.kill_supervisor()
    run.restart_supervisor()
    run.run_for(8)
    assert [outcome for _, outcome, _ in orders(run)] == ["done"] * 3


def test_an_order_to_a_node_that_started_again_is_unknown_and_says_why(make_run: MakeRun) -> None:
    run = before_the_order(make_run)
    run.step()
    run.kill_supervisor()
    run.bench.power_cycle("draw")
    run.restart_supervisor()
    run.run_for(8)
    assert ("draw", "unknown", "the node has started again since") in orders(run)


def test_every_order_of_a_run_has_an_end(make_run: MakeRun) -> None:
    run = make_run()
    run.start()
    run.run_for(30)
    found = rows_of(run, 'SELECT what, outcome FROM "order"')
    assert len(found) >= 6 and {outcome for _, outcome in found} == {"done"}
    assert {str(what).split()[0] for what, _ in found} == {"CONFIG_COMMIT", "START"}
