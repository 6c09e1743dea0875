"""Files of days: every scan lies in the one of its UTC day, days of 23 and 25 hours lose and double nothing."""

import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hil_tests.bench.bad_disk import READ_ONLY, bad_disk
from host.tests.test_record_journal import AT_US, configuration_of, scan, started
from spinline.cli import app
from spinline.errors import BadFile, BadInput
from spinline.record.days import DAY_US, PAGE_BYTES, local_day
from spinline.record.journal import Journal, JournalBroken
from spinline.record.opening import open_reader
from spinline.record.schema import SCHEMA_VERSION
from spinline.record.series import series

HOUR_US = 3_600_000_000
BERLIN = ZoneInfo("Europe/Berlin")
QUARTER_MS = 900_000


def us(text: str) -> int:
    """A local time of Berlin, or with an offset, in us UTC."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=BERLIN)).timestamp()) * 1_000_000


def quarters(path: Path, begin_us: int, scans_n: int) -> Path:
    """A scan each quarter of an hour, committed in pieces of three hours."""
    journal = Journal.create(path)
    configuration = configuration_of(2)
    slow = type(configuration)(
        configuration.name, configuration.rows, configuration.sha256, configuration.columns, QUARTER_MS
    )
    run = journal.add_node("melt", slow, "aa" * 32, "1.25.0", 32)
    journal.add_clock(run, 0, begin_us, 0, 0, "sync")
    for first in range(0, scans_n, 12):
        journal.add_scans(run, first, [scan(i) for i in range(first, min(first + 12, scans_n))])
        journal.commit()
    journal.close()
    return path


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23), ("2020-11-23", 24), ("2026-12-31", 24)]
)
def test_a_day_of_the_plant_has_its_own_number_of_hours_and_every_scan_of_it_once(tmp_path, day, hours):
    within = local_day(day, "Europe/Berlin")
    assert within[1] - within[0] == hours * HOUR_US
    before = us(f"{(date.fromisoformat(day) - timedelta(days=1)).isoformat()}T12:00")
    path = quarters(tmp_path / "j.sqlite", before, 4 * 60)
    times, numbers, _qualities = series(path, "melt.Z0.pv", *within)
    assert len(times) == 4 * hours
    assert [round(later - earlier) for earlier, later in zip(times, times[1:], strict=False)] == [900] * (4 * hours - 1)
    assert numbers == sorted(set(numbers))
    assert {datetime.fromtimestamp(at_s, BERLIN).date().isoformat() for at_s in times} == {day}
    assert len(list(tmp_path.glob("j-*.sqlite"))) >= 3


def test_the_hour_that_comes_twice_is_two_hours_of_record(tmp_path):
    path = quarters(tmp_path / "j.sqlite", us("2026-10-25T00:00"), 4 * 10)
    first, second = us("2026-10-25T02:00+02:00"), us("2026-10-25T02:00+01:00")
    assert second - first == HOUR_US
    one, other = (series(path, "melt.Z0.pv", begin, begin + HOUR_US)[1] for begin in (first, second))
    assert len(one) == len(other) == 4 and max(one) < min(other)


@given(
    st.dates(date(1990, 1, 1), date(2037, 12, 30)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_days_of_the_plant_follow_one_another_without_a_gap(day, zone):
    one, following = (local_day((day + timedelta(days=i)).isoformat(), zone) for i in (0, 1))
    assert one[1] == following[0]
    assert (one[1] - one[0]) // HOUR_US in (23, 24, 25)


@pytest.mark.parametrize(
    ("day", "zone", "why"), [("25.10.2026", "UTC", "is no date"), ("2026-10-25", "Europe/Berlln", "is no time zone")]
)
def test_a_day_or_a_zone_that_is_none_is_refused(day, zone, why):
    with pytest.raises(BadInput, match=why):
        local_day(day, zone)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), min_size=1, max_size=8))
def test_every_scan_lies_once_in_the_file_of_its_day(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("days")
    journal = Journal.create(folder / "j.sqlite")
    configuration = configuration_of(2)
    slow = type(configuration)(
        configuration.name, configuration.rows, configuration.sha256, configuration.columns, QUARTER_MS
    )
    run = journal.add_node("melt", slow, "aa" * 32, "1.25.0", 32)
    journal.add_clock(run, 0, us("2020-11-23T05:00+00:00"), 0, 0, "sync")
    for first, scans_n in parts:
        journal.add_scans(run, first, [scan(first + i) for i in range(scans_n)])
        journal.commit()
    journal.close()
    there = {first + i for first, scans_n in parts for i in range(scans_n)}
    found = []
    for file in folder.glob("j-*.sqlite"):
        connection = apsw.Connection(str(file))
        (table,) = connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'scans%'").fetchall()[0]
        for number, at_us in connection.execute(f"SELECT scan, at_us FROM {table}").fetchall():
            found.append(number)
            day = date(1970, 1, 1) + timedelta(days=at_us // DAY_US)
            assert file.stem == f"j-{day.isoformat()}"
        connection.close()
    assert sorted(found) == sorted(there)


def copied(path: Path, folder: Path) -> Path:
    for file in path.parent.glob("*.sqlite"):
        shutil.copy(file, folder / file.name)
    return folder / path.name


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quarters(tmp_path_factory.mktemp("three days") / "j.sqlite", us("2020-11-23T12:00+00:00"), 4 * 40)


def refused(path: Path, why: str) -> None:
    """By who would write it and who would read it; every file stays as it is."""
    before = {file.name: file.read_bytes() for file in path.parent.glob("*.sqlite")}
    for attempt in (Journal.open, open_reader):
        with pytest.raises(BadFile, match=why):
            attempt(path)
    assert {file.name: file.read_bytes() for file in path.parent.glob("*.sqlite")} == before


def test_the_file_of_a_day_is_told_from_its_journal(original: Path, tmp_path: Path) -> None:
    first, *_others = sorted(copied(original, tmp_path).parent.glob("j-*.sqlite"))
    refused(first, "holds the scans of a day: name the journal itself, the file without a date behind its name")


def test_a_day_that_somebody_removed_is_told_by_its_name_and_never_made_again(original, tmp_path):
    path = copied(original, tmp_path)
    (tmp_path / "j-2020-11-24.sqlite").unlink()
    refused(path, "j-2020-11-24.sqlite: is missing: somebody has removed it")
    assert not (tmp_path / "j-2020-11-24.sqlite").exists()


def test_a_journal_whose_records_somebody_removed_is_not_made_anew_beside_its_days(original, tmp_path):
    path = copied(original, tmp_path)
    path.unlink()
    with pytest.raises(BadFile, match="there is no journal here"):
        Journal.open(path)
    with pytest.raises(BadFile, match="j-2020-11-23.sqlite: is a day of a journal whose j.sqlite is gone"):
        Journal.create(path)
    assert not path.exists()


def test_a_day_of_another_journal_or_none_or_of_a_newer_version_is_refused_by_its_name(original, tmp_path):
    path, day = copied(original, tmp_path), tmp_path / "j-2020-11-24.sqlite"
    kept = day.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    quarters(other / "j.sqlite", us("2020-11-24T00:00+00:00"), 4)
    shutil.copy(other / "j-2020-11-24.sqlite", day)
    refused(path, "j-2020-11-24.sqlite: belongs to another journal")
    day.write_bytes(b"")
    refused(path, "j-2020-11-24.sqlite: is no day file")
    day.write_bytes(b"not a database, but 100 bytes long " * 9)
    refused(path, "j-2020-11-24.sqlite: cannot be read as a day")
    day.write_bytes(kept)
    connection = apsw.Connection(str(day))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    refused(path, f"j-2020-11-24.sqlite: from a newer version of this program: has schema version {SCHEMA_VERSION + 1}")


def test_a_file_of_a_day_that_a_cut_left_without_a_row_is_gone_on_with(original, tmp_path):
    path = copied(original, tmp_path)
    journal = Journal.open(path)
    run = journal.runs()[0].run
    journal.add_clock(run, 200, us("2020-11-28T00:00+00:00"), 0, 0, "sync")
    journal.add_scans(run, 200, [scan(200)])  # makes the file; then the power goes
    journal.close()
    assert (tmp_path / "j-2020-11-28.sqlite").exists()
    journal = Journal.open(path)
    journal.add_clock(run, 200, us("2020-11-28T00:00+00:00"), 0, 0, "sync")
    journal.add_scans(run, 200, [scan(200)])
    journal.commit()
    journal.close()
    assert len(series(path, "melt.Z0.pv")[0]) == 161


def test_a_folder_that_takes_no_new_file_at_midnight_breaks_the_journal_and_loses_nothing(tmp_path):
    with bad_disk() as disk:
        journal = Journal.create(tmp_path / "j.sqlite", "bad")
        run = journal.add_node("melt", configuration_of(2), "aa" * 32, "1.25.0", 32)
        journal.add_clock(run, 0, us("2020-11-23T23:59:59+00:00"), 0, 0, "sync")
        journal.add_scans(run, 0, [scan(i) for i in range(4)])
        journal.commit()
        disk.trouble = READ_ONLY
        with pytest.raises(JournalBroken):
            journal.add_scans(run, 4, [scan(4)])
        assert journal.scans_to(run) == 3
        journal.close()
        disk.trouble = ""
        journal = Journal.open(tmp_path / "j.sqlite", "bad")
        journal.add_clock(run, 4, us("2020-11-24T00:00:00+00:00"), 0, 0, "sync")
        journal.add_scans(run, 4, [scan(4)])
        journal.commit()
        assert journal.scans_to(run) == 4
        journal.close()


@pytest.mark.parametrize("which", ["j.sqlite", "j-2020-11-24.sqlite", "j-2020-11-25.sqlite"])
@pytest.mark.parametrize("where", ["header", "page"])
def test_flipped_bytes_are_refused_or_told_by_verify_and_nothing_is_written_over(original, tmp_path, which, where):
    path = copied(original, tmp_path)
    file = tmp_path / which
    octets = bytearray(file.read_bytes())
    places = (
        range(0, 100, 7) if where == "header" else range(PAGE_BYTES + 3, len(octets), PAGE_BYTES)
    )  # headers of pages
    told = 0
    for at in places:
        flipped = bytearray(octets)
        flipped[at] ^= 0xFF
        file.write_bytes(flipped)
        result = CliRunner().invoke(app, ["verify", str(path)])
        told += result.exit_code != 0
        assert file.read_bytes() == flipped
        if result.exit_code == 0:  # a byte that says nothing about what is recorded, such as a reserved one
            assert series(path, "melt.Z0.pv")[1] == [float(i) for i in range(160)]
    assert told >= len(places) // 3
    if where == "page":
        assert told == len(places)


def test_hold_and_retire_at_the_prompt(original, tmp_path):
    path = copied(original, tmp_path)
    person = ["--who", "A. Roy", "--why", "a complaint"]

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, [words[0], str(path), *words[1:], *person])
        return result.exit_code, result.output + str(result.exception or "")

    assert run("legal-hold", "--day", "2020-11-23", "--zone", "Europe/Berlin")[0] == 0
    code, text = run("retire", "--keep-days", "1")
    assert code == 0 and text.split() == ["j-2020-11-24.sqlite"], "23 November in Berlin begins in the file of the 22nd"
    assert "no legal hold is called '2020-11-23 UTC'" in run("legal-hold", "--release", "--day", "2020-11-23")[1]
    assert run("legal-hold", "--release", "--day", "2020-11-23", "--zone", "Europe/Berlin")[0] == 0
    assert run("retire", "--keep-days", "1")[1].split() == ["j-2020-11-23.sqlite"]
    assert sorted(file.name for file in tmp_path.glob("j*.sqlite")) == ["j-2020-11-25.sqlite", "j.sqlite"]
    assert CliRunner().invoke(app, ["verify", str(path)]).exit_code == 0
    assert min(series(path, "melt.Z0.pv")[0]) == datetime(2020, 11, 25, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a writer whose power went, logs and all: twelve commits, each with an action and four scans."""
    folder = tmp_path_factory.mktemp("cut")
    journal, run = started(folder / "j.sqlite")
    for i in range(12):
        journal.add_action(AT_US + i, "K. Lang", "note", str(i), None, None)
        journal.add_scans(run, 4 * i, [scan(4 * i + k) for k in range(4)])
        journal.commit()
    after = tmp_path_factory.mktemp("after")
    for file in folder.glob("j*.sqlite*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, after / file.name)
    journal.close()
    return after / "j.sqlite"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flipped_bytes_in_a_log_lose_the_newest_or_refuse_and_never_show_what_was_not_written(cut, data):
    with tempfile.TemporaryDirectory() as folder:
        for file in cut.parent.glob("j*"):
            shutil.copy(file, Path(folder, file.name))
        path = Path(folder, "j.sqlite")
        (of_day,) = Path(folder).glob("j-*-wal")
        log = data.draw(st.sampled_from([Path(folder, "j.sqlite-wal"), of_day]))
        octets = bytearray(log.read_bytes())
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at] ^= data.draw(st.integers(1, 255))
        log.write_bytes(octets)
        try:
            journal = Journal.open(path)
        except BadFile as refusal:
            assert (
                "and was left as it is" in str(refusal)
                or "has lost records" in str(refusal)
                or "no day" in str(refusal)
            )
            return
        reader = journal.reader()
        assert reader.misfit() is None
        notes = [str(row[3]) for row in reader.records("action")]
        assert notes == [str(i) for i in range(12)], "records that a day has seen are not lost in silence"
        for run in journal.runs():
            to = journal.scans_to(run.run)
            assert [row[2:] for row in reader.scans(run.run, 0, 99)] == [scan(i) for i in range(to + 1)]
            assert (to + 1) % 4 == 0, "whole commits"
        reader.close()
        journal.close()
