"""A node that aborted, or latched what stopped it, is reset by a person: nothing else leads it back."""

from __future__ import annotations

from hil_tests.bench.api import operate
from hil_tests.bench.run import BenchRun
from spinline.line.desk import Asked

from .conftest import MakeRun
from .protocol import node_states, rows_of

NODES = ("melt", "bath", "draw")
ABORTS_S = 120.0
ANSWER_S = 20.0


def asked(run: BenchRun, what: str, **of: str) -> Asked:
    one = operate(run, what, "seen", **of)
    assert run.run_until(lambda: one.done, ANSWER_S), "a person gets an answer"
    return one


def aborted(make_run: MakeRun) -> BenchRun:
    """A line whose batch a person aborted while it was heating, before the supervisor of the next batch."""
    run = make_run()
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "PREPARING", 60), run.supervisor.problems
    operate(run, "abort")
    assert run.run_until(lambda: run.supervisor.batch.state == "ABORTED", ABORTS_S), run.supervisor.batch.history
    run.next_batch(run.recipe)
    run.run_for(10)
    assert set(node_states(run).values()) == {"ABORTED"} and run.supervisor.batch.state == "IDLE"
    return run


def test_a_line_that_was_aborted_is_started_again_only_when_a_person_has_reset_every_node(make_run: MakeRun) -> None:
    run = aborted(make_run)
    refused = asked(run, "start").refused
    assert refused == "start is not possible: melt, bath, draw are ABORTED; see why, then reset each of them"
    run.run_for(10)
    assert set(node_states(run).values()) == {"ABORTED"} and run.supervisor.batch.state == "IDLE"

    for node in NODES:
        assert asked(run, "reset", point=node).refused == ""
    assert set(node_states(run).values()) == {"IDLE"}
    told = rows_of(run, "SELECT who, what, why, old_value, new_value FROM action WHERE what = 'reset' ORDER BY n")
    assert told == [("operator", "reset", "seen", f"{node} ABORTED", f"{node} IDLE") for node in NODES]

    assert asked(run, "start").refused == ""
    assert run.run_until(lambda: set(node_states(run).values()) == {"STARTING"}, 60), run.supervisor.problems


def test_a_reset_is_refused_while_the_cause_stands_and_leaves_the_node_as_it_was(make_run: MakeRun) -> None:
    run = make_run()
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "PREPARING", 60), run.supervisor.problems
    run.lay("A9", "melt.ESTOP")
    assert run.run_until(lambda: set(node_states(run).values()) == {"ABORTED"}, ABORTS_S)
    refused = asked(run, "reset", point="melt").refused
    assert refused.startswith("melt refuses the reset: INTERLOCK: ") and node_states(run)["melt"] == "ABORTED"
    assert rows_of(run, "SELECT count(*) FROM action WHERE what = 'reset'") == [(0,)], "what was not done"

    run.lift("A9", "melt.ESTOP")
    run.run_for(10)
    assert asked(run, "reset", point="melt").refused == "" and node_states(run)["melt"] == "IDLE"


def test_a_line_that_a_sensor_held_is_reset_and_resumed_when_the_sensor_is_back(threaded: BenchRun) -> None:
    run = threaded
    run.lay("S1", "melt.Z3")
    assert run.run_until(lambda: run.supervisor.batch.state == "HELD", 120), run.supervisor.batch.history
    assert asked(run, "reset", point="melt").refused.startswith("melt refuses the reset: INTERLOCK: ")
    run.lift("S1", "melt.Z3")
    run.run_for(60)
    assert asked(run, "reset", point="melt").refused == "" and node_states(run)["melt"] == "HELD", "in its place"
    assert asked(run, "resume").refused == ""
    assert run.run_until(lambda: run.supervisor.batch.state == "THREADING", 60), run.supervisor.problems


def test_a_node_with_nothing_to_reset_says_so_and_one_that_does_not_answer_is_not_waited_for(make_run: MakeRun) -> None:
    run = make_run()
    run.run_for(10)
    assert asked(run, "reset", point="draw").refused.startswith("draw refuses the reset: STATE: ")
    run.bench.pull_cable("draw")
    assert "draw did not answer" in asked(run, "reset", point="draw").refused
    run.run_for(10)
    assert asked(run, "reset", point="draw").refused == "draw does not answer: it cannot be reset now"
