"""What takes the line down without stopping it: a quench in trouble, a fiber that slips, a jet that resonates.

Real firmware, real plant: both godets slow in ratio, and go on as fast as before, or come to a stand, as the row says.
"""

from __future__ import annotations

from hil_tests.bench.run import BenchRun
from hil_tests.bench.scan_truth import ScanTruth
from hil_tests.bench.sensor_faults import always
from spinline_protocol import errors, messages

from .draw_looks import asked, ratio_errors, trips_after
from .protocol import node_states

G1 = 0
FULL_M_MIN, SLOW_M_MIN = 10.0, 7.0
LEVEL = ("analog", 8)  # terminal of the quench level on the bath node
HALF_FULL_UV = 12 * 150 * 1000  # 12 mA through 150 ohm: 50 %
LOW_S, HOLD_S = 5.0, 60.0
LINE_RAMP_S = (FULL_M_MIN - SLOW_M_MIN) / 0.05


def take_up_m_min(run: BenchRun) -> float:
    return float(run.bench.plant.truth.godet1_speed_m_min)


def worst_ratio_error(run: BenchRun, seconds: float) -> float:
    """In percent, of a second's mean, under a supervisor."""
    worst = 0.0
    for _ in range(round(seconds / 2)):
        run.run_for(1)
        worst = max([worst, *map(abs, ratio_errors(run, 1.05))])  # less than the lease
    return worst


def test_a_quench_short_of_water_slows_both_godets_and_gives_them_back_when_it_is_full_again(
    producing: BenchRun,
) -> None:
    run = producing
    truth = ScanTruth(run.bench, run.configurations)
    run.run_for(10)
    assert abs(take_up_m_min(run) - FULL_M_MIN) < 0.1
    began_us = run.bench.now_us
    bath = run.bench.nodes["bath"].terminals
    bath.harmed[LEVEL] = always(HALF_FULL_UV)
    run.run_for(LOW_S - 1)
    assert run.bench.plant.actuators.full_speed and abs(take_up_m_min(run) - FULL_M_MIN) < 0.1
    assert worst_ratio_error(run, 10) < 1.0
    assert not run.bench.plant.actuators.full_speed and not run.bench.plant.actuators.quench_heater_on
    assert abs(take_up_m_min(run) - SLOW_M_MIN) < 0.1 and set(node_states(run).values()) == {"EXECUTE"}
    bath.mend(*LEVEL)
    run.run_for(LINE_RAMP_S + 10)
    assert abs(take_up_m_min(run) - FULL_M_MIN) < 0.1 and set(node_states(run).values()) == {"EXECUTE"}
    ((name, after_s),) = trips_after(run, truth, began_us)
    assert name == "quench asks for less speed" and LOW_S <= after_s < LOW_S + 1.2


def test_a_quench_that_leaks_slows_the_line_and_holds_it_a_minute_after_the_cause_without_the_host(
    producing: BenchRun,
) -> None:
    run = producing
    truth = ScanTruth(run.bench, run.configurations)
    run.run_for(2)
    run.bench.plant.disturbances.quench_leak_kg_h = 30_000.0
    while run.bench.plant.sensors.quench_level_percent > 55.0:
        run.run_for(0.5)
    began_us = run.bench.now_us
    run.run_for(20)
    run.run_without_supervisor(HOLD_S + 5 - 20)  # the lease is lost on the way
    standing_s = (run.bench.now_us - began_us) / 1e6
    run.run_without_supervisor(25)
    assert take_up_m_min(run) < 0.1, f"{standing_s:.0f} s after the level fell"
    run.run_for(20)
    assert node_states(run)["draw"] == node_states(run)["bath"] == "HELD"
    slow, hold = trips_after(run, truth, began_us)
    assert slow[0] == "quench asks for less speed" and abs(slow[1] - LOW_S) < 1.2
    assert hold[0] == "quench asks for less speed too long" and abs(hold[1] - HOLD_S) < 1.2


def test_a_broken_wire_between_bath_and_draw_slows_and_then_holds_the_line(producing: BenchRun) -> None:
    run = producing
    truth = ScanTruth(run.bench, run.configurations)
    run.run_for(2)
    began_us = run.bench.now_us
    run.bench.nodes["draw"].terminals.contacts_open |= 1 << 1
    run.run_for(60)
    assert [name for name, _after_s in trips_after(run, truth, began_us)] == [
        "quench asks for less speed",
        "quench asks for less speed too long",
    ]


def test_a_quench_that_warms_without_a_word_of_its_chiller_is_told_by_its_rate(producing: BenchRun) -> None:
    run = producing
    truth = ScanTruth(run.bench, run.configurations)
    run.run_for(900)
    assert trips_after(run, truth, 0, "bath") == [], "the fiber's heat at the start is no lost chiller"
    began_us = run.bench.now_us
    run.bench.plant.disturbances.chilled_water_offset_K = 30.0  # it runs, and cools nothing
    run.run_for(400)
    name, after_s = trips_after(run, truth, began_us, "bath")[0]
    assert name == "quench warms as without chiller" and after_s < 300
    assert set(node_states(run).values()) == {"EXECUTE"}, "an alarm: 23 minutes are left"


def test_a_fiber_that_slips_a_little_on_godet_2_slows_both_godets_and_one_that_goes_on_slipping_holds(
    producing: BenchRun,
) -> None:
    run = producing
    truth = ScanTruth(run.bench, run.configurations)
    run.run_for(10)
    began_us = run.bench.now_us
    run.bench.plant.disturbances.godet2_slip = 0.015
    run.run_for(10)
    assert trips_after(run, truth, began_us) == [], "within 2 %"
    began_us = run.bench.now_us
    run.bench.plant.disturbances.godet2_slip = 0.03
    run.run_for(3.5)
    assert [name for name, _ in trips_after(run, truth, began_us)] == ["fiber slips on godet 2"]
    assert worst_ratio_error(run, 4) < 1.0
    assert SLOW_M_MIN - 0.1 < take_up_m_min(run) < FULL_M_MIN - 1.0
    run.bench.plant.disturbances.godet2_slip = 0.0
    run.run_for(LINE_RAMP_S + 10)
    assert abs(take_up_m_min(run) - FULL_M_MIN) < 0.1
    began_us = run.bench.now_us
    run.bench.plant.disturbances.godet2_slip = 0.03
    run.run_for(40)
    (slow, hold) = trips_after(run, truth, began_us)
    assert slow[0] == "fiber slips on godet 2" and 2.0 <= slow[1] < 2.5
    assert hold[0] == "fiber slips on godet 2 too long" and 10.0 <= hold[1] < 10.5
    assert set(node_states(run).values()) == {"HELD"}


def test_a_jet_that_resonates_is_told_by_its_diameter_and_drawn_5_percent_less(producing: BenchRun) -> None:
    run = producing
    truth = ScanTruth(run.bench, run.configurations)
    run.run_for(240)
    assert trips_after(run, truth, 0) == []
    plant = run.bench.plant
    began_us = run.bench.now_us
    plant.disturbances.resonance_ratio = 0.97 * plant.truth.draw_down_ratio / plant.critical_draw_down
    assert run.run_until(lambda: bool(trips_after(run, truth, began_us)), 90)
    ((name, after_s),) = trips_after(run, truth, began_us)
    assert name == "diameter swings"
    print(f"told after {after_s:.1f} s, {100 * plant.truth.resonance_share:.1f} % at the die")
    full = round(FULL_M_MIN * 100_000 / 60)
    refused = asked(run, messages.SET_SETPOINT, G1, full, 0)
    assert refused["code"] == errors.RANGE and abs(refused["limit"] - 0.95 * full) < 5
    run.run_for(120)
    assert abs(take_up_m_min(run) - 0.95 * FULL_M_MIN) < 0.1 and plant.truth.resonance_share < 0.005
    assert [name for name, _ in trips_after(run, truth, began_us)] == ["diameter swings"], "once"
    assert set(node_states(run).values()) == {"EXECUTE"}
    plant.disturbances.resonance_ratio = 1.0
    assert asked(run, messages.SET_SETPOINT, G1, full, 0)["code"] == errors.OK
