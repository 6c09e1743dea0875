"""The commands `spinline flash`, `spinline bundle` and `spinline flashes`: their options.

What they do needs the packages of the extra ``flashing``; it is imported when a command runs, so that every other
command works and starts without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from spinline.edges import flash_record
from spinline.edges.flash_targets import ALL, Options
from spinline.edges.site import SITE_FILE, read_site
from spinline.errors import BadInput

SiteOption = Annotated[Path, typer.Option("--site", help="Site file of this PC.", metavar="SITE.toml")]
ArchOption = Annotated[
    list[str] | None, typer.Option("--arch", help="Compile for another processor.", metavar="BOARD=ARCH")
]


def flash(
    bundle: Annotated[Path | None, typer.Option(help="The release to flash.", metavar="FILE.zip")] = None,
    source: Annotated[Path | None, typer.Option(help="Sources to compile instead.", metavar="FOLDER")] = None,
    controller: Annotated[str, typer.Option(help="Which one; or all of the line.", metavar="NAME")] = ALL,
    site: SiteOption = Path(SITE_FILE),
    line: Annotated[Path | None, typer.Option(help="Line file, not the site's.", metavar="LINE.toml")] = None,
    key: Annotated[Path | None, typer.Option("--key", "--keys", help="Site key, not the site's.", metavar="FILE")]
    = None,
    show: Annotated[bool, typer.Option("--list", help="Show what is connected, and end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge everything, change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
    allow_downgrade: Annotated[bool, typer.Option("--allow-downgrade", help="Take an older version.")] = False,
    cold: Annotated[bool, typer.Option("--cold", help="A person has seen that no heater is hot.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Another board becomes this controller.")] = False,
    board: Annotated[str, typer.Option(help="Kind of an empty board, where it is not clear.", metavar="KIND")] = "",
    interpreter: Annotated[bool, typer.Option("--interpreter", help="First put MicroPython onto an empty one.")]
    = False,
    arch: ArchOption = None,
) -> None:  # fmt: skip
    """Bring a firmware onto the line's controllers; what fails its trial is undone by the controller itself.

    Exit code: 0 done, 10 refused and nothing changed, 20 the old firmware runs again, 30 port, cable or PC, 40 a
    controller needs its safe mode; tools/FLASHING.md explains every message.
    """
    try:
        # only this command needs them: see the first lines of this file
        from spinline.edges import flash_command
    except ImportError as error:
        raise BadInput([f"flashing needs {error.name}: pip install 'spinline[flashing]'"]) from None
    options = Options(controller, replace, dry_run, allow_downgrade, cold, board, interpreter)
    raise typer.Exit(flash_command.run_flash((site, line, key), bundle, source, arch or [], options, show, as_json))


def bundle(
    out: Annotated[Path, typer.Argument(help="The zip that is made.", metavar="OUT.zip")],
    source: Annotated[Path, typer.Option(help="Folder of the sources.", metavar="FOLDER")],
    key: Annotated[Path, typer.Option(help="Secret release key.", metavar="FILE")],
    version: Annotated[str, typer.Option(help="Version of the release.", metavar="X.Y.Z")],
    image: Annotated[list[str] | None, typer.Option(help="MicroPython for a board.", metavar="BOARD=FILE")] = None,
    arch: ArchOption = None,
) -> None:  # fmt: skip
    """Compile a release for every kind of board, sign it, and write it into one file.  Equal sources, equal bytes."""
    try:
        # as above
        from spinline.edges import flash_command
    except ImportError as error:
        raise BadInput([f"flashing needs {error.name}: pip install 'spinline[flashing]'"]) from None
    flash_command.run_bundle(out, source, key, version, image or [], arch or [])


def flashes(site: SiteOption = Path(SITE_FILE)) -> None:
    """Show the record of every flash, and whether it is whole.  Exit code: 0 it is, 1 a line was changed or lost."""
    folder = read_site(site).records
    table = Table("n", "at", "who", "controller", "version", "result", "seconds")
    for entry in flash_record.entries_of(folder):
        keys = ("n", "at", "who", "controller", "version", "result", "duration_s")
        table.add_row(*(str(entry.get(one, "")) for one in keys))
    Console().print(table)
    problem = flash_record.problem_of(folder)
    if problem:
        typer.echo(problem, err=True)
        raise typer.Exit(1)
