"""The commands that ask a running service: `spinline status`, `start`, `hold`, `resume` and the others.

Who asks is the name of the token.  Exit code: 0 done, 1 refused, with what is possible, 2 the input cannot be used,
3 the service does not answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from spinline.edges.client import Client, ClientModel, NoAnswer, read_client
from spinline.edges.service_view import alarms_view, resume_view, status_view
from spinline.errors import BadFile, Refused

FILE_COLUMNS_N = 160  # when a view goes into a file or a pipe
CLIENT = Path("client.toml")
REFUSED, NO_ANSWER = 1, 3

ClientFile = Annotated[Path, typer.Option(help="File with URL and token.", metavar="FILE", envvar="SPINLINE_CLIENT")]
Url = Annotated[str | None, typer.Option(help="Of the service, with --token; goes before the file.")]
Token = Annotated[str | None, typer.Option(help="A token; better by the environment.", envvar="SPINLINE_TOKEN")]
WhyOf = Annotated[str, typer.Option(help="Why; the record keeps it.")]
NeededWhy = Annotated[str, typer.Option(help="Why; the record keeps it.", metavar="TEXT")]
PointOf = Annotated[str, typer.Argument(help="The alarm, as `spinline alarms` names it.", metavar="ALARM")]


@contextmanager
def _asking(client: Path, url: str | None, token: str | None) -> Iterator[Client]:
    """A client; what it raises becomes a sentence and an exit code."""
    given = ClientModel(url=url, token=token) if url and token else read_client(client)
    try:
        yield Client(given)
    except Refused as refusal:
        typer.echo(f"refused: {refusal}", err=True)
        raise typer.Exit(REFUSED) from None
    except NoAnswer as silence:
        typer.echo(f"no answer: {silence}", err=True)
        raise typer.Exit(NO_ANSWER) from None


def _print(view: RenderableType) -> None:
    Console(width=None if sys.stdout.isatty() else FILE_COLUMNS_N).print(view)


def _order(service: Client, name: str, body: dict[str, Any]) -> None:
    done = service.order(name, body)
    typer.echo(f"[{done['mode']}] {done['what']}: done, in the record as {done['who']}; the batch is {done['state']}")


def status(client: ClientFile = CLIENT, url: Url = None, token: Token = None) -> None:
    """Show the batch, the nodes and what calls."""
    with _asking(client, url, token) as service:
        _print(status_view(service.get("status")))


def alarms(client: ClientFile = CLIENT, url: Url = None, token: Token = None) -> None:
    """Show every alarm that is not normal, and what to do."""
    with _asking(client, url, token) as service:
        _print(alarms_view(service.get("alarms")))


def resume(
    why: WhyOf = "",
    yes: Annotated[bool, typer.Option("--yes", help="Show, and do not ask.")] = False,
    client: ClientFile = CLIENT,
    url: Url = None,
    token: Token = None,
) -> None:
    """Show what ran, the gap and the temperatures; go on with the batch where the person says so."""
    with _asking(client, url, token) as service:
        shown = service.get("resume")
        _print(resume_view(shown))
        if not yes and not typer.confirm("go on?"):
            typer.echo("nothing was done")
            raise typer.Exit(REFUSED)
        _order(service, "resume", {"shown": shown["shown"], "why": why})


def set_number(
    key: Annotated[str, typer.Argument(help="As in the recipe: melt.z1_temperature_C.", metavar="KEY")],
    value: Annotated[str, typer.Argument(help="As it is written there.", metavar="VALUE")],
    why: NeededWhy,
    client: ClientFile = CLIENT,
    url: Url = None,
    token: Token = None,
) -> None:
    """Set another number of the recipe in force; it is judged as `spinline check` does before anything is sent."""
    with _asking(client, url, token) as service:
        _order(service, "set", {"tag": key, "value": value, "why": why})


def set_recipe(
    recipe: Annotated[Path, typer.Argument(help="Another version of the recipe.", metavar="RECIPE.toml")],
    why: NeededWhy,
    client: ClientFile = CLIENT,
    url: Url = None,
    token: Token = None,
) -> None:
    """Put another version of the recipe in force; its lots and claims stay as they are to the end of the batch."""
    try:
        text = recipe.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadFile(recipe, [f"cannot be read: {problem}"]) from None
    with _asking(client, url, token) as service:
        _order(service, "recipe", {"toml": text, "why": why})


def note(
    words: Annotated[str, typer.Argument(help="What the record keeps.", metavar="TEXT")],
    client: ClientFile = CLIENT,
    url: Url = None,
    token: Token = None,
) -> None:
    """Put words into the record."""
    with _asking(client, url, token) as service:
        _order(service, "note", {"why": words})


def shelve(
    point: PointOf,
    why: NeededWhy,
    minutes: Annotated[int, typer.Option(min=1, max=480, help="For how long.")] = 60,
    client: ClientFile = CLIENT,
    url: Url = None,
    token: Token = None,
) -> None:
    """Put an alarm out of sight for some time; never one of priority 1."""
    with _asking(client, url, token) as service:
        _order(service, "shelve", {"point": point, "why": why, "seconds": minutes * 60})


@dataclass(frozen=True)
class OfBatch:
    """A command of the batch that needs no more than a reason."""

    name: str
    says: str


@dataclass(frozen=True)
class OfAlarm:
    """A command about one alarm.  ``path`` is the service's."""

    name: str
    path: str
    says: str


OF_BATCH = (
    OfBatch("start", "Start the batch as soon as every node is ready."),
    OfBatch("hold", "Bring the fiber to a stand; the zones stay warm."),
    OfBatch("stop", "Run the line out and stop it."),
    OfBatch("abort", "The declared safe order, now."),
)
OF_ALARM = (
    OfAlarm("ack", "acknowledge", "Say that an alarm was seen."),
    OfAlarm(
        "reset",
        "reset",
        "Let a latched alarm go whose cause is gone; or reset a node, named as `spinline status` does.",
    ),
    OfAlarm("unshelve", "unshelve", "Bring an alarm back before its time."),
    OfAlarm("out-of-service", "out-of-service", "Take an alarm out of service for repair."),
    OfAlarm("in-service", "in-service", "Bring an alarm back into service."),
)


def _of_batch(command: OfBatch) -> Callable[..., None]:
    def ask(why: WhyOf = "", client: ClientFile = CLIENT, url: Url = None, token: Token = None) -> None:
        with _asking(client, url, token) as service:
            _order(service, command.name, {"why": why})

    return ask


def _of_alarm(command: OfAlarm) -> Callable[..., None]:
    def ask(point: PointOf, why: WhyOf = "", client: ClientFile = CLIENT, url: Url = None, token: Token = None) -> None:
        with _asking(client, url, token) as service:
            _order(service, command.path, {"point": point, "why": why})

    return ask


def add_commands(app: typer.Typer) -> None:
    """All of them."""
    for function in (status, alarms, resume, note, shelve):
        app.command()(function)
    app.command("set")(set_number)
    app.command("set-recipe")(set_recipe)
    for of_batch in OF_BATCH:
        app.command(of_batch.name, help=of_batch.says)(_of_batch(of_batch))
    for of_alarm in OF_ALARM:
        app.command(of_alarm.name, help=of_alarm.says)(_of_alarm(of_alarm))
