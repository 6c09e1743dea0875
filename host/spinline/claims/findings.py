"""A finding: one verdict with its reasons, evidence and windows; and how findings join.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from spinline.claims.exact import plain
from spinline.claims.verdicts import Verdict, best, worst
from spinline.claims.windows import WindowRow


@dataclass(frozen=True)
class Finding:
    """What was found on one question.  `reasons` are for a technician; `evidence` names the papers."""

    verdict: Verdict
    reasons: tuple[str, ...]
    evidence: tuple[str, ...] = ()
    rows: tuple[WindowRow, ...] = ()


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def all_of(findings: Iterable[Finding]) -> Finding:
    """Every one is needed: the worst verdict, and the reasons of those that have it."""
    members = tuple(findings)
    verdict = worst(member.verdict for member in members)
    return Finding(
        verdict,
        _once(reason for member in members if member.verdict is verdict for reason in member.reasons),
        _once(paper for member in members for paper in member.evidence),
        tuple(dict.fromkeys(row for member in members for row in member.rows)),
    )


def besides(first: Finding, added: Finding) -> Finding:
    """Both are needed; where both are met, only what was added is worth telling."""
    joined = all_of((first, added))
    return replace(joined, reasons=added.reasons) if joined.verdict is added.verdict is Verdict.PASS else joined


def any_of(findings: Iterable[Finding]) -> Finding:
    """One is enough: the best verdict, and everything of those that have it."""
    members = tuple(findings)
    verdict = best(member.verdict for member in members)
    return all_of(member for member in members if member.verdict is verdict)


def bounds_text(row: WindowRow) -> str:
    """The bounds in words: "70 to 250", "above 0, at most 1", "above 1", "no bounds"."""
    if row.low is not None and row.low == row.high:
        return plain(row.low)
    if row.low is not None and row.high is not None and row.low_inclusive and row.high_inclusive:
        return f"{plain(row.low)} to {plain(row.high)}"
    low = "" if row.low is None else f"{'at least' if row.low_inclusive else 'above'} {plain(row.low)}"
    high = "" if row.high is None else f"{'at most' if row.high_inclusive else 'below'} {plain(row.high)}"
    return ", ".join(bound for bound in (low, high) if bound) or "no bounds"


def measured_text(row: WindowRow) -> str:
    """The number with its uncertainty and unit: "1 ± 0.05 mol/100 mol VDF"."""
    if row.value is None:
        return "unknown"
    unit = "" if row.unit == "-" else f" {row.unit.replace('degC', '°C')}"
    return f"{plain(row.value)}{f' ± {plain(row.uncertainty, 2)}' if row.uncertainty else ''}{unit}"


def row_finding(row: WindowRow) -> Finding:
    """The finding that is just one window."""
    where = f"lot {row.place}: " if row.place else ""
    number = "" if row.value is None else f" {measured_text(row)}"
    reason = f"{where}{row.quantity}{number}: {row.reason} ({bounds_text(row)})"
    return Finding(row.verdict, (reason,), (row.evidence,), (row,))
