"""What goes into and comes out of the simulated line: plain attributes, misspelled names are errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from .parameters import ZONES_N


class Balance(NamedTuple):
    """What a store of something conserved got and gave since the start, and what it holds more than then."""

    got: float
    gave: float
    holds: float

    @property
    def lost(self) -> float:
        """What is unaccounted for."""
        return self.got - self.gave - self.holds

    @property
    def lost_share(self) -> float:
        """The same as a share of all that went in or out."""
        return abs(self.lost) / max(abs(self.got), abs(self.gave), 1e-9)


def _zones_C() -> list[float]:
    return [0.0] * ZONES_N


def _baths() -> list[float]:
    return [0.0] * 3


@dataclass(slots=True)
class Actuators:
    """Set by the bench.  A command is 0..1 of full scale, held at the limit beyond that; all start off."""

    heater_on: list[bool] = field(default_factory=lambda: [False] * ZONES_N)
    contactor: bool = False  # in series with all barrel heaters
    resin_command: float = 0.0  # full scale 120 g/min
    plasticizer_command: float = 0.0  # 180 g/min
    solvent_command: float = 0.0  # 40 g/min
    melt_pump_command: float = 0.0  # 150 rpm
    screw_run: bool = False
    dosing_enable: bool = False
    melt_pump_enable: bool = False
    quench_cool_valve: float = 0.0
    quench_heater_on: bool = False
    quench_pump_command: float = 0.0  # 40 L/min
    extraction_cool_valve: float = 0.0  # one for the three baths
    extraction_heater_on: bool = False  # one for the three baths
    makeup_command: float = 0.0  # 160 kg/h
    makeup_valve_open: bool = False
    bore_gas_command: float = 0.0  # 100 Ncm3/min, all fibers together
    lids_closed: bool = False
    exhaust_fan_on: bool = False
    godet1_command: float = 0.0  # 60 m/min
    godet2_command: float = 0.0  # 60 m/min
    godet_enable: bool = False  # off: the drives ramp to zero
    stretch_heater_on: bool = False
    drive_power: bool = False  # of the godets; off: they coast
    full_speed: bool = False  # contact of the bath node in the draw node's input: open asks for less speed
    threaded: bool = False  # off and on again threads broken fibers anew


@dataclass(slots=True)
class Sensors:
    """What the instruments say, with noise, as of the last whole sub-step."""

    zone_temperature_C: list[float] = field(default_factory=_zones_C)
    resin_flow_mg_s: float = 0.0  # holds its last reading during a refill
    resin_refilling: bool = False
    plasticizer_flow_mg_s: float = 0.0
    solvent_flow_mg_s: float = 0.0
    inlet_pressure_kPa: float = 0.0
    die_pressure_kPa: float = 0.0
    melt_pump_rpm: float = 0.0
    quench_temperature_C: float = 0.0
    quench_flow_L_min: float = 0.0
    quench_level_percent: float = 0.0
    extraction_temperature_C: list[float] = field(default_factory=_baths)
    extraction_level_percent: float = 0.0  # the lowest of the three baths
    extraction_plasticizer_wt_percent: float = 0.0  # extractables in stage 1
    bore_gas_Ncm3_min: float = 0.0
    vapour_ppm: float = 0.0
    exhaust_flow_ok: bool = False
    dryer_lfl_ok: bool = True  # contact of the dryer's analyser: below a quarter of the flammable limit
    chiller_ok: bool = True
    godet1_counts: int = 0
    godet2_counts: int = 0
    godet1_speed_m_min: float = 0.0  # as its drive knows it
    godet2_speed_m_min: float = 0.0
    godet1_current_A: float = 0.0
    godet2_current_A: float = 0.0
    idler_counts: int = 0  # a free roller that the fiber turns, behind the second godet
    full_speed: bool = False
    stretch_temperature_C: float = 0.0
    tension_N: float = 0.0  # of one fiber
    od_um: float = 0.0  # 0 where no fiber is in the gauge


@dataclass(slots=True)
class Disturbances:
    """What a fault or a bad day does to the line.  Set by the bench between calls; all start harmless."""

    ambient_offset_K: float = 0.0  # beside the swing of the day
    mains_voltage_ratio: float = 1.0  # the power of every heater goes with its square
    viscosity_ratio: float = 1.0  # of the resin lot in the feeder; scales the die pressure when it has come there
    screen_fouling_kPa: float = 0.0  # of a screen pack that was not new at the start, at nominal flow
    pressure_noise_ratio: float = 1.0  # moisture makes the melt foam
    chiller_on: bool = True
    chilled_water_offset_K: float = 0.0
    exhaust_fan_healthy: bool = True
    dryer_fan_healthy: bool = True
    seal_leak_kg_h: float = 0.0  # solvent evaporating into the enclosure through a lost water seal
    quench_leak_kg_h: float = 0.0
    extraction_leak_kg_h: float = 0.0  # out of stage 1
    godet2_wet: bool = False  # the fiber slips where the godet cannot hold its tension any more
    godet2_slip: float = 0.0  # share by which the fiber runs slower than the second godet in any case
    godet2_belt_slip: float = 0.0  # share by which the second godet turns slower than its drive
    resonance_ratio: float = 1.0  # of the critical draw-down: a melt that resonates sooner
    plasticizer_ratio: float = 1.0  # share of the plasticizer's flow that its pump delivers: air in the pump head
    gel_breaks_per_km: float = 0.0  # 0.05 is realistic


@dataclass(slots=True)
class Truth:
    """What really is, without noise.  Masses in mg and energies in J run from the start of the run."""

    time_us: int = 0
    balances: dict[str, Balance] = field(default_factory=dict)  # every conserved quantity, by name
    ambient_C: float = 0.0
    thermocouple_error_K: list[float] = field(default_factory=_zones_C)  # reading less truth, without noise
    stretch_thermocouple_error_K: float = 0.0
    barrel_temperature_C: list[float] = field(default_factory=_zones_C)
    heater_temperature_C: list[float] = field(default_factory=_zones_C)
    melt_temperature_C: list[float] = field(default_factory=_zones_C)  # leaving each zone
    heater_energy_J: list[float] = field(default_factory=_zones_C)
    loss_energy_J: float = 0.0
    melt_energy_J: float = 0.0  # taken up by the melt, viscous heat already subtracted
    stored_energy_J: float = 0.0  # above the start
    resin_flow_mg_s: float = 0.0
    plasticizer_flow_mg_s: float = 0.0
    solvent_flow_mg_s: float = 0.0
    fed_mg: float = 0.0
    extruder_mg: float = 0.0
    inlet_buffer_mg: float = 0.0
    die_mg: float = 0.0
    relief_mg: float = 0.0  # lost through the relief at the pressure limit
    extruder_flow_mg_s: float = 0.0
    die_flow_mg_s: float = 0.0
    inlet_pressure_kPa: float = 0.0
    die_pressure_kPa: float = 0.0
    screen_fouling_kPa: float = 0.0  # at nominal flow
    viscosity_ratio_at_die: float = 1.0
    plasticizer_parts_at_die: float = 0.0  # parts per 100 of resin; 0 before resin arrives
    solvent_parts_at_die: float = 0.0
    plasticizer_parts_at_takeup: float = 0.0
    solvent_parts_at_takeup: float = 0.0
    quench_temperature_C: float = 0.0  # in the trough, no dead time
    quench_water_kg: float = 0.0
    quench_topup_kg: float = 0.0
    quench_evaporated_kg: float = 0.0
    quench_leaked_kg: float = 0.0
    heat_outside_to_inside_ratio: float = 0.0
    extraction_temperature_C: list[float] = field(default_factory=_baths)
    extraction_wt_percent: list[float] = field(default_factory=_baths)
    extraction_liquid_kg: float = 0.0  # baths and fiber, solvent and extractables
    extraction_in_kg: float = 0.0
    extraction_out_kg: float = 0.0  # recovery, vapour, dryer, leak
    extraction_extractables_kg: float = 0.0  # in baths and fiber
    extraction_extractables_in_kg: float = 0.0
    extraction_extractables_out_kg: float = 0.0
    residual_parts: float = 0.0  # extractables left in the fiber leaving stage 3, parts per 100 of resin
    vapour_ppm: float = 0.0
    dryer_ppm: float = 0.0
    evaporated_kg: float = 0.0  # solvent out of the baths into the enclosure
    carried_to_dryer_kg: float = 0.0  # solvent in the pores of the fiber
    godet1_speed_m_min: float = 0.0
    godet2_speed_m_min: float = 0.0
    draw_down_ratio: float = 0.0  # take-up speed over die speed; 0 while nothing is drawn
    resonance_share: float = 0.0  # amplitude of draw resonance
    fiber_draw_ratio: float = 1.0  # of the fiber leaving the span
    fiber_stress_MPa: float = 0.0
    fiber_broken: bool = False
    fiber_speed_m_min: float = 0.0  # at the second godet; less than the godet's where it slips
    godet1_current_A: float = 0.0
    godet2_current_A: float = 0.0
    fiber_mg: float = 0.0  # taken up since the start
    drip_mg: float = 0.0  # fell from the die while no fiber was taken up
    takeup_m: float = 0.0  # fiber passed over the first godet
    stretched_m: float = 0.0  # fiber passed over the second godet
    stretch_temperature_C: float = 0.0
    stretch_water_kg: float = 0.0
