"""The commands `spinline serve`, `spinline run` and `spinline token`: they start the service and let people in.

The parts that serve need packages that take half a second to import; they are imported when the command runs, so that
every other command starts without them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from spinline.edges import clock
from spinline.edges.client import ClientModel, write_client
from spinline.edges.found_boards import places_of
from spinline.edges.keys import load_key_file
from spinline.edges.run_view import watch
from spinline.edges.site import SiteModel, read_controllers
from spinline.errors import BadInput
from spinline.recipe.check import check_recipe
from spinline.recipe.line_model import Line, load_line
from spinline.recipe.reading import read_model
from spinline.record.journal import JournalBroken
from spinline.service.batches import ports_of
from spinline.service.notify import Notifier
from spinline.service.tokens import Role, add_token, read_tokens, remove_token

if TYPE_CHECKING:
    from spinline.service.running import Service

HTTP_PORT = 8471
LOOPBACK = "127.0.0.1"
TOKENS = Path("tokens.toml")
BROKEN = 1


class Mode(StrEnum):
    """What the line is."""

    SIMULATED = "simulated"
    BENCH = "bench"
    LINE = "line"


LineFile = Annotated[Path, typer.Argument(help="Line file.", metavar="LINE.toml")]
RecipeFile = Annotated[Path | None, typer.Option(help="Recipe, its certificates beside it.", metavar="RECIPE.toml")]
KeyFile = Annotated[Path | None, typer.Option(help="File with the site key.", metavar="FILE")]
Records = Annotated[Path | None, typer.Option(help="Folder of the journals.", metavar="FOLDER")]
SiteFile = Annotated[Path | None, typer.Option(help="Site file: recipe, key, records, controllers.", metavar="FILE")]
Ports = Annotated[
    list[str] | None, typer.Option("--port", help="Port of a node, by name or link.", metavar="NODE=DEVICE")
]
ModeOf = Annotated[Mode, typer.Option(help="What the line is; nodes that say otherwise are refused.")]
TokenFile = Annotated[Path, typer.Option(help="File with the hashed tokens.", metavar="FILE")]
Host = Annotated[str, typer.Option(help="Address to listen at; nothing is encrypted.", metavar="ADDRESS")]
HttpPort = Annotated[int, typer.Option(min=0, max=65535, help="Port of the interface; 0 takes a free one.")]
Firmware = Annotated[str, typer.Option(help="Firmware that every node must run (SHA-256, hex); empty: any.")]
Speed = Annotated[float, typer.Option(min=1, max=100, help="Of a simulated line's clock, times ours.")]


def serve(
    line: LineFile,
    mode: ModeOf,
    recipe: RecipeFile = None,
    key: KeyFile = None,
    records: Records = None,
    site: SiteFile = None,
    port: Ports = None,
    tokens: TokenFile = TOKENS,
    host: Host = LOOPBACK,
    http_port: HttpPort = HTTP_PORT,
    firmware: Firmware = "",
    speed: Speed = 1.0,
) -> None:
    """Supervise a line until SIGTERM, and let people in by HTTP: `spinline status`, `spinline start` and the others.

    It goes on with the batch that is under way in the folder of the records, or makes a new one, and never starts a
    line by itself.  Exit code: 0 it was told to end, 1 the journal broke, 2 the input cannot be used.
    """
    service = _service(line, mode, recipe, key, records, site, port, tokens, host, http_port, firmware, speed)
    _run(service, lambda: None)


def run(
    line: LineFile,
    mode: ModeOf,
    recipe: RecipeFile = None,
    key: KeyFile = None,
    records: Records = None,
    site: SiteFile = None,
    port: Ports = None,
    tokens: TokenFile = TOKENS,
    host: Host = LOOPBACK,
    http_port: HttpPort = HTTP_PORT,
    firmware: Firmware = "",
    speed: Speed = 1.0,
    why: Annotated[str, typer.Option(help="Why the batch is started; the record keeps it.")] = "spinline run",
) -> None:
    """Supervise a line, start its batch and show it until it is over or Ctrl-C; the interface is there as in `serve`.

    It starts an idle line only: a batch that is found under way waits for `spinline resume`.
    """
    service = _service(line, mode, recipe, key, records, site, port, tokens, host, http_port, firmware, speed)
    view = threading.Thread(target=watch, args=(service, why, Console()), name="view", daemon=True)
    _run(service, view.start)


def _run(service: Service, began: Callable[[], None]) -> None:
    try:
        service.run(began)
    except JournalBroken as broken:
        typer.echo(f"stopped: {broken}; the nodes go to hold by themselves", err=True)
        raise typer.Exit(BROKEN) from None


def _service(
    line: Path,
    mode: Mode,
    recipe: Path | None,
    key: Path | None,
    records: Path | None,
    site: Path | None,
    port: list[str] | None,
    tokens: Path,
    host: str,
    http_port: int,
    firmware: str,
    speed: float,
) -> Service:
    from spinline.service.running import Given, Service

    of_line = load_line(line)
    recipe, key, records, ports = of_site(site, recipe, key, records, port, of_line)
    report = check_recipe(recipe, clock.utc_day())
    files = (of_line, line, recipe, report, load_key_file(key), records, ports)
    given = Given(*files, mode.value, tokens, host, http_port, firmware, speed)
    return Service(given, Notifier(os.environ), typer.echo)


def of_site(
    site: Path | None, recipe: Path | None, key: Path | None, records: Path | None, port: list[str] | None, line: Line
) -> tuple[Path, Path, Path, dict[str, str]]:
    """What is not given comes from the site's file.  Raises BadInput with everything that is missing."""
    nodes = [node.name for node in line.node]
    if site is not None:
        model, folder = read_model(site, SiteModel), site.parent
        recipe, key = recipe or folder / model.recipe, key or folder / model.key
        records = records or folder / model.records
        if not port:
            boards = read_controllers(folder / model.controllers)
            places = {place.usb_serial: place.device for place in places_of(model.ports)}
            found = {name: places.get(boards[name].usb_serial) for name in nodes if name in boards}
            port = [f"{name}={device}" for name, device in found.items() if device]
    wanted = {"--recipe": recipe, "--key": key, "--records": records}
    missing = [
        f"{option} is missing: give it, or --site FILE that names it" for option, path in wanted.items() if not path
    ]
    if missing or recipe is None or key is None or records is None:
        raise BadInput(missing)
    return recipe, key, records, ports_of(port or [], nodes)


token_app = typer.Typer(name="token", help="Who may ask the service, and for what.", no_args_is_help=True)
NameOf = Annotated[str, typer.Argument(help="The person; every action is noted under this name.", metavar="NAME")]


@token_app.command("add")
def token_add(
    name: NameOf,
    role: Annotated[Role, typer.Option(help="viewer, operator, lead or admin.")],
    tokens: TokenFile = TOKENS,
    client: Annotated[Path | None, typer.Option(help="Write URL and token into this file.", metavar="FILE")] = None,
    url: Annotated[str, typer.Option(help="Of the service.")] = f"http://{LOOPBACK}:{HTTP_PORT}",
) -> None:
    """Make a token.  It is shown once, or written into a file for one person's `spinline` commands; never stored."""
    secret = add_token(tokens, name, role)
    if client is None:
        typer.echo(f"{name} is {role}; the token, shown only now:\n{secret}")
    else:
        write_client(client, ClientModel(url=url, token=secret))
        typer.echo(f"{name} is {role}; {client} has the token, readable by you only")


@token_app.command("remove")
def token_remove(name: NameOf, tokens: TokenFile = TOKENS) -> None:
    """Withdraw a token: from its next request on the service knows it no more."""
    remove_token(tokens, name)
    typer.echo(f"{name} has no token any more")


@token_app.command("list")
def token_list(tokens: TokenFile = TOKENS) -> None:
    """Who has a token, and the role."""
    for token in read_tokens(tokens):
        typer.echo(f"{token.name}: {token.role}")
