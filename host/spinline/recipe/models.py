"""A recipe file: the plan of one product on one line.  Every key of a quantity carries its unit.

Numbers are exact decimals.  The models refuse what cannot be meant; what the line can run well is for the
windows to judge.  Certificates of resin lots are in `spinline.recipe.certificate`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, Strict, StrictBool, field_validator

from spinline.claims.exact import exact
from spinline.recipe.certificate import Certificate, CertificateMonomer
from spinline.recipe.fields import Celsius, NotNegative, Percent, Positive, Share, Table, Text
from spinline.recipe.waiver import ClaimNumber

__all__ = ["Certificate", "CertificateMonomer", "Recipe"]


def _refuse_repeated(names: Sequence[object], what: str) -> None:
    repeated = sorted({str(name) for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"names {what} {', '.join(repeated)} more than once")


class RecipeHeader(Table):
    """[recipe]: who, what, for which line, which claims it is meant to meet, and the waivers (files beside it)."""

    name: Text
    version: Annotated[int, Strict(), Field(ge=1)]
    line: Annotated[Text, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    author: Text
    required_claims: Annotated[tuple[ClaimNumber, ...], Field(max_length=12)]
    waivers: Annotated[tuple[Text, ...], Field(max_length=12)] = ()

    @field_validator("required_claims")
    @classmethod
    def _each_claim_once(cls, claims: tuple[int, ...]) -> tuple[int, ...]:
        _refuse_repeated(claims, "claim")
        return claims


class Membrane(Table):
    """[membrane]: what is made."""

    form: Literal["hollow_fiber", "flat_film"]
    porous: StrictBool


class ResinShare(Table):
    """[[resin]]: one lot; `share` in kg per kg of all VDF resin; `certificate` is a path from the recipe."""

    lot: Text
    share: Share
    certificate: Text | None = None


class PlannedLiquid(Table):
    """[composition.plasticizer] and [composition.solvent].  Without a role claim 12 stays UNKNOWN."""

    name: Text
    role: Literal["plasticizer", "good_solvent"] | None = None
    cas: Text | None = None


class Composition(Table):
    """[composition]: weight parts per 100 parts of all VDF resin, copolymer and homopolymer together.

    `feeder_uncertainty_percent` is 1 sigma of the ratio of two feeders, in percent of the parts.
    """

    plasticizer_parts: NotNegative
    solvent_parts: NotNegative
    feeder_uncertainty_percent: Annotated[Percent, Field(le=20)]
    plasticizer: PlannedLiquid
    solvent: PlannedLiquid


class Throughput(Table):
    """[throughput]: everything that leaves the die, all fibers together."""

    total_g_min: Positive


class Melt(Table):
    """[melt]: setpoints of the eight heated zones and of the pressure before the melt pump."""

    z1_temperature_C: Celsius
    z2_temperature_C: Celsius
    z3_temperature_C: Celsius
    z4_temperature_C: Celsius
    z5_temperature_C: Celsius
    z6_temperature_C: Celsius
    pump_temperature_C: Celsius
    die_temperature_C: Celsius
    inlet_pressure_MPa: Positive


class Spinning(Table):
    """[spinning]: bore gas of all fibers together, air gap, number of fibers."""

    bore_gas_Ncm3_min: NotNegative
    air_gap_mm: NotNegative
    fiber_n: Annotated[int, Strict(), Field(ge=1, le=1000)]


class Quench(Table):
    """[quench]: the cooling medium, and the side of the film it cools."""

    quench_temperature_C: Celsius
    quench_flow_L_min: NotNegative
    cooled_side: Literal["outside", "inside", "both"]


class Extraction(Table):
    """[extraction]: residence in all baths together; plasticizer in the first bath."""

    extraction_temperature_C: Celsius
    extraction_residence_s: Positive
    bath_plasticizer_wt_percent: Percent


class Draw(Table):
    """[draw]: take-up at godet 1, stretching after extraction."""

    takeup_speed_m_min: Positive
    stretch_ratio: Positive
    stretch_temperature_C: Celsius


class BaseTreatment(Table):
    """[base_treatment]: the step of claim 11, where it is planned.

    `residual_dichloromethane_wt_percent` is the most the fiber may still carry into the bath.
    """

    reagent: Literal["sodium_hydroxide"]
    concentration_wt_percent: Annotated[Percent, Field(gt=0)]
    base_temperature_C: Celsius
    base_min: Positive
    residual_dichloromethane_wt_percent: Percent


class Program(Table):
    """[program]: the course of a batch."""

    heatup_ramp_K_min: Positive
    soak_min: NotNegative
    threading_min: NotNegative
    production_min: Positive


class Recipe(Table):
    """One recipe file, read and refused whole."""

    recipe: RecipeHeader
    membrane: Membrane
    resin: Annotated[tuple[ResinShare, ...], Field(min_length=1, max_length=8)]
    composition: Composition
    throughput: Throughput
    melt: Melt
    spinning: Spinning
    quench: Quench
    extraction: Extraction
    draw: Draw
    program: Program
    base_treatment: BaseTreatment | None = None

    @field_validator("resin")
    @classmethod
    def _lots_once_and_shares_to_one(cls, lots: tuple[ResinShare, ...]) -> tuple[ResinShare, ...]:
        _refuse_repeated([lot.lot for lot in lots], "lot")
        with exact():
            total = sum((lot.share for lot in lots), Decimal(0))
        if total != 1:
            raise ValueError(f"has shares that add up to {total}; they must add up to exactly 1")
        return lots
