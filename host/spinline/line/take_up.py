"""How far the fiber has come, second by second, from the encoder at the take-up.  Pure.

Length comes from the count, which wraps; over a gap the speed says how often it did, and across a restart of the node
the speed is all there is.  Where that was so, the second is not whole.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SECOND_US = 1_000_000
COUNT_SPAN = 1 << 24  # the recorded position wraps here
SURE_S = 10.0  # the count alone is enough for so long: it wraps after tens of metres


@dataclass(frozen=True)
class Position:
    """A scan at the take-up: encoder count and speed in mm/s."""

    run: int
    scan: int
    at_us: int
    count: float
    speed_mm_s: float


@dataclass(frozen=True)
class Piece:
    """Fiber taken up from one time to the next, us UTC.  ``whole`` is False where scans of it are missing."""

    at_us: int
    to_us: int
    metres: float
    whole: bool


class TakeUp:
    """Takes the positions in order, gives the length at the end of each second, in order."""

    def __init__(self, counts_per_m: float, scan_ms: int) -> None:
        self._per_m, self._scan_ms = counts_per_m, scan_ms
        self._first: Position | None = None  # of the second that runs
        self._newest: Position | None = None
        self._scans_n = 0  # of that second
        self._pieces: deque[Piece] = deque()
        self._before_m = self._begin_m = 0.0
        self.last_us: int | None = None  # end of the newest piece; None while there is none

    def add(self, new: Position) -> None:
        """A position; its time is not before that of the one before."""
        first, newest = self._first, self._newest
        self._newest = new
        if first is None or newest is None:
            self._begin(new)
        elif new.run != first.run:
            self._piece(first, newest)
            self._piece(newest, new)
            self._begin(new)
        elif new.at_us // SECOND_US == first.at_us // SECOND_US:
            self._scans_n += 1
        else:
            self._piece(first, new)
            self._begin(new)

    def finish(self) -> None:
        """Nothing more will come."""
        if self._first is not None and self._newest is not None:
            self._piece(self._first, self._newest)

    def second(self, at_s: int) -> tuple[float, float, bool]:
        """Position at the begin and end of a second in m, and whether no scan of it is missing; each once, in order."""
        end_us, whole, begin_m = (at_s + 1) * SECOND_US, True, self._begin_m
        while self._pieces and self._pieces[0].to_us <= end_us:
            piece = self._pieces.popleft()
            whole = whole and piece.whole
            self._before_m += piece.metres
        self._begin_m = self._before_m
        if self._pieces and self._pieces[0].at_us < end_us:
            piece = self._pieces[0]
            whole = whole and piece.whole
            self._begin_m += piece.metres * (end_us - piece.at_us) / (piece.to_us - piece.at_us)
        return begin_m, self._begin_m, whole

    def _begin(self, first: Position) -> None:
        self._first, self._scans_n = first, 1

    def _piece(self, here: Position, there: Position) -> None:
        if there.at_us > here.at_us:
            length_m, is_exact = self._length_m(here, there)
            whole = is_exact and there.scan - here.scan <= self._scans_n
            self._pieces.append(Piece(here.at_us, there.at_us, max(0.0, length_m), whole))
            self.last_us = there.at_us

    def _length_m(self, here: Position, there: Position) -> tuple[float, bool]:
        """Length between two positions; False beside it where the count alone does not say it."""
        mean_mm_s = (here.speed_mm_s + there.speed_mm_s) / 2
        if here.run != there.run:
            return mean_mm_s / 1000 * (there.at_us - here.at_us) / SECOND_US, False
        elapsed_s = (there.scan - here.scan) * self._scan_ms / 1000
        moved = (there.count - here.count + COUNT_SPAN // 2) % COUNT_SPAN - COUNT_SPAN // 2
        if elapsed_s < SURE_S:
            return moved / self._per_m, True
        turns = round((mean_mm_s / 1000 * elapsed_s * self._per_m - moved) / COUNT_SPAN)
        return (moved + turns * COUNT_SPAN) / self._per_m, False
