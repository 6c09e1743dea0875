"""Claim 12 without its copolymer: parts, roles, steps, cooling, extraction, stretching.  Pure."""

from collections.abc import Sequence

from spinline.claims.evidence import Liquid, ProcessEvidence
from spinline.claims.findings import Finding, all_of, row_finding
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import judge_window

STEPS = ("mix", "melt_extrude", "cool_one_side", "extract", "stretch")
"""The steps of claim 12, in its order."""

PLASTICIZER, GOOD_SOLVENT = "plasticizer", "good_solvent"


def judge_steps(steps: Sequence[str] | None) -> Finding:
    """The five steps of claim 12 in their order; others may stand between, a step may be done twice."""
    if steps is None:
        return Finding(Verdict.UNKNOWN, ("the order of the steps is not on file",))
    remaining = iter(steps)
    lost = next((step for step in STEPS if step not in remaining), None)
    if lost is None:
        return Finding(Verdict.PASS, ("the steps stand in the order of the claim",), (f"steps: {', '.join(steps)}",))
    why = "does not come where the claim has it" if lost in steps else "is missing"
    return Finding(Verdict.FAIL, (f"step {lost} {why}: {', '.join(STEPS)}",), (f"steps: {', '.join(steps)}",))


def _spelling(name: str) -> str:
    return "".join(name.casefold().replace("-", "").split())


def _same_liquid(one: Liquid, other: Liquid) -> bool:
    same_cas = one.cas is not None and one.cas == other.cas
    return same_cas or _spelling(one.name) == _spelling(other.name)


def judge_roles(plasticizer: Liquid | None, solvent: Liquid | None) -> Finding:
    """Which liquid is plasticizer and which good solvent is declared: the claim defines neither.

    Undeclared is UNKNOWN; one liquid in both roles, or a role that contradicts its table, is AMBIGUOUS.
    """
    if plasticizer is None or solvent is None:
        return Finding(Verdict.UNKNOWN, ("plasticizer and solvent are not both named",))
    if _same_liquid(plasticizer, solvent):
        return Finding(Verdict.AMBIGUOUS, (f"{plasticizer.name} is both plasticizer and solvent",))
    if plasticizer.role is None or solvent.role is None:
        silent = " and ".join(liquid.name for liquid in (plasticizer, solvent) if liquid.role is None)
        return Finding(Verdict.UNKNOWN, (f"the role of {silent} is not declared",))
    if (plasticizer.role, solvent.role) != (PLASTICIZER, GOOD_SOLVENT):
        declared = f"{plasticizer.name} is declared {plasticizer.role}, {solvent.name} is declared {solvent.role}"
        return Finding(Verdict.AMBIGUOUS, (declared,))
    reason = f"{plasticizer.name} is declared plasticizer, {solvent.name} is declared good solvent"
    return Finding(Verdict.PASS, (reason,), (reason,))


def judge_parts(process: ProcessEvidence) -> Finding:
    """70 to 250 parts plasticizer and 5 to 80 parts good solvent per 100 parts of all VDF resin."""
    return all_of(
        (
            row_finding(judge_window("C12-PLAST", process.plasticizer_parts)),
            row_finding(judge_window("C12-SOLV", process.solvent_parts)),
        )
    )


def judge_process(process: ProcessEvidence) -> Finding:
    """Everything of claim 12 that does not speak of the copolymer."""
    return all_of(
        (
            judge_parts(process),
            judge_roles(process.plasticizer, process.solvent),
            judge_steps(process.steps),
            row_finding(judge_window("C12-COOLASYM", process.cooling_asymmetry)),
            row_finding(judge_window("C12-EXTRACT", process.extracted_share)),
            row_finding(judge_window("C12-STRETCH", process.stretch_ratio)),
        )
    )
