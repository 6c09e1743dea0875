"""Power is leased: without a renewal the node goes on alone, is HELD after alone_max_s, safe after hold_max_s."""


class Lease:
    """Counts down in scans, so that no clock can wrap.  Times in ms; ``hold`` is the flag beside the state."""

    def __init__(self, hold_max_ms: int, alone_max_ms: int) -> None:
        self.change(hold_max_ms, alone_max_ms)
        self._left_ms = 0
        self._held_ms = self._alone_ms = 0
        self.hold = False

    def renew(self, lease_ms: int) -> None:
        """The supervisor's scan committed and says so.  It does not end a hold: that is a person's act."""
        self._left_ms = lease_ms

    def tick(self, scan_ms: int, active: bool) -> bool:
        """One scan passes; returns True in the scan in which the lease runs out.  Only an active node needs one."""
        if self._left_ms > 0:
            self._left_ms -= scan_ms
        if self.hold:
            self._held_ms += scan_ms
            self._alone_ms = self._alone_ms + scan_ms if self._left_ms <= 0 else 0
            return False
        if active and self._left_ms <= 0:
            self.hold = True
            self._held_ms = self._alone_ms = 0
            return True
        return False

    def valid(self) -> bool:
        """True while the lease runs."""
        return self._left_ms > 0

    def alone_too_long(self) -> bool:
        """True when nobody has renewed a lease for alone_max_s: the fiber is brought to a stand."""
        return self.hold and self._alone_ms >= self._alone_max_ms

    def exhausted(self) -> bool:
        """True when the hold has lasted hold_max_s: the declared safe order begins."""
        return self.hold and self._held_ms >= self._hold_max_ms

    def change(self, hold_max_ms: int, alone_max_ms: int) -> None:
        """Other longest times, also for a hold that lasts."""
        self._hold_max_ms = hold_max_ms
        self._alone_max_ms = alone_max_ms

    def release(self) -> None:
        """End the hold: an explicit command, or the node is no longer active."""
        self.hold = False
        self._held_ms = self._alone_ms = 0
