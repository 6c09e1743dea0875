"""The commands `spinline mode` and `spinline modes`: a loop's mode set on a serial port, and read from a journal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from spinline.edges import clock
from spinline.edges.keys import load_key_file
from spinline.edges.serial_port import SerialPort, TimedPort
from spinline.edges.service_view import banner
from spinline.errors import BadInput, Refused
from spinline.line.modes import ModeLine, ModeRequest, mode_request
from spinline.line.node_session import NodeSession
from spinline.recipe.compiler import NodeConfiguration, compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline.record.batch_record import BatchRecord
from spinline.record.journal import Journal
from spinline.record.mode import mode_of
from spinline.record.modes_seen import modes_seen
from spinline.record.series import reading
from spinline_protocol import auth

LEASE_MS = 2000
TURN_US = 20_000
REFUSED = 1


def mode(
    name: Annotated[str, typer.Argument(help="The loop, as the line file names it.", metavar="NODE.LOOP")],
    mode: Annotated[str, typer.Argument(help="off, manual, auto, cascade or ratio.", metavar="MODE")],
    port: Annotated[str, typer.Option(help="Serial device of the node.", metavar="DEVICE")],
    line: Annotated[Path, typer.Option(help="Line file that the node runs.", metavar="LINE.toml")],
    recipe: Annotated[Path, typer.Option(help="Recipe that the node runs.", metavar="RECIPE.toml")],
    key: Annotated[Path, typer.Option(help="File with the site key.", metavar="FILE")],
    journal: Annotated[Path, typer.Option(help="Journal of the batch; it gets the order.", metavar="JOURNAL")],
    who: Annotated[str, typer.Option(help="Who asks.", metavar="PERSON")],
    why: Annotated[str, typer.Option(help="The reason.", metavar="TEXT")],
    output: Annotated[float | None, typer.Option(help="Output for manual in %; else it stays where it is.")] = None,
) -> None:  # fmt: skip
    """Set the mode of one loop; it holds until the node leaves the states in which the loop controls.

    The supervisor must have left port and journal.  Exit code: 0 the loop shows the mode, 1 refused, 2 the input
    cannot be used.
    """
    of_line = load_line(line)
    asked = mode_request(of_line, name, mode, output, who, why)
    node = next(node for node in of_line.node if node.name == asked.node)
    configuration = compile_node(of_line, node, read_recipe(recipe))
    site_key = load_key_file(key)
    record = Journal.open(journal)
    try:
        was = _set(asked, configuration, port, site_key, record)
    except Refused as refusal:
        typer.echo(f"refused: {refusal}", err=True)
        raise typer.Exit(REFUSED) from None
    finally:
        record.close()
    typer.echo(f"{name}: {was} -> {asked.words}")


def _set(asked: ModeRequest, configuration: NodeConfiguration, port: str, site_key: bytes, record: Journal) -> str:
    """On a device; returns the mode that was."""
    device = SerialPort(port)

    def turn() -> int:
        clock.rest_until_us(clock.monotonic_us() + TURN_US)
        if device.problem:
            raise BadInput([device.problem])
        return clock.monotonic_us()

    key = auth.role_key(site_key, auth.OPERATOR)
    session = NodeSession(configuration, "", LEASE_MS, os.urandom, key)
    start_us = clock.utc_us() - clock.monotonic_us()
    try:
        known = BatchRecord(record, [configuration]).known_runs()[configuration.name]
        at = ModeLine(session, TimedPort(device, clock.monotonic_us), turn, record, start_us, known)
        at.connect()
        return at.set_mode(asked)
    finally:
        device.close()


def modes(journal: Annotated[Path, typer.Argument(help="Journal of the batch.", metavar="JOURNAL")]) -> None:
    """Show the mode and the setpoint program of every loop, as the newest scan in the journal has them."""
    table = Table("loop", "mode", "setpoint program")
    for seen in modes_seen(journal):
        table.add_row(seen.loop, seen.mode, seen.program)
    with reading(journal) as connection:
        Console().print(banner(mode_of(connection)), table, sep="\n")
