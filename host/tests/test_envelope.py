"""A trend shows at every zoom what was lowest and highest; nothing is averaged away, nothing is made up."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.tests.test_record_journal import AT_US, configuration_of
from spinline.record.envelope import envelopes
from spinline.record.extremes import PART_US
from spinline.record.journal import Journal
from spinline.record.opening import open_reader

SCAN_US = 250_000
TAGS = ("melt.Z0.pv", "melt.Z1.pv")
LEVEL_MK = 200_000
BAD = 2


def _row(number: int, quality: int = 0) -> tuple[int, ...]:
    return (2, 2, quality, number, LEVEL_MK)


def _written(path: Path, parts) -> Path:
    """A journal with parts (first scan, rows), committed one by one."""
    journal = Journal.create(path)
    run = journal.add_node("melt", configuration_of(2), "aa" * 32, "1.25.0", 32)
    journal.add_clock(run, 0, AT_US, 0, 0, "sync")
    for first, rows in parts:
        journal.add_scans(run, first, rows)
        journal.commit()
    journal.close()
    return path


def _within(scans_n: int) -> tuple[int, int]:
    return AT_US, AT_US + scans_n * SCAN_US


@settings(max_examples=20)
@given(st.integers(200, 4000), st.data())
def test_a_spike_of_one_scan_is_seen_at_every_zoom(scans_n, data):
    spike = data.draw(st.integers(0, scans_n - 1))
    cuts = sorted(data.draw(st.sets(st.integers(1, scans_n - 1), max_size=4)) | {0, scans_n})
    rows = [_row(LEVEL_MK + (70_000 if i == spike else 0)) for i in range(scans_n)]
    with tempfile.TemporaryDirectory() as folder:
        parts = [(low, rows[low:high]) for low, high in zip(cuts, cuts[1:], strict=False)]
        connection = open_reader(_written(Path(folder, "journal.sqlite"), parts))
        for points_n in (1, 2, 7, data.draw(st.integers(1, 500)), 2000):
            found = envelopes(connection, TAGS, _within(scans_n), points_n)[TAGS[0]]
            assert 0 < len(found) <= points_n
            assert (min(row.low for row in found), max(row.high for row in found)) == (200.0, 270.0)
            assert sum(row.high == 270.0 for row in found) <= 2
        connection.close()


@settings(max_examples=20)
@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=4))
def test_late_and_repeated_scans_give_the_same_trend(order, again):
    parts = [(200 * i, [_row(LEVEL_MK + 17 * (200 * i + k) % 4001) for k in range(200)]) for i in range(6)]
    with tempfile.TemporaryDirectory() as folder:
        straight = open_reader(_written(Path(folder, "a.sqlite"), parts))
        mixed = open_reader(_written(Path(folder, "b.sqlite"), [parts[i] for i in (*order, *again)]))
        for points_n in (5, 50):
            asked = (TAGS, _within(1200), points_n)
            assert envelopes(straight, *asked) == envelopes(mixed, *asked)
        straight.close()
        mixed.close()


@pytest.mark.parametrize("points_n", [3, 300])
def test_a_gap_is_left_out_and_a_bad_number_is_in_no_trend(tmp_path, points_n):
    rows = [_row(900_000, BAD) if 400 <= i < 420 else _row(LEVEL_MK) for i in range(1200)]
    path = _written(tmp_path / "journal.sqlite", [(0, rows), (3600, rows)])
    found = envelopes(open_reader(path), TAGS, _within(4800), points_n * 4)[TAGS[0]]
    assert {row.high for row in found} == {200.0}
    times_us, width_us = [row.at_us - AT_US for row in found], 1200 * SCAN_US // points_n
    empty_us = range(1200 * SCAN_US + PART_US, 3600 * SCAN_US - PART_US - width_us)
    assert len(times_us) > 2 and not [at_us for at_us in times_us if at_us in empty_us]


def test_a_short_view_is_drawn_from_the_scans_themselves(tmp_path):
    rows = [_row(LEVEL_MK + i) for i in range(400)]
    path = _written(tmp_path / "journal.sqlite", [(0, rows)])
    found = envelopes(open_reader(path), TAGS, _within(400), 400)[TAGS[0]]
    assert [row.low for row in found] == [(LEVEL_MK + i) / 1000 for i in range(400)]
    assert found[0].low == found[0].high


def test_several_configurations_of_a_node_are_one_trend(tmp_path):
    journal = Journal.create(tmp_path / "journal.sqlite")
    for i in range(2):
        run = journal.add_node("melt", configuration_of(2, sha=i + 1), "aa" * 32, "1.25.0", 32)
        journal.add_clock(run, 0, AT_US + i * 100 * SCAN_US, 0, 0, "sync")
        journal.add_scans(run, 0, [_row(LEVEL_MK + 1000 * i)] * 100)
    journal.commit()
    journal.close()
    (found,) = envelopes(open_reader(tmp_path / "journal.sqlite"), TAGS[:1], _within(200), 1).values()
    assert [(row.low, row.high) for row in found] == [(200.0, 201.0)]
