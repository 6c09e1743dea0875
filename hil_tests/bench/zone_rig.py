"""One heated zone in plain Python: the firmware's own sensors, loop, output and monitor around a first-order plant.

For what takes hours of virtual time; the same parts run on MicroPython in the scenarios.  It never reads a clock.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field, replace

from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import Line
from spinline.recipe.models import Recipe
from spinline_firmware.control import pid
from spinline_firmware.control.image import loop_at, new_image
from spinline_firmware.control.loops import Loops
from spinline_firmware.control.monitors import Monitors
from spinline_firmware.control.outputs import Outputs
from spinline_firmware.control.sensors import Sensors
from spinline_protocol.configuration import (
    INPUT,
    LOOP,
    MONITOR,
    OUTPUT,
    TABLE_INPUT,
    TABLE_LOOP,
    TABLE_MONITOR,
    TABLE_OUTPUT,
    field_index,
)
from spinline_protocol.states import EXECUTE, STARTING
from spinline_protocol.words import monitor_scans

AMBIENT_C = 25.0
CODES_PER_K = 128
THERMOCOUPLE_SIGMA_K = 0.15


@dataclass(frozen=True)
class Plant:
    """First order with dead time: gain in K for full output, times in s."""

    gain_K: float
    tau_s: float
    theta_s: float

    def off_by(self, gain: float, time: float) -> Plant:
        """The same plant with another gain and time constant."""
        return replace(self, gain_K=self.gain_K * gain, tau_s=self.tau_s * time)


@dataclass
class Faults:
    """What is laid on the zone; each may be set at any time."""

    stuck_on: bool = False
    open: bool = False
    reversed: bool = False
    reading_share: float = 1.0  # of the excess over ambient that a slipped thermocouple still sees
    load: float = 0.0  # heat drawn, in parts of full output


@dataclass(frozen=True)
class ZoneRows:
    """The rows of one zone, on input, loop and output 0."""

    scan_ms: int
    input: tuple[int, ...]
    loop: tuple[int, ...]
    output: tuple[int, ...]
    monitor: tuple[int, ...]


def _with(row: tuple[int, ...], fields: tuple[tuple[str, int, int], ...], **named: int) -> tuple[int, ...]:
    words = list(row)
    for name, number in named.items():
        words[field_index(fields, name)] = number
    return tuple(words)


def zone_rows(line: Line, recipe: Recipe, name: str, node_name: str = "melt") -> ZoneRows:
    """What the compiler makes of one zone of the line."""
    node = next(node for node in line.node if node.name == node_name)
    rows = compile_node(line, node, recipe).rows
    table = {number: [words for of, words in rows if of == number] for number in range(9)}
    loop_i = [loop.name for loop in node.loop].index(name)
    loop = table[TABLE_LOOP][loop_i]
    sensor = table[TABLE_INPUT][loop[field_index(LOOP, "input")]]
    output = next(row for row in table[TABLE_OUTPUT] if row[field_index(OUTPUT, "loop")] == loop_i)
    monitor = next(row for row in table[TABLE_MONITOR] if row[field_index(MONITOR, "loop")] == loop_i)
    return ZoneRows(
        node.scan_ms,
        _with(sensor, INPUT, port=0),
        _with(loop, LOOP, input=0, ff_loop=-1),
        _with(output, OUTPUT, loop=0, port=0),
        _with(monitor, MONITOR, loop=0),
    )


@dataclass
class Trip:
    """A monitor's trip: event code, time in s, raw number and limit."""

    event: int
    at_s: float
    raw: int
    limit: int


@dataclass
class ZoneRig:
    """A zone that is stepped by scans.  ``seed`` fixes its noise."""

    rows: ZoneRows
    plant: Plant
    seed: int
    start_C: float = AMBIENT_C
    faults: Faults = field(default_factory=Faults)
    trips: list[Trip] = field(default_factory=list)

    def __post_init__(self) -> None:
        rows = self.rows
        self.image = new_image()
        self.sensors = Sensors([rows.input], self.image)
        self.loops = Loops([rows.loop], self.image, [])
        self.outputs = Outputs([rows.output], self.image)
        self.monitors = Monitors([rows.monitor], [rows.loop], self.image, monitor_scans(rows.scan_ms))
        self.scan_s = rows.scan_ms / 1000
        self.now_s = 0.0
        self.true_C = self.start_C
        self._gauss = random.Random(self.seed).gauss
        self._heat = deque([0.0] * max(1, round(self.plant.theta_s / self.scan_s)))
        self.state = STARTING
        self.enter(STARTING)

    def enter(self, state: int) -> None:
        """The node's state, as the scan would set it."""
        self.state = state
        self.loops.enter(state)
        self.monitors.enter()

    def settle(self, setpoint_C: float) -> None:
        """Begin in EXECUTE, at rest at a setpoint, with the output that holds it."""
        self.true_C = self.start_C = setpoint_C
        share = (setpoint_C - AMBIENT_C) / self.plant.gain_K
        self._heat = deque([share] * len(self._heat))
        self.setpoint(setpoint_C)
        self.enter(EXECUTE)
        self.image[loop_at(0) + pid.INTEGRAL] = round(share * 65536)
        self.image[loop_at(0) + pid.OUTPUT] = round(share * 65536)

    def setpoint(self, setpoint_C: float) -> None:
        """A new setpoint, from the next scan on."""
        self.loops.setpoints[0] = round(setpoint_C * 1000)
        self.loops.settle(0)

    def read_C(self) -> float:
        """What the thermocouple shows."""
        excess_K = (self.true_C - AMBIENT_C) * self.faults.reading_share
        return AMBIENT_C + (-excess_K if self.faults.reversed else excess_K) + self._gauss(0.0, THERMOCOUPLE_SIGMA_K)

    def scan(self) -> int:
        """One scan of the zone; returns the event of a trip, or 0."""
        self.sensors.take(0, round(self.read_C() * CODES_PER_K), 0)
        self.loops.scan(0)
        event: int = self.monitors.scan(self.state, self.outputs.level)
        if event:
            self.trips.append(Trip(event, self.now_s, self.monitors.raw, self.monitors.limit))
        self.outputs.scan(self.state)
        heat = 1.0 if self.faults.stuck_on else 0.0 if self.faults.open else float(self.outputs.level[0])
        self._heat.append(heat)
        arriving = self._heat.popleft() - self.faults.load
        settles_C = AMBIENT_C + self.plant.gain_K * arriving
        self.true_C += (settles_C - self.true_C) * self.scan_s / self.plant.tau_s
        self.now_s += self.scan_s
        return event

    def run(self, seconds: float) -> None:
        """Scan for so long."""
        for _ in range(round(seconds / self.scan_s)):
            self.scan()

    def run_to_trip(self, limit_s: float) -> float | None:
        """Scan until a monitor trips; seconds it took, None where it did not within ``limit_s``."""
        begun_s = self.now_s
        while self.now_s - begun_s < limit_s:
            if self.scan():
                return self.now_s - begun_s
        return None

    @property
    def output(self) -> float:
        """Of full scale."""
        return int(self.image[loop_at(0) + pid.OUTPUT]) / 65536

    @property
    def pv_C(self) -> float:
        """As the loop sees it."""
        return int(self.image[0]) / 1000
