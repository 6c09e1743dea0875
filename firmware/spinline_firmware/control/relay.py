"""The tuning experiment of one loop: a quiet time, then an asymmetric relay around a pv.  Whole numbers, bounded work.

The output stands at ``centre`` for the quiet time (which shows noise and drift), then switches between ``rising`` and
``falling`` whenever the pv leaves its band.  It ends by itself after so many switches; it gives up at once where the
pv leaves its limits, a sensor is not good, nothing switches for too long, or a cycle is unlike the one before it.
What it found is in the scan records: the host identifies (Astrom and Hagglund, Advanced PID Control, 8.3).
"""

from spinline_protocol.quantities import GOOD
from spinline_protocol.states import TUNE_DISTURBED as DISTURBED
from spinline_protocol.states import TUNE_DONE as DONE
from spinline_protocol.states import TUNE_IDLE as IDLE
from spinline_protocol.states import TUNE_NO_RESPONSE as NO_RESPONSE
from spinline_protocol.states import TUNE_PV_OUT as PV_OUT
from spinline_protocol.states import TUNE_QUIET as QUIET
from spinline_protocol.states import TUNE_SENSOR as SENSOR
from spinline_protocol.states import TUNE_STOPPED as STOPPED
from spinline_protocol.states import TUNE_SWITCHING as SWITCHING

CYCLES_FREE_N = 2  # the first ones are not compared: they come from where the loop was
PERIOD_PARTS = 2  # a slow loop finds its cycle slowly: half a period is a disturbance for certain
PERIOD_SLACK_SCANS = 2  # a switch falls on a scan: two periods of a fast loop differ by so much of themselves
QUIET_SCANS_MAX = 10000
SWITCHES_N_MAX = 60
HALF_SCANS_MAX = 100000
ENDLESS_SCANS = QUIET_SCANS_MAX + SWITCHES_N_MAX * HALF_SCANS_MAX
assert ENDLESS_SCANS < 1 << 29  # so no count of scans leaves the small integers


class Relay:
    """One experiment; times in scans, pv and its limits in the loop's whole unit, outputs in 1/65536."""

    def __init__(self) -> None:
        self.state = IDLE
        self.switches_n = 0  # so far
        self.output = 0
        self._period = 0
        self._quiet = self._centre = self._rising = self._falling = 0
        self._top = self._bottom = self._pv_low = self._pv_high = 0
        self._wanted = self._half_max = 0
        self._scans = 0  # since the last switch, or of the quiet time
        self._half = 0

    def begin(
        self, quiet_scans: int, outputs: "tuple[int, int, int]", band: "tuple[int, int]", limits: "tuple[int, int]",
        switches_n: int, half_scans_max: int,
    ) -> None:  # fmt: skip
        """``outputs`` under which the pv falls, rests, rises; ``band`` and ``limits`` lowest and highest pv; judged."""
        self._falling, self._centre, self._rising = outputs
        self._bottom, self._top = band
        self._pv_low, self._pv_high = limits
        self._quiet = quiet_scans
        self._wanted = switches_n
        self._half_max = half_scans_max
        self._scans = self._half = self._period = 0
        self.switches_n = 0
        self.output = self._centre
        self.state = QUIET

    def running(self) -> bool:
        """True while the output is the experiment's."""
        return self.state == QUIET or self.state == SWITCHING

    def stop(self) -> None:
        """End it from outside."""
        if self.running():
            self.state = STOPPED
            self.output = self._centre

    def scan(self, pv: int, quality: int) -> int:
        """One scan; returns the output to apply.  Ends with ``centre``, whatever the reason."""
        if not self.running():
            return self._centre
        self._scans += 1
        if quality != GOOD:
            self.state = SENSOR
        elif not self._pv_low <= pv <= self._pv_high:
            self.state = PV_OUT
        elif self.state == QUIET:
            if self._scans >= self._quiet:
                self.state = SWITCHING
                self._scans = 0
                self.output = self._rising
        elif self._scans > self._half_max:
            self.state = NO_RESPONSE
        elif self.output == self._rising and pv > self._top:
            self._switch(self._falling)
        elif self.output == self._falling and pv < self._bottom:
            self._switch(self._rising)
        if not self.running():
            self.output = self._centre
        return self.output

    def _switch(self, output: int) -> None:
        self.output = output
        self.switches_n += 1
        period = self._half + self._scans
        compared = self.switches_n > 2 * CYCLES_FREE_N
        away = abs(period - self._period) - PERIOD_SLACK_SCANS
        if compared and away * PERIOD_PARTS > self._period:
            self.state = DISTURBED
        elif self.switches_n >= self._wanted:
            self.state = DONE
        self._half = self._scans
        self._period = period
        self._scans = 0
