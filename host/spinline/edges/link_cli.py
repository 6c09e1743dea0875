"""The commands `spinline link ...`: record, replay and examine a node's serial line.  Prints; decides nothing."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from spinline.edges.link_line import examine_line, record_line, replay_line
from spinline.edges.link_pcapng import pcapng_bytes
from spinline.edges.link_recording import BadRecording, Recording, read_recording
from spinline.edges.link_text import lines_of
from spinline.edges.link_verdict import findings_of
from spinline.errors import BadFile

link_app = typer.Typer(name="link", help="Record, replay and examine a node's serial line.", no_args_is_help=True)
Port = Annotated[str, typer.Argument(help="Serial device of the node.", metavar="PORT")]
DAY_S = 86_400.0


@link_app.command()
def record(
    port: Port,
    file: Annotated[Path, typer.Argument(help="The recording that is made.", metavar="FILE")],
    seconds: Annotated[float, typer.Option(help="How long; Ctrl-C ends it earlier.")] = DAY_S,
) -> None:
    """Stand between a node and a program: pass everything on and write it down.

    Connect the program to the port that is printed.
    """
    passed_n = record_line(port, file, seconds, lambda name: typer.echo(f"connect to {name}"))
    typer.echo(f"{passed_n} bytes are in {file}")


@link_app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A recording.", metavar="FILE")],
    speed: Annotated[float, typer.Option(min=0.01, help="Times real time.")] = 1.0,
    wait_s: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for the other program's first byte.")
    ] = 60.0,
) -> None:
    """Play what the node sent into a port of its own, which is printed, at the times of the recording."""
    recording = _read(file)
    sent_n = replay_line(recording, speed, wait_s, lambda name: typer.echo(f"connect to {name}"))
    typer.echo(f"{sent_n} bytes were played")


@link_app.command()
def show(file: Annotated[Path, typer.Argument(help="A recording.", metavar="FILE")]) -> None:
    """Print every frame of a recording, read with the tables that it was made with."""
    for line in lines_of(_read(file)):
        typer.echo(line)


@link_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A recording.", metavar="FILE")],
    out: Annotated[Path, typer.Argument(help="The pcapng file that is made.", metavar="OUT.pcapng")],
) -> None:
    """Write a recording as pcapng, for Wireshark with protocol/wireshark/spinline.lua.

    Each frame is a packet of link type USER0, with its direction; the tables of the recording are the file's comment.
    """
    octets = pcapng_bytes(_read(file))
    try:
        out.write_bytes(octets)
    except OSError as error:
        raise BadFile(out, [str(error)]) from error
    typer.echo(f"{len(octets)} bytes are in {out}")


def _read(file: Path) -> Recording:
    """The recording in a file; says so where its end is missing."""
    try:
        recording = read_recording(file.read_bytes())
    except (OSError, BadRecording) as error:
        raise BadFile(file, [str(error)]) from error
    if not recording.whole:
        typer.echo("the end of the recording is cut off", err=True)
    return recording


@link_app.command()
def doctor(
    port: Port,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to listen.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print counters and findings as JSON.")] = False,
) -> None:
    """Say what is wrong with a node's serial line.  It only says HELLO: the node's session and state stay as they are.

    Exit code: 0 the line is well, 1 something is wrong.
    """
    counted = examine_line(port, seconds).counted
    found = findings_of(counted)
    if as_json:
        typer.echo(json.dumps({"counted": asdict(counted), "findings": [asdict(one) for one in found]}, indent=2))
    else:
        for one in found:
            typer.echo(f"{one.code}: {one.sentence}; {one.advice}")
        if not found:
            typer.echo(f"the line is well: {counted.answers_n} of {counted.hellos_n} questions were answered")
    raise typer.Exit(1 if found else 0)
