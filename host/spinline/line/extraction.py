"""How much of what was fed came out of the fiber, by the balance of the first bath.  Pure, a step a second.

What the fiber gives off stays in the bath or leaves with what flows over: make-up in counter-current, so the first bath
has it all.  It is a balance of the whole batch so far: what is still in the fiber between feeder and bath counts as
not extracted, and so does the doubt of the balance; the number says that at least so much was extracted.
"""

from __future__ import annotations

from dataclasses import dataclass

from spinline.line.mixing import Feeds
from spinline.line.span import SIGMAS, Span
from spinline.recipe.line_model import BathBalance

SECONDS_AN_HOUR = 3600.0
PPM = 1e6
SETTLED_S = 600  # of feeding; before, the noise of the sensor is more than what was extracted
UNKNOWN_SHARE_MAX = 0.1  # of the seconds without a reading; above it nobody knows the balance


@dataclass(frozen=True)
class BathSeen:
    """The first bath in one second: plasticizer and solvent in it, and the make-up as a share of full scale."""

    extractables_ppm: float
    make_up_share: float


class Extraction:
    """The balance of one batch."""

    def __init__(self, of: BathBalance) -> None:
        self._of = of
        self._first_ppm: float | None = None
        self._out_kg = self._fed_kg = 0.0
        self._seconds_n = self._unknown_n = 0

    def step(self, bath: BathSeen | None, feeds: Feeds | None) -> Span | None:
        """One second; None for what was not read.  At least so much was extracted, as a share of what was fed."""
        fed_mg_s = feeds.plasticizer_mg_s + feeds.solvent_mg_s if feeds else 0.0
        if self._first_ppm is None and (bath is None or fed_mg_s <= 0):
            return None  # nothing was fed yet
        self._seconds_n += 1
        if bath is None or feeds is None:
            self._unknown_n += 1
            return None
        if self._first_ppm is None:
            self._first_ppm = bath.extractables_ppm
        share = bath.extractables_ppm / PPM
        flow_kg_s = bath.make_up_share * self._of.make_up_full_scale_kg_h / SECONDS_AN_HOUR
        self._out_kg += flow_kg_s * share / (1.0 - share)
        self._fed_kg += fed_mg_s / PPM
        if self._seconds_n < SETTLED_S or self._unknown_n > UNKNOWN_SHARE_MAX * self._seconds_n:
            return None
        stays_kg = self._of.bath_kg * (bath.extractables_ppm - self._first_ppm) / PPM
        extracted = (stays_kg + self._out_kg) / self._fed_kg * (1.0 - SIGMAS * self._of.percent / 100.0)
        return Span(min(extracted, 1.0), min(extracted, 1.0))
