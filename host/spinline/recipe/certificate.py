"""The certificate of a resin lot: the laboratory's word on composition, melting point and viscosity."""

from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from spinline.claims.catalog import HYDROPHILIC_GROUPS, MONOMERS, cas_is_valid, find_monomer
from spinline.claims.exact import exact
from spinline.recipe.fields import Celsius, Day, NotNegative, Number, Positive, Table, Text

Group = Literal["epoxy", "hydroxy", "carboxy", "ester", "amide", "acid anhydride"]
MolPercent = Annotated[Number, Field(gt=0, lt=100)]


class CertificateMonomer(Table):
    """[[monomer]]: one comonomer, hydrophilic or not, named by `key` or by `name`.

    Its amount as `mol_per_100_mol_vdf` or as `mol_percent` of the copolymer, never both; `uncertainty`
    is 2 sigma in the same unit.  What is left out makes a claim UNKNOWN, never PASS.  `groups` are needed
    only for a name that is not in the monomer table.
    """

    key: Text | None = None
    name: Annotated[Text | None, Field(validate_default=True)] = None
    cas: Text | None = None
    isomer: Literal["Z", "E"] | None = None
    counted_form: Literal["as_polymerized", "hydrolyzed"] | None = None
    groups: tuple[Group, ...] | None = None
    mol_per_100_mol_vdf: Positive | None = None
    mol_percent: MolPercent | None = None
    uncertainty: Positive | None = None
    basis: Literal["incorporated", "charged"] | None = None
    method: Text | None = None

    @field_validator("key")
    @classmethod
    def _key_is_known(cls, key: str | None) -> str | None:
        if key is not None and key not in MONOMERS:
            raise ValueError(f"is not a monomer of the table: {', '.join(MONOMERS)}; else give its name")
        return key

    @field_validator("name")
    @classmethod
    def _key_or_name(cls, name: str | None, told: ValidationInfo) -> str | None:
        if "key" in told.data and (name is None) == (told.data["key"] is None):
            raise ValueError("must be given when there is no key, and must not be given beside a key")
        return name

    @field_validator("cas")
    @classmethod
    def _cas_agrees(cls, cas: str | None, told: ValidationInfo) -> str | None:
        if cas is None:
            return None
        if not cas_is_valid(cas):
            raise ValueError(f"is not a CAS number: {cas!r} has a wrong form or check digit")
        known = find_monomer(told.data.get("key") or told.data.get("name") or "")
        if known is not None and known.cas not in (None, cas):
            raise ValueError(f"contradicts the name: {known.names[0]} is CAS {known.cas}, not {cas}")
        return cas

    @field_validator("mol_percent")
    @classmethod
    def _one_amount(cls, mol_percent: object, told: ValidationInfo) -> object:
        if mol_percent is not None and told.data.get("mol_per_100_mol_vdf") is not None:
            raise ValueError("and mol_per_100_mol_vdf are both given; give one of the two")
        return mol_percent

    @property
    def called(self) -> str:
        """The key or the name, whichever the certificate gives."""
        return self.key or self.name or ""


class MeltingPoint(Table):
    """[melting_point]: `uncertainty_C` is 2 sigma."""

    melting_point_C: Celsius
    uncertainty_C: Positive | None = None
    method: Text


class InherentViscosity(Table):
    """[inherent_viscosity]: ln(t/t0)/c with c in g/dl; `uncertainty_dl_g` is 2 sigma."""

    inherent_viscosity_dl_g: Positive
    uncertainty_dl_g: Positive | None = None
    solvent: Text
    concentration_g_dl: Positive
    temperature_C: Celsius


class Superseded(Table):
    """[supersedes]: the certificate that this one replaces: a file beside it, and the SHA-256 it had (hex)."""

    certificate: Annotated[Text, Field(pattern=r"^[^/\\]+\.toml$")]
    sha256: Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]
    person: Text
    reason: Text


class Certificate(Table):
    """One certificate file.  One that was used is never edited: another one supersedes it.

    `measured_on` says whether the lot itself was analyzed or a blend of it: a blend is no evidence on the
    copolymer.  `valid_until` is the last day it may be relied on.  `hydrophilic_below_mol_per_100_mol_vdf`:
    the analysis found no hydrophilic monomer and would have seen this much.
    """

    lot: Text
    lab: Text
    date: Day
    supplier: Text
    kind: Literal["copolymer", "homopolymer"]
    measured_on: Literal["lot", "blend"]
    valid_until: Day | None = None
    hydrophilic_below_mol_per_100_mol_vdf: NotNegative | None = None
    monomer: Annotated[tuple[CertificateMonomer, ...], Field(max_length=32)] = ()
    melting_point: MeltingPoint | None = None
    inherent_viscosity: InherentViscosity | None = None
    supersedes: Superseded | None = None

    @field_validator("monomer")
    @classmethod
    def _each_once_and_vdf_left(cls, monomers: tuple[CertificateMonomer, ...]) -> tuple[CertificateMonomer, ...]:
        known = [find_monomer(monomer.called) for monomer in monomers]
        keys = [species.key if species else row.called for species, row in zip(known, monomers, strict=True)]
        if len(set(keys)) < len(keys):
            raise ValueError("names one monomer more than once; give one amount for each")
        with exact():
            percent = [row.mol_percent + (row.uncertainty or 0) for row in monomers if row.mol_percent is not None]
            if sum(percent) >= 100:
                raise ValueError(f"adds up to {sum(percent)} mol% with its uncertainty, which leaves no VDF")
        return monomers


assert set(get_args(Group)) == HYDROPHILIC_GROUPS
