"""A person's check of one output: for a moment it is on, in IDLE alone, and ends by itself.  No chips here."""

from spinline_protocol.configuration import DAC, DRIVE_OUT, OUTPUT, PULSE_LEVEL_MAX, PULSE_MS_MAX, field_index
from spinline_protocol.errors import BUSY, OK, RANGE

_KIND = field_index(OUTPUT, "kind")


class Pulse:
    """``output`` is the row that is pulsed, -1 for none: one at a time."""

    def __init__(self) -> None:
        self.output = -1
        self._level = 0
        self._scans_left = 0

    def begin(self, rows, scan_ms: int, output: int, level: int, ms: int) -> "tuple[int, int, int, str]":  # type: ignore[no-untyped-def]
        """Code, and got, limit and field of what is refused: one output at a time, and never more than the limits."""
        if self.output >= 0:
            return BUSY, self.output, 0, "output"
        if output >= len(rows):
            return RANGE, output, len(rows) - 1, "output"
        most = PULSE_LEVEL_MAX if rows[output][_KIND] in (DAC, DRIVE_OUT) else 1
        if not 0 < level <= most:
            return RANGE, level, most, "level"
        if not 0 < ms <= PULSE_MS_MAX:
            return RANGE, ms, PULSE_MS_MAX, "ms"
        self.output, self._level, self._scans_left = output, level, (ms + scan_ms - 1) // scan_ms
        return OK, 0, 0, ""

    def scan(self, levels: "list[int]") -> None:
        """Once a scan while there is one: its level over what was decided."""
        if self._scans_left > 0:
            self._scans_left -= 1
            levels[self.output] = self._level
        else:
            self.output = -1

    def stop(self) -> None:
        """The next scan decides every output again."""
        self.output = -1
