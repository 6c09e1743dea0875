"""What makes a sensor doubtful, from the line file to words of the node: exact at its boundaries, or refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.errors import BadFile, BadInput
from spinline.recipe.channel_model import Input
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import Node, load_line
from spinline.recipe.reading import read_recipe
from spinline_protocol.configuration import INPUT, TABLE_INPUT, field_index

ROOT = Path(__file__).resolve().parents[2]
LINE_R1 = ROOT / "lines" / "r1.toml"
LINE = load_line(LINE_R1)
RECIPE = read_recipe(ROOT / "recipes" / "r1.toml")
SHUNT_OHM, LSB_UV = 150, 125


def rows(node: Node) -> list[dict[str, int]]:
    """The rows of its table INPUT by field."""
    names = [field[0] for field in INPUT]
    found = compile_node(LINE, node, RECIPE).rows
    return [dict(zip(names, words, strict=True)) for table, words in found if table == TABLE_INPUT]


def changed(node: Node, number: int, **fields: object) -> Node:
    row = node.input[number].model_copy(update=fields)
    return node.model_copy(update={"input": (*node.input[:number], row, *node.input[number + 1 :])})


@pytest.mark.parametrize("node", LINE.node, ids=lambda node: node.name)
def test_every_analog_input_has_the_four_boundaries_of_ne_43_and_no_other_input_has_an_edge(node: Node) -> None:
    for channel, row in zip(node.input, rows(node), strict=True):
        bounds = [row[name] for name in ("raw_low", "warn_low", "warn_high", "raw_high")]
        if channel.kind == "analog":
            assert [code * LSB_UV / 1000 / SHUNT_OHM for code in bounds] == [3.6, 3.8, 20.5, 21.0]
        else:
            assert bounds[1] <= bounds[0] and bounds[2] >= bounds[3]


@pytest.mark.parametrize("node", LINE.node, ids=lambda node: node.name)
def test_a_current_that_is_doubted_is_inside_the_range_of_its_input_and_so_is_used(node: Node) -> None:
    for channel, row in zip(node.input, rows(node), strict=True):
        if channel.kind == "analog" and channel.name != "PDIE":  # at 21 mA the pressure is beyond its wire range
            for code in (row["raw_low"], row["raw_high"]):
                number = row["offset"] + ((code - row["zero"]) * row["scale_m"] >> row["scale_s"])
                assert row["low"] <= number <= row["high"], (channel.name, number)


@pytest.mark.parametrize("node", LINE.node, ids=lambda node: node.name)
def test_the_thermocouples_of_r1_are_watched_for_thirty_seconds_and_nothing_else_is(node: Node) -> None:
    for channel, row in zip(node.input, rows(node), strict=True):
        assert row["frozen_scans"] * node.scan_ms == (30_000 if channel.kind == "thermocouple" else 0)
        assert (row["partner"], row["partner_limit"], row["partner_scans"]) == (-1, 0, 0)


@given(st.floats(0.75, 8000), st.floats(0.001, 400), st.floats(0, 8000))
def test_times_become_scans_and_a_distance_whole_units_to_the_nearest(frozen_s, limit, partner_s) -> None:
    melt = LINE.node[0]
    row = rows(changed(melt, 2, frozen_s=frozen_s, partner="Z5", partner_limit=limit, partner_s=partner_s))[2]
    assert row["partner"] == [channel.name for channel in melt.input].index("Z5")
    assert abs(row["frozen_scans"] * 0.25 - frozen_s) <= 0.125
    assert abs(row["partner_scans"] * 0.25 - partner_s) <= 0.125
    assert abs(row["partner_limit"] / 1000 - limit) <= 0.0005


def test_a_limit_below_one_whole_unit_is_refused_and_not_made_zero() -> None:
    with pytest.raises(BadInput, match="input Z1: partner_limit = 0.0001 is less than one whole unit"):
        rows(changed(LINE.node[0], 0, partner="Z2", partner_limit=0.0001))


def test_a_time_that_the_node_cannot_count_is_refused_with_its_limit() -> None:
    with pytest.raises(BadInput, match="melt: input Z1: frozen_scans = 40000, limit 36000"):
        rows(changed(LINE.node[0], 0, frozen_s=10_000.0))


PARTNER = 'frozen_s = 30.0\npartner = "{}"\npartner_limit = 3.0\n'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("frozen_s = 30.0\n", "frozen_s = -1.0\n", ("frozen_s = -1.0", "at least 0")),
        ("frozen_s = 30.0\n", "frozen_s = 0.7\n", ("input Z1: frozen_s 0.7 is less than three scans",)),
        ('kind = "switch"\n', 'kind = "switch"\nfrozen_s = 30.0\n', ("a switch may well stand still",)),
        ("frozen_s = 30.0\n", 'partner = "Z2"\n', ("partner and partner_limit belong together",)),
        ("frozen_s = 30.0\n", "partner_limit = 2.0\n", ("partner and partner_limit belong together",)),
        ("frozen_s = 30.0\n", PARTNER.format("Z9"), ("input Z1: partner 'Z9' is no other input of temperature",)),
        ("frozen_s = 30.0\n", PARTNER.format("Z1"), ("input Z1: partner 'Z1' is no other input of temperature",)),
        ("frozen_s = 30.0\n", PARTNER.format("PIN"), ("input Z1: partner 'PIN' is no other input of temperature",)),
    ],
)
def test_a_mistake_is_named_with_its_input(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    text = LINE_R1.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "line.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadFile) as refused:
        load_line(path)
    for word in words:
        assert word in str(refused.value)


def test_of_a_pair_only_one_names_the_other() -> None:
    melt = changed(changed(LINE.node[0], 0, partner="Z2", partner_limit=2.0), 1, partner="Z1", partner_limit=3.0)
    with pytest.raises(ValueError, match="Z2 names it already"):
        Node.model_validate(melt.model_dump())


def test_what_is_not_asked_for_is_off() -> None:
    fields = Input.model_fields
    assert fields["frozen_s"].default == 0 and fields["partner"].default is None
    assert field_index(INPUT, "warn_low") > field_index(INPUT, "filter_k")
