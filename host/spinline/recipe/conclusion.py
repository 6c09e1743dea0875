"""One sentence on a checked recipe: may it be downloaded, and if not, which number is to be moved.  Pure."""

from spinline.claims.catalog import WINDOWS
from spinline.claims.findings import bounds_text, measured_text
from spinline.claims.judgement import ClaimVerdict
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import WindowRow
from spinline.recipe.check import CheckExit, CheckReport, WaiverEffect


def _advice(row: WindowRow) -> str:
    """Which way to move the number so that the window is met."""
    assert row.value is not None
    is_low = row.low is not None and row.value <= row.low
    return f"{'raise' if is_low else 'lower'} {row.quantity} from {measured_text(row)} to {bounds_text(row)}"


def _failure_text(claim: ClaimVerdict) -> str:
    """Why a claim fails, and which number to move where a number is the cause."""
    failed = [row for row in claim.rows if row.verdict is Verdict.FAIL and row.low != row.high]
    why = "; ".join(_advice(row) for row in failed if row.id != "C1-MOLPCT") or claim.reason
    return f"claim {claim.claim} fails: {why}"


def conclusion(report: CheckReport) -> str:
    """One sentence: may the recipe be downloaded, and if not, what is to be done."""
    header = report.recipe.recipe
    called = f"{header.name} version {header.version}"
    if report.exit_code is CheckExit.REFUSED:
        claims = [_failure_text(claim) for claim in report.failed_claims]
        # A guard band repeats what its claim already says.
        windows = [f"{row.id}: {_advice(row)}" for row in report.failed_windows if not WINDOWS[row.id].guards]
        return f"{called} is refused; change the recipe or the lot: {'; '.join(claims + windows)}."
    if report.exit_code is CheckExit.OPEN:
        missing = [f"claim {claim.claim} is {claim.verdict.value}: {claim.reason}" for claim in report.open_claims]
        return f"{called} is not decided; bring the evidence or have a lead waive it: {'; '.join(missing)}."
    lifted = [waiver for waiver, effect in report.waivers if effect is WaiverEffect.LIFTS]
    left = [waiver.names for waiver in lifted if waiver.claim is None]
    if left:
        return f"{called} may be downloaded; what it makes is outside of the claims, as waived: {', '.join(left)}."
    if lifted:
        names = ", ".join(str(waiver.claim) for waiver in lifted)
        return f"{called} may be downloaded; the evidence waived is still to come: claim {names}."
    at_limit = [str(claim.claim) for claim in report.required if claim.verdict is Verdict.AT_LIMIT]
    at_limit += [row.id for row in report.windows if row.counts and row.verdict is Verdict.AT_LIMIT]
    if at_limit:
        return f"{called} may be downloaded; watch what is at its limit: {', '.join(at_limit)}."
    return f"{called} may be downloaded: the plan meets every required claim and every engineering window."
