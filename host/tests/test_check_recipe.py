"""`spinline check`: exit codes, waivers, windows, and what a person and a program read."""

import datetime
import json
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spinline import cli
from spinline.claims import Verdict
from spinline.cli import app
from spinline.errors import SpinlineError
from spinline.recipe.check import CheckExit, check_recipe
from spinline.recipe.conclusion import conclusion
from spinline.recipe.fiber import plan_fiber
from spinline.recipe.reading import read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
TODAY = datetime.date(2026, 1, 15)
R1, LOT = RECIPES / "r1.toml", "lots/CM-2403.toml"


def _copy(tmp_path: Path, recipe: dict[str, str] | None = None, lot: dict[str, str] | None = None) -> Path:
    """R1 and its certificate in a folder of their own, with some text replaced."""
    (tmp_path / "lots").mkdir(exist_ok=True)
    for name, changes in (("r1.toml", recipe or {}), (LOT, lot or {})):
        text = (RECIPES / name).read_text(encoding="utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "r1.toml"


def _run(*words: str | Path):
    return CliRunner().invoke(app, [str(word) for word in words])


def _exit(*words: str | Path) -> int:
    return _run(*words).exit_code


def test_the_reference_recipe_meets_all_it_requires():
    report = check_recipe(R1, TODAY)
    assert _exit("check", R1) == 0
    assert report.exit_code is CheckExit.MET
    assert all(claim.verdict is Verdict.PASS for claim in report.required)
    assert report.claims[10].chain_text == "10 > 9 > 8 > 4 > 1"


def test_a_recipe_short_of_plasticizer_is_refused_with_the_number_to_change():
    answer = _run("check", RECIPES / "refused_plasticizer.toml")
    assert answer.exit_code == 1
    flat = " ".join(answer.output.split())
    assert "claim 12 fails: raise plasticizer per 100 wt parts of total VDF resin from 64.9" in flat
    assert "to 70 to 250" in flat


def test_a_blend_with_a_waiver_may_run():
    report = check_recipe(RECIPES / "r1_blend.toml", TODAY)
    assert report.claims[9].verdict is Verdict.UNKNOWN
    assert [effect.value for _, effect in report.waivers] == ["lifts"]
    assert report.exit_code is CheckExit.MET
    assert report.claims[11].chain_text == "11 > 10 > 8 > 2 > 1"
    assert "still to come: claim 9" in conclusion(report)


@pytest.mark.parametrize(
    "changes",
    [
        {"air_gap_mm": "airgap_mm"},
        {"quench_temperature_C = 40": "quench_temperature_F = 104"},
        {"plasticizer_parts = 150": "plasticizer_parts = nan"},
        {"lots/CM-2403.toml": "lots/absent.toml"},
        {"[melt]": "[melt"},
    ],
)
def test_input_that_cannot_be_used_gives_2_and_no_traceback(tmp_path, changes):
    path = _copy(tmp_path, changes)
    answer = _run("check", path)
    assert answer.exit_code == 2
    assert answer.stderr.startswith("refused: ") and "r1.toml" in answer.stderr and "Traceback" not in answer.output
    told = json.loads(_run("check", path, "--json").stdout)
    assert told["exit"] == 2 and told["problems"]


def test_a_certificate_of_ten_mol_percent_is_refused(tmp_path):
    path = _copy(tmp_path, lot={"mol_per_100_mol_vdf = 1.00": "mol_percent = 10.0"})
    assert _exit("check", path) == 1
    assert check_recipe(path, TODAY).claims[1].verdict is Verdict.FAIL


CHARGED = {'basis = "incorporated"': 'basis = "charged"'}
NO_CERTIFICATE = {'certificate = "lots/CM-2403.toml" # beside this file': ""}


@pytest.mark.parametrize(
    ("recipe", "lot"),
    [({}, CHARGED), (NO_CERTIFICATE, {}), ({'role = "good_solvent"': ""}, {}),
     ({}, {"uncertainty = 0.06": ""}),
     ({}, {"date = 2024-03-12": "date = 2099-01-01"}), ({}, {'measured_on = "lot"': 'measured_on = "blend"'}),
     ({}, {"date = 2024-03-12": "date = 2020-01-01\nvalid_until = 2021-01-01"}),
     ({'name = "N-methyl-2-pyrrolidone"': 'name = "adipic acid polyester"'}, {}),
     ({'cooled_side = "outside"': 'cooled_side = "inside"'}, {})],
)  # fmt: skip
def test_evidence_that_is_missing_stale_or_unclear_gives_3(tmp_path, recipe, lot):
    assert _exit("check", _copy(tmp_path, recipe, lot)) == 3


@pytest.mark.parametrize(
    ("changes", "window_id"),
    [
        ({"z1_temperature_C = 120": "z1_temperature_C = 161"}, "E-T-Z1"),
        ({"die_temperature_C = 220": "die_temperature_C = 236"}, "E-T-DIE"),
        ({"stretch_ratio = 1.80": "stretch_ratio = 2.6"}, "E-DR"),
        ({"quench_temperature_C = 40": "quench_temperature_C = 4"}, "E-TQUENCH"),
        ({"quench_flow_L_min = 20": "quench_flow_L_min = 9.9"}, "E-FQUENCH"),
        ({"extraction_temperature_C = 22": "extraction_temperature_C = 31"}, "E-TEXTR"),
        ({"extraction_residence_s = 900": "extraction_residence_s = 599"}, "E-TRES"),
        ({"takeup_speed_m_min = 10.0": "takeup_speed_m_min = 31"}, "E-TAKEUP"),
        ({"takeup_speed_m_min = 10.0": "takeup_speed_m_min = 15"}, "E-DDR"),
        ({"bore_gas_Ncm3_min = 40.0": "bore_gas_Ncm3_min = 100"}, "E-BORE"),
        ({"air_gap_mm = 150": "air_gap_mm = 301"}, "E-AIRGAP"),
        ({"inlet_pressure_MPa = 1.42": "inlet_pressure_MPa = 0.6"}, "E-PIN"),
    ],
)
def test_a_setpoint_outside_its_engineering_window_is_refused(tmp_path, changes, window_id):
    report = check_recipe(_copy(tmp_path, changes), TODAY)
    assert report.exit_code is CheckExit.REFUSED
    assert window_id in {row.id for row in report.failed_windows}
    assert window_id in conclusion(report)


def test_at_limit_warns_and_does_not_refuse(tmp_path):
    report = check_recipe(_copy(tmp_path, {"plasticizer_parts = 150": "plasticizer_parts = 71"}), TODAY)
    assert report.claims[12].verdict is Verdict.AT_LIMIT
    assert report.exit_code is CheckExit.MET
    assert "watch what is at its limit: 12, E-PLAST-GB" in conclusion(report)


def test_claims_that_are_not_required_are_reported_and_never_counted(tmp_path):
    changes = {"plasticizer_parts = 150": "plasticizer_parts = 64.9", "[1, 4, 8, 9, 10, 12]": "[1, 4]"}
    report = check_recipe(_copy(tmp_path, changes), TODAY)
    assert report.claims[12].verdict is Verdict.FAIL
    assert report.exit_code is CheckExit.MET


def test_example_and_preferred_windows_never_refuse():
    report = check_recipe(R1, TODAY)
    outside = [row for row in report.windows if row.id == "X-TAKEUP-LIT"]
    assert [row.verdict for row in outside] == [Verdict.FAIL]
    assert not any(row.counts for row in report.windows if row.tier != "engineering")


def test_a_certificate_is_good_until_its_last_day(tmp_path):
    path = _copy(tmp_path, lot={"date = 2024-03-12": "date = 2024-03-12\nvalid_until = 2026-01-15"})
    assert check_recipe(path, TODAY).exit_code is CheckExit.MET
    assert check_recipe(path, TODAY + datetime.timedelta(days=1)).exit_code is CheckExit.OPEN


def test_an_unknown_line_leaves_the_draw_down_unknown(tmp_path):
    report = check_recipe(_copy(tmp_path, {'line = "r1"': 'line = "r2"'}), TODAY)
    assert [row.verdict for row in report.windows if row.id == "E-DDR"] == [Verdict.UNKNOWN]


def test_the_reference_fiber_closes_its_mass_balance():
    fiber = plan_fiber(read_recipe(R1))
    assert fiber.draw_down == pytest.approx(Decimal("10.2"), abs=Decimal("0.05"))
    assert fiber.outer_diameter_mm == pytest.approx(Decimal("1.40"), abs=Decimal("0.005"))
    assert fiber.wall_mm == pytest.approx(Decimal("0.30"), abs=Decimal("0.002"))
    assert 180 * fiber.residue_share == pytest.approx(Decimal("1.05"), abs=Decimal("0.05"))


@pytest.mark.parametrize("seconds_and_share", [(180, "0.302"), (300, "0.156"), (600, "0.030"), (900, "0.0058")])
def test_extraction_follows_the_diffusion_series(tmp_path, seconds_and_share):
    seconds, share = seconds_and_share
    changes = {"extraction_residence_s = 900": f"extraction_residence_s = {seconds}"}
    residue = plan_fiber(read_recipe(_copy(tmp_path, changes))).residue_share
    assert residue == pytest.approx(Decimal(share), rel=Decimal("0.03"))


@pytest.mark.parametrize("odd", ["1e12", "1e-12"])
def test_absurd_but_finite_numbers_are_judged_and_never_raise(tmp_path, odd):
    for key in ("total_g_min = 104.0", "extraction_residence_s = 900", "takeup_speed_m_min = 10.0"):
        name = key.split(" = ")[0]
        assert check_recipe(_copy(tmp_path, {key: f"{name} = {odd}"}), TODAY).exit_code is CheckExit.REFUSED


def test_the_json_report_has_what_a_program_needs():
    told = json.loads(_run("check", R1, "--json").stdout)
    assert (told["basis"], told["exit"], told["recipe"]["name"]) == ("planned", 0, "R1")
    assert list(told["claims"]) == [str(number) for number in range(1, 13)]
    assert set(told["claims"]["10"]) == {"verdict", "required", "chain", "reason", "evidence"}
    assert told["claims"]["10"]["chain"] == "10 > 9 > 8 > 4 > 1"
    rows = {row["id"]: row for row in told["windows"]}
    assert rows["E-BORE"]["value"] == 5 and rows["E-BORE"]["margin"] == 3
    assert {"id", "tier", "value", "unit", "low", "high", "margin", "verdict"} <= set(rows["C12-PLAST"])


@pytest.mark.parametrize("name", ["r1", "r1_blend", "refused_plasticizer"])
def test_json_and_report_agree_on_the_exit_code(name):
    path = RECIPES / f"{name}.toml"
    assert json.loads(_run("check", path, "--json").stdout)["exit"] == _exit("check", path)


def test_the_report_shows_every_claim_and_every_window_that_is_not_claimed():
    shown = _run("check", R1).output
    report = check_recipe(R1, TODAY)
    assert all(row.id in shown for row in report.windows if row.tier != "claimed")
    assert "may be downloaded" in shown


def test_the_schema_command_prints_both_schemas_or_one():
    both = json.loads(_run("schema").stdout)
    assert both["recipe"] == json.loads(_run("schema", "recipe").stdout)
    assert both["certificate"] == json.loads(_run("schema", "certificate").stdout)
    assert both["recipe"]["properties"].keys() >= {"melt", "draw"}
    assert both["waiver"] == json.loads(_run("schema", "waiver").stdout)


def test_errors_outside_the_commands_are_a_sentence_too(monkeypatch, capsys):
    def fail() -> None:
        raise SpinlineError("the line is not known")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "refused: the line is not known\n"


def test_names_are_shown_as_they_are_written_and_never_as_markup(tmp_path):
    path = _copy(tmp_path, {'lot = "CM-2403"': 'lot = "[/b] [red]"', **NO_CERTIFICATE})
    answer = _run("check", path)
    assert answer.exit_code == 3
    assert "[/b] [red]" in answer.output
