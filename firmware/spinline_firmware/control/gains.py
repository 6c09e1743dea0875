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

_ACTION, _BEHIND = field_index(LOOP, "action"), field_index(LOOP, "out_rate") + 1
_LOWEST = [field[1] for field in LOOP[_ACTION:_BEHIND]]
_HIGHEST = [field[2] for field in LOOP[_ACTION:_BEHIND]]
_OUT_LOW = _BEHIND - _ACTION - 3
# in the block of a loop whose words are illegal: machine code must never see a shift that no processor has
NO_GAINS = (1,) + (0,) * (WORDS_N - 2) + (3, 0, 0, 1, 0)
assert len(NO_GAINS) == len(_LOWEST) and LOOP[_ACTION + WORDS_N - 1][0] == "kz"


def legal(words: "tuple[int, ...]") -> bool:
    """True where a loop may control with these words, ACTION to OUT_RATE: each within its limits (kernel's proof)."""
    for i in range(len(_LOWEST)):
        if not _LOWEST[i] <= words[i] <= _HIGHEST[i]:
            return False
    return words[0] != 0 and words[_OUT_LOW] < words[_OUT_LOW + 1]


class GainSets:
    """The sets of one loop beside its own: rows of the table in rising order, and which one holds (0: its own).

    ``row`` is the loop's.  Sets of the table are laid out once, so that a scan that changes them allocates nothing.
    """

    def __init__(self, rows: "list[tuple[int, ...]]", loop: int, row: "tuple[int, ...]", number: int = 0) -> None:
        own = row[_ACTION:_BEHIND]
        self.rows = tuple([gains for gains in rows if gains[_LOOP] == loop])
        self.number = number
        self._row = row
        self._sets = tuple([own[:1] + gains[_FIRST:] + own[1 + WORDS_N :] for gains in self.rows])
        self._own = own if self._sets else ()
        self.legal = legal(own) and all([legal(words) for words in self._sets])
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

    def words(self) -> "tuple[int, ...]":
        """Words ACTION to OUT_RATE under the set that holds; NO_GAINS where any set is illegal."""
        if not self.legal:
            return NO_GAINS
        return self._sets[self.number - 1] if self.number else self._own or self._row[_ACTION:_BEHIND]
