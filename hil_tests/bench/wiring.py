"""How the boards of line R1 are wired to the simulated line: which pin drives what, which chip measures what.  Data.

Also what stands outside the controllers: external watchdog relays, the heater contactor and the line_permit chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from spinline_firmware.boards import rp2350b as board

from .mpy import layout
from .node_process import Down, Up
from .plant.signals import Actuators, Sensors

SHUNT_OHM = 150
WATCHDOG_MS = 1000  # external relay: heartbeat standing still this long drops contactor, drive enable and permit
DAC_FULL = 4095.0
PERMIT_CONTACT = 1 << board.PERMIT_IN - 32
NO_JUMPER = 1 << board.SAFE_PIN - 32  # the pin is pulled up
COUNTS_MASK = 0x3FFFFFFF

SensorHarm = Callable[[int, int], tuple[int, int]]  # (true number, ms) -> number read, fault register: sensor_faults.py
ActuatorHarm = Callable[[int, int], int]  # (level or code, ms) -> what arrives
Turning = tuple[float, float]  # what a drive turns at, as a share of full speed, and its current in ampere
DRIVE_FULL = 5000.0  # 0.01 Hz at full speed
Analog = tuple[int, Callable[[Sensors], float], float]  # converter channel, value, full scale at 20 mA (0 at 4 mA)


@dataclass(frozen=True)
class NodeWiring:
    """One node's terminals: thermocouples in order of port, analog channels, contacts (bit, sensor), encoders.

    ``rtds`` are the codes of resistance thermometers in order of socket, ``turning`` what the drives on the bus do.
    ``drive`` gets the drives' frequencies behind the DACs' codes.
    """

    thermocouples: Callable[[Sensors], list[float]]
    analog: tuple[Analog, ...]
    contacts: Callable[[Sensors], int]
    counts: Callable[[Sensors], list[int]]
    drive: Callable[[Actuators, bytes, tuple[int, ...], bool], None]
    rtds: Callable[[Sensors], list[int]] = lambda _sensors: []
    turning: Callable[[Sensors], list[Turning]] = lambda _sensors: []


def _melt_drive(actuators: Actuators, pins: bytes, dac: tuple[int, ...], relay: bool) -> None:
    """``relay`` is the external watchdog's: it drops the contactor and the enables whatever the pins say."""
    actuators.heater_on[:] = [bool(level) for level in pins[16:24]]
    actuators.contactor = relay and bool(pins[24])
    actuators.screw_run = relay and bool(pins[25])
    actuators.dosing_enable = relay and bool(pins[26])
    actuators.melt_pump_enable = relay and bool(pins[27])
    actuators.resin_command = dac[0] / DAC_FULL
    actuators.plasticizer_command = dac[1] / DAC_FULL
    actuators.solvent_command = dac[2] / DAC_FULL
    actuators.melt_pump_command = dac[3] / DAC_FULL


def _bath_drive(actuators: Actuators, pins: bytes, dac: tuple[int, ...], relay: bool) -> None:
    """Heaters and the make-up valve fall with the relay.

    The exhaust fan is fed ahead of the controllers and its proof is only read; the lids close without power.
    """
    actuators.quench_heater_on = relay and bool(pins[16])
    actuators.extraction_heater_on = relay and bool(pins[17])
    actuators.exhaust_fan_on = True
    actuators.lids_closed = True
    actuators.makeup_valve_open = relay and bool(pins[24])
    actuators.full_speed = relay and bool(pins[29])
    actuators.quench_cool_valve = dac[0] / DAC_FULL
    actuators.quench_pump_command = dac[1] / DAC_FULL
    actuators.extraction_cool_valve = dac[2] / DAC_FULL
    actuators.makeup_command = dac[3] / DAC_FULL
    actuators.bore_gas_command = dac[4] / DAC_FULL


def _draw_drive(actuators: Actuators, pins: bytes, dac: tuple[int, ...], relay: bool) -> None:
    actuators.stretch_heater_on = relay and bool(pins[16])
    actuators.godet_enable = relay and bool(pins[24])
    actuators.drive_power = True
    actuators.godet1_command = dac[0] / DAC_FULL
    actuators.godet2_command = dac[1] / DAC_FULL


BASE_CLEAR = 1  # no base in the bath behind the line; nothing proves the fiber dry (contact 4 stays open)
ESTOP_OK = 1  # the emergency-stop chain; its contact number differs from node to node

WIRING: dict[str, NodeWiring] = {
    "melt": NodeWiring(
        thermocouples=lambda s: s.zone_temperature_C,
        analog=(
            (0, lambda s: s.resin_flow_mg_s, 2000.0),
            (1, lambda s: s.plasticizer_flow_mg_s, 3000.0),
            (2, lambda s: s.solvent_flow_mg_s, 666.7),
            (3, lambda s: s.inlet_pressure_kPa, 10000.0),
            (4, lambda s: s.die_pressure_kPa, 24000.0),
            (5, lambda s: s.melt_pump_rpm, 150.0),
        ),
        contacts=lambda s: int(s.resin_refilling) | ESTOP_OK << 1,
        counts=lambda s: [0, 0, 0],
        drive=_melt_drive,
    ),
    "bath": NodeWiring(
        thermocouples=lambda s: [],
        analog=(
            (0, lambda s: s.quench_temperature_C, 100.0),
            (1, lambda s: s.quench_flow_L_min, 40.0),
            (2, lambda s: s.extraction_temperature_C[0], 50.0),
            (3, lambda s: s.extraction_temperature_C[1], 50.0),
            (4, lambda s: s.extraction_temperature_C[2], 50.0),
            (5, lambda s: s.extraction_plasticizer_wt_percent, 20.0),
            (6, lambda s: s.bore_gas_Ncm3_min, 100.0),
            (7, lambda s: s.vapour_ppm, 1000.0),
            (8, lambda s: s.quench_level_percent, 100.0),
            (9, lambda s: s.extraction_level_percent, 100.0),
        ),
        contacts=lambda s: (
            int(s.exhaust_flow_ok) | int(s.chiller_ok) << 1 | ESTOP_OK << 2 | int(s.dryer_lfl_ok) << 3 | BASE_CLEAR << 5
        ),
        counts=lambda s: [0, 0, 0],
        drive=_bath_drive,
    ),
    "draw": NodeWiring(
        thermocouples=lambda s: [s.stretch_temperature_C],
        analog=((0, lambda s: s.tension_N, 20.0), (4, lambda s: s.od_um, 8000.0)),
        contacts=lambda s: ESTOP_OK | int(s.full_speed) << 1,
        counts=lambda s: [n & COUNTS_MASK for n in (s.godet1_counts, s.godet2_counts, s.idler_counts)],
        drive=_draw_drive,
    ),
}


@dataclass
class Terminals:
    """The live terminals of one node: what faults have been laid on, and what its relay does.

    ``harmed`` inputs are named by kind (tc, analog, count, rtd) and number of the terminal; ``pin_harm``, ``dac_harm``
    turn what the node puts out into what arrives at the actuator; ``contacts_open`` and ``contacts_closed`` are bits
    that read so in any case.
    """

    wiring: NodeWiring
    down: Down = field(default_factory=Down)
    pins: bytes = bytes(48)
    dac: tuple[int, ...] = (0,) * (layout.DAC_N + layout.DRIVES_N)
    harmed: dict[tuple[str, int], SensorHarm] = field(default_factory=dict)
    pin_harm: dict[int, ActuatorHarm] = field(default_factory=dict)
    dac_harm: dict[int, ActuatorHarm] = field(default_factory=dict)
    contacts_open: int = 0
    contacts_closed: int = 0
    swapped_thermocouples: tuple[int, int] | None = None
    _heartbeat: int = -1
    _heartbeat_ms: int = -WATCHDOG_MS

    def read(self, sensors: Sensors, permit_closed: bool, now_ms: int) -> Down:
        """What the node's chips and contacts show now."""
        wiring, down = self.wiring, self.down
        for port, temperature_C in enumerate(wiring.thermocouples(sensors)):
            down.tc_code[port] = int(temperature_C * 128)
        if self.swapped_thermocouples:
            a, b = self.swapped_thermocouples
            down.tc_code[a], down.tc_code[b] = down.tc_code[b], down.tc_code[a]
        for channel, value, full in wiring.analog:
            down.analog_uv[channel] = int((4.0 + 16.0 * value(sensors) / full) * 1000 * SHUNT_OHM)
        down.contacts = wiring.contacts(sensors) | (PERMIT_CONTACT if permit_closed else 0) | NO_JUMPER
        down.contacts = (down.contacts | self.contacts_closed) & ~self.contacts_open
        down.counts = wiring.counts(sensors)
        for socket, code in enumerate(wiring.rtds(sensors)):
            down.rtd_code[socket] = code
        for i, (share, current_A) in enumerate(wiring.turning(sensors)):
            down.drive_frequency[i] = round(share * DRIVE_FULL)
            down.drive_current[i] = max(0, round(100 * current_A))
        if self.harmed:
            self._harm(now_ms)
        return down

    def _harm(self, now_ms: int) -> None:
        down = self.down
        down.tc_fault[:] = [0] * len(down.tc_fault)
        down.rtd_wrong[:] = [0] * len(down.rtd_wrong)
        rows = {"tc": down.tc_code, "analog": down.analog_uv, "count": down.counts, "rtd": down.rtd_code}
        for (kind, number), harm in self.harmed.items():
            row = rows[kind]
            row[number], register = harm(row[number], now_ms)
            if kind == "tc":
                down.tc_fault[number] = register
            elif kind == "rtd":
                down.rtd_wrong[number] = register
            elif kind == "count":
                row[number] &= COUNTS_MASK

    def mend(self, kind: str, number: int) -> None:
        """Take a fault of an input away."""
        self.harmed.pop((kind, number), None)
        if kind == "tc":
            self.down.tc_fault[number] = 0
        elif kind == "rtd":
            self.down.rtd_wrong[number] = 0

    def write(self, up: Up, now_ms: int) -> None:
        """Take the node's outputs; a dead node's outputs stay as they were last."""
        self.pins, self.dac = up.pins, up.dac
        if up.pins[board.HEARTBEAT] != self._heartbeat:
            self._heartbeat = up.pins[board.HEARTBEAT]
            self._heartbeat_ms = now_ms

    def power_off(self) -> None:
        """Without supply nothing is driven: pull-downs keep every output off."""
        self.pins, self.dac = bytes(len(self.pins)), (0,) * len(self.dac)

    def relay(self, now_ms: int) -> bool:
        """The external watchdog: closed while the heartbeat has moved within the last second."""
        return now_ms - self._heartbeat_ms < WATCHDOG_MS

    def drive(self, actuators: Actuators, now_ms: int) -> None:
        """Put the outputs on the plant, through the relay."""
        pins, dac = self.pins, self.dac
        if self.pin_harm or self.dac_harm:
            pins = bytes(
                self.pin_harm[i](level, now_ms) if i in self.pin_harm else level for i, level in enumerate(pins)
            )
            dac = tuple(self.dac_harm[i](code, now_ms) if i in self.dac_harm else code for i, code in enumerate(dac))
        self.wiring.drive(actuators, pins, dac, self.relay(now_ms))

    def permit(self, now_ms: int) -> bool:
        """This node's contact in the line_permit chain: its output, through the relay."""
        return self.relay(now_ms) and bool(self.pins[board.PERMIT_OUT])
