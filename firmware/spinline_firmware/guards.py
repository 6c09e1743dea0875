"""What stands behind the loops: interlocks, monitors, permissives, and what a trip does to a loop.  Never a command.

One scan returns the strongest action that it asks of the node; scan.py does it.
"""

from spinline_protocol.configuration import (
    ACT_HOLD,
    INTERLOCK,
    LOOP,
    MODE_MANUAL,
    OUTPUT_KEPT,
    TABLE_INTERLOCK,
    TABLE_LOOP,
    TABLE_MONITOR,
    TABLE_PERMISSIVE,
    field_index,
)
from spinline_protocol.errors import OK
from spinline_protocol.quantities import BAD
from spinline_protocol.states import (
    EVT_INTERLOCK_CLEARED,
    EVT_INTERLOCK_TRIPPED,
    EVT_LOOP_FAILED,
    EVT_MONITOR_CLEARED,
    EVT_PARAMETERS,
    EVT_SETPOINT,
    EVT_SLIPPED,
)
from spinline_protocol.words import monitor_scans, swing_scans

from .control.image import INPUT_WORDS, QUALITY
from .control.interlock import Interlocks
from .control.loops import FULL_Q12
from .control.monitors import CLEAR_THEMSELVES, Monitors
from .control.permissive import Permissives
from .control.ratio import ratio_setpoint

_EASED_LOOP, _EASED, _WHILE = [field_index(INTERLOCK, "eased_" + name) for name in ("loop", "q12", "while")]
_INPUT, _OUT_LOW, _OUT_HIGH = [field_index(LOOP, name) for name in ("input", "out_low", "out_high")]


class Guards:
    """The guards of a configured node.  ``event(code, source, got, limit)`` reports."""

    def __init__(self, tables, image, loops, scan_ms: int, event) -> None:  # type: ignore[no-untyped-def]
        self._image = image
        self._loops = loops
        self._event = event
        rows = tables[TABLE_INTERLOCK]
        self.interlocks = Interlocks(rows, image, swing_scans(scan_ms))
        self._slowing = [i for i in range(len(rows)) if rows[i][_EASED_LOOP] >= 0 and rows[i][_WHILE]]
        self.monitors = Monitors(
            tables[TABLE_MONITOR], tables[TABLE_LOOP], image, monitor_scans(scan_ms), loops.changed
        )
        self.permissives = Permissives(tables[TABLE_PERMISSIVE], image)
        self._frozen = bytearray(len(loops.rows))  # of a loop that stands still: the mode that it had, plus 1

    def take(self, tables) -> None:  # type: ignore[no-untyped-def]
        """Rows of the same structure with other numbers; what is latched stays."""
        self.monitors.seal()
        self.interlocks.take(tables[TABLE_INTERLOCK])
        self.permissives.take(tables[TABLE_PERMISSIVE])

    def enter(self) -> None:
        """The node changed its state."""
        self.interlocks.enter()
        self.monitors.enter()

    def scan(self, state: int, levels) -> int:  # type: ignore[no-untyped-def]
        """Interlocks, then the monitors whose turn it is; returns the strongest action that is asked for, or 0."""
        action = 0
        first = self.interlocks.scan(state)
        if self.interlocks.changed_n:
            self._take_changes(first)
            action = self.interlocks.action
        cause = self.monitors.scan(state, levels)
        if cause:
            action = max(action, self._take_trip(cause))
        return action

    def _take_changes(self, first: int) -> None:
        """Interlocks tripped or cleared themselves: all are told, the first out first."""
        interlocks = self.interlocks
        if first >= 0:
            self._loops.tune.stop()
            self._event(EVT_INTERLOCK_TRIPPED, first, interlocks.raw(first), interlocks.limit(first))
        for i in range(len(interlocks.rows)):
            change = interlocks.change(i)
            if change > 0:
                if i != first:
                    self._event(EVT_INTERLOCK_TRIPPED, i, interlocks.raw(i), interlocks.limit(i))
                self._ease(i)
            elif change:
                self._event(EVT_INTERLOCK_CLEARED, i, interlocks.raw(i), 0)
        self._slow()

    def _slow(self) -> None:
        """Each loop goes at the least part of its setpoint that a latched row leaves it."""
        rows = self.interlocks.rows
        shares: "dict[int, int]" = {}
        for i in self._slowing:
            share = rows[i][_EASED] if self.interlocks.stands(i) else FULL_Q12
            shares[rows[i][_EASED_LOOP]] = min(share, shares.get(rows[i][_EASED_LOOP], FULL_Q12))
        for loop in shares:
            self._loops.slow(loop, shares[loop])

    def refuses(self, loop: int, setpoint: int) -> bool:
        """True where a row that took this setpoint down still stands and this would take it up again."""
        rows = self.interlocks.rows
        for i in range(len(rows)):
            if rows[i][_EASED_LOOP] == loop and not rows[i][_WHILE] and self.interlocks.stands(i):
                return setpoint > self._loops.setpoints[loop]
        return False

    def _ease(self, i: int) -> None:
        """A row that takes a setpoint down, once: its loop goes there by its own ramp, slaves follow."""
        loop = self.interlocks.rows[i][_EASED_LOOP]
        if loop >= 0 and not self.interlocks.rows[i][_WHILE] and self._loops.controls(loop):
            setpoint = ratio_setpoint(self._loops.setpoints[loop], self.interlocks.rows[i][_EASED])
            if self._loops.change_setpoint(loop, setpoint, 0) == (0, 0):
                self._event(EVT_SETPOINT, loop, setpoint, 0)

    def _take_trip(self, cause: int) -> int:
        """A monitor tripped: what becomes of its loop; returns the action that the row asks for.

        Heat that does not come is left to the loop; under a sensor that slipped the output stands still at what the
        model asks for; every other loop gives no heat from the next scan on.
        """
        monitors = self.monitors
        loop = monitors.loop
        self._event(cause, loop, monitors.raw, monitors.limit)
        if cause == EVT_SLIPPED and self._freeze(loop, monitors.duty):
            return 0
        if cause == EVT_LOOP_FAILED:
            self._thaw(loop)
        if cause not in CLEAR_THEMSELVES and cause != EVT_MONITOR_CLEARED:
            self._loops.set_failed(loop, 1)
        return ACT_HOLD if cause == EVT_PARAMETERS else monitors.action

    def _freeze(self, loop: int, duty: int) -> bool:
        """The loop in manual at the model's output; False where the row has no time for it, or no mode can be set."""
        if not self.monitors.freezes(self.monitors.row):
            return False
        mode, row = self._loops.asked[loop], self._loops.rows[loop]
        duty = max(row[_OUT_LOW], min(row[_OUT_HIGH], duty))
        if self._loops.change_mode(loop, MODE_MANUAL, duty)[0] != OK:
            return False
        self._frozen[loop] = mode + 1
        return True

    def _thaw(self, loop: int) -> None:
        """The mode from before the freeze is asked for again."""
        if self._frozen[loop]:
            self._loops.change_mode(loop, self._frozen[loop] - 1, OUTPUT_KEPT)
            self._frozen[loop] = 0

    def off_outputs(self, levels) -> int:  # type: ignore[no-untyped-def]
        """Outputs that must be safe in this scan, bit by bit; ``levels`` as just decided."""
        off = self.interlocks.off_outputs | self.monitors.off_outputs
        return off | self.permissives.off_outputs(levels)

    def latched(self) -> bool:
        """True while anything of this waits for a person's reset, or a loop has failed."""
        if self.interlocks.latched() or self.monitors.latched():
            return True
        for failed in self._loops.failed:
            if failed:
                return True
        return False

    def reset(self) -> int:
        """Clear what is latched and whose cause has gone, and the loops that failed by it; returns how many stay."""
        loops = self._loops
        left = self.interlocks.reset() + self.monitors.reset()
        self._slow()
        for i in range(len(loops.failed)):
            held = self.monitors.holds(i)
            if not held:
                self._thaw(i)
            if loops.failed[i] and (held or self._image[INPUT_WORDS * loops.rows[i][_INPUT] + QUALITY] == BAD):
                left += 1
            elif loops.failed[i]:
                loops.set_failed(i, 0)
        return left
