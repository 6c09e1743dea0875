"""A simulation is refused on a real line, and a board on a simulated one: before any order, and not in the record."""

import pytest

from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.service_rig import ServiceRig
from spinline.line import line_mode
from spinline.line.line_mode import BENCH, LINE, SIMULATED
from spinline.record.series import fetch, reading

SCANS_N = 100


@pytest.mark.parametrize(
    ("mode", "simulation", "says"),
    [
        (LINE, "linux", "melt: is a simulation and the mode is line (allowed: simulated)"),
        (BENCH, "linux", "melt: is a simulation and the mode is bench (allowed: simulated)"),
        (SIMULATED, "another", "melt: is a board (linux) and the mode is simulated (allowed: bench, line)"),
    ],
)
def test_a_node_that_contradicts_the_mode_gets_no_order_and_is_not_in_the_record(
    tmp_path, monkeypatch, mode, simulation, says
):
    monkeypatch.setattr(line_mode, "SIMULATION_PORT", simulation)
    try:
        rig = ServiceRig(find_interpreter(), tmp_path, mode)
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    try:
        rig.supervisor.start()
        due_us = 0
        for _ in range(SCANS_N):
            rig.bench.run_until(due_us)
            due_us = rig.core.step(due_us)
        status = rig.core.latest.status
        assert status["mode"] == mode and any(problem.startswith(says) for problem in status["problems"])
        assert {node["phase"] for node in status["nodes"]} == {"REFUSED"} and status["state"] == "IDLE"
        with reading(tmp_path / "journal.sqlite") as connection:
            assert fetch(connection, "SELECT count(*) FROM run") == [(0,)]
            assert fetch(connection, "SELECT count(*) FROM \"order\" WHERE what = 'START'") == [(0,)]
            assert fetch(connection, "SELECT mode FROM batch") == [(mode,)]
    finally:
        rig.close()
