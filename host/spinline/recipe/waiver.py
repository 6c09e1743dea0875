"""A waiver file: a lead lets a recipe run although evidence is missing, or outside a claimed window of the process.

A waiver changes no verdict.  One of missing evidence is void where the evidence on file says FAIL; one of a window is
for what the recipe itself asks, never for what a laboratory found.
"""

import datetime
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, Strict, ValidationInfo, field_validator

from spinline.recipe.fields import Day, Table, Text

ClaimNumber = Annotated[int, Strict(), Field(ge=1, le=12)]
ProcessWindow = Literal["C12-PLAST", "C12-SOLV", "C12-COOLASYM", "C12-EXTRACT", "C12-STRETCH"]

EVIDENCE_OF: Mapping[str, str] = {
    "C12-PLAST": "plasticizer_parts",
    "C12-SOLV": "solvent_parts",
    "C12-COOLASYM": "cooling_asymmetry",
    "C12-EXTRACT": "extracted_share",
    "C12-STRETCH": "stretch_ratio",
}
"""Field of the process evidence that a window is about."""
assert set(get_args(ProcessWindow)) == set(EVIDENCE_OF)


class Waiver(Table):
    """One waiver file: of a ``claim`` whose ``missing_evidence`` is named, or of a ``window``; never both.

    ``recipe`` and ``version`` are of the one recipe it is for; ``until`` is its last day, ``signed`` the day on which
    the ``person`` signed it.
    """

    recipe: Text
    version: Annotated[int, Strict(), Field(ge=1)]
    claim: ClaimNumber | None = None
    window: Annotated[ProcessWindow | None, Field(validate_default=True)] = None
    missing_evidence: Annotated[Text | None, Field(validate_default=True)] = None
    person: Text
    role: Literal["lead"]
    signed: Day
    until: Day
    reason: Text

    @field_validator("window")
    @classmethod
    def _claim_or_window(cls, window: str | None, told: ValidationInfo) -> str | None:
        if "claim" in told.data and (window is None) == (told.data["claim"] is None):
            raise ValueError("must be given when there is no claim, and must not be given beside a claim")
        return window

    @field_validator("missing_evidence")
    @classmethod
    def _what_is_missing(cls, missing: str | None, told: ValidationInfo) -> str | None:
        if "claim" in told.data and (missing is None) == (told.data["claim"] is not None):
            raise ValueError("must be given beside a claim, and beside nothing else")
        return missing

    @field_validator("until")
    @classmethod
    def _signed_before(cls, until: datetime.date, told: ValidationInfo) -> datetime.date:
        signed = told.data.get("signed")
        if signed is not None and until < signed:
            raise ValueError(f"is before the day it was signed, {signed}")
        return until

    @property
    def names(self) -> str:
        """What it waives, for people: "claim 9", "window C12-PLAST"."""
        return f"window {self.window}" if self.claim is None else f"claim {self.claim}"

    @property
    def what(self) -> str:
        """The evidence that is missing, or what the recipe may leave."""
        return self.missing_evidence or f"the recipe leaves {self.window}"

    def problem(self, recipe: str, version: int, today: datetime.date) -> str | None:
        """Why it is not for this recipe on this day, with key and value; None where it is."""
        if self.recipe != recipe:
            return f"recipe = {self.recipe!r} is another recipe (this is {recipe!r})"
        if self.version != version:
            return f"version = {self.version} is another version of {recipe} (this is {version})"
        if self.signed > today:
            return f"signed = {self.signed} is after today, {today}"
        if self.until < today:
            return f"until = {self.until} is over (today is {today})"
        return None
