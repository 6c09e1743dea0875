"""Quadrature encoders of each port of MicroPython behind one call; only the port's own module is imported.

Each counts four edges a line and has ``position()``, modulo 2^24.  A node of 20 scans a second reads it often enough:
the narrowest counter, 16 bits, may move 32 767 edges between two readings.
"""

COUNT_MASK = 0xFFFFFF


def open_encoder(board, port: int):  # type: ignore[no-untyped-def]
    """The encoder of a port of the board.  The other ports' modules do not exist here: hence the imports inside."""
    unit, a, b = board.ENCODER[port]
    if board.PORT == "rp2":
        from .quadrature import open_quadrature

        return open_quadrature(unit, a, b)
    if board.PORT == "esp32":
        from .encoder_esp32 import open_pulse_counter

        return open_pulse_counter(unit, a, b)
    from .encoder_stm32 import open_timer

    return open_timer(unit, a, b)


class Extended:
    """A counter of 16 bits made one of 24: what it moved since the last reading is added, across its end both ways."""

    def __init__(self, counter) -> None:  # type: ignore[no-untyped-def]
        self._counter = counter
        self._last = counter()
        self._position = 0

    def position(self) -> int:
        """Edges, modulo 2^24; right while no more than 32 767 pass between two calls.  Allocates nothing."""
        now = self._counter()
        moved = (now - self._last + 0x8000 & 0xFFFF) - 0x8000
        self._last = now
        self._position = self._position + moved & COUNT_MASK
        return self._position


class Emptied:
    """A counter without end that is set to 0 with each reading: its number never grows to an object of the heap."""

    def __init__(self, take) -> None:  # type: ignore[no-untyped-def]
        self._take = take
        self._position = 0
        take(0)

    def position(self) -> int:
        """Edges, modulo 2^24; ``take(0)`` reads and empties in one step."""
        self._position = self._position + self._take(0) & COUNT_MASK
        return self._position
