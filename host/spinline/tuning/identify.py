"""A linear model from the record of an experiment: what went out, what came back.

Output-error fit: for trial lags and a trial dead time the model's answer to the recorded output is linear in gain,
offset and what was under way at the beginning; these are solved for at once, and the search runs over times alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize
from scipy.signal import lfilter

from spinline.tuning.model import LinearModel, Real

SAMPLES_N_MAX = 1500
LAG_PERIODS_MAX = 1000.0
GRID_LAGS = ((0.1, 0.3, 1.0, 4.0, 20.0), (0.01, 0.05, 0.15))  # slow and fast, in periods
GRID_DEAD = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
STARTS_N = 4
ZERO_WORTH = 0.9  # of the residual without it
SPLIT_WORTH = 0.98  # likewise: else the record does not tell the sides apart, and the gain between them is taken
ZERO_PERIODS_MAX = 0.5
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
    split: bool = False  # a gain for each sign of the output


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


def _columns(record: Record, lags_s: tuple[float, ...], dead_s: float, split: bool, zero: bool) -> tuple[Real, ...]:
    """What pv is made of, each from rest: the answers to the output (of either sign), their slope where there is a
    zero, an offset, what was under way and a drift."""
    scan_s, start = record.scan_s, record.output[0]
    sides = [np.maximum, np.minimum] if split else [lambda course, _zero: course]
    answers = []
    for side in sides:
        slow = _delayed(side(record.output, 0) - side(start, 0), dead_s, scan_s)
        for i, lag_s in enumerate(lags_s):
            slow = _lagged(slow, lag_s, scan_s, held=i == 0)
        answers.append(slow)
    slopes = (np.gradient(answers[0], scan_s),) if zero else ()
    time_s = np.arange(len(record.pv)) * scan_s
    rest = (np.ones(len(time_s)), np.exp(-time_s / max(lags_s[0], scan_s)), time_s / time_s[-1] - 0.5)
    return (*answers, *slopes, *rest)


def _fit(
    record: Record, lags_s: tuple[float, ...], dead_s: float, split: bool, zero: bool = False
) -> tuple[Real, float]:
    matrix = np.column_stack(_columns(record, lags_s, dead_s, split, zero))
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


def _times(logs: Real) -> tuple[tuple[float, ...], float]:
    slow_s, fast_s, dead_s = np.exp(logs)
    return (float(max(slow_s, fast_s)), float(min(slow_s, fast_s))), float(dead_s)


def _searched(short: Record, period_s: float, split: bool, zero: bool) -> tuple[tuple[float, ...], float]:
    """Lags and dead time of the smallest residual: the best of a coarse grid for each dead time, then
    the simplex from the best of these: with a zero there are several valleys."""

    def cost(logs: Real) -> float:
        lags_s, dead_s = _times(logs)
        if dead_s > period_s or lags_s[0] > LAG_PERIODS_MAX * period_s:
            return 1e6
        solved, left = _fit(short, lags_s, dead_s, split, zero)
        unlikely = solved[0] <= 0 or (zero and abs(solved[1]) > ZERO_PERIODS_MAX * period_s * solved[0])
        return math.log(left + 1e-9) + (1e3 if unlikely else 0.0)

    lags = [parts for parts in product(*GRID_LAGS) if parts[0] > parts[1]]
    starts = [min((np.log(np.array((*pair, dead)) * period_s) for pair in lags), key=cost) for dead in GRID_DEAD]
    starts.sort(key=cost)
    options = {"xatol": 0.005, "fatol": 1e-5, "maxfev": 250}
    found = [minimize(cost, logs, method="Nelder-Mead", options=options) for logs in starts[:STARTS_N]]
    return _times(min(found, key=lambda one: float(one.fun)).x)


def identify(record: Record, period_s: float, split: bool = False) -> Identified:
    """Two lags and a dead time that explain the record best, and a zero where that explains much more.

    ``period_s`` is the length of one cycle in it; ``split``: a gain for the outputs of either sign where that explains
    more, instead of a zero.
    """
    short = thinned(record)
    found = _identified(record, short, _searched(short, period_s, False, False), False, False)
    if split:
        apart = _identified(record, short, _searched(short, period_s, True, False), True, False)
        return apart if apart.residual < SPLIT_WORTH * found.residual else found
    with_zero = _identified(record, short, _searched(short, period_s, False, True), False, True)
    return with_zero if with_zero.residual < ZERO_WORTH * found.residual else found


def _identified(
    record: Record, short: Record, times: tuple[tuple[float, ...], float], split: bool, zero: bool
) -> Identified:
    lags_s, dead_s = times
    solved, left = _fit(short, lags_s, dead_s, split, zero)
    late_s = (short.scan_s - record.scan_s) / 2  # a mean of neighbours stands for their middle, not for the first
    zero_s = float(solved[1] / solved[0]) if zero else 0.0
    model = LinearModel(float(solved[0]), lags_s, dead_s + late_s, zero_s)
    moved = float(np.std(short.pv))
    return Identified(model, left, 1 - (left / moved) ** 2, float(solved[1] / solved[0]) if split else 1.0, split)


def answer(record: Record, found: Identified) -> Real:
    """What the model makes of the recorded output, with the offset and the beginning that fit best."""
    model = found.model
    matrix = np.column_stack(_columns(record, model.lags_s, model.dead_s, found.split, model.zero_s != 0))
    solved, *_ = np.linalg.lstsq(matrix, record.pv, rcond=None)
    course: Real = matrix @ solved
    return course
