"""What an event of a node is about, by the names that people gave: its number is a row in the line file.  Pure."""

from __future__ import annotations

from spinline.recipe.line_model import Line
from spinline_protocol.states import STATES

OF_INPUTS = ("SENSOR_FAULT", "SENSOR_RETURNED", "SENSOR_MAINTENANCE", "ENCODER_LOST")
OF_INTERLOCKS = ("INTERLOCK_TRIPPED", "INTERLOCK_CLEARED")
OF_OUTPUTS = ("OUTPUT_PULSED", "OUTPUT_FAULT")
OF_LOOPS = ("LOOP_FAILED", "SETPOINT_CHANGED", "TUNE_BEGAN", "TUNE_ENDED", "HEATER_STUCK_ON", "HEATER_OPEN",
            "SENSOR_SLIPPED", "LOOP_BREAK", "SENSOR_REVERSED", "PARTIAL_LOAD", "MONITOR_CLEARED")  # fmt: skip


def subject_of(line: Line, node_name: str, code: str, source: int, got: int) -> str:
    """Which input, interlock, output or loop of the line file an event is about, or the change of a state."""
    if code == "STATE_CHANGED":
        return f"{STATES[source]} to {STATES[got]}"
    node = next((node for node in line.node if node.name == node_name), None)
    named: list[str] = []
    if node is not None and code in OF_INPUTS:
        named = [row.name for row in node.input]
    elif node is not None and code in OF_INTERLOCKS:
        named = [row.name for row in node.interlock]
    elif node is not None and code in OF_LOOPS:
        named = [row.name for row in node.loop]
    elif node is not None and code in OF_OUTPUTS:
        named = [row.name for row in node.output]
    return named[source] if source < len(named) else ""
