"""Records are chained: nothing is changed, left out or lost unseen, whatever is cut or written at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinline.edges.records import RecordLog, read_records
from spinline.errors import BadFile

WRITER = "import sys; from pathlib import Path; from spinline.edges.records import RecordLog\n" + (
    "for i in range(50): RecordLog(Path(sys.argv[1])).add('test', {'who': sys.argv[2], 'i': i})"
)


def filled(path: Path, count: int = 3) -> Path:
    """A file with records."""
    for i in range(count):
        RecordLog(path).add("flash", {"board": f"melt {i}", "text": 'ä "\n'})
    return path


def test_what_is_added_is_read_again_in_order(tmp_path: Path) -> None:
    rows = read_records(filled(tmp_path / "new" / "flash.jsonl"))
    assert [(row["n"], row["kind"], row["board"], row["text"]) for row in rows] == [
        (i + 1, "flash", f"melt {i}", 'ä "\n') for i in range(3)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_any_change_of_a_byte_is_found(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "flash.jsonl"
    path.unlink(missing_ok=True)
    octets = bytearray(filled(path).read_bytes())
    last_line_at = octets.rstrip(b"\n").rfind(b"\n") + 1
    at = data.draw(st.integers(0, last_line_at - 1))  # nothing follows the last line yet
    octets[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(octets)
    with pytest.raises(BadFile):
        read_records(path)


def test_a_line_that_is_taken_out_is_found_by_its_number(tmp_path: Path) -> None:
    path = filled(tmp_path / "flash.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(BadFile, match="line 2 does not follow line 1"):
        read_records(path)


@pytest.mark.parametrize("torn_bytes", [1, 10, 100])
def test_a_torn_line_is_told_and_the_next_record_goes_on_behind_the_last_whole_one(
    tmp_path: Path, torn_bytes: int
) -> None:
    path = filled(tmp_path / "flash.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:torn_bytes])
    with pytest.raises(BadFile, match="torn"):
        read_records(path)
    assert RecordLog(path).add("flash", {})["torn_bytes"] == torn_bytes
    assert [row["n"] for row in read_records(path)] == [1, 2, 3, 4]


def test_a_file_that_is_none_of_ours_gets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not ours\n")
    with pytest.raises(BadFile, match="line 1 is no record"):
        RecordLog(path).add("flash", {})
    assert path.read_text() == "not ours\n"


@pytest.mark.wall
def test_two_programs_that_write_at_once_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "flash.jsonl"
    both = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), who]) for who in ("one", "other")]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    rows = read_records(path)
    assert len(rows) == 100 and [row["i"] for row in rows if row["who"] == "one"] == list(range(50))
