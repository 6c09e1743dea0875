"""The control kernel against simple-pid on the same 32-bit MicroPython, and against its own equations in floats."""

import subprocess
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from hil_tests.bench.interpreters import cached
from spinline.recipe.scaling import mantissa_shift
from spinline_firmware.control import pid
from tools.bench_row import Row, count_of
from tools.float_twin import FloatTwin

ROOT = Path(__file__).resolve().parents[1]
RUN_SECONDS_MAX = 300
SCAN_S = 0.25
AMBIENT_MC = 25000.0
# gain at full power (K), time constant and dead time (s): measured heaters of public configurations
HEATERS = ((350.0, 1500.0, 60.0), (288.0, 229.0, 10.1), (274.2, 701.2, 8.9), (830.5, 217.5, 3.5), (136.6, 448.4, 9.9))


def scan_cost() -> Sequence[Row]:
    """Time and bytes of one scan of one loop: minima of interleaved rounds."""
    peer = str(distribution("simple-pid").locate_file(""))
    program = ROOT / "firmware/tests/kernel_cost.py"
    rounds_n = count_of(30, 300)
    done = subprocess.run(
        [*cached("i386").command, str(program), str(ROOT), peer, str(rounds_n)],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        stdin=subprocess.DEVNULL,
        check=True,
    )
    told = {name: (float(ns), float(octets)) for name, ns, octets in map(str.split, done.stdout.splitlines())}
    (kernel_ns, _), (loops_ns, octets), (peer_ns, peer_octets) = told["kernel"], told["loops"], told["simple_pid"]
    return [
        Row(
            "control.scan_speedup_vs_simple_pid", peer_ns / kernel_ns, "x", "higher", rounds_n, "simple-pid", 1.0, 25.0
        ),
        Row("control.scan_ns", kernel_ns, "ns/loop", "lower", rounds_n, "simple-pid", peer_ns),
        Row("control.scan_loops_ns", loops_ns, "ns/loop", "lower", rounds_n, "simple-pid", peer_ns),
        Row("control.scan_bytes", octets, "bytes/loop", "lower", rounds_n, "simple-pid", peer_octets, 0.0),
    ]


@dataclass
class Heater:
    """First order with dead time, in mdegC; power from 0 to 65 536."""

    gain_mC: float
    tau_s: float
    late: deque[float]
    pv_mC: float = AMBIENT_MC

    def step(self, output: float) -> None:
        """One scan later."""
        self.late.append(output)
        asked = AMBIENT_MC + self.gain_mC * self.late.popleft() / 65536
        self.pv_mC += (asked - self.pv_mC) * SCAN_S / self.tau_s


def heater(gain_K: float, tau_s: float, theta_s: float) -> Heater:
    """A cold heater."""
    return Heater(1000 * gain_K, tau_s, deque([0.0] * round(theta_s / SCAN_S)))


def words_of(gain_K: float, tau_s: float, theta_s: float, ramp_K_min: float) -> dict[str, int]:
    """Parameters by SIMC for the heater, as the compiler lays them out."""
    gain = tau_s / (1000 * gain_K * (theta_s + max(theta_s, 4 * SCAN_S))) * 65536
    reset_s = min(tau_s, 8 * theta_s)
    (mp, sp), (mi, si) = mantissa_shift(gain), mantissa_shift(gain * SCAN_S / reset_s)
    (md, sd), (mt, st) = mantissa_shift(gain * theta_s / 3 / SCAN_S / 256), mantissa_shift(SCAN_S / reset_s)
    gains = {"mp": mp, "sp": sp, "mi": mi, "si": si, "md": md, "sd": sd, "mt": mt, "st": st}
    shape = {"action": 1, "b_256": 128, "kz": 8, "kd": 2, "out_low": 0, "out_high": 65536, "out_rate": 0}
    return {**gains, **shape, "ramp_256": round(ramp_K_min * 1000 / 60 * SCAN_S * 256)}


@dataclass
class TwinErrors:
    """Largest differences between kernel and float twin; output in counts, pv in mdegC.

    ``output``: both get the pv that the sensor delivers, whole mdegC, of the kernel's loop.  ``closed``: the twin has a
    loop of its own on an unrounded pv.  ``rounding``: what the rounding of the pv alone makes of it: a third twin,
    floats throughout, that reads its own pv in whole mdegC, against the second.
    """

    output: float = 0.0
    closed: float = 0.0
    rounding: float = 0.0
    pv_mC: float = 0.0

    def take(self, kernel: float, beside: float, exact: float, rounded: float, away_mC: float) -> None:
        """The outputs of one scan, and how far the kernel's plant is from the exact twin's."""
        self.output = max(self.output, abs(kernel - beside))
        self.closed = max(self.closed, abs(kernel - exact))
        self.rounding = max(self.rounding, abs(rounded - exact))
        self.pv_mC = max(self.pv_mC, abs(away_mC))


def twin_errors(case: tuple[float, float, float], ramp_K_min: float, scans_n: int) -> TwinErrors:
    """One heater by kernel and by twins: heat-up, and half way a step of 5 K."""
    words = words_of(*case, ramp_K_min)
    image = array("i", [0] * pid.BLOCK_WORDS)
    for name, word in words.items():
        image[getattr(pid, name.upper())] = word
    image[pid.MODE] = pid.AUTO
    by_kernel, by_exact, by_rounded = heater(*case), heater(*case), heater(*case)
    beside, exact, rounded = [FloatTwin(words, AMBIENT_MC) for _ in range(3)]
    target, errors = round(AMBIENT_MC + 400 * case[0]), TwinErrors()
    for scan in range(scans_n):
        if scan == scans_n // 2:
            target += 5000
        image[pid.TARGET], image[pid.PV] = target, round(by_kernel.pv_mC)
        pid.scan_pid(image, 0)
        by_words = beside.scan(float(image[pid.PV]), target)
        outputs = exact.scan(by_exact.pv_mC, target), rounded.scan(float(round(by_rounded.pv_mC)), target)
        by_kernel.step(image[pid.OUTPUT])
        by_exact.step(outputs[0])
        by_rounded.step(outputs[1])
        errors.take(image[pid.OUTPUT], by_words, *outputs, by_kernel.pv_mC - by_exact.pv_mC)
    return errors


def float_twin() -> Sequence[Row]:
    """The worst of all heaters: with setpoints that step, and with ramps."""
    scans_n = count_of(8000, 40000)
    steps = [twin_errors(case, 0.0, scans_n) for case in HEATERS]
    ramps = [twin_errors(case, ramp, scans_n) for case in HEATERS for ramp in (1.7, 18.0)]
    n, name = len(HEATERS) * scans_n, "control.float_twin_error"
    both = steps + ramps
    why = (
        "both get the whole mdegC that the sensor delivers; .closed: a twin with a loop of its own, on a pv not rounded"
    )
    closed = max(one.closed for one in both), "the float twin itself on whole mdegC", max(one.rounding for one in both)
    return [
        Row(name, max(one.output for one in steps), "1/65536", "lower", n, target=8.0, why=why),
        Row(f"{name}_ramp", max(one.output for one in ramps), "1/65536", "lower", n, target=40.0),
        Row(f"{name}_pv", max(one.pv_mC for one in both), "mdegC", "lower", n, target=2.0),
        Row(f"{name}.closed", closed[0], "1/65536", "lower", n, *closed[1:]),
    ]


KERNEL = (("control.scan", scan_cost), ("control.float_twin_error", float_twin))
