"""The command `spinline commission`: asks a technician in a terminal, and keeps the node's session meanwhile."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from spinline.edges import clock
from spinline.edges.calibration_file import add_calibrations
from spinline.edges.keys import load_key_file
from spinline.edges.records import RecordLog
from spinline.edges.serial_port import SerialPort, TimedPort
from spinline.errors import BadInput, Refused
from spinline.line.commission import Commissioning, Finding, corrections, verdict_of
from spinline.line.node_channels import NodeChannels
from spinline.line.node_session import NodeSession
from spinline.recipe.calibration import Calibration
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import Line, Node, load_line
from spinline.recipe.reading import read_recipe
from spinline_protocol import auth

LEASE_MS = 2000
TURN_US = 20_000
READ_BYTES_MAX = 4096
NOT_PASSED, INTERRUPTED = 1, 130


class Terminal:
    """The technician at standard input; ``rest`` is called while nothing has been typed."""

    def __init__(self, rest: Callable[[], None]) -> None:
        self._rest, self._typed = rest, b""

    def tell(self, line: str) -> None:
        """Show a line."""
        typer.echo(line)

    def choose(self, question: str, answers: Sequence[str]) -> str:
        """One of the answers, by its beginning; Enter is the first one."""
        while True:
            typer.echo(f"{question} [{'/'.join(answers)}] ", nl=False)
            typed = self._line().lower()
            fits = [answer for answer in answers if answer.startswith(typed)]
            if typed == "" or len(fits) == 1:
                return fits[0] if typed else answers[0]
            typer.echo(f"    {typed!r} is none of: {', '.join(answers)}")

    def number(self, question: str) -> float | None:
        """A number with a decimal point, or nothing."""
        while True:
            typed = self.text(question)
            if typed == "":
                return None
            try:
                return float(typed)
            except ValueError:
                typer.echo(f"    {typed!r} is no number: write 23.5")

    def text(self, question: str) -> str:
        """A line of text."""
        typer.echo(f"{question}: ", nl=False)
        return self._line()

    def _line(self) -> str:
        """What was typed.  KeyboardInterrupt where nobody is there any more."""
        while b"\n" not in self._typed:
            if not select.select([sys.stdin], [], [], 0)[0]:
                self._rest()
                continue
            octets = os.read(sys.stdin.fileno(), READ_BYTES_MAX)
            if not octets:
                raise KeyboardInterrupt
            self._typed += octets
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace").strip()


def commission(
    name: Annotated[str, typer.Argument(help="The node, as the line file names it.", metavar="NODE")],
    port: Annotated[str, typer.Option(help="Serial device of the node.", metavar="DEVICE")],
    line: Annotated[Path, typer.Option(help="Line file of the node.", metavar="LINE.toml")],
    recipe: Annotated[Path, typer.Option(help="Any recipe of this line: the node needs one.", metavar="RECIPE.toml")],
    key: Annotated[Path, typer.Option(help="File with the site key.", metavar="FILE")],
    who: Annotated[str, typer.Option(help="Who commissions.", metavar="PERSON")],
    record: Annotated[Path, typer.Option(help="Record that gets the findings (JSON lines).", metavar="FILE")],
    only: Annotated[list[str] | None, typer.Option(help="Only this channel; may be given again.", metavar="NAME")]
    = None,
) -> None:  # fmt: skip
    """Check every channel of an idle node with a technician: inputs named, live, in range; outputs pulsed.

    The supervisor must have left the port.  Readings of a reference instrument become a calibration.  Exit code: 0
    every channel passed, 1 some failed, were skipped or the node refuses, 2 the input cannot be used, 130 Ctrl-C.
    """
    of_line = load_line(line)
    node = next((node for node in of_line.node if node.name == name), None)
    if node is None:
        raise BadInput([f"node {name!r} is not in {line}; allowed: {', '.join(node.name for node in of_line.node)}"])
    if not who.strip():
        raise BadInput(["who is empty: a commissioning has a person"])
    configuration = compile_node(of_line, node, read_recipe(recipe))
    role_key, log = auth.role_key(load_key_file(key), auth.MAINTENANCE), RecordLog(record)
    device = SerialPort(port)

    def turn() -> int:
        clock.rest_until_us(clock.monotonic_us() + TURN_US)
        if device.problem:
            raise Refused(device.problem)
        return clock.monotonic_us()

    session = NodeSession(configuration, "", LEASE_MS, os.urandom, role_key, auth.MAINTENANCE)
    channels = NodeChannels(session, TimedPort(device, clock.monotonic_us), turn)
    findings: list[Finding] = []
    try:
        code = _walk(of_line, node, channels, who, only or [], line, findings)
    except Refused as refused:
        typer.echo(f"refused: {refused}", err=True)
        code = NOT_PASSED
    except KeyboardInterrupt:
        typer.echo("\ninterrupted: what was found until now is in the record", err=True)
        code = INTERRUPTED
    finally:
        device.close()
    if findings:
        verdict = "INTERRUPTED" if code == INTERRUPTED else verdict_of(findings)
        log.add("commissioning", {"line": of_line.name, "who": who, "verdict": verdict} | _told(session, findings))
    raise typer.Exit(code)


def _told(session: NodeSession, findings: Sequence[Finding]) -> dict[str, Any]:
    """What a record says of the board and its channels."""
    board = {"node": session.name, "device_id": session.hello["device_id"].hex()}
    board |= {"firmware": session.hello["firmware_sha256"].hex(), "configuration": session.configuration.sha256.hex()}
    return board | {"channels": [asdict(finding) for finding in findings]}


def _walk(
    line: Line, node: Node, channels: NodeChannels, who: str, only: Sequence[str], line_path: Path,
    findings: list[Finding],
) -> int:  # fmt: skip
    """The whole conversation; returns the exit code."""
    person = Terminal(channels.rest)
    walk = Commissioning(line, node, channels, person, findings.append)
    walk.judge_names(only)
    channels.connect()
    person.tell(f"{node.name}: {len(node.input)} inputs, {len(node.output)} outputs.  Ctrl-C ends; nothing stays on.")
    walk.run(only)
    for finding in findings:
        if finding.verdict != "ok":
            person.tell(f"{finding.channel}: {finding.verdict}: {finding.why}")
    found = corrections(line, node, findings)
    if found:
        _keep(line, node, findings, found, who, line_path, person)
    verdict = verdict_of(findings)
    person.tell(f"{node.name}: {verdict}")
    return 0 if verdict == "PASS" else NOT_PASSED


def _keep(
    line: Line, node: Node, findings: Sequence[Finding], found: dict[str, tuple[float, float]], who: str,
    line_path: Path, person: Terminal,
) -> None:  # fmt: skip
    """Show the corrections, and write them where the technician wants that."""
    units = {f"{node.name}.{row.name}": row.unit for row in node.input}
    for channel, (gain, offset) in found.items():
        person.tell(f"{channel}: true = {gain:.6g} x shown {offset:+.4g} {units[channel]}")
    if person.choose("Keep these calibrations?", ("yes", "no")) == "no":
        return
    reference = person.text("reference instrument and its certificate") or "not named"
    points = {finding.channel: finding.points for finding in findings}
    date = clock.utc_text()
    rows = [
        Calibration(
            input=channel, unit=units[channel], gain=gain, offset=offset, points=points[channel],
            reference=reference, who=who, date=date,
        )
        for channel, (gain, offset) in found.items()
    ]  # fmt: skip
    path = add_calibrations(line_path, rows)
    person.tell(f"written to {path}; the node has them with its next configuration")
