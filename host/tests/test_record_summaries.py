"""Summaries of a node, from bytes to rows of the journal (SPEC 7.1)."""

import struct
from pathlib import Path

import pytest

from spinline.recipe.compiler import NodeConfiguration, Recorded
from spinline.record.decode import SummaryDecoder, summary_tags
from spinline.record.journal import Batch, Journal
from spinline.record.opening import open_reader
from spinline_protocol.configuration import OF_INPUT, OF_RAW
from spinline_protocol.quantities import COUNT, SWITCH, TEMPERATURE

COLUMNS = (
    Recorded("draw.T.pv", OF_INPUT, 0, TEMPERATURE, summarised=True),
    Recorded("draw.G1.count", OF_RAW, 1, COUNT, summarised=True),
    Recorded("draw.LID.pv", OF_INPUT, 2, SWITCH, summarised=True),
)
NODE = NodeConfiguration("draw", ((0, (3, 50, 2000, 900, 60, 60)),), bytes(32), COLUMNS, 50)
ROW = (1_000_000, 40, 300, 2, 3, 0b100001, -1000, 90000, 0, 1, 89000, 77, 1)


def packed() -> bytes:
    """One summary as a node packs it."""
    head = struct.pack(">IBB", 300, 2, 3)
    both = (49000).to_bytes(3, "big") + (140000).to_bytes(3, "big") + b"\0\1"
    last = (139000).to_bytes(3, "big") + (77).to_bytes(3, "big") + b"\1"
    return head + both + last + b"\x21"


def test_a_summary_is_decoded_exactly() -> None:
    decoder = SummaryDecoder(COLUMNS)
    assert decoder.record_bytes == len(packed()) == NODE.summary_bytes
    assert decoder.decode(packed() * 2) == [ROW[2:]] * 2
    with pytest.raises(ValueError, match="no whole number"):
        decoder.decode(packed()[1:])


def test_raw_counts_have_a_last_number_only() -> None:
    assert summary_tags(COLUMNS) == [
        "draw.T.pv.min",
        "draw.T.pv.max",
        "draw.LID.pv.min",
        "draw.LID.pv.max",
        "draw.T.pv.last",
        "draw.G1.count.last",
        "draw.LID.pv.last",
    ]


def test_a_summary_that_comes_twice_is_stored_once_and_in_a_reopened_journal_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal.create(path)
    journal.start_batch(Batch("b", "r", 1, "0", "l", "0", "bench", 0))
    run = journal.add_node("draw", NODE, "0" * 64, "1.25", 32)
    journal.add_summaries(run, 4, [ROW, ROW])
    journal.commit()
    journal.close()
    journal = Journal.open(path)
    journal.add_summaries(run, 3, [ROW, (*ROW[:-1], 0)])
    journal.commit()
    journal.close()
    connection = open_reader(path)
    ((table,),) = connection.execute("SELECT summary_table FROM configuration").fetchall()
    rows = connection.execute(f'SELECT summary, at_us, quality, "draw.T.pv.max", "draw.LID.pv.last" FROM "{table}"')
    assert rows.fetchall() == [(i, 1_000_000, 0b100001, 90000, 1) for i in (3, 4, 5)]
    connection.close()
