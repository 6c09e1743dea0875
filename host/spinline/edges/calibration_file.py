"""Writes the calibrations of a line: the file beside the line file only grows, and is whole at every moment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from spinline.errors import BadFile
from spinline.recipe.calibration import Calibration, calibration_path, toml_of

HEAD = "# Calibrations: of an input the last one counts.  Written by `spinline commission`.\n"


def add_calibrations(line_path: Path, rows: Sequence[Calibration]) -> Path:
    """Add them behind those that are there; the path of the file.  BadFile where it cannot be written."""
    path = calibration_path(line_path)
    draft = path.with_suffix(".new")
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else HEAD
        with draft.open("w", encoding="utf-8") as file:
            file.write("\n".join([text, *[toml_of(row) for row in rows]]))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise BadFile(path, [f"cannot be written: {error.strerror or error}"]) from error
    return path
