"""A recipe on its line: what the interlocks would do about its setpoints, and how long the path keeps the fiber."""

import json

import pytest

from host.tests.test_check_recipe import R1, RECIPES, _copy, _run
from host.tests.test_record_batch import CONFIGURATIONS, LINE
from spinline.claims import Verdict
from spinline.recipe.line_check import check_on_line
from spinline.recipe.reading import read_recipe
from spinline_protocol import configuration as tables

LINE_R1 = RECIPES.parent / "lines" / "r1.toml"
RECIPE = read_recipe(R1)


def test_the_reference_recipe_has_room_below_every_trip():
    report = check_on_line(RECIPE, LINE)
    zones = {row.interlock: (row.setpoint, row.limit) for row in report.limits if row.row == "I5" and row.is_high}
    assert zones["Z3 over temperature"] == (215.0, 250.0) and len(zones) >= 8
    assert min(row.margin for row in report.limits) > 0 and report.problems == ()


def test_the_limits_are_those_of_the_configuration_that_a_node_confirms_by_its_hash():
    report = check_on_line(RECIPE, LINE)
    assert report.configurations == {name: node.sha256.hex() for name, node in CONFIGURATIONS.items()}
    held = CONFIGURATIONS["melt"]
    words = [row for table, row in held.rows if table == tables.TABLE_INTERLOCK]
    names = [held.row_names[tables.TABLE_INTERLOCK, i] for i in range(len(words))]
    for row in report.limits:
        if row.node == "melt" and row.row == "I5":
            assert words[names.index(row.interlock)][2] == round(row.limit * 1000), row


def test_a_setpoint_beyond_an_interlock_is_refused_before_the_download(tmp_path):
    path = _copy(tmp_path, {"z3_temperature_C = 215": "z3_temperature_C = 255"})
    report = check_on_line(read_recipe(path), LINE)
    assert report.problems == ("melt: Z3 over temperature (I5) acts above 250 (abort); the setpoint is 255, margin -5",)
    answer = _run("check", path, "--line", LINE_R1)
    assert answer.exit_code == 1 and "The line cannot run it" in answer.output


def test_the_path_of_the_line_says_how_long_the_extraction_lasts(tmp_path):
    (row,) = check_on_line(RECIPE, LINE).windows
    assert (float(row.value), row.verdict) == (900.0, Verdict.PASS)
    fast = read_recipe(_copy(tmp_path, {"takeup_speed_m_min = 10.0": "takeup_speed_m_min = 16"}))
    (problem,) = check_on_line(fast, LINE).problems
    assert "E-TRES by the path of line r1: total extraction residence time 562.5: outside" in problem


def test_the_command_shows_limits_and_hashes_and_its_json_has_the_same(tmp_path):
    answer = _run("check", R1, "--line", LINE_R1)
    assert answer.exit_code == 0 and "Z3 over temperature" in answer.output
    told = json.loads(_run("check", R1, "--json", "--line", LINE_R1).stdout)["line"]
    assert told["configurations"].keys() == {"melt", "bath", "draw"} and told["problems"] == []
    assert {row["interlock"] for row in told["limits"]} >= {"Z3 over temperature"}
    assert "line" not in json.loads(_run("check", R1, "--json").stdout)


def test_a_line_file_that_is_no_good_is_refused(tmp_path):
    path = tmp_path / "line.toml"
    path.write_text("name = 3", encoding="utf-8")
    answer = _run("check", R1, "--line", path)
    assert answer.exit_code == 2 and "line.toml" in answer.output


@pytest.mark.parametrize("recipe", ["r1.toml", "r1_blend.toml"])
def test_every_example_runs_on_the_reference_line(recipe):
    assert check_on_line(read_recipe(RECIPES / recipe), LINE).problems == ()
