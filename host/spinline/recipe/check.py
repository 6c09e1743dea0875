"""The check of a recipe before anything is downloaded: claims, windows, waivers, one exit code.

`judge_plan` is pure.  `check_recipe` reads the files and asks for today's date, and does nothing else.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path

from spinline.claims.evidence import Basis
from spinline.claims.judgement import ClaimVerdict, judge_claims
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import WindowRow
from spinline.recipe.certificate import Certificate
from spinline.recipe.models import Recipe, Waiver
from spinline.recipe.planned_evidence import planned_evidence
from spinline.recipe.planned_windows import planned_windows
from spinline.recipe.reading import read_certificates, read_recipe


class CheckExit(IntEnum):
    """Exit codes of `spinline check`."""

    MET = 0
    REFUSED = 1
    UNREADABLE = 2
    OPEN = 3


class WaiverEffect(StrEnum):
    """What a waiver does to the exit code.  It never changes a verdict."""

    LIFTS = "lifts"
    NOT_NEEDED = "not needed"
    VOID = "void"


@dataclass(frozen=True)
class CheckReport:
    """A checked plan.  `certificates` by lot, `claims` by number; waivers with what they do."""

    recipe_path: Path
    recipe: Recipe
    certificates: Mapping[str, Certificate]
    claims: Mapping[int, ClaimVerdict]
    windows: tuple[WindowRow, ...]
    basis: Basis = Basis.PLANNED

    @property
    def required(self) -> tuple[ClaimVerdict, ...]:
        """The claims the recipe is meant to meet, in its order."""
        return tuple(self.claims[claim] for claim in self.recipe.recipe.required_claims)

    @property
    def waivers(self) -> tuple[tuple[Waiver, WaiverEffect], ...]:
        """Each waiver with its effect: void on FAIL, not needed on a claim that is met or not required."""
        return tuple((waiver, self._effect(waiver)) for waiver in self.recipe.waiver)

    def _effect(self, waiver: Waiver) -> WaiverEffect:
        verdict = self.claims[waiver.claim].verdict
        if verdict is Verdict.FAIL:
            return WaiverEffect.VOID
        required = waiver.claim in self.recipe.recipe.required_claims
        return WaiverEffect.LIFTS if verdict.is_open and required else WaiverEffect.NOT_NEEDED

    @property
    def failed_claims(self) -> tuple[ClaimVerdict, ...]:
        """Required claims that fail."""
        return tuple(claim for claim in self.required if claim.verdict is Verdict.FAIL)

    @property
    def failed_windows(self) -> tuple[WindowRow, ...]:
        """Windows that refuse the recipe."""
        return tuple(row for row in self.windows if row.counts and row.verdict is Verdict.FAIL)

    @property
    def open_claims(self) -> tuple[ClaimVerdict, ...]:
        """Required claims that are UNKNOWN or AMBIGUOUS and that no waiver lifts."""
        lifted = {waiver.claim for waiver, effect in self.waivers if effect is WaiverEffect.LIFTS}
        return tuple(claim for claim in self.required if claim.verdict.is_open and claim.claim not in lifted)

    @property
    def exit_code(self) -> CheckExit:
        """REFUSED before OPEN before MET.  AT_LIMIT warns; preferred and example windows never count."""
        if self.failed_claims or self.failed_windows:
            return CheckExit.REFUSED
        return CheckExit.OPEN if self.open_claims else CheckExit.MET


def judge_plan(
    recipe_path: Path, recipe: Recipe, certificates: Mapping[str, Certificate], today: datetime.date
) -> CheckReport:
    """The report on a recipe and its certificates (by lot), as known on the day `today`.  Pure."""
    evidence = planned_evidence(recipe, certificates, today)
    windows = planned_windows(recipe, evidence, certificates)
    return CheckReport(recipe_path, recipe, certificates, judge_claims(evidence), windows)


def check_recipe(recipe_path: Path, today: datetime.date) -> CheckReport:
    """Read a recipe and the certificates it names, and judge the plan as known on the day `today`.

    Raises BadInput (BadFile for one file) with every problem found: the input is refused whole.
    """
    recipe = read_recipe(recipe_path)
    certificates = read_certificates(recipe, recipe_path)
    return judge_plan(recipe_path, recipe, certificates, today)
