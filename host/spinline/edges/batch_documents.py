"""Puts what a batch is made by into its record, whole: recipe, lot certificates, line file, waivers."""

from __future__ import annotations

from pathlib import Path

from spinline.errors import BadFile
from spinline.recipe.models import Recipe
from spinline.record.store import Store

RECIPE, LOT, LINE, WAIVER = "recipe", "lot", "line", "waiver"


def add_documents(store: Store, at_us: int, recipe: Recipe, recipe_path: Path, line_path: Path) -> None:
    """One record for each file; ``recipe`` says which certificates and waivers ``recipe_path`` names.

    They wait for the next commit.  Raises BadFile where one cannot be read.
    """
    files = [(RECIPE, recipe.recipe.name, recipe_path), (LINE, line_path.stem, line_path)]
    files += [(LOT, lot.lot, recipe_path.parent / lot.certificate) for lot in recipe.resin if lot.certificate]
    files += [(WAIVER, name, recipe_path.parent / name) for name in recipe.recipe.waivers]
    texts = [(kind, name, _text(path)) for kind, name, path in files]
    for kind, name, text in texts:
        store.add_document(at_us, kind, name, text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadFile(path, [f"cannot be read: {problem}"]) from problem
