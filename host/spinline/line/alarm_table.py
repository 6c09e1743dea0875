"""What each alarm is: read from a table that asks for cause, consequence, action and time to respond of every one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

PRIORITIES = {"high": 1, "medium": 2, "low": 3}
Words = Annotated[str, Field(min_length=8)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Definition:
    """One kind of alarm.  ``of``: rows of the cause-and-effect table, codes of events, or names of the host's own.

    Priority 1 is the highest.  Times in s: within ``respond_s`` a person has to have acted; a point is raised when it
    stood for ``on_delay_s`` and has returned when it was gone for ``off_delay_s``.  ``deadband`` is in the unit of a
    number that ``tag`` has, ``above`` or ``below`` a limit.  ``suppressed_in`` are states of the batch.
    """

    of: tuple[str, ...]
    title: Words
    cause: Words
    consequence: Words
    action: Words
    respond_s: Annotated[int, Field(gt=0, le=86400)]
    priority: Annotated[int, Field(ge=1, le=3)]
    on_delay_s: Annotated[float, Field(ge=0, le=3600)]
    off_delay_s: Annotated[float, Field(ge=0, le=3600)]
    deadband: Annotated[float, Field(ge=0)] = 0.0
    latches: bool = False
    suppressed_in: tuple[str, ...] = ()
    tag: str = ""
    above: float | None = None
    below: float | None = None

    def with_priority(self, word: str) -> Definition:
        """The same for a row of the line file that says high, medium or low itself."""
        return replace(self, priority=PRIORITIES[word])


@cache
def definitions() -> Mapping[str, Definition]:
    """Every alarm by what it is of.  A table that names one twice, or lacks a word, is a fault of the house."""
    text = resources.files("spinline.line").joinpath("alarms.toml").read_text(encoding="utf-8")
    rows = TypeAdapter(tuple[Definition, ...]).validate_python(tomllib.loads(text)["alarm"])
    found: dict[str, Definition] = {}
    for row in rows:
        for of in row.of:
            assert of not in found, f"two alarms are of {of}"
            found[of] = row
    return found
