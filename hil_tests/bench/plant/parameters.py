"""Every number of the simulated line, with its source.  Nothing here may be computed from a run.

"Engineering estimate" marks a number chosen by judgement; "computed for R1" one that closes the mass and heat
balance of the reference line R1 (8 fibers, 6.24 kg/h, take-up 10 m/min, stretch 1.80).
"""

from __future__ import annotations

from dataclasses import dataclass, field

ZONE_NAMES = ("Z1", "Z2", "Z3", "Z4", "Z5", "Z6", "PUMP", "DIE")
ZONES_N = len(ZONE_NAMES)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Room and utilities.  Source: engineering estimate."""

    ambient_C: float = 25.0
    ambient_swing_K: float = 5.0  # either way in a day; a run begins in the morning, at the mean
    day_s: float = 86400.0
    chilled_water_C: float = 10.0


@dataclass(frozen=True, slots=True)
class Barrel:
    """Eight heated zones.  Source: engineering estimate; steady duties computed for R1.

    The losses of PUMP and DIE are smaller than those of Z1-Z6: chosen so that the steady duties come out at
    0.38 and 0.37.  The melt's heat capacity is the one that gives 3.47 W/K at R1.
    """

    heater_power_W: tuple[float, ...] = (1000.0,) * 6 + (600.0, 500.0)
    barrel_capacity_J_K: tuple[float, ...] = (7700.0,) * 6 + (5500.0, 4200.0)
    heater_capacity_J_K: tuple[float, ...] = (280.0,) * 6 + (180.0, 150.0)
    heater_to_barrel_W_K: tuple[float, ...] = (25.0,) * 6 + (18.0, 15.0)
    heater_to_ambient_W_K: tuple[float, ...] = (0.35,) * 6 + (0.26, 0.21)
    barrel_to_ambient_W_K: tuple[float, ...] = (1.3,) * 6 + (1.02, 0.79)
    barrel_to_next_W_K: tuple[float, ...] = (2.6,) * 5 + (2.0, 2.0)
    barrel_to_melt_W_K: tuple[float, ...] = (2.0,) + (4.0,) * 7
    viscous_heat_W: tuple[float, ...] = (0.0, 90.0, 0.0, 110.0, 40.0, 30.0, 10.0, 5.0)  # at nominal flow
    melt_capacity_J_g_K: float = 2.002
    thermowell_lag_s: float = 8.0
    heater_dead_time_s: float = 12.0
    thermocouple_sigma_K: float = 0.15  # of one 250 ms sample
    thermocouple_error_K: float = 1.5  # half width; type K of class 1 (IEC 60584-1), drawn once for each channel


@dataclass(frozen=True, slots=True)
class Feeding:
    """Loss-in-weight resin feeder and two liquid pumps.  Source: engineering estimate.

    Refill in volumetric mode without mass feedback is the normal practice of loss-in-weight feeders.
    """

    resin_full_scale_mg_s: float = 2000.0  # 120 g/min
    plasticizer_full_scale_mg_s: float = 3000.0  # 180 g/min
    solvent_full_scale_mg_s: float = 2000.0 / 3.0  # 40 g/min
    resin_lag_s: float = 3.0
    resin_sigma: float = 0.005
    resin_noise_correlation_s: float = 2.0
    weighing_lag_s: float = 2.0
    weighing_sigma: float = 0.002  # of the reading, one 50 ms sample
    refill_every_s: float = 1200.0
    refill_s: float = 25.0
    refill_bias_sigma: float = 0.02
    liquid_lag_s: float = 1.0
    liquid_pulsation: float = 0.01
    liquid_pulsation_Hz: float = 2.0
    liquid_density_error: float = 0.005  # half width of a uniform distribution, drawn once for a run
    mass_meter_lag_s: float = 0.5  # damping of the Coriolis meter
    mass_meter_sigma: float = 0.003


@dataclass(frozen=True, slots=True)
class Melt:
    """Extruder, melt pump and die.  Source: engineering estimate; flows computed for R1."""

    nominal_flow_mg_s: float = 104.0e3 / 60.0
    extruder_dead_time_s: float = 60.0
    extruder_lag_s: float = 35.0
    inlet_kPa_mg: float = 0.05  # 0.05 MPa for each gram stored
    inlet_pressure_max_kPa: float = 20.0e3
    pump_displacement_cm3_rev: float = 1.2
    pump_full_scale_rpm: float = 150.0
    pump_lag_s: float = 0.3
    pump_teeth_n: int = 12
    pump_ripple: float = 0.005
    slip_reference: float = 0.02  # at 5 MPa across the pump
    slip_reference_kPa: float = 5000.0
    melt_density_g_cm3: float = 1.074  # at 220 degC
    die_nominal_kPa: float = 3000.0
    die_flow_exponent: float = 0.5
    die_temperature_factor_K: float = 0.015
    die_reference_C: float = 220.0
    screen_fouling_kPa_h: float = 50.0  # of the screen pack in front of the die, at nominal flow
    pressure_sigma_kPa: float = 5.0
    rpm_sigma: float = 0.05


@dataclass(frozen=True, slots=True)
class Quench:
    """Quench trough.  Source: engineering estimate; fiber heat 542 W computed for R1."""

    water_kg: float = 40.0
    water_full_kg: float = 42.0  # level 100 %
    water_J_kg_K: float = 4186.0
    coil_W_K: float = 60.0
    ambient_W_K: float = 5.0
    valve_lag_s: float = 3.0
    heater_W: float = 3000.0
    heater_lag_s: float = 60.0
    pump_heat_W: float = 150.0  # at nominal flow
    pipe_dead_time_s: float = 25.0
    flow_full_scale_L_min: float = 40.0
    flow_nominal_L_min: float = 20.0
    flow_for_full_coil_L_min: float = 10.0
    flow_lag_s: float = 1.5
    flow_dead_time_s: float = 0.5
    evaporation_kg_h: float = 0.5
    float_valve_s: float = 600.0
    air_gap_cooling_K: float = 17.0
    fiber_above_bath_K: float = 8.0
    gel_capacity_J_g_K: float = 1.9
    crystallisation_J_g: float = 18.0
    outside_to_inside_nominal: float = 57.0
    outside_flow_exponent: float = 0.6
    outside_flow_share_min: float = 0.05  # natural convection
    temperature_sigma_K: float = 0.03
    flow_sigma: float = 0.005
    level_sigma_percent: float = 0.2
    bore_gas_full_scale_cm3_min: float = 100.0  # at 0 degC and 1013 mbar
    bore_gas_sigma: float = 0.003


@dataclass(frozen=True, slots=True)
class Extraction:
    """Three counter-current solvent baths.  Source: engineering estimate, plane-sheet diffusion.

    The slow diffusion time of 182 s and the fast share 1 - 8/pi^2 follow from a wall of 0.30 mm and a
    diffusion coefficient of 2e-10 m2/s.  The pore liquid closes 4.9 kg/h of solvent carried to the dryer.
    """

    bath_kg: float = 60.0  # at the weir
    bath_full_kg: float = 66.0  # level 100 %
    weir_s: float = 20.0
    solvent_J_kg_K: float = 1190.0
    coil_W_K: float = 40.0
    valve_lag_s: float = 5.0
    heater_W: float = 300.0
    heater_lag_s: float = 15.0
    sensor_lag_s: float = 8.0
    ambient_W_K: float = 3.0
    evaporation_heat_J_kg: float = 330.0e3
    makeup_full_scale_kg_h: float = 160.0
    makeup_lag_s: float = 1.5
    makeup_dead_time_s: float = 0.5
    fiber_path_m: float = 50.0  # in each bath: 300 s at 10 m/min
    path_nominal_s: float = 300.0
    cells_n: int = 5  # in each bath
    diffusion_s: float = 182.0
    diffusion_J_mol: float = 20.0e3
    diffusion_reference_C: float = 22.0
    fast_share: float = 0.19
    pore_liquid_g_g: float = 2.2  # gram of bath liquid in the pores of a gram of resin
    start_percent: tuple[float, float, float] = (4.5, 1.1, 0.25)  # extractables left by the run before
    temperature_sigma_K: float = 0.05
    level_sigma_percent: float = 0.2
    concentration_sigma_percent: float = 0.03
    concentration_lag_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Vapour:
    """Solvent vapour in the extraction enclosure.  Source: engineering estimate, 1 ppm = 3.47 mg/m3."""

    enclosure_m3: float = 2.0
    exhaust_m3_h: float = 600.0
    leak_m3_h: float = 5.0
    fan_lag_s: float = 2.0
    flow_switch_share: float = 0.6
    evaporation_closed_kg_h: float = 0.02
    evaporation_open_kg_h: float = 1.8
    mg_m3_ppm: float = 3.47
    saturated_ppm: float = 460.0e3
    sensor_lag_s: float = 5.0
    sensor_sigma_ppm: float = 0.3


@dataclass(frozen=True, slots=True)
class Dryer:
    """Dryer behind the baths: the solvent in the pores goes into its air.  Source: engineering estimate.

    4.9 kg/h in 300 m3/h are 4 % of the lower flammable limit; 47 m3/h would be a quarter of it.
    """

    air_m3: float = 3.0
    exhaust_m3_h: float = 300.0
    leak_m3_h: float = 10.0
    fan_lag_s: float = 2.0
    lfl_ppm: float = 120.0e3  # 12 vol% of dichloromethane in air
    alarm_share: float = 0.25  # of it: there the analyser's contact opens
    analyser_lag_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Drives:
    """Two godets.  Source: engineering estimate; encoder 2500 pulses, four edges each, on the motor."""

    full_scale_m_min: float = 60.0
    ramp_m_min_s: float = 5.0
    coast_m_min_s: float = 20.0  # friction stops an unpowered godet
    speed_lag_s: float = 0.15
    radius_m: float = 0.075
    gear: float = 10.0
    counts_rev: float = 10000.0
    gain_error_sigma: float = 0.003  # analogue speed command, drawn once for a run
    ripple_sigma: float = 0.0003
    ripple_correlation_s: float = 0.5
    inertia_kg_m2: float = 0.05  # of the godet
    motor_N_m_A: float = 0.5
    motor_friction_N_m: float = 0.1


@dataclass(frozen=True, slots=True)
class Capstan:
    """Fiber around the second godet.  Source: capstan formula; friction and tension are engineering estimates.

    Dry it holds 23 times the tension that pulls behind it, wet 2.2 times.
    """

    half_turns_n: int = 5
    friction_dry: float = 0.2
    friction_wet: float = 0.05
    outrun_N: float = 1.0  # what the winder pulls, one fiber


@dataclass(frozen=True, slots=True)
class Stretch:
    """Span between the godets, its water bath, gauge and draw stress.  Source: engineering estimate."""

    span_m: float = 3.0
    water_kg: float = 20.0
    water_J_kg_K: float = 4186.0
    heater_W: float = 2000.0
    heater_lag_s: float = 20.0
    sensor_lag_s: float = 8.0
    ambient_W_K: float = 8.0
    evaporation_kg_h: float = 1.0
    float_valve_s: float = 600.0
    temperature_sigma_K: float = 0.05
    thermocouple_error_K: float = 1.5  # as in the barrel
    yield_MPa: float = 2.5
    yield_fall_K: float = 0.01
    yield_reference_C: float = 25.0
    hardening_MPa: float = 3.0
    slack_draw: float = 0.02  # draw over which a slack fiber comes under tension
    stress_sigma: float = 0.02
    strength_MPa: float = 9.0
    strength_shape: float = 12.0
    break_draw: float = 3.0
    break_draw_sigma: float = 0.2


@dataclass(frozen=True, slots=True)
class Spin:
    """Die slit, air gap and outside-diameter gauge.  Source: computed for R1; draw resonance at 20.218."""

    fibers_n: int = 8
    die_area_mm2: float = 12.37
    density_g_cm3: float = 1.254  # of the as-spun mixture at room temperature
    air_gap_m: float = 0.150
    die_to_takeup_m: float = 2.1  # at take-up: 0.6 m drawn in the air gap at a draw-down of 10, and 1.5 m of quench
    critical_draw_down: float = 20.218
    critical_spread: float = 0.15
    resonance_rad: float = 14.0  # in units of die speed over air gap
    resonance_growth_s: float = 20.0
    resonance_share_max: float = 0.15
    gauge_m: float = 2.0  # behind the take-up godet
    gauge_cell_m: float = 0.02
    gauge_sigma_um: float = 5.0
    idler_counts_m: float = 31830.99  # 2500 lines, four edges each, on a roller of 50 mm radius
    speed_min_m_min: float = 0.5  # below this no fiber is drawn away


@dataclass(frozen=True, slots=True)
class BadDay:
    """Sizes of what disturbs a bad day; `Disturbances` tells the plant when.  Source: engineering estimate."""

    mains_low_ratio: float = 0.9  # of the voltage: 19 % less heat
    chilled_water_step_K: float = 3.0
    viscosity_ratio: float = 1.15  # of another lot of resin
    foaming_noise_ratio: float = 3.0  # moisture in the solvent: so much more noise on the pressures


@dataclass(frozen=True, slots=True)
class Parameters:
    """The whole line."""

    surroundings: Surroundings = field(default_factory=Surroundings)
    barrel: Barrel = field(default_factory=Barrel)
    feeding: Feeding = field(default_factory=Feeding)
    melt: Melt = field(default_factory=Melt)
    quench: Quench = field(default_factory=Quench)
    extraction: Extraction = field(default_factory=Extraction)
    vapour: Vapour = field(default_factory=Vapour)
    dryer: Dryer = field(default_factory=Dryer)
    drives: Drives = field(default_factory=Drives)
    capstan: Capstan = field(default_factory=Capstan)
    stretch: Stretch = field(default_factory=Stretch)
    spin: Spin = field(default_factory=Spin)
    bad_day: BadDay = field(default_factory=BadDay)


R1 = Parameters()

DRIVE_STEP_US = 10_000
FEED_STEP_US = 50_000
BATH_STEP_US = 250_000
assert FEED_STEP_US % DRIVE_STEP_US == 0 and BATH_STEP_US % FEED_STEP_US == 0
