"""The simulated plant behind the fixtures of a wired bench: sensors become voltages, outputs become actuators.

It knows no clock: ``exchange`` is told the time.  Its nodes have terminals like those of the simulated line, so that
the same injector lays the faults that need no relay.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hil_tests.fixture.spinline_fixture import words
from spinline_firmware.boards import rp2350b as board
from spinline_firmware.drivers import max31856

from .api import CannotLay
from .bench_file import Calibration, Clamps
from .fixture_client import FixtureClient
from .node_process import Down, Up
from .plant.line import Line as Plant
from .thermocouple import microvolt
from .wiring import COUNTS_MASK, SHUNT_OHM, WIRING, Terminals

STEP_US = 50_000  # of the plant, and the shortest time between two exchanges
DAC_FULL_MV, DAC_CODE_MAX = 10_000, 4095
CONTACTS = words.CONTACTS_MASK


class RigTerminals(Terminals):
    """A node's terminals; the watchdog relay is a real one, and told by the fixture."""

    relay_closed = False

    def relay(self, now_ms: int) -> bool:
        """The external watchdog relay's auxiliary contact."""
        return self.relay_closed


@dataclass
class RigNode:
    """One node on a wired bench: its terminals, its fixture, and the relays that act on the board itself."""

    name: str
    fixture: FixtureClient
    calibration: Calibration
    terminals: RigTerminals
    relays: int = words.CLOSE_PERMIT
    counts: list[int] = field(default_factory=lambda: [0] * words.ENCODERS_N)


class Rig:
    """Plant and fixtures.  ``nodes`` by name."""

    def __init__(self, plant: Plant, clamps: Clamps, fixtures: dict[str, tuple[FixtureClient, Calibration]]) -> None:
        self.plant = plant
        self._clamps = clamps
        self._advanced_us = 0
        self.now_us = 0  # of the last exchange
        self.nodes = {
            name: RigNode(name, client, calibration, RigTerminals(WIRING[name]))
            for name, (client, calibration) in fixtures.items()
        }

    def exchange(self, now_us: int) -> None:
        """Advance the plant to the last whole step, and tell the fixtures what its sensors show."""
        self.now_us = now_us
        until_us = now_us - now_us % STEP_US
        if until_us > self._advanced_us:
            for node in self.nodes.values():
                self._take(node, now_us // 1000)
            self.plant.advance(until_us)
            passed_s = (until_us - self._advanced_us) / 1e6
            self._advanced_us = until_us
            for node in self.nodes.values():
                down = node.terminals.read(self.plant.sensors, permit_closed=True, now_ms=now_us // 1000)
                node.fixture.stimuli[:] = self.stimuli(node, down, passed_s)
        for node in self.nodes.values():
            node.fixture.step(now_us // 1000)

    def _take(self, node: RigNode, now_ms: int) -> None:
        """What the fixture read of the node's outputs goes to the plant."""
        told, terminals = node.fixture.told, node.terminals
        pins = bytearray(len(terminals.pins))
        for i in range(words.SSR_N):
            pins[board.SSR[i]] = told[words.LEVELS] >> i & 1
            pins[board.SWITCH_OUT[i]] = told[words.LEVELS] >> 8 + i & 1
        pins[board.PERMIT_OUT] = bool(told[words.STATUS] & words.PERMIT_OUT)
        shares = [min(mV / DAC_FULL_MV, 1.0) for mV in told[words.DAC_BACK : words.DAC_BACK + words.DACS_N]]
        dac = tuple(round(share * DAC_CODE_MAX) for share in shares)
        terminals.relay_closed = bool(told[words.STATUS] & words.RELAY)
        terminals.write(Up(0, bytes(pins), dac, False, b""), now_ms)
        terminals.drive(self.plant.actuators, now_ms)

    def stimuli(self, node: RigNode, down: Down, passed_s: float) -> list[int]:
        """The words for what the node's chips and contacts are to show, by its calibration, within the clamps."""
        calibration, put = node.calibration, [0] * words.SET_N
        cold_uV = microvolt(calibration.cold_junction_C)
        for port in range(words.TC_N):
            temperature_C = min(down.tc_code[port] / 128, float(self._clamps.max_temperature_C))
            channel = calibration.tc_channel[port]
            put[words.TC + channel] = max(0, round((microvolt(temperature_C) - cold_uV) / calibration.tc_gain[channel]))
            if down.tc_fault[port] & max31856.OPEN:
                put[words.OPEN_AND_SHORT] |= 1 << channel
            elif down.tc_fault[port] & max31856.OVER_UNDER_VOLTAGE:
                put[words.OPEN_AND_SHORT] |= 1 << 8 + channel
        for terminal in range(words.LOOPS_N):
            channel = calibration.loop_channel[terminal]
            current_uA = min(down.analog_uv[terminal] / SHUNT_OHM, 1000 * float(self._clamps.max_current_mA))
            put[words.LOOP + channel] = max(0, round(current_uA / calibration.loop_gain[channel]))
        for i in range(words.ENCODERS_N):
            turned = (down.counts[i] - node.counts[i] + (COUNTS_MASK >> 1) & COUNTS_MASK) - (COUNTS_MASK >> 1)
            put[words.RATE + i] = round(turned / passed_s / 10) & 0xFFFF
        node.counts = list(down.counts)
        put[words.CONTACTS] = down.contacts & CONTACTS
        put[words.RELAYS] = node.relays
        return put

    def pull_cable(self, name: str, pulled: bool = True) -> None:
        """The relay in the node's serial line."""
        self._relay(name, words.CUT_CABLE, pulled)

    def cut_power(self, name: str) -> None:
        """The relay in the node's supply."""
        self._relay(name, words.CUT_POWER, True)

    def restore_power(self, name: str) -> None:
        """The supply is back."""
        self._relay(name, words.CUT_POWER, False)

    def _relay(self, name: str, bit: int, on: bool) -> None:
        node = self.nodes[name]
        node.relays = node.relays | bit if on else node.relays & ~bit
        node.fixture.stimuli[words.RELAYS] = node.relays

    def hang(self, name: str) -> None:
        """Nothing on a wired bench can do that."""
        raise CannotLay(f"{name}: no wire makes a program stand still")
