"""Modes and reconnection on the running line: no output of a loop jumps because somebody comes, goes or asks."""

from __future__ import annotations

import random

import pytest

from hil_tests.bench.api import operate
from hil_tests.bench.run import START_US, BenchRun
from spinline.edges.terminal import by_hand, programs
from spinline.errors import Refused
from spinline.line.modes import ModeLine, mode_request
from spinline.line.node_session import NodeSession
from spinline.record.batch_record import BatchRecord
from spinline.record.journal import Journal
from spinline.record.modes_seen import mode_words, modes_seen

from .conftest import MakeRun, short_recipe
from .protocol import node_states, rows_of
from .test_supervision import with_a_column_less

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
        run = make_run(recipe=short_recipe(soak_min=0))
        run.start()
        assert run.run_until(lambda of=run: of.supervisor.batch.state == "RUNNING", 900)  # type: ignore[misc]
        from_s = run.bench.now_us / 1e6
        if loses:
            run.kill_supervisor()
            run.run_without_supervisor(back_s)
            run.restart_supervisor()
            run.run_for(6)
            assert run.supervisor.batch.state == "UNSUPERVISED"
            operate(run, "resume")
        run.run_for(60 - (back_s + 6) * loses)
        assert set(node_states(run).values()) == {"EXECUTE"}
        assert all(session.supervised for session in run.supervisor.sessions.values())
        runs.append(run)
    assert largest_difference(outputs_of(runs[0]), outputs_of(runs[1]), runs[1], from_s, from_s + back_s) <= COUNTS_MAX
    (resumed,) = rows_of(runs[1], "SELECT count(*) FROM \"order\" WHERE what = 'SUPERVISE' AND outcome = 'done'")
    assert resumed == (3,)


def operator_at(run: BenchRun, node: str, record: Journal, key: bytes | None = None) -> ModeLine:
    """A person's session on a node's port, which the supervisor has left."""

    def turn() -> int:
        run.run_without_supervisor(0.1)
        return run.bench.now_us

    configuration = next(one for one in run.configurations if one.name == node)
    entropy = random.Random(f"operator {run.bench.now_us}").randbytes
    session = NodeSession(configuration, "", 2000, entropy, key or run.operator_key)
    known = BatchRecord(record, run.configurations).known_runs()[node]
    return ModeLine(session, run.bench.port(node), turn, record, START_US, known)


def test_a_person_takes_a_loop_by_hand_with_a_reason_on_record_and_gives_it_back_without_a_bump(
    producing: BenchRun,
) -> None:
    run = producing
    changes_s = []
    for mode, output, was in (("manual", None, "auto"), ("manual", 60.0, "manual"), ("auto", None, "manual")):
        run.kill_supervisor()
        record = Journal.open(run.journal_path)
        at = operator_at(run, "melt", record)
        at.connect()
        changes_s.append(run.bench.now_us / 1e6)
        assert at.set_mode(mode_request(run.line, "melt.Z3", mode, output, "Ada", "thermocouple looks loose")) == was
        assert at.mode(2) == mode
        record.close()
        run.restart_supervisor()
        run.run_for(8)
        operate(run, "resume")
        run.run_for(4)
        assert by_hand(run.line, run.record) == ("melt.Z3 manual" if mode == "manual" else "")
        shown = {seen.loop: seen.mode for seen in modes_seen(run.journal_path)}
        assert shown["melt.Z3"] == mode and shown["draw.G2"] == shown["melt.PLAST"] == "ratio"
    orders = rows_of(run, "SELECT what, outcome FROM \"order\" WHERE what LIKE 'SET_MODE%' ORDER BY asked_us")
    assert [outcome for _, outcome in orders] == ["done"] * 3
    actions = rows_of(run, "SELECT who, what, why, old_value, new_value FROM action WHERE who = 'Ada' ORDER BY at_us")
    assert actions[0] == ("Ada", "mode of melt.Z3", "thermocouple looks loose", "auto", "manual")
    assert [row[4] for row in actions] == ["manual", "manual 60 %", "auto"]
    outputs = {scan: out for (tag, scan), out in outputs_of(run).items() if tag == "melt.Z3.out"}
    modes = {scan: mode for scan, mode in rows_of(run, f'SELECT scan, "melt.Z3.mode" & 7 FROM "{scan_table(run)}"')}
    changed = [scan for scan in outputs if scan and modes[scan] != modes[scan - 1] and scan * 0.25 > changes_s[0] - 10]
    assert len(changed) == 2 and all(abs(outputs[scan] - outputs[scan - 1]) <= COUNTS_MAX for scan in changed)
    assert abs(outputs[changed[1] - 1] - 0.6 * 65536) <= 1


def scan_table(run: BenchRun) -> str:
    """The scans of the melt node."""
    query = "SELECT scan_table FROM configuration JOIN node USING (node_i) WHERE name = 'melt'"
    return str(rows_of(run, query)[0][0])


def test_a_mode_is_refused_in_a_sentence_and_nothing_changes(make_run: MakeRun) -> None:
    run = make_run()
    run.run_for(5)
    run.kill_supervisor()
    record = Journal.open(run.journal_path)
    at = operator_at(run, "melt", record)
    at.connect()
    with pytest.raises(Refused, match=r"melt\.Z3 is off and takes no mode from a person while the node is in IDLE"):
        at.set_mode(mode_request(run.line, "melt.Z3", "manual", 10, "Ada", "to see"))
    assert rows_of(run, "SELECT outcome, reason FROM \"order\" WHERE what LIKE 'SET_MODE%'") == [("refused", "STATE")]

    stranger = operator_at(run, "bath", record, key=bytes(32))
    with pytest.raises(Refused, match="bath does not answer|refuse|key"):
        stranger.connect()

    right = run.configurations[0]
    run.configurations[0] = with_a_column_less(right)
    other = operator_at(run, "melt", record)
    with pytest.raises(Refused, match="melt does not run this line and recipe"):
        other.connect()
    run.configurations[0] = right
    record.close()
    run.restart_supervisor()
    run.run_for(8)
    assert set(node_states(run).values()) == {"IDLE"} and run.supervisor.problems == []


def programs_of(run: BenchRun, loop: str) -> list[str]:
    """What a loop's setpoint program did in each scan of the melt node since it was started."""
    query = f'SELECT "melt.{loop}.mode" FROM "{scan_table(run)}" ORDER BY run_scan'
    shown = [mode_words(int(number)) for (number,) in rows_of(run, query)]  # type: ignore[arg-type]
    return [program for mode, program in shown if mode == "auto"]


def test_a_heat_up_shows_its_program_and_only_time_near_the_setpoint_counts_as_soak(make_run: MakeRun) -> None:
    recipe = short_recipe()
    run = make_run(recipe=recipe.model_copy(update={"program": recipe.program.model_copy(update={"soak_min": 5})}))
    plant, melt = run.bench.plant, run.line.node[0]
    zones_C = [one - 12 for one in plant.sensors.zone_temperature_C]
    plant.preheat(zones_C, float(run.recipe.quench.quench_temperature_C), float(run.recipe.draw.stretch_temperature_C))
    run.start()
    zones = [loop.name for loop in melt.loop if loop.soaks]

    assert run.run_until(lambda: node_states(run)["melt"] == "STARTING", 30)
    run.run_for(2)

    def soaking() -> bool:
        return programs_of(run, "Z3")[-40:] == ["soaking"] * 40

    assert run.run_until(soaking, 900)
    plant.disturbances.mains_voltage_ratio = 0.0  # the heaters do nothing: the zones leave their band
    assert run.run_until(lambda: programs_of(run, "Z3")[-1] == "held back", 300)
    assert not run.supervisor.sessions["melt"].soaked and "held back" in programs(run.line, run.record)
    assert ("melt.Z3", "auto", "held back") in [
        (one.loop, one.mode, one.program) for one in modes_seen(run.journal_path)
    ]
    plant.disturbances.mains_voltage_ratio = 1.0
    assert run.run_until(lambda: run.supervisor.sessions["melt"].soaked, 900)
    run.run_for(5)

    assert programs(run.line, run.record) == f"{len(zones)} soaked"
    soak_scans = round(float(run.recipe.program.soak_min) * 60 * 1000 / melt.scan_ms)
    for zone in zones:
        passed = programs_of(run, zone)
        assert "ramping" in passed and "held back" in passed
        assert passed.count("soaking") == soak_scans and passed[-1] == "soaked"
        assert passed.index("soaked") > len(passed) - 1 - passed[::-1].index("soaking")
