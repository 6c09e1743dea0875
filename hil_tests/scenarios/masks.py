"""Faults that nobody on the line can know of: what was recorded, or what arrived, is wrong by what the catalogue says.

The distortion is calculated here anew from what was true; what the bench laid has to be the same.
"""

from __future__ import annotations

from hil_tests.bench.faults import Fault
from hil_tests.bench.injector import Shown
from hil_tests.bench.run import START_US, BenchRun
from spinline.record.series import series

CODES_K = 128  # of a thermocouple's converter
NEAR = 3.0  # codes: rounding of converter, scale and record
SEEN = 6.0  # codes on the mean that are no rounding
SHIFTS = (-2, -1, 0, 1, 2)  # scans by which the journal's time may be off the bench's
LEAST_N = 100
LEAST_US = 8_000_000  # of a record before and behind the beginning of a fault


def mask_shows(run: BenchRun, fault: Fault, place: str, from_us: int) -> str:
    """What is wrong with the mask of a fault; empty where all is as the catalogue says."""
    assert fault.mask
    if fault.mask.kind == "frozen":
        return frozen(run, place, from_us, fault.mask.size)
    rows = run.injector.shown[fault.id, place]
    if len(rows) < LEAST_N:
        return f"only {len(rows)} numbers went through it"
    off = [abs(row.shown - row.true) for row in rows]
    if fault.mask.kind == "stands":
        moved = len({row.shown for row in rows}) > 1
        return "it moved" if moved else "" if max(off) > fault.mask.size else f"nothing else was asked for: {max(off)}"
    expected = expected_of(rows, fault.mask.kind, fault.mask.size)
    worst = max(abs(row.shown - one) for row, one in zip(rows, expected, strict=True))
    if worst > NEAR:
        return f"{worst:.1f} codes from what a {fault.mask.kind} of {fault.mask.size:g} makes of the truth"
    if sum(off) / len(off) < SEEN:
        return f"it shows the truth: {sum(off) / len(off):.1f} codes"
    return not_recorded(run, place, rows, from_us) if fault.id[0] == "S" else ""


def frozen(run: BenchRun, place: str, from_us: int, most_n: float) -> str:
    """Empty where the recorded number has stood from a second after the fault on, though the true one had not."""
    different_n = []
    for at_us in (from_us - LEAST_US, from_us + 1_000_000):
        begin_us = START_US + at_us
        _times, numbers, _qualities = series(run.journal_path, f"{place}.pv", begin_us, begin_us + LEAST_US)
        different_n.append(len(set(numbers)))
    return "" if different_n[0] > 3 and 0 < different_n[1] <= most_n else f"{different_n} different numbers"


def expected_of(rows: list[Shown], kind: str, size: float) -> list[float]:
    """What a mask makes of what was true."""
    if kind == "drift":
        return [row.true + size * CODES_K * (row.ms - rows[0].ms) / 3_600_000 for row in rows]
    if kind == "age":
        told = []
        for row in rows:
            past = [one.true for one in rows if one.ms <= row.ms - 1000 * size]
            told.append(float(past[-1] if past else rows[0].true))
        return told
    assert kind == "lag"
    follows = [float(rows[0].true)]
    for before, row in zip(rows, rows[1:], strict=False):
        step = (row.ms - before.ms) / 1000 / size
        follows.append((follows[-1] + step * row.true) / (1 + step))  # implicit Euler: near enough at so small steps
    return follows


def not_recorded(run: BenchRun, place: str, rows: list[Shown], from_us: int) -> str:
    """Empty where the journal holds what the converter showed, not what was true."""
    _times, recorded_C, _qualities = series(run.journal_path, f"{place}.pv", START_US + from_us)
    apart = {"shown": [row.shown for row in rows], "true": [row.true for row in rows]}
    worst = {name: min(_apart_K(recorded_C, codes, shift) for shift in SHIFTS) for name, codes in apart.items()}
    return "" if worst["shown"] < 0.01 < worst["true"] else f"recorded: {worst}"


def _apart_K(recorded_C: list[float], codes: list[int], shift: int) -> float:
    """Mean distance of two series."""
    pairs = list(zip(recorded_C[max(0, -shift) :], codes[max(0, shift) :], strict=False))
    return sum(abs(one_C - code / CODES_K) for one_C, code in pairs) / len(pairs)
