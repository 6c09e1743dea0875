"""The tuning experiment of one loop: a quiet time, then an asymmetric relay around a pv.  Whole numbers, bounded work.

The output stands at ``centre`` for the quiet time (which shows noise and drift), then switches between ``high`` and
``low`` whenever the pv leaves the band around ``middle``.  It ends by itself after so many switches; it gives up at
once where the pv leaves its limits, a sensor is not good, nothing switches for too long, or a cycle is unlike the one
before it.  What it found is in the scan records: the host identifies (Astrom and Hagglund, Advanced PID Control, 8.3).
"""

from spinline_protocol.quantities import GOOD

IDLE = 0
QUIET = 1
SWITCHING = 2
DONE = 3
# why it gave up; 4 and above
PV_OUT = 4  # the pv left its limits
SENSOR = 5
NO_RESPONSE = 6  # no switch within the longest half cycle
DISTURBED = 7  # a cycle a quarter longer or shorter than the one before
STOPPED = 8  # by a person, a change of state, or a lost lease

CYCLES_FREE_N = 2  # the first ones are not compared: they come from where the loop was


class Relay:
    """One experiment; times in scans, pv and its limits in the loop's whole unit, outputs in 1/65536."""

    def __init__(self) -> None:
        self.state = IDLE
        self.switches_n = 0  # so far
        self.output = 0
        self._period = 0
        self._quiet = self._centre = self._high = self._low = 0
        self._top = self._bottom = self._pv_low = self._pv_high = 0
        self._wanted = self._half_max = 0
        self._scans = 0  # since the last switch, or of the quiet time
        self._half = 0

    def begin(
        self, quiet_scans: int, outputs: "tuple[int, int, int]", band: "tuple[int, int]", limits: "tuple[int, int]",
        switches_n: int, half_scans_max: int,
    ) -> None:  # fmt: skip
        """``outputs`` low, centre, high; ``band`` and ``limits`` lowest and highest pv; the host has judged them."""
        self._low, self._centre, self._high = outputs
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
                self.output = self._high
        elif self._scans > self._half_max:
            self.state = NO_RESPONSE
        elif self.output == self._high and pv > self._top:
            self._switch(self._low)
        elif self.output == self._low and pv < self._bottom:
            self._switch(self._high)
        if not self.running():
            self.output = self._centre
        return self.output

    def _switch(self, output: int) -> None:
        self.output = output
        self.switches_n += 1
        period = self._half + self._scans
        compared = self.switches_n > 2 * CYCLES_FREE_N
        if compared and abs(period - self._period) * 4 > self._period:
            self.state = DISTURBED
        elif self.switches_n >= self._wanted:
            self.state = DONE
        self._half = self._scans
        self._period = period
        self._scans = 0
