"""Configuration rows by name, with quiet defaults, for tests on CPython and MicroPython.  Tests nothing itself."""

from spinline_protocol.configuration import (
    ALL_STATES,
    GAINS,
    INPUT,
    INTERLOCK,
    LOOP,
    MONITOR,
    NODE,
    OUTPUT,
    PERMISSIVE,
    TABLES,
)

QUIET_INPUT = {"quantity": 1, "scale_m": 1, "low": -200000, "high": 500000, "raw_low": -524288, "raw_high": 524287}
QUIET_INPUT.update({"warn_low": -524288, "warn_high": 524287, "partner": -1})
QUIET_LOOP = {
    "master": -1,
    "quantity": 1,
    "setpoint_high": 250000,
    "ff_loop": -1,
    "action": 1,
    "auto_states": ALL_STATES,
    "mp": 1024,
    "sp": 8,
    "mi": 64,
    "si": 8,
    "mt": 64,
    "st": 8,
    "b_256": 256,
    "kz": 3,
    "out_high": 65536,
}
QUIET_OUTPUT = {"loop": -1, "sign": 1, "gain_m": 2048, "gain_s": 11}
QUIET_MONITOR = {"input": -1, "output": -1, "states": ALL_STATES, "action": 4, "ambient": 25000}
QUIET_MONITOR.update(filter_k=5, dead_steps=28, rate_m=3030, rate_s=15, gain_m=3254, gain_s=14)
QUIET_MONITOR.update(action_open=1, action_break=1, action_sensor=2)
QUIET_MONITOR.update(limit_q12=1024, delay_steps=3, share_q12=2048, bias_256=175)
QUIET_NODE = {"node": 1, "scan_ms": 100, "lease_ms": 2000, "hold_max_s": 2, "runout_s": 1}
QUIET_NODE.update(stop_max_s=3, alone_max_s=3600)


def _row(fields, quiet, named):  # type: ignore[no-untyped-def]
    known = [field[0] for field in fields]
    for name in named:
        assert name in known, name
    return tuple([named.get(name, quiet.get(name, 0)) for name in known])


def input_row(**named: int) -> "tuple[int, ...]":
    """A thermocouple whose raw number is its value."""
    return _row(INPUT, QUIET_INPUT, named)


def loop_row(**named: int) -> "tuple[int, ...]":
    """A PI loop on input 0 that controls in every state."""
    return _row(LOOP, QUIET_LOOP, named)


def output_row(**named: int) -> "tuple[int, ...]":
    """A time-proportioned output without a loop."""
    return _row(OUTPUT, QUIET_OUTPUT, named)


def interlock_row(**named: int) -> "tuple[int, ...]":
    """An alarm on input 0 in every state, at once."""
    return _row(INTERLOCK, {"action": 1, "states": ALL_STATES, "share_q12": 4096, "eased_loop": -1}, named)


def monitor_row(**named: int) -> "tuple[int, ...]":
    """A heater monitor of loop 0 with every rule asleep but the observer: 165 K, 1860 s, 28 s, one step a second."""
    return _row(MONITOR, QUIET_MONITOR, named)


def permissive_row(**named: int) -> "tuple[int, ...]":
    """Input 0 above 0 for nothing yet."""
    return _row(PERMISSIVE, {}, named)


def gains_row(**named: int) -> "tuple[int, ...]":
    """A set of loop 0, chosen by the working setpoint, with the gains of a quiet loop."""
    quiet = {name: QUIET_LOOP[name] for name in QUIET_LOOP if name in [field[0] for field in GAINS]}
    quiet["input"] = -1
    return _row(GAINS, quiet, named)


def whole_set(*tables):  # type: ignore[no-untyped-def]
    """Tables in the order of their numbers, and those that are not given without rows."""
    return list(tables) + [[] for _ in range(len(TABLES) - len(tables))]


def node_row(**named: int) -> "tuple[int, ...]":
    """A node that scans ten times a second."""
    return _row(NODE, QUIET_NODE, named)
