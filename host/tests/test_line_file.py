"""The line file: read whole or refused whole, with file, key and what is allowed; compiled to whole numbers exactly."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.errors import BadFile, BadInput
from spinline.recipe.compiler import NodeConfiguration, compile_node, violation_text
from spinline.recipe.line_model import Line, load_line
from spinline.recipe.models import Recipe
from spinline.recipe.reading import read_recipe
from spinline.recipe.scaling import GAIN_ERROR_MAX, mantissa_shift, whole
from spinline_protocol.configuration import INPUT, LOOP, TABLE_INPUT, TABLE_LOOP, TABLES, field_index

ROOT = Path(__file__).resolve().parents[2]
LINE_R1 = ROOT / "lines" / "r1.toml"
LINE: Line = load_line(LINE_R1)
RECIPE: Recipe = read_recipe(ROOT / "recipes" / "r1.toml")


def refusal(tmp_path: Path, old: str, new: str) -> str:
    """What is said of R1 with one thing changed."""
    text = LINE_R1.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "line.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadFile) as refused:
        load_line(path)
    return str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("scan_ms = 250", "scan_msec = 250", ("node 1: scan_msec", "write scan_ms", "scan_ms is missing")),
        ("scan_ms = 250\nlease_ms = 2000", "scan_ms = 300\nlease_ms = 500", ("less than two scans of 300 ms",)),
        ("scan_ms = 250", "scan_ms = 5", ("node 1: scan_ms = 5", "at least 10")),
        ('unit = "degC"', 'unit = "K"', ("unit of temperature is 'degC', not 'K'",)),
        ('quantity = "mass_flow"', 'quantity = "massflow"', ("'massflow' is unknown", "mass_flow")),
        ("at_4_mA = 0.0\n", "", ("at_4_mA and at_20_mA",)),
        ("low = -20.0\nhigh = 320.0", "low = 320.0\nhigh = -20.0", ("low 320.0 is not below high -20.0",)),
        ('name = "bath"', 'name = "melt"', ("two nodes have the same name",)),
        ("number = 2", "number = 1", ("two nodes have the same number",)),
        ('input = "Z2"', 'input = "Z9"', ("loop Z2: input 'Z9' is no input of node melt",)),
        ('master = "RESIN"\n', "", ("master belongs to a ratio or cascade loop",)),
        ('group = "heat"', 'group = "heating"', ("group 'heating' is not one of",)),
        ('loop = "Z1"', 'loop = "Z11"', ("output Z1_HEATER: loop 'Z11'",)),
        ("above = 250.0\n", "", ("exactly one of above, below, apart and above_draw_down",)),
        ("Kc = 0.15", "Kc = nan", ("Kc",)),
        ("[path]", "[paths]", ("paths", "did you mean path", "path is missing")),
        ('name = "Z2"', 'name = "Z1"', ("input Z1 is there twice",)),
    ],
)
def test_a_mistake_in_the_line_file_is_named(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    told = refusal(tmp_path, old, new)
    assert "line.toml" in told
    for word in words:
        assert word in told, told


def test_the_reference_line_compiles_within_every_hard_limit() -> None:
    for node in LINE.node:
        configuration = compile_node(LINE, node, RECIPE)
        assert all(len(words) == len(TABLES[table][2]) for table, words in configuration.rows)
        assert len(configuration.sha256) == 32


def test_a_number_that_the_board_cannot_hold_is_refused_before_it_travels() -> None:
    melt = LINE.node[0]
    wide = melt.model_copy(update={"loop": (melt.loop[0].model_copy(update={"high": 600.0}), *melt.loop[1:])})
    with pytest.raises(BadInput, match="melt: loop Z1: setpoint_high = 600000, limit 500000"):
        compile_node(LINE, wide, RECIPE)


def test_a_configuration_depends_on_nothing_but_line_and_recipe() -> None:
    first = [compile_node(LINE, node, RECIPE).sha256 for node in LINE.node]
    again = [compile_node(load_line(LINE_R1), node, RECIPE).sha256 for node in LINE.node]
    assert first == again and len(set(first)) == 3


def compiled(name: str) -> NodeConfiguration:
    return compile_node(LINE, next(node for node in LINE.node if node.name == name), RECIPE)


def rows_of(configuration: NodeConfiguration, table: int) -> list[tuple[int, ...]]:
    return [words for of, words in configuration.rows if of == table]


def test_setpoints_come_from_the_recipe_in_whole_units() -> None:
    setpoint = field_index(LOOP, "setpoint")
    melt, bath, draw = (rows_of(compiled(name), TABLE_LOOP) for name in ("melt", "bath", "draw"))
    assert melt[2][setpoint] == 215_000  # zone 3: 215 degC in m degC
    assert melt[8][setpoint] == 61_905  # 104 g/min * 100 / 280 in 0.01 mg/s
    assert melt[9][field_index(LOOP, "ratio_q12")] == 6144  # 1.5
    assert bath[0][setpoint] == 40_000
    assert draw[0][setpoint] == 16_667  # 10 m/min in 0.01 mm/s
    assert draw[1][field_index(LOOP, "ratio_q12")] == round(1.8 * 4096)


def test_a_current_loop_reads_zero_at_4_mA_and_full_scale_at_20_mA() -> None:
    row = rows_of(compiled("bath"), TABLE_INPUT)[0]  # quench, 0 to 100 degC
    zero, scale, shift = (row[field_index(INPUT, name)] for name in ("zero", "scale_m", "scale_s"))
    offset = row[field_index(INPUT, "offset")]
    assert zero == 4800 and offset == 0  # 0.6 V at 125 uV
    assert abs(offset + ((24_000 - zero) * scale >> shift) - 100_000) <= 5
    assert row[field_index(INPUT, "raw_low")] == 4320 and row[field_index(INPUT, "raw_high")] == 25_200  # 3.6, 21 mA


@given(st.floats(min_value=4095 / 2**28 * 60, max_value=4095))
def test_a_gain_that_can_be_met_is_met_within_half_a_step_of_its_mantissa(gain: float) -> None:
    mantissa, shift = mantissa_shift(gain)
    assert 0 < mantissa <= 4095 and 0 <= shift <= 28
    assert abs(mantissa / 2**shift - gain) <= GAIN_ERROR_MAX * gain


@pytest.mark.parametrize("gain", [5000.0, 1e-9, -1.0, float("inf"), float("nan")])
def test_a_gain_that_cannot_be_met_is_refused(gain: float) -> None:
    with pytest.raises(BadInput, match="gain"):
        mantissa_shift(gain)


def test_no_gain_is_no_gain() -> None:
    assert mantissa_shift(0.0) == (0, 0)


def test_a_refused_field_is_told_with_its_names() -> None:
    told = violation_text(compiled("melt"), (TABLE_LOOP, 2, field_index(LOOP, "setpoint_high")), 300_000, 250_000)
    assert told == "melt: loop Z3: setpoint_high = 300000, limit 250000"


@given(st.floats(min_value=-100, max_value=400))
def test_a_screen_number_is_rounded_once(number: float) -> None:
    assert abs(whole("temperature", number) - number * 1000) <= 0.5


def test_a_take_up_speed_that_draws_in_resonance_is_refused_and_the_node_gets_the_limit() -> None:
    draw = next(node for node in LINE.node if node.name == "draw")
    words = next(words for table, words in compile_node(LINE, draw, RECIPE).rows if table == TABLE_LOOP)
    high_m_min = words[field_index(LOOP, "setpoint_high")] / 100 * 60 / 1000
    assert high_m_min == pytest.approx(10 * 18 / 10.2, rel=0.01)
    fast = RECIPE.model_copy(update={"draw": RECIPE.draw.model_copy(update={"takeup_speed_m_min": Decimal(18)})})
    with pytest.raises(BadInput, match=r"draw-down ratio 18\.4 must be at most 18"):
        compile_node(LINE, draw, fast)
