"""The fixture's firmware on MicroPython, joined by copper to a node, in virtual time: limits, lease, read-back."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.bench import board_files
from hil_tests.bench.api import FEATURES
from hil_tests.bench.copper import COLD_JUNCTION_C, PREFIX, Copper, edges_s_of
from hil_tests.bench.fixture_client import FixtureClient
from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.self_test import SelfTest
from hil_tests.bench.thermocouple import celsius, microvolt
from hil_tests.bench.verdicts import InfraBench, InfraFlash
from hil_tests.fixture.spinline_fixture import pins, turning, words
from spinline_protocol import auth, errors, messages
from spinline_protocol.framing import UNASSIGNED
from spinline_protocol.host_link import HostLink

STEP_US = 10_000


class Desk:
    """One node and its fixture, and the PC before the fixture."""

    def __init__(self, folder: Path, broken: tuple[str, ...] = (), firmware: str = "") -> None:
        try:
            interpreter = find_interpreter()
        except InterpreterMissing as error:
            pytest.skip(f"missing tool: {error}")
        self.copper = Copper(interpreter, folder, 1, ("melt",), broken)
        self.port = self.copper.port(PREFIX + "melt")
        self.terminals = self.copper.nodes["melt"].terminals
        firmware = firmware or board_files.firmware_sha256(kind=board_files.FIXTURE)
        entropy = random.Random("desk").randbytes
        self.client = FixtureClient("melt", self.port, firmware, self.copper.site_key, entropy)

    def wait(self, seconds: float) -> None:
        """The PC goes on for so long."""
        end_us = self.copper.now_us + round(seconds * 1e6)
        while self.copper.now_us < end_us:
            self.copper.run_until(self.copper.now_us + STEP_US)
            self.client.step(self.copper.now_us // 1000)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.copper.close()


def test_what_is_put_out_shows_on_the_chips_of_the_node(desk: Desk) -> None:
    asked = desk.client.stimuli
    asked[words.TC + 2] = round(microvolt(180.0) - microvolt(COLD_JUNCTION_C))
    asked[words.LOOP + 4] = 12_000
    asked[words.CONTACTS] = 0b10
    asked[words.OPEN_AND_SHORT] = 1 << 5 | 1 << 8 + 6
    asked[words.RATE] = 3537
    desk.wait(1.0)
    down = desk.terminals.down
    assert abs(down.tc_code[2] / 128 - 180.0) < 0.2
    assert abs(down.analog_uv[4] / 150 - 12_000) < 10
    assert down.contacts & words.CONTACTS_MASK == 0b10
    assert (down.tc_fault[5], down.tc_fault[6], down.tc_fault[2]) == (1, 2, 0)
    before = down.counts[0]
    desk.wait(2.0)
    assert abs(desk.terminals.down.counts[0] - before) == pytest.approx(2 * 35_370, rel=0.06)


@pytest.mark.parametrize(
    ("word", "asked", "given"),
    [
        (words.TC, 65_535, words.TC_UV_MAX),
        (words.LOOP + 11, 24_000, words.LOOP_UA_MAX),
        (words.RATE, 30_000, words.RATE_MAX),
        (words.RATE + 1, 0x8000, 0x10000 - words.RATE_MAX),
        (words.CONTACTS, 0xFFFF, words.CONTACTS_MASK),
        (words.RELAYS, 0xFFF4, 4),
    ],
)
def test_no_stimulus_leaves_its_limits_whatever_is_asked(desk: Desk, word: int, asked: int, given: int) -> None:
    desk.client.stimuli[word] = asked
    desk.wait(1.0)
    assert desk.client.limited == 1 << word
    desk.client.stimuli[word] = given
    desk.wait(0.5)
    assert desk.client.limited == 0
    assert desk.terminals.down.tc_code[0] < 128 * celsius(words.TC_UV_MAX + 2000)


def test_when_the_pc_is_silent_everything_goes_to_the_safe_side_within_the_lease(desk: Desk) -> None:
    desk.client.stimuli[:] = [1000] * words.CONTACTS + [63, 0, 0, words.CLOSE_PERMIT]
    desk.wait(1.0)
    fixture = desk.copper.nodes[PREFIX + "melt"].terminals
    assert fixture.permit(0) and desk.terminals.down.contacts & 63 == 63
    desk.client.leased = False
    desk.wait(1.2)
    assert not fixture.permit(0)
    assert not any(fixture.dac[:20]) and desk.terminals.down.contacts & 63 == 0
    assert all(edges_s_of(fixture.dac[i] | fixture.dac[i + 1] << 16) == 0 for i in (22, 24))
    desk.client.safe_seen, desk.client.leased = False, True
    desk.wait(0.5)
    assert desk.client.safe_seen and desk.terminals.down.contacts & 63 == 63


def test_requests_that_do_not_fit_are_refused_and_change_nothing(desk: Desk) -> None:
    key = auth.role_key(desk.copper.site_key, auth.MAINTENANCE)
    link = HostLink(UNASSIGNED, "test", random.Random(1).randbytes, auth.MAINTENANCE, key)
    link.open(2000, 0)
    whole = struct.pack(words.SET_LAYOUT, *([500] * words.SET_N))
    asked = [(messages.BENCH_SET, (whole,)), (messages.BENCH_SET, (whole[2:],)), (messages.IDENTIFY, ())]
    codes: list[int] = []
    for turn in range(300):
        desk.copper.run_until(desk.copper.now_us + STEP_US)
        for event in link.receive(desk.port.read(), turn * 10) + link.poll(turn * 10):
            if event.kind == "opened":
                for number, values in asked:
                    link.request(number, values)
            if event.kind == "result" and event.fields:
                codes.append(event.fields["code"])
        desk.port.write(link.take_output())
    assert codes == [errors.NO_LEASE, errors.BAD_ARGUMENTS, errors.UNKNOWN_OPERATION]
    assert not any(desk.copper.nodes[PREFIX + "melt"].terminals.dac[:20])


def test_the_self_test_finds_nothing_wrong_with_whole_copper(desk: Desk) -> None:
    SelfTest([desk.client], frozenset(FEATURES), desk.wait).run()


def test_the_self_test_names_every_broken_wire(tmp_path: Path) -> None:
    desk = Desk(tmp_path, broken=("melt.3", "melt.12"))
    try:
        with pytest.raises(InfraBench) as found:
            SelfTest([desk.client], frozenset(FEATURES), desk.wait).run()
    finally:
        desk.copper.close()
    assert "fixture of melt: thermocouple 3: 9500 uV put out, 0 uV read back" in str(found.value)
    assert "fixture of melt: current loop 4: 9200 uA put out, 0 uA read back" in str(found.value)
    assert "thermocouple 2" not in str(found.value)


def test_another_firmware_on_the_fixture_is_a_verdict_on_the_bench(tmp_path: Path) -> None:
    desk = Desk(tmp_path, firmware="ab" * 32)
    try:
        with pytest.raises(InfraFlash, match="abababababab is expected; flash it"):
            desk.wait(3.0)
    finally:
        desk.copper.close()


def test_no_pin_of_the_fixture_has_two_uses() -> None:
    used = [*pins.UART[1:], pins.CABLE, pins.POWER, pins.PERMIT, *(pin for bus in pins.I2C for pin in bus[1:3])]
    used += [*pins.CONTACTS, *pins.SSR, *pins.SWITCHES, pins.HEARTBEAT, pins.PERMIT_OUT, pins.PERMIT_CHAIN, pins.RELAY]
    used += [pin + i for pin in (*pins.ENCODER_OUT, *pins.ENCODER_BACK) for i in (0, 1)] + [pins.SAFE_PIN]
    assert len(set(used)) == len(used) and max(used) < 48


@pytest.mark.parametrize("edges_s", [20, 37, 1000, 35_368, 63_660, 250_000])
def test_an_encoder_turns_as_fast_as_it_is_told(edges_s: int) -> None:
    for sign in (1, -1):
        assert edges_s_of(turning.word_of(sign * edges_s)) == pytest.approx(sign * edges_s, rel=0.0025)
    assert edges_s_of(turning.word_of(0)) == edges_s_of(turning.word_of(turning.EDGES_S_MIN - 1)) == 0
    assert turning.word_of(edges_s) < 1 << 32


@pytest.mark.parametrize(
    ("temperature_C", "table_uV"), [(0, 0), (25, 1000), (100, 4096), (200, 8138), (300, 12_209), (400, 16_397)]
)
def test_voltages_are_those_of_the_published_table_of_type_k(temperature_C: float, table_uV: float) -> None:
    assert microvolt(temperature_C) == pytest.approx(table_uV, abs=1.0)
    assert celsius(microvolt(temperature_C)) == pytest.approx(temperature_C, abs=0.01)
