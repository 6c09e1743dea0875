"""Doctor, recorder and replay on pseudo-terminals."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spinline.cli import app
from spinline.edges.clock import monotonic_us
from spinline.edges.link_line import PseudoPort, Tap, examine_once, replay_line
from spinline.edges.link_recording import FROM_NODE, TO_NODE, Record, header_bytes, read_recording, record_bytes
from spinline.edges.link_verdict import LinkExamination, findings_of
from spinline.edges.serial_port import SerialPort
from spinline_protocol import framing

pytestmark = pytest.mark.wall
CAP_US = 10_000_000


def until(reached: Callable[[], bool], turn: Callable[[], object]) -> bool:
    """Turns until there is evidence, or the cap has passed."""
    end_us = monotonic_us() + CAP_US
    while not reached() and monotonic_us() < end_us:
        turn()
    return reached()


@pytest.fixture
def node() -> Iterator[PseudoPort]:
    port = PseudoPort()
    yield port
    port.close()


def test_the_doctor_sees_a_prompt_behind_a_real_port(node: PseudoPort) -> None:
    port, examination, heard = SerialPort(node.name), LinkExamination(lambda count: b"nonceabc"[:count]), bytearray()

    def turn() -> None:
        examine_once(port, examination)
        got = node.read()
        if got:
            node.write(b"\r\nTraceback\r\n>>> ")
        heard.extend(got)

    assert until(lambda: examination.counted.prompt, turn)
    assert framing.FrameReader(from_device=False).feed(bytes(heard)), "HELLO was said"
    assert findings_of(examination.counted)[0].code == "no application"
    port.close()


def test_a_recorder_in_between_passes_everything_on_and_writes_it_down(node: PseudoPort) -> None:
    program, file = PseudoPort(), io.BytesIO()
    there, end = SerialPort(node.name), SerialPort(program.name)
    tap = Tap(there, program, file)
    there.read()
    end.read()
    node.write(b"from the node")
    end.write(b"to the node")
    got = {"node": b"", "end": b""}

    def turn() -> None:
        tap.step()
        got["node"] += node.read()
        got["end"] += end.read()

    assert until(lambda: got == {"node": b"to the node", "end": b"from the node"}, turn)
    recording = read_recording(file.getvalue())
    assert recording.bytes_of(FROM_NODE) == b"from the node" and recording.bytes_of(TO_NODE) == b"to the node"
    assert recording.header["device"] == node.name
    for port in (there, end, program):
        port.close()


def test_a_replay_gives_the_bytes_of_the_node_again() -> None:
    records = [Record(5_000, FROM_NODE, b"one "), Record(5_500, TO_NODE, b"x"), Record(7_000, FROM_NODE, b"two")]
    recording = read_recording(header_bytes("d", 0) + b"".join(map(record_bytes, records)))
    names: list[str] = []
    assert replay_line(recording, 1.0, 0.0, names.append) == 7
    assert names and names[0].startswith("/dev/")


def test_the_commands_say_what_is_wrong_and_end_with_one(tmp_path: Path) -> None:
    runner = CliRunner()
    nowhere = runner.invoke(app, ["link", "doctor", str(tmp_path / "nothing"), "--seconds", "1"])
    assert nowhere.exit_code == 1 and "port: " in nowhere.output
    (tmp_path / "no recording").write_bytes(b"something else")
    refused = runner.invoke(app, ["link", "replay", str(tmp_path / "no recording")])
    assert refused.exit_code != 0 and "SPINREC1" in str(refused.exception)
