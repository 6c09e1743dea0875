"""A firmware's trial boot: what it must have shown before it may stay, and when it goes back by itself.  Pure.

It stays when somebody who echoes its hash confirms it after a watched minute, configured and IDLE, every scan on
time, no fault inside, every sensor read.  Else the board starts again, and the selector takes the slot of before.
"""

from spinline_protocol import errors
from spinline_protocol.quantities import BAD
from spinline_protocol.states import EVT_CONFIGURED, EVT_INTERNAL, EVT_SCAN_OVERRUN, IDLE

from .control.image import INPUT_WORDS, QUALITY

WATCH_US = 60000000  # from the configuration on
CONFIRM_US = 10000000  # behind the watch
CONFIGURE_US = 30000000  # from the start
SETTLE_US = 1000000  # a configuration is built longer than a scan


class Trial:
    """``on_trial`` says whether this boot is one; ``fault`` and ``configured_us`` are what was seen of it."""

    def __init__(self, on_trial: bool) -> None:
        self.on_trial = on_trial
        self.fault = 0  # the event that spoiled it
        self.configured_us = -1

    def note(self, code: int, now_us: int) -> None:
        """Every event of the node passes here."""
        if code == EVT_CONFIGURED:
            self.configured_us = now_us
        elif code == EVT_INTERNAL or (code == EVT_SCAN_OVERRUN and 0 <= self.configured_us < now_us - SETTLE_US):
            self.fault = code

    def over(self, now_us: int) -> bool:
        """True where nobody confirmed in time, or what was seen cannot be confirmed any more."""
        if not self.on_trial:
            return False
        if self.configured_us < 0:
            return now_us > CONFIGURE_US
        return bool(self.fault) or now_us > self.configured_us + WATCH_US + CONFIRM_US

    def refusal(self, now_us: int, state: int, image, inputs_n: int) -> "tuple[int, int, int, str]":  # type: ignore[no-untyped-def]
        """Why it cannot be confirmed now: code, number, limit, what it is of; OK where it can."""
        if not self.on_trial:
            return errors.STATE, 0, 0, "trial"
        if self.fault:
            return errors.STATE, self.fault, 0, "event"
        if self.configured_us < 0:
            return errors.STATE, 0, 0, "configuration"
        watched_us = now_us - self.configured_us
        if watched_us < WATCH_US:
            return errors.STATE, watched_us // 1000000, WATCH_US // 1000000, "watch"
        if state != IDLE:
            return errors.STATE, state, IDLE, "state"
        for i in range(inputs_n):
            if image[i * INPUT_WORDS + QUALITY] == BAD:
                return errors.STATE, i, 0, "input"
        return errors.OK, 0, 0, ""
