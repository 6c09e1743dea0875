"""`spinline metres`: every metre of a batch as a row, or a sentence why not."""

import csv
import hashlib
import sys
from pathlib import Path

import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from host.tests.test_record_batch import ROOT, Plan, write_batch
from spinline.cli import app
from spinline.errors import BadFile, BadInput
from spinline.record.opening import open_reader

R1 = ROOT / "lines" / "r1.toml"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("metres") / "journal.sqlite"
    line_sha256 = hashlib.sha256(R1.read_bytes()).hexdigest()
    return write_batch(path, Plan(heating_min=0.5, running_min=8, completing_min=16), line_sha256)


def test_every_metre_is_a_row_with_what_acted_on_it(journal, tmp_path):
    done = CliRunner().invoke(app, ["metres", str(journal), "--line", str(R1), "--csv", str(tmp_path / "metres.csv")])
    assert done.exit_code == 0, done.output
    assert "SIMULATED LINE: no fiber is made" in done.output
    assert "PASS" in done.output and "threading" in done.output
    with (tmp_path / "metres.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["metre"] for row in rows] == [str(i) for i in range(260)]
    assert list(rows[0])[:6] == ["metre", "length [m]", "finished [m]", "taken up [UTC]", "verdict", "reason"]
    whole = rows[60]
    assert (whole["verdict"], whole["reason"], whole["taken up [UTC]"]) == ("PASS", "", "2026-09-21T14:19:50Z")
    assert (whole["E-TQUENCH low [degC]"], whole["C12-STRETCH 2 sigma [-]"][:6]) == ("40", "0.0053")
    assert {row["mode"] for row in rows} == {"simulated"}
    assert rows[-1]["reason"] == "run-out" and rows[-1]["finished [m]"] == ""
    assert [path.name for path in tmp_path.iterdir()] == ["metres.csv"]


def test_parquet_has_the_rows_of_the_csv_with_types(journal, tmp_path):
    both = [f"--{kind}={tmp_path / 'metres'}.{kind}" for kind in ("csv", "parquet")]
    assert CliRunner().invoke(app, ["metres", str(journal), "--line", str(R1), *both]).exit_code == 0
    table = pyarrow.parquet.read_table(tmp_path / "metres.parquet")
    with (tmp_path / "metres.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert table.column_names == list(rows[0]) and table.num_rows == len(rows) == 260
    assert [str(table.schema.field(i).type) for i in range(5)] == [
        "int64", "double", "double", "timestamp[ms, tz=UTC]", "string"
    ]  # fmt: skip
    for name in table.column_names:
        for got, shown in zip(table.column(name).to_pylist(), (row[name] for row in rows), strict=True):
            text = "" if got is None else f"{got:.7g}" if isinstance(got, float) else str(got)
            assert text == shown or got.strftime("%Y-%m-%dT%H:%M:%SZ") == shown


def test_without_its_package_parquet_is_refused_by_name_and_the_rest_works(journal, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "spinline.edges.parquet_file", raising=False)
    words = ["metres", str(journal), "--line", str(R1)]
    assert CliRunner().invoke(app, words).exit_code == 0
    with pytest.raises(BadInput, match=r"--parquet needs pyarrow: pip install 'spinline\[parquet\]'"):
        CliRunner().invoke(app, [*words, "--parquet", str(tmp_path / "m.parquet")], catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [("other.toml", "is not the line file that batch B-1 was made with"), ("none.toml", "none.toml")],
)
def test_a_batch_is_judged_by_the_line_it_was_made_on_only(journal, tmp_path, line, said):
    (tmp_path / "other.toml").write_text(R1.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    with pytest.raises(BadFile, match=said):
        CliRunner().invoke(app, ["metres", str(journal), "--line", str(tmp_path / line)], catch_exceptions=False)


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left(journal, tmp_path):
    with pytest.raises(BadFile, match="cannot be written"):
        CliRunner().invoke(
            app, ["metres", str(journal), "--line", str(R1), "--csv", str(tmp_path / "none" / "metres.csv")],
            catch_exceptions=False,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_the_journal_is_read_and_not_changed(journal):
    before = journal.read_bytes()
    CliRunner().invoke(app, ["metres", str(journal), "--line", str(R1)])
    assert journal.read_bytes() == before
    open_reader(journal).close()
