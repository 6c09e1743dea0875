"""The fiber a recipe plans: draw-down, diameters, residue after extraction.  Pure, in exact decimals.

Material constants are engineering estimates for the reference line R1.
"""

from dataclasses import dataclass
from decimal import Decimal

from spinline.claims.exact import exact
from spinline.recipe.models import Recipe

PI = Decimal("3.14159265358979323846264338327950288420")
HUNDRED = Decimal(100)

MELT_DENSITY_G_CM3 = {"resin": Decimal("1.48"), "plasticizer": Decimal("0.95"), "solvent": Decimal("0.85")}
"""At 220 °C."""
ROOM_DENSITY_G_CM3 = {"resin": Decimal("1.77"), "plasticizer": Decimal("1.09"), "solvent": Decimal("1.03")}

DIFFUSIVITY_M2_S = Decimal("2e-10")
"""Plasticizer out of the gel into dichloromethane at 22 °C."""
DIFFUSIVITY_AT_C = Decimal(22)
ACTIVATION_J_MOL = Decimal(20_000)
GAS_CONSTANT_J_MOL_K = Decimal("8.314462618")
KELVIN_AT_0_C = Decimal("273.15")
SERIES_TERMS_N = 40


@dataclass(frozen=True)
class Die:
    """The annular slit of one spinneret, diameters in mm."""

    slit_outer_mm: Decimal
    slit_inner_mm: Decimal


DIES = {"r1": Die(Decimal("6.0"), Decimal("4.5"))}
"""Die of each known line; the reference line R1 has a slit of 6.0/4.5 mm."""


@dataclass(frozen=True)
class PlannedFiber:
    """What the mass balance gives.  `draw_down` is None when the die of the line is not known."""

    draw_down: Decimal | None
    outer_diameter_mm: Decimal
    wall_mm: Decimal
    residue_share: Decimal


def _mix_density_g_cm3(recipe: Recipe, of: dict[str, Decimal]) -> Decimal:
    """Density of the composition when volumes add up."""
    plasticizer, solvent = recipe.composition.plasticizer_parts, recipe.composition.solvent_parts
    volume_cm3 = HUNDRED / of["resin"] + plasticizer / of["plasticizer"] + solvent / of["solvent"]
    return (HUNDRED + plasticizer + solvent) / volume_cm3


def _draw_down(recipe: Recipe, die: Die) -> Decimal:
    """Take-up speed over the mean melt speed in the slit."""
    slit_mm2 = PI / 4 * (die.slit_outer_mm**2 - die.slit_inner_mm**2)
    fiber_g_min = recipe.throughput.total_g_min / recipe.spinning.fiber_n
    exit_m_min = fiber_g_min / _mix_density_g_cm3(recipe, MELT_DENSITY_G_CM3) / slit_mm2  # cm3/min / mm2 = m/min
    return recipe.draw.takeup_speed_m_min / exit_m_min


def _diameters_mm(recipe: Recipe) -> tuple[Decimal, Decimal]:
    """Outer and inner diameter of the spun fiber, from what is fed and how fast it is taken up."""
    speed_m_min, fiber_n = recipe.draw.takeup_speed_m_min, recipe.spinning.fiber_n
    wall_cm3_min = recipe.throughput.total_g_min / fiber_n / _mix_density_g_cm3(recipe, ROOM_DENSITY_G_CM3)
    bore_mm2 = recipe.spinning.bore_gas_Ncm3_min / fiber_n / speed_m_min
    wall_mm2 = wall_cm3_min / speed_m_min
    return (4 * (bore_mm2 + wall_mm2) / PI).sqrt(), (4 * bore_mm2 / PI).sqrt()


def _residue_share(recipe: Recipe, wall_mm: Decimal) -> Decimal:
    """Share of plasticizer and solvent left after extraction: diffusion out of a plane wall by one face.

    f = 8/pi^2 sum (2n+1)^-2 exp(-(2n+1)^2 pi^2 D t / 4 L^2), the D of the bath temperature by Arrhenius.
    """
    bath_K = recipe.extraction.extraction_temperature_C + KELVIN_AT_0_C
    warmer = 1 / (DIFFUSIVITY_AT_C + KELVIN_AT_0_C) - 1 / bath_K
    diffusivity = DIFFUSIVITY_M2_S * (ACTIVATION_J_MOL / GAS_CONSTANT_J_MOL_K * warmer).exp()
    wall_m = wall_mm / 1000
    decay = PI**2 * diffusivity * recipe.extraction.extraction_residence_s / (4 * wall_m**2)
    odd = [Decimal(2 * n + 1) ** 2 for n in range(SERIES_TERMS_N)]
    return 8 / PI**2 * sum(((-square * decay).exp() / square for square in odd), Decimal(0))


def plan_fiber(recipe: Recipe) -> PlannedFiber:
    """Draw-down, outer diameter and wall in mm, and the share of the liquids left after extraction."""
    die = DIES.get(recipe.recipe.line)
    with exact():
        outer_mm, inner_mm = _diameters_mm(recipe)
        wall_mm = (outer_mm - inner_mm) / 2
        return PlannedFiber(
            draw_down=None if die is None else _draw_down(recipe, die),
            outer_diameter_mm=outer_mm,
            wall_mm=wall_mm,
            residue_share=_residue_share(recipe, wall_mm),
        )
