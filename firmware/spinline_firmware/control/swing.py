"""The swing of one input about its slow mean, cycle by cycle: draw resonance.  Knows no fiber and no limit.

A cycle goes from one upward crossing of the mean to the next; one only counts beyond 1/128 of the mean, so that noise
makes none.  Of the last cycles in a row the weakest is told, in 1/4096 of the mean: half of highest less lowest.

Why no intermediate reaches 2^30 (numbers within +-2^20, a lag of 2^9 steps at most): the mean is held as number * 2^9,
its difference from another stays below 1 450 000 * 2^9 < 2^30.  A number farther from the mean than a quarter is no
swing but another fiber, so the mean begins anew there and twice a swing is at most the mean.
"""

from array import array

from spinline_protocol.portable import const, micropython, ptr32
from spinline_protocol.quantities import BAD

from .image import QUALITY

LAG = const(0)  # the mean has 2^LAG steps
SHORTEST = const(1)  # steps of a cycle
LONGEST = const(2)
MEAN = const(3)  # times 2^LAG
SIDE = const(4)  # 1 above, -1 below, 0 not known yet
HIGH = const(5)  # of this cycle, from the mean
LOW = const(6)
AGE = const(7)  # steps of this cycle
WORDS_N = const(8)
LAG_MAX = 9
SWING_MAX = 1 << 18


@micropython.viper
def follow(words, pv: int) -> int:  # type: ignore[no-untyped-def]
    """One step: highest less lowest of a cycle that ended and fits, 0 where the row of cycles ends, -1 otherwise."""
    w = ptr32(words)
    lag = int(w[LAG])
    fine = int(w[MEAN])
    mean = fine >> lag
    away = pv - mean
    far = mean >> 2
    age = 0
    ended = 0
    if away > far or away < 0 - far:
        w[MEAN] = pv << lag
        w[SIDE] = 0
        w[HIGH] = 0
        w[LOW] = 0
    else:
        w[MEAN] = fine + (((pv << lag) - fine) >> lag)
        if away > w[HIGH]:
            w[HIGH] = away
        if away < w[LOW]:
            w[LOW] = away
        age = int(w[AGE]) + 1
        band = mean >> 7
        ended = 0 - 1
        if w[SIDE] == 1:
            if away < 0 - band:
                w[SIDE] = 0 - 1
        elif away > band:
            ended = 0
            if w[SIDE] != 0 and age >= w[SHORTEST]:
                ended = int(w[HIGH]) - int(w[LOW])
            w[SIDE] = 1
            w[HIGH] = away
            w[LOW] = away
            age = 0
        if age > w[LONGEST]:
            ended = 0
            w[SIDE] = 0
            age = 0
    w[AGE] = age
    return ended


class Swing:
    """The input at word ``at`` of the image, looked at in every ``every``-th scan; cycle times in scans."""

    def __init__(self, at: int, cycles_n: int, scans_min: int, scans_max: int, every: int) -> None:
        self._at = at
        self._every = every
        self._left_n = 1
        self._words = array("i", [0] * WORDS_N)
        self._words[SHORTEST], self._words[LONGEST] = scans_min // every, scans_max // every
        while self._words[LAG] < LAG_MAX and 1 << self._words[LAG] < self._words[LONGEST]:
            self._words[LAG] += 1
        self._shares = array("i", [0] * cycles_n)
        self._share_i = self._cycles_n = 0
        self._shown = 0

    def take(self, image) -> int:  # type: ignore[no-untyped-def]
        """The number of this scan; returns the weakest of the last cycles, 0 where there are not enough in a row."""
        self._left_n -= 1
        if self._left_n == 0:
            self._left_n = self._every
            if image[self._at + QUALITY] == BAD:
                self._words[MEAN] = 0  # the next good number begins it anew
                self._take_cycle(0)
            else:
                swing = follow(self._words, image[self._at])
                if swing >= 0:
                    self._take_cycle(swing)
        return self._shown

    def _take_cycle(self, swing: int) -> None:
        """A cycle from ``follow``; 0 ends the row of them.  Cut to 2^18 a swing stays below 2^29."""
        shares = self._shares
        mean = self._words[MEAN] >> self._words[LAG]
        self._shown = 0
        if swing == 0 or mean <= 0:
            self._cycles_n = 0
            return
        shares[self._share_i] = (min(swing, SWING_MAX) << 11) // mean
        self._share_i = self._share_i + 1 if self._share_i + 1 < len(shares) else 0
        self._cycles_n = min(self._cycles_n + 1, len(shares))
        if self._cycles_n == len(shares):
            self._shown = min(shares)
