"""The report: what a test leaves becomes one page; verdicts on the bench are never mixed with verdicts on the line."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hil_tests.bench.faults import CATALOGUE
from hil_tests.bench.run import LINE_R1, ROOT
from hil_tests.report import plugin
from hil_tests.report.chart import chart
from hil_tests.report.evidence import COLUMNS_N, column_of, thinned
from hil_tests.report.matrix import columns_of
from hil_tests.report.page import page
from hil_tests.report.written import write_page
from spinline.recipe.line_model import load_line
from spinline.record.page.svg import ticks

NODEID = "hil_tests/scenarios/test_catalogue.py::test_a_fault_has_its_reaction_in_time[S1-melt.Z3-running]"
OUTCOMES = """
import pytest
from hil_tests.bench.provisioning import NotProvisioned

@pytest.mark.xdist_group("wall")
def test_good(): ...

def test_bad():
    assert 1 == 2, "the heater stayed on <b>"

def test_bench_fails():
    raise NotProvisioned("no answer")

@pytest.fixture
def port():
    raise OSError("no such device")

def test_port_fails(port): ...

def test_tool_is_missing():
    pytest.skip("missing tool: an interpreter")

def test_part_is_missing():
    pytest.skip("W13 needs a port found by serial number")
"""


def left_by_a_test(**changed: Any) -> dict[str, Any]:
    """What one test of the catalogue leaves."""
    rising = [[[float(i), 200 + 0.1 * i] for i in range(60)]]
    asked = [[[0.0, 205.0], [60.0, 205.0]]]
    run = {
        "seed": 1,
        "firmware": "f6" * 32,
        "trace": "ab" * 32,
        "virtual_s": 60.0,
        "from_s": 0.0,
        "real_time_factor": 40.0,
        "states": [[5.0, "PREPARING", "start"], [20.0, "RUNNING", "threaded"], [33.0, "HELD", "all held"]],
        "bands": [["S1", "melt.Z3", 30.0, 60.0]],
        "events": [[30.25, "melt", "SENSOR_FAULT", "Z3"]],
        "trends": [{"name": "melt.Z3", "unit": "°C", "pv": rising, "sp": asked, "out": rising}],
        "wire": [],
        "problems": [],
    }
    left = {
        "nodeid": NODEID,
        "verdict": "PASS",
        "why": "",
        "wall_s": 7.5,
        "fault_id": "S1",
        "place": "melt.Z3",
        "state": "running",
        "seed": 1,
        "interpreter": "Debian trixie i386",
        "runs": [run],
        "console": [],
        "reproduce": f".venv/bin/pytest '{NODEID}' --seed 1",
    }
    return left | changed


def test_thinning_keeps_the_extremes_of_any_line_and_its_order() -> None:
    noise = random.Random(1)
    for _ in range(50):
        count = noise.randrange(2, 3000)
        times = sorted(noise.uniform(0, 100) for _ in range(count))
        numbers = [float(noise.randrange(-5, 5)) for _ in times]
        points = [point for piece in thinned(times, numbers, 0.0, 100.0) for point in piece]
        assert max(p[1] for p in points) == max(numbers) and min(p[1] for p in points) == min(numbers)
        assert [p[0] for p in points] == sorted(p[0] for p in points)
        assert len(points) <= 3 * (COLUMNS_N + 1)


def test_a_line_breaks_where_nothing_was_recorded() -> None:
    times = [float(i) for i in range(100) if not 40 <= i < 60]
    assert len(thinned(times, [1.0] * len(times), 0.0, 100.0)) == 2


def test_ticks_are_round_and_within_the_range() -> None:
    for low, high in ((0.0, 1.0), (199.7, 220.3), (-40.0, 61.0), (1e-3, 2e-3)):
        found = ticks(low, high, 5)
        assert 2 <= len(found) <= 6 and low <= found[0] + 1e-9 and found[-1] <= high + 1e-9


def test_a_chart_is_well_formed_and_marks_the_faults_band() -> None:
    run = left_by_a_test()["runs"][0]
    root = ElementTree.fromstring(chart(run["trends"][0], run))
    bands = [box for box in root.iter("rect") if box.attrib.get("fill") == "#fbdedb"]
    assert len(bands) == 2, "behind the process variable and behind the output"
    assert len(list(root.iter("polyline"))) == 3
    assert any("SENSOR_FAULT" in str(title.text) for title in root.iter("title"))


def test_every_place_of_the_catalogue_has_a_column() -> None:
    line = load_line(LINE_R1)
    columns = columns_of(line)
    places = [place for fault in CATALOGUE for place in fault.places]
    assert {column_of(line, place) for place in places} == set(columns)
    assert column_of(line, "melt.Z3_HEATER") == column_of(line, "melt.Z3") == "melt.Z3"
    assert columns[:2] == ["melt", "melt.Z1"]


def test_a_page_stands_alone_and_names_every_fault() -> None:
    text = page([left_by_a_test()])
    assert not re.search(r"<script|<link|<img|src=|https?://|@import|url\(", text)
    for fault in CATALOGUE:
        assert f'<th class="id">{fault.id}</th>' in text
    assert "SENSOR_FAULT after 0.2 s, HELD after 3.0 s; allowed 30 s" in text
    assert f"1 of {len(CATALOGUE)} faults laid in 1 tests" in text


def test_marks_lead_to_their_test_and_cases_that_were_not_run_say_so() -> None:
    text = page([left_by_a_test()])
    (target,) = re.findall(r'class="m PASS" href="#([^"]+)"', text)
    assert f'<details id="{target}"' in text
    assert 'title="S1 melt.Z3 heating: not run"' in text


def test_a_fault_that_no_line_is_there_for_has_the_mark_of_its_own_test() -> None:
    torn = next(fault for fault in CATALOGUE if fault.id == "P2")
    test = {"nodeid": f"hil_tests/scenarios/{torn.laid_by}[P2]", "fault_id": "P2", "place": "", "state": "", "runs": []}
    text = page([left_by_a_test(), left_by_a_test(**test, verdict="FAIL")])
    row = text[text.index('<th class="id">P2</th>') :].partition("</tr>")[0]
    assert 'class="m FAIL"' in row and "is old or new whatever happens to the flash" in row
    other = text[text.index('<th class="id">P3</th>') :].partition("</tr>")[0]
    assert 'class="m none"' in other


def test_the_figures_of_the_bench_stand_in_the_page(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "one.json").write_text(json.dumps(left_by_a_test()))
    assert "Not measured in this folder yet" in write_page(tmp_path, tmp_path / "none.json").read_text()  # type: ignore[union-attr]
    keys = ("name", "value", "unit", "better", "n", "target", "ok")
    rows = [
        ("hil.real_time_factor", 160.0, "x", "higher", 3, 150.0, True),
        ("hil.suite_wall_min", 17.0, "min", "lower", 700, 15.0, False),
        ("protocol.bytes", 1.0, "B", "lower", 1, None, None),
    ]
    (tmp_path / "bench.json").write_text(json.dumps([dict(zip(keys, row, strict=True)) for row in rows]))
    text = write_page(tmp_path, tmp_path / "bench.json").read_text()  # type: ignore[union-attr]
    figures = text[text.index("Figures of the bench") : text.index("Faults and places")]
    assert "160 x" in figures and "&ge; 150" in figures and figures.count("met") == 1 and figures.count("missed") == 1
    assert "protocol" not in figures


def test_a_failure_stands_open_on_top_with_its_wire_log_and_one_line_to_reproduce() -> None:
    run = left_by_a_test()["runs"][0] | {"wire": ["melt     1.000000 <- 0001 7 EVENT code=6"]}
    bad = left_by_a_test(verdict="FAIL", why="E   AssertionError: <nothing> followed", runs=[run])
    text = page([left_by_a_test(nodeid="a.py::test_a"), bad])
    at, rest_at = text.index("What did not pass"), text.index("<h2>Tests</h2>")
    assert " open><summary>" in text[at:rest_at] and " open><summary>" not in text[rest_at:]
    assert "AssertionError: &lt;nothing&gt; followed" in text and "EVENT code=6" in text
    assert f".venv/bin/pytest &#x27;{NODEID}&#x27; --seed 1" in text


@pytest.fixture
def reported(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with the house's rules and tests that end in every way."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    pytester.makepyfile(test_outcomes=OUTCOMES)
    return pytester


def verdicts(folder: Path) -> dict[str, str]:
    """Name of the test -> verdict."""
    left = [json.loads(file.read_text()) for file in (folder / "build/hil/tests").glob("*.json")]
    return {one["nodeid"].partition("::")[2]: one["verdict"] for one in left}


@pytest.mark.wall
@pytest.mark.parametrize("workers", [["-p", "no:xdist"], ["-n", "2", "--dist", "loadgroup"]], ids=["alone", "workers"])
def test_a_bench_that_fails_is_no_failure_of_the_line(reported: pytest.Pytester, workers: list[str]) -> None:
    given = [*workers, "-p", plugin.__name__, "--junit-xml", "build/hil/junit.xml", "--seed", "5"]
    reported.runpytest_subprocess(*given, timeout=100)
    assert verdicts(reported.path) == {
        "test_good": "PASS",
        "test_bad": "FAIL",
        "test_bench_fails": "INFRA_BENCH",
        "test_port_fails": "INFRA_BENCH",
        "test_tool_is_missing": "INFRA_TOOL",
        "test_part_is_missing": "SKIP",
    }
    text = (reported.path / "build/hil/report.html").read_text()
    assert "1 FAIL" in text and "2 INFRA_BENCH" in text and "the heater stayed on &lt;b&gt;" in text
    cases = ElementTree.parse(reported.path / "build/hil/junit.xml").getroot().iter("testcase")
    told = {case.attrib["name"]: {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")} for case in cases}
    assert told["test_bench_fails"] == {"verdict": "INFRA_BENCH", "seed": "5"}
    assert told["test_bad"]["verdict"] == "FAIL"


@pytest.mark.wall
def test_nothing_of_an_earlier_session_stays(reported: pytest.Pytester) -> None:
    for name in ("test_good", "test_bad"):
        reported.runpytest_subprocess("-p", "no:xdist", "-p", plugin.__name__, "-k", name, timeout=100)
        assert set(verdicts(reported.path)) == {name}
