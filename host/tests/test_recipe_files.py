"""Reading recipe and certificate files: what is refused, in which words, all problems at once."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from spinline.errors import BadFile, BadInput, SpinlineError
from spinline.recipe.certificate import Certificate
from spinline.recipe.models import Recipe
from spinline.recipe.papers import read_certificates
from spinline.recipe.planned_evidence import amounts_per_100_mol_vdf
from spinline.recipe.reading import FILE_BYTES_MAX, read_certificate, read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
R1 = (RECIPES / "r1.toml").read_text(encoding="utf-8")
LOT = (RECIPES / "lots" / "CM-2403.toml").read_text(encoding="utf-8")


def _problems(path: Path, text: str, read=read_recipe) -> tuple[str, ...]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadFile) as refusal:
        read(path)
    assert all(problem.startswith(f"{path}: ") for problem in refusal.value.problems)
    return tuple(problem.removeprefix(f"{path}: ") for problem in refusal.value.problems)


def _one(tmp_path: Path, old: str, new: str) -> str:
    assert R1.count(old) == 1
    problems = _problems(tmp_path / "recipe.toml", R1.replace(old, new))
    assert len(problems) == 1
    return problems[0]


def _one_of_lot(tmp_path: Path, old: str, new: str) -> str:
    assert LOT.count(old) == 1
    problems = _problems(tmp_path / "lot.toml", LOT.replace(old, new), read_certificate)
    assert len(problems) == 1
    return problems[0]


def test_every_example_recipe_can_be_read_with_its_certificates():
    for path in sorted(RECIPES.glob("*.toml")):
        recipe = read_recipe(path)
        assert set(read_certificates(recipe, path)) == {resin.lot for resin in recipe.resin}


def test_every_example_certificate_can_be_read():
    for path in sorted((RECIPES / "lots").glob("*.toml")):
        assert read_certificate(path).lot == path.stem.partition("_")[0]


def _keys_of(model: type[BaseModel], tables: object) -> set[str]:
    """Every key of the schema that is given somewhere in the tables, as "Table.key"."""
    found: set[str] = set()
    schema = model.model_json_schema()
    tables_of = schema["$defs"] | {model.__name__: schema}

    def walk(name: str, table: dict) -> None:
        for key, given in table.items():
            found.add(f"{name}.{key}")
            inner = re.findall(r"#/\$defs/(\w+)", str(tables_of[name]["properties"][key]))
            for row in given if isinstance(given, list) else [given]:
                if isinstance(row, dict):
                    walk(inner[0], row)

    walk(model.__name__, tables)
    return found


@pytest.mark.parametrize(("model", "folder"), [(Recipe, RECIPES), (Certificate, RECIPES / "lots")])
def test_the_examples_show_every_key_there_is(model, folder):
    shown: set[str] = set()
    for path in folder.glob("*.toml"):
        shown |= _keys_of(model, tomllib.loads(path.read_text(encoding="utf-8")))
    schema = model.model_json_schema()
    tables = schema["$defs"] | {model.__name__: schema}
    assert shown == {f"{name}.{key}" for name, table in tables.items() for key in table["properties"]}


def test_numbers_are_read_exactly_as_they_are_written(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(R1.replace("plasticizer_parts = 150", "plasticizer_parts = 150.10"), encoding="utf-8")
    parts = read_recipe(path).composition.plasticizer_parts
    assert isinstance(parts, Decimal) and str(parts) == "150.10"
    assert isinstance(read_recipe(RECIPES / "r1.toml").melt.z1_temperature_C, Decimal)


def test_a_misspelt_key_is_named_with_the_allowed_ones_and_a_guess(tmp_path):
    problems = _problems(tmp_path / "recipe.toml", R1.replace("air_gap_mm", "airgap_mm"))
    assert problems[1] == (
        "spinning.airgap_mm is not a key of this table; did you mean air_gap_mm? "
        "(allowed: bore_gas_Ncm3_min, air_gap_mm, fiber_n)"
    )
    assert problems[0] == "spinning.air_gap_mm is missing"


def test_a_wrong_unit_is_refused_with_the_right_key(tmp_path):
    problems = _problems(
        tmp_path / "recipe.toml", R1.replace("quench_temperature_C = 40", "quench_temperature_F = 104")
    )
    assert "quench.quench_temperature_F is not a key of this table; the unit is part of the key: " in problems[1]
    assert "write quench_temperature_C" in problems[1]


@pytest.mark.parametrize("written", ["nan", "inf", "-inf", "+nan"])
def test_nan_and_inf_are_refused_in_clear_words(tmp_path, written):
    problem = _one(tmp_path, "plasticizer_parts = 150", f"plasticizer_parts = {written}")
    assert problem.startswith("composition.plasticizer_parts = ")
    assert "must be a finite number; nan and inf are refused" in problem


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("plasticizer_parts = 150", "plasticizer_parts = -1", "plasticizer_parts = -1 must be at least 0"),
        ("plasticizer_parts = 150", "plasticizer_parts = true", "must be a number"),
        ("plasticizer_parts = 150", 'plasticizer_parts = "150"', "without quotation marks"),
        ("plasticizer_parts = 150", "plasticizer_parts = 1e400000", "1e12 in size"),
        ("plasticizer_parts = 150", "plasticizer_parts = 1e-400000", "1e12 in size"),
        ("total_g_min = 104.0 ", "total_g_min = 0 ", "throughput.total_g_min = 0 must be above 0"),
        ("version = 1", "version = 1.5", "recipe.version"),
        ("version = 1", "version = true", "recipe.version"),
        ("porous = true", "porous = 1", "membrane.porous"),
        ("fiber_n = 8", "fiber_n = 8.0", "spinning.fiber_n"),
        ('form = "hollow_fiber"', 'form = "hollow fibre"', "must be 'hollow_fiber' or 'flat_film'"),
        ('cooled_side = "outside"', 'cooled_side = "left"', "quench.cooled_side = 'left'"),
        ("required_claims = [1, 4,", "required_claims = [1, 1, 4,", "more than once"),
        ("required_claims = [1, 4,", "required_claims = [13, 4,", "at most 12"),
        ("share = 1.0 ", "share = 0.9 ", "shares that add up to 0.9; they must add up to exactly 1"),
        ("share = 1.0 ", "share = 1.1 ", "resin 1: share = 1.1 must be at most 1"),
        ('name = "R1"', 'name = "  "', "recipe.name"),
        ('name = "R1"', 'name = "R1\\u001b[2J"', "recipe.name"),
        ('line = "r1"', 'line = "../r1"', "recipe.line"),
        ('role = "good_solvent"', 'role = "solvent"', "composition.solvent.role = 'solvent'"),
        ("[program]", "[programme]", "programme is not a key of this table; did you mean program?"),
    ],
)  # fmt: skip
def test_a_number_or_word_that_cannot_be_meant_is_refused_with_what_may_stand_there(tmp_path, old, new, said):
    assert R1.count(old) == 1
    problems = _problems(tmp_path / "recipe.toml", R1.replace(old, new))
    assert any(said in problem for problem in problems), problems


def test_all_problems_of_a_file_are_reported_together(tmp_path):
    text = R1.replace("plasticizer_parts = 150", "plasticizer_parts = nan").replace("soak_min", "soak_s")
    text = text.replace("share = 1.0 ", "share = 0.5 ").replace("stretch_ratio = 1.80", "stretch_ratio = -2")
    problems = _problems(tmp_path / "recipe.toml", text)
    for key in ("plasticizer_parts", "soak_s", "soak_min", "shares that add up", "stretch_ratio"):
        assert any(key in problem for problem in problems)


def test_a_missing_table_is_named(tmp_path):
    text = re.sub(r"\[throughput\]\ntotal_g_min = .*\n", "", R1)
    assert _problems(tmp_path / "recipe.toml", text) == ("throughput is missing",)


@pytest.mark.parametrize(
    "raw",
    [b"[recipe", b"\xff\xfe", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000, b"x" * (FILE_BYTES_MAX + 1)],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path, raw):
    path = tmp_path / "recipe.toml"
    path.write_bytes(raw)
    with pytest.raises(BadFile):
        read_recipe(path)


def test_an_absent_recipe_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "nothing.toml", tmp_path):
        with pytest.raises(BadFile, match="cannot be read"):
            read_recipe(path)


def test_errors_have_one_parent():
    assert issubclass(BadFile, BadInput) and issubclass(BadInput, SpinlineError)


def test_a_named_certificate_that_is_absent_is_refused_naming_both_files(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(R1, encoding="utf-8")
    with pytest.raises(BadInput) as refusal:
        read_certificates(read_recipe(path), path)
    assert str(path) in str(refusal.value) and str(tmp_path / "lots/CM-2403.toml") in str(refusal.value)


def test_the_certificate_of_another_lot_is_refused(tmp_path):
    (tmp_path / "lots").mkdir()
    (tmp_path / "lots/CM-2403.toml").write_text(LOT.replace('lot = "CM-2403"', 'lot = "CM-9"'), encoding="utf-8")
    path = tmp_path / "recipe.toml"
    path.write_text(R1, encoding="utf-8")
    with pytest.raises(BadInput, match="certificate of lot CM-9"):
        read_certificates(read_recipe(path), path)


def test_two_amounts_for_one_monomer_are_refused(tmp_path):
    said = _one_of_lot(tmp_path, "uncertainty = 0.06\nbasis", "mol_percent = 1.0\nuncertainty = 0.06\nbasis")
    assert said.startswith("monomer 1: mol_percent") and "mol_per_100_mol_vdf are both given" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('key = "MMM"', 'key = "MMN"', "is not a monomer of the table"),
        ('key = "MMM"', 'name = "monomethyl maleate"\nkey = "MMM"', "must not be given beside a key"),
        ('key = "MMM" ', "", "must be given when there is no key"),
        ('cas = "3052-50-4"', 'cas = "3052-50-3"', "wrong form or check digit"),
        ('cas = "3052-50-4"', 'cas = "2756-87-8"', "contradicts the name"),
        ("mol_per_100_mol_vdf = 1.00", "mol_percent = 99.97", "leaves no VDF"),
        ("mol_per_100_mol_vdf = 1.00", "mol_percent = 100", "must be below 100"),
        ('basis = "incorporated"', 'basis = "fed"', "monomer 1: basis = 'fed'"),
        ("uncertainty_C = 1.0", "uncertainty_K = 1.0", "melting_point.uncertainty_K"),
        ("date = 2024-03-12", 'date = "spring"', "date"),
        ("date = 2024-03-12", "date = 20240312", "date = 20240312"),
        ('measured_on = "lot" ', "", "measured_on is missing"),
        ("[melting_point]", "[[monomer]]\nname = 'monomethyl maleate'\n[melting_point]", "more than once"),
    ],
)  # fmt: skip
def test_a_certificate_that_contradicts_itself_is_refused(tmp_path, old, new, said):
    assert LOT.count(old) == 1
    problems = _problems(tmp_path / "lot.toml", LOT.replace(old, new), read_certificate)
    assert any(said in problem for problem in problems), problems


def _certificate(*rows: dict) -> Certificate:
    tables = tomllib.loads(LOT, parse_float=Decimal)
    return Certificate.model_validate({**tables, "monomer": list(rows)})


def test_mol_percent_is_of_the_whole_copolymer_with_its_other_comonomers():
    rows = [
        {"key": "AA", "mol_percent": 2, "uncertainty": Decimal("0.1")},
        {"name": "HFP", "mol_percent": 18, "uncertainty": 1},
    ]
    (x, spread), _ = amounts_per_100_mol_vdf(_certificate(*rows).monomer)
    assert x == Decimal("2.5")  # 2 mol per 80 mol VDF
    assert abs(spread - (Decimal(100) * Decimal("2.1") / Decimal("78.9") - x)) < Decimal("1e-20")


def test_mixed_units_are_solved_for_the_vdf_that_is_left():
    rows = [
        {"key": "AA", "mol_percent": 10, "uncertainty": 1},
        {"name": "HFP", "mol_per_100_mol_vdf": 50, "uncertainty": 1},
    ]
    (x, _), _ = amounts_per_100_mol_vdf(_certificate(*rows).monomer)
    assert abs(x - Decimal(100) * 10 / 60) < Decimal("1e-20")  # 60 VDF + 30 HFP + 10 AA


def test_an_unmeasured_comonomer_makes_mol_percent_useless_and_leaves_mol_per_100_mol_alone():
    percent = _certificate({"key": "AA", "mol_percent": 2}, {"name": "HFP"})
    per_100 = _certificate({"key": "AA", "mol_per_100_mol_vdf": 2}, {"name": "HFP"})
    assert amounts_per_100_mol_vdf(percent.monomer)[0] is None
    assert amounts_per_100_mol_vdf(per_100.monomer)[0] == (Decimal(2), None)


def test_models_cannot_be_changed_and_survive_json():
    recipe = read_recipe(RECIPES / "r1_blend.toml")
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    with pytest.raises(ValidationError):
        recipe.recipe.name = "other"


def test_the_json_schema_says_numbers_where_numbers_stand():
    melt = Recipe.model_json_schema()["$defs"]["Melt"]
    zone = melt["properties"]["z1_temperature_C"]
    assert (zone["type"], zone["minimum"], zone["maximum"]) == ("number", -100, 500)
    amount = Certificate.model_json_schema()["$defs"]["CertificateMonomer"]["properties"]["mol_percent"]
    assert (amount["anyOf"][0]["exclusiveMinimum"], amount["anyOf"][0]["exclusiveMaximum"]) == (0, 100)
    assert melt["additionalProperties"] is False
