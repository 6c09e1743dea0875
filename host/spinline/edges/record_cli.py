"""The commands that read a batch's journal for people: `spinline metres` and `spinline report`."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import apsw
import typer
from rich.console import Console
from rich.table import Table

from spinline.claims.catalog import window
from spinline.edges.service_view import banner
from spinline.edges.whole_file import write_whole
from spinline.errors import BadFile, BadInput
from spinline.line.ledger import Ledger, Metre
from spinline.line.metre_totals import Metres
from spinline.line.span import Span
from spinline.recipe.line_model import Line, load_line
from spinline.record.metres import ledger
from spinline.record.metres import metres as added_up
from spinline.record.mode import mode_of
from spinline.record.page.page import page
from spinline.record.series import fetch, reading

DIGITS = 7  # significant, of a number in the file


def metres(
    journal: Annotated[Path, typer.Argument(help="Journal of the batch.", metavar="JOURNAL")],
    line: Annotated[Path, typer.Option(help="Line file of the batch.", metavar="LINE.toml")],
    to_csv: Annotated[Path | None, typer.Option("--csv", help="Write one row a metre.", metavar="FILE")] = None,
    to_parquet: Annotated[Path | None, typer.Option("--parquet", help="The same as Parquet.", metavar="FILE")] = None,
) -> None:
    """Say how many metres passed, and why others did not; with --csv every metre with what acted on it.

    A metre is one at take-up.  Each quantity is carried to the metre it acted on: feeders through the extruder to the
    die, quench, baths, stretch.  Exit code: 0, or 2 where the input cannot be used.
    """
    of_line = load_line(line)
    with reading(journal) as connection:
        _same_line(connection, journal, line)
        rows, mode = list(ledger(connection, of_line)), mode_of(connection)
    if to_csv is not None:
        write_whole(to_csv, csv_of(rows, of_line, mode))
    if to_parquet is not None:
        _write_parquet(to_parquet, rows, of_line, mode)
    Console().print(banner(mode), _table(added_up(rows)), sep="\n")


def _write_parquet(path: Path, rows: list[Metre], line: Line, mode: str) -> None:
    try:
        # only this option needs its package: commands start without it
        from spinline.edges.parquet_file import write_metres
    except ImportError as error:
        raise BadInput([f"--parquet needs {error.name}: pip install 'spinline[parquet]'"]) from None
    write_metres(path, rows, line, mode)


def report(
    journal: Annotated[Path, typer.Argument(help="Journal of the batch.", metavar="JOURNAL")],
    line: Annotated[Path, typer.Option(help="Line file of the batch.", metavar="LINE.toml")],
    to: Annotated[Path | None, typer.Option(help="Where to; beside the journal when left out.", metavar="FILE")] = None,
) -> None:
    """Write the report of a batch: metres, deviations, claims, trends, people, events, what is missing.

    One HTML file that needs nothing else; it can be written while the batch runs.  Exit code: 0, or 2 where the input
    cannot be used.
    """
    of_line = load_line(line)
    with reading(journal) as connection:
        _same_line(connection, journal, line)
        text = page(connection, of_line)
    path = journal.with_name("report.html") if to is None else to
    write_whole(path, text)
    typer.echo(str(path))


def csv_of(rows: Iterable[Metre], line: Line, mode: str) -> str:
    """One row a metre below the names of the columns; each says the mode of its line."""
    judged_by = Ledger.of(line).judged_by
    columns = [f"{name} {part} [{window(name).unit}]" for name in judged_by for part in ("low", "high", "2 sigma")]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["metre", "length [m]", "finished [m]", "taken up [UTC]", "verdict", "reason", *columns, "mode"])
    table.writerows([*_row(metre, judged_by), mode or "not known"] for metre in rows)
    return text.getvalue()


def _row(metre: Metre, judged_by: tuple[str, ...]) -> list[str]:
    taken_up = datetime.fromtimestamp(metre.taken_up_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    begin = [str(metre.number), _number(metre.length_m), _number(metre.finished_m), taken_up]
    spans = [part for name in judged_by for part in _parts(metre.spans.get(name))]
    return [*begin, metre.verdict.value, metre.reason, *spans]


def _parts(span: Span | None) -> list[str]:
    return ["", "", ""] if span is None else [_number(span.low), _number(span.high), _number(span.uncertainty)]


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.{DIGITS}g}"


def _same_line(connection: apsw.Connection, journal: Path, line: Path) -> None:
    """A batch is judged by the line it was made on."""
    batches = fetch(connection, "SELECT name, line_sha256 FROM batch")
    if not batches:
        raise BadFile(journal, ["has no batch yet"])
    name, of_batch = batches[0]
    if hashlib.sha256(line.read_bytes()).hexdigest() != of_batch:
        raise BadFile(line, [f"is not the line file that batch {name} was made with (SHA-256 {of_batch[:12]}...)"])


def _table(judged: Metres) -> Table:
    """Metres by verdict, and by reason below it."""
    table = Table("metres", "m", "why")
    table.add_row("made", f"{judged.made:.1f}", "")
    table.add_row("PASS", f"{judged.passed:.1f}", "")
    if judged.at_limit:
        table.add_row("AT_LIMIT", f"{judged.at_limit:.1f}", "inside, by less than the uncertainty")
    for name, reasons in (
        ("FAIL", judged.fail_reasons), ("UNKNOWN", judged.unknown_reasons), ("SCRAP", judged.scrap_reasons)
    ):  # fmt: skip
        for why, length_m in reasons.items():
            table.add_row(name, f"{length_m:.1f}", why)
    return table
