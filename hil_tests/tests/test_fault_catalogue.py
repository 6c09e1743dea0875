"""The catalogue of faults is whole: every id has a reaction and is laid by a test, on a line that has its part."""

from __future__ import annotations

from pathlib import Path

from hil_tests.bench.board_files import slot_sources
from hil_tests.bench.builds import BUILDS, line_on_bus
from hil_tests.bench.faults import CATALOGUE, RUNNING, cases
from hil_tests.bench.injector import CHIP_BITS, DRIVE_HARM, STANDS
from hil_tests.bench.run import LINE_R1
from hil_tests.scenarios.test_catalogue import FIRST
from spinline.recipe.line_model import Line, load_line
from spinline_firmware.drivers import max31856
from spinline_protocol.states import EVENTS

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def test_there_are_at_least_55_faults_and_no_id_twice() -> None:
    assert len({fault.id for fault in CATALOGUE}) == len(CATALOGUE) >= 55


def test_a_fault_says_what_follows_on_a_running_line_or_which_test_lays_it() -> None:
    for fault in CATALOGUE:
        assert bool(fault.laid_by) != (RUNNING in fault.reactions), fault.id


def test_a_fault_of_a_part_beside_the_line_names_the_test_that_lays_it() -> None:
    for fault in CATALOGUE:
        if fault.laid_by:
            file, _, test = fault.laid_by.partition("::")
            assert f"def {test}(" in (SCENARIOS / file).read_text(), fault.id
            assert fault.id in (SCENARIOS / file).read_text(), fault.id


def test_every_fault_that_can_be_laid_is_laid_by_a_test() -> None:
    laid = {fault.id for fault, _place, _state in FIRST} | {fault.id for fault in CATALOGUE if fault.laid_by}
    assert laid == {fault.id for fault in CATALOGUE}


def test_reactions_name_events_that_exist_and_a_time() -> None:
    for fault, _place, state in cases():
        reaction = fault.reactions[state]
        assert set(reaction.events) <= set(EVENTS), fault.id
        assert 0 < reaction.within_s <= 400 and reaction.batch


def kinds_of(line: Line) -> dict[str, str]:
    """Kind of every input and output by its place."""
    kinds: dict[str, str] = {f"{node.name}.{row.name}": row.kind for node in line.node for row in node.input}
    return kinds | {f"{node.name}.{row.name}": row.kind for node in line.node for row in node.output}


def test_every_place_is_of_the_line_that_the_fault_is_laid_on() -> None:
    for fault in CATALOGUE:
        line = BUILDS[fault.on].line()
        names = {node.name for node in line.node} | set(kinds_of(line))
        assert {part for place in fault.places for part in [place.partition("/")[0]]} <= names, fault.id


def test_the_line_on_a_bus_has_the_nodes_loops_and_guards_of_the_reference_line() -> None:
    plain, on_bus = load_line(LINE_R1), line_on_bus()
    for one, other in zip(plain.node, on_bus.node, strict=True):
        assert (one.name, one.loop, one.monitor) == (other.name, other.loop, other.monitor)
        assert {row.name for row in one.input} <= {row.name for row in other.input}
        assert [row.name for row in one.output] == [row.name for row in other.output]
        assert other.interlock[: len(one.interlock)] == one.interlock


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
    of_line = {name: kinds_of(build.line()) for name, build in BUILDS.items()}
    made_in = {
        "thermocouple": {"S5", "S5.high", "S5.reset", *CHIP_BITS},
        "analog": {"S6", "S6.stuck", *STANDS, "S7.supply"},
        "dac": {"A6.silent"},
        "counter": {"S11", "S11.dead", "S11.reversed"},
        "switch": {"S.contact", "S.contact.closed", "A2.enable", "A9"},
        "ssr": {"A1", "A2", "A3"},
        "rtd": {fault.id for fault in CATALOGUE if fault.id.partition(".")[0] == "S3"},
        "drive": set(DRIVE_HARM),
    }
    assert {kind for kinds in of_line.values() for kind in kinds.values()} == set(made_in)
    for kind, ids in made_in.items():
        for fault in ids:
            row = next(row for row in CATALOGUE if row.id == fault)
            assert all(of_line[row.on][place] == kind for place in row.places), (kind, fault)


def test_no_node_has_a_clock_of_the_day_that_could_lose_its_battery() -> None:
    sources = slot_sources().values()
    words = ("RTC", "time.time(", "localtime", "gmtime", "mktime", "time_ns")
    assert len(sources) > 50
    assert not [(path.name, word) for path in sources for word in words if word in path.read_text()]
