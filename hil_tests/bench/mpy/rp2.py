"""Shadow of ``rp2`` in the bench: a state machine that counts what the plant's encoder has turned."""

from bus import counts_fresh, words
from layout import COUNTS


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
        return counts_fresh[self._index]

    def get(self):
        counts_fresh[self._index] = 0
        return words[COUNTS + self._index]
