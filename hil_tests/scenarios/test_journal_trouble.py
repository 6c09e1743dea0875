"""The journal's disk goes bad in production: nothing is acknowledged, nothing is invented, a person leads back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hil_tests.bench.bad_disk import FAILS, FULL, TROUBLES, BadDisk, bad_disk
from hil_tests.bench.run import START_US, BenchRun
from spinline.line.desk import Command
from spinline.record.before_resume import BeforeResume, before_resume
from spinline.record.chain import misfit
from spinline.record.days import anchors
from spinline.record.opening import open_reader

from .conftest import TO_PRODUCTION_S, MakeRun, short_recipe
from .protocol import events, node_states, rows_of, unaccounted_scans

LEASE_S = 2.0
CAUGHT_UP_S = 120.0  # the slowest node gives back what its ring holds at some scans a second


@pytest.fixture
def disk() -> Iterator[BadDisk]:
    with bad_disk() as found:
        yield found


@pytest.fixture
def line(make_run: MakeRun, disk: BadDisk) -> Iterator[BenchRun]:
    """A line in RUNNING for ten seconds, its journal on a disk that can go bad."""
    run = make_run(recipe=short_recipe(soak_min=0), vfs="bad")
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "RUNNING", TO_PRODUCTION_S), run.supervisor.problems
    run.run_for(10)
    yield run
    disk.trouble = ""
    run.close()


def asked(run: BenchRun, what: str) -> str:
    """Ask as a person; why it was refused, or ""."""
    one = run.supervisor.ask(Command(what, "K. Lang", "the disk"))
    run.run_for(2)
    assert one.done
    return one.refused


def shown(run: BenchRun) -> BeforeResume:
    """What a person sees before the line is led back."""
    connection = open_reader(run.journal_path)
    found = before_resume(connection, run.line, START_US + run.bench.now_us)
    connection.close()
    assert found is not None
    return found


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_disk_that_takes_no_commit_leaves_running_and_only_a_person_leads_back(
    line: BenchRun, disk: BadDisk, trouble: str
) -> None:
    run = line
    disk.trouble, began_s = trouble, run.now_s
    run.run_for(3)
    held = {name: run.record.scans_to(name) for name in run.bench.nodes}
    assert run.supervisor.batch.state == "UNSUPERVISED"
    assert "did not take a commit" in run.supervisor.record_trouble
    assert run.supervisor.record_trouble in run.supervisor.problems
    assert run.supervisor.alarms.state_of("line UNSUPERVISED") == "unacknowledged"

    run.run_for(9)
    assert run.bench.plant.truth.godet1_speed_m_min > 9.9, "a hold goes on at the last accepted setpoints"
    assert {name: run.record.scans_to(name) for name in held} == held, "nothing is acknowledged"
    assert "is not possible while nothing is recorded" in asked(run, "resume")
    assert run.supervisor.batch.state == "UNSUPERVISED"

    disk.trouble = ""
    run.run_for(20)
    assert run.supervisor.record_trouble == "" and run.supervisor.batch.state == "UNSUPERVISED"
    assert asked(run, "resume") == ""
    run.run_for(10)
    assert run.supervisor.batch.state == "RUNNING" and set(node_states(run).values()) == {"EXECUTE"}

    for node in run.line.node:
        expired = [scan for scan, name, *_ in events(run, node.name) if name == "LEASE_EXPIRED"]
        assert len(expired) == 1 and abs(expired[0] * node.scan_ms / 1000 - began_s) < LEASE_S + 3, "every node held"
    assert unaccounted_scans(run) == []
    assert rows_of(run, "SELECT count(*) FROM gap") == [(0,)], "the rings held what the disk did not take"
    causes = [str(cause) for (cause,) in rows_of(run, "SELECT cause FROM batch_state ORDER BY n")]
    assert causes[-3:] == ["journal lost", "resume", "all running"]
    tries = rows_of(run, "SELECT why FROM action WHERE what = 'the record is begun again'")
    assert all("did not take a commit" in str(why) for (why,) in tries) and 1 <= len(tries) <= (
        3 if trouble == FAILS else 1
    )
    states = rows_of(run, "SELECT count(*), count(DISTINCT at_us) FROM batch_state")
    assert states[0][0] == states[0][1], "a commit that failed and is there is not added again"
    journal = open_reader(run.journal_path)
    assert misfit(journal, anchors(journal)) is None
    journal.close()


def test_what_the_rings_could_not_keep_of_a_long_trouble_is_a_gap(line: BenchRun, disk: BadDisk) -> None:
    run = line
    disk.trouble = FULL
    run.run_for(150)
    disk.trouble = ""
    run.run_for(CAUGHT_UP_S)
    assert run.supervisor.record_trouble == ""
    seen = shown(run)
    assert (seen.ran, seen.cause) == ("RUNNING", "journal lost") and abs(seen.alone_s - 150 - CAUGHT_UP_S) < 3
    assert [node.node for node in seen.nodes] == ["melt", "bath", "draw"]
    for node in seen.nodes:
        assert node.state == "EXECUTE" and node.age_s < 5 and node.waiting_n < 100
        scan_s = next(one.scan_ms for one in run.line.node if one.name == node.node) / 1000
        assert abs(node.silent_s - node.lost_n * scan_s) < 3, "what is lost is the time without a scan"
    for zone in seen.zones:
        assert zone.below_K is not None and abs(zone.below_K) < 3
    assert len(seen.zones) == 8 and "was RUNNING, alone for" in seen.lines()[0]
    assert unaccounted_scans(run) == []
    reasons = rows_of(run, "SELECT DISTINCT reason FROM gap")
    assert reasons == [("overwritten in the node's ring",)]
    ((seconds,),) = rows_of(run, "SELECT sum(to_scan + 1 - from_scan) * 0.05 FROM gap JOIN run USING (run) "
                                 "JOIN configuration USING (configuration_i) WHERE scan_ms = 50")  # fmt: skip
    assert 60 < float(str(seconds)) < 150, "less than the trouble: the ring's last half minute is stored"


def test_a_stop_is_never_refused_for_want_of_a_disk_and_is_recorded_later(line: BenchRun, disk: BadDisk) -> None:
    run = line
    disk.trouble = FULL
    run.run_for(5)
    assert asked(run, "stop") == ""
    run.run_for(60)
    assert run.bench.plant.truth.godet1_speed_m_min < 0.1, "the line stands"
    disk.trouble = ""
    run.run_for(20)
    assert rows_of(run, "SELECT who, why FROM action WHERE what = 'stop'") == [("K. Lang", "the disk")]
    assert unaccounted_scans(run) == []


def test_a_journal_that_is_removed_is_told_and_never_made_again(line: BenchRun) -> None:
    run = line
    path = run.journal_path
    away = path.with_name("away.sqlite")
    (day,) = path.parent.glob("journal-*.sqlite")
    for file in (path, day):
        file.rename(away)
        run.run_for(12)
        assert any(f"{file} was removed or replaced" in problem for problem in run.supervisor.problems)
        assert run.supervisor.record_trouble and not file.exists()
        assert run.supervisor.batch.state == "UNSUPERVISED"
        away.rename(file)
        run.run_for(12)
        assert run.supervisor.record_trouble == ""
        assert asked(run, "resume") == ""
        run.run_for(10)
        assert run.supervisor.batch.state == "RUNNING"
    assert unaccounted_scans(run) == []
