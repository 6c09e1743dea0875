"""Lays the faults of the catalogue on the simulated line, by name of the place, and takes them away again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from spinline.recipe.channel_model import Input, Output
from spinline.recipe.line_model import Line
from spinline_firmware.boards import rp2350b as board
from spinline_firmware.drivers import max31856, max31865

from . import sensor_faults as sensors
from . import wire_faults as wires
from .api import CannotLay, Laid, lifted
from .mpy import layout
from .mpy.models import drive_model
from .plant.line import Line as Plant
from .simulated import BenchNode
from .wiring import SHUNT_OHM, ActuatorHarm, SensorHarm

DEGREE = 128  # codes of a thermocouple
MA = 1000 * SHUNT_OHM  # microvolt
OPEN_CIRCUIT_C = 1372 * DEGREE  # the end of the chip's table
Lift = Callable[[], None]
HOUR_US = 3_600_000_000
STANDS = ("S6.stands", "S6.stands.bath", "S6.believed")
START_CUT_S = (0.02, 0.04, 0.06, 0.1, 0.3, 1.0)  # from power to the cut: before, in and after the first instructions
SPI_DEAD = {"S5": 1, "S5.high": 2, "S5.reset": 3, "S3.stuck": 1, "S3.stuck.high": 2, "S3.reset": 3}  # layout.SPI_DEAD
DRIVE_HARM = {
    "W15": drive_model.EXCEPTION,
    "W15.late": drive_model.LATE,
    "W15.spoiled": drive_model.SPOILED,
    "W15.cut": drive_model.SHORT,
    "W15.silent": drive_model.SILENT,
    "A5.told": drive_model.TRIPPED,
    "A5.panel": drive_model.LOCAL,
}
RTD_SOCKET = board.TC_SELECT.index(board.RTD_SELECT[0])
RTD_SHORT, RTD_OPEN = 0, 32767  # codes at the converter
HOST_CLOCK_BEGINS_US = -26 * 365 * 24 * HOUR_US  # 2000, from the day on which every run begins
# What the thermocouple's chip says in its fault register beside a number that may be right.
CHIP_BITS = {
    "S1": max31856.OPEN,
    "S2": max31856.OVER_UNDER_VOLTAGE | max31856.TC_LOW,
    "S2.high": max31856.TC_HIGH,
    "S2.low": max31856.TC_LOW,
    "S2.range": max31856.TC_RANGE,
    "S4": max31856.CJ_RANGE,
    "S4.high": max31856.CJ_HIGH,
    "S4.low": max31856.CJ_LOW,
}


class Shown(NamedTuple):
    """One number on its way through a fault: when, what it was, what became of it."""

    ms: int
    true: int
    shown: int


class UnderTest(Protocol):
    """What faults are laid on: the simulated line, or the rig of a wired bench, which has fewer of them."""

    plant: Plant
    now_us: int
    nodes: Any  # by name; each with its terminals, the simulated line's with its wires

    def pull_cable(self, name: str, pulled: bool = True) -> None:
        """The serial line of a node."""

    def cut_power(self, name: str) -> None:
        """The supply of a node is gone."""

    def restore_power(self, name: str) -> None:
        """It is back."""

    def hang(self, name: str) -> None:
        """Its program stands still."""


class Injector:
    """Faults on one line.  ``lay`` begins one at a place, ``lift`` ends it; a place is NODE or NODE.NAME of an input,
    output or loop of the line file."""

    def __init__(
        self,
        line: Line,
        bench: UnderTest,
        seed: int,
        run_for: Callable[[float], None],
        set_clock: Callable[[int], None] | None = None,
    ) -> None:
        self._line, self._bench, self._run_for, self._clock = line, bench, run_for, set_clock
        self._seed = seed
        self._lifts: dict[tuple[str, str], Lift] = {}
        self.laid: list[Laid] = []  # all there ever were
        self.shown: dict[tuple[str, str], list[Shown]] = {}  # by fault and place, what went through it

    def lay(self, fault: str, place: str) -> None:
        """Begin a fault.  Raises KeyError for one that this bench cannot make, or a place that the line lacks."""
        assert (fault, place) not in self._lifts
        self.laid.append(Laid(fault, place, self._bench.now_us))
        noise = random.Random(f"{self._seed} {fault} {place}")
        node: BenchNode = self._bench.nodes[place.partition(".")[0]]
        kind = fault[0]
        if fault in DRIVE_HARM:
            lift = self._lay_actuator(fault, node, place)
        elif kind == "W":
            lift = self._lay_wire(fault, node, noise)
        elif kind == "S":
            lift = self._lay_sensor(fault, node, place, noise)
        elif kind == "A":
            lift = self._lay_actuator(fault, node, place)
        elif kind == "T":
            lift = self._lay_time(fault, node)
        else:
            lift = self._lay_power(fault, node, noise)
        self._lifts[fault, place] = lift

    def lift(self, fault: str, place: str) -> None:
        """End a fault that was laid."""
        self._lifts.pop((fault, place))()
        lifted(self.laid, fault, place, self._bench.now_us)

    def _input(self, place: str) -> Input:
        node, _, name = place.partition(".")
        return next(row for of in self._line.node if of.name == node for row in of.input if row.name == name)

    def _output(self, place: str) -> Output:
        node, _, name = place.partition(".")
        return next(row for of in self._line.node if of.name == node for row in of.output if row.name == name)

    def _lay_wire(self, fault: str, node: BenchNode, noise: random.Random) -> Lift:
        if fault == "W8":
            self._bench.pull_cable(node.name)
            return lambda: self._bench.pull_cable(node.name, pulled=False)
        harms: dict[str, Callable[[], wires.Harm]] = {
            "W1": lambda: wires.flipped_bits(0.001, noise),
            "W2": lambda: wires.dropped_bytes(0.001, noise),
            "W3": lambda: wires.doubled(0.3, noise),
            "W4": lambda: wires.dropped(0.1, noise),
            "W5": lambda: wires.reordered(0.2, noise),
            "W6": lambda: wires.jitter(200_000, noise),
            "W7": lambda: wires.stalled(5_000_000, 1_000_000),
            "W9": wires.silent,
            "W10": lambda: wires.with_garbage(0.5, noise),
            "W11": lambda: wires.wrong_baud(noise),
            "W12": lambda: wires.replayed(0.3, noise),
        }
        harm = harms[fault]
        node.to_host.harm = harm()
        node.to_node.harm = None if fault == "W9" else harm()

        def lift() -> None:
            node.to_host.harm = node.to_node.harm = None

        return lift

    def _lay_sensor(self, fault: str, node: BenchNode, place: str, noise: random.Random) -> Lift:
        if fault == "S12":  # two inputs of one kind have changed places
            return self._swap(node, place)
        row = self._input(place)
        down = node.terminals.down
        if fault in SPI_DEAD:
            chip = row.port + (RTD_SOCKET if row.kind == "rtd" else 0)
            down.spi_dead[chip] = SPI_DEAD[fault]
            return lambda: down.spi_dead.__setitem__(chip, 0)
        if fault in ("S6", "S6.stuck"):  # one chip is silent; or it holds the data line and all are
            down.i2c_dead = 1 << row.port if fault == "S6" else (1 << len(layout.I2C_ADDRESSES)) - 1
            return lambda: setattr(down, "i2c_dead", 0)
        if fault in STANDS:
            down.i2c_dead = layout.STANDS << row.port
            return lambda: setattr(down, "i2c_dead", 0)
        if row.kind == "switch":
            name = "contacts_closed" if fault == "S.contact.closed" else "contacts_open"
            return self._turn_contact(node, name, 1 << row.port)
        where = {"thermocouple": "tc", "analog": "analog", "counter": "count", "rtd": "rtd"}[row.kind]
        number = 4 * row.port + row.channel if row.kind == "analog" else row.port
        harm, kept = self._harm(fault, where, noise), self.shown.setdefault((fault, place), [])

        def watched(true: int, ms: int) -> tuple[int, int]:
            read = harm(true, ms)
            kept.append(Shown(ms, true, read[0]))
            return read

        node.terminals.harmed[where, number] = watched
        return lambda: node.terminals.mend(where, number)

    @staticmethod
    def _turn_contact(node: BenchNode, name: str, bit: int) -> Lift:
        """A contact that stays open, or closed, whatever moves it."""
        setattr(node.terminals, name, getattr(node.terminals, name) | bit)

        def free() -> None:
            setattr(node.terminals, name, getattr(node.terminals, name) & ~bit)

        return free

    def _swap(self, node: BenchNode, place: str) -> Lift:
        first, _, second = place.partition("/")
        a, b = self._input(first).port, self._input(f"{node.name}.{second}").port
        terminals = node.terminals
        terminals.swapped_thermocouples = (a, b)
        return lambda: setattr(terminals, "swapped_thermocouples", None)

    def _harm(self, fault: str, where: str, noise: random.Random) -> SensorHarm:
        unit = DEGREE if where == "tc" else MA // 10  # a kelvin, or a tenth of a milliampere
        lost = sensors.always(OPEN_CIRCUIT_C, max31856.OPEN) if where == "tc" else sensors.always(0)
        ends = (0, 400 * DEGREE) if where == "tc" else (0, 24 * MA)
        harms: dict[str, Callable[[], SensorHarm]] = {
            "S3": lambda: sensors.always(RTD_OPEN),
            "S3.short": lambda: sensors.always(RTD_SHORT),
            "S3.lead": lambda: sensors.flagged(max31865.REFIN_LOW | max31865.RTDIN_LOW),
            "S3.supply": lambda: sensors.flagged(max31865.VOLTAGE),
            "S.off": lambda: lost,
            "S.off.feed": lambda: lost,
            "S.off.guard": lambda: lost,
            "S.stuck": sensors.stuck,
            "S.garbage": lambda: sensors.garbage(*ends, noise),
            "S.wrong": lambda: sensors.wrong(1.0, 20 * unit),
            "S.slow": lambda: sensors.slow(20_000),
            "S.delayed": lambda: sensors.delayed(10_000),
            "S.intermittent": lambda: sensors.intermittent(lost, 0.2, noise),
            "S7": lambda: sensors.always(round(3.5 * MA)),
            "S7.high": lambda: sensors.always(round(21.5 * MA)),
            "S7.supply": lambda: sensors.always(round(33.0 * MA)),
            "S8": lambda: sensors.always(round(20.5 * MA)),
            "S8.vapour": lambda: sensors.always(round(20.5 * MA)),
            "S9": lambda: sensors.drift(20 * unit),
            "S10": lambda: sensors.ripple(2 * unit, 49.7),
            "S11": lambda: sensors.scaled_counts(0.9),
            "S11.dead": lambda: sensors.scaled_counts(0.0),
            "S11.reversed": lambda: sensors.scaled_counts(-1.0),
        }
        return sensors.flagged(CHIP_BITS[fault]) if fault in CHIP_BITS else harms[fault]()

    def _lay_actuator(self, fault: str, node: BenchNode, place: str) -> Lift:
        plant, terminals = self._bench.plant, node.terminals
        if fault in ("A8", "A4.fan"):
            if fault == "A8":
                plant.disturbances.gel_breaks_per_km = 1e6  # at once
                return lambda: setattr(plant.disturbances, "gel_breaks_per_km", 0.0)
            plant.disturbances.exhaust_fan_healthy = False
            return lambda: setattr(plant.disturbances, "exhaust_fan_healthy", True)
        if fault == "A9":
            return self._lay_sensor(fault, node, place, random.Random())
        row = self._output(place)
        if fault in DRIVE_HARM:
            return self._harm_drive(node, row.port - 1, DRIVE_HARM[fault])
        if fault == "A6.silent":
            node.terminals.down.i2c_dead = 1 << len(board.ADS1115_ADDRESS) + row.port
            return lambda: setattr(node.terminals.down, "i2c_dead", 0)
        if row.kind == "dac":
            number, laid = 4 * row.port + row.channel, terminals.dac_harm
        else:
            number, laid = (board.SSR if row.kind == "ssr" else board.SWITCH_OUT)[row.port], terminals.pin_harm
        harms: dict[str, Callable[[], ActuatorHarm]] = {
            "A1": lambda: lambda _level, _ms: 1,
            "A2": lambda: lambda _level, _ms: 0,
            "A2.enable": lambda: lambda _level, _ms: 0,
            "A3": _half,
            "A4": lambda: lambda _code, _ms: 0,
            "A5": lambda: lambda _code, _ms: 0,
            "A6": _held,
            "A6.asked": _held,
            "A7": lambda: _lagging(10_000),
        }
        harm, kept = harms[fault](), self.shown.setdefault((fault, place), [])

        def watched(asked: int, ms: int) -> int:
            arrives = harm(asked, ms)
            kept.append(Shown(ms, asked, arrives))
            return arrives

        laid[number] = watched
        return lambda: laid.__delitem__(number)

    @staticmethod
    def _harm_drive(node: BenchNode, number: int, harm: int) -> Lift:
        node.terminals.down.drive_harm[number] = harm
        return lambda: node.terminals.down.drive_harm.__setitem__(number, 0)

    def _set_clock(self, by_us: int) -> None:
        """The clock of the day of the host, which only a supervisor that starts reads."""
        if self._clock is None:
            raise CannotLay("this bench sets no clock of the day")
        self._clock(by_us)

    def _lay_time(self, fault: str, node: BenchNode) -> Lift:
        scan_ms = next(of.scan_ms for of in self._line.node if of.name == node.name)
        if fault == "T3":
            return lambda: None  # the line was started so that its counters wrap about now
        if fault in ("T4", "T5"):
            by_us = HOST_CLOCK_BEGINS_US if fault == "T4" else -HOUR_US
            self._set_clock(by_us)
            return lambda: self._set_clock(-by_us)
        node.terminals.down.longer_ms = {"T1": scan_ms + scan_ms // 4, "T2": min(150, scan_ms // 2)}[fault]
        return lambda: setattr(node.terminals.down, "longer_ms", 0)

    def _lay_power(self, fault: str, node: BenchNode, noise: random.Random) -> Lift:
        if fault == "P6":
            self._bench.hang(node.name)
            return lambda: None
        if fault == "P8":
            self._bench.cut_power(node.name)
            return lambda: self._bench.restore_power(node.name)
        if fault == "P5":
            self._bench.cut_power(node.name)
            self._bench.restore_power(node.name)
            return lambda: None
        if fault == "P4":
            for started_s in START_CUT_S:
                self._bench.cut_power(node.name)
                self._bench.restore_power(node.name)
                self._run_for(started_s)
            return lambda: None
        if fault == "P7":
            for _ in range(20):
                self._bench.cut_power(node.name)
                self._run_for(noise.uniform(0.1, 0.9))
                self._bench.restore_power(node.name)
                self._run_for(noise.uniform(0.1, 0.9))
            return lambda: None
        raise KeyError(fault)


def _half() -> ActuatorHarm:
    """Half of the element has burnt through: of the time that the output is on, every other 20 ms heat."""
    return lambda level, ms: level and ms // 250 % 2


def _held() -> ActuatorHarm:
    """The actuator stays where it is."""
    kept: list[int] = []

    def harm(code: int, _ms: int) -> int:
        kept[:] = kept or [code]
        return kept[0]

    return harm


def _lagging(lag_ms: int) -> ActuatorHarm:
    """The actuator follows as through a first-order lag."""
    follow = sensors.slow(lag_ms)
    return lambda code, ms: follow(code, ms)[0]
