"""The evidence a batch's journal gives for the claims: what was made, not what was planned.

A missing number stays missing.  What the line cannot measure - the copolymer - is on the certificates; what it
measures is taken at its worst moment of production.  Nothing of the plan is copied but the declared roles of the two
liquids and the geometry of the membrane.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal

import apsw

from spinline.claims.catalog import window
from spinline.claims.evidence import Basis, MembraneEvidence, ProcessEvidence, Quality, Reading
from spinline.claims.process import STEPS
from spinline.recipe.certificate import Certificate
from spinline.recipe.line_model import Line
from spinline.recipe.models import Recipe
from spinline.recipe.planned_evidence import planned_evidence
from spinline.record.course import course, production
from spinline.record.metres import RESIDENCE_S, Evidence, gather
from spinline.record.series import Interval

SECOND_US = 1_000_000
KNOWN_SHARE_MIN = 0.99  # of the seconds of production; below it a number does not speak for the batch
RATIO_UNCERTAINTY = Decimal(
    "0.003"
)  # of the stretch ratio, relative: slip between fiber and godet, engineering estimate
FLOW_MIN_L_MIN = 5  # quench flow below this is no cooling


def measured_evidence(
    connection: apsw.Connection,
    line: Line,
    recipe: Recipe,
    certificates: Mapping[str, Certificate],
    day: datetime.date,
) -> MembraneEvidence:
    """Everything the journal and the certificates (by lot) say of a batch, as evidence of basis "measured".

    ``day`` is the day of the batch: certificates must hold on it.
    """
    planned = planned_evidence(recipe, certificates, day)
    seconds = _seconds(gather(connection, line), production(course(connection)))
    sigma = recipe.composition.feeder_uncertainty_percent / 100
    cooled = _worst(seconds, "E-FQUENCH", Decimal(0))
    stretched = _worst(seconds, "C12-STRETCH", RATIO_UNCERTAINTY)
    mixed = _worst(seconds, "C12-PLAST", 2 * sigma)
    process = ProcessEvidence(
        plasticizer_parts=mixed,
        solvent_parts=_worst(seconds, "C12-SOLV", 2 * sigma),
        plasticizer=planned.process.plasticizer,
        solvent=planned.process.solvent,
        steps=STEPS if mixed and cooled and stretched else None,  # the stations stand in the order of the claim
        cooling_asymmetry=planned.process.cooling_asymmetry if _good_flow(cooled) else None,
        extracted_share=planned.process.extracted_share if stretched else None,  # by the model, at the measured speed
        stretch_ratio=stretched,
    )
    base_treated = None if recipe.base_treatment is not None else False  # the line has no record of that step
    return MembraneEvidence(Basis.MEASURED, planned.resin, process, planned.porous, planned.form, base_treated)


def _seconds(evidence: Evidence, within: list[Interval]) -> list[dict[str, float | None]]:
    """What is known of every second of production, from one residence after its beginning on."""
    found = []
    for from_us, to_us in within:
        for second in range(from_us // SECOND_US + RESIDENCE_S, to_us // SECOND_US):
            found.append(evidence.get(second, {}))
    return found


def _worst(seconds: list[dict[str, float | None]], window_id: str, uncertainty_share: Decimal) -> Reading | None:
    """The number nearest to a bound of its window, or farthest outside; None without production.

    Where too many seconds are unknown its quality is bad: the rest does not speak for the batch.
    """
    numbers = [row[window_id] for row in seconds if row.get(window_id) is not None]
    known = [Decimal(str(number)) for number in numbers]
    if not known:
        return None
    bounds = window(window_id)
    low, high = bounds.low, bounds.high

    def room(number: Decimal) -> Decimal:
        rooms = [number - low] if low is not None else []
        rooms += [high - number] if high is not None else []
        return min(rooms)

    worst = min(known, key=room)
    quality = Quality.GOOD if len(known) >= KNOWN_SHARE_MIN * len(seconds) else Quality.BAD
    return Reading(worst, abs(worst) * uncertainty_share, "journal, worst second of production", quality)


def _good_flow(cooled: Reading | None) -> bool:
    return cooled is not None and cooled.quality == Quality.GOOD and cooled.number >= FLOW_MIN_L_MIN
