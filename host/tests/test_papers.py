"""Waivers, and certificates that supersede one another: who may lift what, and what is refused and how."""

import datetime
import hashlib
from pathlib import Path

import pytest

from host.tests.test_check_recipe import LOT, NO_CERTIFICATE, RECIPES, TODAY, _copy, _run
from host.tests.test_record_batch import BEGIN_US, LINE, Plan, write_batch
from spinline.claims import Verdict
from spinline.errors import BadInput
from spinline.recipe.check import CheckExit, check_recipe
from spinline.recipe.conclusion import conclusion
from spinline.record.journal import Journal
from spinline.record.page.page import page
from spinline.record.plan_record import keep_plan
from spinline.record.series import fetch, reading

CLAIM_9 = {"claim": "9", "missing_evidence": '"viscosity"'}
WORDS = {
    "recipe": '"R1"', "version": "1", "person": '"K. Lang"', "role": '"lead"', "signed": "2026-01-10",
    "until": "2026-01-31", "reason": '"test"',
}  # fmt: skip
HEADER = "required_claims = [1, 4, 8, 9, 10, 12]"


def waived(tmp_path: Path, *waivers: dict[str, str | None], recipe=None, lot=None) -> Path:
    """R1 with waivers of these keys; a key that is None is left out."""
    names = [f"w{i}.toml" for i in range(len(waivers))]
    for name, changed in zip(names, waivers, strict=True):
        keys = {key: word for key, word in (WORDS | changed).items() if word is not None}
        (tmp_path / name).write_text("".join(f"{key} = {word}\n" for key, word in keys.items()), encoding="utf-8")
    listed = ", ".join(f'"{name}"' for name in names)
    return _copy(tmp_path, {HEADER: f"{HEADER}\nwaivers = [{listed}]", **(recipe or {})}, lot)


def effects(path: Path) -> list[str]:
    return [effect.value for _, effect in check_recipe(path, TODAY).waivers]


def of_claim(number: int) -> dict[str, str | None]:
    return {"claim": str(number), "missing_evidence": '"certificate"'}


def test_a_waiver_is_void_when_the_evidence_says_fail(tmp_path):
    path = waived(tmp_path, of_claim(1), lot={"mol_per_100_mol_vdf = 1.00": "mol_per_100_mol_vdf = 11"})
    assert effects(path) == ["void"]
    assert check_recipe(path, TODAY).exit_code is CheckExit.REFUSED


def test_a_waiver_lifts_only_the_claim_it_names_and_never_the_verdict(tmp_path):
    report = check_recipe(waived(tmp_path, of_claim(1), recipe=NO_CERTIFICATE), TODAY)
    assert report.claims[1].verdict is Verdict.UNKNOWN and report.exit_code is CheckExit.OPEN
    assert {claim.claim for claim in report.open_claims} == {4, 8, 9, 10, 12}
    every = [of_claim(claim) for claim in (1, 4, 8, 9, 10, 12)]
    assert check_recipe(waived(tmp_path, *every, recipe=NO_CERTIFICATE), TODAY).exit_code is CheckExit.MET


def test_a_waiver_nobody_needs_changes_nothing(tmp_path):
    path = waived(tmp_path, of_claim(8), {"window": '"C12-PLAST"'})
    assert effects(path) == ["not needed", "not needed"]
    assert check_recipe(path, TODAY).exit_code is CheckExit.MET


SHORT = {"plasticizer_parts = 150": "plasticizer_parts = 64.9"}


def test_a_recipe_that_leaves_a_claimed_window_needs_a_waiver_of_that_window_and_no_other(tmp_path):
    assert check_recipe(waived(tmp_path, recipe=SHORT), TODAY).exit_code is CheckExit.REFUSED
    assert check_recipe(waived(tmp_path, {"window": '"C12-SOLV"'}, recipe=SHORT), TODAY).exit_code is CheckExit.REFUSED
    report = check_recipe(waived(tmp_path, {"window": '"C12-PLAST"'}, recipe=SHORT), TODAY)
    assert report.exit_code is CheckExit.MET
    assert report.claims[12].verdict is Verdict.FAIL, "a waiver changes no verdict"
    assert "outside of the claims, as waived: window C12-PLAST" in conclusion(report)


def test_a_waived_window_lifts_nothing_else_that_fails(tmp_path):
    """Two numbers out of claim 12, one waived; an engineering window is never waived."""
    both = SHORT | {"solvent_parts = 30": "solvent_parts = 4"}
    report = check_recipe(waived(tmp_path, {"window": '"C12-PLAST"'}, recipe=both), TODAY)
    assert [claim.claim for claim in report.failed_claims] == [12]
    hot = SHORT | {"die_temperature_C = 220": "die_temperature_C = 290"}
    report = check_recipe(waived(tmp_path, {"window": '"C12-PLAST"'}, recipe=hot), TODAY)
    assert [row.id for row in report.failed_windows] == ["E-T-DIE"]


def test_a_waived_window_hides_no_evidence_that_is_missing(tmp_path):
    report = check_recipe(waived(tmp_path, {"window": '"C12-PLAST"'}, recipe=SHORT | NO_CERTIFICATE), TODAY)
    assert report.exit_code is CheckExit.OPEN
    assert 12 in [claim.claim for claim in report.open_claims]


REFUSED = [
    ({**CLAIM_9, "until": "2026-01-14"}, "until = 2026-01-14 is over (today is 2026-01-15)"),
    ({**CLAIM_9, "signed": "2026-01-16"}, "signed = 2026-01-16 is after today, 2026-01-15"),
    ({**CLAIM_9, "signed": "2026-02-16"}, "until = 2026-01-31 is before the day it was signed, 2026-02-16"),
    ({**CLAIM_9, "signed": None}, "signed is missing"),
    ({**CLAIM_9, "person": None}, "person is missing"),
    ({**CLAIM_9, "person": '" "'}, "person = ' '"),
    ({**CLAIM_9, "role": '"operator"'}, "role = 'operator' must be 'lead'"),
    ({**CLAIM_9, "recipe": '"R2"'}, "recipe = 'R2' is another recipe (this is 'R1')"),
    ({**CLAIM_9, "version": "2"}, "version = 2 is another version of R1 (this is 1)"),
    ({**CLAIM_9, "missing_evidence": None}, "missing_evidence must be given beside a claim"),
    ({**CLAIM_9, "claim": "13"}, "claim = 13 must be at most 12"),
    ({**CLAIM_9, "reason": None}, "reason is missing"),
    ({**CLAIM_9, "because": '"x"'}, "because is not a key of this table"),
    ({"window": '"C12-PLASTIC"'}, "window = 'C12-PLASTIC' must be 'C12-PLAST', 'C12-SOLV'"),
    ({"window": '"C1-MOL"'}, "window = 'C1-MOL' must be"),
    ({"window": '"C12-PLAST"', **CLAIM_9}, "window = 'C12-PLAST' must be given when there is no claim"),
    ({}, "window must be given when there is no claim"),
]


@pytest.mark.parametrize(("changed", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_a_waiver_that_is_no_good_is_refused_with_file_key_and_value(tmp_path, changed, said):
    path = waived(tmp_path, changed)
    with pytest.raises(BadInput) as refusal:
        check_recipe(path, TODAY)
    assert any("w0.toml" in problem and said in problem for problem in refusal.value.problems), refusal.value.problems


def test_a_waiver_that_is_not_there_or_there_twice_is_refused(tmp_path):
    path = waived(tmp_path, CLAIM_9, CLAIM_9)
    with pytest.raises(BadInput, match="waives claim 9, which another waiver of this recipe does already"):
        check_recipe(path, TODAY)
    (tmp_path / "w0.toml").unlink()
    with pytest.raises(BadInput, match=r"w0\.toml: cannot be read"):
        check_recipe(path, TODAY)


def test_a_waiver_is_good_until_its_last_day(tmp_path):
    path = waived(tmp_path, CLAIM_9)
    assert check_recipe(path, datetime.date(2026, 1, 31)).exit_code is CheckExit.MET
    with pytest.raises(BadInput, match="is over"):
        check_recipe(path, datetime.date(2026, 2, 1))


def test_the_record_and_the_page_of_a_batch_show_the_waivers_and_the_hash_of_each_certificate(tmp_path):
    path = tmp_path / "journal.sqlite"
    write_batch(path, Plan(heating_min=0.5, running_min=1, completing_min=1))
    journal = Journal.open(path)
    report = check_recipe(RECIPES / "r1_blend.toml", TODAY)
    keep_plan(journal, report, BEGIN_US)
    journal.commit()
    journal.close()
    with reading(path) as connection:
        actions = fetch(connection, "SELECT who, what, why, new_value FROM action")
        text = page(connection, LINE)
    assert actions[0][:2] == ("K. Lang, lead", "waiver of claim 9") and "lifts" in actions[0][3]
    told = {what: new for _who, what, _why, new in actions[1:]}
    assert told.keys() == {"certificate of lot CG-2405", "certificate of lot HP-2311"}
    assert (
        hashlib.sha256((RECIPES / "lots" / "HP-2311.toml").read_bytes()).hexdigest()
        in told["certificate of lot HP-2311"]
    )
    waivers = text[text.index("<h2>Waivers</h2>") : text.index("<h2>Trends</h2>")]
    assert all(word in waivers for word in ("K. Lang, lead", "claim 9", "until 2028-12-31", "the laboratory reports"))


def test_the_check_shows_who_waived_what_until_when_and_why():
    shown = " ".join(_run("check", RECIPES / "r1_blend.toml").output.split())
    assert "Waiver of claim 9 by K. Lang, lead, until 2028-12-31" in shown and "the laboratory reports" in shown


SUPERSEDES = """
[supersedes]
certificate = "CM-2403.toml"
sha256 = "{sha256}"
person = "M. Ito"
reason = "measured again"
"""


def superseding(tmp_path: Path, **changed: str) -> Path:
    """R1 that names a second certificate, which supersedes the first one."""
    path = _copy(tmp_path, {LOT: "lots/new.toml"})
    old = tmp_path / LOT
    told = SUPERSEDES.format(sha256=hashlib.sha256(old.read_bytes()).hexdigest())
    text = old.read_text(encoding="utf-8") + told
    for before, after in changed.items():
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "lots" / "new.toml").write_text(text, encoding="utf-8")
    return path


def test_a_certificate_that_supersedes_another_is_the_evidence(tmp_path):
    path = superseding(tmp_path)
    report = check_recipe(path, TODAY)
    assert report.exit_code is CheckExit.MET
    assert report.papers.sha256.keys() == {"lots/new.toml"}


def test_a_superseded_certificate_is_refused_with_the_one_to_name(tmp_path):
    path = superseding(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("lots/new.toml", LOT), encoding="utf-8")
    with pytest.raises(
        BadInput, match=r"CM-2403\.toml is superseded by new\.toml \(M\. Ito: measured again\): name that"
    ):
        check_recipe(path, TODAY)


def test_a_certificate_that_was_edited_after_it_was_superseded_is_found(tmp_path):
    path = superseding(tmp_path)
    old = tmp_path / LOT
    old.write_text(old.read_text(encoding="utf-8") + "# better\n", encoding="utf-8")
    with pytest.raises(
        BadInput, match=r"new\.toml: supersedes\.sha256 is not that of CM-2403\.toml, .*: it was edited"
    ):
        check_recipe(path, TODAY)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('certificate = "CM-2403.toml"', 'certificate = "none.toml"', "'none.toml' is no other file beside it"),
        ('certificate = "CM-2403.toml"', 'certificate = "new.toml"', "'new.toml' is no other file beside it"),
        ('certificate = "CM-2403.toml"', 'certificate = "../r1.toml"', "supersedes.certificate = '../r1.toml'"),
        ("date = 2024-03-12", "date = 2023-03-12", "date = 2023-03-12 is before that of CM-2403.toml, 2024-03-12"),
        ('person = "M. Ito"', "", "supersedes.person is missing"),
    ],
)
def test_a_certificate_that_cannot_supersede_is_refused_with_what_is_wrong(tmp_path, before, after, said):
    path = superseding(tmp_path, **{before: after})
    with pytest.raises(BadInput) as refusal:
        check_recipe(path, TODAY)
    assert any("new.toml" in problem and said in problem for problem in refusal.value.problems), refusal.value.problems


def test_a_certificate_supersedes_one_of_its_own_lot_only(tmp_path):
    path = superseding(tmp_path)
    other = (RECIPES / "lots" / "CA-2406.toml").read_bytes()
    (tmp_path / "lots" / "CA-2406.toml").write_bytes(other)
    new = tmp_path / "lots" / "new.toml"
    old_sha256 = hashlib.sha256((tmp_path / LOT).read_bytes()).hexdigest()
    text = new.read_text(encoding="utf-8").replace(old_sha256, hashlib.sha256(other).hexdigest())
    new.write_text(text.replace('certificate = "CM-2403.toml"', 'certificate = "CA-2406.toml"'), encoding="utf-8")
    with pytest.raises(BadInput, match="is of lot CA-2406, not CM-2403"):
        check_recipe(path, TODAY)
