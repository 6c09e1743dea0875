"""A number of the recipe is set while the line runs: judged, recorded before it leaves, taken by all or by none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hil_tests.bench.api import operate
from hil_tests.bench.run import BenchRun
from spinline.line.changes import IN_FORCE, Changes
from spinline.line.desk import Asked
from spinline.line.setting import Change, Setpoint, Setting, sha256_of
from spinline.recipe.models import Recipe

from .protocol import rows_of

RATIO = "draw.stretch_ratio"


def set_number(run: BenchRun, tag: str, value: str) -> Asked:
    asked = operate(run, "set", "softer fiber", tag=tag, value=value)
    assert run.run_until(lambda: asked.done, 20), "a change ends"
    return asked


def setpoints(run: BenchRun) -> list[tuple[Any, ...]]:
    return rows_of(run, "SELECT node, outcome FROM \"order\" WHERE what LIKE 'SET_SETPOINT%' ORDER BY rowid")


def actions(run: BenchRun) -> list[tuple[Any, ...]]:
    run.run_for(2)
    return rows_of(run, "SELECT who, what, old_value, new_value FROM action WHERE what <> 'start' ORDER BY rowid")


def drawn(run: BenchRun) -> float:
    """Speed of the last godet over that of the first."""
    above, below = run.record.latest("draw.G2.pv"), run.record.latest("draw.G1.pv")
    assert above is not None and below is not None
    return above / below


def test_a_setpoint_moves_only_where_it_differs_and_the_record_has_who_and_why_before_and_after(
    producing: BenchRun,
) -> None:
    run = producing
    first = sha256_of(run.recipe)
    assert set_number(run, RATIO, "1.75").refused == ""
    second = sha256_of(run.supervisor.recipe_in_force)
    assert setpoints(run) == [("draw", "done")]
    run.run_for(20)
    assert drawn(run) == pytest.approx(1.75, rel=0.003)
    assert actions(run) == [("operator", f"set {RATIO}", "1.80", "1.75"), ("operator", IN_FORCE, first, second)]
    whys = rows_of(run, "SELECT DISTINCT why FROM action WHERE what LIKE 'set %'")
    assert whys == [("softer fiber",)]

    run.kill_supervisor()
    run.run_without_supervisor(3)
    run.restart_supervisor()
    run.run_for(6)
    operate(run, "resume")
    run.run_for(6)
    assert sha256_of(run.supervisor.recipe_in_force) == second, "another supervisor knows it"
    assert drawn(run) == pytest.approx(1.75, rel=0.003)
    assert set_number(run, RATIO, "1.80").refused == ""
    run.run_for(20)
    assert drawn(run) == pytest.approx(1.80, rel=0.003)
    assert setpoints(run) == [("draw", "done")] * 2, "what the node had taken is not sent again, so nothing can undo it"


def test_a_change_of_several_setpoints_is_taken_by_all_loops(producing: BenchRun) -> None:
    run = producing
    asked = set_number(run, "composition.plasticizer_parts", "140")
    assert asked.refused == "" and setpoints(run) == [("melt", "done")] * 2, "the feeder and the plasticizer's ratio"
    run.run_for(30)
    pump, feeder = run.record.latest("melt.PLAST.sp"), run.record.latest("melt.RESIN.sp")
    assert pump is not None and feeder is not None
    assert feeder == pytest.approx(104.0 * 1000 / 60 / 2.7, rel=0.001)


def test_what_is_refused_changes_nothing_and_sends_nothing(threaded: BenchRun) -> None:
    run, before = threaded, threaded.supervisor.recipe_in_force
    refused = {
        (RATIO, "0.9"): "claim 12 fails: raise stretch ratio",
        ("melt.die_temperature_C", "290"): "E-T-DIE: lower",
        ("composition.plasticizer_parts", "60"): "claim 12 fails: raise plasticizer",
        ("program.soak_min", "5"): "is more than a setpoint: it needs a stop and a new batch",
        ("spinning.air_gap_mm", "160"): "changes no setpoint of a node: it needs a new batch",
        ("draw.stretch", "1.7"): "did you mean draw.stretch_ratio?",
        (RATIO, "fast"): "draw.stretch_ratio = 'fast' is not of the kind of 1.80",
        (RATIO, "-1"): "draw.stretch_ratio = -1 must be above 0",
        (RATIO, "1.80"): "has these numbers already",
    }
    for (tag, value), said in refused.items():
        assert said in set_number(run, tag, value).refused, (tag, value)
    nobody = operate(run, "set", " ", tag=RATIO, value="1.75")
    run.run_for(2)
    assert nobody.refused == "set needs a reason"
    assert setpoints(run) == [] and actions(run) == [] and run.supervisor.recipe_in_force == before


def test_a_node_has_the_last_word_and_what_the_others_took_is_set_back(
    producing: BenchRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, before = producing, producing.supervisor.recipe_in_force
    plan = Setting.plan

    def beyond(self: Setting, recipe: Recipe) -> Change:
        """One of the numbers is beyond the hard limit that the node holds."""
        change = plan(self, recipe)
        first, *rest = change.setpoints
        return replace(change, setpoints=(*rest, replace(first, number=1_000_000_000)))

    monkeypatch.setattr(Setting, "plan", beyond)
    asked = set_number(run, "composition.plasticizer_parts", "140")
    assert asked.refused.startswith("melt.RESIN: the node refuses 1000000000: RANGE, limit "), asked.refused
    run.run_for(5)
    assert setpoints(run) == [("melt", "done"), ("melt", "refused"), ("melt", "done")]
    assert run.supervisor.recipe_in_force == before
    run.run_for(20)
    pump, feeder = run.record.latest("melt.PLAST.sp"), run.record.latest("melt.RESIN.pv")
    assert pump is not None and feeder is not None and pump / feeder == pytest.approx(1.5, rel=0.05)
    told = [row[:2] for row in actions(run)]
    assert told == [
        ("operator", "set composition.plasticizer_parts"), ("operator", IN_FORCE),
        ("supervisor", "set composition.plasticizer_parts"), ("supervisor", IN_FORCE),
    ]  # fmt: skip


def test_what_a_dead_supervisor_took_back_is_set_back_by_the_next_one_also_where_a_node_refuses_at_first(
    producing: BenchRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, before, send = producing, producing.supervisor.recipe_in_force, Changes._send

    def beyond(self: Changes, row: Setpoint, number: int) -> int:
        return send(self, row, 1_000_000_000 if row.loop == "RESIN" else number)

    with monkeypatch.context() as dying:
        dying.setattr(Changes, "_send", beyond)
        dying.setattr(Changes, "_send_back", lambda *_: None)  # it dies before
        refusal = set_number(run, "composition.plasticizer_parts", "140").refused
        assert refusal.startswith("melt.RESIN: the node refuses"), refusal
        run.run_for(2)
        run.kill_supervisor()
    assert setpoints(run) == [("melt", "refused"), ("melt", "done")], "the pump has what was refused as a whole"
    run.run_without_supervisor(3)
    at_first = iter([True, True])  # each of the two

    def refused_once(self: Changes, row: Setpoint, number: int) -> int:
        return send(self, row, 1_000_000_000 if next(at_first, False) else number)

    monkeypatch.setattr(Changes, "_send", refused_once)
    run.restart_supervisor()
    run.run_for(6)
    told = len(actions(run))
    operate(run, "resume")
    run.run_for(30)
    assert setpoints(run)[2:] == [("melt", "refused")] * 2 + [("melt", "done")] * 2
    assert run.supervisor.recipe_in_force == before
    assert len(actions(run)) == told + 1, "the resume; nothing came into force"
    pump, feeder = run.record.latest("melt.PLAST.sp"), run.record.latest("melt.RESIN.pv")
    assert pump is not None and feeder is not None and pump / feeder == pytest.approx(1.5, rel=0.05)


@pytest.mark.parametrize(
    "taken", [True, False], ids=["and the node takes it", "and is taken back where a node refuses"]
)
def test_a_change_that_no_node_heard_before_its_supervisor_died_is_sent_again_after_a_resume(
    producing: BenchRun, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    run, before = producing, producing.supervisor.recipe_in_force
    run.bench.pull_cable("draw")
    asked = operate(run, "set", "softer fiber", tag=RATIO, value="1.75")
    assert run.run_until(lambda: bool(setpoints(run)), 3), "the change is in the record before it leaves"
    run.kill_supervisor()
    run.bench.pull_cable("draw", pulled=False)
    run.run_without_supervisor(3)
    if not taken:
        send = Changes._send

        def beyond(self: Changes, row: Setpoint, number: int) -> int:
            return send(self, row, number if number == row.before else 1_000_000_000)

        monkeypatch.setattr(Changes, "_send", beyond)
    run.restart_supervisor()
    run.run_for(6)
    assert not asked.done and drawn(run) == pytest.approx(1.80, rel=0.003), "nothing is sent before a person resumes"
    operate(run, "resume")
    run.run_for(26)
    in_force = run.supervisor.recipe_in_force
    assert str(in_force.draw.stretch_ratio) == ("1.75" if taken else "1.80")
    assert drawn(run) == pytest.approx(float(in_force.draw.stretch_ratio), rel=0.003)
    told = [(who, what, new) for who, what, _old, new in actions(run) if what.startswith("set ")]
    back = [] if taken else [("supervisor", f"set {RATIO}", "1.80")]
    assert told == [("operator", f"set {RATIO}", "1.75"), *back]
    assert taken == (sha256_of(in_force) != sha256_of(before))
