"""Calibrations of a line's inputs: what a reference instrument showed beside them, and the correction that follows.

They stand in a file beside the line file, LINE.calibration.toml, which only grows: of an input the last one counts.
True value = gain x shown + offset.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from spinline.errors import BadInput
from spinline.recipe.guard_model import Finite, Strict

GAIN_OFF_MAX = 0.05  # beyond these it is another sensor, or another place, and no calibration
OFFSET_SHARE_MAX = 0.03  # of the input's range
APART_SHARE_MIN = 0.2  # of the range: two points that are nearer give no gain
POINTS_MAX = 2

Text = Annotated[str, Field(min_length=1, max_length=200)]


class Calibration(Strict):
    """One calibration.  ``points`` are (shown, reference) in the input's unit; ``reference`` names the instrument."""

    input: Text  # NODE.INPUT
    unit: str
    gain: Finite = 1.0
    offset: Finite = 0.0
    points: tuple[tuple[Finite, Finite], ...]
    reference: Text
    who: Text
    date: Text  # ISO 8601, UTC

    @property
    def name(self) -> str:
        """What a record calls it."""
        return f"{self.input} {self.date}"


class CalibrationFile(Strict):
    """A whole file."""

    calibration: tuple[Calibration, ...] = ()


def calibration_path(line_path: Path) -> Path:
    """The file that belongs to a line file."""
    return line_path.with_suffix(".calibration.toml")


def correction(points: Sequence[tuple[float, float]], low: float, high: float) -> tuple[float, float]:
    """Gain and offset through one or two points (shown, reference) of an input with this range.

    BadInput where that is more than a calibration can be, or the points are too near for a gain.
    """
    if not 1 <= len(points) <= POINTS_MAX:
        raise BadInput([f"{len(points)} points; a calibration has one or two"])
    gain = 1.0
    if len(points) == POINTS_MAX:
        (shown_a, true_a), (shown_b, true_b) = points
        least = APART_SHARE_MIN * (high - low)
        if abs(shown_b - shown_a) < least:
            raise BadInput([f"the points are {abs(shown_b - shown_a):.4g} apart; for a gain they need {least:.4g}"])
        gain = (true_b - true_a) / (shown_b - shown_a)
    offset = points[0][1] - gain * points[0][0]
    most = OFFSET_SHARE_MAX * (high - low)
    off = max(abs((gain - 1) * shown + offset) for shown, _true in points)
    if abs(gain - 1) > GAIN_OFF_MAX:
        raise BadInput([f"a gain of {gain:.4f} is no calibration: {1 - GAIN_OFF_MAX:g} to {1 + GAIN_OFF_MAX:g}"])
    if not math.isfinite(off) or off > most:
        raise BadInput([f"{off:.4g} off is no calibration: at most {most:.4g}; look for a wrong sensor or place"])
    return gain, offset


def joined(first: tuple[float, float], then: tuple[float, float]) -> tuple[float, float]:
    """One correction for two, the second of what the first one gives."""
    return then[0] * first[0], then[0] * first[1] + then[1]


def toml_of(calibration: Calibration) -> str:
    """One entry of the file."""
    points = ", ".join(f"[{shown!r}, {true!r}]" for shown, true in calibration.points)
    words = [f"{key} = {_quoted(getattr(calibration, key))}" for key in ("input", "unit", "reference", "who", "date")]
    numbers = [f"gain = {calibration.gain!r}", f"offset = {calibration.offset!r}", f"points = [{points}]"]
    return "\n".join(["[[calibration]]", *words[:2], *numbers, *words[2:]]) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\' or ord(c) == 127 else c for c in text)
    return f'"{escaped}"'
