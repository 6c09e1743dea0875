"""What leaves the die, from what was fed: the extruder as a dead time and one mixed volume.  Pure, a step a second.

Masses are carried, not ratios: so the parts at the die are right while a feeder starts, stops or is refilled.  The
base is all VDF resin, of every feeder.  Source of the model: residence of R1's extruder, dead time and one lag
(engineering estimate, closes R1's mass balance).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import exp

UNKNOWN_SHARE_MAX = 0.1  # of the resin in the mixed volume; above it nobody knows the parts
RESIN_MIN_MG = 100.0  # less is what is left in an extruder that runs empty


@dataclass(frozen=True)
class Feeds:
    """Mean mass flows of one second in mg/s.  ``refilling``: a resin feeder's reading stands meanwhile."""

    resin_mg_s: float
    plasticizer_mg_s: float
    solvent_mg_s: float
    refilling: bool = False


@dataclass(frozen=True)
class Composition:
    """Parts per 100 parts of resin; shares of the resin, 0 to 1, fed during a refill or without a reading."""

    plasticizer_parts: float
    solvent_parts: float
    refilled_share: float
    unknown_share: float


Masses = tuple[float, ...]
"""Five, in mg: resin, plasticizer, solvent, resin fed during a refill, resin that nobody measured."""


class Mixing:
    """The extruder.  ``dead_time_s`` is whole seconds, 0 and more; ``lag_s`` of the mixed volume, above 0."""

    def __init__(self, dead_time_s: int, lag_s: float) -> None:
        self._line: deque[Masses] = deque([(0.0,) * 5] * dead_time_s)
        self._mixed: Masses = (0.0,) * 5
        self._kept = exp(-1.0 / lag_s)
        self._resin_mg = 0.0  # of the last second with a reading

    def step(self, feeds: Feeds | None, turning: bool) -> Composition | None:
        """One second; ``feeds`` is None where a flow has no good reading.  A screw that stands moves nothing.

        Returns the composition at the die, None where it is not known or the extruder is empty.
        """
        if turning:
            self._line.append(self._fed(feeds))
            arriving = self._line.popleft()
            self._mixed = tuple((held + new) * self._kept for held, new in zip(self._mixed, arriving, strict=True))
        return self._composition()

    def _fed(self, feeds: Feeds | None) -> Masses:
        if feeds is None:
            return 0.0, 0.0, 0.0, 0.0, self._resin_mg
        self._resin_mg = feeds.resin_mg_s
        refilled_mg = feeds.resin_mg_s if feeds.refilling else 0.0
        return feeds.resin_mg_s, feeds.plasticizer_mg_s, feeds.solvent_mg_s, refilled_mg, 0.0

    def _composition(self) -> Composition | None:
        resin_mg, plasticizer_mg, solvent_mg, refilled_mg, unknown_mg = self._mixed
        if resin_mg < RESIN_MIN_MG or unknown_mg > UNKNOWN_SHARE_MAX * (resin_mg + unknown_mg):
            return None
        return Composition(
            100.0 * plasticizer_mg / resin_mg,
            100.0 * solvent_mg / resin_mg,
            refilled_mg / resin_mg,
            unknown_mg / (resin_mg + unknown_mg),
        )
