"""The evidence a recipe and its certificates give for the claims.  Pure; the day is an argument."""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal

from spinline.claims.evidence import (
    Basis,
    Kind,
    Liquid,
    MembraneEvidence,
    MonomerBasis,
    MonomerEvidence,
    ProcessEvidence,
    Quality,
    Reading,
    ResinLot,
)
from spinline.claims.exact import exact
from spinline.claims.process import STEPS
from spinline.recipe.certificate import Certificate, CertificateMonomer
from spinline.recipe.fiber import plan_fiber
from spinline.recipe.models import PlannedLiquid, Recipe, ResinShare

HUNDRED = Decimal(100)
SIGMAS = 2  # claims are judged at 2 sigma

OUTSIDE_COOLING = Reading(Decimal(57), Decimal(30), "engineering estimate: outside water, bore gas")
"""Heat through the outside over heat through the bore: 411 to 7.2 J per metre, known to within half."""
RESIDUE_UNCERTAINTY_SHARE = Decimal("0.5")  # the diffusion model, engineering estimate

Trust = tuple[Quality, str]
"""Quality of everything on a certificate, with the note that goes with it."""


def _exactly(number: Decimal, source: str) -> Reading:
    return Reading(number, Decimal(0), source)


def _trust(certificate: Certificate, today: datetime.date) -> Trust:
    """May the certificate be relied on today, as evidence on the copolymer?"""
    if certificate.date > today:
        return Quality.BAD, f"the certificate is dated {certificate.date}, after today"
    if certificate.valid_until is not None and certificate.valid_until < today:
        return Quality.STALE, f"the certificate was valid until {certificate.valid_until}"
    if certificate.measured_on == "blend":
        return Quality.BAD, "measured on a blend, which says nothing of the copolymer by itself"
    return Quality.GOOD, ""


def amounts_per_100_mol_vdf(
    monomers: Sequence[CertificateMonomer],
) -> list[tuple[Decimal, Decimal | None] | None]:
    """Each amount with its uncertainty in mol per 100 mol VDF, None where the certificate gives no amount.

    With n_VDF mol% of VDF: x = 100 p / n_VDF and n_VDF = (100 - sum of mol%) / (1 + sum of given x / 100).
    Every comonomer counts, because mol% is of the whole copolymer.  ValueError when nothing is left for VDF.
    """
    amounts: list[tuple[Decimal, Decimal | None] | None] = []
    with exact():
        middle = _vdf_mol_percent(monomers, 0)
        for monomer in monomers:
            if monomer.mol_per_100_mol_vdf is not None:
                amounts.append((monomer.mol_per_100_mol_vdf, monomer.uncertainty))
            elif monomer.mol_percent is None or not _all_measured(monomers):
                amounts.append(None)
            else:
                x = HUNDRED * monomer.mol_percent / middle
                amounts.append((x, _mol_percent_spread(monomer, monomers, x)))
    return amounts


def _all_measured(monomers: Sequence[CertificateMonomer]) -> bool:
    return all(row.mol_percent is not None or row.mol_per_100_mol_vdf is not None for row in monomers)


def _vdf_mol_percent(monomers: Sequence[CertificateMonomer], sign: int) -> Decimal:
    """mol% of VDF with every amount at its value (0), its upper (+1) or its lower end (-1)."""
    percent = sum((_end(row.mol_percent, row.uncertainty, sign) for row in monomers), Decimal(0))
    per_100 = sum((_end(row.mol_per_100_mol_vdf, row.uncertainty, sign) for row in monomers), Decimal(0))
    left = HUNDRED - percent
    if left <= 0:
        raise ValueError(f"the comonomers add up to {percent} mol%, which leaves nothing for VDF")
    return left / (1 + per_100 / HUNDRED)


def _end(amount: Decimal | None, uncertainty: Decimal | None, sign: int) -> Decimal:
    return Decimal(0) if amount is None else max(amount + sign * (uncertainty or Decimal(0)), Decimal(0))


def _mol_percent_spread(
    monomer: CertificateMonomer, monomers: Sequence[CertificateMonomer], x: Decimal
) -> Decimal | None:
    """The larger half of the range of x, all amounts at their ends; None without every uncertainty."""
    if any(row.uncertainty is None for row in monomers):
        return None
    ends = [
        HUNDRED * _end(monomer.mol_percent, monomer.uncertainty, sign) / _vdf_mol_percent(monomers, sign)
        for sign in (-1, 1)
    ]
    return max(x - ends[0], ends[1] - x)


def _monomers(certificate: Certificate, source: str, trust: tuple[Quality, str]) -> tuple[MonomerEvidence, ...]:
    amounts = amounts_per_100_mol_vdf(certificate.monomer)
    return tuple(
        MonomerEvidence(
            name=row.called,
            amount=None if amount is None else Reading(*amount, source, *trust),
            basis=None if row.basis is None else MonomerBasis(row.basis),
            cas=row.cas,
            isomer=row.isomer,
            counted_form=row.counted_form,
            groups=None if row.groups is None else frozenset(row.groups),
        )
        for row, amount in zip(certificate.monomer, amounts, strict=True)
    )


def resin_lot(resin: ResinShare, certificate: Certificate | None, today: datetime.date) -> ResinLot:
    """One lot as evidence: its planned share, and what the certificate is worth on the day `today`."""
    share = _exactly(resin.share, "recipe")
    if certificate is None:
        return ResinLot(resin.lot, share)
    source, trust = f"certificate {resin.certificate}", _trust(certificate, today)
    below = certificate.hydrophilic_below_mol_per_100_mol_vdf
    return ResinLot(
        lot=resin.lot,
        share=share,
        kind=Kind(certificate.kind),
        monomers=_monomers(certificate, source, trust),
        hydrophilic_below=None if below is None else Reading(below, Decimal(0), source, *trust),
        melting_point=_melting_point(certificate, source, trust),
        inherent_viscosity=_inherent_viscosity(certificate, source, trust),
    )


def _melting_point(certificate: Certificate, source: str, trust: Trust) -> Reading | None:
    measured = certificate.melting_point
    if measured is None:
        return None
    return Reading(measured.melting_point_C, measured.uncertainty_C, source, *trust)


def _inherent_viscosity(certificate: Certificate, source: str, trust: Trust) -> Reading | None:
    measured = certificate.inherent_viscosity
    if measured is None:
        return None
    return Reading(measured.inherent_viscosity_dl_g, measured.uncertainty_dl_g, source, *trust)


def _liquid(planned: PlannedLiquid) -> Liquid:
    return Liquid(planned.name, planned.role, planned.cas)


def _cooling(recipe: Recipe) -> Reading | None:
    """Heat through one side over the other; None where neither the recipe nor the model can say."""
    quench = recipe.quench
    if quench.cooled_side == "both":
        return _exactly(Decimal(1), "recipe: both sides are cooled")
    if quench.cooled_side == "outside" and quench.quench_flow_L_min > 0:
        return OUTSIDE_COOLING
    return None


def _parts(parts: Decimal, recipe: Recipe) -> Reading:
    with exact():
        uncertainty = parts * SIGMAS * recipe.composition.feeder_uncertainty_percent / HUNDRED
    return Reading(parts, uncertainty, "recipe, with the declared feeder uncertainty")


def _process(recipe: Recipe) -> ProcessEvidence:
    composition = recipe.composition
    residue = plan_fiber(recipe).residue_share
    with exact():
        extracted = Reading(1 - residue, residue * RESIDUE_UNCERTAINTY_SHARE, "diffusion model, engineering estimate")
    return ProcessEvidence(
        plasticizer_parts=_parts(composition.plasticizer_parts, recipe),
        solvent_parts=_parts(composition.solvent_parts, recipe),
        plasticizer=_liquid(composition.plasticizer),
        solvent=_liquid(composition.solvent),
        steps=STEPS,  # a line does its steps in the order of its stations, and the recipe has every station
        cooling_asymmetry=_cooling(recipe),
        extracted_share=extracted,
        stretch_ratio=_exactly(recipe.draw.stretch_ratio, "recipe"),
    )


def planned_evidence(recipe: Recipe, certificates: Mapping[str, Certificate], today: datetime.date) -> MembraneEvidence:
    """Everything the recipe and the certificates (by lot) say, as evidence of basis "planned".

    Certificates dated after `today`, no longer valid, or measured on a blend make their numbers unusable.
    """
    return MembraneEvidence(
        basis=Basis.PLANNED,
        resin=tuple(resin_lot(resin, certificates.get(resin.lot), today) for resin in recipe.resin),
        process=_process(recipe),
        porous=recipe.membrane.porous,
        form=recipe.membrane.form,
        base_treated=recipe.base_treatment is not None,
    )
