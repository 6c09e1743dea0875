"""Scan times in the record lie within their stated bounds of the truth while crystals drift and cables go."""

from __future__ import annotations

from hil_tests.bench.run import START_US
from hil_tests.bench.scan_truth import ScanTruth, errors_of
from spinline.record.opening import open_reader
from spinline.record.series import placed

from .conftest import MakeRun
from .protocol import missing_scans, rows_of, scan_tables

DRIFT_PPM = {"melt": 50, "bath": -50, "draw": 31}


def test_scan_times_lie_within_their_bounds_over_drift_an_outage_and_a_new_supervisor(make_run: MakeRun) -> None:
    run = make_run(drift_ppm=DRIFT_PPM)
    truth = ScanTruth(run.bench, run.configurations)
    run.start()
    run.run_for(60)
    for cable in (True, False):
        run.bench.pull_cable("bath", cable)
        run.run_for(25)
    run.kill_supervisor()
    run.run_without_supervisor(10)
    run.restart_supervisor()
    run.run_for(60)

    assert missing_scans(run) == 0
    for node in DRIFT_PPM:
        found = errors_of(run.journal_path, truth, node, START_US)
        assert len(found) > 300
        assert [one for one in found if one.error_us > one.bound_us] == []
        assert {one.basis for one in found} == {"sync"}
        assert sorted(one.bound_us for one in found)[len(found) // 2] < 12_000


def test_a_reader_places_every_scan_as_its_row_says(make_run: MakeRun) -> None:
    run = make_run(drift_ppm=DRIFT_PPM)
    run.run_for(30)
    connection = open_reader(run.journal_path)
    for table in scan_tables(run):
        for of_run, scan, at_us in rows_of(run, f'SELECT run, scan, at_us FROM "{table}"'):
            found = placed(connection, int(of_run), int(scan))  # type: ignore[arg-type]
            assert found is not None and found.at_us == at_us
    connection.close()


def test_a_node_that_starts_again_begins_a_new_estimate(make_run: MakeRun) -> None:
    run = make_run(drift_ppm=DRIFT_PPM)
    run.run_for(20)
    run.kill_supervisor()
    run.bench.power_cycle("draw")
    truth = ScanTruth(run.bench, run.configurations)
    run.restart_supervisor()
    run.run_for(30)
    found = errors_of(run.journal_path, truth, "draw", START_US)
    assert len(found) > 100 and all(one.error_us <= one.bound_us for one in found)
