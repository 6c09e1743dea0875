"""A linear model from the record of an experiment: what went out, what came back.

Output-error fit: for trial lags and a trial dead time the model's answer to the recorded output is linear in gain,
offset and what was under way at the beginning; these are solved for at once, and the search runs over times alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.signal import lfilter

from spinline.tuning.model import LinearModel, Real

SAMPLES_N_MAX = 1500
RIDGE = 1e-10  # two columns that are alike must not end the search


@dataclass(frozen=True)
class Record:
    """Scans of an experiment: ``output`` in fractions (-1 to 1), applied at the scan that measured ``pv``."""

    scan_s: float
    output: Real
    pv: Real


@dataclass(frozen=True)
class Identified:
    """The model, the rms of what it does not explain (unit of the pv), and the gain below 0 as a part of that above."""

    model: LinearModel
    residual: float
    explained: float
    cooling_ratio: float = 1.0


def _lagged(course: Real, lag_s: float, scan_s: float, held: bool) -> Real:
    """First-order lag from rest, of an input that is held for a scan, or that goes straight from scan to scan."""
    if lag_s <= 0:
        return course
    kept = math.exp(-scan_s / lag_s)
    mean = (1 - kept) * lag_s / scan_s
    found: Real = lfilter([0.0, 1 - kept] if held else [1 - mean, mean - kept], [1.0, -kept], course)
    return found


def _delayed(course: Real, dead_s: float, scan_s: float) -> Real:
    """Dead time of any length; before the record the output was what it is at its beginning: 0 here."""
    whole, part = divmod(dead_s / scan_s, 1.0)
    shifted = np.concatenate((np.zeros(int(whole) + 1), course))[: len(course) + 1]
    found: Real = shifted[1:] * (1 - part) + shifted[:-1] * part
    return found[: len(course)]


def _columns(record: Record, lags_s: tuple[float, ...], dead_s: float, split: bool) -> tuple[Real, ...]:
    """What pv is made of, each from rest: the answers to the output (of either sign), an offset, what was under way."""
    scan_s, start = record.scan_s, record.output[0]
    courses = [np.maximum(record.output, 0), np.minimum(record.output, 0)] if split else [record.output]
    answers = []
    for course in courses:
        moved = course - (max(start, 0) if split and course is courses[0] else min(start, 0) if split else start)
        slow = _delayed(moved, dead_s, scan_s)
        for i, lag_s in enumerate(lags_s):
            slow = _lagged(slow, lag_s, scan_s, held=i == 0)
        answers.append(slow)
    time_s = np.arange(len(record.pv)) * scan_s
    return (*answers, np.ones(len(time_s)), np.exp(-time_s / max(lags_s[0], scan_s)))


def _fit(record: Record, lags_s: tuple[float, ...], dead_s: float, split: bool) -> tuple[Real, float]:
    matrix = np.column_stack(_columns(record, lags_s, dead_s, split))
    size = np.sqrt(np.einsum("ij,ij->j", matrix, matrix)) + 1e-300
    matrix /= size  # columns of one size: then the normal equations are good enough, and twice as fast
    normal = matrix.T @ matrix
    normal.flat[:: len(size) + 1] += RIDGE
    solved = np.linalg.solve(normal, matrix.T @ record.pv)
    left = record.pv - matrix @ solved
    return solved / size, math.sqrt(float(left @ left) / len(left))


def thinned(record: Record) -> Record:
    """The same with fewer scans where there are very many: means of neighbours."""
    every = max(1, len(record.pv) // SAMPLES_N_MAX)
    if every == 1:
        return record
    count = len(record.pv) // every * every
    output, pv = (course[:count].reshape(-1, every).mean(axis=1) for course in (record.output, record.pv))
    return Record(record.scan_s * every, output, pv)


def identify(record: Record, period_s: float, split: bool = False) -> Identified:
    """Two lags and a dead time that explain the record best.  ``period_s`` is the length of one cycle in it."""
    short = thinned(record)

    def times(logs: Real) -> tuple[tuple[float, ...], float]:
        slow_s, fast_s, dead_s = np.exp(logs)
        return (float(max(slow_s, fast_s)), float(min(slow_s, fast_s))), float(dead_s)

    def cost(logs: Real) -> float:
        lags_s, dead_s = times(logs)
        if dead_s > period_s or lags_s[0] > 1000 * period_s:
            return 1e6
        solved, left = _fit(short, lags_s, dead_s, split)
        return math.log(left + 1e-9) + (1e3 if solved[0] <= 0 else 0.0)

    best: tuple[float, Real] | None = None
    for slow, fast, dead in ((1.0, 0.03, 0.2), (8.0, 0.05, 0.15), (3.0, 0.15, 0.1)):
        logs = np.log(np.array([slow * period_s, fast * period_s, dead * period_s]))
        found = minimize(cost, logs, method="Nelder-Mead", options={"xatol": 0.01, "fatol": 1e-5, "maxfev": 220})
        if best is None or found.fun < best[0]:
            best = (float(found.fun), found.x)
    assert best is not None
    lags_s, dead_s = times(best[1])
    solved, left = _fit(short, lags_s, dead_s, split)
    late_s = (short.scan_s - record.scan_s) / 2  # a mean of neighbours stands for their middle, not for the first
    model = LinearModel(float(solved[0]), lags_s, dead_s + late_s)
    moved = float(np.std(short.pv))
    return Identified(model, left, 1 - (left / moved) ** 2, float(solved[1] / solved[0]) if split else 1.0)


def answer(record: Record, found: Identified, split: bool) -> Real:
    """What the model makes of the recorded output, with the offset and the beginning that fit best."""
    matrix = np.column_stack(_columns(record, found.model.lags_s, found.model.dead_s, split))
    solved, *_ = np.linalg.lstsq(matrix, record.pv, rcond=None)
    course: Real = matrix @ solved
    return course
