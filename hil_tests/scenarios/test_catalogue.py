"""Every fault of the catalogue, at its places, in the states of the line: what has to follow does, in time.

`make hil` lays each at every place in every state.  Without ``--whole`` one of each kind is laid that has a reaction of
its own, at its first place on a running line.
"""

from __future__ import annotations

import pytest

from hil_tests.bench.api import operate
from hil_tests.bench.builds import BUILDS
from hil_tests.bench.faults import HEATING, HELD, RUNNING, Asked, Fault, Mask, Reaction, cases
from hil_tests.bench.run import BenchRun

from .conftest import THREADED_MIN, TO_PRODUCTION_S, MakeRun, short_recipe
from .looks import person_sets
from .masks import mask_shows
from .protocol import events, events_of_nodes, missing_scans, rows_of

BACK_S = 45.0  # after a wire is well again: the session, the back-fill and the lease
TROUBLE = {"SENSOR_FAULT", "LOOP_FAILED", "INTERLOCK_TRIPPED", "SAFE_ORDER", "PERMIT_OPEN", "INTERNAL_FAULT"}
AT_ANY_SPEED = ("A5.told", "A5.panel", "A9")  # the drive says so, the contact is open
OF_A_FLOW = ("S6.stands",)
OF_A_DRAWN_FIBER = ("draw.TENSION", "draw.OD", "draw.IDLER")  # minutes after threading
WRAP_S = 600.0  # when the tick counters wrap, where a fault asks for it: in production
TICKS_N = 1 << 30
FIRST = [(fault, place, state) for fault, place, state in cases() if place == fault.places[0] and state == RUNNING]


def one_of_each() -> list[tuple[Fault, str, str]]:
    """On each line the first fault of each kind (wire, sensor, actuator, time, power) with its own reaction or mask."""
    found: dict[tuple[str, Reaction, Mask | None, str], tuple[Fault, str, str]] = {}
    for fault, place, state in FIRST:
        found.setdefault((fault.id[0], fault.reactions[state], fault.mask, fault.on), (fault, place, state))
    return list(found.values())


def bring_to(run: BenchRun, state: str) -> None:
    """The line in one of the states in which faults are laid."""
    run.start()
    reached = "PREPARING" if state == HEATING else "RUNNING"
    assert run.run_until(lambda: run.supervisor.batch.state == reached, TO_PRODUCTION_S), run.supervisor.problems
    run.run_for(10)
    if state == HELD:
        operate(run, "hold")
        assert run.run_until(lambda: run.supervisor.batch.state == "HELD", 60)


def told(run: BenchRun, after: dict[str, int]) -> set[str]:
    """Names of the events that came after those counted."""
    return {name for node, of_node in events_of_nodes(run).items() for _scan, name, *_ in of_node[after[node] :]}


def follows(run: BenchRun, reaction: Reaction, after: dict[str, int]) -> bool:
    """True where the reaction has been seen."""
    if run.supervisor.batch.state not in reaction.batch:
        return False  # the journal is not opened for it
    return not reaction.events or bool(told(run, after) & set(reaction.events))


def ask(run: BenchRun, asked: Asked) -> None:
    """A person sets a loop's setpoint."""
    node, _, loop = asked.loop.partition(".")
    person_sets(node, loop, asked.number)(run)


def judge(run: BenchRun, fault: Fault, place: str, state: str) -> None:
    """Lay the fault and see the reaction in its time."""
    reaction = fault.reactions[state]
    after = {node: len(events(run, node)) for node in run.bench.nodes}
    began_s, began_us = run.now_s, run.bench.now_us
    run.lay(fault.id, place)
    if place in fault.asked:
        ask(run, fault.asked[place])
    if fault.lasts_s or not reaction.events:
        run.run_for(fault.lasts_s or reaction.within_s)
    if fault.lasts_s:
        run.lift(fault.id, place)
        run.run_for(BACK_S)
    left_s = max(0.0, began_s + reaction.within_s - run.now_s)
    seen = run.run_until(lambda: follows(run, reaction, after), left_s) or follows(run, reaction, after)
    assert seen, (told(run, after), run.supervisor.batch.history, run.supervisor.problems)
    if not reaction.events:
        assert not told(run, after) & TROUBLE
    if fault.mask:
        assert mask_shows(run, fault, place, began_us) == ""
    if (fault.id[0] == "W" and fault.lasts_s) or fault.id in ("T4", "T5"):
        assert missing_scans(run) == 0
        assert rows_of(run, "SELECT count(*) FROM gap") == [(0,)], "the rings held it"


def case_id(case: object) -> str:
    """As it is named in reports: W1-melt-running."""
    return case.id if isinstance(case, Fault) else str(case)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case of the catalogue; how many depends on ``--whole``."""
    if "place" in metafunc.fixturenames:
        chosen = cases() if metafunc.config.getoption("--whole") else one_of_each()
        metafunc.parametrize(("fault", "place", "state"), chosen, ids=case_id)


def test_a_fault_has_its_reaction_in_time(make_run: MakeRun, fault: Fault, place: str, state: str) -> None:
    acts = fault.id[0] == "A" and fault.id not in AT_ANY_SPEED
    settled = acts or fault.id in OF_A_FLOW or place in OF_A_DRAWN_FIBER  # where it has something to do, or to measure
    recipe = short_recipe(threading_min=4 if settled else THREADED_MIN, soak_min=1 if state == HEATING else 0)
    ticks_offset = TICKS_N - round(1000 * WRAP_S) if fault.id == "T3" else 0
    run = make_run(recipe=recipe, ticks_offset=ticks_offset, build=BUILDS[fault.on])
    bring_to(run, state)
    if fault.id == "T3":
        assert run.now_s < WRAP_S - 10, "production has begun"
        run.run_for(WRAP_S - 10 - run.now_s)
    judge(run, fault, place, state)
    assert fault.id != "T3" or run.now_s > WRAP_S, "they wrapped meanwhile"
