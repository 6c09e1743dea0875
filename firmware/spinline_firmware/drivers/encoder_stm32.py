"""Quadrature encoder on an STM32 timer in encoder mode 3 (RM0410, section 26.3.16), through pyb.Timer.

16 bits of the counter are used, for most timers have no more; `Extended` carries on from there.
"""

import pyb

from .encoders import Extended


def open_timer(number: int, a: str, b: str) -> Extended:
    """Count both edges of channels 1 and 2; pins as the board's file says they are connected to this timer."""
    timer = pyb.Timer(number, prescaler=0, period=0xFFFF)
    timer.channel(1, pyb.Timer.ENC_AB, pin=pyb.Pin(a))
    timer.channel(2, pyb.Timer.ENC_AB, pin=pyb.Pin(b))
    return Extended(timer.counter)
