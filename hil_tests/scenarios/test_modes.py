"""Modes and reconnection on the running line: no output of a loop jumps because somebody comes, goes or asks."""

from __future__ import annotations

from hil_tests.bench.run import BenchRun

from .conftest import MakeRun
from .protocol import node_states, rows_of

COUNTS_MAX = 2  # of 65536
Outputs = dict[tuple[str, int], int]


def outputs_of(run: BenchRun) -> Outputs:
    """(loop's tag, scan) -> output in counts, of every scan in the journal; each node has booted once."""
    found: Outputs = {}
    query = "SELECT tag, scan_table FROM configuration JOIN \"column\" USING (configuration_i) WHERE tag LIKE '%.out'"
    for tag, table in rows_of(run, query):
        for scan, output in rows_of(run, f'SELECT scan, "{tag}" FROM "{table}"'):
            found[str(tag), int(scan)] = int(output)  # type: ignore[arg-type]
    return found


def largest_difference(one: Outputs, other: Outputs, run: BenchRun, away_s: float, back_s: float) -> int:
    """In counts, over the scans since ``away_s`` that both hold: of every loop those of 2 s about ``back_s``, too."""
    scan_s = {node.name: node.scan_ms / 1000 for node in run.line.node}
    times = {key: key[1] * scan_s[key[0].split(".")[0]] for key in one.keys() & other.keys()}
    about = {tag for (tag, scan), at_s in times.items() if abs(at_s - back_s) < 1}
    assert about == {f"{node.name}.{loop.name}.out" for node in run.line.node for loop in node.loop}
    return max(abs(one[key] - other[key]) for key, at_s in times.items() if at_s > away_s)


def killed_in_the_heat_up(make_run: MakeRun, alone_s: float) -> BenchRun:
    """Ramps on their way, the supervisor's process gone for so long, and then another one until a minute is over."""
    run = make_run()
    run.start()
    assert run.run_until(lambda: set(node_states(run).values()) == {"STARTING"}, 30), run.supervisor.problems
    run.run_for(5)
    run.kill_supervisor()
    run.run_without_supervisor(alone_s)
    run.restart_supervisor()
    run.run_for(60 - alone_s)
    return run


def test_a_supervisor_that_comes_back_in_a_heat_up_moves_no_output(make_run: MakeRun) -> None:
    early, late = killed_in_the_heat_up(make_run, 8), killed_in_the_heat_up(make_run, 24)
    away_s = early.bench.now_us / 1e6 - 60
    outputs = outputs_of(early), outputs_of(late)
    assert largest_difference(*outputs, early, away_s, away_s + 8) <= COUNTS_MAX
    assert max(outputs[0].values()) > 10000, "some loop heats"


def test_a_line_that_loses_and_regains_its_host_in_production_gives_the_outputs_of_one_that_never_lost_it(
    make_run: MakeRun,
) -> None:
    runs, back_s = [], 10.0
    for loses in (False, True):
        run = make_run()
        run.start()
        assert run.run_until(lambda of=run: of.supervisor.batch.state == "RUNNING", 900)  # type: ignore[misc]
        from_s = run.bench.now_us / 1e6
        if loses:
            run.kill_supervisor()
            run.run_without_supervisor(back_s)
            run.restart_supervisor()
            run.run_for(6)
            assert run.supervisor.batch.state == "UNSUPERVISED"
            assert run.supervisor.batch.cause("resume", run.bench.now_us / 1e6)
        run.run_for(60 - (back_s + 6) * loses)
        assert set(node_states(run).values()) == {"EXECUTE"}
        assert all(session.supervised for session in run.supervisor.sessions.values())
        runs.append(run)
    assert largest_difference(outputs_of(runs[0]), outputs_of(runs[1]), runs[1], from_s, from_s + back_s) <= COUNTS_MAX
    (resumed,) = rows_of(runs[1], "SELECT count(*) FROM \"order\" WHERE what = 'SUPERVISE' AND outcome = 'done'")
    assert resumed == (3,)
