"""Simulated, bench or line: what a batch is made on, and what the nodes themselves say of that.  Pure.

A node's interpreter has its port compiled in (SPEC 5.5); only that of a simulated line is none of a board.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SIMULATED, BENCH, LINE = "simulated", "bench", "line"
MODES = (SIMULATED, BENCH, LINE)
SIMULATION_PORT = "linux"


def mode_problem(mode: str, node: str, port: str) -> str:
    """Why a node cannot be one of a line in this mode; empty where it can.  ``port`` as its IDENTITY tells it."""
    assert mode in MODES
    if mode == SIMULATED and port != SIMULATION_PORT:
        return f"{node}: is a board ({port}) and the mode is simulated (allowed: bench, line); it is given no order"
    if mode != SIMULATED and port == SIMULATION_PORT:
        return f"{node}: is a simulation and the mode is {mode} (allowed: simulated); no batch of it is a real one"
    return ""


def node_problem(mode: str, node: str, identity: Mapping[str, Any]) -> str:
    """The same of a node's IDENTITY; empty while it has not told it."""
    return mode_problem(mode, node, identity["port"]) if identity else ""


def shown_mode(mode: str, interpreters: Iterable[str]) -> str:
    """The mode for a view of a record, or nothing where the nodes contradict it.

    ``interpreters``: of each run, version and port as `BatchRecord` writes them.
    """
    if mode not in MODES or (mode != SIMULATED and any(one.endswith(f" {SIMULATION_PORT}") for one in interpreters)):
        return ""
    return mode
