"""A check report as a technician reads it, and as a program reads it.  Pure: it builds, the edge prints."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from spinline.claims.catalog import CLAIMS
from spinline.claims.exact import plain
from spinline.claims.findings import bounds_text, measured_text
from spinline.claims.judgement import ClaimVerdict
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import WindowRow
from spinline.recipe.check import CheckReport, WaiverEffect
from spinline.recipe.conclusion import conclusion
from spinline.recipe.line_check import LineReport

DIGITS_SHOWN_N = 5
JSON_DIGITS_N = 15  # what a double holds; the verdicts are made on the exact decimals

_STYLES = {
    Verdict.PASS: "green",
    Verdict.AT_LIMIT: "yellow",
    Verdict.AMBIGUOUS: "magenta",
    Verdict.UNKNOWN: "magenta",
    Verdict.FAIL: "bold red",
}


def _json_number(number: Decimal | None) -> float | None:
    return None if number is None else float(plain(number, JSON_DIGITS_N))


def _window_json(row: WindowRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "quantity": row.quantity,
        "tier": row.tier,
        "place": row.place,
        "value": _json_number(row.value),
        "uncertainty": _json_number(row.uncertainty),
        "unit": row.unit,
        "low": _json_number(row.low),
        "high": _json_number(row.high),
        "margin": _json_number(row.margin),
        "verdict": row.verdict.value,
        "counts": row.counts,
        "reason": row.reason,
        "source": row.source,
    }


def _claim_json(claim: ClaimVerdict, report: CheckReport) -> dict[str, Any]:
    return {
        "verdict": claim.verdict.value,
        "required": claim.claim in report.recipe.recipe.required_claims,
        "chain": claim.chain_text,
        "reason": claim.reason,
        "evidence": list(claim.evidence),
    }


def report_json(report: CheckReport) -> dict[str, Any]:
    """The whole report as plain JSON values.  Numbers are rounded to 15 digits for display only."""
    header = report.recipe.recipe
    return {
        "recipe": {
            "file": str(report.recipe_path),
            "name": header.name,
            "version": header.version,
            "line": header.line,
            "author": header.author,
        },
        "basis": report.basis.value,
        "exit": int(report.exit_code),
        "conclusion": conclusion(report),
        "claims": {str(number): _claim_json(claim, report) for number, claim in report.claims.items()},
        "windows": [_window_json(row) for row in report.windows],
        "waivers": [{**waiver.model_dump(mode="json"), "effect": effect.value} for waiver, effect in report.waivers],
    }


def line_json(report: LineReport) -> dict[str, Any]:
    """The line's part of the report as plain JSON values."""
    return {
        "limits": [{**asdict(row), "margin": row.margin} for row in report.limits],
        "windows": [_window_json(row) for row in report.windows],
        "configurations": report.configurations,
        "problems": list(report.problems),
    }


def _verdict_text(verdict: Verdict) -> Text:
    return Text(verdict.value, style=_STYLES[verdict])


def _number_text(number: Decimal | None) -> str:
    return "-" if number is None else plain(number, DIGITS_SHOWN_N)


def _add(table: Table, *cells: str | Text) -> None:
    """One line of a table; words are shown as they are, never read as markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def _own_rows(claim: ClaimVerdict) -> tuple[WindowRow, ...]:
    """The windows the claim adds by itself: the melting point for claim 8, not the monomer of claim 1."""
    return tuple(row for row in claim.rows if row.id in CLAIMS[claim.claim].windows)


def _claims_table(report: CheckReport) -> Table:
    table = Table(title="Claims (* required)", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for name in ("value", "bounds", "margin", "reason"):
        table.add_column(name, overflow="fold")
    for claim in report.claims.values():
        _add_claim(table, claim, claim.claim in report.recipe.recipe.required_claims)
    return table


def _add_claim(table: Table, claim: ClaimVerdict, is_required: bool) -> None:
    """One line for the claim and why; one more for each number it rests on."""
    called = f"{claim.claim} *" if is_required else str(claim.claim)
    reason = f"met: {claim.chain_text}" if claim.verdict is Verdict.PASS else claim.reason
    verdict = _verdict_text(claim.verdict) if is_required else Text(claim.verdict.value, style="dim")
    rows = _own_rows(claim)
    if len(rows) == 1:
        numbers = (measured_text(rows[0]), bounds_text(rows[0]), _number_text(rows[0].margin))
        _add(table, called, verdict, *numbers, reason)
        return
    _add(table, called, verdict, "", "", "", reason)
    for row in rows:
        why = row.quantity if row.verdict is Verdict.PASS else f"{row.quantity}: {row.reason}"
        numbers = (measured_text(row), bounds_text(row), _number_text(row.margin))
        _add(table, "", _verdict_text(row.verdict), *numbers, why)


def _windows_table(report: CheckReport) -> Table:
    table = Table(title="Windows ((i): for information)", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("window", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for name in ("value", "bounds", "margin", "quantity"):
        table.add_column(name, overflow="fold")
    for row in report.windows:
        if row.tier == "claimed":
            continue
        verdict = _verdict_text(row.verdict) if row.counts else Text(f"{row.verdict.value} (i)", style="dim")
        place = f" ({row.place})" if row.place else ""
        limits, margin = bounds_text(row), _number_text(row.margin)
        _add(table, row.id, verdict, measured_text(row), limits, margin, f"{row.quantity}{place}")
    return table


def _waivers_text(report: CheckReport) -> list[Text]:
    return [
        Text(
            f"Waiver of {waiver.names} by {waiver.person}, {waiver.role}, until {waiver.until} "
            f"({waiver.what}; {waiver.reason}): {effect.value}.",
            style="bold red" if effect is WaiverEffect.VOID else "",
        )
        for waiver, effect in report.waivers
    ]


def render_line(report: LineReport) -> Group:
    """Limits of the interlocks beside the setpoints, the path's residence, and the hashes the nodes must confirm."""
    table = Table(title="On the line", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("interlock", "acts at", "setpoint", "margin"):
        table.add_column(name, overflow="fold")
    for row in report.limits:
        side = "above" if row.is_high else "below"
        margin = Text(f"{row.margin:g}", style="" if row.margin > 0 else "bold red")
        _add(table, f"{row.node} {row.interlock} ({row.row})", f"{side} {row.limit:g}", f"{row.setpoint:g}", margin)
    rows = [Text(f"{row.id} by {row.place}: {measured_text(row)}, {row.verdict.value}") for row in report.windows]
    hashes = [Text(f"configuration of {name}: {told[:16]}") for name, told in report.configurations.items()]
    problems = [Text(f"The line cannot run it: {problem}", style="bold red") for problem in report.problems]
    return Group(table, *rows, *hashes, *problems)


def render(report: CheckReport) -> Group:
    """Claims, windows, waivers and the conclusion, for a console of any width."""
    header = report.recipe.recipe
    title = Text(f"{header.name} version {header.version}, line {header.line}, judged as {report.basis.value}")
    end = Text(conclusion(report), style="bold")
    return Group(title, _claims_table(report), _windows_table(report), *_waivers_text(report), end)
