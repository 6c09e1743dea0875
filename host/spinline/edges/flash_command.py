"""What `spinline flash` and `spinline bundle` do with their options: files, progress, outcome.

Needs the packages of the extra ``flashing``, so only the commands themselves import it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from spinline.edges import firmware_build
from spinline.edges.bundle import Bundle, bundle_of, read_bundle, write_bundle
from spinline.edges.flash import Flash, Outcome, board_rows, flashing_alone
from spinline.edges.flash_targets import ALL, Options
from spinline.edges.signing import load_secret_key
from spinline.edges.site import Site, read_site
from spinline.errors import BadInput
from spinline.line.flash_messages import REFUSED, FlashStopped

STEPS = {
    "look": "look whether the line is cold",
    "send": "upload",
    "build": "verify on the board",
    "watch": "try, watched for a minute",
    "record": "record",
    "interpreter": "put MicroPython onto it",
    "set-up": "set up",
}


def run_flash(
    site: tuple[Path, Path | None, Path | None], bundle: Path | None, source: Path | None, architectures: list[str],
    options: Options, show: bool, as_json: bool,
) -> int:  # fmt: skip
    """All of `spinline flash`; returns its exit code.  ``site``: its file, line file and key, or None for its own."""
    try:
        if options.interpreter and options.controller == ALL:
            raise BadInput(["--interpreter is for one board: say which one it becomes, --controller NAME"])
        here = read_site(*site)
        if show:
            _show_boards(board_rows(here), as_json)
            return 0
        release = _release(here, bundle, source, architectures)
        with flashing_alone(here.records), _Shown(as_json) as shown:
            return _end(Flash(here, release, options, shown.told).run(), as_json)
    except FlashStopped as error:
        stopped = error
    except BadInput as error:
        return _end_bad(error, as_json)
    except KeyboardInterrupt:
        stopped = FlashStopped("interrupted", controller="every controller")
    name = str(stopped.words.get("controller", ""))
    return _end([Outcome(name, stopped.code, str(stopped), stopped.action)], as_json)


def run_bundle(out: Path, source: Path, key: Path, version: str, images: list[str], architectures: list[str]) -> None:
    """All of `spinline bundle`.  Raises BadInput."""
    secret = load_secret_key(key)
    of_boards = {name: Path(file) for name, file in _pairs(images).items()}
    parts = firmware_build.release_of(source, version, of_boards, _pairs(architectures))
    sha256 = write_bundle(out, version, parts, secret)
    files_n = sum(len(part.image.files) for part in parts.values())
    typer.echo(f"{out}: version {version}, {files_n} files for {', '.join(parts)}, sha256 {sha256[:16]}")


def _pairs(given: list[str]) -> dict[str, str]:
    """BOARD=WORD of options.  Raises BadInput."""
    bad = [one for one in given if not all(one.partition("="))]
    if bad:
        raise BadInput([f"{one!r} must be BOARD=..., as rp2350b=firmware.uf2" for one in bad])
    return {board: word for board, _equals, word in (one.partition("=") for one in given)}


def _release(site: Site, bundle: Path | None, source: Path | None, architectures: list[str]) -> Bundle:
    if (bundle is None) == (source is None):
        raise BadInput(["say what to flash: either --bundle FILE.zip or --source FOLDER"])
    if bundle is not None:
        if not site.release_key:
            raise BadInput(["the site file names no release_key: bundles cannot be checked"])
        return read_bundle(bundle, site.release_key)
    assert source is not None
    version = firmware_build.source_version(source)
    return bundle_of(version, firmware_build.release_of(source, version, {}, _pairs(architectures)))


class _Shown:
    """Progress on the terminal: a bar for each step, or a line where there is no terminal; nothing beside JSON."""

    def __init__(self, quiet: bool) -> None:
        console = Console(stderr=True, quiet=quiet)
        self._progress = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"),
                                  console=console)  # fmt: skip
        self._plain = None if console.is_terminal else console
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __enter__(self) -> _Shown:
        if not self._plain:
            self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def told(self, controller: str, step: str, done: int, total: int) -> None:
        """One step of one controller goes on."""
        words = f"{controller}: {STEPS[step]}"
        if (controller, step) not in self._tasks:
            if self._plain:
                self._plain.print(words, highlight=False)
            self._tasks[controller, step] = self._progress.add_task(words, total=total)
        self._progress.update(self._tasks[controller, step], completed=done, total=total)


def _show_boards(rows: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(*(rows[0] if rows else ["no controller was found on any port"]))
    for row in rows:
        table.add_row(*row.values())
    Console(width=None if os.isatty(1) else 160).print(table)


def _end(outcomes: list[Outcome], as_json: bool) -> int:
    """Say how it ended; the exit code is that of the worst."""
    code = max((one.exit for one in outcomes), default=0)
    if as_json:
        shown = [
            {"controller": one.controller, "result": one.code, "exit": one.exit, "sentence": one.sentence,
             "action": one.action, **one.details} for one in outcomes
        ]  # fmt: skip
        typer.echo(json.dumps({"exit": code, "outcomes": shown}, indent=2))
        return code
    for one in outcomes:
        typer.echo(f"{one.code}: {one.sentence}; {one.action}", err=one.exit > 0)
        if "label" in one.details:
            typer.echo(f"label: {one.details['label']}")
    return code


def _end_bad(error: BadInput, as_json: bool) -> int:
    """Files and options that cannot be used: refused, with exit code 10 as every refusal of this command."""
    if as_json:
        typer.echo(json.dumps({"exit": REFUSED, "problems": list(error.problems)}, indent=2))
    else:
        for problem in error.problems:
            typer.echo(f"refused: {problem}", err=True)
    return REFUSED
