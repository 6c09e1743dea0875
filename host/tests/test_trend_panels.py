"""What the trends of a batch show, and what they must not hide."""

import pytest

from host.tests.test_record_batch import LINE, Plan, write_batch
from spinline.record.course import course
from spinline.record.opening import open_reader
from spinline.record.page.panels import trends


def _made_up_for(at_s: float) -> float:
    """Nothing for 5 s, then too much for 5 s: over a minute as if nothing had been."""
    return -900.0 if 305 <= at_s < 310 else 900.0 if 310 <= at_s < 315 else 0.0


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    path = tmp_path_factory.mktemp("trends") / "journal.sqlite"
    plan = Plan(heating_min=0.5, running_min=8, completing_min=2, added={"melt.PLAST.pv": _made_up_for})
    write_batch(path, plan)
    return open_reader(path)


def _parts(connection, name):
    panel = next(panel for panel in trends(connection, LINE).panels if panel.title.startswith(name))
    ((_loop, line),) = panel.lines
    return panel, line


def test_an_upset_of_seconds_is_shown_although_the_mean_of_its_minute_is_as_asked(connection):
    _panel, line = _parts(connection, "plasticizer")
    assert all(row.low <= row.mean <= row.high for row in line)
    (upset,) = [row for row in line if row.low < 0.8 * row.mean]
    assert upset.mean == pytest.approx(150, rel=0.02) and upset.high > 1.2 * upset.mean


def test_parts_are_shown_where_every_feeder_ran_all_along_and_nowhere_else(connection):
    begin_us = next(stage.from_us for stage in course(connection) if stage.state == "THREADING")
    end_us = next(stage.from_us for stage in course(connection) if stage.state == "COMPLETING")
    for name in ("plasticizer", "solvent"):
        panel, line = _parts(connection, name)
        assert len(line) >= 7 and all(begin_us <= row.at_us and row.at_us + panel.every_us <= end_us for row in line)
