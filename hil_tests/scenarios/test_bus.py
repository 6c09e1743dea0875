"""Real firmwares on one bus: opened, configured, heard, stopped; neither a dead board nor twins hurt the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil_tests.bench.bus_line import BusLine
from hil_tests.bench.direct import Rows, sha256_of_rows, transaction_messages
from hil_tests.bench.interpreters import Interpreter
from hil_tests.scenarios.test_configuration import draw_rows
from spinline_protocol import errors, messages, states

MakeBus = Callable[..., BusLine]


@pytest.fixture
def make_bus(interpreter: Interpreter, tmp_path: Path) -> Iterator[MakeBus]:
    """Make a bus of named nodes with their addresses; all processes end with the test."""
    lines: list[BusLine] = []

    def make(**addresses: int) -> BusLine:
        lines.append(BusLine(interpreter, tmp_path / f"bus{len(lines)}", 1, addresses))
        return lines[-1]

    yield make
    for line in lines:
        line.close()


def configure(line: BusLine, address: int, rows: Rows) -> set[int]:
    base = line.links[address].hello["configuration_sha256"]
    return {answer["code"] for answer in line.ask_all(address, transaction_messages(rows, base))}


def test_three_boards_are_opened_configured_heard_and_stopped_on_one_bus(make_bus: MakeBus) -> None:
    line, rows = make_bus(melt=1, bath=2, draw=3), draw_rows()
    line.until_open()
    assert {at: link.hello["device_id"] for at, link in line.links.items()} == {
        node.address: node.device_id for node in line.nodes
    }
    for address in (1, 3):
        assert configure(line, address, rows) == {errors.OK}
    line.run(4)
    for address in (1, 3):
        scans = line.of(address, "scans")
        firsts = [fields["first_scan"] for fields in scans]
        assert firsts == sorted(firsts) and len(scans) >= 3
        assert firsts[-1] - firsts[0] >= 40, "twenty scans a second"
    assert line.of(2, "scans") == [] and line.of(2, "event")
    assert line.ask_all(1, [(messages.COMMAND, (states.CMD_ABORT,))])[0]["code"] == errors.OK
    line.bus.stop_all(states.CMD_ABORT)
    line.run(3)
    entered = [fields["got"] for fields in line.of(3, "event") if fields["code"] == states.EVT_STATE]
    assert states.ABORTING in entered, "the stop for all"
    assert line.wire.collisions_n == 0 and line.bus.reader.echo_n > 100
    assert line.of(1, "lost") == line.of(3, "lost") == []
    station = line.bus.stations[3]
    assert station.answers_n >= 0.8 * station.turns_n


def test_a_dead_board_costs_the_other_neither_its_session_nor_its_scans(make_bus: MakeBus) -> None:
    line, rows = make_bus(bath=2, draw=3), draw_rows()
    line.until_open()
    assert configure(line, 3, rows) == {errors.OK}
    line.run(2)
    line.kill(0)
    line.run(5)
    before = len(line.of(3, "scans"))
    line.run(3)
    assert len(line.of(3, "scans")) - before >= 2 and len(line.of(2, "silent")) == 1
    assert states.EVT_LEASE_EXPIRED not in [fields["code"] for fields in line.of(3, "event")]
    line.links[3].close()
    line.links[3].open(2000, line.now_us // 1000)
    line.run(2)
    assert line.links[3].hello["configuration_sha256"] == sha256_of_rows(rows) and line.links[3].state == "open"


def test_two_boards_of_one_address_are_named_and_the_third_goes_on(make_bus: MakeBus) -> None:
    line = make_bus(melt=1, bath=1, draw=3)
    line.run(4)
    (told,) = line.of(1, "duplicate")
    assert told["device_ids"] == sorted(node.device_id for node in line.nodes[:2])
    assert line.links[3].state == "open"
    assert line.ask_all(3, [(messages.IDENTIFY, ())])[0]["code"] == errors.OK
