"""Recordings say what was on the wire, and stay readable when cut off or when the tables have changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from spinline.cli import app
from spinline.edges.link_recording import (
    FROM_NODE,
    MAGIC,
    TO_NODE,
    BadRecording,
    Record,
    header_bytes,
    read_recording,
    record_bytes,
)
from spinline.edges.link_text import lines_of
from spinline_protocol import framing, messages
from spinline_protocol.host_messages import pack_message
from spinline_protocol.schema import schema_sha256

HEADER = header_bytes("/dev/node", 1_767_225_600_000_000)
RECORDS = st.lists(
    st.builds(Record, st.integers(0, 2**64 - 1), st.sampled_from((TO_NODE, FROM_NODE)), st.binary(max_size=80)),
    max_size=8,
)


@given(RECORDS)
def test_what_was_recorded_is_read(records: list[Record]) -> None:
    recording = read_recording(HEADER + b"".join(map(record_bytes, records)))
    assert recording.records == tuple(records) and recording.whole
    assert recording.bytes_of(TO_NODE) == b"".join(one.octets for one in records if one.direction == TO_NODE)


@given(RECORDS, st.data())
def test_a_recording_that_is_cut_keeps_its_whole_records(records: list[Record], draw: st.DataObject) -> None:
    tail = b"".join(map(record_bytes, records))
    at = draw.draw(st.integers(0, len(tail)))
    recording = read_recording(HEADER + tail[:at])
    kept = len(recording.records)
    assert recording.records == tuple(records[:kept])
    assert recording.whole == (len(b"".join(map(record_bytes, records[:kept]))) == at)


def test_the_header_holds_the_tables_it_was_made_with() -> None:
    header = read_recording(HEADER).header
    assert header["device"] == "/dev/node" and header["schema_sha256"] == schema_sha256().hex()
    names = [row[1] for row in header["schema"]["messages"]]
    assert names == [row[1] for row in messages.rows()]


@given(st.binary(max_size=60))
def test_anything_else_is_refused_in_words(octets: bytes) -> None:
    with pytest.raises(BadRecording):
        read_recording(octets)
    with pytest.raises(BadRecording):
        read_recording(MAGIC + octets[:3])


def test_a_header_that_is_no_table_is_refused() -> None:
    for text in (b"{", json.dumps([1]).encode()):
        with pytest.raises(BadRecording):
            read_recording(MAGIC + len(text).to_bytes(4, "little") + text)


def frame(number: int, values: tuple[object, ...]) -> bytes:
    return framing.encode(1, 0, framing.REQUEST, 0x4A17, 3, pack_message(number, values))


def test_a_recording_is_shown_with_its_own_tables_though_the_messages_have_changed_since() -> None:
    old = json.loads(HEADER[len(MAGIC) + 4 :])
    for row in old["schema"]["messages"]:
        if row[1] == "SET_SETPOINT":
            row[1], row[3] = "ORDER", [["zone", "u8"], ["aim", "i32"], ["slope", "u32"]]
    text = json.dumps(old).encode()
    octets = frame(messages.SET_SETPOINT, (3, 182_500, 64)) + b"Traceback~"
    recording = MAGIC + len(text).to_bytes(4, "little") + text + record_bytes(Record(5, TO_NODE, octets))
    shown = list(lines_of(read_recording(recording)))
    assert [line.split(maxsplit=1)[1] for line in shown] == [
        "-> 4A17     3 ORDER zone=3 aim=182500 slope=64",
        "-> 1 pieces that are no frame: b'Traceback'",
    ]


def test_a_message_that_the_tables_do_not_know_is_shown_as_bytes() -> None:
    unknown = framing.encode(1, 0, framing.REQUEST, 1, 1, b"\x92\x7f\x01")
    shown = list(lines_of(read_recording(HEADER + record_bytes(Record(0, TO_NODE, unknown)))))
    assert len(shown) == 1 and shown[0].endswith("unknown message 92 7f 01")


def test_bytes_are_shown_in_short() -> None:
    records = frame(messages.CONFIG_PUT, (1, 2, bytes(40))) + frame(messages.CONFIG_COMMIT, (b"abc",))
    shown = list(lines_of(read_recording(HEADER + record_bytes(Record(0, TO_NODE, records)))))
    assert shown[0].endswith("CONFIG_PUT row_i=1 table=2 words=40 bytes 0000000000000000..")
    assert shown[1].endswith("CONFIG_COMMIT sha256=616263")


def test_a_recording_is_exported_as_pcapng_and_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    recording, out = tmp_path / "line.rec", tmp_path / "line.pcapng"
    recording.write_bytes(HEADER + record_bytes(Record(0, TO_NODE, frame(messages.JOURNAL, ()) + b"~~half")))
    done = CliRunner().invoke(app, ["link", "export", str(recording), str(out)])
    octets = out.read_bytes()
    assert done.exit_code == 0 and str(len(octets)) in done.output
    assert [octets.count(part) for part in (b"~half", b'"SET_SETPOINT"', b"/dev/node")] == [1, 1, 2]
    recording.write_bytes(b"something else")
    refused = CliRunner().invoke(app, ["link", "export", str(recording), str(tmp_path / "no")])
    assert refused.exit_code != 0 and not (tmp_path / "no").exists()
