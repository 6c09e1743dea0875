"""Power cuts in a model of the disk where only synced writes are sure: no acknowledged scan may be lost.

With synchronous=NORMAL the same cuts must lose some: a model that cannot tell the two apart proves nothing.
"""

import pytest

from hil_tests.bench.journal_cuts import losses
from host.tests.test_record_journal import started
from spinline.record.journal import Journal

CUTS_N = 100


@pytest.mark.parametrize("survive", [0.0, 0.5, 1.0])
def test_no_acknowledged_scan_is_lost_in_a_power_cut(tmp_path, survive):
    assert losses(tmp_path, "full", survive, CUTS_N) == 0


def test_the_modelled_disk_loses_scans_that_were_not_synced(tmp_path):
    assert losses(tmp_path, "normal", 0.0, CUTS_N) > CUTS_N // 2


def test_a_started_journal_is_whole_before_its_first_scan(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    journal.close()
    assert [known.run for known in Journal.open(tmp_path / "j.sqlite").runs()] == [run]
