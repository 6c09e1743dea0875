"""The commands that look after a journal: `spinline verify`, `spinline legal-hold`, `spinline retire`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import apsw
import typer

from spinline.edges import clock
from spinline.errors import BadFile, BadInput
from spinline.record.chain import head, misfit
from spinline.record.days import anchors, local_day
from spinline.record.journal import Journal
from spinline.record.retention import ALWAYS, BATCH
from spinline.record.series import reading

JournalFile = Annotated[Path, typer.Argument(help="Journal of the batch.", metavar="JOURNAL")]
Who = Annotated[str, typer.Option(help="Your name, for the record.", metavar="NAME")]
Why = Annotated[str, typer.Option(help="The reason, for the record.", metavar="TEXT")]


def verify(journal: JournalFile) -> None:
    """Walk the chain of a journal's records, and check the structure of its files.

    Exit code: 0 where every record fits, 1 with the first that does not, 2 where the journal cannot be read.
    """
    with reading(journal) as connection:
        try:
            wrong = _damaged(connection) or misfit(connection, anchors(connection))
            n, sha256 = head(connection)
        except apsw.Error as problem:
            raise BadFile(journal, [f"cannot be read: {problem}"]) from problem
    if wrong is None:
        typer.echo(f"{journal}: {n} records fit, newest {sha256}")
        return
    typer.echo(f"{journal}: {wrong}" if isinstance(wrong, str) else f"{journal}: record {wrong.n} {wrong.why}")
    raise typer.Exit(1)


def _damaged(connection: apsw.Connection) -> str | None:
    """What SQLite finds wrong with the structure of a file, or None."""
    for _i, schema, file in connection.execute("PRAGMA database_list").fetchall():
        found = "ok" if schema == "temp" else connection.execute(f"PRAGMA {schema}.integrity_check(1)").get
        if found != "ok":
            return f"{Path(str(file)).name} is damaged: {found}"
    return None


def legal_hold(
    journal: JournalFile,
    who: Who,
    why: Why,
    day: Annotated[str | None, typer.Option(help="Hold this day of the plant; all of it else.", metavar="DATE")] = None,
    zone: Annotated[str, typer.Option(help="The plant's time zone.", metavar="ZONE")] = "UTC",
    release: Annotated[bool, typer.Option("--release", help="End this hold.")] = False,
) -> None:
    """Forbid that scans of a batch, or a day, are retired, until a person releases them.  Nobody may write meanwhile.

    Exit code: 0, or 2 where it cannot be done.
    """
    scope = BATCH if day is None else f"{day} {zone}"
    within = ALWAYS if day is None else local_day(day, zone)
    record = Journal.open(journal)
    try:
        if release:
            record.release(clock.utc_us(), scope, who, why)
        else:
            record.hold(clock.utc_us(), scope, within, who, why)
        record.commit()
    finally:
        record.close()
    typer.echo(f"{journal}: {'released' if release else 'held'}: {scope}")


def retire(
    journal: JournalFile,
    keep_days: Annotated[int, typer.Option(help="Days that stay.", min=1, metavar="N")],
    who: Who,
    why: Why,
) -> None:
    """Unlink the files of days that are older and that no legal hold names.  Records stay.  Nobody may write meanwhile.

    Exit code: 0, or 2 where it cannot be done.
    """
    if keep_days < 1:
        raise BadInput([f"keep-days: {keep_days} is too few: at least 1 day stays"])
    record = Journal.open(journal)
    try:
        files = record.retire(clock.utc_us(), keep_days, who, why)
    finally:
        record.close()
    typer.echo("\n".join(files) or "nothing is that old, or all of it is held")
