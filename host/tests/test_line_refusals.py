"""Numbers of a line file that the controllers cannot represent: refused with place and error, never rounded."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.errors import BadInput
from spinline.recipe.compiler import GAIN_ERROR_MAX, compile_node
from spinline.recipe.line_model import Gains, GainSet, Line, Node, load_line
from spinline.recipe.reading import read_recipe
from spinline_protocol.configuration import LOOP, TABLE_LOOP, field_index

ROOT = Path(__file__).resolve().parents[2]
LINE: Line = load_line(ROOT / "lines" / "r1.toml")
RECIPE = read_recipe(ROOT / "recipes" / "r1.toml")
MELT, DRAW = LINE.node[0], LINE.node[2]
GOOD = Gains(Kc=0.15, Ti_s=250.0, Td_s=14.0)


def with_loop(node: Node, number: int, **fields: object) -> Node:
    loop = node.loop[number].model_copy(update=fields)
    return node.model_copy(update={"loop": (*node.loop[:number], loop, *node.loop[number + 1 :])})


def with_input(node: Node, number: int, **fields: object) -> Node:
    row = node.input[number].model_copy(update=fields)
    return node.model_copy(update={"input": (*node.input[:number], row, *node.input[number + 1 :])})


def refusal(node: Node) -> str:
    with pytest.raises(BadInput) as refused:
        compile_node(LINE, node, RECIPE)
    return str(refused.value)


@pytest.mark.parametrize(
    ("gains", "place"),
    [
        ({"Kc": 1e9}, "loop Z1: gains.Kc: "),
        ({"Kc": 1e-9, "Ti_s": 0.0, "Td_s": 0.0}, "loop Z1: gains.Kc: "),
        ({"Ti_s": 1e12}, "loop Z1: gains.Ti_s: "),
        ({"Ti_s": 1e-9}, "loop Z1: gains.Ti_s: "),
        ({"Td_s": 1e9}, "loop Z1: gains.Td_s: "),
        ({"Td_s": 1e-9, "tracking_s": 60.0}, "loop Z1: gains.Td_s: "),
        ({"tracking_s": 1e12}, "loop Z1: gains.tracking_s: "),
    ],
)
def test_a_gain_that_cannot_be_represented_is_refused_with_loop_key_and_error(gains: dict, place: str) -> None:
    told = refusal(with_loop(MELT, 0, gains=GOOD.model_copy(update=gains)))
    assert place in told and "cannot be met: nearest is" in told and "% " not in told and told.rstrip().endswith("%")


def test_a_gain_of_another_set_is_refused_with_the_set_it_is_in() -> None:
    sets = (GainSet(above=100.0, gains=GOOD), GainSet(above=180.0, gains=GOOD.model_copy(update={"Kc": 1e9})))
    assert "loop Z1: gain_set above 180: Kc: a gain of" in refusal(with_loop(MELT, 0, gain_set=sets))


def test_feed_forward_that_cannot_be_represented_is_refused_with_loop_key_and_error() -> None:
    assert "loop G1: feed_forward_gain: a gain of" in refusal(with_loop(DRAW, 0, feed_forward_gain=1e9))
    assert "loop G1: feed_forward_s: a gain of" in refusal(with_loop(DRAW, 0, feed_forward_s=1e-12))


@given(st.floats(1e-9, 1.9))
def test_an_output_rate_is_met_within_its_error_or_refused_with_the_nearest(rate_per_s: float) -> None:
    node = with_loop(MELT, 0, out_rate_per_s=rate_per_s)
    exact = rate_per_s * 0.25 * 65536
    try:
        rows = [words for table, words in compile_node(LINE, node, RECIPE).rows if table == TABLE_LOOP]
    except BadInput as error:
        assert abs(round(exact) - exact) > GAIN_ERROR_MAX * exact
        assert f"loop Z1: out_rate_per_s = {rate_per_s} is" in str(error) and f"nearest is {round(exact)}" in str(error)
    else:
        assert abs(rows[0][field_index(LOOP, "out_rate")] - exact) <= GAIN_ERROR_MAX * exact


def test_a_rate_that_no_word_holds_is_refused_with_the_limit() -> None:
    assert "melt: loop Z1: out_rate = 163840, limit 131072" in refusal(with_loop(MELT, 0, out_rate_per_s=10.0))


@pytest.mark.parametrize(
    ("node", "number", "fields", "words"),
    [
        (MELT, 8, {"at_20_mA": -5.0}, "input RESIN: at_20_mA: a gain of"),
        (MELT, 8, {"at_20_mA": 0.001}, "input RESIN: at_20_mA: the whole range is less than one whole unit"),
        (DRAW, 0, {"counts_per_m": 1e-6}, "input G1: counts_per_m: a gain of"),
    ],
)
def test_a_scaling_that_cannot_be_represented_is_refused_with_input_and_key(
    node: Node, number: int, fields: dict, words: str
) -> None:
    assert words in refusal(with_input(node, number, **fields))
