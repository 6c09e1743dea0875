"""The catalogue of faults is whole: every id has a reaction and is laid by a test, or says what it waits for."""

from __future__ import annotations

from hil_tests.bench.faults import CATALOGUE, RUNNING, cases, waiting
from hil_tests.bench.run import LINE_R1
from hil_tests.scenarios.test_catalogue import FIRST
from spinline.recipe.line_model import load_line
from spinline_protocol.states import EVENTS


def test_there_are_at_least_55_faults_and_no_id_twice() -> None:
    assert len({fault.id for fault in CATALOGUE}) == len(CATALOGUE) >= 55


def test_a_fault_either_waits_for_a_part_or_says_what_follows_on_a_running_line() -> None:
    for fault in CATALOGUE:
        assert bool(fault.needs) != (RUNNING in fault.reactions), fault.id


def test_every_fault_that_can_be_laid_is_laid_by_a_test() -> None:
    assert {fault.id for fault, _place, _state in FIRST} | {fault.id for fault in waiting()} == {
        f.id for f in CATALOGUE
    }


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
