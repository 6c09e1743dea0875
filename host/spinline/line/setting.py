"""The recipe in force of a running batch, and what another number of it would change.  Pure.

A change is judged as `spinline check` judges a recipe, claims, waivers and windows alike; then both recipes are
compiled, and what differs in more than setpoints needs a stop.  The limits that the nodes hold stay those of the recipe
the batch began with.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spinline.claims.catalog import window
from spinline.errors import BadInput, Refused
from spinline.recipe.check import CheckExit, judge_plan
from spinline.recipe.compiler import DRAW_DOWN_MAX, NodeConfiguration, compile_node
from spinline.recipe.conclusion import conclusion
from spinline.recipe.line_check import check_on_line
from spinline.recipe.line_model import Line
from spinline.recipe.models import Recipe
from spinline.recipe.papers import Papers
from spinline.recipe.reading import problems_of
from spinline_protocol import configuration as tables

Words = tuple[int, ...]
_FIELDS = [row[0] for row in tables.TABLES[tables.TABLE_LOOP][2]]
KIND, RATIO, TARGET = (_FIELDS.index(name) for name in ("kind", "ratio_q12", "setpoint"))
LOW, HIGH = (_FIELDS.index(name) for name in ("setpoint_low", "setpoint_high"))
RATIO_MAX = 65_535  # in 1/4096, of any loop (table `loop`, ratio_q12)
LIMITS = (  # that come from the recipe: the take-up's at which the jet would draw in resonance
    (tables.TABLE_LOOP, "setpoint_high"),
    (tables.TABLE_INTERLOCK, "limit"),
)
KEPT_PERCENT = 5  # a node may keep a limit that is wider than the new recipe's by so much
assert DRAW_DOWN_MAX * (100 + KEPT_PERCENT) <= 100 * float(window("E-DDR-CRIT").high or 0), "resonance stays away"
HEADER = "recipe"  # names and claims of the recipe: no number of the line
OF_HEADER = ("recipe.version", "recipe.author")  # what of it a whole recipe may change in a run


@dataclass(frozen=True)
class Setpoint:
    """One number for one loop, in the node's whole unit (a ratio in 1/4096): what it is to be, and what it was."""

    node: str
    loop: str
    loop_i: int
    number: int
    before: int


@dataclass(frozen=True)
class Changed:
    """A key of the recipe with its words before and after."""

    key: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """A recipe that may be in force next, the keys it changes, and the setpoints that makes."""

    recipe: Recipe
    keys: tuple[Changed, ...]
    setpoints: tuple[Setpoint, ...]


class Setting:
    """``recipe`` is the one in force.  ``today`` is the day on which its papers are judged."""

    def __init__(self, line: Line, path: Path, recipe: Recipe, papers: Papers, today: datetime.date) -> None:
        self._line, self._path, self._papers, self._today = line, path, papers, today
        self.recipe = recipe
        self._begun = recipe  # the nodes hold its configuration to the end of the batch

    def restore(self, changes: Iterable[Iterable[tuple[str, str]]]) -> tuple[Recipe, Change] | None:
        """What an earlier supervisor set: keys and values of each change, in order.

        Returns the newest change, of which nobody knows whether it reached the nodes, and the recipe before it.
        """
        newest = None
        for numbers in changes:
            before = self.recipe
            for key, value in numbers:
                self.recipe = self._with(key, value)
            newest = before, Change(self.recipe, _changed(before, self.recipe), ())
        if newest is None:
            return None
        before, change = newest
        return before, replace(change, setpoints=tuple(self._setpoints(before, self.recipe)))

    def with_value(self, key: str, value: str) -> Recipe:
        """The recipe in force with another value.  Raises Refused naming key, value and what is allowed."""
        known = dict(_flat(self.recipe))
        if key not in known or key.startswith(f"{HEADER}."):
            allowed = [name for name in known if not name.startswith(f"{HEADER}.")]
            close = get_close_matches(key, allowed, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise Refused(f"{key!r} is no key of the recipe{hint} (allowed: {', '.join(allowed)})")
        return self._with(key, value)

    def _with(self, key: str, value: str) -> Recipe:
        content = self.recipe.model_dump()
        *sections, name = key.split(".")
        table = content
        for section in sections:
            table = table[section]
        table[name] = _like(table[name], key, value)
        try:
            return Recipe.model_validate(content)
        except ValidationError as refusal:
            raise Refused("; ".join(problems_of(refusal, Recipe))) from None

    def plan(self, recipe: Recipe) -> Change:
        """What this recipe would change.  Raises Refused where it may not be in force, or needs a stop."""
        keys = _changed(self.recipe, recipe)
        if not keys:
            raise Refused("the recipe in force has these numbers already")
        self._refuse_fixed([row.key for row in keys], dict(_flat(self.recipe)), dict(_flat(recipe)))
        report = judge_plan(self._path, recipe, self._papers, self._today)
        if report.exit_code is not CheckExit.MET:
            raise Refused(conclusion(report))
        setpoints = tuple(self._setpoints(self.recipe, recipe))
        problems = check_on_line(recipe, self._line).problems
        if problems:
            raise Refused("; ".join(problems))
        if not setpoints:
            named = ", ".join(row.key for row in keys)
            raise Refused(f"{named} changes no setpoint of a node: it needs a new batch")
        return Change(recipe, keys, setpoints)

    def _refuse_fixed(self, changed: Iterable[str], before: Mapping[str, object], after: Mapping[str, object]) -> None:
        """Lots, claims, names and what is there or not stay as they are to the end of a batch."""
        for key in changed:
            of_header = key.startswith(f"{HEADER}.")
            scalar = all(isinstance(table.get(key), Decimal | int | str) for table in (before, after))
            if not scalar or (of_header and key not in OF_HEADER):
                raise Refused(f"{key} cannot change in a run: it needs a new batch")
            if of_header and self._papers.waivers:
                raise Refused(f"{key} cannot change in a run: its waivers are for version {before['recipe.version']}")

    def _setpoints(self, was: Recipe, new: Recipe) -> Iterator[Setpoint]:
        for node in self._line.node:
            try:
                compiled = [compile_node(self._line, node, one) for one in (self._begun, was, new)]
            except BadInput as refusal:
                raise Refused("; ".join(refusal.problems)) from None
            yield from _between(*compiled)


def sha256_of(recipe: Recipe) -> str:
    """Hash (hex) of everything a recipe says, whatever file it came from."""
    return hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()


def _flat(recipe: Recipe) -> Iterator[tuple[str, object]]:
    """Keys as a person writes them, with their values; tables that are listed are one value."""

    def walk(prefix: str, content: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
        for name, value in content.items():
            if isinstance(value, dict):
                yield from walk(f"{prefix}{name}.", value)
            elif value is not None:
                yield f"{prefix}{name}", value

    return walk("", recipe.model_dump())


def _changed(was: Recipe, new: Recipe) -> tuple[Changed, ...]:
    before, after = dict(_flat(was)), dict(_flat(new))
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return tuple(Changed(key, str(before.get(key)), str(after.get(key))) for key in changed)


def _like(old: object, key: str, value: str) -> object:
    """A written value in the kind of the one that stands there."""
    try:
        if isinstance(old, bool):
            return {"true": True, "false": False}[value]
        if isinstance(old, int):
            return int(value)
        return Decimal(value) if isinstance(old, Decimal) else value
    except (InvalidOperation, KeyError, ValueError):
        raise Refused(f"{key} = {value!r} is not of the kind of {old}") from None


def _between(held: NodeConfiguration, was: NodeConfiguration, new: NodeConfiguration) -> Iterator[Setpoint]:
    """Setpoints that differ from those that ``was`` has.  Raises Refused where anything differs from what is held."""
    if len(held.rows) != len(new.rows):
        raise Refused(f"{held.name}: another number of rows needs a stop and a new batch")
    of_table: dict[int, int] = {}
    for (table, held_words), (_, old_words), (_, words) in zip(held.rows, was.rows, new.rows, strict=True):
        row_i = of_table.get(table, 0)
        of_table[table] = row_i + 1
        at = None
        if table == tables.TABLE_LOOP:
            at = RATIO if words[KIND] == tables.RATIO_LOOP else TARGET
        _refuse_other(held, (table, row_i), held_words, words, at)
        if at is not None and old_words[at] != words[at]:
            _refuse_beyond(held, row_i, held_words, words[at], at)
            yield Setpoint(held.name, held.row_names[table, row_i], row_i, words[at], old_words[at])


def _refuse_beyond(held: NodeConfiguration, row_i: int, held_words: Words, number: int, at: int) -> None:
    """Raises Refused where the node that holds these limits would refuse the setpoint."""
    low, high = (0, RATIO_MAX) if at == RATIO else (held_words[LOW], held_words[HIGH])
    if not low <= number <= high:
        name = held.row_names[tables.TABLE_LOOP, row_i]
        raise Refused(f"{held.name}.{name}: the node takes {low} to {high} of its whole units, not {number}")


def _refuse_other(
    held: NodeConfiguration, place: tuple[int, int], held_words: Words, words: Words, setpoint_at: int | None
) -> None:
    """Raises Refused where a row differs in more than its setpoint and a limit that may be kept."""
    table = place[0]
    for i, (old, new) in enumerate(zip(held_words, words, strict=True)):
        name = tables.TABLES[table][2][i][0]
        kept = (table, name) in LIMITS and 100 * new >= (100 - KEPT_PERCENT) * old
        if old != new and i != setpoint_at and not kept:
            row = f"{held.name}: {tables.TABLES[table][1]} {held.row_names.get(place, f'row {place[1]}')}"
            raise Refused(f"{row}: {name} from {old} to {new} is more than a setpoint: it needs a stop and a new batch")
