"""The batch machine: a table, and what it asks of the nodes.  Time is an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.line.batch import ASKED, COMMANDS, ENDED, TRANSITIONS, Batch, NodeView
from spinline_protocol import states
from spinline_protocol.transitions import next_state

NAMES = ("melt", "bath", "draw")
BATCH_STATES = sorted({state for state, _cause in TRANSITIONS} | set(TRANSITIONS.values()))
CAUSES = sorted({cause for _state, cause in TRANSITIONS})


def line(state: int, soaked: bool = True, supervised: bool = True, reachable: bool = True) -> dict[str, NodeView]:
    """Three nodes in one state."""
    return {name: NodeView(state, soaked, supervised, reachable) for name in NAMES}


def batch(state: str = "IDLE", drawn: bool = False) -> Batch:
    return Batch(threading_s=600, production_s=3600, state=state, drawn=drawn)


def test_a_batch_goes_from_start_to_complete() -> None:
    made = batch()
    made.cause("start", 0)
    made.scan(line(states.STARTING, soaked=False), 10)
    assert made.state == "PREPARING"
    made.scan(line(states.STARTING), 4000)
    assert made.state == "THREADING"
    made.scan(line(states.EXECUTE), 4599)
    assert made.state == "THREADING", "not before its time"
    made.scan(line(states.EXECUTE), 4600)
    assert made.state == "RUNNING"
    made.scan(line(states.EXECUTE), 8199)
    assert made.state == "RUNNING"
    made.scan(line(states.EXECUTE), 8200)
    assert made.state == "COMPLETING"
    made.scan(line(states.COMPLETE), 9300)
    assert made.state == "COMPLETE" and made.ended
    assert [cause for _at, _state, cause in made.history] == ["start", "soaked", "threaded", "produced", "all complete"]


@pytest.mark.parametrize("state", BATCH_STATES)
@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_that_the_table_does_not_have_changes_nothing(state: str, cause: str) -> None:
    made = batch(state)
    taken = made.cause(cause, 5.0)
    assert taken == ((state, cause) in TRANSITIONS)
    assert made.state == TRANSITIONS.get((state, cause), state)
    assert len(made.history) == int(taken)


@pytest.mark.parametrize("state", sorted(set(BATCH_STATES) - {"IDLE", "ABORTING", "ABORTED", *ENDED}))
def test_one_node_that_aborts_aborts_the_batch(state: str) -> None:
    made = batch(state)
    nodes = line(states.EXECUTE)
    nodes["bath"] = NodeView(states.ABORTING, True, True, True)
    made.scan(nodes, 1)
    assert made.state == "ABORTING"


@pytest.mark.parametrize("state", ["RUNNING", "THREADING", "PREPARING", "COMPLETING"])
def test_a_node_without_supervision_leaves_the_batch_unsupervised_until_a_person_resumes(state: str) -> None:
    made = batch(state)
    node = {"PREPARING": states.STARTING, "COMPLETING": states.COMPLETING}.get(state, states.EXECUTE)
    nodes = line(node, soaked=False)
    nodes["draw"] = NodeView(node, False, False, True)
    made.scan(nodes, 1)
    assert made.state == "UNSUPERVISED"
    for second in range(2, 100):
        made.scan(line(node, soaked=False), second)
    assert made.state == "UNSUPERVISED"


@pytest.mark.parametrize(
    ("drawn", "node", "back"),
    [(True, states.EXECUTE, "RUNNING"), (False, states.EXECUTE, "THREADING"), (False, states.STARTING, "PREPARING")],
)
def test_a_resume_leads_back_to_where_the_fiber_was(drawn: bool, node: int, back: str) -> None:
    made = batch("UNSUPERVISED", drawn=drawn)
    made.cause("resume", 1)
    made.scan(line(node, soaked=False, supervised=False), 2)
    assert made.state == "RESTARTING", "the nodes still hold"
    made.scan(line(node, soaked=False), 3)
    assert made.state == back


@pytest.mark.parametrize("others", [states.EXECUTE, states.COMPLETING, states.COMPLETE])
def test_a_line_that_runs_out_goes_on_running_out_after_a_resume(others: int) -> None:
    made = batch("UNSUPERVISED", drawn=True)
    nodes = line(others)
    nodes["draw"] = NodeView(states.COMPLETING, True, False, True)
    made.cause("resume", 1)
    made.scan(nodes, 2)
    assert made.state == "RESTARTING", "the draw node still holds"
    nodes["draw"] = NodeView(states.COMPLETING, True, True, True)
    made.scan(nodes, 3)
    assert made.state == "COMPLETING"
    asked = {made.command_for(view) for view in nodes.values()}
    assert asked == ({0, states.CMD_COMPLETE} if others == states.EXECUTE else {0})
    made.scan(line(states.COMPLETE), 1000)
    assert made.state == "COMPLETE"


@pytest.mark.parametrize(
    ("entered", "goes_on"),
    [
        ((), False),
        (("RUNNING", "COMPLETING", "COMPLETE"), False),
        (("RUNNING", "COMPLETING", "UNSUPERVISED"), True),
        (("COMPLETING", "UNSUPERVISED", "RESTARTING", "UNSUPERVISED"), True),
        (("RUNNING", "UNSUPERVISED"), False),
    ],
)
def test_nodes_that_have_ended_go_on_with_a_batch_that_was_running_out(entered: tuple[str, ...], goes_on: bool) -> None:
    made = batch()
    made.restore((float(at_s), state) for at_s, state in enumerate(entered))
    assert made.goes_on(line(states.COMPLETE)) is goes_on
    assert made.goes_on(line(states.COMPLETING)), "whoever began it"
    assert not made.goes_on(line(states.IDLE)) and not made.goes_on(line(states.STOPPED))


def test_nodes_that_do_not_come_back_leave_the_batch_unsupervised_again() -> None:
    made = batch("UNSUPERVISED", drawn=True)
    made.cause("resume", 0)
    made.scan(line(states.EXECUTE, supervised=False), 31)
    assert made.state == "UNSUPERVISED"


def test_a_line_that_was_held_draws_its_fiber_anew() -> None:
    made = batch("RUNNING", drawn=True)
    made.cause("node held", 1)
    made.scan(line(states.HELD), 60)
    assert made.state == "HELD"
    made.cause("resume", 100)
    made.scan(line(states.EXECUTE), 101)
    assert made.state == "THREADING"


def test_production_time_counts_only_while_running() -> None:
    made = batch("THREADING")
    made.cause("threaded", 0)
    made.cause("node held", 1000)
    made.cause("all held", 1010)
    made.cause("resume", 5000)
    made.cause("fiber to draw", 5001)
    made.cause("threaded", 5601)
    made.scan(line(states.EXECUTE), 5601 + 2599)
    assert made.state == "RUNNING"
    made.scan(line(states.EXECUTE), 5601 + 2600)
    assert made.state == "COMPLETING"


def test_every_command_leads_a_node_towards_what_is_asked() -> None:
    for (state, _asked), command in COMMANDS.items():
        assert next_state(state, command) >= 0, (states.STATES[state], states.COMMANDS[command])
    assert set(ASKED.values()) >= {asked for _state, asked in COMMANDS}


@given(
    st.lists(
        st.tuples(st.sampled_from([None, *CAUSES]), st.integers(0, 10), st.booleans(), st.booleans(), st.booleans()),
        max_size=40,
    )
)
def test_whatever_happens_the_batch_never_runs_without_supervision_and_never_leaves_an_end(
    steps: list[tuple[str | None, int, bool, bool, bool]],
) -> None:
    made = batch()
    for second, (cause, state, soaked, supervised, reachable) in enumerate(steps):
        ended = made.state if made.state in ("ABORTED", "COMPLETE", "STOPPED") else None
        if cause in ("start", "stop", "hold", "resume", "abort"):
            made.cause(cause, second)
        made.scan(line(state, soaked, supervised, reachable), second)
        made.scan(line(state, soaked, supervised, reachable), second)
        if made.state == "RUNNING":
            assert supervised
        if ended is not None:
            assert made.state in (ended, "ABORTING", "ABORTED")


@given(st.lists(st.tuples(st.sampled_from(CAUSES), st.integers(1, 500)), max_size=40))
def test_a_successor_knows_from_the_record_how_long_was_produced_and_whether_the_fiber_runs(
    causes: list[tuple[str, int]],
) -> None:
    made, now_s = batch(), 0.0
    for cause, later_s in causes:
        now_s += later_s
        made.cause(cause, now_s)
    end_s = now_s + 7
    produced_s = made.produced_s + (end_s - made.entered_s if made.state == "RUNNING" else 0)
    successor = batch()
    successor.restore([*((at_s, state) for at_s, state, _cause in made.history), (end_s, "UNSUPERVISED")])
    assert successor.produced_s == produced_s
    assert successor.drawn == (made.drawn and not made.ended)


def test_after_a_resume_a_successor_does_not_draw_the_fiber_again_and_produces_only_what_is_left() -> None:
    successor = batch()
    successor.restore([(0, "PREPARING"), (10, "THREADING"), (100, "RUNNING"), (3100, "UNSUPERVISED")])
    successor.cause("line active", 3130)
    successor.cause("resume", 3140)
    successor.scan(line(states.EXECUTE), 3141)
    assert successor.state == "RUNNING"
    successor.scan(line(states.EXECUTE), 3740)
    assert successor.state == "RUNNING"
    successor.scan(line(states.EXECUTE), 3741)
    assert successor.state == "COMPLETING", "3000 s before, 600 s now"
