"""The catalogue of faults is whole: every id has a reaction and is laid by a test, or says what it waits for."""

from __future__ import annotations

from pathlib import Path

from hil_tests.bench.faults import CATALOGUE, RUNNING, cases, waiting
from hil_tests.bench.injector import CHIP_BITS, STANDS
from hil_tests.bench.run import LINE_R1
from hil_tests.scenarios.test_catalogue import FIRST
from spinline.recipe.line_model import load_line
from spinline_firmware.drivers import max31856
from spinline_protocol.states import EVENTS

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def test_there_are_at_least_55_faults_and_no_id_twice() -> None:
    assert len({fault.id for fault in CATALOGUE}) == len(CATALOGUE) >= 55


def test_a_fault_either_waits_for_a_part_or_says_what_follows_on_a_running_line() -> None:
    for fault in CATALOGUE:
        assert [bool(fault.needs), bool(fault.laid_by), RUNNING in fault.reactions].count(True) == 1, fault.id


def test_a_fault_of_a_part_beside_the_line_names_the_test_that_lays_it() -> None:
    for fault in CATALOGUE:
        if fault.laid_by:
            file, _, test = fault.laid_by.partition("::")
            assert f"def {test}(" in (SCENARIOS / file).read_text(), fault.id
            assert fault.id in (SCENARIOS / file).read_text(), fault.id


def test_every_fault_that_can_be_laid_is_laid_by_a_test() -> None:
    laid = {fault.id for fault, _place, _state in FIRST} | {fault.id for fault in CATALOGUE if fault.laid_by}
    assert laid | {fault.id for fault in waiting()} == {fault.id for fault in CATALOGUE}


def test_reactions_name_events_that_exist_and_a_time() -> None:
    for fault, _place, state in cases():
        reaction = fault.reactions[state]
        assert set(reaction.events) <= set(EVENTS), fault.id
        assert 0 < reaction.within_s <= 400 and reaction.batch


def test_every_place_is_of_the_line() -> None:
    line = load_line(LINE_R1)
    names = {node.name for node in line.node}
    for node in line.node:
        names |= {f"{node.name}.{row.name}" for row in node.input} | {f"{node.name}.{row.name}" for row in node.output}
    for fault in CATALOGUE:
        assert {part for place in fault.places for part in [place.partition("/")[0]]} <= names, fault.id


def test_every_thermocouple_and_heater_of_the_line_is_a_place() -> None:
    line, places = load_line(LINE_R1), {place for fault in CATALOGUE for place in fault.places}
    for node in line.node:
        wanted = [row.name for row in node.input if row.kind == "thermocouple"]
        wanted += [row.name for row in node.output if row.kind == "ssr" and node.name == "melt"]
        assert {f"{node.name}.{name}" for name in wanted} <= places


def test_every_bit_of_the_thermocouple_chip_is_laid_alone_or_with_another() -> None:
    names = "OPEN OVER_UNDER_VOLTAGE TC_LOW TC_HIGH CJ_LOW CJ_HIGH TC_RANGE CJ_RANGE".split()
    bits = {getattr(max31856, name) for name in names}
    assert sum(bits) == 0xFF
    laid = [register for fault, register in CHIP_BITS.items() if fault in {fault.id for fault in CATALOGUE}]
    assert all(any(register & bit for register in laid) for bit in bits)
    assert len({register for register in laid}) == len(laid)


def test_every_kind_of_port_of_the_line_has_a_fault_that_is_made_in_its_chip() -> None:
    line = load_line(LINE_R1)
    kinds: dict[str, str] = {f"{node.name}.{row.name}": row.kind for node in line.node for row in node.input}
    kinds |= {f"{node.name}.{row.name}": row.kind for node in line.node for row in node.output}
    made_in = {
        "thermocouple": {"S5", "S5.high", "S5.reset", *CHIP_BITS},
        "analog": {"S6", "S6.stuck", *STANDS, "S7.supply"},
        "dac": {"A6.silent"},
        "counter": {"S11", "S11.dead", "S11.reversed"},
        "switch": {"S.contact", "S.contact.closed", "A2.enable", "A9"},
        "ssr": {"A1", "A2", "A3"},
    }
    assert set(kinds.values()) == set(made_in)
    for kind, ids in made_in.items():
        for fault in ids:
            places = next(row.places for row in CATALOGUE if row.id == fault)
            assert all(kinds[place] == kind for place in places), (kind, fault)
