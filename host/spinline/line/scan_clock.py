"""When each scan of a node was, in the host's monotonic time, with a bound that holds.  Pure: times are arguments.

Questions about time (SPEC 3.11) are sent so that they arrive just before the node reads; their answers feed the
estimator and say at which of the node's microseconds a scan began.  Other scans follow by their number.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass

from spinline_protocol.clock import DRIFT_PPM_MAX, DeviceClock
from spinline_protocol.host_link import SYNCS_N_MAX
from spinline_protocol.messages import NO_SCAN

ASK_FIRST_N = 8
ASK_FIRST_US = 1_000_000  # the first answers each halve the bound
ASK_US = 5_000_000  # drift adds at most 1 ms until the next answer, as much as a link's own delay; 16 bytes a second
LEAD_US_FIRST = 12_000  # a question leaves so long before the latest time of a scan: both ways and the host's own delay
LEAD_US_LEAST = 2_000
SETTLED_US = 20_000  # scans wait for an estimate as good as this,
SETTLE_US = 5_000_000  # but so long at most: then they are placed with what is known, if need be by the promptest frame
PLACED_US = 10_000_000  # the longest stretch under one line
MARKS_N = 64
JITTER_US = 1_000  # a scan begins so little after it is due; one that begins later is flagged
BY_SYNC, BY_FRAME = "sync", "frame"  # what placed a scan


@dataclass(frozen=True)
class Placing:
    """Where scans ``from_scan`` to ``to_scan`` (without) were: at most ``bound_us`` from where `at` says.

    ``drift_ppb``: how much faster the node's clock runs than the host's.  ``basis``: sync or frame.
    """

    from_scan: int
    to_scan: int
    at_us: int
    scan_us: int
    drift_ppb: int
    bound_us: int
    basis: str

    def at(self, scan: int) -> int:
        """Host time of a scan, us."""
        passed_us = (scan - self.from_scan) * self.scan_us
        return self.at_us + passed_us - passed_us * self.drift_ppb // 1_000_000_000


class ScanClock:
    """The clock of one node: when to ask, and where its scans were.  ``scan_us``: time of a scan."""

    def __init__(self, scan_us: int) -> None:
        self._scan_us = scan_us
        self._device = DeviceClock()
        self._lead_us = LEAD_US_FIRST
        self.begin(0, 0)

    def forget(self) -> None:
        """The node has started again: its clock has nothing to do with the old one."""
        self._device.forget()

    def begin(self, first_scan: int, since_us: int) -> None:
        """A new run: scans from ``first_scan`` on, none of which was before ``since_us``."""
        self._first_scan, self._since_us = first_scan, since_us
        self._begun_us = -1  # when the first frame came
        self._zero_us = 0  # latest that scan 0 can have been, by the promptest frame
        self._marks: deque[tuple[int, int]] = deque(maxlen=MARKS_N)  # scan, device time of its beginning
        self._late: deque[int] = deque(maxlen=MARKS_N)  # scans that began late
        self._aims: dict[int, int] = {}  # question -> the scan that should read it
        self._placing: Placing | None = None
        self.due_us = since_us  # when the node is asked next
        self._target = NO_SCAN

    def asked(self, now_us: int) -> None:
        """A question leaves now."""
        self._aims[now_us] = self._target
        while len(self._aims) > SYNCS_N_MAX:
            del self._aims[next(iter(self._aims))]
        self._aim(now_us)

    def _aim(self, asked_us: int) -> None:
        """Let the next question arrive just before a scan of the node."""
        self.due_us = asked_us + (ASK_FIRST_US if len(self._marks) < ASK_FIRST_N else ASK_US)
        self._target = NO_SCAN
        if self._marks:
            scan, device_us = self._marks[-1]
            scans_n = max(1, -(-(self.due_us + self._lead_us - self._host_us(device_us)[0]) // self._scan_us))
            latest_us = self._device.latest_us(device_us + scans_n * self._scan_us)
            assert latest_us is not None
            self._target, self.due_us = scan + scans_n, latest_us - self._lead_us

    def take_answer(self, stamps: dict[str, int]) -> None:
        """The four stamps of an answer and the scan that read the question."""
        sent_us, received_us, scan = stamps["host_sent_us"], stamps["device_received_us"], stamps["scan"]
        target = self._aims.pop(sent_us, NO_SCAN)
        if not self._device.add(sent_us, received_us, stamps["device_sent_us"], stamps["host_received_us"]):
            return
        if target != NO_SCAN and scan != NO_SCAN:
            missed = scan > target
            longer_us = min(2 * self._lead_us, self._scan_us // 2)
            self._lead_us = longer_us if missed else max(self._lead_us * 15 // 16, LEAD_US_LEAST)
        if scan != NO_SCAN and scan >= self._first_scan and not (self._marks and scan <= self._marks[-1][0]):
            self._marks.append((scan, received_us))
            self._placing = None
            self._aim(sent_us)

    def take_frame(self, newest_scan: int, received_us: int, late: list[int]) -> None:
        """A frame of scans came: the newest in it, and those that began late."""
        zero_us = received_us - newest_scan * self._scan_us
        fresh = [scan for scan in late if not self._late or scan > self._late[-1]]
        if self._begun_us < 0 or fresh:
            self._zero_us = zero_us
        self._begun_us = received_us if self._begun_us < 0 else self._begun_us
        self._zero_us = min(self._zero_us, zero_us)
        if fresh:
            self._late.extend(fresh)
            self._placing = None

    def place(self, first: int, count: int, now_us: int) -> Placing | None:
        """Where scan ``first`` was and some behind it, all ``count`` of which have come; None: wait for an answer."""
        placing = self._placing
        if placing is not None and placing.from_scan <= first < placing.to_scan:
            return placing
        low_us, high_us = self._interval(first, now_us)
        waiting = now_us - self._begun_us < SETTLE_US
        if waiting and (not self._marks or high_us - low_us > 2 * min(SETTLED_US, self._scan_us // 2)):
            return None
        following = [scan for scan, _ in self._marks if scan > first]
        late = [scan for scan in self._late if scan > first]
        longest_n = max(1, PLACED_US // self._scan_us)
        if not self._marks or (not following and self._is_late(self._marks[-1][0], first)):
            longest_n = min(longest_n, count)  # what has not come yet has no latest time
        to_scan = min([first + longest_n, *following, *late])
        self._placing = self._line(first, to_scan, (low_us, high_us), now_us, bool(following))
        return self._placing

    def _line(self, first: int, to_scan: int, at_first: tuple[int, int], now_us: int, between: bool) -> Placing:
        """The line between the middles of what is known of the first and the last scan."""
        low_us, high_us = at_first
        at_us, bound_us, drift_ppb = (low_us + high_us) // 2, -(-(high_us - low_us) // 2) + 2, 0
        passed_us = (to_scan - 1 - first) * self._scan_us
        if passed_us:
            low_us, high_us = self._interval(to_scan - 1, now_us)
            drift_ppb = (passed_us - (low_us + high_us) // 2 + at_us) * 1_000_000_000 // passed_us
            bound_us = max(bound_us, -(-(high_us - low_us) // 2) + 2)
            bound_us += _drift_us(passed_us) if between else 0  # between answers a bound is no straight line
        return Placing(first, to_scan, at_us, self._scan_us, drift_ppb, bound_us, BY_SYNC if self._marks else BY_FRAME)

    def at(self, scan: int, now_us: int) -> tuple[int, int] | None:
        """Where any scan was, of those that have come or are lost, and its bound; None before `place` knows."""
        if self._placing is None:
            return None
        low_us, high_us = self._interval(scan, now_us)
        return (low_us + high_us) // 2, -(-(high_us - low_us) // 2) + 2

    def _interval(self, scan: int, now_us: int) -> tuple[int, int]:
        """Earliest and latest that a scan which has come can have been."""
        device = self._device_interval(scan)
        low_us, high_us = self._by_frames(scan, now_us)
        if device[0] is not None and device[1] is not None:
            at_us, bound_us = self._host_us((device[0] + device[1]) // 2)
            half_us = (device[1] - device[0]) // 2 + 1
            return at_us - bound_us - half_us, at_us + bound_us + half_us
        if device[0] is not None:
            low_us = max(low_us, self._host_us(device[0])[0] - self._host_us(device[0])[1])
        if device[1] is not None:
            high_us = min(high_us, sum(self._host_us(device[1])))
        return low_us, max(low_us, high_us)

    def _by_frames(self, scan: int, now_us: int) -> tuple[int, int]:
        """By its number alone: not before its run began, not after the promptest frame, nor after it came."""
        passed_us = (scan - self._first_scan) * self._scan_us
        low_us = self._since_us + passed_us - _drift_us(passed_us)
        high_us = self._zero_us + scan * self._scan_us + _drift_us(now_us - self._begun_us)
        high_us = min(high_us, now_us)
        return min(low_us, high_us), high_us

    def _device_interval(self, scan: int) -> tuple[int | None, int | None]:
        """Earliest and latest device time of a scan by the marks around it; None where a late scan hides it."""
        marks = list(self._marks)
        i = bisect_right(marks, scan, key=lambda mark: mark[0])
        low_us = high_us = None
        if i > 0:
            low_us = marks[i - 1][1] + (scan - marks[i - 1][0]) * self._scan_us - JITTER_US
        if i < len(marks):
            high_us = marks[i][1] - (marks[i][0] - scan) * self._scan_us + JITTER_US
        if high_us is None and low_us is not None and not self._is_late(marks[i - 1][0], scan):
            high_us = low_us + 2 * JITTER_US
        if low_us is None and high_us is not None and not self._is_late(scan, marks[i][0]):
            low_us = high_us - 2 * JITTER_US
        if low_us is not None and high_us is not None and low_us > high_us:
            low_us, high_us = high_us, low_us
        return low_us, high_us

    def _is_late(self, behind: int, to_scan: int) -> bool:
        """True where a scan behind the first and up to the second began late."""
        return any(behind < scan <= to_scan for scan in self._late)

    def _host_us(self, device_us: int) -> tuple[int, int]:
        found = self._device.host_us(device_us)
        assert found is not None, "there is a mark, so there was an exchange"
        return found


def _drift_us(passed_us: int) -> int:
    return -(-abs(passed_us) * DRIFT_PPM_MAX // 1_000_000)
