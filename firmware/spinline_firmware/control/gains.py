"""Gain sets of the loops (table ``gains``) and the legality of a block's parameters.  Pure; decides nothing else."""

from spinline_protocol.configuration import GAINS, LOOP, field_index

from .image import INPUT_WORDS, loop_at
from .pid import SETPOINT

_LOOP = field_index(GAINS, "loop")
_INPUT = field_index(GAINS, "input")
_FROM = field_index(GAINS, "from")
_HYSTERESIS = field_index(GAINS, "hysteresis")
_FIRST = field_index(GAINS, "mp")
WORDS_N = len(GAINS) - _FIRST

_PARAMETERS = LOOP[field_index(LOOP, "action") : field_index(LOOP, "out_rate") + 1]
_OUT_LOW = len(_PARAMETERS) - 3


def legal(words: "tuple[int, ...]") -> bool:
    """True where a loop may control with these words, ACTION to OUT_RATE: each within its limits (kernel's proof)."""
    for i in range(len(_PARAMETERS)):
        if not _PARAMETERS[i][1] <= words[i] <= _PARAMETERS[i][2]:
            return False
    return words[0] != 0 and words[_OUT_LOW] < words[_OUT_LOW + 1]


class GainSets:
    """The sets of one loop beside its own: rows of the table in rising order, and which one holds (0: its own)."""

    def __init__(self, rows: "list[tuple[int, ...]]", loop: int) -> None:
        self.rows = [row for row in rows if row[_LOOP] == loop]
        self.number = 0
        source = self.rows[0][_INPUT] if self.rows else -1
        self._word = loop_at(loop) + SETPOINT if source < 0 else INPUT_WORDS * source

    def chosen(self, image) -> bool:  # type: ignore[no-untyped-def]
        """Judge the number that chooses, at most one set a scan; True where another set holds from now on."""
        number, rows = self.number, self.rows
        decides = image[self._word]
        if number < len(rows) and decides >= rows[number][_FROM]:
            self.number = number + 1
            return True
        if number and decides < rows[number - 1][_FROM] - rows[number - 1][_HYSTERESIS]:
            self.number = number - 1
            return True
        return False

    def words(self, own: "tuple[int, ...]") -> "tuple[int, ...]":
        """Words ACTION to OUT_RATE under the set that holds; ``own`` are those of the loop's row."""
        if self.number == 0:
            return own
        return own[:1] + self.rows[self.number - 1][_FIRST:] + own[1 + WORDS_N :]
