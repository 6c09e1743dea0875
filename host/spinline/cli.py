"""The command line: `spinline ...`.  Names the commands, calls what works, prints; decides nothing."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console

from spinline.edges import clock
from spinline.edges import keys as key_files
from spinline.edges.client_cli import add_commands
from spinline.edges.commission_cli import commission
from spinline.edges.flash_cli import bundle, flash, flashes
from spinline.edges.journal_cli import legal_hold, retire, verify
from spinline.edges.link_cli import link_app
from spinline.edges.mode_cli import mode, modes
from spinline.edges.record_cli import metres, report
from spinline.edges.replay_cli import replay
from spinline.edges.serve_cli import run, serve, token_app
from spinline.edges.signing import load_public_key, new_release_key
from spinline.edges.tune_cli import tune
from spinline.errors import BadInput, SpinlineError
from spinline.recipe.certificate import Certificate
from spinline.recipe.check import CheckExit, check_recipe
from spinline.recipe.line_check import check_on_line
from spinline.recipe.line_model import load_line
from spinline.recipe.models import Recipe
from spinline.recipe.report import line_json, render, render_line, report_json
from spinline.recipe.waiver import Waiver

FILE_COLUMNS_N = 120  # when the report goes into a file or a pipe

app = typer.Typer(
    name="spinline",
    help="Hollow-fiber spinning line: check recipes, run batches, read the record.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(link_app)
app.command()(tune)
app.command()(mode)
app.command()(modes)
app.command()(verify)
app.command("legal-hold")(legal_hold)
app.command()(retire)
app.command()(metres)
app.command()(report)
app.command()(replay)
app.command()(commission)
app.command()(flash)
app.command()(flashes)
app.command()(bundle)
app.command()(serve)
app.command()(run)
app.add_typer(token_app)
add_commands(app)


@app.callback()
def _spinline() -> None:
    """Hollow-fiber spinning line: check recipes, run batches, read the record."""


class SchemaOf(StrEnum):
    """The files a person writes."""

    RECIPE = "recipe"
    CERTIFICATE = "certificate"
    WAIVER = "waiver"


_MODELS: dict[SchemaOf, type[BaseModel]] = {
    SchemaOf.RECIPE: Recipe,
    SchemaOf.CERTIFICATE: Certificate,
    SchemaOf.WAIVER: Waiver,
}


def _print_json(answer: object) -> None:
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def _refuse(error: SpinlineError, as_json: bool) -> typer.Exit:
    """Say why, without a traceback; the caller raises what is returned."""
    problems = error.problems if isinstance(error, BadInput) else (str(error),)
    if as_json:
        _print_json({"exit": int(CheckExit.UNREADABLE), "problems": list(problems)})
    for problem in problems if not as_json else ():
        typer.echo(f"refused: {problem}", err=True)
    return typer.Exit(CheckExit.UNREADABLE)


@app.command()
def check(
    recipe: Annotated[Path, typer.Argument(help="Recipe file (TOML).", metavar="RECIPE.toml")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    line: Annotated[Path | None, typer.Option(help="Check it on this line, too.", metavar="LINE.toml")] = None,
) -> None:
    """Check a recipe and its lot certificates against the claims and the windows, before any download.

    With --line, the setpoints are compared with the limits of the interlocks that the nodes will hold.  Exit code: 0
    met, 1 a required claim or an engineering window fails or the line cannot run it, 2 the input cannot be used, 3 a
    required claim is UNKNOWN or AMBIGUOUS and not waived.
    """
    try:
        report = check_recipe(recipe, clock.utc_day())
        on_line = check_on_line(report.recipe, load_line(line)) if line else None
    except BadInput as error:
        raise _refuse(error, as_json) from None
    if as_json:
        _print_json(report_json(report) | ({"line": line_json(on_line)} if on_line else {}))
    else:
        shown = [render(report)] + ([render_line(on_line)] if on_line else [])
        Console(width=None if sys.stdout.isatty() else FILE_COLUMNS_N).print(*shown)
    refused = on_line is not None and on_line.problems
    raise typer.Exit(int(CheckExit.REFUSED if refused else report.exit_code))


@app.command()
def schema(
    of: Annotated[SchemaOf | None, typer.Argument(help="recipe, certificate or waiver; all when left out.")] = None,
) -> None:
    """Print the JSON Schema of recipe, certificate and waiver files."""
    if of is not None:
        _print_json(_MODELS[of].model_json_schema())
    else:
        _print_json({name.value: model.model_json_schema() for name, model in _MODELS.items()})


keys_app = typer.Typer(name="keys", help="The key of the site, from which the nodes' keys come.", no_args_is_help=True)
app.add_typer(keys_app)
KeyFile = Annotated[Path, typer.Argument(help="File with the site key.", metavar="FILE")]


@keys_app.command("new")
def keys_new(file: KeyFile) -> None:
    """Make a site key, readable by you only.  A file that exists is not touched."""
    try:
        key = key_files.new_key_file(file)
    except BadInput as error:
        raise _refuse(error, as_json=False) from None
    typer.echo(f"{file}: site key {key_files.fingerprint(key)}")


@keys_app.command("show")
def keys_show(file: KeyFile) -> None:
    """Print the fingerprint of a site key, never the key."""
    try:
        key = key_files.load_key_file(file)
    except BadInput as error:
        raise _refuse(error, as_json=False) from None
    typer.echo(f"{file}: site key {key_files.fingerprint(key)}")


@keys_app.command("sign-new")
def keys_sign_new(file: KeyFile) -> None:
    """Make the key that signs releases, readable by you only; its public key beside it is for every PC that flashes."""
    public = new_release_key(file)
    typer.echo(f"{file}: keep it secret; {public}: release key {load_public_key(public).hex()[:16]}")


def main() -> None:
    """Entry point of the `spinline` command; our errors are a sentence and exit code 2, no traceback."""
    try:
        app()
    except SpinlineError as error:
        sys.exit(_refuse(error, as_json=False).exit_code)


if __name__ == "__main__":
    main()
