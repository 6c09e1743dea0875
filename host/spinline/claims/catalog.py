"""The claims, the monomers and the windows, read once from the tables in this package.  Judges nothing."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Any

from spinline.claims.exact import exact
from spinline.errors import UnknownName

HYDROPHILIC_GROUPS = frozenset({"epoxy", "hydroxy", "carboxy", "ester", "amide", "acid anhydride"})
"""The six groups of claim 1."""

_WINDOW_TABLES = ("claimed", "preferred", "melt", "fiber", "limits")


class Tier(StrEnum):
    """Who set the window."""

    CLAIMED = "claimed"
    PREFERRED = "preferred"
    EXAMPLE = "example"
    ENGINEERING = "engineering"


@dataclass(frozen=True)
class Monomer:
    """One species.  `claim` is the closed list (2 to 7) that names it, None when no list does."""

    key: str
    names: tuple[str, ...]
    formula: str
    cas: str | None
    molar_mass_g_mol: Decimal
    groups: frozenset[str]
    claim: int | None
    needs: str | None
    unclear_for: frozenset[int]

    @property
    def is_hydrophilic(self) -> bool:
        """True when it carries at least one of the six groups of claim 1."""
        return bool(self.groups & HYDROPHILIC_GROUPS)


@dataclass(frozen=True)
class Window:
    """A range of one quantity.  A bound of None is no bound; `guards` is the claimed window it protects."""

    id: str
    quantity: str
    unit: str
    tier: Tier
    low: Decimal | None
    high: Decimal | None
    low_inclusive: bool
    high_inclusive: bool
    guards: str | None
    source: str
    note: str


@dataclass(frozen=True)
class Claim:
    """One claim: `rests_on` are the claims of which it needs at least one; `windows` the ids it binds."""

    number: int
    kind: str
    title: str
    text: str
    rests_on: tuple[int, ...]
    windows: tuple[str, ...]


def _table(name: str) -> dict[str, Any]:
    text = (resources.files("spinline.claims") / "tables" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)


def _monomer(row: Mapping[str, Any]) -> Monomer:
    return Monomer(
        key=row["key"],
        names=(*row["names"], *([row["systematic"]] if "systematic" in row else [])),
        formula=row["formula"],
        cas=row.get("cas"),
        molar_mass_g_mol=Decimal(row["molar_mass_g_mol"]),
        groups=frozenset(row["groups"]),
        claim=row.get("claim"),
        needs=row.get("needs"),
        unclear_for=frozenset(row.get("unclear_for", ())),
    )


def _bound(written: Decimal | int | str | None) -> Decimal | None:
    if isinstance(written, str):
        dividend, divisor = written.split("/")
        with exact():
            return Decimal(dividend) / Decimal(divisor)
    return None if written is None else Decimal(written)


def _window(row: Mapping[str, Any], tier: str | None) -> Window:
    return Window(
        id=row["id"],
        quantity=row["quantity"],
        unit=row["unit"],
        tier=Tier(row.get("tier", tier)),
        low=_bound(row.get("low")),
        high=_bound(row.get("high")),
        low_inclusive=row.get("low_inclusive", True),
        high_inclusive=row.get("high_inclusive", True),
        guards=row.get("guards"),
        source=row["source"],
        note=row.get("note", ""),
    )


def _windows() -> dict[str, Window]:
    tables = [_table(f"windows_{name}") for name in _WINDOW_TABLES]
    rows = [_window(row, table.get("tier")) for table in tables for row in table["window"]]
    by_id = {row.id: row for row in rows}
    assert len(by_id) == len(rows), "a window id stands twice in the tables"
    return by_id


def _claims() -> dict[int, Claim]:
    rows = _table("claims")["claim"]
    claims = [
        Claim(
            row["number"],
            row["kind"],
            row["title"],
            row["text"],
            tuple(row["rests_on"]),
            tuple(row["windows"]),
        )
        for row in rows
    ]
    return {claim.number: claim for claim in claims}


def _spelling(name: str) -> str:
    return "".join(name.casefold().replace("β", "beta").replace("-", "").split())


_MONOMER_TABLE = _table("monomers")

VDF = _monomer(_MONOMER_TABLE["vdf"])
CLAIMED_MONOMERS: Mapping[str, Monomer] = MappingProxyType(
    {row["key"]: _monomer(row) for row in _MONOMER_TABLE["monomer"]}
)
OTHER_MONOMERS: Mapping[str, Monomer] = MappingProxyType(
    {row["key"]: _monomer(row) for row in _table("other_monomers")["monomer"]}
)
MONOMERS: Mapping[str, Monomer] = MappingProxyType({**CLAIMED_MONOMERS, **OTHER_MONOMERS})
WINDOWS: Mapping[str, Window] = MappingProxyType(_windows())
CLAIMS: Mapping[int, Claim] = MappingProxyType(_claims())

_BY_SPELLING = {
    _spelling(name): monomer for monomer in (VDF, *MONOMERS.values()) for name in (monomer.key, *monomer.names)
}

_BY_CAS = {monomer.cas: monomer for monomer in (VDF, *MONOMERS.values()) if monomer.cas}

assert all(_BY_SPELLING[_spelling(name)] is monomer for monomer in MONOMERS.values() for name in monomer.names)
assert tuple(CLAIMS) == tuple(range(1, 13))
assert all(window in WINDOWS for claim in CLAIMS.values() for window in claim.windows)
assert not set(CLAIMED_MONOMERS) & set(OTHER_MONOMERS)


def find_monomer(name: str) -> Monomer | None:
    """The monomer of that key or name, None when the tables do not know it.

    Case, blanks and hyphens do not count; formulas are never compared, because isomers share them.
    """
    return _BY_SPELLING.get(_spelling(name))


def find_monomer_by_cas(cas: str) -> Monomer | None:
    """The monomer of that CAS number, None when the tables do not know it."""
    return _BY_CAS.get(cas.strip())


def window(window_id: str) -> Window:
    """The window of that id.  Raises UnknownName."""
    if window_id not in WINDOWS:
        raise UnknownName(f"there is no window {window_id!r}")
    return WINDOWS[window_id]


def cas_is_valid(cas: str) -> bool:
    """True when the CAS number has its form and its check digit is right."""
    parts = cas.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return False
    if not (2 <= len(parts[0]) <= 7 and len(parts[1]) == 2 and len(parts[2]) == 1):
        return False
    digits = [int(digit) for digit in reversed(parts[0] + parts[1])]
    return sum(place * digit for place, digit in enumerate(digits, start=1)) % 10 == int(parts[2])
