"""Quadrature encoder on an ESP32's pulse counter (ESP32 technical reference, chapter PCNT), through machine.Encoder.

The class follows the counter's own overflow at 32 000 edges by interrupt.  It is there from MicroPython 1.26 on.
"""

import machine

from .encoders import Emptied

FILTER_NS = 1000  # shorter pulses are no edges: an encoder of 10 000 lines at 5 turns a second has edges 5 us apart


def open_pulse_counter(unit: int, a: int, b: int) -> Emptied:
    """Count both edges of both channels; the pins are inputs without pull, which line drivers need none."""
    pins = machine.Pin(a, machine.Pin.IN), machine.Pin(b, machine.Pin.IN)
    encoder = machine.Encoder(unit, *pins, filter_ns=FILTER_NS, phases=4)  # type: ignore[attr-defined]
    return Emptied(encoder.value)
