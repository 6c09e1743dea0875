"""The same metres as the scans happen and out of a journal, whatever the nodes' scans do to each other on their way."""

import random

import pytest

from host.tests.test_record_batch import LINE, Plan, write_batch
from spinline.line.by_second import CORRECTED_S_MAX, SECOND_US, SILENT_S_MAX
from spinline.line.deviations import Deviations, deviations
from spinline.line.ledger import MetreVerdict
from spinline.line.line_ledger import LineLedger
from spinline.record.course import course
from spinline.record.metres import ledger
from spinline.record.opening import open_reader
from spinline.record.seconds import scans

pytestmark = pytest.mark.xdist_group("live_ledger")  # what they look at is made once

STARVED = Plan(
    heating_min=0.5,
    running_min=8,
    completing_min=16,
    noise=1.0,
    added={"melt.PLAST.pv": lambda at_s: -900.0 if 300 < at_s < 340 else 0.0},
    gaps={"melt": (420.0, 460.0), "draw": (500.0, 520.0)},
)


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    path = tmp_path_factory.mktemp("live") / "journal.sqlite"
    write_batch(path, STARVED)
    return open_reader(path)


def entered(connection):
    book = LineLedger(LINE)
    for stage in course(connection):
        book.enter(stage.from_us, stage.state)
    return book


@pytest.mark.parametrize("seed", range(2))
def test_frames_that_overtake_each_other_change_no_metre(journal, seed):
    """Each node's scans come in bursts, up to a minute late."""
    source, book = random.Random(seed), entered(journal)
    waiting = {name: [] for name in book.tags}
    for name, scan in scans(journal, book.tags):
        waiting[name].append(scan)
    rows, begin_us = [], min(row[0].at_us for row in waiting.values())
    names, due_us = sorted(waiting), dict.fromkeys(waiting, begin_us)
    while any(waiting.values()):
        name = min((name for name in names if waiting[name]), key=lambda name: (due_us[name], source.random()))
        due_us[name] += source.randint(50_000, 60_000_000)
        while waiting[name] and waiting[name][0].at_us < due_us[name]:
            rows += book.add(name, waiting[name].pop(0))
    assert [*rows, *book.finish()] == list(ledger(journal, LINE))


def test_a_scan_that_comes_twice_is_counted_once(journal):
    book = entered(journal)
    rows = [metre for name, scan in scans(journal, book.tags) for _ in (1, 2) for metre in book.add(name, scan)]
    assert [*rows, *book.finish()] == list(ledger(journal, LINE))


def test_a_node_that_never_answers_again_holds_up_the_others_for_a_time_only(journal):
    book = entered(journal)
    told = [(name, scan) for name, scan in scans(journal, book.tags)]
    silent_us = told[0][1].at_us + 100_000_000
    rows, behind_s = [], []
    for name, scan in told:
        if name != "bath" or scan.at_us < silent_us:
            rows += book.add(name, scan)
            behind_s.append(scan.at_us // 1_000_000 - (book.newest.at_s if book.newest else 0))
    rows += book.finish()
    assert max(behind_s[len(behind_s) // 2 :]) <= SILENT_S_MAX + 1
    assert len(rows) == len(list(ledger(journal, LINE)))
    late = [metre for metre in rows if metre.taken_up_s * 1_000_000 > silent_us]
    assert late and not any(metre.verdict in (MetreVerdict.PASS, MetreVerdict.AT_LIMIT) for metre in late)


def test_scans_of_the_feeders_that_are_missing_make_the_parts_unknown_and_never_a_pass(journal):
    """The screw turns on while its node is not heard: what it moved nobody measured."""
    unknown = [row for row in deviations(ledger(journal, LINE)) if row.verdict is MetreVerdict.UNKNOWN]
    assert "C12-PLAST" in {row.window for row in unknown}


PASSING = (MetreVerdict.PASS, MetreVerdict.AT_LIMIT)


@pytest.mark.parametrize("seed", range(6))
def test_scans_that_are_taken_away_never_make_a_metre_pass(journal, seed):
    """Single scans and whole stretches, of any node: what nobody measured is not inside."""
    source, whole = random.Random(seed), list(ledger(journal, LINE))
    told = list(scans(journal, entered(journal).tags))
    begin_us, length_us = told[0][1].at_us, told[-1][1].at_us - told[0][1].at_us
    name, from_us = source.choice(sorted(entered(journal).tags)), begin_us + source.randrange(length_us)
    lasts_us = source.choice([50_000, 300_000, 2_000_000, 60_000_000])
    if seed == 0:  # just the pump's stop that made metres fail
        name, from_us, lasts_us = "melt", begin_us + 300_000_000, 40_000_000
    book = entered(journal)
    kept = [(of, scan) for of, scan in told if of != name or not from_us <= scan.at_us < from_us + lasts_us]
    rows = [metre for of, scan in kept for metre in book.add(of, scan)] + list(book.finish())
    for before, after in zip(whole, rows, strict=True):
        assert after.verdict not in PASSING or before.verdict is after.verdict, (name, before.number)


@pytest.mark.parametrize("seed", range(4))
def test_a_clock_that_was_corrected_makes_no_metre_unknown_whose_scans_are_all_there(journal, seed):
    """The times of a node's scans jump, their numbers follow one another: nothing happened that nobody saw."""
    source, told = random.Random(seed), list(scans(journal, entered(journal).tags))
    begin_us, length_us = told[0][1].at_us, told[-1][1].at_us - told[0][1].at_us
    from_us, lasts_us = begin_us + source.randrange(length_us), 12 * SECOND_US
    by_us = source.randint(SECOND_US, (CORRECTED_S_MAX - 1) * SECOND_US)
    book, rows = entered(journal), []
    for name, scan in told:
        is_moved = from_us <= scan.at_us < from_us + lasts_us
        rows += book.add(name, scan._replace(at_us=scan.at_us + by_us) if is_moved else scan)
    rows += book.finish()
    known = {metre.number for metre in ledger(journal, LINE) if metre.verdict is not MetreVerdict.UNKNOWN}
    inside = {number for number in known if {number - 1, number + 1} <= known}  # what is beside a gap may move
    assert not inside & {metre.number for metre in rows if metre.verdict is MetreVerdict.UNKNOWN}


def test_deviations_cover_exactly_the_metres_that_did_not_pass(journal):
    rows = list(ledger(journal, LINE))
    runs = deviations(rows)
    covered = {i for run in runs for i in range(run.from_m, round(run.to_m + 0.499))}
    assert covered == {metre.number for metre in rows if metre.verdict is not MetreVerdict.PASS}
    failed = [run for run in runs if run.verdict is MetreVerdict.FAIL]
    assert [run.window for run in failed] == ["C12-PLAST"]
    within = [metre for metre in rows if failed[0].from_m <= metre.number < failed[0].to_m]
    assert failed[0].low == min(metre.spans["C12-PLAST"].low for metre in within) < 70
    assert failed[0].high == max(metre.spans["C12-PLAST"].high for metre in within)


def test_a_run_ends_where_its_verdict_changes_and_not_before(journal):
    runs = Deviations()
    rows = list(ledger(journal, LINE))
    ended = [run for metre in rows for run in runs.add(metre)] + list(runs.finish())
    by_window = {}
    for run in ended:
        before = by_window.get(run.window)
        assert before is None or before.to_m < run.from_m or before.verdict is not run.verdict or run.window == ""
        by_window[run.window] = run
