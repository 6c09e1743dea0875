"""A number of the recipe in force is judged as a recipe is, and becomes the setpoints that differ, or a refusal."""

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host.tests.test_check_recipe import RECIPES, TODAY
from host.tests.test_papers import WORDS
from host.tests.test_record_batch import LINE
from spinline.errors import Refused
from spinline.line.alarms import Alarms
from spinline.line.batch import Batch
from spinline.line.changes import SET_IN, Changes, Made
from spinline.line.desk import Asked, Command, Desk
from spinline.line.setting import Setting, sha256_of
from spinline.recipe.check import CheckExit, judge_plan
from spinline.recipe.compiler import compile_node
from spinline.recipe.papers import Papers, read_papers
from spinline.recipe.reading import read_recipe
from spinline.recipe.waiver import Waiver
from spinline_protocol import configuration as tables

PATH = RECIPES / "r1.toml"
RECIPE = read_recipe(PATH)
PAPERS = read_papers(RECIPE, PATH, TODAY)


def setting(papers: Papers = PAPERS) -> Setting:
    return Setting(LINE, PATH, RECIPE, papers, TODAY)


def waived(window: str) -> Papers:
    words = {key: word.strip('"') for key, word in WORDS.items()} | {"version": 1, "window": window}
    words |= {"signed": TODAY, "until": TODAY}
    return Papers(PAPERS.certificates, (Waiver.model_validate(words),), PAPERS.sha256)


@pytest.mark.parametrize(
    ("key", "value", "loops"),
    [
        ("melt.z3_temperature_C", "216", [("Z3", 216_000, 215_000)]),
        ("draw.takeup_speed_m_min", "10.5", [("G1", 17_500, 16_667)]),
        ("draw.stretch_ratio", "1.75", [("G2", 7_168, 7_373)]),
        ("composition.solvent_parts", "31", [("RESIN", 61_684, 61_905), ("SOLV", 1_270, 1_229)]),
    ],
)
def test_only_the_setpoints_that_differ_are_sent(key, value, loops):
    change = setting().plan(setting().with_value(key, value))
    assert [(row.loop, row.number, row.before) for row in change.setpoints] == loops
    assert [(row.key, row.after) for row in change.keys] == [(key, value)]


def test_what_is_sent_next_is_measured_from_the_recipe_in_force():
    at = setting()
    at.recipe = at.plan(at.with_value("draw.stretch_ratio", "1.75")).recipe
    (row,) = at.plan(at.with_value("draw.stretch_ratio", "1.70")).setpoints
    assert (row.number, row.before) == (6_963, 7_168)


def test_limits_that_the_nodes_hold_may_drift_by_no_more_than_the_room_before_resonance():
    """Each step is small; together they would leave the nodes with a limit of another recipe."""
    at = setting()
    at.recipe = at.plan(at.with_value("throughput.total_g_min", "100")).recipe
    with pytest.raises(Refused, match="draw: loop G1: setpoint_high from 29361 to .* needs a stop and a new batch"):
        at.plan(at.with_value("throughput.total_g_min", "97"))


def test_outside_the_claim_a_waiver_must_name_the_window():
    with pytest.raises(Refused, match="claim 12 fails: raise plasticizer .* to 70 to 250"):
        setting().plan(setting().with_value("composition.plasticizer_parts", "69"))
    with pytest.raises(Refused, match="claim 12 fails"):
        setting(waived("C12-SOLV")).plan(setting().with_value("composition.plasticizer_parts", "69"))
    at = Setting(LINE, PATH, setting().with_value("composition.plasticizer_parts", "72"), waived("C12-PLAST"), TODAY)
    assert at.plan(at.with_value("composition.plasticizer_parts", "69")).setpoints


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("melt.die_temperature_C", "290", "E-T-DIE: lower barrel.die zone DIE temperature from 290 .* to 190 to 235"),
        ("melt.die_temperature_C", "999", "die_temperature_C = 999 must be at most 500"),
        ("melt.die_temperature", "210", "did you mean melt.die_temperature_C"),
        ("recipe.name", "R2", "is no key of the recipe"),
        ("recipe.required_claims", "1", "is no key of the recipe"),
        ("resin.share", "1", "is no key of the recipe"),
        ("draw.stretch_ratio", "nan", "must be a finite number"),
        ("draw.stretch_ratio", "", "is not of the kind of 1.80"),
        ("spinning.fiber_n", "8.5", "is not of the kind of 8"),
        ("quench.cooled_side", "outside", "has these numbers already"),
        ("quench.quench_flow_L_min", "39", "bath.QFLOW: the node takes 0 to 38000 of its whole units, not 39000"),
        ("program.heatup_ramp_K_min", "6", "is more than a setpoint: it needs a stop and a new batch"),
    ],
)
def test_what_may_not_be_set_is_refused_with_key_value_and_what_is_allowed(key, value, said):
    at = setting()
    with pytest.raises(Refused, match=said):
        at.plan(at.with_value(key, value))
    assert at.recipe is RECIPE


NUMBERS = [f"{section}.{key}" for section in ("melt", "composition", "throughput", "quench", "extraction", "draw")
           for key, value in getattr(RECIPE, section) if isinstance(value, Decimal)]  # fmt: skip


@settings(max_examples=60, deadline=None)
@example("quench.quench_flow_L_min", Decimal("1.91"))
@given(st.sampled_from(NUMBERS), st.decimals(Decimal("0.3"), Decimal(3), places=2))
def test_whatever_is_taken_passes_the_check_and_the_limits_that_the_nodes_hold(key, share):
    at, section = setting(), key.partition(".")
    value = getattr(getattr(RECIPE, section[0]), section[2]) * share
    try:
        change = at.plan(at.with_value(key, str(value)))
    except Refused as refusal:
        assert str(refusal)
        return
    assert judge_plan(PATH, change.recipe, PAPERS, TODAY).exit_code is CheckExit.MET
    for row in change.setpoints:
        node = next(node for node in LINE.node if node.name == row.node)
        held = [words for table, words in compile_node(LINE, node, RECIPE).rows if table == tables.TABLE_LOOP]
        kind, low, high = held[row.loop_i][0], held[row.loop_i][5], held[row.loop_i][6]
        assert 0 <= row.number <= 65_535 if kind == tables.RATIO_LOOP else low <= row.number <= high


def test_another_supervisor_finds_the_recipe_in_force_in_what_was_set():
    first, later = setting(), setting()
    for key, value in (("draw.stretch_ratio", "1.75"), ("melt.z3_temperature_C", "216")):
        first.recipe = first.plan(first.with_value(key, value)).recipe
    assert later.restore([]) is None
    newest = later.restore([[("draw.stretch_ratio", "1.75")], [("melt.z3_temperature_C", "216")]])
    assert sha256_of(later.recipe) == sha256_of(first.recipe) != sha256_of(RECIPE)
    assert newest is not None
    before, change = newest
    assert str(before.draw.stretch_ratio) == "1.75" and change.recipe == later.recipe
    assert [row.key for row in change.keys] == ["melt.z3_temperature_C"]
    assert [row.loop for row in change.setpoints] == ["Z3"], "only the newest may not have arrived"


def version_2(**sections):
    header = RECIPE.recipe.model_copy(update={"version": 2, **sections.pop("recipe", {})})
    changed = {name: getattr(RECIPE, name).model_copy(update=keys) for name, keys in sections.items()}
    return RECIPE.model_copy(update={"recipe": header, **changed})


def test_a_whole_recipe_of_another_version_changes_what_differs_and_is_found_again():
    at, later = setting(), setting()
    new = version_2(draw={"stretch_ratio": Decimal("1.70")}, melt={"z3_temperature_C": Decimal(216)})
    change = at.plan(new)
    assert {row.loop for row in change.setpoints} == {"Z3", "G2"}
    assert {row.key for row in change.keys} == {"recipe.version", "draw.stretch_ratio", "melt.z3_temperature_C"}
    later.restore([[(row.key, row.after) for row in change.keys]])
    assert sha256_of(later.recipe) == sha256_of(new)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (version_2(recipe={"name": "R2"}), "recipe.name cannot change in a run"),
        (version_2(recipe={"required_claims": (1,)}), "recipe.required_claims cannot change in a run"),
        (RECIPE.model_copy(update={"resin": ()}), "resin cannot change in a run"),
        (read_recipe(RECIPES / "r1_blend.toml"), "cannot change in a run"),
        (version_2(), "changes no setpoint of a node"),
    ],
)
def test_lots_claims_and_names_stay_to_the_end_of_a_batch(new, said):
    with pytest.raises(Refused, match=said):
        setting().plan(new)


def test_another_version_needs_its_own_waivers():
    with pytest.raises(Refused, match="its waivers are for version 1"):
        setting(waived("C12-PLAST")).plan(version_2(draw={"stretch_ratio": Decimal("1.70")}))


def asked(**of) -> Asked:
    return Asked(Command("set", "K. Lang", of.pop("why", "softer"), tag="draw.stretch_ratio", value="1.75", **of))


def test_nothing_is_set_without_a_recipe_a_reason_or_a_line_that_runs():
    with pytest.raises(Refused, match="was not given the recipe"):
        Changes(None, {}, []).begin(asked(), "RUNNING", 0)
    with pytest.raises(Refused, match="set needs a reason"):
        Changes(setting(), {}, []).begin(asked(why=" "), "RUNNING", 0)
    for state in ("IDLE", "UNSUPERVISED", "COMPLETING", "ABORTED"):
        with pytest.raises(Refused, match=f"set is not possible in {state} .possible in: {', '.join(SET_IN)}"):
            Changes(setting(), {}, []).begin(asked(), state, 0)


def test_a_supervisor_that_takes_over_leaves_alone_what_every_node_has_taken():
    """What it sends again a node may refuse for a moment, and then nobody would have asked for what is undone."""
    values, later = (("draw.stretch_ratio", "1.75"),), setting()
    with pytest.raises(Refused, match="another change is under way"):
        Changes(setting(), {}, [Made(values, back=False, taken=False)]).begin(asked(), "RUNNING", 0)
    with pytest.raises(Refused, match="has these numbers already"):
        Changes(later, {}, [Made(values, back=False, taken=True)]).begin(asked(), "RUNNING", 0)
    assert str(later.recipe.draw.stretch_ratio) == "1.75"


def test_the_desk_names_the_commands_of_the_recipe_among_those_that_are_possible():
    desk = Desk(Batch(60.0, 60.0), Alarms(), lambda: None)
    with pytest.raises(Refused, match="possible: start, hold, resume, stop, abort, set, recipe"):
        desk.do(Command("change", "K. Lang", ""), 0)
