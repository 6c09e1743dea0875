"""One resin lot against what the claims say of the copolymer.  Pure; knows nothing of the process."""

from dataclasses import replace
from decimal import Decimal

from spinline.claims.catalog import (
    CLAIMED_MONOMERS,
    HYDROPHILIC_GROUPS,
    Monomer,
    find_monomer,
    find_monomer_by_cas,
    window,
)
from spinline.claims.chemistry import mol_percent_from_per_100_mol
from spinline.claims.evidence import Kind, MonomerBasis, MonomerEvidence, Quality, Reading, ResinLot
from spinline.claims.exact import exact
from spinline.claims.findings import Finding, all_of, row_finding
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import WindowRow, judge_window

CHARGED_NOTE = "the amount was charged to the reactor, which does not say how much is in the copolymer"
NO_BASIS_NOTE = "the certificate does not say whether the amount is incorporated or only charged"


def identify(monomer: MonomerEvidence) -> Monomer | None:
    """The species by name or key, else by CAS number; None when the tables know neither."""
    return find_monomer(monomer.name) or (find_monomer_by_cas(monomer.cas) if monomer.cas else None)


def _is_hydrophilic(monomer: MonomerEvidence) -> bool | None:
    known = identify(monomer)
    if known is not None:
        return known.is_hydrophilic
    return None if monomer.groups is None else bool(monomer.groups & HYDROPHILIC_GROUPS)


def hydrophilic_monomers(lot: ResinLot) -> tuple[MonomerEvidence, ...]:
    """The comonomers of the lot that carry one of the six groups; others count in neither term."""
    return tuple(monomer for monomer in lot.monomers or () if _is_hydrophilic(monomer))


def _undecided(lot: ResinLot) -> tuple[str, ...]:
    return tuple(monomer.name for monomer in lot.monomers or () if _is_hydrophilic(monomer) is None)


def _incorporated(monomer: MonomerEvidence) -> Reading | None:
    """The amount, marked as unusable when it does not speak of the copolymer."""
    if monomer.amount is None or monomer.basis is MonomerBasis.INCORPORATED:
        return monomer.amount
    note = CHARGED_NOTE if monomer.basis is MonomerBasis.CHARGED else NO_BASIS_NOTE
    return replace(monomer.amount, quality=Quality.BAD, note=note)


def _sum(amounts: tuple[Reading | None, ...]) -> Reading | None:
    """All amounts together; uncertainties add up plainly, because one method measured them all."""
    known = [amount for amount in amounts if amount is not None]
    if not known or len(known) < len(amounts):
        return None
    unfit = next((amount for amount in known if amount.quality is not Quality.GOOD), known[0])
    stated = [amount.uncertainty for amount in known if amount.uncertainty is not None]
    with exact():
        number = sum((amount.number for amount in known), Decimal(0))
        uncertainty = sum(stated, Decimal(0)) if len(stated) == len(known) else None
    sources = "; ".join(dict.fromkeys(amount.source for amount in known))
    return Reading(number, uncertainty, sources, unfit.quality, unfit.note)


def _as_mol_percent(x: Reading | None) -> Reading | None:
    if x is None:
        return None
    number = mol_percent_from_per_100_mol(x.number)
    if x.uncertainty is None:
        return replace(x, number=number)
    with exact():
        low = mol_percent_from_per_100_mol(max(x.number - x.uncertainty, Decimal(0)))
        high = mol_percent_from_per_100_mol(x.number + x.uncertainty)
        return replace(x, number=number, uncertainty=max(number - low, high - number))


def content_rows(lot: ResinLot) -> tuple[WindowRow, ...]:
    """C1-MOL of the sum, of each monomer where there are several, and the same in mol%."""
    monomers = hydrophilic_monomers(lot)
    if not monomers:
        return ()
    amounts = tuple(_incorporated(monomer) for monomer in monomers)
    total = _sum(amounts)
    each = [
        judge_window("C1-MOL", amount, f"{lot.lot}, {monomer.name}")
        for monomer, amount in zip(monomers, amounts, strict=True)
    ]
    total_row = judge_window("C1-MOL", total, lot.lot)
    percent_row = judge_window("C1-MOLPCT", _as_mol_percent(total), lot.lot)
    return (total_row, *(each if len(each) > 1 else ()), percent_row)


def _no_hydrophilic_monomer(lot: ResinLot) -> Finding:
    below = lot.hydrophilic_below
    least = window("C1-MOL").low
    assert least is not None
    if below is not None and below.quality is Quality.GOOD and below.number < least:
        reason = f"lot {lot.lot}: less than {below.number} mol hydrophilic monomer per 100 mol VDF was found"
        return Finding(Verdict.FAIL, (reason,), (below.source,))
    if lot.kind is Kind.COPOLYMER and lot.monomers:
        return Finding(Verdict.FAIL, (f"lot {lot.lot}: its certificate lists no hydrophilic monomer",))
    if lot.kind is Kind.HOMOPOLYMER:
        reason = f"lot {lot.lot}: sold as homopolymer (up to 1 wt% of others), and not analyzed for them"
        return Finding(Verdict.UNKNOWN, (reason,))
    return Finding(Verdict.UNKNOWN, (f"lot {lot.lot}: no certificate says which monomers the copolymer holds",))


def judge_content(lot: ResinLot) -> Finding:
    """Claim 1 (and the same words in claim 12): 0.01 to 10.0 mol hydrophilic monomer per 100 mol VDF.

    With several monomers the claim can be read on their sum or on each: AMBIGUOUS when the two disagree.
    """
    undecided = _undecided(lot)
    if undecided:
        reason = f"lot {lot.lot}: {', '.join(undecided)} is not in the monomer table; declare its groups"
        return Finding(Verdict.UNKNOWN, (reason,))
    rows = content_rows(lot)
    if not rows:
        return _no_hydrophilic_monomer(lot)
    total, each = row_finding(rows[0]), all_of(row_finding(row) for row in rows[1:-1] or rows[:1])
    kept = all_of((total, each))
    if Verdict.UNKNOWN in (total.verdict, each.verdict):
        reasons = total.reasons if total.verdict is Verdict.UNKNOWN else each.reasons
        return Finding(Verdict.UNKNOWN, reasons, kept.evidence, rows)
    if (total.verdict is Verdict.FAIL) != (each.verdict is Verdict.FAIL):
        reason = f"lot {lot.lot}: the sum of the monomers and each alone do not agree on 0.01 to 10.0 mol"
        return Finding(Verdict.AMBIGUOUS, (reason,), kept.evidence, rows)
    return Finding(kept.verdict, kept.reasons, kept.evidence, rows)


def _membership(monomer: MonomerEvidence, claim: int) -> tuple[Verdict, str]:
    """Is this monomer in the closed list of the claim?  PASS in it, FAIL not in it."""
    known = identify(monomer)
    if known is None:
        return Verdict.UNKNOWN, f"{monomer.name} is not in the monomer table; give its key"
    if claim in known.unclear_for:
        return Verdict.UNKNOWN, f"{known.names[0]} may or may not be what claim {claim} names"
    if known.claim != claim:
        return Verdict.FAIL, f"{known.names[0]} is not in the list of claim {claim}"
    if known.needs == "isomer":
        return _maleate(monomer, known)
    if known.needs == "counted_form":
        return _anhydride(monomer, known)
    return Verdict.PASS, f"{known.names[0]} is in the list of claim {claim}"


def _maleate(monomer: MonomerEvidence, known: Monomer) -> tuple[Verdict, str]:
    """The maleate is the Z isomer; the name alone is also used for the fumarate."""
    if monomer.isomer == "E":
        return Verdict.AMBIGUOUS, f"{known.names[0]} by name, but the E isomer (fumarate) by the certificate"
    if monomer.isomer == "Z" or (monomer.cas is not None and monomer.cas == known.cas):
        return Verdict.PASS, f"{known.names[0]} (Z) is in the list of claim {known.claim}"
    return (
        Verdict.UNKNOWN,
        f"{known.names[0]}: the certificate states neither the Z isomer nor CAS {known.cas}",
    )


def _anhydride(monomer: MonomerEvidence, known: Monomer) -> tuple[Verdict, str]:
    """Anhydrides turn into diacids: the certificate must say which form was counted."""
    if monomer.counted_form == "as_polymerized":
        return Verdict.PASS, f"{known.names[0]} is in the list of claim {known.claim}"
    if monomer.counted_form == "hydrolyzed":
        return Verdict.AMBIGUOUS, f"{known.names[0]} was counted after it had turned into the acid"
    return (
        Verdict.UNKNOWN,
        f"{known.names[0]}: the certificate does not say whether anhydride or acid was counted",
    )


def judge_list(lot: ResinLot, claim: int) -> Finding:
    """Claims 2 to 7: every hydrophilic monomer is in the closed list.  Some in, some out: AMBIGUOUS."""
    assert 2 <= claim <= 7
    if _undecided(lot) or not hydrophilic_monomers(lot):
        return Finding(Verdict.UNKNOWN, (f"lot {lot.lot}: the hydrophilic monomers are not known",))
    judged = [_membership(monomer, claim) for monomer in hydrophilic_monomers(lot)]
    verdicts = {verdict for verdict, _ in judged}
    if Verdict.UNKNOWN in verdicts:
        verdict = Verdict.UNKNOWN
    elif len(verdicts) > 1 or Verdict.AMBIGUOUS in verdicts:
        verdict = Verdict.AMBIGUOUS
    else:
        verdict = verdicts.pop()
    shown = [reason for found, reason in judged if found is verdict] or [reason for _, reason in judged]
    return Finding(verdict, tuple(f"lot {lot.lot}: {reason}" for reason in shown))


def judge_melting_point(lot: ResinLot) -> Finding:
    """Claim 8: 150 to 180 °C, of the copolymer, not of a blend and not of the membrane."""
    return row_finding(judge_window("C8-TM", lot.melting_point, lot.lot))


def judge_inherent_viscosity(lot: ResinLot) -> Finding:
    """Claim 9: 0.5 to 5 dl/g, of the copolymer.  The claim names no solvent and no temperature."""
    return row_finding(judge_window("C9-ETA", lot.inherent_viscosity, lot.lot))


assert {monomer.claim for monomer in CLAIMED_MONOMERS.values()} == {2, 3, 4, 5, 6, 7}
