"""Drives whose encoder is lost: their outputs stand still for a second, then go to zero together.  Knows no speed.

All drives of the node take part, also those that are still measured: the same part of every output, so that the fiber
between them keeps its ratio.  The time is that of the line's own stop ramp.
"""

from array import array

from spinline_protocol.configuration import COUNTER, INPUT, LOOP, field_index

from . import pid
from .image import loop_at

HOLD_MS = 1000
SCANS_N_MAX = 8191  # an output below 2^17 times this stays below 2^30
_KIND = field_index(INPUT, "kind")
_INPUT, _DOWN, _STOP_RAMP = [field_index(LOOP, name) for name in ("input", "down_states", "stop_ramp_256")]


class RunDown:
    """The drives of a node: loops that control towards zero in some state and measure by an encoder."""

    def __init__(self, inputs, loops, image, scan_ms: int) -> None:  # type: ignore[no-untyped-def]
        self._image = image
        drives = [i for i in range(len(loops)) if loops[i][_DOWN] and inputs[loops[i][_INPUT]][_KIND] == COUNTER]
        self._drives = tuple(drives)
        self._at = tuple([loop_at(i) for i in drives])
        self._ramps = tuple([loops[i][_STOP_RAMP] for i in drives])
        self._outputs = array("i", [0] * len(drives))  # as they last stood
        self._setpoints = array("i", [0] * len(drives))
        self._hold_n = HOLD_MS // scan_ms
        self._scans_n = self._left_n = 0  # of the way down, and still to go, with the time of standing still

    def begin(self, loop: int) -> bool:
        """The encoder of a loop is lost.  False where it is no drive, or where the way down has begun already."""
        if loop not in self._drives or self._left_n:
            return False
        scans_n = 1
        for i in range(len(self._at)):
            if self._ramps[i]:
                scans_n = max(scans_n, (self._setpoints[i] << 8) // self._ramps[i])
        self._scans_n = min(scans_n, SCANS_N_MAX)
        self._left_n = self._scans_n + self._hold_n
        return True

    def scan(self) -> None:
        """Behind the loops: their outputs of this scan, remembered, or replaced on the way down."""
        if self._left_n:
            self._left_n -= 1
            self._go_down(min(self._left_n, self._scans_n))
            return
        image = self._image
        for i in range(len(self._at)):
            self._outputs[i] = image[self._at[i] + pid.OUTPUT]
            self._setpoints[i] = image[self._at[i] + pid.SETPOINT]

    def _go_down(self, left_n: int) -> None:
        image = self._image
        for i in range(len(self._at)):
            at = self._at[i]
            image[at + pid.OUTPUT] = self._outputs[i] * left_n // self._scans_n
            image[at + pid.ABSORB] = 1
