"""Faults of a bus, on real firmwares that share one: W14, W16 of the catalogue."""

from __future__ import annotations

from hil_tests.bench.bus_line import BusLine
from hil_tests.bench.wiring import SHUNT_OHM
from hil_tests.scenarios.test_bus import MakeBus, configure, make_bus
from hil_tests.scenarios.test_configuration import draw_rows
from spinline_protocol import errors, messages, states

__all__ = ["make_bus"]  # the fixture
LEASE_OUT_S = 6.0
ESTOP_CLOSED = 1
ROOM_CODE = 25 * 128
NO_TENSION_UV = round(4.0 * 1000 * SHUNT_OHM)


def heating_bus(make_bus: MakeBus) -> BusLine:
    """Two draw nodes on one bus, both heating: they need their lease."""
    line = make_bus(melt=1, draw=3)
    for node in line.nodes:
        node.down.contacts |= ESTOP_CLOSED
        node.down.tc_code[0] = ROOM_CODE
        node.down.analog_uv[0] = NO_TENSION_UV
    line.until_open()
    for address in (1, 3):
        assert configure(line, address, draw_rows()) == {errors.OK}
        line.run(1)
        for command in (states.CMD_SUPERVISE, states.CMD_START):
            assert line.ask_all(address, [(messages.COMMAND, (command,))])[0]["code"] == errors.OK, command
    line.run(2)
    return line


def lease_expired(line: BusLine, address: int) -> bool:
    """The node has told that its lease ran out."""
    return states.EVT_LEASE_EXPIRED in [fields["code"] for fields in line.of(address, "event")]


def producing_scans(line: BusLine, address: int) -> int:
    """How many batches of scans have come."""
    return len(line.of(address, "scans"))


def test_w14_on_a_bus(make_bus: MakeBus) -> None:
    """A driver that stays on costs every lease and nothing else: when it lets go, the same sessions go on or open."""
    line = heating_bus(make_bus)
    assert not lease_expired(line, 3)
    line.wire.held_by = 0
    line.run(LEASE_OUT_S)
    before = {address: producing_scans(line, address) for address in (1, 3)}
    line.run(2)
    assert producing_scans(line, 3) == before[3], "nothing comes through beside it"
    line.wire.held_by = None
    for link in line.links.values():
        if link.state != "open":
            link.open(2000, line.now_us // 1000)
    line.run(8)
    line.until_open()
    line.run(4)
    assert producing_scans(line, 3) > before[3] and lease_expired(line, 3)
    assert line.of(1, "duplicate") == line.of(3, "duplicate") == []


def test_w16_on_a_bus(make_bus: MakeBus) -> None:
    """The host's own bytes come back, or do not, from one moment to the next: no session and no lease is lost."""
    line = heating_bus(make_bus)
    for echo in (False, True, False, True):
        line.wire.echo = echo
        echoes, scans = line.bus.reader.echo_n, producing_scans(line, 3)
        line.run(4)
        assert (line.bus.reader.echo_n > echoes + 20) == echo, "the bench laid it"
        assert producing_scans(line, 3) - scans >= 3
    assert not lease_expired(line, 1) and not lease_expired(line, 3)
    assert {link.state for link in line.links.values()} == {"open"}
