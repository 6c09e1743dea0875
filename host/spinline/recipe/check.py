"""The check of a recipe before anything is downloaded: claims, windows, waivers, one exit code.

`judge_plan` is pure.  `check_recipe` reads the files and asks for today's date, and does nothing else.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

from spinline.claims.catalog import window
from spinline.claims.evidence import Basis, MembraneEvidence, Reading
from spinline.claims.judgement import ClaimVerdict, judge_claims
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import WindowRow
from spinline.recipe.models import Recipe
from spinline.recipe.papers import Papers, read_papers
from spinline.recipe.planned_evidence import planned_evidence
from spinline.recipe.planned_windows import planned_windows
from spinline.recipe.reading import read_recipe
from spinline.recipe.waiver import EVIDENCE_OF, Waiver


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
    """A checked plan.  `claims` by number, as they are; `rest` as they were if every waived window were met."""

    recipe_path: Path
    recipe: Recipe
    papers: Papers
    claims: Mapping[int, ClaimVerdict]
    rest: Mapping[int, ClaimVerdict]
    windows: tuple[WindowRow, ...]
    basis: Basis = Basis.PLANNED

    @property
    def required(self) -> tuple[ClaimVerdict, ...]:
        """The claims the recipe is meant to meet, in its order."""
        return tuple(self.claims[claim] for claim in self.recipe.recipe.required_claims)

    @property
    def waivers(self) -> tuple[tuple[Waiver, WaiverEffect], ...]:
        """Each waiver with its effect: void on FAIL of what evidence says, not needed where nothing is to be lifted."""
        return tuple((waiver, self._effect(waiver)) for waiver in self.papers.waivers)

    def _effect(self, waiver: Waiver) -> WaiverEffect:
        if waiver.claim is None:
            leaves = any(row.id == waiver.window and row.verdict is Verdict.FAIL for row in self.windows)
            return WaiverEffect.LIFTS if leaves else WaiverEffect.NOT_NEEDED
        verdict = self.rest[waiver.claim].verdict
        if verdict is Verdict.FAIL:
            return WaiverEffect.VOID
        required = waiver.claim in self.recipe.recipe.required_claims
        return WaiverEffect.LIFTS if verdict.is_open and required else WaiverEffect.NOT_NEEDED

    @property
    def failed_claims(self) -> tuple[ClaimVerdict, ...]:
        """Required claims that fail, also without the windows that were waived."""
        required = self.recipe.recipe.required_claims
        return tuple(self.claims[claim] for claim in required if self.rest[claim].verdict is Verdict.FAIL)

    @property
    def failed_windows(self) -> tuple[WindowRow, ...]:
        """Windows that refuse the recipe."""
        waived = {waiver.window for waiver in self.papers.waivers if waiver.window}
        failed = [row for row in self.windows if row.counts and row.verdict is Verdict.FAIL]
        return tuple(row for row in failed if window(row.id).guards not in waived)

    @property
    def open_claims(self) -> tuple[ClaimVerdict, ...]:
        """Required claims that are UNKNOWN or AMBIGUOUS and that no waiver lifts."""
        lifted = {waiver.claim for waiver, effect in self.waivers if effect is WaiverEffect.LIFTS}
        required = [self.rest[claim] for claim in self.recipe.recipe.required_claims]
        return tuple(claim for claim in required if claim.verdict.is_open and claim.claim not in lifted)

    @property
    def exit_code(self) -> CheckExit:
        """REFUSED before OPEN before MET.  AT_LIMIT warns; preferred and example windows never count."""
        if self.failed_claims or self.failed_windows:
            return CheckExit.REFUSED
        return CheckExit.OPEN if self.open_claims else CheckExit.MET


def judge_plan(recipe_path: Path, recipe: Recipe, papers: Papers, today: datetime.date) -> CheckReport:
    """The report on a recipe and its papers, as known on the day `today`.  Pure."""
    evidence = planned_evidence(recipe, papers.certificates, today)
    windows = planned_windows(recipe, evidence, papers.certificates)
    claims = judge_claims(evidence)
    waived = [waiver.window for waiver in papers.waivers if waiver.window]
    rest = judge_claims(_as_if_met(evidence, waived)) if waived else claims
    return CheckReport(recipe_path, recipe, papers, claims, rest, windows)


def _as_if_met(evidence: MembraneEvidence, waived: Sequence[str]) -> MembraneEvidence:
    """The same with a number well inside of each waived window."""
    numbers: dict[str, Any] = {}
    for name in waived:
        low, high = window(name).low, window(name).high
        assert low is not None, "claim 12 has a lower bound everywhere"
        inside = low + 1 if high is None else (low + high) / 2
        numbers[EVIDENCE_OF[name]] = Reading(inside, Decimal(0), f"waiver of {name}")
    return replace(evidence, process=replace(evidence.process, **numbers))


def check_recipe(recipe_path: Path, today: datetime.date) -> CheckReport:
    """Read a recipe and the papers it names, and judge the plan as known on the day `today`.

    Raises BadInput (BadFile for one file) with every problem found: the input is refused whole.
    """
    recipe = read_recipe(recipe_path)
    return judge_plan(recipe_path, recipe, read_papers(recipe, recipe_path, today), today)
