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


@dataclass(frozen=True)
class TwinErrors:
    """Largest differences between kernel and twin: output counts on the same pv; in closed loops of their own, too."""

    output: float
    closed_output: float
    closed_pv_mC: float


def twin_errors(case: tuple[float, float, float], ramp_K_min: float, scans_n: int) -> TwinErrors:
    """One twin reads what the kernel reads, whole mdegC; another closes a loop of its own on an unrounded pv."""
    words = words_of(*case, ramp_K_min)
    image = array("i", [0] * pid.BLOCK_WORDS)
    for name, word in words.items():
        image[getattr(pid, name.upper())] = word
    image[pid.MODE] = pid.AUTO
    by_kernel, by_twin = heater(*case), heater(*case)
    beside, twin = FloatTwin(words, AMBIENT_MC), FloatTwin(words, AMBIENT_MC)
    target, output_error, closed_error, pv_error = round(AMBIENT_MC + 400 * case[0]), 0.0, 0.0, 0.0
    for scan in range(scans_n):
        if scan == scans_n // 2:
            target += 5000
        image[pid.TARGET], image[pid.PV] = target, round(by_kernel.pv_mC)
        pid.scan_pid(image, 0)
        output_error = max(output_error, abs(image[pid.OUTPUT] - beside.scan(float(image[pid.PV]), target)))
        output = twin.scan(by_twin.pv_mC, target)
        closed_error = max(closed_error, abs(image[pid.OUTPUT] - output))
        by_kernel.step(image[pid.OUTPUT])
        by_twin.step(output)
        pv_error = max(pv_error, abs(by_kernel.pv_mC - by_twin.pv_mC))
    return TwinErrors(output_error, closed_error, pv_error)


def float_twin() -> Sequence[Row]:
    """The worst of all heaters: with setpoints that step, and with ramps."""
    scans_n = count_of(8000, 40000)
    steps = [twin_errors(case, 0.0, scans_n) for case in HEATERS]
    ramps = [twin_errors(case, ramp, scans_n) for case in HEATERS for ramp in (1.7, 18.0)]
    n, name = len(HEATERS) * scans_n, "control.float_twin_error"
    why = "the twin's own pv is not rounded; on the same whole mdegC: .same_pv"
    return [
        Row(name, max(one.closed_output for one in steps), "1/65536", "lower", n, target=8.0, why=why),
        Row(f"{name}_ramp", max(one.closed_output for one in ramps), "1/65536", "lower", n, target=40.0),
        Row(f"{name}_pv", max(one.closed_pv_mC for one in steps + ramps), "mdegC", "lower", n, target=2.0),
        Row(f"{name}.same_pv", max(one.output for one in steps), "1/65536", "lower", n),
    ]


KERNEL = (("control.scan", scan_cost), ("control.float_twin_error", float_twin))
