"""Shadow of ``rp2`` in the bench: a state machine that counts what the plant's encoder has turned."""

import bus
import layout


class PIO:
    SHIFT_LEFT, SHIFT_RIGHT = 0, 1


def asm_pio(**_kwargs):
    return lambda program: program


class StateMachine:
    """Its receive FIFO holds the newest count once for each exchange."""

    def __init__(self, index, _program, in_base):
        self._index = index

    def active(self, on):
        pass

    def rx_fifo(self):
        return bus.counts_fresh[self._index]

    def get(self):
        bus.counts_fresh[self._index] = 0
        return bus.words[layout.COUNTS + self._index]
