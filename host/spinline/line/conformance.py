"""What every second of the line says of the claims and windows, from measured numbers.  Pure, a step a second.

Each quantity is a span - lowest, highest - with its uncertainty, or None where it is not known: a missing number is
never guessed.  It says nothing of metres; `ledger` carries a span to the metre it acted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

from spinline.line.cooling import cooling_asymmetry
from spinline.line.extraction import BathSeen, Extraction
from spinline.line.mixing import Composition, Feeds, Mixing
from spinline.line.span import SIGMAS, Span, Spans, is_within
from spinline.recipe.line_model import Line

SPEED_MIN_MM_S = 1.0  # below it a godet stands, and a ratio says nothing


@dataclass(frozen=True)
class Measured:
    """One second.  ``feeds``, speeds (of the godets, mm/s) and ``bath`` are None where a reading of them is not good.

    ``turning``: the screw moves melt.  ``direct`` has what needs no model, by the id of its window.
    """

    feeds: Feeds | None
    turning: bool
    takeup_mm_s: float | None
    draw_mm_s: float | None
    direct: Spans
    bath: BathSeen | None = None


class Conformance:
    """The models between what is measured and what a window is about, for one line."""

    def __init__(self, line: Line) -> None:
        self._doubt = line.uncertainty
        self._mixing = Mixing(line.mixing.dead_time_s, line.mixing.lag_s) if line.mixing else None
        self._cooling = line.cooling
        self._extraction = Extraction(line.extraction) if line.extraction else None
        self._span_m = line.path.stretch_span_m
        self._inverse_draw: float | None = None

    def step(self, measured: Measured) -> dict[str, Span | None]:
        """One second: every quantity that can be judged, by the id of its window."""
        composition = self._mixing.step(measured.feeds, measured.turning) if self._mixing else None
        return {
            "C12-PLAST": self._parts("C12-PLAST", composition, composition.plasticizer_parts if composition else 0.0),
            "C12-SOLV": self._parts("C12-SOLV", composition, composition.solvent_parts if composition else 0.0),
            "C12-STRETCH": self._stretch(measured.takeup_mm_s, measured.draw_mm_s),
            **self._asymmetry(measured),
            **({"C12-EXTRACT": self._extraction.step(measured.bath, measured.feeds)} if self._extraction else {}),
            **measured.direct,
        }

    def _asymmetry(self, measured: Measured) -> dict[str, Span | None]:
        """The side the fiber is cooled from, at the worse end of what the quench was in this second."""
        if self._cooling is None:
            return {}
        warm, flow = measured.direct.get("E-TQUENCH"), measured.direct.get("E-FQUENCH")
        found = [
            cooling_asymmetry(self._cooling, measured.feeds, quench_C, flow.low if flow else None)
            for quench_C in ((warm.low, warm.high) if warm else (None,))
        ]
        known = [ratio for ratio in found if ratio is not None]
        if len(known) < len(found):
            return {"C12-COOLASYM": None}
        uncertainty = SIGMAS * self._cooling.percent / 100.0 * max(known)
        return {"C12-COOLASYM": Span(min(known), max(known), uncertainty)}

    def _parts(self, name: str, composition: Composition | None, parts: float) -> Span | None:
        """Feeders as they are, plus what a refill and seconds without a reading leave open.

        Not known where the pump, from standing to twice its flow, could have left the window in those seconds.
        """
        if composition is None:
            return None
        open_parts = parts * composition.unknown_share
        if not is_within(name, Span(parts, parts), open_parts) and is_within(name, Span(parts, parts), 0.0):
            return None
        percent = self._doubt.feeder_percent + self._doubt.refill_percent * composition.refilled_share
        uncertainty = parts * (SIGMAS * percent / 100.0 + composition.unknown_share)
        return Span(parts, parts, uncertainty)

    def _stretch(self, takeup_mm_s: float | None, draw_mm_s: float | None) -> Span | None:
        """The ratio of the godets and the draw of the fiber between them, which follows it.

        Mass in the span: length * dy/dt = v1 - v2 * y with y the inverse draw, the inlet not drawn yet.
        """
        if takeup_mm_s is None or draw_mm_s is None:
            return None
        if draw_mm_s < SPEED_MIN_MM_S or takeup_mm_s < SPEED_MIN_MM_S:
            return self._drawn(None)
        inverse = takeup_mm_s / draw_mm_s
        before = inverse if self._inverse_draw is None else self._inverse_draw
        left = exp(-draw_mm_s / 1000.0 / self._span_m)
        self._inverse_draw = inverse + (before - inverse) * left
        return self._drawn(inverse)

    def _drawn(self, inverse: float | None) -> Span | None:
        if self._inverse_draw is None:
            return None
        draws = [1.0 / self._inverse_draw] + ([1.0 / inverse] if inverse else [])
        return Span(min(draws), max(draws), SIGMAS * self._doubt.stretch_percent / 100.0 * max(draws))
