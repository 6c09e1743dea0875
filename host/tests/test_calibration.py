"""A calibration is what a reference instrument showed beside an input; the node then shows what is true."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.edges.calibration_file import add_calibrations
from spinline.errors import BadFile, BadInput
from spinline.recipe.calibration import Calibration, calibration_path, correction, joined
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline_protocol.configuration import INPUT, TABLE_INPUT, field_index
from spinline_protocol.words import unpack_words

ROOT = Path(__file__).parents[2]
LOW, HIGH = -20.0, 320.0
SHOWN = st.floats(LOW, HIGH)


def a_calibration(**other: object) -> Calibration:
    """Of zone 2: half a kelvin low."""
    row = {
        "input": "melt.Z2", "unit": "degC", "gain": 1.01, "offset": 0.5, "points": ((100.0, 101.5),),
        "reference": 'PT100 "7"', "who": "A.", "date": "2026-11-23T10:00:00Z",
    }  # fmt: skip
    return Calibration.model_validate(row | other)


@pytest.fixture
def line_file(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(ROOT / "lines/r1.toml", tmp_path / "r1.toml"))


@given(SHOWN, st.floats(-10, 10))
def test_one_point_gives_the_offset_that_makes_it_true(shown: float, off: float) -> None:
    gain, offset = correction([(shown, shown + off)], LOW, HIGH)
    assert gain == 1.0 and gain * shown + offset == pytest.approx(shown + off)


@given(st.floats(-20, 100), st.floats(200, 320), st.floats(-4, 4), st.floats(-4, 4))
def test_two_points_give_the_line_through_both(a: float, b: float, off_a: float, off_b: float) -> None:
    gain, offset = correction([(a, a + off_a), (b, b + off_b)], LOW, HIGH)
    assert gain * a + offset == pytest.approx(a + off_a) and gain * b + offset == pytest.approx(b + off_b)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([], "one or two"),
        ([(100.0, 120.0)], "wrong sensor or place"),
        ([(100.0, 101.0), (110.0, 111.0)], "apart; for a gain they need 68"),
        ([(0.0, 0.0), (100.0, 108.0)], "a gain of 1.0800"),
        ([(100.0, float("nan"))], "no calibration"),
    ],
)
def test_what_is_no_calibration_is_refused(points: list[tuple[float, float]], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        correction(points, LOW, HIGH)


@given(st.floats(0.95, 1.05), st.floats(-5, 5), st.floats(0.95, 1.05), st.floats(-5, 5), SHOWN)
def test_two_corrections_are_one(gain: float, offset: float, then: float, more: float, shown: float) -> None:
    both_gain, both_offset = joined((gain, offset), (then, more))
    assert both_gain * shown + both_offset == pytest.approx(then * (gain * shown + offset) + more)


def test_the_newest_calibration_of_an_input_reaches_the_words_of_its_node(line_file: Path) -> None:
    before = load_line(line_file)
    add_calibrations(line_file, [a_calibration(offset=9.0)])
    add_calibrations(line_file, [a_calibration()])
    line = load_line(line_file)
    assert [row.offset for row in line.calibration] == [9.0, 0.5]
    assert line.calibration[1] == a_calibration()
    node, recipe = line.node[0], read_recipe(ROOT / "recipes/r1.toml")
    new, old = (
        {i: words for i, words in enumerate(_inputs(compile_node(of, of.node[0], recipe).rows))}
        for of in (line, before)
    )
    at = [field_index(INPUT, name) for name in ("zero", "scale_m", "scale_s", "offset")]
    zero, mantissa, shift, offset = (new[1][i] for i in at)
    assert {i: words for i, words in new.items() if i != 1} == {i: words for i, words in old.items() if i != 1}
    for code in (0, 128 * 100, 128 * 250):  # 1/128 degC
        shown_mC = ((code - zero) * mantissa >> shift) + offset
        assert shown_mC == pytest.approx(1000 * (1.01 * code / 128 + 0.5), abs=12)
    assert node.input[1].name == "Z2"


def _inputs(rows: object) -> list[tuple[int, ...]]:
    return [unpack_words(words) if isinstance(words, bytes) else words for table, words in rows if table == TABLE_INPUT]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"input": "melt.Z9"}, "'melt.Z9' is not in the line file"),
        ({"unit": "kPa"}, "melt.Z2 is a thermocouple, unit 'kPa'"),
        ({"input": "melt.REFILL", "unit": ""}, "allowed: thermocouple or analog"),
    ],
)
def test_a_calibration_that_fits_no_input_refuses_the_whole_line(
    line_file: Path, other: dict[str, object], words: str
) -> None:
    add_calibrations(line_file, [a_calibration(), a_calibration(**other)])
    with pytest.raises(BadFile, match=words):
        load_line(line_file)


def test_a_file_with_a_wrong_key_names_file_and_key(line_file: Path) -> None:
    calibration_path(line_file).write_text('[[calibration]]\ninput = "melt.Z2"\nofset = 1.0\n')
    with pytest.raises(BadFile, match=r"r1\.calibration\.toml.*ofset"):
        load_line(line_file)
