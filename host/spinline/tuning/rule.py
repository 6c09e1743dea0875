"""Robust gains for a model: the smallest load IAE that keeps its margins where model and plant differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from spinline.tuning.margin import load_iae, margins, output_noise
from spinline.tuning.model import Gains, LinearModel, Real

MS_MAX = 1.59
MT_MAX = 1.8
MS_OFF_MAX = 1.99  # with gain and dead time both larger by this:
OFF_BY = 1.25
FILTER_SHARE = 10  # each of the two filters lasts at most this part of Td
FILTER_K_MAX = 7

# theta / tau, Kc * gain, Ti / theta, Td / theta: the best robust PID (max(Ms, Mt) 1.59, filter Td/10) of FOPDT models
START = (
    (0.005, 119.0, 3.3, 0.41),
    (0.02, 29.8, 3.1, 0.41),
    (0.05, 12.0, 2.71, 0.40),
    (0.1, 6.09, 2.35, 0.40),
    (0.2, 3.15, 2.07, 0.40),
    (0.5, 1.38, 1.51, 0.34),
    (1.0, 0.81, 1.07, 0.33),
    (2.0, 0.54, 0.74, 0.31),
)


@dataclass(frozen=True)
class Robustness:
    """What a tuning must keep: Ms and Mt nominal, Ms with gain and dead time larger by ``off_by``, output noise."""

    Ms: float = MS_MAX
    Mt: float = MT_MAX
    Ms_off: float = MS_OFF_MAX
    off_by: float = OFF_BY
    noise: float = 0.0  # standard deviation of the pv
    output_noise: float = 0.04  # what it may make of the output, in fractions


def filter_k(td_s: float, scan_s: float) -> int:
    """Filters as long as the derivative bears: 2^k scans each, a share of Td."""
    if td_s <= 0:
        return 0
    return max(0, min(FILTER_K_MAX, math.floor(math.log2(max(td_s / FILTER_SHARE / scan_s, 1.0)))))


def first_gains(model: LinearModel, scan_s: float) -> Gains:
    """Where the search begins: the model as first order with dead time, by Skogestad's half rule."""
    lags = sorted(model.lags_s, reverse=True)
    dead_s = (
        model.dead_s + scan_s / 2 + sum(lags[2:]) + (lags[1] / 2 if len(lags) > 1 else 0.0) + max(0.0, -model.zero_s)
    )
    dead_s = max(dead_s, 2 * scan_s)
    tau_s = (lags[0] if lags else 0.0) + (lags[1] / 2 if len(lags) > 1 else 0.0)
    ratio = 0.005 if model.integrating else min(max(dead_s / max(tau_s, 1e-9), START[0][0]), START[-1][0])
    table = np.array(START)
    k, ti, td = (float(np.interp(math.log(ratio), np.log(table[:, 0]), column)) for column in np.log(table[:, 1:].T))
    gain = model.gain * dead_s * 0.6 if model.integrating else model.gain
    kc = 0.6 / gain if model.integrating else 0.7 * math.exp(k) / gain
    return Gains(kc, 1.25 * math.exp(ti) * dead_s, math.exp(td) * dead_s, filter_k(math.exp(td) * dead_s, scan_s))


def robust_gains(model: LinearModel, scan_s: float, more_dead_s: float = 0.0, keep: Robustness | None = None) -> Gains:
    """The gains of the smallest load IAE among those that keep the margins.  ``model`` gain above 0."""
    keep = keep or Robustness()
    start = first_gains(model, scan_s)
    off = model.off_by(keep.off_by, keep.off_by)

    k = start.filter_k

    def gains_of(logs: Real) -> Gains:
        kc, ti_s, td_s = np.exp(logs)
        return Gains(float(kc), float(ti_s), float(td_s), k)

    def cost(logs: Real) -> float:
        gains = gains_of(logs)
        nominal = margins(model, gains, scan_s, more_dead_s)
        if not nominal.stable:
            return 1e3 + float(logs[0])
        above = max(0.0, nominal.Ms - keep.Ms) + max(0.0, nominal.Mt - keep.Mt)
        above += max(0.0, margins(off, gains, scan_s, more_dead_s * keep.off_by).Ms - keep.Ms_off)
        if keep.noise:
            above += max(0.0, math.log(output_noise(gains, scan_s, keep.noise) / keep.output_noise))
        return math.log(load_iae(model, gains, scan_s)) + 20 * above

    at = np.log([start.Kc, start.Ti_s, start.Td_s])
    found = [backed_off(start, model, scan_s, more_dead_s, keep)]
    for size in (0.3, 0.2, 0.1):  # a simplex that has collapsed on a limit begins anew
        simplex = np.vstack([at, at + size * np.array([[-1, 0, 0], [0, 1, 0], [0, 0, -1]])])
        options = {"xatol": 0.003, "fatol": 0.001, "maxfev": 150, "initial_simplex": simplex}
        at = minimize(cost, at, method="Nelder-Mead", options=options).x
        found.append(backed_off(gains_of(at), model, scan_s, more_dead_s, keep))
        k = filter_k(math.exp(at[2]), scan_s)
    kept = [gains for gains in found if keeps(gains, model, scan_s, more_dead_s, keep)]
    return min(kept or found, key=lambda gains: load_iae(model, gains, scan_s))


def keeps(gains: Gains, model: LinearModel, scan_s: float, more_dead_s: float, keep: Robustness) -> bool:
    """True where the gains keep every margin on this model."""
    nominal = margins(model, gains, scan_s, more_dead_s)
    off = model.off_by(keep.off_by, keep.off_by)
    off_by = margins(off, gains, scan_s, more_dead_s * keep.off_by)
    quiet = output_noise(gains, scan_s, keep.noise) <= 1.01 * keep.output_noise
    return quiet and nominal.Ms <= keep.Ms and nominal.Mt <= keep.Mt and off_by.Ms <= keep.Ms_off


def backed_off(gains: Gains, model: LinearModel, scan_s: float, more_dead_s: float, keep: Robustness) -> Gains:
    """The same with less gain until every margin is kept: the search may end a hair beyond."""
    for _ in range(100):
        if keeps(gains, model, scan_s, more_dead_s, keep):
            break
        gains = Gains(gains.Kc * 0.97, gains.Ti_s * 1.005, gains.Td_s, gains.filter_k)
    return gains
