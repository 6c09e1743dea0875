"""Makes firmware/golden/pid_trace.csv: what goes into the PID kernel and what comes out, scan by scan.

A case is parameters and a course of (mode, target, manual, feed-forward, freeze); the pv comes from a small process
of first order with dead time, so that the trace reads like a loop.  The file holds both sides: a test needs only it.
"""

import binascii
import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from spinline_firmware.control import pid

TRACE = Path("firmware/golden/pid_trace.csv")
PARAMETERS = (
    "action mp sp mi si md sd mt st b_256 kz kd out_low out_high out_rate ramp_256 holdback soak_scans"
).split()
COMMANDS = ("mode", "target", "pv", "manual", "feed_forward", "freeze")
SHOWN = ("setpoint", "error", "p", "integral", "d", "before_limits", "output", "soaked")
SHOWN_AT = (pid.SETPOINT, pid.ERROR, pid.P_TERM, pid.INTEGRAL, pid.D_TERM, pid.BEFORE_LIMITS, pid.OUTPUT, pid.SOAKED)
HEAD = f"""# The PID kernel, scan by scan.  Made by `make golden`; read by the firmware's tests on both interpreters.
# A case has a name and parameters, then one line a scan:
#   {",".join(COMMANDS)} | {",".join(SHOWN)}
# and at its end the CRC-32 of the whole block of {pid.BLOCK_WORDS} words (32 bits, little endian) after every scan.
"""
ZONE = dict(
    zip(PARAMETERS, (1, 2517, 11, 2577, 15, 1575, 17, 2216, 15, 0, 4, 1, 0, 65536, 0, 25600, 2000, 20), strict=True)
)
FLOW = dict(zip(PARAMETERS, (1, 2684, 12, 2684, 13, 0, 0, 3277, 15, 256, 3, 0, 0, 65536, 0, 0, 0, 0), strict=True))
LARGEST = {"mp": 4095, "sp": 0, "mi": 4095, "si": 0, "md": 4095, "sd": 0, "mt": 4095, "st": 0}

Course = Callable[[int], tuple[int, int, int, int, int]]


@dataclass(frozen=True)
class Case:
    """One run: ``course(scan)`` gives mode, target, manual, feed-forward, freeze; ``pvs`` overrides the process."""

    name: str
    parameters: dict[str, int]
    scans: int
    course: Course
    start: int = 25000
    gain: int = 4  # pv units at full output, times 65 536, from the start value
    pvs: tuple[int, ...] = field(default=())


def _heat_up(scan: int) -> tuple[int, int, int, int, int]:
    return (2, 30000, 0, 0, int(30 <= scan < 40))


def _modes(scan: int) -> tuple[int, int, int, int, int]:
    mode = (0, 1, 2, 1, 2, 0, 2)[min(6, scan // 20)]
    return (mode, 40000, 20000 if scan < 50 else 70000, 0, 0)


def _steps(scan: int) -> tuple[int, int, int, int, int]:
    return (2, (16667, 30000, 100, 16667)[scan // 25 % 4], 0, (0, 5000, -5000)[scan // 40 % 3], 0)


def _extremes(scan: int) -> tuple[int, int, int, int, int]:
    return (2, 500000 if scan % 2 else -200000, -65536, 131072 if scan % 3 else -131072, 0)


CASES = (
    Case("heat-up of a zone: ramp, frozen ramp, holdback, soak", ZONE, 140, _heat_up),
    Case("setpoint weight one half", {**ZONE, "b_256": 128, "ramp_256": 0}, 60, _heat_up),
    Case("a flow: steps with feed-forward", FLOW, 100, _steps, start=0, gain=1),
    Case("modes: off, manual, automatic, manual, automatic, off, automatic", {**ZONE, "b_256": 256}, 140, _modes),
    Case("direct action, split range", {**ZONE, "action": -1, "out_low": -65536, "ramp_256": 0}, 60, _heat_up, gain=-4),
    Case("rate of the output limited", {**FLOW, "out_rate": 700}, 80, _steps, start=0, gain=1),
    Case("narrow limits, integral tracks back", {**FLOW, "out_low": 3000, "out_high": 9000}, 80, _steps, 0, 1),
    Case(
        "negative ramp in parts of a unit", {**ZONE, "ramp_256": 77, "holdback": 0}, 60, lambda i: (2, 24990, 0, 0, 0)
    ),
    Case(
        "extremes: largest gains, pv and target from end to end",
        {**ZONE, **LARGEST, "b_256": 0, "kz": 14, "kd": 0, "out_low": -65536, "ramp_256": 1 << 28, "holdback": 0},
        60,
        _extremes,
        pvs=(-200000, 500000, 500000, -200000, 0),
    ),
    Case(
        "extremes: largest shifts",
        {
            **ZONE,
            **LARGEST,
            "sp": 28,
            "si": 28,
            "sd": 28,
            "st": 28,
            "kz": 14,
            "kd": 7,
            "out_low": -65536,
            "ramp_256": 0,
        },
        60,
        _extremes,
        pvs=(-200000, 500000, 500000, -200000, 0),
    ),
    Case("gains of nothing", {**FLOW, "mp": 0, "mi": 0, "mt": 0}, 10, _steps, start=0),
)


def lines_of_case(case: Case) -> list[str]:
    """Run a case on the kernel; the lines of its trace."""
    image = array("i", [0] * pid.BLOCK_WORDS)
    for i, name in enumerate(PARAMETERS):
        image[pid.ACTION + i] = case.parameters[name]
    named = " ".join(f"{name}={case.parameters[name]}" for name in PARAMETERS)
    lines, crc = [f"case: {case.name}: {named}"], 0
    pv, late = case.start, [0] * 5
    for scan in range(case.scans):
        mode, target, manual, forward, freeze = case.course(scan)
        pv = case.pvs[scan % len(case.pvs)] if case.pvs else pv
        commands = (mode, target, pv, manual, forward, freeze)
        for offset, word in enumerate(commands):
            image[pid.MODE + offset] = word
        pid.scan_pid(image, 0)
        crc = binascii.crc32(struct.pack(f"<{pid.BLOCK_WORDS}i", *image), crc)
        lines.append(",".join(map(str, commands)) + " | " + ",".join(str(image[at]) for at in SHOWN_AT))
        late = [*late[1:], image[pid.OUTPUT]]
        pv += (case.start + case.gain * (late[0] >> 2) - pv) >> 4
    return [*lines, f"crc: {crc:08x}"]


def trace_text() -> str:
    """The golden file."""
    return HEAD + "\n".join(line for case in CASES for line in lines_of_case(case)) + "\n"


def make_trace() -> list[Path]:
    """Write the golden file."""
    TRACE.write_text(trace_text(), encoding="utf-8")
    return [TRACE]


assert PARAMETERS[0] == "action" and pid.SOAK_SCANS - pid.ACTION == len(PARAMETERS) - 1
