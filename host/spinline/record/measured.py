"""The evidence a batch's journal gives for the claims: what was made, not what was planned.

A missing number stays missing.  What the line cannot measure - the copolymer - is on the certificates; what it
measures is taken at the worst metre of production.  Nothing of the plan is copied but the declared roles of the two
liquids and the geometry of the membrane.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal

import apsw

from spinline.claims.catalog import window
from spinline.claims.evidence import Basis, MembraneEvidence, ProcessEvidence, Quality, Reading
from spinline.claims.process import STEPS
from spinline.line.ledger import Metre, MetreVerdict
from spinline.recipe.certificate import Certificate
from spinline.recipe.line_model import Line
from spinline.recipe.models import Recipe
from spinline.recipe.planned_evidence import planned_evidence
from spinline.record.metres import ledger

KNOWN_SHARE_MIN = 0.99  # of the metres of production; below it a number does not speak for the batch


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
    rows = [metre for metre in ledger(connection, line) if metre.verdict is not MetreVerdict.SCRAP]
    cooled, stretched = _worst(rows, "E-FQUENCH"), _worst(rows, "C12-STRETCH")
    mixed = _worst(rows, "C12-PLAST")
    process = ProcessEvidence(
        plasticizer_parts=mixed,
        solvent_parts=_worst(rows, "C12-SOLV"),
        plasticizer=planned.process.plasticizer,
        solvent=planned.process.solvent,
        steps=STEPS if mixed and cooled and stretched else None,  # the stations stand in the order of the claim
        cooling_asymmetry=_worst(rows, "C12-COOLASYM"),
        extracted_share=_worst(rows, "C12-EXTRACT"),
        stretch_ratio=stretched,
    )
    base_treated = None if recipe.base_treatment is not None else False  # the line has no record of that step
    return MembraneEvidence(Basis.MEASURED, planned.resin, process, planned.porous, planned.form, base_treated)


def _worst(rows: Sequence[Metre], window_id: str) -> Reading | None:
    """The number nearest to a bound of its window, or farthest outside; None without production.

    Where too many metres are unknown its quality is bad: the rest does not speak for the batch.
    """
    spans = [span for metre in rows if (span := metre.spans.get(window_id)) is not None]
    if not spans:
        return None
    bounds = window(window_id)
    low, high = bounds.low, bounds.high

    def room(number: Decimal) -> Decimal:
        rooms = [number - low] if low is not None else []
        rooms += [high - number] if high is not None else []
        return min(rooms)

    worst = min((Decimal(str(end)) for span in spans for end in (span.low, span.high)), key=room)
    uncertainty = Decimal(str(max(span.uncertainty for span in spans)))
    quality = Quality.GOOD if len(spans) >= KNOWN_SHARE_MIN * len(rows) else Quality.BAD
    return Reading(worst, uncertainty, "journal, worst metre of production", quality)
