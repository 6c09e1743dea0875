"""The Wireshark dissector in a real tshark: a recording means the same to it as to the house, and damage is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lossy import Pair

from hil_tests.bench.tshark import TsharkMissing, find_tshark, run_tshark
from spinline.edges.link_pcapng import pcapng_bytes
from spinline.edges.link_recording import FROM_NODE, TO_NODE, Record, header_bytes, read_recording, record_bytes
from spinline_protocol import framing, messages
from spinline_protocol.framing import FrameReader
from spinline_protocol.host_messages import unpack_message
from tools.golden_wireshark import SCRIPT, script_text

ROOT = Path(__file__).resolve().parents[2]
VECTORS = json.loads((ROOT / "protocol/golden/vectors.json").read_text(encoding="utf-8"))["vectors"]
NAMES = {row[0]: row[1].lower() for row in messages.rows()}
START_UTC_US = 1_767_225_600_000_000


@pytest.fixture(scope="module")
def tshark() -> tuple[str, ...]:
    try:
        return find_tshark()
    except TsharkMissing as error:
        pytest.skip(f"missing tool: {error}")


def session_records() -> list[Record]:
    """An operator's session on a good wire: opening, leases, orders with tags, progress, events, telemetry."""
    pair, records = Pair(1, 0), []
    for direction, wire in ((TO_NODE, pair.down), (FROM_NODE, pair.up)):
        write = wire.write

        def noted(octets: bytes, now: int, direction: int = direction, write: Any = write) -> None:
            records.append(Record(now * 250_000, direction, octets))
            write(octets, now)

        wire.write = noted  # type: ignore[method-assign]
    for scan in range(30):
        if scan > 4:
            pair.order(long=scan % 7 == 0)
            pair.host.renew_lease(scan, 0)
        if scan % 9 == 0:
            pair.board.raise_event()
        pair.step()
    return records


def vector_records() -> list[Record]:
    """Every message of the tables at both ends of its ranges."""
    frames = [bytes.fromhex(vector["frame"]) for vector in VECTORS]
    return [
        Record(9_000_000 + i, TO_NODE if not frame[4] & 0x10 else FROM_NODE, frame) for i, frame in enumerate(frames)
    ]


def packets_of(tshark: tuple[str, ...], folder: Path, records: list[Record]) -> list[dict[str, Any]]:
    """What tshark's JSON says of each packet of a recording."""
    recording = read_recording(header_bytes("/dev/node", START_UTC_US) + b"".join(map(record_bytes, records)))
    file = folder / "line.pcapng"
    file.write_bytes(pcapng_bytes(recording))
    shown = run_tshark(tshark, ROOT / SCRIPT, file, "-T", "json")
    return [packet["_source"]["layers"] for packet in json.loads(shown)]


def flat(tree: Any) -> dict[str, Any]:
    """Every field of a packet by its name, out of all branches."""
    found: dict[str, Any] = {}
    for name, inner in tree.items() if isinstance(tree, dict) else ():
        if isinstance(inner, dict):
            found |= flat(inner)
        found.setdefault(name, inner)
    return found


def expected(octets: bytes, from_node: bool) -> dict[str, str]:
    """The fields of one frame as the house reads them, written as tshark writes them."""
    (frame,) = FrameReader(from_node).feed(octets)
    number, fields = unpack_message(frame.payload)
    said = {
        "spinline.destination": str(frame.destination),
        "spinline.source": str(frame.source),
        "spinline.kind": str(frame.kind),
        "spinline.session": f"0x{frame.session:04x}",
        "spinline.sequence": str(frame.sequence),
        "spinline.message": f"0x{number:02x}",
        "spinline.authenticated": "1" if frame.authenticated else "0",
        "spinline.from_node": "1" if from_node else "0",
    }
    if frame.authenticated:
        said["spinline.tag"] = frame.octets[-framing.TAG_BYTES :].hex(":")
    for name, field in fields.items():
        said[f"spinline.{NAMES[number]}.{name}"] = field.hex(":") if isinstance(field, bytes) else str(field)
    return said


def test_the_dissector_is_the_one_of_the_tables() -> None:
    assert (ROOT / SCRIPT).read_text(encoding="utf-8") == script_text(), "run `make golden` and review the difference"


@pytest.mark.wall
def test_tshark_reads_every_field_of_a_session_and_of_every_message_as_the_house_does(
    tshark: tuple[str, ...], tmp_path: Path
) -> None:
    records = session_records() + vector_records()
    packets = packets_of(tshark, tmp_path, records)
    assert len(packets) == len(records)
    authenticated_n = 0
    for record, packet in zip(records, packets, strict=True):
        said, found = expected(record.octets, record.direction == FROM_NODE), flat(packet["spinline"])
        assert {name: found.get(name) for name in said} == said
        assert "_ws.expert" not in found
        authenticated_n += said["spinline.authenticated"] == "1"
    assert authenticated_n > 20


@pytest.mark.wall
def test_damage_is_told_by_name_and_no_field_of_it_is_believed(tshark: tuple[str, ...], tmp_path: Path) -> None:
    good = bytes.fromhex(next(vector["frame"] for vector in VECTORS if vector["message"] == "SET_SETPOINT"))
    flipped = good[:12] + bytes((good[12] ^ 1,)) + good[13:]
    unknown = framing.encode(1, 0, framing.REQUEST, 1, 1, b"\x92\x7f\x01")
    short = framing.encode(1, 0, framing.REQUEST, 1, 1, b"\x92\x11\x01")
    pieces = (good, flipped, good[:9] + b"~", b"~Traceback~", unknown, short)
    packets = packets_of(tshark, tmp_path, [Record(i, TO_NODE, piece) for i, piece in enumerate(pieces)])
    told = [sorted({name for name in flat(packet["spinline"]) if name in EXPERTS}) for packet in packets]
    assert told == [[], ["spinline.bad_crc"], ["spinline.no_frame"], ["spinline.no_frame"]] + [
        ["spinline.unknown_message"],
        ["spinline.bad_message"],
    ]
    assert not any(name.startswith("spinline.set_setpoint") for name in flat(packets[1]["spinline"]))


@pytest.mark.wall
def test_the_file_says_directions_times_and_the_tables(tshark: tuple[str, ...], tmp_path: Path) -> None:
    records = session_records()
    packets_of(tshark, tmp_path, records)
    asked = ("-T", "fields", "-e", "frame.time_epoch", "-e", "frame.p2p_dir", "-e", "frame.packet_flags_direction")
    lines = run_tshark(tshark, ROOT / SCRIPT, tmp_path / "line.pcapng", *asked).splitlines()
    times = [line.split("\t")[0] for line in lines]
    zero_us = records[0].at_us
    assert [round((float(at) - START_UTC_US / 1e6) * 1e6) for at in times] == pytest.approx(
        [record.at_us - zero_us for record in records], abs=1
    )
    directions = [int(line.split("\t")[2], 0) for line in lines]
    assert directions == [1 if record.direction == FROM_NODE else 2 for record in records]
    assert b'"SET_SETPOINT"' in (tmp_path / "line.pcapng").read_bytes()


EXPERTS = {f"spinline.{name}" for name in ("no_frame", "bad_crc", "bad_message", "unknown_message")}
