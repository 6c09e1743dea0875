"""How well the robust gains reject a load, with the integer kernel in the loop, beside the best robust PID there is.

The denominator is the smallest load IAE of any PID (derivative filter Td / 10, no sampling) of Ms and Mt up to 1.59.
E4, E9, E10 and E11 are Skogestad's processes (J. Plant Control 13, 2003); the heaters were measured and published by
owners of 3D printers.  One time unit of the E processes is taken as 10 s, and 100 degC as full output.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.optimize import minimize

from spinline.recipe.compiler import FULL_SCALE
from spinline.recipe.scaling import mantissa_shift
from spinline.tuning.margin import margins
from spinline.tuning.model import Complex, Gains, LinearModel, Real
from spinline.tuning.rule import START, first_gains, robust_gains
from spinline_firmware.control import pid
from tools.bench_row import Row

SCANS_S = (0.25, 0.1)  # of the melt node, and of a faster one
MS_REFERENCE = 1.59
IAE_TARGET_X = 1.3
MS_TARGET = 1.6
MS_OFF_TARGET = 2.0
PROCESSES = {
    "E4": LinearModel(100, (10, 10, 10, 10), 0),
    "E9": LinearModel(100, (10, 10), 10),
    "E10": LinearModel(100, (200, 20), 10),
    "E11": LinearModel(100, (60, 20, 20), 10, -10),
    **{
        f"heater{i}": LinearModel(gain, (lag_s,), dead_s)
        for i, (gain, lag_s, dead_s) in enumerate(
            [(830.5, 217.5, 3.5), (314.3, 87.8, 2.3), (489.1, 165.7, 3.1), (274.2, 701.2, 8.9), (540.8, 217.6, 4.7),
             (138.8, 685.9, 3.3), (474.8, 134.2, 2.9), (136.6, 448.4, 9.9), (288, 229, 10.1)]
        )
    },
}  # fmt: skip


def scan_s(model: LinearModel) -> float:
    """A scan is at most a twentieth of the dead time; the fastest node where there is none."""
    return next((scan for scan in SCANS_S if scan <= model.slowness_s / 20), SCANS_S[-1])


def continuous(gains: Gains, frequency: Real) -> Complex:
    """The parallel PID of the literature: derivative filter Td / 10, no sampling."""
    s = 1j * frequency
    found: Complex = gains.Kc * (1 + 1 / (s * gains.Ti_s) + s * gains.Td_s / (1 + s * gains.Td_s / 10))
    return found


def continuous_robustness(model: LinearModel, gains: Gains) -> float:
    """The larger of Ms and Mt; 99 where the loop is unstable."""
    frequency = np.geomspace(1e-2 / (gains.Ti_s + model.slowness_s), 300 / model.slowness_s, 500)
    loop = model.response(frequency) * continuous(gains, frequency)
    away = 1 + loop
    if abs(float(np.angle(away[0]) + np.angle(away[1:] / away[:-1]).sum())) > math.pi:
        return 99.0
    return float(max((1 / np.abs(away)).max(), (np.abs(loop) / np.abs(away)).max()))


def continuous_iae(model: LinearModel, gains: Gains) -> float:
    """Load IAE of the same, by the response's Fourier series."""
    period_s = 40 * max(gains.Ti_s, 2 * model.slowness_s)
    frequency = 2 * math.pi * np.arange(1, 2049) / period_s
    closed = model.response(frequency) / (1 + model.response(frequency) * continuous(gains, frequency))
    course = np.fft.irfft(np.concatenate(([gains.load_ie], closed / (1j * frequency))), 4096) * 4096 / period_s
    return float(np.abs(course).sum() * period_s / 4096)


def of_logs(logs: Real) -> Gains:
    """Gains of the logarithms of Kc, Ti and Td."""
    kc, ti_s, td_s = np.exp(logs)
    return Gains(float(kc), float(ti_s), float(td_s), 0)


@cache
def best_iae(model: LinearModel) -> float:
    """The smallest load IAE of a robust PID, by searches from several beginnings."""

    def cost(logs: Real) -> float:
        gains = of_logs(logs)
        size = continuous_robustness(model, gains)
        if size >= 99:
            return 1e3 + float(logs[0])
        return math.log(continuous_iae(model, gains)) + 50 * max(0.0, size - MS_REFERENCE)

    first = first_gains(model, scan_s(model))
    dead_s = model.slowness_s
    starts = [(first.Kc, first.Ti_s, first.Td_s)]
    lag_s = max(model.lags_s)
    starts += [
        (0.7 * k / model.gain, ti * dead_s, td * dead_s)
        for ratio, k, ti, td in START
        if 0.3 < ratio / (dead_s / lag_s) < 3
    ]
    best = (math.inf, np.zeros(3))
    for start in starts:
        at = np.log(start)
        for size in (0.4, 0.3, 0.2, 0.1):
            simplex = np.vstack([at, at + size * np.array([[-1, 0, 0], [0, 1, 0], [0, 0, 1]])])
            found = minimize(cost, at, method="Nelder-Mead", options={"maxfev": 250, "initial_simplex": simplex})
            at = found.x
            best = min(best, (float(found.fun), at), key=lambda pair: pair[0])
    return continuous_iae(model, of_logs(best[1]))


def block_of(gains: Gains, scan: float) -> list[int]:
    """A block of the kernel in AUTO at 100 degC, its pv in thousandths, as the compiler makes it."""
    counts = FULL_SCALE / 1000
    tracking_s = math.sqrt(gains.Ti_s * gains.Td_s) if gains.Td_s else gains.Ti_s
    block = [0] * pid.BLOCK_WORDS
    block[pid.MODE], block[pid.ACTION], block[pid.TARGET] = pid.AUTO, 1, 100_000
    for at, gain in (
        (pid.MP, gains.Kc * counts),
        (pid.MI, gains.Kc * counts * scan / gains.Ti_s),
        (pid.MD, gains.Kc * counts * gains.Td_s / scan / 256),
        (pid.MT, min(1.0, scan / tracking_s)),
    ):
        block[at], block[at + 1] = mantissa_shift(gain)
    block[pid.B_256], block[pid.KZ], block[pid.KD] = 256, 5, gains.filter_k
    block[pid.OUT_LOW], block[pid.OUT_HIGH] = -FULL_SCALE, FULL_SCALE
    return block


def quantised(gains: Gains, scan: float) -> Gains:
    """The gains that the kernel's whole numbers really are."""
    block, counts = block_of(gains, scan), FULL_SCALE / 1000
    p, i, d = (block[at] / 2.0 ** block[at + 1] / counts for at in (pid.MP, pid.MI, pid.MD))
    return Gains(p, p * scan / i, d * scan * 256 / p if p else 0.0, gains.filter_k)


class Plant:
    """A linear model in time, its input held for a scan; exact for each lag."""

    def __init__(self, model: LinearModel, scan: float) -> None:
        self._model, self._kept = model, [math.exp(-scan / lag_s) for lag_s in model.lags_s]
        self._lags = [0.0] * len(model.lags_s)
        whole, self._part = divmod(model.dead_s / scan, 1.0)
        self._waiting = [0.0] * (int(whole) + 2)
        self._at = 0

    def step(self, output: float) -> float:
        """The pv a scan later, from rest at 0."""
        self._waiting[self._at] = output
        count = len(self._waiting)
        newest, oldest = self._waiting[(self._at + 2) % count], self._waiting[(self._at + 1) % count]
        self._at = (self._at + 1) % count
        course = self._model.gain * (newest * (1 - self._part) + oldest * self._part)
        for i, kept in enumerate(self._kept):
            before = self._lags[i]
            self._lags[i] = course + (before - course) * kept
            if i == 0 and self._model.zero_s:  # the lag's own slope at the end of the scan, exactly
                course = self._lags[i] + self._model.zero_s * (course - self._lags[i]) / self._model.lags_s[0]
            else:
                course = self._lags[i]
        return course


def kernel_iae(model: LinearModel, gains: Gains, load: float = 0.1) -> float:
    """Load IAE for a load of full output, of the integer kernel closing the loop around the process."""
    scan = scan_s(model)
    block, process = block_of(gains, scan), Plant(model, scan)
    scans = round(25 * max(gains.Ti_s, 3 * model.slowness_s) / scan)
    block[pid.PV], total = 100_000, 0.0
    for _ in range(scans):
        pid.scan_pid(block, 0)
        away = process.step(block[pid.OUTPUT] / FULL_SCALE + load)
        block[pid.PV] = 100_000 + round(away * 1000)
        total += abs(away)
    return total * scan / load


def simc(model: LinearModel) -> Gains:
    """SIMC for the half-rule model, PI (Skogestad 2003)."""
    lags = sorted(model.lags_s, reverse=True)
    rest = lags[1] / 2 if len(lags) > 1 else 0.0
    tau_s, dead_s = lags[0] + rest, model.dead_s + rest + sum(lags[2:]) + max(0.0, -model.zero_s)
    return Gains(tau_s / (2 * dead_s * model.gain), min(tau_s, 8 * dead_s), 0.0, 0)


def amigo(model: LinearModel) -> Gains:
    """AMIGO PID for the half-rule model (Astrom and Hagglund, Advanced PID Control, eq. 7.5)."""
    lags = sorted(model.lags_s, reverse=True)
    rest = lags[1] / 2 if len(lags) > 1 else 0.0
    tau_s, dead_s = lags[0] + rest, model.dead_s + rest + sum(lags[2:]) + max(0.0, -model.zero_s)
    kc = (0.2 + 0.45 * tau_s / dead_s) / model.gain
    ti_s = dead_s * (0.4 * dead_s + 0.8 * tau_s) / (dead_s + 0.1 * tau_s)
    return Gains(kc, ti_s, 0.5 * dead_s * tau_s / (0.3 * dead_s + tau_s), 0)


def load_iae_ratio() -> Sequence[Row]:
    """The worst of all processes, each process, and the two rules of the textbooks (without sampling) beside it."""
    name, rows, worst = "control.load_iae_ratio", [], 0.0
    for process, model in PROCESSES.items():
        best = best_iae(model)
        ratio = kernel_iae(model, robust_gains(model, scan_s(model))) / best
        worst = max(worst, ratio)
        rows.append(
            Row(f"{name}.{process}", ratio, "x", "lower", 1, "AMIGO", continuous_iae(model, amigo(model)) / best)
        )
        rows.append(
            Row(f"{name}.{process}.simc", ratio, "x", "lower", 1, "SIMC", continuous_iae(model, simc(model)) / best)
        )
    return [Row(name, worst, "x", "lower", len(PROCESSES), "the best PID with Ms 1.59", 1.0, IAE_TARGET_X), *rows]


def ms_max() -> Sequence[Row]:
    """Ms with the same gains as the kernel holds them, and with gain and dead time both 25 % larger."""
    nominal, off = [], []
    for model in PROCESSES.values():
        scan = scan_s(model)
        gains = quantised(robust_gains(model, scan), scan)
        nominal.append(margins(model, gains, scan).Ms)
        off.append(margins(model.off_by(1.25, 1.25), gains, scan).Ms)
    count = len(PROCESSES)
    return [
        Row("control.ms_max", max(nominal), "", "lower", count, target=MS_TARGET),
        Row("control.ms_max.gain_and_dead_time_25_percent_more", max(off), "", "lower", count, target=MS_OFF_TARGET),
    ]
