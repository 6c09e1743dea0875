"""The claims of a batch that has ended are judged once, whenever its service ends."""

import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from host.tests.test_record_batch import BEGIN_US, LINE, ROOT, Plan, write_batch
from spinline.recipe.check import check_recipe
from spinline.record.journal import Journal
from spinline.record.series import fetch, reading
from spinline.service.judging import Judging

END_US = BEGIN_US + 3_600_000_000
REPORT = check_recipe(ROOT / "recipes" / "r1.toml", datetime.date(2026, 11, 23))


@pytest.mark.parametrize("looks_n", [0, 1, 2, 3])
def test_a_batch_is_judged_once_however_soon_its_service_ends(tmp_path: Path, looks_n: int) -> None:
    """No look: SIGTERM in the scan in which it ended."""
    path = write_batch(tmp_path / "journal.sqlite", Plan(heating_min=0.5, running_min=2, completing_min=1))
    journal = Journal.open(path)
    jobs = []
    judging = Judging(LINE, REPORT, SimpleNamespace(journal=journal), path, jobs.append)
    for _ in range(looks_n):
        judging.look(True, END_US)
        journal.commit()
    judging.finish(END_US + 1)
    for job in jobs:
        job()
    journal.commit()
    journal.close()
    with reading(path) as connection:
        measured = "FROM claim WHERE basis = 'measured' AND at_us >= ? GROUP BY claim"
        rows = fetch(connection, f"SELECT claim, count(*), min(at_us) {measured}", (END_US,))
        ends = fetch(connection, "SELECT at_us FROM batch_end")
    assert len(rows) > 10 and {count for _claim, count, _at_us in rows} == {1}
    ended_us = END_US if looks_n else END_US + 1
    assert ends[-1:] == [(ended_us,)] and {at_us for *_of, at_us in rows} == {ended_us}
