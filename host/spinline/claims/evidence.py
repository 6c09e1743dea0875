"""What is known of a membrane and of its making, as plain values.  A missing piece is None, never a guess."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Quality(StrEnum):
    """May the number be relied on?  Only GOOD may; the others make a verdict UNKNOWN."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    STALE = "stale"
    BAD = "bad"


class Basis(StrEnum):
    """Is the plan judged, or what was made?"""

    PLANNED = "planned"
    MEASURED = "measured"


class MonomerBasis(StrEnum):
    """Was the monomer found in the copolymer, or only put into the reactor?"""

    INCORPORATED = "incorporated"
    CHARGED = "charged"


class Kind(StrEnum):
    """What a resin lot is sold as.  A name on a bag is no analysis."""

    COPOLYMER = "copolymer"
    HOMOPOLYMER = "homopolymer"


@dataclass(frozen=True)
class Reading:
    """One number and where it comes from.

    `uncertainty` is 2 sigma, absolute, in the unit of the number; 0 for a number that is exact by definition;
    None when nobody stated it, and then the number cannot show that it is inside a claimed window.
    """

    number: Decimal
    uncertainty: Decimal | None
    source: str
    quality: Quality = Quality.GOOD
    note: str = ""

    def __post_init__(self) -> None:
        assert self.number.is_finite(), "a reading is a finite number"
        assert self.uncertainty is None or (self.uncertainty.is_finite() and self.uncertainty >= 0)


@dataclass(frozen=True)
class MonomerEvidence:
    """One comonomer of a copolymer.  `amount` in mol per 100 mol VDF; None when it was not measured.

    `groups` are those the certificate declares; they count only for a name the tables do not know.
    `isomer` is "Z" or "E"; `counted_form` is "as_polymerized" or "hydrolyzed".
    """

    name: str
    amount: Reading | None
    basis: MonomerBasis | None = None
    cas: str | None = None
    isomer: str | None = None
    counted_form: str | None = None
    groups: frozenset[str] | None = None


@dataclass(frozen=True)
class ResinLot:
    """One lot of VDF resin.  `monomers` None: nobody says what is in it.

    `share` in kg per kg of all VDF resin.  `hydrophilic_below`: the analysis found no more than this,
    in mol per 100 mol VDF.
    """

    lot: str
    share: Reading | None
    kind: Kind | None = None
    monomers: tuple[MonomerEvidence, ...] | None = None
    hydrophilic_below: Reading | None = None
    melting_point: Reading | None = None
    inherent_viscosity: Reading | None = None


@dataclass(frozen=True)
class Liquid:
    """A liquid of the composition.  `role` as the recipe declares it: "plasticizer" or "good_solvent"."""

    name: str
    role: str | None
    cas: str | None = None


@dataclass(frozen=True)
class ProcessEvidence:
    """How the membrane is made.  Parts are per 100 weight parts of all VDF resin; the others are ratios.

    `steps` in the order they are done; None when no order is known.  `cooling_asymmetry`: heat removed
    through the preferred side over heat removed through the other.  `stretch_ratio`: after extraction, not
    the draw-down at the spinneret.
    """

    plasticizer_parts: Reading | None = None
    solvent_parts: Reading | None = None
    plasticizer: Liquid | None = None
    solvent: Liquid | None = None
    steps: tuple[str, ...] | None = None
    cooling_asymmetry: Reading | None = None
    extracted_share: Reading | None = None
    stretch_ratio: Reading | None = None


@dataclass(frozen=True)
class MembraneEvidence:
    """Everything the claims are judged on.  `form` is "hollow_fiber", "flat_film" or None."""

    basis: Basis
    resin: tuple[ResinLot, ...]
    process: ProcessEvidence
    porous: bool | None = None
    form: str | None = None
    base_treated: bool | None = None
