"""Boards of a wired bench without the wires: nodes and their fixtures in interpreters, joined as WIRING.md says.

The copper knows voltages, currents and contacts, and nothing of a plant: that runs on the PC.  Virtual time.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from pathlib import Path

from hil_tests.fixture.spinline_fixture import pins, turning, words
from spinline_firmware.boards import rp2350b as board
from spinline_firmware.drivers import max31856

from .board_files import FIXTURE
from .interpreters import Interpreter
from .mpy_fixture import layout
from .node_process import BENCH_MODULES, Down, NodeProcess
from .plant.signals import Actuators, Sensors
from .provisioning import BOOT_MS
from .simulated import BenchNode, SimulatedLine
from .thermocouple import celsius, microvolt
from .wiring import NO_JUMPER, PERMIT_CONTACT, SHUNT_OHM, WIRING, Terminals

PREFIX = "fixture_"
COLD_JUNCTION_C = 25.0
TC_FULL_UV, LOOP_FULL_UA, DAC_CODES = 20480, 25600, 4096
OPEN_CIRCUIT_C = 1372  # what the chip shows then
PULLED_UP_UV = 4_096_000  # what the loop-back's amplifier gives for an open thermocouple
DAC_FULL_MV = 10_000  # the node's analog outputs behind their amplifiers
SAFE_BIT = 1 << pins.SAFE_PIN - layout.INPUTS_FROM


@dataclass
class FixtureDown(Down):
    """What the pins and chips of a fixture read in its next scan."""

    counts: list[int] = field(default_factory=lambda: [0] * words.ENCODERS_N)
    converted_uv: list[int] = field(default_factory=lambda: [0] * layout.CONVERTED_N)
    expander: int = 0


class FixtureProcess(NodeProcess):
    """A running fixture board: other chips, other frames, the same exchange."""

    modules = f"{BENCH_MODULES.parent / 'mpy_fixture'}:{BENCH_MODULES}"
    pack_down = struct.Struct(layout.DOWN).pack
    unpack_up = struct.Struct(layout.UP).unpack_from
    up_bytes = struct.calcsize(layout.UP)

    @staticmethod
    def dark(jumper: bool) -> Down:
        """Nothing on any terminal but the pull-up of the safe pin, which the jumper takes to 0 V."""
        return FixtureDown(contacts=0 if jumper else -SAFE_BIT)  # the sign of the word

    def words(self, down: Down) -> tuple[int, ...]:
        """What goes down between the time and the number of bytes."""
        assert isinstance(down, FixtureDown)
        return (*down.converted_uv, down.contacts, down.expander, *down.counts, 0, 0)


class FixtureTerminals(Terminals):
    """A fixture's terminals, and the copper from there to its node's."""

    def __init__(self, name: str, seed: int, broken: set[int]) -> None:
        super().__init__(WIRING[name])
        self._broken = broken
        self.dac = (0,) * layout.DAC_N
        self.node: BenchNode | None = None
        self._noise = random.Random(f"{seed} {name} converters")
        self._turned = [0.0] * words.ENCODERS_N
        self._turned_ms = 0
        self._down = FixtureDown()

    def tc_uv(self, i: int) -> float:
        """Voltage at a thermocouple terminal of the node."""
        return 0.0 if i in self._broken else self.dac[i] * TC_FULL_UV / DAC_CODES

    def is_open(self, i: int) -> bool:
        """A relay has opened this thermocouple."""
        return bool(self.dac[layout.OPEN_AND_SHORT] >> i & 1)

    def is_short(self, i: int) -> bool:
        """A relay has put this thermocouple to the supply."""
        return bool(self.dac[layout.OPEN_AND_SHORT] >> 8 + i & 1)

    def loop_ua(self, i: int) -> int:
        """Current through a shunt of the node."""
        is_open = self.dac[layout.LOOPS_OPEN] >> i & 1 or words.TC_N + i in self._broken
        return 0 if is_open else self.dac[words.TC_N + i] * LOOP_FULL_UA // DAC_CODES

    def contact_bits(self) -> int:
        """Contacts that are closed."""
        return sum(self.pins[pin] << i for i, pin in enumerate(pins.CONTACTS))

    def turn(self, now_ms: int) -> list[int]:
        """Edges that the encoders have made by now."""
        passed_s = (now_ms - self._turned_ms) / 1000
        self._turned_ms = now_ms
        for i in range(words.ENCODERS_N):
            at = layout.TURNING + 2 * i
            self._turned[i] += passed_s * edges_s_of(self.dac[at] | self.dac[at + 1] << 16)
        return [int(turned) & 0xFFFFFF for turned in self._turned]

    def noise(self) -> int:
        """The last bit or two of a converter."""
        return self._noise.randint(-2, 2)

    def read(self, sensors: Sensors, permit_closed: bool, now_ms: int) -> Down:
        """What the fixture measures of itself and of its node."""
        node, down = self.node, self._down
        assert node is not None
        for i in range(words.TC_N):
            shown = 0 if self.is_short(i) else round(100 * self.tc_uv(i))
            down.converted_uv[i] = PULLED_UP_UV if self.is_open(i) else shown
        for i in range(words.LOOPS_N):
            down.converted_uv[words.TC_N + i] = 100 * self.loop_ua(i)
        for i, code in enumerate(node.terminals.dac[: words.DACS_N]):
            down.converted_uv[words.TC_N + words.LOOPS_N + i] = round(code / 4095 * DAC_FULL_MV * 250)
        relay = node.terminals.relay(now_ms)
        levels = {pin: node.terminals.pins[board.SSR[i]] for i, pin in enumerate(pins.SSR)}
        levels |= {pin: node.terminals.pins[board.SWITCH_OUT[i]] for i, pin in enumerate(pins.SWITCHES)}
        levels[pins.HEARTBEAT] = node.terminals.pins[board.HEARTBEAT]
        levels[pins.PERMIT_OUT] = node.terminals.permit(now_ms)
        levels[pins.PERMIT_CHAIN], levels[pins.RELAY] = permit_closed, relay
        bits = sum(bool(level) << pin - layout.INPUTS_FROM for pin, level in levels.items())
        down.contacts = bits - SAFE_BIT  # no jumper: the sign of the word
        down.expander = self.contact_bits() | self.pins[pins.CABLE] << pins.BACK_CABLE
        down.expander |= self.pins[pins.POWER] << pins.BACK_POWER | self.pins[pins.PERMIT] << pins.BACK_PERMIT
        down.counts = self.turn(now_ms)
        return down

    def drive(self, actuators: Actuators, now_ms: int) -> None:
        """A fixture drives no plant."""

    def permit(self, now_ms: int) -> bool:
        """The fixture's own contact in the chain."""
        return bool(self.pins[pins.PERMIT])


class WiredTerminals(Terminals):
    """A node's terminals, stimulated by its fixture."""

    def __init__(self, name: str, fixture: FixtureTerminals) -> None:
        super().__init__(WIRING[name])
        self._fixture = fixture

    def read(self, sensors: Sensors, permit_closed: bool, now_ms: int) -> Down:
        """What the fixture has put on the node's chips and contacts."""
        fixture, down = self._fixture, self.down
        for i in range(words.TC_N):
            absolute_uV = fixture.tc_uv(i) + microvolt(COLD_JUNCTION_C)
            temperature_C = OPEN_CIRCUIT_C if fixture.is_open(i) else celsius(absolute_uV)
            down.tc_code[i] = round(128 * temperature_C) + fixture.noise()
            down.tc_fault[i] = max31856.OPEN if fixture.is_open(i) else 0
            if fixture.is_short(i):
                down.tc_fault[i] = max31856.OVER_UNDER_VOLTAGE
        for i in range(words.LOOPS_N):
            down.analog_uv[i] = fixture.loop_ua(i) * SHUNT_OHM
        down.contacts = fixture.contact_bits() | (PERMIT_CONTACT if permit_closed else 0) | NO_JUMPER
        down.counts[: words.ENCODERS_N] = fixture.turn(now_ms)
        return down

    def drive(self, actuators: Actuators, now_ms: int) -> None:
        """The plant is on the PC."""


class Copper(SimulatedLine):
    """Nodes and fixtures, each with its own serial line; ``nodes`` holds both, a fixture as ``fixture_NODE``.

    ``broken`` wires, NODE.CHANNEL of a fixture's stimuli, carry nothing: 0 to 7 thermocouples, 8 to 19 current loops.
    """

    def __init__(
        self, interpreter: Interpreter, folder: Path, seed: int, names: tuple[str, ...], broken: tuple[str, ...] = ()
    ) -> None:
        self._broken = broken
        self._fixtures: dict[str, FixtureTerminals] = {}
        super().__init__(interpreter, folder, seed, (*(PREFIX + name for name in names), *names))

    def _start(self, name: str, index: int) -> BenchNode:
        if name.startswith(PREFIX):
            process = self._process(name, index, FIXTURE, FixtureProcess)
            of_node = name.removeprefix(PREFIX)
            broken = {int(wire.partition(".")[2]) for wire in self._broken if wire.startswith(of_node + ".")}
            self._fixtures[of_node] = FixtureTerminals(of_node, self._seed, broken)
            return BenchNode(name, process, self._fixtures[of_node], BOOT_MS, 0)
        node = super()._start(name, index)
        fixture = self._fixtures[name]
        node.terminals = WiredTerminals(name, fixture)
        fixture.node = node
        return node

    def _advance(self, now_us: int) -> None:
        """Relays of the fixtures that act on the boards themselves."""
        for name, fixture in self._fixtures.items():
            node = self.nodes[name]
            if fixture.pins[pins.POWER] == node.alive:
                (self.cut_power if node.alive else self.restore_power)(name)
            self.pull_cable(name, bool(fixture.pins[pins.CABLE]))


def edges_s_of(word: int) -> float:
    """Edges a second of an encoder's word, forwards positive."""
    phases, cycles = word & 0xFF, word >> 8
    if phases not in (turning.FORWARD, turning.BACKWARD):
        return 0.0
    speed = 4 * turning.CLOCK_HZ / (4 * (cycles + turning.PHASE_CYCLES) + turning.ROUND_CYCLES)
    return speed if phases == turning.FORWARD else -speed
