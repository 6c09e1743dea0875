"""Every window whose number a recipe or its certificates can give.  Pure; nothing is measured here."""

from collections.abc import Mapping
from decimal import Decimal

from spinline.claims.evidence import MembraneEvidence, Quality, Reading
from spinline.claims.exact import exact
from spinline.claims.judgement import claimed_rows
from spinline.claims.windows import WindowRow, judge_window
from spinline.recipe.certificate import Certificate
from spinline.recipe.fiber import plan_fiber
from spinline.recipe.models import Recipe

HUNDRED = Decimal(100)

VISCOSITY_METHOD = ("DMF", Decimal("0.4"), Decimal(30))
"""Solvent, g/dl and °C of US 5 626 805 A; a viscosity by another method does not compare with its range."""


def _rows(numbers: Mapping[str, Decimal | None], source: str) -> list[WindowRow]:
    readings = {
        window_id: None if number is None else Reading(number, Decimal(0), source)
        for window_id, number in numbers.items()
    }
    return [judge_window(window_id, reading) for window_id, reading in readings.items()]


def _setpoints(recipe: Recipe) -> dict[str, Decimal | None]:
    melt, spinning, quench = recipe.melt, recipe.spinning, recipe.quench
    return {
        "E-T-Z1": melt.z1_temperature_C,
        "E-T-Z2": melt.z2_temperature_C,
        "E-T-Z3": melt.z3_temperature_C,
        "E-T-Z4": melt.z4_temperature_C,
        "E-T-Z5": melt.z5_temperature_C,
        "E-T-Z6": melt.z6_temperature_C,
        "E-T-PUMP": melt.pump_temperature_C,
        "E-T-DIE": melt.die_temperature_C,
        "E-PIN": melt.inlet_pressure_MPa,
        "E-AIRGAP": spinning.air_gap_mm,
        "E-TQUENCH": quench.quench_temperature_C,
        "E-FQUENCH": quench.quench_flow_L_min,
        "E-TEXTR": recipe.extraction.extraction_temperature_C,
        "E-TRES": recipe.extraction.extraction_residence_s,
        "E-CPLAST": recipe.extraction.bath_plasticizer_wt_percent,
        "E-TAKEUP": recipe.draw.takeup_speed_m_min,
        "E-DR": recipe.draw.stretch_ratio,
        "E-TSTRETCH": recipe.draw.stretch_temperature_C,
    }


def _base_treatment(recipe: Recipe) -> dict[str, Decimal | None]:
    treatment = recipe.base_treatment
    if treatment is None:
        return {}
    return {
        "E-CBASE": treatment.concentration_wt_percent,
        "E-TBASE": treatment.base_temperature_C,
        "E-tBASE": treatment.base_min,
        "E-BASE-DCM": treatment.residual_dichloromethane_wt_percent,
    }


def _computed(recipe: Recipe) -> dict[str, Decimal | None]:
    fiber = plan_fiber(recipe)
    liquids = recipe.composition.plasticizer_parts + recipe.composition.solvent_parts
    with exact():
        return {
            "E-BORE": recipe.spinning.bore_gas_Ncm3_min / recipe.spinning.fiber_n,
            "E-DDR": fiber.draw_down,
            "E-DDR-CRIT": fiber.draw_down,
            "E-OD": fiber.outer_diameter_mm,
            "E-WALL": fiber.wall_mm,
            "E-RESID": liquids * fiber.residue_share,
        }


def _shares_of_composition(recipe: Recipe) -> list[WindowRow]:
    """Mass fractions of the composition: derived from claim 12, necessary and not sufficient."""
    plasticizer, solvent = recipe.composition.plasticizer_parts, recipe.composition.solvent_parts
    with exact():
        total = HUNDRED + plasticizer + solvent
        numbers: dict[str, Decimal | None] = {
            "C12-RESINFRAC": HUNDRED * HUNDRED / total,
            "C12-PLASTFRAC": HUNDRED * plasticizer / total,
            "C12-SOLVFRAC": HUNDRED * solvent / total,
        }
    return _rows(numbers, "recipe, computed")


def _guard_bands(recipe: Recipe) -> list[WindowRow]:
    """Guard bands protect claim 12: they refuse a recipe only where it is meant to meet that claim."""
    counts = 12 in recipe.recipe.required_claims
    parts = {
        "E-PLAST-GB": recipe.composition.plasticizer_parts,
        "E-SOLV-GB": recipe.composition.solvent_parts,
    }
    return [
        judge_window(window_id, Reading(number, Decimal(0), "recipe"), counts=counts)
        for window_id, number in parts.items()
    ]


def _preferred_viscosity(evidence: MembraneEvidence, certificates: Mapping[str, Certificate]) -> list[WindowRow]:
    rows = []
    for lot in evidence.resin:
        certificate = certificates.get(lot.lot)
        measured = certificate.inherent_viscosity if certificate else None
        if lot.inherent_viscosity is None or measured is None:
            continue
        reading = lot.inherent_viscosity
        if (measured.solvent, measured.concentration_g_dl, measured.temperature_C) != VISCOSITY_METHOD:
            note = "measured by another method than DMF, 0.4 g/dl, 30 °C"
            reading = Reading(reading.number, reading.uncertainty, reading.source, Quality.BAD, note)
        rows.append(judge_window("P-ETA-FLAT", reading, lot.lot))
    return rows


def planned_windows(
    recipe: Recipe, evidence: MembraneEvidence, certificates: Mapping[str, Certificate]
) -> tuple[WindowRow, ...]:
    """One row per window the plan can say something about: claimed, preferred, example, then engineering."""
    process = evidence.process
    return (
        *claimed_rows(evidence),
        *_shares_of_composition(recipe),
        judge_window("P-PLAST-FLAT", process.plasticizer_parts),
        judge_window("P-SOLV-FLAT", process.solvent_parts),
        *_preferred_viscosity(evidence, certificates),
        *_rows({"X-TAKEUP-LIT": recipe.draw.takeup_speed_m_min}, "recipe"),
        *_guard_bands(recipe),
        *_rows(_setpoints(recipe), "recipe"),
        *_rows(_computed(recipe), "computed from the recipe"),
        *_rows(_base_treatment(recipe), "recipe"),
    )
