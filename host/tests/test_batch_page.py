"""The report of a batch: one page that says what was done to it, and where."""

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host.tests.test_record_batch import BEGIN_US, LINE, ROOT, Plan, write_batch
from spinline.cli import app
from spinline.recipe.compiler import compile_node
from spinline.recipe.reading import read_recipe
from spinline.record.journal import Batch, Journal
from spinline.record.opening import open_reader
from spinline.record.page.page import page
from spinline.record.summary import batch_row
from spinline_protocol.states import EVENTS

pytestmark = pytest.mark.xdist_group("batch_page")  # what they look at is made once

R1 = ROOT / "lines" / "r1.toml"
VOID = ("meta", "br")


def _between(begin: float, end: float, by: float):
    return lambda at_s: by if begin <= at_s < end else 0.0


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Running from 150 s (at 20 m) to 1350 s; a quench too warm, the draw node's scans of ten seconds lost."""
    plan = Plan(
        heating_min=0.5,
        completing_min=16,
        added={"bath.QUENCH.pv": _between(200, 230, 32.0)},
        gaps={"draw": (1000.0, 1010.0)},
    )
    path = tmp_path_factory.mktemp("page") / "journal.sqlite"
    write_batch(path, plan, hashlib.sha256(R1.read_bytes()).hexdigest())
    record = Journal.open(path)
    record.add_action(BEGIN_US, "K. Lang <lead>", "start", "batch & shift", None, "R1")
    interlock_i = [row.name for row in LINE.node[0].interlock].index("die pressure high")
    code = EVENTS.index("INTERLOCK_TRIPPED")
    record.add_event(record.runs()[0].run, 0, 40, code, interlock_i, 13000, 12000, BEGIN_US + 10**7)
    record.commit()
    record.close()
    return path


@pytest.fixture(scope="module")
def text(journal: Path) -> str:
    return page(open_reader(journal), LINE)


def _rows(text: str, title: str) -> list[list[str]]:
    """Cells of the first table below a heading, as plain text."""
    table = text.partition(f"<h2>{title}</h2>")[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table)
    return [[re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows][1:]


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.outside += [value for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(text):
    parsed = _Balance()
    parsed.feed(text)
    assert parsed.open == [] and parsed.outside == []
    assert "<script" not in text


def test_a_simulated_batch_says_so_before_anything_else(text):
    assert text.index("SIMULATED LINE: no fiber was made") < text.index("<h1>")


def test_every_mode_has_its_own_words_and_an_unknown_one_is_never_a_production(tmp_path):
    words = set()
    for mode in ("simulated", "bench", "line"):
        record = Journal.create(tmp_path / f"{mode}.sqlite")
        record.start_batch(Batch("B", "R1", 1, "ab" * 32, "r1", "cd" * 32, mode, BEGIN_US))
        record.commit()
        record.close()
        found = page(open_reader(tmp_path / f"{mode}.sqlite"), LINE)
        words.add(re.findall(r'<div class="mode [a-z]+">(.*?)</div>', found)[0])
    assert len(words) == 3
    Journal.create(tmp_path / "none.sqlite").close()
    assert "take it for a simulation" in page(open_reader(tmp_path / "none.sqlite"), LINE)


def test_a_record_that_says_line_and_whose_nodes_were_simulations_is_shown_as_no_line(tmp_path):
    record = Journal.create(tmp_path / "journal.sqlite")
    record.start_batch(Batch("B", "R1", 1, "ab" * 32, "r1", "cd" * 32, "line", BEGIN_US))
    configuration = compile_node(LINE, LINE.node[0], read_recipe(ROOT / "recipes" / "r1.toml"))
    for node, told in (("melt", "1.25.0 rp2"), ("bath", "1.25.0 linux")):
        record.commit()
        known = "PRODUCTION LINE" in page(open_reader(tmp_path / "journal.sqlite"), LINE)
        assert known, "until a node says otherwise"
        record.add_node(node, configuration, "ef" * 32, told, 32)
    record.close()
    connection = open_reader(tmp_path / "journal.sqlite")
    found = page(connection, LINE)
    assert "PRODUCTION LINE" not in found and "take it for a simulation" in found
    assert (batch_row(connection) or {})["mode"] == ""


def test_the_deviations_are_what_was_done_to_the_batch(text):
    rows = _rows(text, "Deviations")
    told = [(row[0], row[1], row[4], row[5]) for row in rows if row[4] != "SCRAP"]
    assert told == [
        ("28", "35", "FAIL", "quench water temperature"),
        ("161", "166", "UNKNOWN", "take-up scans are missing"),
    ]
    assert rows[[row[4] for row in rows].index("FAIL")][6] == "40 .. 72 degC (window 5 .. 70)"


def test_the_tiles_add_up_to_what_was_made(text):
    made, *others = (int(number) for number in re.findall(r"<b>(\d+) m</b>", text))
    assert made == 380 and sum(others) == made


def test_missing_scans_are_accounted_for(text):
    rows = {row[0]: row[1:] for row in _rows(text, "What is recorded and what is missing")}
    expected, stored, missing, undeclared = map(int, rows["draw"])
    assert (expected - stored, missing, undeclared) == (200, 200, 0)
    assert "ring overwritten" in text


def test_people_and_events_stand_there_with_names_and_nothing_breaks_out_of_the_page(text):
    assert ["K. Lang &lt;lead&gt;", "start", "", "R1", "batch &amp; shift"] in [
        row[1:] for row in _rows(text, "What people did")
    ]
    assert ["melt", "INTERLOCK_TRIPPED", "die pressure high", "13000", "12000"] in [
        row[1:] for row in _rows(text, "What the nodes told")
    ]


def test_a_claim_has_its_planned_and_its_measured_verdict_beside_each_other(text):
    assert _rows(text, "Claims")[1][:4] == ["12", "required", "UNKNOWN", "PASS"]


def test_a_gap_is_blank_in_the_trend(text):
    trend = text.partition("take-up, mm/s")[2]
    assert trend.count("<polyline") == 2


def test_the_command_writes_it_beside_the_journal_or_where_it_is_told(journal, tmp_path):
    done = CliRunner().invoke(app, ["report", str(journal), "--line", str(R1), "--to", str(tmp_path / "b.html")])
    assert (done.exit_code, done.output.strip()) == (0, str(tmp_path / "b.html"))
    assert (tmp_path / "b.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["b.html"]


def test_a_batch_that_never_began_has_a_page_that_says_so(tmp_path):
    Journal.create(tmp_path / "journal.sqlite").close()
    found = page(open_reader(tmp_path / "journal.sqlite"), LINE)
    assert "No fiber was taken up." in found and "Nothing was recorded." in found and "not begun" in found


def test_what_a_node_kept_from_before_its_restart_stands_beside_its_events(tmp_path):
    short = Plan(heating_min=0.5, threading_min=0.5, running_min=0.5, completing_min=0.5)
    write_batch(tmp_path / "journal.sqlite", short)
    record = Journal.open(tmp_path / "journal.sqlite")
    row = ("melt", 0x1F, 4, BEGIN_US, 77, "SENSOR_FAULT", 2, 1, 0)
    record.add_earlier_event(row)
    record.commit()
    record.close()
    found = page(open_reader(tmp_path / "journal.sqlite"), LINE).partition("Kept by a node from before its restart:")[2]
    assert re.findall(r"<td[^>]*>(.*?)</td>", found)[:5] == ["melt", "1f", "77", "SENSOR_FAULT", "Z3"]
