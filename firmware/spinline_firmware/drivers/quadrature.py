"""Quadrature encoder on an RP2 programmable I/O block (RP2350 datasheet, section 11).  Counts edges; decides nothing.

The old and the new state of A and B select one of 16 jumps: up, down or neither.  The count goes to the receive FIFO
whenever there is room, so the newest of at most five entries is the position.
"""

import machine
import rp2

from spinline_protocol.portable import const

from .encoders import COUNT_MASK

_FIFO_N = const(5)


@rp2.asm_pio(in_shiftdir=rp2.PIO.SHIFT_LEFT, out_shiftdir=rp2.PIO.SHIFT_RIGHT)
def _count():  # type: ignore[no-untyped-def]
    jmp("next")  # 0000  old AB, new AB
    jmp("down")  # 0001
    jmp("up")  # 0010
    jmp("next")  # 0011
    jmp("up")  # 0100
    jmp("next")  # 0101
    jmp("next")  # 0110
    jmp("down")  # 0111
    jmp("down")  # 1000
    jmp("next")  # 1001
    jmp("next")  # 1010
    jmp("up")  # 1011
    jmp("next")  # 1100
    jmp("up")  # 1101
    label("down")  # 1110
    jmp(y_dec, "next")  # falls through or jumps: the same place
    wrap_target()
    label("next")  # 1111
    mov(isr, y)
    push(noblock)
    out(isr, 2)
    in_(pins, 2)
    mov(osr, isr)
    mov(pc, isr)
    label("up")
    mov(y, invert(y))
    jmp(y_dec, "back")
    label("back")
    mov(y, invert(y))
    wrap()


class Quadrature:
    """One encoder on two neighbouring pins.  ``position()`` counts four edges a line, modulo 2^24."""

    def __init__(self, machine_i: int, pin_a) -> None:  # type: ignore[no-untyped-def]
        self._machine = rp2.StateMachine(machine_i, _count, in_base=pin_a)
        self._machine.active(1)
        self._position = 0

    def position(self) -> int:
        """Newest count; the last one where the FIFO is empty."""
        for _ in range(_FIFO_N):
            if not self._machine.rx_fifo():
                break
            self._position = self._machine.get() & COUNT_MASK
        return self._position


def open_quadrature(machine_i: int, a: int, b: int) -> Quadrature:
    """Count on two neighbouring pins, ``b`` the higher one: a state machine reads them in a row."""
    assert b == a + 1
    machine.Pin(b, machine.Pin.IN)
    return Quadrature(machine_i, machine.Pin(a, machine.Pin.IN))
