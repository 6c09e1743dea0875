"""The journal: committed is there once and exactly, acknowledged has no hole, foreign is left alone."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.bench.bad_disk import FAILS, FULL, TROUBLES, bad_disk
from spinline.errors import BadFile
from spinline.recipe.compiler import NodeConfiguration, Recorded
from spinline.record.journal import Batch, Journal, JournalBroken
from spinline.record.opening import open_reader
from spinline.record.schema import COLUMNS_PER_QUALITY_WORD, SCHEMA_VERSION
from spinline.record.series import series
from spinline_protocol.configuration import OF_INPUT, TABLE_NODE
from spinline_protocol.quantities import SWITCH, TEMPERATURE
from spinline_protocol.states import EVT_STATE

AT_US = 1_790_000_000_000_000


def configuration_of(columns_n: int, sha: int = 1) -> NodeConfiguration:
    columns = tuple(Recorded(f"melt.Z{i}.pv", OF_INPUT, i, TEMPERATURE) for i in range(columns_n))
    return NodeConfiguration("melt", ((TABLE_NODE, (1, 250, 2000, 900, 0, 60)),), bytes([sha]) * 32, columns, 250)


def scan(scan_i: int, columns_n: int = 2) -> tuple[int, ...]:
    return (2, 2, scan_i % 4, *(1000 * scan_i + i for i in range(columns_n)))


def started(path: Path, columns_n: int = 2, first_scan: int = 0, vfs: str | None = None) -> tuple[Journal, int]:
    journal = Journal.create(path, vfs)
    run = journal.add_node("melt", configuration_of(columns_n), "aa" * 32, "1.25.0", 32, first_scan=first_scan)
    journal.add_clock(run, first_scan, AT_US, 0, 0, "sync")
    return journal, run


def stored(path: Path) -> list[tuple[int, ...]]:
    connection = open_reader(path)
    try:
        table = connection.execute("SELECT scan_table FROM configuration").get
        return connection.execute(
            f'SELECT run, scan, at_us, state, flags, quality, "melt.Z0.pv" FROM {table}'
        ).fetchall()
    finally:
        connection.close()


def test_scans_come_back_exactly_with_the_time_of_each(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    journal.add_scans(run, 0, [scan(0), scan(1), scan(2)])
    journal.commit()
    journal.close()
    assert stored(tmp_path / "j.sqlite") == [(run, i, AT_US + 250_000 * i, 2, 2, i, 1000 * i) for i in range(3)]
    assert series(tmp_path / "j.sqlite", "melt.Z1.pv") == (
        [AT_US / 1e6 + 0.25 * i for i in range(3)],
        [0.001, 1.001, 2.001],
        [0, 0, 0],
    )


def test_the_quality_of_every_one_of_sixty_four_columns_comes_back(tmp_path):
    journal, run = started(tmp_path / "j.sqlite", columns_n=64)
    qualities = [(7 * i + i // 5) % 4 for i in range(64)]
    word = sum(quality << 2 * i for i, quality in enumerate(qualities))
    journal.add_scans(run, 0, [(2, 2, word, *range(64))])
    journal.commit()
    assert [series(tmp_path / "j.sqlite", f"melt.Z{i}.pv")[2][0] for i in range(64)] == qualities
    assert 2 * COLUMNS_PER_QUALITY_WORD < 64


def test_a_stranger_reads_a_number_with_its_unit_by_sql_alone(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    journal.add_scans(run, 0, [scan(7)])
    journal.commit()
    connection = sqlite3.connect(tmp_path / "j.sqlite")
    (day,) = connection.execute("SELECT file FROM day_file").fetchone()
    connection.execute("ATTACH ? AS day", (str(tmp_path / day),))
    tag, unit, decimals = connection.execute('SELECT tag, unit, decimals FROM "column" WHERE column_i = 1').fetchone()
    table = connection.execute("SELECT scan_table FROM configuration").fetchone()[0]
    number = connection.execute(f'SELECT "{tag}" FROM day."{table}" WHERE scan = 0').fetchone()[0]
    assert (number / 10**decimals, unit) == (7.001, "degC")
    connection.close()


def test_a_node_that_starts_again_begins_a_new_run_at_scan_zero(tmp_path):
    journal, first = started(tmp_path / "j.sqlite")
    journal.add_scans(first, 0, [scan(0), scan(1)])
    second = journal.add_node("melt", configuration_of(2), "aa" * 32, "1.25.0", 32)
    journal.add_clock(second, 0, AT_US + 9_000_000, 0, 0, "sync")
    journal.add_scans(second, 0, [scan(5)])
    journal.commit()
    journal.close()
    assert [(row[0], row[1], row[6]) for row in stored(tmp_path / "j.sqlite")] == [
        (first, 0, 0),
        (first, 1, 1000),
        (second, 0, 5000),
    ]


def test_nothing_is_acknowledged_before_its_commit(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    journal.add_scans(run, 0, [scan(0), scan(1)])
    journal.add_event(run, 0, 1, EVT_STATE, 0, 2, 0, AT_US)
    assert (journal.scans_to(run), journal.events_to(run)) == (-1, -1)
    journal.commit()
    assert (journal.scans_to(run), journal.events_to(run)) == (1, 0)


def test_a_hole_is_passed_only_when_it_is_declared(tmp_path):
    journal, run = started(tmp_path / "j.sqlite", first_scan=10)
    journal.add_scans(run, 10, [scan(10)])
    journal.add_scans(run, 14, [scan(14), scan(15)])
    journal.commit()
    assert journal.scans_to(run) == 10
    journal.add_gap(run, 11, 13, "ring overwritten", AT_US)
    journal.commit()
    assert journal.scans_to(run) == 15


batches = st.tuples(st.integers(0, 14), st.integers(1, 4), st.sampled_from(["scans", "scans", "scans", "gap"]))


@settings(max_examples=40)
@given(st.lists(batches, max_size=12), st.integers(1, 4), st.booleans())
def test_any_order_and_repetition_gives_the_same_rows_and_never_acknowledges_past_a_hole(parts, commit_every, reopened):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.sqlite"
        journal, run = started(path)
        there: set[int] = set()
        rows: set[int] = set()
        for i, (first, count, what) in enumerate(parts):
            numbers = range(first, first + count)
            if what == "scans":
                journal.add_scans(run, first, [scan(n) for n in numbers])
                rows |= set(numbers)
            else:
                journal.add_gap(run, first, first + count - 1, "lost", AT_US)
            there |= set(numbers)
            if i % commit_every == 0 or i == len(parts) - 1:
                journal.commit()
                assert journal.scans_to(run) == next(n for n in range(100) if n not in there) - 1
        journal.commit()
        if reopened:
            acknowledged = journal.scans_to(run)
            journal.close()
            journal = Journal.open(path)
            assert journal.scans_to(run) == acknowledged
        journal.close()
        assert stored(path) == [(run, n, AT_US + 250_000 * n, 2, 2, n % 4, 1000 * n) for n in sorted(rows)]


def test_a_journal_opened_again_goes_on_where_it_was(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    journal.start_batch(Batch("B", "R1", 1, "aa", "r1", "bb", "bench", AT_US))
    journal.add_scans(run, 0, [scan(0)])
    journal.add_event(run, 0, 0, EVT_STATE, 0, 2, 0, AT_US)
    journal.commit()
    journal.close()

    journal = Journal.open(tmp_path / "j.sqlite")
    (known,) = journal.runs()
    journal.add_clock(known.run, 0, AT_US, 0, 0, "sync")
    journal.add_scans(known.run, 0, [scan(0), scan(1)])
    journal.commit()
    assert (known.node, known.configuration_sha256) == ("melt", "01" * 32)
    assert (journal.scans_to(run), journal.events_to(run)) == (1, 0)


def test_everything_a_person_and_the_supervisor_did_is_in_the_file(tmp_path):
    journal, _ = started(tmp_path / "j.sqlite")
    journal.add_action(AT_US, "K. Lang", "setpoint of melt.Z3", "melt too cold", "215.0 degC", "217.0 degC")
    journal.add_action(AT_US, "supervisor", "acknowledged", "", None, None)
    journal.add_batch_state(AT_US, "RUNNING", "operator")
    journal.add_claim(AT_US, 12, "UNKNOWN", True, "no certificate", "planned")
    journal.commit()
    journal.close()
    connection = sqlite3.connect(tmp_path / "j.sqlite")
    assert connection.execute("SELECT count(*), max(new_value) FROM action").fetchone() == (2, "217.0 degC")
    assert connection.execute("SELECT at_us, state, cause FROM batch_state").fetchall() == [
        (AT_US, "RUNNING", "operator")
    ]
    assert connection.execute("SELECT claim, verdict, required, basis FROM claim").fetchone() == (
        12,
        "UNKNOWN",
        1,
        "planned",
    )
    connection.close()


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    journal.add_scans(run, 0, [scan(0)])
    journal.commit()
    with pytest.raises(BadFile, match="another program is writing"):
        Journal.open(tmp_path / "j.sqlite")
    assert len(series(tmp_path / "j.sqlite", "melt.Z0.pv")[0]) == 1
    journal.close()
    Journal.open(tmp_path / "j.sqlite").close()


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "no journal of this program"),
        (b"not a database, but 100 bytes long " * 9, "cannot be read as a journal"),
    ],
)
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path, octets, why):
    path = tmp_path / "j.sqlite"
    path.write_bytes(octets)
    for attempt in (Journal.create, Journal.open):
        with pytest.raises(BadFile, match=why):
            attempt(path)
        assert path.read_bytes() == octets


def test_a_damaged_journal_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "j.sqlite"
    journal, run = started(path)
    journal.add_scans(run, 0, [scan(i) for i in range(3000)])
    journal.commit()
    journal.close()
    octets = bytearray(path.read_bytes())
    for at in range(len(octets) // 2, len(octets) - 4096, 4096):
        octets[at : at + 64] = b"\xff" * 64
    path.write_bytes(octets)
    for attempt in (Journal.open, Journal.create):
        with pytest.raises(BadFile):
            attempt(path)
    assert path.read_bytes() == octets


def test_a_newer_schema_is_refused_and_left_as_it_is(tmp_path):
    journal, _ = started(tmp_path / "j.sqlite")
    journal.close()
    connection = sqlite3.connect(tmp_path / "j.sqlite")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    for attempt in (Journal.create, Journal.open):
        with pytest.raises(BadFile, match=f"schema version {SCHEMA_VERSION + 1}"):
            attempt(tmp_path / "j.sqlite")


def test_a_new_journal_never_replaces_one_and_a_missing_one_is_not_made(tmp_path):
    started(tmp_path / "j.sqlite")[0].close()
    with pytest.raises(BadFile, match="is a journal already"):
        Journal.create(tmp_path / "j.sqlite")
    with pytest.raises(BadFile, match="there is no journal here"):
        Journal.open(tmp_path / "other.sqlite")


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("what", ["scans", "records"])
def test_a_disk_that_takes_no_commit_acknowledges_nothing_and_keeps_what_was_there(tmp_path, trouble, what):
    path = tmp_path / "j.sqlite"
    with bad_disk() as disk:
        journal, run = started(path, vfs="bad")
        journal.add_scans(run, 0, [scan(0)])
        journal.commit()
        disk.trouble = trouble
        if what == "records":
            journal.add_action(AT_US, "K. Lang", "note", "nobody will read this", None, None)
        journal.add_scans(run, 1, [scan(i) for i in range(1, 2000)])
        for _ in range(2):
            with pytest.raises(JournalBroken, match="did not take a commit"):
                journal.commit()
            assert journal.scans_to(run) == 0
        journal.close()

        disk.trouble = ""
        journal = Journal.open(path, "bad")
        assert journal.scans_to(run) in ((0, 1999) if trouble == FAILS else (0,)), "unsynced is there or not, but whole"
        journal.add_clock(run, 1, AT_US, 0, 0, "sync")
        journal.add_scans(run, 1, [scan(1)])
        journal.add_action(AT_US, "K. Lang", "note", "the disk is good again", None, None)
        journal.commit()
        assert journal.scans_to(run) >= 1
        reader = journal.reader()
        assert reader.misfit() is None and reader.records("action")[-1][3] == "the disk is good again"
        reader.close()
        journal.close()


def test_a_switch_and_a_temperature_share_a_table_with_their_own_units(tmp_path):
    columns = (
        Recorded("melt.ESTOP.pv", OF_INPUT, 0, SWITCH),
        Recorded("melt.Z1.pv", OF_INPUT, 1, TEMPERATURE),
    )
    journal = Journal.create(tmp_path / "j.sqlite")
    run = journal.add_node("melt", NodeConfiguration("melt", (), b"\2" * 32, columns, 250), "aa", "1.25.0", 32)
    journal.add_clock(run, 0, AT_US, 0, 0, "sync")
    journal.add_scans(run, 0, [(0, 0, 0b1001, 1, 21500)])
    journal.commit()
    assert series(tmp_path / "j.sqlite", "melt.ESTOP.pv")[1:] == ([1.0], [1])
    assert series(tmp_path / "j.sqlite", "melt.Z1.pv")[1:] == ([21.5], [2])


def test_lost_events_are_passed_once_they_are_declared_and_in_a_reopened_journal_too(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    for event_i in (0, 4):
        journal.add_event(run, event_i, 1, EVT_STATE, 0, 2, 0, AT_US)
    journal.commit()
    assert journal.events_to(run) == 0
    journal.add_event_gap(run, 1, 3, AT_US)
    journal.commit()
    assert journal.events_to(run) == 4
    journal.close()
    journal = Journal.open(tmp_path / "j.sqlite")
    assert journal.events_to(run) == 4
    journal.close()


def test_what_is_being_committed_counts_when_the_commit_has_ended_and_not_before(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    journal.add_scans(run, 0, [scan(0), scan(1)])
    journal.begin_commit()
    journal.add_scans(run, 2, [scan(2)])  # waits for the next one
    assert journal.scans_to(run) == -1, "nobody has asked yet whether the disk took it"
    journal.end_commit()
    assert journal.scans_to(run) == 1 and len(stored(tmp_path / "j.sqlite")) == 2
    journal.begin_commit()
    journal.close()
    journal.close()
    assert len(stored(tmp_path / "j.sqlite")) == 3, "what was begun is finished"


@pytest.mark.parametrize("asking", ["end_commit", "begin_commit", "runs", "open_orders"])
def test_a_commit_that_fails_in_the_background_is_told_by_whatever_is_asked_next(tmp_path, asking):
    with bad_disk() as disk:
        journal, run = started(tmp_path / "j.sqlite", vfs="bad")
        journal.add_scans(run, 0, [scan(0)])
        disk.trouble = FULL
        journal.begin_commit()
        for _ in range(2):
            with pytest.raises(JournalBroken, match="did not take a commit"):
                getattr(journal, asking)()
        assert journal.scans_to(run) == -1
        journal.close()
