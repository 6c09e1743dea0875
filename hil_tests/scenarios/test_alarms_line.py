"""Alarms of a running line: raised by the nodes, seen by a person, kept over the end of a supervisor."""

from __future__ import annotations

from hil_tests.bench.api import operate
from hil_tests.bench.run import BenchRun
from spinline.record.series import fetch, reading

LOST = "melt.Z3 SENSOR_FAULT"


def told(run: BenchRun) -> list[tuple[str, str, str]]:
    """What the record has of the alarm: state, who, first of its group or not."""
    with reading(run.journal_path) as connection:
        rows = fetch(connection, "SELECT state, who, first_out FROM alarm WHERE point = ? ORDER BY rowid", (LOST,))
    return [(state, who, "first" if first else "") for state, who, first in rows]


def test_a_lost_sensor_calls_until_a_person_has_seen_it_and_it_is_back(threaded: BenchRun) -> None:
    run = threaded
    run.lay("S1", "melt.Z3")
    assert run.run_until(lambda: LOST in run.supervisor.alarms.points, 30)
    run.run_for(2)
    assert told(run)[0] == ("unacknowledged", "", "first")

    run.kill_supervisor()
    run.run_without_supervisor(1)
    run.restart_supervisor()
    run.run_for(10)
    assert run.supervisor.alarms.points[LOST].state == "unacknowledged", "another supervisor knows it, too"

    wrong = operate(run, "acknowledge", point="melt.Z9")
    seen = operate(run, "acknowledge", point=LOST)
    run.run_for(2)
    assert (seen.done, seen.refused) == (True, "")
    assert wrong.refused == "there is no alarm 'melt.Z9'"
    assert run.supervisor.alarms.points[LOST].state == "acknowledged"

    run.lift("S1", "melt.Z3")
    assert run.run_until(lambda: run.supervisor.alarms.points[LOST].state == "normal", 60)
    run.run_for(2)
    assert [row[:2] for row in told(run)] == [
        ("unacknowledged", ""), ("acknowledged", "operator"), ("normal", "")
    ]  # fmt: skip
