"""The draw of the running line: godets move and stop in ratio, slip and breaks are seen, the draw-down has a limit.

How well the ratio is kept is measured by `make bench ONLY=control`; beyond the bounds here it is broken.
"""

from __future__ import annotations

from hil_tests.bench.run import BenchRun
from hil_tests.bench.scan_truth import ScanTruth
from spinline.recipe.compiler import DRAW_DOWN_MAX
from spinline_protocol import errors, messages
from spinline_protocol.configuration import LOOP, TABLE_LOOP, field_index

from .conftest import MakeRun, short_recipe
from .draw_looks import asked, ratio_errors, trips_after
from .protocol import events, node_states

G1 = 0
TEN_PERCENT_CMM_S = round(11 * 100_000 / 60)
LINE_RAMP_S = 1.0 / 0.05  # 1 m/min at 0.05 m/min/s
STOP_S = 60  # stop_max_s of the line file
PERMIT_S = 1.2  # an external watchdog gives a node that stands still 1 s, and the others see it in their next scan


def test_the_line_ramp_takes_both_godets_along_and_the_draw_down_has_its_limit(producing: BenchRun) -> None:
    run = producing
    assert asked(run, messages.SET_SETPOINT, G1, TEN_PERCENT_CMM_S, 0)["code"] == errors.OK
    within = ratio_errors(run, 1.9)  # the lease lasts so long without a supervisor
    for _ in range(round(LINE_RAMP_S) - 1):
        run.run_for(1)
        within += ratio_errors(run, 1.05)
    assert max(map(abs, within)) < 0.6, f"off ratio by {max(map(abs, within)):.2f} % of a second's mean"
    assert abs(run.bench.plant.truth.godet1_speed_m_min - 11) < 0.06, "reached within twice the ramp's time"

    rows = [words for table, words in run.configurations[2].rows if table == TABLE_LOOP]
    highest = rows[G1][field_index(LOOP, "setpoint_high")]
    refused = asked(run, messages.SET_SETPOINT, G1, highest + 1, 0)
    assert (refused["code"], refused["got"], refused["limit"]) == (errors.RANGE, highest + 1, highest)
    truth = run.bench.plant.truth
    assert truth.draw_down_ratio * highest / TEN_PERCENT_CMM_S < DRAW_DOWN_MAX * 1.05, (
        "what it allows does not resonate"
    )
    assert truth.resonance_share < 1e-3
    run.run_for(3)
    assert abs(run.bench.plant.truth.godet1_speed_m_min - 11) < 0.06 and node_states(run)["draw"] == "EXECUTE"


def test_the_death_of_another_node_stops_both_godets_in_ratio_without_the_host(producing: BenchRun) -> None:
    run = producing
    truth = ScanTruth(run.bench, run.configurations)
    run.run_for(2)
    killed_us = run.bench.now_us
    run.bench.kill("bath")
    off = ratio_errors(run, 25)
    assert max(map(abs, off)) < 1.0, f"off ratio by {max(map(abs, off)):.2f} % while stopping"
    assert run.bench.plant.truth.godet1_speed_m_min < 0.1 and run.bench.plant.truth.godet2_speed_m_min < 0.2
    run.run_for(20)
    (opened,) = [scan for scan, name, *_ in events(run, "draw") if name == "PERMIT_OPEN"]
    assert 0 < (truth.at_us("draw", opened) - killed_us) / 1e6 <= PERMIT_S


def test_a_belt_that_slips_a_little_is_trimmed_away_and_one_that_slips_far_stops_the_line(producing: BenchRun) -> None:
    run = producing
    truth = ScanTruth(run.bench, run.configurations)
    run.run_for(2)
    began_us = run.bench.now_us
    run.bench.plant.disturbances.godet2_belt_slip = 0.02
    run.run_for(4)
    assert max(map(abs, ratio_errors(run, 1.5))) < 0.5, "the measured ratio is trimmed"
    run.run_for(1)
    assert trips_after(run, truth, began_us) == [] and node_states(run)["draw"] == "EXECUTE"

    began_us = run.bench.now_us
    run.bench.plant.disturbances.godet2_belt_slip = 0.7
    run.run_for(10)
    name, after_s = trips_after(run, truth, began_us)[0]
    assert name == "G2 stalls" and after_s < 2.0, "the drive has its own ramp, the rule 0.2 s"
    assert run.run_until(lambda: node_states(run)["draw"] == "HELD", STOP_S), "a slipping belt coasts"


def test_a_fiber_that_breaks_loses_its_tension_and_one_that_slips_leaves_its_roller_behind_and_both_hold_the_line(
    make_run: MakeRun,
) -> None:
    for disturbance, strength, first, within_s in (
        ("gel_breaks_per_km", 1e6, "fiber broken", 1.0),
        ("godet2_slip", 0.7, "fiber slips on godet 2", 2.2),
    ):
        run = make_run(recipe=short_recipe(soak_min=0))
        run.start()
        assert run.run_until(lambda of=run: of.supervisor.batch.state == "RUNNING", 900)  # type: ignore[misc]
        run.run_for(20)
        truth = ScanTruth(run.bench, run.configurations)
        run.run_for(2)
        began_us = run.bench.now_us
        setattr(run.bench.plant.disturbances, disturbance, strength)
        run.run_for(within_s + 38)
        found = trips_after(run, truth, began_us)
        assert found and found[0][0] == first and found[0][1] < within_s, (disturbance, found)
        assert run.bench.plant.truth.godet1_speed_m_min < 0.1 and node_states(run)["draw"] == "HELD"
