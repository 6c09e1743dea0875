"""Reads one file of ours as its model.

A file is refused whole, with all its problems at once: key, what stands there, what may.
"""

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from spinline.errors import BadFile
from spinline.recipe.certificate import Certificate
from spinline.recipe.models import Recipe

FILE_BYTES_MAX = 1_000_000

Model = TypeVar("Model", bound=BaseModel)

_UNIT_SUFFIXES = (
    "_Ncm3_min",
    "_wt_percent",
    "_L_min",
    "_g_min",
    "_m_min",
    "_K_min",
    "_dl_g",
    "_g_dl",
    "_MPa",
)
_LIMIT_WORDS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
_LIMIT_TEXT = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise BadFile(path, [f"is longer than {FILE_BYTES_MAX} bytes"])
        return _tables(raw.decode("utf-8"), path)
    except OSError as error:
        raise BadFile(path, [f"cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise BadFile(path, [f"is not TOML: {error}"]) from error


def _tables(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadFile(path, [f"is not TOML: {error}"]) from error


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation) if get_origin(annotation) is not Literal else ():
        yield from _models_in(inner)


def _table_model(model: type[BaseModel], keys: tuple[int | str, ...]) -> type[BaseModel]:
    """The model of the table in which the last of `keys` stands."""
    for key in keys[:-1]:
        if isinstance(key, str) and key in model.model_fields:
            model = next(_models_in(model.model_fields[key].annotation), model)
    return model


def _path_text(keys: tuple[int | str, ...]) -> str:
    """A key as a person finds it: "melt.z1_temperature_C", "resin 2: share"."""
    text = ""
    for key in keys:
        text += f" {key + 1}:" if isinstance(key, int) else f"{' ' if text.endswith(':') else '.' if text else ''}{key}"
    return text


def _stem(key: str) -> str:
    for suffix in _UNIT_SUFFIXES:
        if key.endswith(suffix):
            return key.removesuffix(suffix)
    return key.rpartition("_")[0]


def _unknown_key(key: str, allowed: list[str]) -> str:
    """Why this key is refused, what was probably meant, and what may stand there."""
    same_quantity = [name for name in allowed if _stem(name) and _stem(name) == _stem(key)]
    close = get_close_matches(key, allowed, n=1)
    if same_quantity:
        hint = f"; the unit is part of the key: write {same_quantity[0]}"
    else:
        hint = f"; did you mean {close[0]}?" if close else ""
    return f"is not a key of this table{hint} (allowed: {', '.join(allowed)})"


def _problem(error: ErrorDetails, model: type[BaseModel]) -> str:
    keys = error["loc"]
    where, kind, written = _path_text(keys), error["type"], error["input"]
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{where} {_unknown_key(str(keys[-1]), list(_table_model(model, keys).model_fields))}"
    if kind == "missing":
        return f"{where} is missing"
    if kind == "value_error":
        shown = "" if isinstance(written, list | dict | tuple) or written is None else f" = {_shown(written)}"
        return f"{where}{shown} {context['error']}"
    if kind in _LIMIT_WORDS:
        word = _LIMIT_WORDS[kind]
        return f"{where} = {_shown(written)} must be {_LIMIT_TEXT[word]} {context[word]}"
    if kind == "literal_error":
        return f"{where} = {_shown(written)} must be {context['expected']}"
    return f"{where} = {_shown(written)}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _shown(written: object) -> str:
    text = repr(written) if isinstance(written, str) else str(written)
    return text if len(text) <= 60 else f"{text[:57]}..."


def problems_of(refusal: ValidationError, model: type[BaseModel]) -> list[str]:
    """Every problem of a refused table as one sentence each, in the order of the keys."""
    return [_problem(error, model) for error in refusal.errors(include_url=False)]


def _validated(model: type[Model], tables: Mapping[str, Any], path: Path) -> Model:
    try:
        return model.model_validate(tables)
    except ValidationError as refusal:
        raise BadFile(path, problems_of(refusal, model)) from refusal


def read_recipe(path: Path) -> Recipe:
    """The recipe in the file.  Raises BadFile with every problem found."""
    return _validated(Recipe, _toml(path), path)


def recipe_of(text: str, path: Path) -> Recipe:
    """The recipe in this text; ``path`` names it in problems.  Raises BadFile with every problem found."""
    return _validated(Recipe, _tables(text, path), path)


def read_certificate(path: Path) -> Certificate:
    """The certificate in the file.  Raises BadFile with every problem found."""
    return _validated(Certificate, _toml(path), path)


def read_model(path: Path, model: type[Model]) -> Model:
    """Any other file of ours as its model.  Raises BadFile with every problem found."""
    return _validated(model, _toml(path), path)
