"""Shadow of ``rp2`` on a fixture board of the bench: machines that turn encoders, and machines that count them."""

import bus
import layout

COUNTERS_FROM = 4  # machines of the second block read what comes back


class PIO:
    SHIFT_LEFT, SHIFT_RIGHT = 0, 1
    IN_LOW, IN_HIGH, OUT_LOW, OUT_HIGH = 0, 1, 2, 3


def asm_pio(**_kwargs):
    return lambda program: program


class StateMachine:
    """A word that is put goes up to the bench; a counter's receive FIFO holds the newest count of each exchange."""

    def __init__(self, index, _program, **_pins):
        self._index = index

    def active(self, on):
        pass

    def put(self, word):
        at = 2 * (layout.TURNING + 2 * self._index)
        bus.dacs[at : at + 4] = word.to_bytes(4, "little")

    def rx_fifo(self):
        return bus.counts_fresh[self._index - COUNTERS_FROM]

    def get(self):
        counter = self._index - COUNTERS_FROM
        bus.counts_fresh[counter] = 0
        return bus.words[layout.COUNTS + counter]
