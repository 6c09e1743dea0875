"""From which side the fiber is cooled: heat into the water over heat into the bore gas.  Pure, a step a second.

The heat that a fiber loses in the quench comes from its mass flow and its fall from the air gap's warmth to the bath's;
what of it goes inward is the gas film's conductance.  Without water that moves nobody knows where it goes.
"""

from __future__ import annotations

from spinline.line.mixing import Feeds
from spinline.recipe.line_model import QuenchHeat

FLOW_MIN_L_MIN = 5.0  # quench flow below this is no cooling
FED_MIN_MG_S = 1.0  # less is no fiber


def cooling_asymmetry(
    heat: QuenchHeat, feeds: Feeds | None, quench_C: float | None, flow_L_min: float | None
) -> float | None:
    """Heat through the outside over heat through the bore, above 0 or below; None where it is not known.

    ``feeds`` are of all fibers together.
    """
    if feeds is None or quench_C is None or flow_L_min is None or flow_L_min < FLOW_MIN_L_MIN:
        return None
    fed_mg_s = feeds.resin_mg_s + feeds.plasticizer_mg_s + feeds.solvent_mg_s
    if fed_mg_s < FED_MIN_MG_S or quench_C >= heat.spun_C:
        return None
    fall_K = heat.spun_C - quench_C
    fiber_W = fed_mg_s / 1000.0 / heat.fiber_n * (heat.capacity_J_g_K * fall_K + heat.crystallization_J_g)
    inside_W = heat.inside_W_K * fall_K
    return (fiber_W - inside_W) / inside_W
