"""Power goes and comes back, of one board or of all: the line is safe meanwhile and can be started again."""

from __future__ import annotations

import pytest

from hil_tests.bench.api import operate
from hil_tests.bench.run import BenchRun
from hil_tests.bench.simulated import POWER_ON_RESET

from .protocol import events, missing_scans, node_states, states_passed


@pytest.mark.parametrize("cut", [("melt",), ("bath",), ("draw",), ("melt", "bath", "draw")])
def test_boards_that_lost_power_in_production_come_back_idle_and_configured_and_the_batch_is_aborted(
    producing: BenchRun, cut: tuple[str, ...]
) -> None:
    run = producing
    for name in cut:
        run.bench.cut_power(name)
    run.run_for(2)
    actuators = run.bench.plant.actuators
    assert not actuators.dosing_enable and not actuators.quench_heater_on, "cut, or told by the permit chain"
    for name in cut:
        run.bench.restore_power(name)
    run.run_for(120)
    assert run.supervisor.batch.state == "ABORTED"
    assert all(session.phase == "READY" for session in run.supervisor.sessions.values()), run.supervisor.problems
    for name, state in node_states(run).items():
        assert state == "ABORTED" or (name in cut and state == "IDLE"), (name, state)
        assert name in cut or states_passed(run, name)[-2:] == ["ABORTING", "ABORTED"]
        booted = [source for _scan, event, source, _got, _limit in events(run, name) if event == "BOOT"]
        assert booted == [POWER_ON_RESET] * (2 if name in cut else 1), "each start is told, and why"
    assert run.bench.plant.truth.godet1_speed_m_min < 0.1
    assert missing_scans(run) == 0

    for name in run.supervisor.sessions:
        operate(run, "reset", point=name)
    run.run_for(5)
    assert set(node_states(run).values()) == {"IDLE"}
