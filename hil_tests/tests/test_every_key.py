"""Every key of a loop's structure, from the line file through the firmware's own scan to a small plant and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.node_rig import NodeRig
from spinline.errors import BadFile, BadInput
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline_firmware.control import pid
from spinline_firmware.control.image import INPUT_WORDS, QUALITY, loop_at
from spinline_firmware.control.ratio import cascade_setpoint
from spinline_protocol import states
from spinline_protocol.configuration import PROGRAM_RAMPING
from spinline_protocol.errors import OK
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN

ROOT = Path(__file__).resolve().parents[2]
EVERY_KEY = Path(__file__).with_name("every_key.toml")
LINE = load_line(EVERY_KEY)
RECIPE = read_recipe(ROOT / "recipes" / "r1.toml")
NODE = LINE.node[0]
INPUTS, LOOPS = [row.name for row in NODE.input], [row.name for row in NODE.loop]
SCAN_S = NODE.scan_ms / 1000
FULL = 65536
AMBIENT_C = 20.0


class Unit:
    """The node with a jacket around a melt, a bath that is heated and cooled, and two drives, all of first order."""

    def __init__(self) -> None:
        self.rig = NodeRig(LINE, RECIPE, "unit")
        self.reads = self.rig.chips.reads
        self.reads.update(MELT=AMBIENT_C, MELT_B=AMBIENT_C, JACKET=AMBIENT_C, WATER=40.0, COOLANT=0.0, G1=0.0, G2=0.0)
        self.load_K = 0.0  # what the bath is driven away by
        self.rig.run(1)
        assert self.rig.scan.command(states.CMD_START) == OK
        self.run(SCAN_S)
        assert self.rig.scan.command(states.CMD_RUN) == OK

    def run(self, seconds: float) -> None:
        """Scans and plant."""
        for _ in range(round(seconds / SCAN_S)):
            self.rig.run(SCAN_S)
            level, reads = self.rig.level, self.reads
            heat, cool = level("WATER_HEATER") / FULL, level("WATER_COOLER") / FULL
            self._towards("JACKET", AMBIENT_C + 350 * level("JACKET_HEATER"), 120)
            self._towards("MELT", reads["JACKET"], 200)
            reads["MELT_B"] = reads["MELT"]
            self._towards("WATER", AMBIENT_C + 80 * heat - 60 * cool + self.load_K, 100)
            self._towards("G1", 1000 * level("G1_DRIVE") / FULL, 0.3)
            self._towards("G2", 950 * level("G2_DRIVE") / FULL, 0.3)

    def _towards(self, name: str, rest: float, lag_s: float) -> None:
        self.reads[name] += (rest - self.reads[name]) * min(1.0, SCAN_S / lag_s)

    def word(self, loop: str, offset: int) -> int:
        """A word of a loop's block."""
        return int(self.rig.scan._image[loop_at(LOOPS.index(loop)) + offset])

    def quality(self, name: str) -> int:
        """Of an input."""
        return int(self.rig.scan._image[INPUT_WORDS * INPUTS.index(name) + QUALITY])

    def set_setpoint(self, loop: str, setpoint: int) -> None:
        """From the wire."""
        assert self.rig.scan.set_setpoint(LOOPS.index(loop), setpoint, 0) == (OK, 0, 0)


def test_an_outer_loop_leads_its_inner_one_to_its_setpoint_and_does_not_wind_up_at_the_inner_limit() -> None:
    unit = Unit()
    unit.run(60)
    assert unit.word("JACKET", pid.OUTPUT) == FULL, "the jacket is at its limit in a cold start"
    held = unit.word("MELT", pid.OUTPUT)
    highest = 0.0
    for _ in range(120):
        if unit.word("JACKET", pid.OUTPUT) == FULL:
            assert unit.word("MELT", pid.OUTPUT) <= held + 1, "it asks for no more than it did"
        unit.run(30)
        highest = max(highest, unit.reads["MELT"])
    low, high = (round(1000 * number) for number in (NODE.loop[1].low, NODE.loop[1].high))
    assert unit.word("JACKET", pid.TARGET) == cascade_setpoint(unit.word("MELT", pid.OUTPUT), low, high)
    assert abs(unit.reads["MELT"] - 215) < 1 and abs(unit.reads["JACKET"] - unit.reads["MELT"]) < 2
    assert highest < 220, f"{highest:.1f} degC"


def test_a_time_proportioned_output_is_on_for_its_share_of_the_scans() -> None:
    unit = Unit()
    unit.run(3600)
    shares, on_n = 0.0, 0
    for _ in range(400):
        unit.run(SCAN_S)
        shares += unit.word("JACKET", pid.OUTPUT) / FULL
        on_n += unit.rig.level("JACKET_HEATER")
    assert 40 < on_n < 360 and abs(on_n - shares) <= 1


def test_a_split_range_heats_or_cools_with_its_gain_ratio_and_does_nothing_in_the_dead_band() -> None:
    unit = Unit()
    seen = set()
    for unit.load_K in (0.0, 30.0, 20.0, 18.0):
        for _ in range(4000):
            unit.run(SCAN_S)
            output, dead = unit.word("WATER", pid.OUTPUT), round(0.02 * FULL)
            heat, cool = unit.rig.level("WATER_HEATER"), unit.rig.level("WATER_COOLER")
            assert abs(heat - max(0, output - dead)) <= 1 and abs(cool - max(0, -output - dead) / 2) <= 1
            seen.add("heats" if heat else "cools" if cool else "rests")
        if unit.load_K in (0.0, 30.0):
            assert abs(unit.reads["WATER"] - 40) < 0.5
    assert seen == {"heats", "cools", "rests"}


def test_the_second_godet_follows_the_measured_first_and_its_output_keeps_its_rate() -> None:
    unit = Unit()
    most = round(0.04 * SCAN_S * FULL)
    before = unit.word("G2", pid.OUTPUT)
    for scan in range(600):
        if scan == 300:
            unit.set_setpoint("G1", 20000)
        unit.run(SCAN_S)
        assert abs(unit.word("G2", pid.OUTPUT) - before) <= most
        before = unit.word("G2", pid.OUTPUT)
        if scan in (299, 599):
            assert unit.reads["G2"] / unit.reads["G1"] == pytest.approx(float(RECIPE.draw.stretch_ratio), rel=0.003)
    assert abs(unit.reads["G1"] - 200) < 0.5


def test_feed_forward_takes_the_throughput_and_the_speed_of_the_ramp() -> None:
    unit = Unit()
    unit.run(300)
    per_mm_s = 0.0005 * FULL
    unit.set_setpoint("G1", 12000)
    unit.run(SCAN_S)
    assert abs(unit.word("WATER", pid.FEED_FORWARD) - 120 * per_mm_s) <= 2
    unit.set_setpoint("WATER", 60000)
    unit.run(60)
    assert unit.word("WATER", pid.SHOWN) >> 3 == PROGRAM_RAMPING
    assert unit.word("WATER", pid.FEED_FORWARD) == pytest.approx(120 * per_mm_s + 0.1 * 1.6 * FULL, rel=0.01)
    unit.run(1200)
    assert abs(unit.word("WATER", pid.FEED_FORWARD) - 120 * per_mm_s) <= 2 and abs(unit.reads["WATER"] - 60) < 0.3


def test_a_gain_set_is_chosen_by_its_input_with_hysteresis_and_moves_the_output_by_two_counts_at_most() -> None:
    unit = Unit()
    unit.run(900)
    chosen = []
    for coolant in (19_000.0, 21_000.0, 18_500.0, 17_000.0, 21_000.0):
        unit.reads["COOLANT"] = coolant
        before, gain = unit.word("WATER", pid.OUTPUT), unit.word("WATER", pid.MP)
        unit.run(SCAN_S)
        if unit.word("WATER", pid.MP) != gain:
            assert abs(unit.word("WATER", pid.OUTPUT) - before) <= 2
        chosen.append(unit.word("WATER", pid.KD))
        unit.run(20)
    assert chosen == [0, 2, 2, 0, 2]


def test_a_pair_that_drifts_apart_is_doubted_at_once_and_takes_its_loop_off_within_its_time() -> None:
    unit = Unit()
    unit.run(600)
    for offset_K, seconds, quality in ((0.0, 1.0, GOOD), (2.5, 10.0, GOOD), (4.0, 1.5, UNCERTAIN), (4.0, 1.0, BAD)):
        for _ in range(round(seconds / SCAN_S)):
            unit.reads["MELT_B"] = unit.reads["MELT"] + offset_K
            unit.rig.run(SCAN_S)
        assert (unit.quality("MELT"), unit.quality("MELT_B")) == (quality, quality), (offset_K, seconds)
        assert bool(unit.rig.scan.loops.failed[0]) == (quality == BAD)
    assert unit.word("MELT", pid.OUTPUT) == 0 and "LOOP_FAILED" in [name for name, *_ in unit.rig.events]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('master = "MELT"', 'master = "WATER"', ("loop JACKET: master 'WATER' is no loop that stands before it",)),
        ('kind = "cascade"', 'kind = "override"', ("loop 2: kind", "cascade")),
        ("above = 20000.0", "above = nan", ("above", "finite")),
        ("hysteresis = 2000.0", "hysteresis = -1.0", ("hysteresis = -1.0", "at least 0")),
        ('scheduled_by = "COOLANT"', 'scheduled_by = "WIND"', ("scheduled_by 'WIND' is no input of node unit",)),
        ("partner_limit = 3.0", "partner_limit = 0.0", ("partner_limit = 0.0", "above 0")),
        ('partner = "MELT_B"', 'partner = "G1"', ("partner 'G1' is no other input of temperature",)),
        ('side = "negative"', 'side = "left"', ("side", "positive", "negative")),
        ("gain = 0.5", "gain = 0.0", ("gain = 0.0", "above 0")),
        ("dead_band = 0.02", "dead_band = 1.0", ("dead_band = 1.0", "below 1")),
        ('master = "G1"', 'master = "G9"', ("loop G2: master 'G9' is no input of node unit",)),
        ('feed_forward = "G1"', 'feed_forward = "G9"', ("feed_forward 'G9' is no loop of node unit",)),
        ("feed_forward_s = 1.6", "feed_forward_s = -1.6", ("feed_forward_s = -1.6", "at least 0")),
        ("out_rate_per_s = 0.04", "out_rate_per_s = inf", ("out_rate_per_s", "finite")),
        ("out_low = -1.0", "out_low = -1.5", ("out_low = -1.5", "at least -1")),
        ("out_low = -1.0", "out_low = 1.0", ("WATER", "out_low 1.0 is not below out_high 1.0")),
        ("low = 0.0\nhigh = 80.0", "low = 80.0\nhigh = 0.0", ("WATER", "low 80.0 is not below high 0.0")),
    ],
)
def test_a_bad_value_is_refused_with_file_key_value_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    text = EVERY_KEY.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "line.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises((BadFile, BadInput)) as refused:
        line = load_line(path)
        compile_node(line, line.node[0], RECIPE)
    for word in ("line.toml", *words):
        assert word in str(refused.value), str(refused.value)
