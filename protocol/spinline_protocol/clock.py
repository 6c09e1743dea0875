"""The device's clock seen from the host: offset with a bound that holds, from exchanges of four stamps (SPEC 1.8 SYNC).

Host only and pure: all times are whole microseconds and arguments.  It promises its bound while the two clocks drift
apart by at most DRIFT_PPM_MAX.

Of an exchange (t1 host sent, t2 device received, t3 device sent, t4 host received) nothing is assumed but order: no
message arrives before it was sent.  So the offset, device less host, was at most t2 - t1 and at least t3 - t4.  Each
exchange kept says so again, widened by the drift since; the offset lies in all of these intervals.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

EXCHANGES_N = 64
BEST_N = 8  # the offset follows the exchanges with the shortest round trips
BEST_TIMES = 4  # but none so many times as long as the shortest: what a wait hid says little
DRIFT_PPM_MAX = 200  # of one clock against the other; two crystals of +-100 ppm
SLOPE_SPAN_US = 5_000_000  # shorter stretches say nothing of the drift
STAMP_US = 1  # stamps are cut to whole microseconds
DEVICE_WRAP_US = 1 << 64


@dataclass(frozen=True)
class Offset:
    """Device time less host time; the true offset is at most ``bound_us`` away from ``offset_us``."""

    offset_us: int
    bound_us: int


@dataclass(frozen=True)
class _Exchange:
    sent_us: int  # t1
    received_us: int  # t4
    low_us: int  # the offset was at least this when the answer arrived
    high_us: int  # and at most this when the question left

    @property
    def round_trip_us(self) -> int:
        return self.high_us - self.low_us

    @property
    def middle_us(self) -> int:
        return (self.sent_us + self.received_us) // 2

    @property
    def offset_us(self) -> int:
        return (self.low_us + self.high_us) // 2


def _drift_us(elapsed_us: int) -> int:
    """The most that the offset can have changed in this time, rounded up."""
    return -(-abs(elapsed_us) * DRIFT_PPM_MAX // 1_000_000)


class _Envelope:
    """The highest of tents: each says a level at its time, less the drift that is possible on either side of it."""

    def __init__(self, tents: Iterable[tuple[int, int]] = ()) -> None:
        ordered = sorted(tents)
        self._times = [at_us for at_us, _ in ordered]
        # Heights at time 0 of the straight sides, in millionths of a us: the best so far, and the best to come.
        falling = [level_us * 1_000_000 + at_us * DRIFT_PPM_MAX for at_us, level_us in ordered]
        rising = [level_us * 1_000_000 - at_us * DRIFT_PPM_MAX for at_us, level_us in reversed(ordered)]
        self._falling = list(accumulate(falling, max))
        self._rising = list(accumulate(rising, max))[::-1]

    def at(self, time_us: int) -> int:
        """The highest level at a time, rounded down; there must be a tent."""
        drift, i = time_us * DRIFT_PPM_MAX, bisect_right(self._times, time_us)
        sides = [self._falling[i - 1] - drift] if i else []
        if i < len(self._times):
            sides.append(self._rising[i] + drift)
        return max(sides) // 1_000_000


class DeviceClock:
    """Keeps the last exchanges of one boot of a device.  ``wrap_us``: where the device's stamps begin anew."""

    def __init__(self, wrap_us: int = DEVICE_WRAP_US) -> None:
        self.refused_n = 0  # exchanges that cannot be: an answer before its question, or beside all others
        self._wrap_us = wrap_us
        self._exchanges: deque[_Exchange] = deque(maxlen=EXCHANGES_N)
        self._line = (0, 0, 0.0)  # middle of the best exchanges, offset there, slope in ppm
        self._low = _Envelope()  # what the answers say is the least,
        self._high = _Envelope()  # and the questions the most, negated: one envelope serves both

    def forget(self) -> None:
        """The device has started again: its clock has nothing to do with the old one."""
        self._exchanges.clear()

    def add(self, host_sent_us: int, device_received_us: int, device_sent_us: int, host_received_us: int) -> bool:
        """Take one exchange; False where its stamps cannot be true.

        One that contradicts those before it shows a clock that jumped: the old ones go, the new one begins anew.
        """
        processing_us = (device_sent_us - device_received_us) % self._wrap_us
        if host_received_us < host_sent_us or processing_us > host_received_us - host_sent_us + self._slack_us(
            host_received_us - host_sent_us
        ):
            self.refused_n += 1
            return False
        received_us = self._unwrapped(device_received_us, host_sent_us)
        high_us = received_us - host_sent_us + STAMP_US
        low_us = received_us + processing_us - host_received_us - STAMP_US
        self._exchanges.append(_Exchange(host_sent_us, host_received_us, low_us, high_us))
        self._summarise()
        low, high = self._interval(host_received_us)
        if low > high:
            self.refused_n += 1
            newest = self._exchanges[-1]
            self._exchanges.clear()
            self._exchanges.append(newest)
            self._summarise()
        return True

    def _summarise(self) -> None:
        """What every question needs, once for each exchange."""
        kept = self._exchanges
        self._low = _Envelope([(one.received_us, one.low_us) for one in kept])
        self._high = _Envelope([(one.sent_us, -one.high_us) for one in kept])
        self._line = self._fit()

    @staticmethod
    def _slack_us(elapsed_us: int) -> int:
        """What cut stamps and drift may add to the time that passed on the device."""
        return _drift_us(elapsed_us) + 2 * STAMP_US

    def _unwrapped(self, stamp_us: int, host_us: int) -> int:
        """The stamp with the turns added that bring it next to what the last exchange foretells."""
        if not self._exchanges:
            return stamp_us
        foretold_us = host_us + self._exchanges[-1].offset_us
        return stamp_us + (foretold_us - stamp_us + self._wrap_us // 2) // self._wrap_us * self._wrap_us

    def _interval(self, host_us: int) -> tuple[int, int]:
        """Lowest and highest offset that all exchanges allow at a time of the host."""
        return self._low.at(host_us), -self._high.at(host_us)

    def offset(self, host_us: int) -> Offset | None:
        """The offset at a time of the host, before or after the exchanges; None where there has been none."""
        if not self._exchanges:
            return None
        low, high = self._interval(host_us)
        guess = min(max(self._guess_us(host_us), low), high)
        return Offset(guess, max(high - guess, guess - low))

    def _guess_us(self, host_us: int) -> int:
        """The offset by the line through the best exchanges."""
        middle_us, offset_us, slope_ppm = self._line
        return offset_us + round(slope_ppm * (host_us - middle_us) / 1_000_000)

    def _fit(self) -> tuple[int, int, float]:
        """Line through the exchanges with the shortest round trips, its slope within the drift that is allowed."""
        best = sorted(self._exchanges, key=lambda kept: kept.round_trip_us)[:BEST_N]
        best = [kept for kept in best if kept.round_trip_us <= BEST_TIMES * best[0].round_trip_us]
        count = len(best)
        middle_us = sum(kept.middle_us for kept in best) // count
        offset_us = sum(kept.offset_us for kept in best) // count
        spans = [kept.middle_us - middle_us for kept in best]
        if max(spans) - min(spans) < SLOPE_SPAN_US:
            return middle_us, offset_us, 0.0
        rises = sum(span * (kept.offset_us - offset_us) for span, kept in zip(spans, best, strict=True))
        squares = sum(span * span for span in spans)
        return middle_us, offset_us, min(max(rises * 1_000_000 / squares, -DRIFT_PPM_MAX), DRIFT_PPM_MAX)

    def latest_us(self, device_us: int) -> int | None:
        """Latest host time of a device's stamp; as near as the promptest answer was, however long questions waited.

        None where there has been no exchange.
        """
        found = self.host_us(device_us)
        return None if found is None else device_us - self._interval(found[0])[0]

    def host_us(self, device_us: int) -> tuple[int, int] | None:
        """Host time of a device's stamp and how far off it may be; None where there has been no exchange.

        The stamp is taken as one within half a turn of the newest exchange.
        """
        if not self._exchanges:
            return None
        newest = self._exchanges[-1]
        near_us = newest.received_us + newest.offset_us
        whole_us = device_us + (near_us - device_us + self._wrap_us // 2) // self._wrap_us * self._wrap_us
        at_us = whole_us - newest.offset_us
        for _ in range(2):  # the offset changes by at most 200 ppm of the correction: twice is enough
            found = self.offset(at_us)
            assert found is not None
            at_us = whole_us - found.offset_us
        found = self.offset(at_us)
        assert found is not None
        return at_us, found.bound_us + _drift_us(found.bound_us) + STAMP_US
