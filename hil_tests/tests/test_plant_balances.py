"""What is conserved on the line is conserved: every balance of every part, and what one part hands to the next."""

from __future__ import annotations

import random

import pytest

from hil_tests.bench.plant.line import Line
from hil_tests.bench.plant.parameters import R1
from hil_tests.bench.plant.signals import Truth
from hil_tests.tests.test_plant_line import running_line

SECOND_US = 1_000_000
BALANCES = (
    "barrel heat, J",
    "melt, mg",
    "spun, mg",
    "quench heat, J",
    "quench water, kg",
    "extraction heat, J",
    "extraction liquid, kg",
    "extractables, kg",
    "resin in the baths, kg",
    "stretch heat, J",
    "stretch water, kg",
    "solvent in the enclosure, kg",
    "solvent in the dryer, kg",
)


def restless_line(seed: int, minutes: int = 40) -> Truth:
    """A preheated line on which each minute something is switched, set or disturbed; its truth at the end."""
    line, chance = running_line(seed), random.Random(seed)
    line.preheat([120.0, 180.0, 215.0, 220.0, 220.0, 220.0, 220.0, 220.0], 40.0, 60.0)
    for minute in range(1, minutes + 1):
        _unsettle(line, chance)
        line.advance(minute * 60 * SECOND_US)
    return line.truth


def _unsettle(line: Line, chance: random.Random) -> None:
    a, d = line.actuators, line.disturbances
    a.heater_on[:] = [chance.random() < 0.4 for _ in a.heater_on]
    a.quench_heater_on, a.extraction_heater_on = chance.random() < 0.3, chance.random() < 0.3
    a.stretch_heater_on, a.screw_run = chance.random() < 0.5, chance.random() < 0.9
    a.melt_pump_command, a.melt_pump_enable = chance.random(), chance.random() < 0.9
    a.quench_cool_valve, a.extraction_cool_valve = chance.random(), chance.random()
    a.makeup_command, a.makeup_valve_open = chance.random(), chance.random() < 0.8
    a.lids_closed, a.exhaust_fan_on = chance.random() < 0.8, chance.random() < 0.8
    a.godet_enable, a.threaded = chance.random() < 0.9, chance.random() < 0.9
    d.mains_voltage_ratio, d.chiller_on = chance.uniform(0.9, 1.1), chance.random() < 0.8
    d.ambient_offset_K, d.chilled_water_offset_K = chance.uniform(-10, 10), chance.uniform(-3, 6)
    d.quench_leak_kg_h, d.extraction_leak_kg_h = chance.uniform(0, 20), chance.uniform(0, 20)
    d.seal_leak_kg_h, d.dryer_fan_healthy = chance.uniform(0, 2), chance.random() < 0.8
    d.viscosity_ratio, d.godet2_wet = chance.uniform(0.85, 1.15), chance.random() < 0.3


@pytest.fixture(scope="module", params=range(3))
def truth(request: pytest.FixtureRequest) -> Truth:
    return restless_line(request.param)


@pytest.mark.parametrize("name", BALANCES)
def test_nothing_conserved_is_lost_or_made_whatever_happens(truth: Truth, name: str) -> None:
    balance = truth.balances[name]
    assert balance.got > 0.0 and balance.gave != 0.0, "there was something to balance"
    assert balance.lost_share < 1e-7, balance


def test_every_balance_of_the_line_is_in_the_list(truth: Truth) -> None:
    assert set(truth.balances) == set(BALANCES)


def test_what_comes_out_of_the_die_goes_into_the_baths_or_drips(truth: Truth) -> None:
    into_baths_kg = truth.balances["resin in the baths, kg"].got + truth.balances["extractables, kg"].got
    assert into_baths_kg == pytest.approx(truth.fiber_mg * 1e-6, rel=1e-9) and into_baths_kg > 0.5
    assert truth.drip_mg > 0.0
    assert truth.fiber_mg + truth.drip_mg == pytest.approx(truth.die_mg, rel=1e-3)


def test_solvent_out_of_the_baths_goes_into_the_enclosure_the_dryer_or_recovery(truth: Truth) -> None:
    assert truth.balances["solvent in the enclosure, kg"].got == pytest.approx(truth.evaporated_kg, rel=1e-9)
    assert truth.balances["solvent in the dryer, kg"].got == pytest.approx(truth.carried_to_dryer_kg, rel=1e-9)
    assert truth.carried_to_dryer_kg == pytest.approx(
        R1.extraction.pore_liquid_g_g * truth.balances["resin in the baths, kg"].gave
    )


def test_a_balance_that_does_not_close_is_seen() -> None:
    line = running_line(1)
    line.advance(60 * SECOND_US)
    assert line.truth.balances["quench heat, J"].lost_share < 1e-9
    line._quench.water_C += 0.01
    assert line.truth.balances["quench heat, J"].lost_share > 1e-3
