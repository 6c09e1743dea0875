"""A writer killed between and inside commits: what it had acknowledged is in the file, whole."""

import pytest

from hil_tests.bench.journal_cuts import WRITTEN_N, killed_after, scans_there


@pytest.mark.wall
def test_nothing_acknowledged_is_missing_after_the_writer_is_killed(tmp_path):
    path = tmp_path / "journal.sqlite"
    for lines_n in (1, 2, 7, 40, 90, 150):
        acknowledged = killed_after(path, lines_n)
        there = scans_there(path)
        assert there >= acknowledged
        assert (there + 1) % WRITTEN_N == 0, "a commit is there whole or not at all"
