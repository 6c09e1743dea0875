"""The claims judged on one set of evidence.  Pure.  A verdict is scope, not safety: it stops nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from spinline.claims.catalog import CLAIMS
from spinline.claims.copolymers import (
    judge_content,
    judge_inherent_viscosity,
    judge_list,
    judge_melting_point,
)
from spinline.claims.evidence import Kind, MembraneEvidence, Reading, ResinLot
from spinline.claims.findings import Finding, all_of, any_of, besides, row_finding
from spinline.claims.process import judge_process
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import WindowRow, judge_window

LISTS = (2, 3, 4, 5, 6, 7)
"""The claims that are closed lists of monomers; a copolymer can meet at most one."""


@dataclass(frozen=True)
class ClaimVerdict:
    """One claim.  `chain` is the narrowest reading met, e.g. (10, 9, 8, 4, 1); empty when not met."""

    claim: int
    verdict: Verdict
    chain: tuple[int, ...]
    reasons: tuple[str, ...]
    evidence: tuple[str, ...]
    rows: tuple[WindowRow, ...]

    @property
    def reason(self) -> str:
        """The reasons as one line for a technician."""
        return "; ".join(self.reasons)

    @property
    def chain_text(self) -> str:
        """The chain as it is read: "10 > 9 > 8 > 4 > 1"; empty when the claim is not met."""
        return " > ".join(str(claim) for claim in self.chain)


def _porous(porous: bool | None) -> Finding:
    if porous is None:
        return Finding(Verdict.UNKNOWN, ("it is not on file whether the membrane is porous",))
    if not porous:
        return Finding(Verdict.FAIL, ("the membrane is not porous",))
    return Finding(Verdict.PASS, ("the membrane is porous",))


def _yes_or_no(window_id: str, answer: bool | None, source: str) -> Finding:
    reading = None if answer is None else Reading(Decimal(int(answer)), Decimal(0), source)
    row = judge_window(window_id, reading)
    told = {True: "yes", False: "no", None: "not on file"}[answer]
    question = row.quantity.removesuffix(" (boolean)")
    return Finding(row.verdict, (f"{question}: {told}",), (row.evidence,), (row,))


def judge_form(evidence: MembraneEvidence) -> Finding:
    """Claim 10 alone: the form is a hollow fiber."""
    answer = None if evidence.form is None else evidence.form == "hollow_fiber"
    return _yes_or_no("C10-FORM", answer, f"form {evidence.form} ({evidence.basis.value})")


def judge_base_treatment(evidence: MembraneEvidence) -> Finding:
    """Claim 11 alone: treated with a basic solution; on a plan, the step is planned."""
    return _yes_or_no("C11-BASE", evidence.base_treated, f"base treatment ({evidence.basis.value})")


def _judge_lot(lot: ResinLot, evidence: MembraneEvidence) -> dict[int, Finding]:
    """All claims on one copolymer: claims 8 to 11 bind the very copolymer that meets claim 1."""
    content = judge_content(lot)
    first = all_of((_porous(evidence.porous), content))
    share = row_finding(judge_window("C12-COPOLYSHARE", lot.share, lot.lot))
    return {
        1: first,
        **{claim: besides(first, judge_list(lot, claim)) for claim in LISTS},
        8: besides(first, judge_melting_point(lot)),
        9: besides(first, judge_inherent_viscosity(lot)),
        10: besides(first, judge_form(evidence)),
        11: besides(first, judge_base_treatment(evidence)),
        12: all_of((content, share, judge_process(evidence.process))),
    }


def _chain(claim: int, findings: Mapping[int, Finding]) -> tuple[int, ...]:
    """The longest way down from the claim to claim 1 over claims that the same copolymer meets."""
    if not findings[claim].verdict.is_met:
        return ()
    links, rests_on = [claim], CLAIMS[claim].rests_on
    while rests_on:
        links.append(max(number for number in rests_on if findings[number].verdict.is_met))
        rests_on = CLAIMS[links[-1]].rests_on
    return tuple(links)


def _narrowness(chain: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return len(chain), chain


def judge_claims(evidence: MembraneEvidence) -> dict[int, ClaimVerdict]:
    """Verdict of every claim, 1 to 12: per copolymer, then joined; one copolymer that meets it is enough.

    Without any resin lot every claim is UNKNOWN.  Removing evidence never improves a verdict.
    """
    lots = [_judge_lot(lot, evidence) for lot in evidence.resin]
    nothing = Finding(Verdict.UNKNOWN, ("no resin lot is named",))
    verdicts = {}
    for claim in CLAIMS:
        joined = any_of(lot[claim] for lot in lots) if lots else nothing
        deciding = [lot for lot in lots if lot[claim].verdict is joined.verdict]
        chain = max((_chain(claim, lot) for lot in deciding), key=_narrowness, default=())
        verdicts[claim] = ClaimVerdict(claim, joined.verdict, chain, joined.reasons, joined.evidence, joined.rows)
    return verdicts


def claimed_rows(evidence: MembraneEvidence) -> tuple[WindowRow, ...]:
    """Every claimed window with its number, by lot; homopolymer lots only where they hold a monomer."""
    rows: list[WindowRow] = []
    for lot in evidence.resin:
        content = judge_content(lot).rows
        if content or lot.kind is not Kind.HOMOPOLYMER:
            rows += content or (judge_window("C1-MOL", None, lot.lot),)
            rows += judge_melting_point(lot).rows + judge_inherent_viscosity(lot).rows
            rows.append(judge_window("C12-COPOLYSHARE", lot.share, lot.lot))
    rows += judge_form(evidence).rows + judge_base_treatment(evidence).rows + judge_process(evidence.process).rows
    return tuple(rows)
