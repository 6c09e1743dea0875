"""The chain of records: any row that is changed, taken out, put in or moved is found, and the first is named."""

import shutil
import tempfile
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from host.tests.test_record_journal import AT_US, scan, started
from spinline.cli import app
from spinline.errors import BadFile
from spinline.line.alarms import Change
from spinline.record.chain import CHAINED, FIRST, linked, misfit
from spinline.record.days import anchors
from spinline.record.journal import Batch, Journal
from spinline.record.opening import open_reader

ROWS_N, DAY_FILE_N = 14, 7


def written(path: Path) -> Path:
    """A journal with rows of many kinds, in two commits, and a day's file that has seen the first of them."""
    journal, run = started(path)
    journal.start_batch(Batch("B-1", "R1", 1, "aa", "r1", "bb", "simulated", AT_US))
    journal.add_document(AT_US, "recipe", "R1", 'name = "R1"\n')
    journal.add_document(AT_US, "lot", "L-88", "lot", "K. Lang", "came with the drum")
    journal.add_batch_state(AT_US, "PREPARING", "start")
    journal.add_alarm(Change(AT_US, "line UNSUPERVISED", "unacknowledged", 2, True, "", ""))
    journal.add_claim(AT_US, 12, "PASS", True, "certificate", "planned")
    journal.add_scans(run, 0, [scan(0)])
    journal.commit()
    for i in range(5):
        journal.add_action(AT_US + i, "K. Lang", "setpoint of melt.Z3", "too cold", f"{i} degC", None)
    journal.hold(AT_US, "batch", (0, 1), "A. Roy", "a complaint")
    journal.end_batch(AT_US + 9)
    journal.commit()
    journal.close()
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("chain") / "j.sqlite")


def copied(original: Path, folder: Path) -> Path:
    for file in original.parent.glob("*.sqlite"):
        shutil.copy(file, folder / file.name)
    return folder / original.name


def rows_of(connection: apsw.Connection) -> dict[int, tuple[str, tuple]]:
    """Table and row of every number."""
    return {
        int(row[0]): (table, row)
        for table in CHAINED
        for row in connection.execute(f"SELECT * FROM {table}").fetchall()
    }


def without_triggers(path: Path) -> apsw.Connection:
    """What somebody does first who wants to change records."""
    connection = apsw.Connection(str(path))
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def found(path: Path) -> int | None:
    connection = open_reader(path)
    try:
        misfits = misfit(connection, anchors(connection))
        return misfits.n if misfits else None
    finally:
        connection.close()


def test_a_chain_that_nobody_touched_fits_and_a_stranger_can_work_it_out(original):
    assert found(original) is None
    connection = open_reader(original)
    before, rows = FIRST, rows_of(connection)
    assert sorted(rows) == list(range(1, ROWS_N + 1))
    for n in sorted(rows):
        table, row = rows[n]
        before = linked(before, table, n, row[1:-1])
        assert before == row[-1]
    connection.close()


@pytest.mark.parametrize("table", sorted(CHAINED))
def test_no_row_of_the_chain_can_be_changed_or_taken_out(original, tmp_path, table):
    connection = apsw.Connection(str(copied(original, tmp_path)))
    there = connection.execute(f"SELECT count(*) FROM {table}").get
    for attempt in (f"DELETE FROM {table}", f"UPDATE {table} SET n = n + 100"):
        if there:
            with pytest.raises(apsw.ConstraintError, match=f"rows of {table} are only ever added"):
                connection.execute(attempt)
    connection.close()


def changed(connection: apsw.Connection, table: str, row: tuple, i: int) -> None:
    """Another value in one column; a column that the table itself guards gets its other permitted one."""
    name = connection.execute(f"PRAGMA table_info({table})").fetchall()[i][1]
    other: object = row[i] + 1 if isinstance(row[i], int) else f"{row[i]}x"
    other = {"mode": "line", "basis": "measured"}.get(str(name), other)
    connection.execute(f"UPDATE {table} SET {name} = ? WHERE n = ?", (other, row[0]))


def put_in(connection: apsw.Connection, n: int, before: str) -> None:
    """A forged action at number n, with its right hash; all behind it move on by one."""
    for table in CHAINED:
        connection.execute(f"UPDATE {table} SET n = -n WHERE n >= ?", (n,))
        connection.execute(f"UPDATE {table} SET n = 1 - n WHERE n < 0")
    forged = (AT_US, "nobody", "start", "", None, None)
    row = (n, *forged, linked(before, "action", n, forged))
    connection.execute("INSERT INTO action VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def swapped(connection: apsw.Connection, tables: dict[int, str], n: int, m: int) -> None:
    for table, old, new in ((tables[n], n, -1), (tables[m], m, n), (tables[n], -1, m)):
        connection.execute(f"UPDATE {table} SET n = ? WHERE n = ?", (new, old))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_one_change_is_found_at_the_row_where_it_was_made(original, data):
    with tempfile.TemporaryDirectory() as folder:
        path = copied(original, Path(folder))
        connection = without_triggers(path)
        rows = rows_of(connection)
        tables = {n: table for n, (table, _row) in rows.items() if table != "day_file"}  # without it no day is read
        n = data.draw(st.sampled_from(sorted(tables)))
        table, row = rows[n]
        what = data.draw(st.sampled_from(["change", "remove", "insert", "swap", "cut short"]))
        expected = {n}
        if what == "change":
            guarded = 1 if table == "batch_begin" else 0  # batch_i can only be 1
            changed(connection, table, row, data.draw(st.integers(1 + guarded, len(row) - 1)))
        elif what == "remove":
            connection.execute(f"DELETE FROM {table} WHERE n = ?", (n,))
        elif what == "insert":
            put_in(connection, n, rows[n - 1][1][-1] if n > 1 else FIRST)
            expected = {n, n + 1}  # at once where a day's file has seen the row that stood here
        elif what == "swap":
            m = data.draw(st.sampled_from(sorted(tables.keys() - {n})))
            swapped(connection, tables, n, m)
            expected = {min(n, m)}
        else:
            n = data.draw(st.integers(DAY_FILE_N + 1, ROWS_N))
            for of in CHAINED:
                connection.execute(f"DELETE FROM {of} WHERE n >= ?", (n,))
            expected = {n}
        connection.close()
        assert found(path) in expected, what


def test_a_chain_written_anew_from_some_row_on_is_found_by_what_the_day_files_have_seen(original, tmp_path):
    path = copied(original, tmp_path)
    connection = without_triggers(path)
    rows = rows_of(connection)
    (n,) = [n for n, (table, row) in rows.items() if table == "document" and row[3] == "L-88"]
    connection.execute("UPDATE document SET text = 'another lot' WHERE n = ?", (n,))
    before = rows[n - 1][1][-1]
    for m in range(n, ROWS_N + 1):
        table = rows[m][0]
        row = connection.execute(f"SELECT * FROM {table} WHERE n = ?", (m,)).fetchall()[0]
        before = linked(before, table, m, row[1:-1])
        connection.execute(f"UPDATE {table} SET sha256 = ? WHERE n = ?", (before, m))
    connection.execute("UPDATE chain SET sha256 = ?", (before,))
    connection.close()
    reader = open_reader(path)
    assert misfit(reader) is None, "in itself it fits"
    assert misfit(reader, anchors(reader)).why.endswith("the chain was written anew")
    reader.close()


def test_records_that_are_behind_what_a_day_has_seen_are_refused(original, tmp_path):
    path = copied(original, tmp_path)
    (day,) = tmp_path.glob("j-*.sqlite")
    connection = apsw.Connection(str(day))
    connection.execute("INSERT INTO anchor VALUES (?, 'ab')", (ROWS_N + 3,))
    connection.close()
    for attempt in (open_reader, Journal.open):
        with pytest.raises(BadFile, match="has lost records 15 to 17"):
            attempt(path)


def test_verify_says_that_all_fits_or_names_the_first_row_that_does_not(original, tmp_path):
    path = copied(original, tmp_path)
    good = CliRunner().invoke(app, ["verify", str(path)])
    assert good.exit_code == 0 and f"{ROWS_N} records fit" in good.output
    connection = without_triggers(path)
    connection.execute("UPDATE action SET why = 'too hot' WHERE n = (SELECT max(n) FROM action)")
    connection.close()
    bad = CliRunner().invoke(app, ["verify", str(path)])
    assert bad.exit_code == 1 and "record 12" in bad.output and "was changed" in bad.output
