"""Permissives: conditions that commands and outputs need.  Not latched, no action of their own: they only refuse."""

from spinline_protocol.configuration import ABOVE, NEED_INPUT, NEED_SETPOINT, PERMISSIVE
from spinline_protocol.quantities import BAD

from . import pid
from .image import INPUT_WORDS, QUALITY, loop_at

_KIND, _OF, _COMPARISON, _LIMIT, _COMMANDS, _OFF = range(6)
assert tuple([field[0] for field in PERMISSIVE]) == ("kind", "of", "comparison", "limit", "commands", "off_outputs")


class Permissives:
    """Rows of the table ``permissive`` over the process image and the levels of the outputs."""

    def __init__(self, rows: "list[tuple[int, ...]]", image) -> None:  # type: ignore[no-untyped-def]
        self._image = image
        self.take(rows)

    def take(self, rows: "list[tuple[int, ...]]") -> None:
        """Rows of the same structure with other limits."""
        self.rows = rows
        self._of_outputs = [row for row in rows if row[_OFF]]

    def off_outputs(self, levels) -> int:  # type: ignore[no-untyped-def]
        """Outputs that must be safe in this scan, bit by bit; ``levels`` as just decided."""
        off = 0
        for row in self._of_outputs:
            if not self._met(row, levels):
                off |= row[_OFF]
        return off

    def refuses(self, command: int, levels) -> int:  # type: ignore[no-untyped-def]
        """The first row that refuses this command, or -1."""
        for i in range(len(self.rows)):
            if self.rows[i][_COMMANDS] >> command & 1 and not self._met(self.rows[i], levels):
                return i
        return -1

    def _met(self, row: "tuple[int, ...]", levels) -> bool:  # type: ignore[no-untyped-def]
        """A bad sensor proves nothing: not met."""
        image = self._image
        if row[_KIND] == NEED_INPUT:
            at = INPUT_WORDS * row[_OF]
            if image[at + QUALITY] == BAD:
                return False
            return bool(image[at] > row[_LIMIT] if row[_COMPARISON] == ABOVE else image[at] < row[_LIMIT])
        if row[_KIND] == NEED_SETPOINT:
            at = loop_at(row[_OF])
            return bool(image[at + pid.PV] >= image[at + pid.TARGET] + row[_LIMIT])
        return levels[row[_OF]] != 0
