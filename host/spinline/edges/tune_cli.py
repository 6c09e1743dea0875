"""The command `spinline tune`: one loop of a node on a serial port.  Shows and asks; decides nothing.

The parts that compute need the packages of the extra ``tuning``; they are imported when the command runs, so that
every other command works and starts without them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from spinline.edges import clock
from spinline.edges.keys import load_key_file
from spinline.edges.serial_port import SerialPort, TimedPort
from spinline.errors import BadInput
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe

TURN_US = 20_000
OPENING_TURNS_N = 2  # until then it is a device that cannot be opened, later a cable that was pulled
REFUSED, INTERRUPTED = 1, 130
ENDED_ALONE = (
    "the node ends an experiment by itself within its lease of 2 s, and the loop goes on with the gains it had"
)


def tune(
    name: Annotated[str, typer.Argument(help="The loop, as the line file names it.", metavar="NODE.LOOP")],
    port: Annotated[str, typer.Option(help="Serial device of the node.", metavar="DEVICE")],
    line: Annotated[Path, typer.Option(help="Line file that the node runs.", metavar="LINE.toml")],
    recipe: Annotated[Path, typer.Option(help="Recipe that the node runs.", metavar="RECIPE.toml")],
    key: Annotated[Path, typer.Option(help="File with the site key.", metavar="FILE")],
    hysteresis: Annotated[float, typer.Option(min=0, help="Half band of the switching, in the pv's unit; 0: by noise.")]
    = 0.0,
    pv_away: Annotated[float, typer.Option(min=0, help="How far the pv may go, in its unit; 0: by range.")] = 0.0,
    report: Annotated[Path, typer.Option(help="Folder for tuning.json and tuning.png.")] = Path("build/tune"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and move nothing.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Give the new gains to the running node.")] = False,
    start: Annotated[bool, typer.Option("--start", help="Heat an idle node up first, and stop it afterwards.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Give an idle node this line and recipe.")] = False,
    while_running: Annotated[bool, typer.Option("--while-running", help="Allow it in EXECUTE: makes scrap.")] = False,
    wait_min: Annotated[float, typer.Option("--wait", min=0, help="Minutes to wait for the loop to rest.")] = 30.0,
) -> None:  # fmt: skip
    """Find robust gains for one loop by an experiment on the line; the node guards outputs and pv meanwhile.

    The supervisor must have left the port.  Exit code: 0 new gains were found, 1 refused, with the reason; the loop
    then has the gains it had; 2 the input cannot be used; 130 Ctrl-C, which ends the experiment.
    """
    asked = (
        load_line(line),
        read_recipe(recipe),
        name,
        hysteresis,
        pv_away,
        while_running,
        start,
        download,
        wait_min * 60,
    )
    code = _run(asked, port, load_key_file(key), report / name, dry_run, apply)
    raise typer.Exit(code)


def _run(given: tuple[Any, ...], port: str, site_key: bytes, folder: Path, dry_run: bool, apply: bool) -> int:
    """Tune on a port and show what came of it; returns the exit code."""
    try:
        # only this command needs them: see the first lines of this file
        from spinline.tuning import command
    except ImportError as error:
        raise BadInput([f"tuning needs {error.name}: pip install 'spinline[tuning]'"]) from None
    console = Console()
    asked = command.request(*given)
    device = SerialPort(port)
    turns_n = 0

    def turn() -> int:
        nonlocal turns_n
        turns_n += 1
        clock.rest_until_us(clock.monotonic_us() + TURN_US)
        if device.problem and turns_n <= OPENING_TURNS_N:
            raise BadInput([device.problem])
        if device.problem:
            raise command.Refusal(f"the serial line is lost ({device.problem}); {ENDED_ALONE}")
        return clock.monotonic_us()

    try:
        done = command.run(
            asked, TimedPort(device, clock.monotonic_us), turn, os.urandom, site_key, dry_run, apply, console.print
        )
    except KeyboardInterrupt:
        typer.echo("interrupted: the experiment has ended; the loop controls again with the gains it had", err=True)
        return INTERRUPTED
    finally:
        device.close()
    if done.refused:
        typer.echo(f"refused: {done.refused}", err=True)
        return REFUSED
    if done.tuned is not None:
        command.write_report(folder, asked, done.tuned)
        console.print(command.before_after(done.tuned))
        console.print(command.toml_lines(asked, done.tuned), markup=False, highlight=False)
        console.print(f"report in {folder}; gains {'are on the node' if done.applied else 'were not applied'}")
    else:
        console.print(json.dumps(done.plan, indent=1))
    return 0
