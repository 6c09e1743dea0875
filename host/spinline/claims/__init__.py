"""The patent's claims, the monomers and the windows as tables, and the checks on them.

Plain values in, verdicts out: no file of the user, no clock, no float.  The tables are read once.
"""

from spinline.claims.catalog import (
    CLAIMED_MONOMERS,
    CLAIMS,
    MONOMERS,
    VDF,
    WINDOWS,
    Tier,
    find_monomer,
    window,
)
from spinline.claims.evidence import (
    Basis,
    Kind,
    Liquid,
    MembraneEvidence,
    MonomerBasis,
    MonomerEvidence,
    ProcessEvidence,
    Quality,
    Reading,
    ResinLot,
)
from spinline.claims.judgement import ClaimVerdict, claimed_rows, judge_claims
from spinline.claims.verdicts import Verdict
from spinline.claims.windows import WindowRow, judge_window

__all__ = [
    "CLAIMED_MONOMERS",
    "CLAIMS",
    "MONOMERS",
    "VDF",
    "WINDOWS",
    "Basis",
    "ClaimVerdict",
    "Kind",
    "Liquid",
    "MembraneEvidence",
    "MonomerBasis",
    "MonomerEvidence",
    "ProcessEvidence",
    "Quality",
    "Reading",
    "ResinLot",
    "Tier",
    "Verdict",
    "WindowRow",
    "claimed_rows",
    "find_monomer",
    "judge_claims",
    "judge_window",
    "window",
]
