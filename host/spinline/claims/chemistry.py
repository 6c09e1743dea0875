"""Conversions between the ways a laboratory states a composition, and parts per 100 parts of resin.  Pure.

Everywhere x is mol of hydrophilic monomer per 100 mol of vinylidene fluoride *in the copolymer*.
"""

from collections.abc import Sequence
from decimal import Decimal

from spinline.claims.exact import exact

HUNDRED = Decimal(100)
VDF_MOLAR_MASS_G_MOL = Decimal("64.0342")  # C2H2F2; a test proves it equal to the monomer table


def per_100_mol_from_mol_percent(mol_percent: Decimal) -> Decimal:
    """x from the mol% of one monomer in a copolymer of two: x = 100 p / (100 - p).

    10.0 mol% is 11.11 per 100 mol.  `mol_percent` must be in 0 <= p < 100; ValueError otherwise.
    """
    if not 0 <= mol_percent < HUNDRED:
        raise ValueError(f"mol% must be at least 0 and below 100, not {mol_percent}")
    with exact():
        return HUNDRED * mol_percent / (HUNDRED - mol_percent)


def mol_percent_from_per_100_mol(x: Decimal) -> Decimal:
    """mol% of the hydrophilic monomer from x >= 0: p = 100 x / (100 + x)."""
    with exact():
        return HUNDRED * x / (HUNDRED + x)


def per_100_mol_from_weight_percent(weight_percent: Decimal, molar_mass_g_mol: Decimal) -> Decimal:
    """x from the wt% of one monomer in a copolymer of two; 0 <= wt% < 100, ValueError otherwise."""
    if not 0 <= weight_percent < HUNDRED:
        raise ValueError(f"wt% must be at least 0 and below 100, not {weight_percent}")
    with exact():
        vdf_g = HUNDRED - weight_percent
        return HUNDRED * VDF_MOLAR_MASS_G_MOL * weight_percent / (vdf_g * molar_mass_g_mol)


def weight_percent_from_per_100_mol(x: Decimal, molar_mass_g_mol: Decimal) -> Decimal:
    """wt% of the monomer in a copolymer of two from x >= 0: 100 x M / (100 M_VDF + x M)."""
    with exact():
        return HUNDRED * x * molar_mass_g_mol / (HUNDRED * VDF_MOLAR_MASS_G_MOL + x * molar_mass_g_mol)


def blend_from_copolymer(x: Decimal, copolymer_share: Decimal, molar_mass_g_mol: Decimal) -> Decimal:
    """What an analysis of a whole blend sees, per 100 mol VDF; copolymer_share in kg/kg, 0 < share <= 1.

    x_blend = 100 w x M_VDF / (100 M_VDF + (1 - w) x M).  It is no evidence for claim 1: the claim binds x.
    """
    with exact():
        vdf = HUNDRED * VDF_MOLAR_MASS_G_MOL
        return copolymer_share * x * vdf / (vdf + (1 - copolymer_share) * x * molar_mass_g_mol)


def copolymer_from_blend(x_blend: Decimal, copolymer_share: Decimal, molar_mass_g_mol: Decimal) -> Decimal:
    """x of the copolymer from the analysis of a blend; the inverse of `blend_from_copolymer`.

    ValueError when no copolymer of that share can give `x_blend`.
    """
    with exact():
        vdf = HUNDRED * VDF_MOLAR_MASS_G_MOL
        divisor = vdf * copolymer_share - (1 - copolymer_share) * x_blend * molar_mass_g_mol
        if divisor <= 0:
            raise ValueError(f"a share of {copolymer_share} kg/kg cannot give {x_blend} mol per 100 mol")
        return vdf * x_blend / divisor


def parts_per_100_resin(liquid_mass: Decimal, resin_masses: Sequence[Decimal]) -> Decimal:
    """Weight parts of a liquid per 100 parts of *all* VDF resin: give every resin, copolymer and homopolymer.

    Any one unit of mass or mass flow.  ValueError when the resin masses do not add up to more than 0.
    """
    with exact():
        resin_mass = sum(resin_masses, Decimal(0))
        if resin_mass <= 0:
            raise ValueError("there is no resin to relate the liquid to")
        return HUNDRED * liquid_mass / resin_mass
