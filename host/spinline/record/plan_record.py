"""What a batch was planned on goes into its record: verdicts of the plan, waivers, and the papers with their hashes."""

from __future__ import annotations

from spinline.recipe.check import CheckReport
from spinline.record.journal import Journal

WAIVED = "waiver of "  # an action of the record that begins so is a waiver


def keep_plan(journal: Journal, report: CheckReport, at_us: int) -> None:
    """Buffer the checked plan, at the time (us UTC) at which the batch begins with it."""
    required = report.recipe.recipe.required_claims
    for number, claim in report.claims.items():
        journal.add_claim(at_us, number, claim.verdict.value, number in required, claim.reason, report.basis.value)
    for waiver, effect in report.waivers:
        told = f"{effect.value}; {waiver.what}; signed {waiver.signed}, until {waiver.until}"
        journal.add_action(
            at_us, f"{waiver.person}, {waiver.role}", f"{WAIVED}{waiver.names}", waiver.reason, None, told
        )
    for lot in report.recipe.resin:
        if lot.certificate is not None:
            told = f"{lot.certificate}, SHA-256 {report.papers.sha256[lot.certificate]}"
            laboratory = report.papers.certificates[lot.lot].lab
            journal.add_action(
                at_us, laboratory, f"certificate of lot {lot.lot}", "evidence for the claims", None, told
            )
