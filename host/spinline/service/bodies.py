"""What the interface takes and gives, as models: they make the OpenAPI and refuse a bad body whole.

Times are in us UTC, ``mode`` is simulated, bench or line and stands in every answer.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spinline.line.alarms import SHELF_S_MAX
from spinline.service.resuming import PROOF_DIGITS_N

Words = Annotated[str, Field(max_length=500, description="Why; the record keeps it.")]
NeededWords = Annotated[
    str, Field(min_length=1, max_length=500, pattern=r"\S", description="Why; the record keeps it.")
]
PointName = Annotated[
    str,
    Field(
        min_length=1, max_length=200, description="The alarm, as the list of alarms names it; for a reset a node, too."
    ),
]


class Body(BaseModel):
    """A body of a request: no key besides, no number as text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Why(Body):
    """A command with its reason, where one is needed or not."""

    why: Words = ""


class Note(Body):
    """A note needs words."""

    why: NeededWords


class Resume(Body):
    """A resume says what was shown before it: the ``shown`` of GET /resume."""

    shown: Annotated[str, Field(pattern=f"^[0-9a-f]{{{PROOF_DIGITS_N}}}$")]
    why: Words = ""


class Number(Body):
    """A key of the recipe and its value, as they are written in the file."""

    tag: Annotated[str, Field(min_length=1, max_length=100, description="As melt.z1_temperature_C.")]
    value: Annotated[str, Field(min_length=1, max_length=100)]
    why: NeededWords


class RecipeText(Body):
    """A whole recipe as TOML."""

    toml: Annotated[str, Field(min_length=1, max_length=200_000)]
    why: NeededWords


class OfAlarm(Body):
    """A command about one alarm."""

    point: PointName
    why: Words = ""


class OfAlarmWithReason(Body):
    """A command about one alarm that needs a reason."""

    point: PointName
    why: NeededWords


class Shelve(OfAlarmWithReason):
    """Out of sight for some time, in s, at most a shift."""

    seconds: Annotated[int, Field(ge=1, le=SHELF_S_MAX)]


class Answer(BaseModel):
    """A view; besides these it has the keys of its own."""

    model_config = ConfigDict(extra="allow")
    mode: Literal["simulated", "bench", "line"]
    at_us: int


class Done(BaseModel):
    """A command was done and is on the disk; the state of the batch after it."""

    mode: Literal["simulated", "bench", "line"]
    at_us: int
    what: str
    who: str
    state: str


class Person(BaseModel):
    """Who has this token, and what it may do here and on the wire."""

    mode: Literal["simulated", "bench", "line"]
    name: str
    role: str
    wire_role: str


class Problem(BaseModel):
    """Why not, in a sentence, and what is possible instead."""

    problem: str
    possible: list[str] = []


class BadBody(BaseModel):
    """What is wrong with a body, one entry for each key."""

    detail: list[dict[str, Any]]
