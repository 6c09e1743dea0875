"""Things that break in production: a node's process, a thermocouple, the wire."""

from __future__ import annotations

import random

from hil_tests.bench.run import START_US, BenchRun
from hil_tests.bench.sensor_faults import flagged, stuck
from spinline.record.series import series
from spinline_firmware.drivers.max31856 import OPEN
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN

from .conftest import THREADED_MIN, TO_PRODUCTION_S, MakeRun, short_recipe
from .protocol import events, missing_scans, node_states, rows_of, scan_tables, states_passed

Z3 = 2  # port of the thermocouple and of the heater of zone 3
PIN_OF_Z3 = 18


def test_a_dead_melt_node_drops_the_contactor_within_a_second_and_the_draw_stops_in_ratio_without_the_host(
    producing: BenchRun,
) -> None:
    run = producing
    ratio = float(run.recipe.draw.stretch_ratio)
    run.bench.kill("melt")
    run.run_without_supervisor(1.1)
    assert not run.bench.plant.actuators.contactor
    assert not run.bench.plant.actuators.dosing_enable

    worst = 0.0
    for _ in range(300):
        run.run_without_supervisor(0.1)
        truth = run.bench.plant.truth
        if truth.godet1_speed_m_min > 1.0:
            worst = max(worst, abs(truth.godet2_speed_m_min / truth.godet1_speed_m_min / ratio - 1))
    assert run.bench.plant.truth.godet1_speed_m_min < 0.1
    assert run.bench.plant.truth.godet2_speed_m_min < 0.1
    assert worst < 0.05, f"off ratio by {100 * worst:.1f} % while stopping"

    run.run_for(60)
    assert states_passed(run, "draw")[-2:] == ["ABORTING", "ABORTED"]
    assert any(name == "PERMIT_OPEN" for _scan, name, *_ in events(run, "draw"))
    assert run.supervisor.batch.state == "ABORTED"


def test_a_pulled_thermocouple_zeroes_its_heater_in_the_same_scan_raises_an_event_and_holds_the_line(
    producing: BenchRun,
) -> None:
    run = producing
    node = run.bench.nodes["melt"]
    run.run_until(lambda: node.terminals.pins[PIN_OF_Z3] == 1, 60)  # its heater is on in this scan

    node.terminals.harmed["tc", Z3] = flagged(OPEN)
    scans = []
    for _ in range(40):
        run.bench.run_until(run.bench.now_us + 250_000)
        scans.append(node.terminals.pins[PIN_OF_Z3])
    assert scans == [0] * 40, "off in the very scan that sees the open circuit, and it stays off"

    run.due_us = run.bench.now_us
    run.run_for(60)
    assert run.supervisor.batch.state == "HELD"
    assert node_states(run) == {"melt": "HELD", "bath": "HELD", "draw": "HELD"}
    named = [name for _scan, name, *_ in events(run, "melt")]
    assert "SENSOR_FAULT" in named and "LOOP_FAILED" in named
    at = next(scan for scan, name, *_ in events(run, "melt") if name == "SENSOR_FAULT")
    before = f'SELECT count(*) FROM "{scan_tables(run)[0]}" WHERE scan BETWEEN ? AND ?'
    assert at > 32 and rows_of(run, before, at - 32, at) == [(33,)], "the trip's scan and the 32 before it"
    assert run.bench.plant.truth.godet1_speed_m_min < 0.1
    assert run.bench.plant.actuators.contactor, "held is not aborted: the other zones stay at their setpoints"
    assert missing_scans(run) == 0


def test_a_thermocouple_that_freezes_is_bad_within_its_time_and_its_heater_is_off_in_the_same_scan(
    threaded: BenchRun,
) -> None:
    run = threaded
    node = run.bench.nodes["melt"]
    zone = next(row for row in run.line.node[0].input if row.name == "Z3")
    from_us = START_US + run.bench.now_us
    node.terminals.harmed["tc", Z3] = stuck()
    run.run_for(zone.frozen_s + 30)

    times, _numbers, qualities = series(run.journal_path, "melt.Z3.pv", from_us)
    assert qualities == sorted(qualities) and set(qualities) == {GOOD, UNCERTAIN, BAD}
    for quality, after_s in ((UNCERTAIN, zone.frozen_s / 3), (BAD, zone.frozen_s)):
        assert abs(times[qualities.index(quality)] - times[0] - after_s) <= 2 * run.line.node[0].scan_ms / 1000
    _times, outputs, _qualities = series(run.journal_path, "melt.Z3.out", from_us)
    first_bad = qualities.index(BAD)
    assert len(outputs) == len(qualities) and max(outputs[:first_bad]) > 0
    assert set(outputs[first_bad:]) == {0.0}, "zero in the scan that finds it, and after"

    named = [(name, source) for _scan, name, source, *_ in events(run, "melt")]
    assert ("SENSOR_MAINTENANCE", Z3) in named and ("SENSOR_FAULT", Z3) in named
    assert [name for name, _source in named].count("SENSOR_MAINTENANCE") == 1, "no other sensor was doubted"
    assert run.supervisor.batch.state == "HELD" and set(node_states(run).values()) == {"HELD"}


def test_noise_before_between_and_inside_frames_loses_no_record_and_no_command(make_run: MakeRun) -> None:
    run = make_run(recipe=short_recipe(threading_min=THREADED_MIN))
    noise = random.Random(7)
    wires = [wire for node in run.bench.nodes.values() for wire in (node.to_node, node.to_host)]

    def disturb() -> bool:
        for wire in wires:
            if noise.random() < 0.2:
                wire.push(run.bench.now_us, noise.randbytes(noise.randrange(1, 40)))
            if noise.random() < 0.05:
                wire.damage(noise)
        return run.supervisor.batch.state == "RUNNING"

    run.start()
    assert run.run_until(disturb, TO_PRODUCTION_S), (run.supervisor.problems, node_states(run))
    run.run_for(60)
    assert run.supervisor.batch.state in ("RUNNING", "UNSUPERVISED")
    assert missing_scans(run) == 0
    assert rows_of(run, "SELECT count(*) FROM gap") == [(0,)]


def test_the_whole_line_runs_through_the_wrap_of_the_tick_counter(make_run: MakeRun) -> None:
    run = make_run(ticks_offset=(1 << 30) - 5000)
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "PREPARING", 20), run.supervisor.problems
    run.run_for(20)
    assert set(node_states(run).values()) == {"STARTING"}
    for name in run.bench.nodes:
        assert "SCAN_OVERRUN" not in [event for _scan, event, *_ in events(run, name)]
