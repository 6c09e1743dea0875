"""The supervisor goes away: power is leased, so the line holds, and then goes to its safe order by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil_tests.bench.api import operate
from hil_tests.bench.direct import sha256_of_rows
from hil_tests.bench.node_process import NodeProcess
from hil_tests.bench.run import BenchRun
from spinline.recipe.compiler import NodeConfiguration
from spinline_protocol.configuration import TABLE_RECORD
from spinline_protocol.states import HOLDING

from .conftest import THREADED_MIN, MakeRun, short_recipe
from .protocol import events, missing_scans, node_states, rows_of, scan_tables, unaccounted_scans

LEASE_S = 2.0
SMALLER_HEAP = "236wK"  # 20 kB less than the bench gives: gaps between what stays would make it too little


def test_without_a_supervisor_every_node_goes_on_for_ten_minutes_then_holds_then_goes_to_its_safe_order(
    producing: BenchRun,
) -> None:
    run = producing
    stopped_s = run.bench.now_us / 1e6

    run.run_without_supervisor(30)
    assert run.bench.plant.truth.godet1_speed_m_min > 9.9, "a hold goes on at the last accepted setpoints"
    alone_s, hold_s = run.line.node[0].alone_max_s, run.line.node[0].hold_max_s
    run.run_without_supervisor(alone_s - 40)
    assert run.bench.plant.truth.godet1_speed_m_min > 9.9, "for ten minutes"
    run.run_without_supervisor(50)
    assert run.bench.plant.truth.godet1_speed_m_min < 0.1, "then the fiber is brought to a stand"
    assert run.bench.plant.actuators.contactor and not run.bench.plant.actuators.screw_run, "and the zones stay warm"
    run.run_without_supervisor(hold_s - alone_s + 20)
    assert run.bench.plant.truth.godet1_speed_m_min < 0.1
    assert not any(run.bench.plant.actuators.heater_on)
    assert not run.bench.plant.actuators.contactor

    run.run_for(20)  # the same supervisor's scan goes on
    assert set(node_states(run).values()) == {"ABORTED"}
    assert run.supervisor.batch.state in ("ABORTING", "ABORTED")
    for node in run.line.node:
        told = events(run, node.name)
        expired = next(scan for scan, name, *_ in told if name == "LEASE_EXPIRED")
        safe = next(scan for scan, name, *_ in told if name in ("SAFE_ORDER", "PERMIT_OPEN"))
        held = next(scan for scan, name, _source, got, _limit in told if name == "STATE_CHANGED" and got == HOLDING)
        assert abs((held - expired) * node.scan_ms / 1000 - alone_s) < 2
        expired_s = expired * node.scan_ms / 1000
        assert expired_s <= stopped_s + LEASE_S + node.scan_ms / 1000, "hold within the lease and one scan"
        assert abs((safe - expired) * node.scan_ms / 1000 - node.hold_max_s) < 2, "then the safe order"
    assert missing_scans(run) == 0, "what the rings could not keep is declared lost"


def test_a_killed_supervisor_loses_nothing_it_acknowledged_and_its_successor_finds_the_line_unsupervised(
    threaded: BenchRun,
) -> None:
    run = threaded
    acknowledged = {name: run.record.scans_to(name) for name in run.bench.nodes}
    run.kill_supervisor()
    for name, table in zip(run.bench.nodes, scan_tables(run), strict=True):
        stored = rows_of(run, f'SELECT count(*) FROM "{table}" WHERE scan < ?', acknowledged[name])
        assert stored == [(acknowledged[name],)]

    run.run_without_supervisor(20)
    run.restart_supervisor()
    run.run_for(10)
    assert run.supervisor.batch.state == "UNSUPERVISED"
    assert set(node_states(run).values()) == {"EXECUTE"}
    run.run_for(20)
    assert run.supervisor.batch.state == "UNSUPERVISED", "only a person leads back"
    assert missing_scans(run) == 0
    assert rows_of(run, "SELECT count(*) FROM gap") == [(0,)], "the rings held twenty seconds"


def test_a_person_resumes_an_unsupervised_line_and_the_hold_ends(threaded: BenchRun) -> None:
    run = threaded
    run.run_without_supervisor(20)
    run.run_for(5)
    assert run.supervisor.batch.state == "UNSUPERVISED"

    operate(run, "resume")
    run.run_for(10)

    assert run.supervisor.batch.state == "RUNNING"
    assert all(session.supervised for session in run.supervisor.sessions.values())


@pytest.mark.parametrize(
    ("killed", "out_s"),
    [(False, 30), (True, 30), (True, 1000)],
    ids=["a cable is pulled", "the supervisor is killed", "the supervisor is killed until every node has ended"],
)
def test_a_line_that_runs_out_without_supervision_goes_on_when_a_person_resumes(
    make_run: MakeRun, killed: bool, out_s: float
) -> None:
    run = make_run(recipe=short_recipe(production_min=1, threading_min=THREADED_MIN, soak_min=0))
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "COMPLETING", 3600)
    run.run_for(out_s)
    if killed:
        run.kill_supervisor()
        run.run_without_supervisor(25)
        run.restart_supervisor()
    else:
        run.bench.pull_cable("draw")
        run.run_for(10)
        run.bench.pull_cable("draw", pulled=False)
    run.run_for(20)
    assert run.supervisor.batch.state == "UNSUPERVISED", "else its nodes hold until they abort, or a start begins anew"
    operate(run, "resume")
    assert run.run_until(lambda: run.supervisor.batch.ended, 1800)
    entered = [state for _at_s, state, _cause in run.supervisor.batch.history]
    assert entered[-4:] == ["UNSUPERVISED", "RESTARTING", "COMPLETING", "COMPLETE"]
    assert missing_scans(run) == 0


def with_a_column_less(node: NodeConfiguration) -> NodeConfiguration:
    """The same node with another layout of its records."""
    last = max(i for i, (table, _) in enumerate(node.rows) if table == TABLE_RECORD)
    rows = node.rows[:last] + node.rows[last + 1 :]
    return replace(node, rows=rows, sha256=sha256_of_rows(rows), columns=node.columns[:-1])


@pytest.mark.parametrize("alone_s", [0.0, 3.0, 70.0])
def test_a_new_supervisor_with_another_configuration_stores_every_scan_or_declares_it_lost(
    make_run: MakeRun, alone_s: float
) -> None:
    run = make_run()
    run.run_for(12)
    run.kill_supervisor()
    run.run_without_supervisor(alone_s)
    run.restart_supervisor([with_a_column_less(node) for node in run.configurations])
    run.run_for(15)
    assert all(session.phase == "READY" for session in run.supervisor.sessions.values()), run.supervisor.problems
    assert unaccounted_scans(run) == []
    assert len(scan_tables(run)) == 6
    reasons = {reason for (reason,) in rows_of(run, "SELECT reason FROM gap")}
    assert reasons == {"another configuration was loaded before they were fetched"}


def test_a_node_takes_one_configuration_after_another_with_a_heap_that_is_a_little_smaller(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NodeProcess, "heap", SMALLER_HEAP)
    run = make_run()
    run.run_for(6)
    for change in (with_a_column_less, lambda node: node, with_a_column_less):
        run.kill_supervisor()
        run.restart_supervisor([change(node) for node in run.configurations])
        run.run_for(20)
        assert all(session.phase == "READY" for session in run.supervisor.sessions.values()), run.supervisor.problems


@pytest.mark.parametrize("steps_n", range(1, 24, 3))
def test_a_supervisor_that_dies_around_its_commit_leaves_no_scan_unaccounted(make_run: MakeRun, steps_n: int) -> None:
    run = make_run()
    run.run_for(6)
    run.kill_supervisor()
    run.restart_supervisor([with_a_column_less(node) for node in run.configurations])
    for _ in range(steps_n):
        run.step()
    run.kill_supervisor()
    run.run_without_supervisor(2)
    run.restart_supervisor()
    run.run_for(15)
    assert all(session.phase == "READY" for session in run.supervisor.sessions.values()), run.supervisor.problems
    assert unaccounted_scans(run) == []
