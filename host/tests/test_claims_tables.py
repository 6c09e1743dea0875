"""The tables of the claims: what they hold, and that they hold it right."""

from decimal import Decimal

import pytest

from spinline.claims import CLAIMED_MONOMERS, CLAIMS, MONOMERS, VDF, WINDOWS, Tier, find_monomer, window
from spinline.claims.catalog import HYDROPHILIC_GROUPS, cas_is_valid, find_monomer_by_cas
from spinline.claims.chemistry import VDF_MOLAR_MASS_G_MOL
from spinline.errors import SpinlineError, UnknownName

LISTED_N = {2: 9, 3: 2, 4: 7, 5: 6, 6: 7, 7: 2}
OWN_GROUP = {2: "epoxy", 3: "hydroxy", 4: "carboxy", 5: "ester", 6: "amide", 7: "acid anhydride"}
ALL_SPECIES = [VDF, *MONOMERS.values()]


def _listed(claim: int) -> set[str]:
    return {key for key, monomer in CLAIMED_MONOMERS.items() if monomer.claim == claim}


def test_the_claims_name_33_species_and_no_species_twice():
    assert {claim: len(_listed(claim)) for claim in LISTED_N} == LISTED_N
    assert len(CLAIMED_MONOMERS) == 33
    assert len({name for monomer in CLAIMED_MONOMERS.values() for name in monomer.names}) == sum(
        len(monomer.names) for monomer in CLAIMED_MONOMERS.values()
    )


@pytest.mark.parametrize("monomer", CLAIMED_MONOMERS.values(), ids=lambda monomer: monomer.key)
def test_each_listed_monomer_carries_the_group_of_its_claim(monomer):
    assert OWN_GROUP[monomer.claim] in monomer.groups
    assert monomer.groups <= HYDROPHILIC_GROUPS


@pytest.mark.parametrize("monomer", ALL_SPECIES, ids=lambda monomer: monomer.key)
def test_each_molar_mass_is_the_sum_of_its_atomic_weights(monomer):
    molmass = pytest.importorskip("molmass")
    assert float(monomer.molar_mass_g_mol) == pytest.approx(molmass.Formula(monomer.formula).mass, abs=2e-4)


@pytest.mark.parametrize("monomer", ALL_SPECIES, ids=lambda monomer: monomer.key)
def test_each_cas_number_has_the_right_check_digit_or_is_left_out(monomer):
    assert monomer.cas is None or cas_is_valid(monomer.cas)


def test_seven_listed_species_have_no_cas_number_and_none_is_invented():
    assert {key for key, monomer in CLAIMED_MONOMERS.items() if monomer.cas is None} == {
        "2MGA", "2EGMA", "2EGA", "1MGMA", "1MGA", "MMC", "MEC",
    }  # fmt: skip


@pytest.mark.parametrize("cas", ["3052-50-5", "3052-504", "x", "", "3052-50-", "٣٠٥٢-50-4", "1-11-1", "1--1"])
def test_a_wrong_cas_number_is_seen(cas):
    assert not cas_is_valid(cas)


def test_the_molar_mass_used_for_conversions_is_that_of_the_table():
    assert VDF.molar_mass_g_mol == VDF_MOLAR_MASS_G_MOL


@pytest.mark.parametrize("monomer", MONOMERS.values(), ids=lambda monomer: monomer.key)
def test_every_spelling_finds_its_own_species(monomer):
    for name in (monomer.key, *monomer.names, monomer.names[0].upper(), monomer.names[0].replace("-", " ")):
        assert find_monomer(name) is monomer


def test_the_spellings_of_the_claims_find_their_species():
    assert find_monomer("β-methacryloyloxyethyl hydrogen succinate").key == "MOES"
    assert find_monomer("diacetone-acrylamide").key == "DAAM"
    assert find_monomer("N,N-diethyl-acrylamide").key == "DEAA"
    assert find_monomer("10 N,N-diethyl-acrylamide") is None
    assert find_monomer_by_cas("106-91-2").key == "GMA"
    assert find_monomer_by_cas("50-00-0") is None


def test_isomers_share_a_formula_and_stay_apart():
    same = [monomer.key for monomer in CLAIMED_MONOMERS.values() if monomer.formula == "C7H10O3"]
    assert same == ["GMA", "2MGA", "1MGA"]


def test_the_81_windows_are_ordered_ranges():
    assert len(WINDOWS) == 81
    for limits in WINDOWS.values():
        assert limits.low is None or limits.high is None or limits.low <= limits.high
        assert limits.low is not None or limits.high is not None
        assert limits.quantity and limits.unit and limits.source


def test_the_windows_of_each_tier_are_complete():
    tiers = [limits.tier for limits in WINDOWS.values()]
    assert {tier: tiers.count(tier) for tier in Tier} == {
        Tier.CLAIMED: 15, Tier.PREFERRED: 6, Tier.EXAMPLE: 3, Tier.ENGINEERING: 57,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("window_id", "low", "high"),
    [("C1-MOL", "0.01", "10.0"), ("C8-TM", "150", "180"), ("C9-ETA", "0.5", "5"),
     ("C12-PLAST", "70", "250"), ("C12-SOLV", "5", "80")],
)  # fmt: skip
def test_the_numbers_of_the_claims_are_inclusive_and_exact(window_id, low, high):
    limits = window(window_id)
    assert (limits.low, limits.high) == (Decimal(low), Decimal(high))
    assert limits.low_inclusive and limits.high_inclusive


def test_the_bounds_without_numbers_in_the_claim_are_exclusive():
    for window_id in ("C12-COPOLYSHARE", "C12-COOLASYM", "C12-EXTRACT", "C12-STRETCH"):
        assert not window(window_id).low_inclusive


def test_guard_bands_stand_inside_the_claims_they_guard():
    guards = [limits for limits in WINDOWS.values() if limits.guards]
    assert len(guards) == 2
    for limits in guards:
        assert window(limits.guards).low < limits.low <= limits.high < window(limits.guards).high


def test_an_unknown_window_is_refused_by_name():
    with pytest.raises(UnknownName, match="E-NOTHING"):
        window("E-NOTHING")
    assert issubclass(UnknownName, SpinlineError)


def _ways_down(claim: int) -> int:
    return sum(_ways_down(lower) for lower in CLAIMS[claim].rests_on) or 1


def test_the_dependencies_are_those_of_the_claims():
    assert [_ways_down(claim) for claim in (8, 9, 10, 11)] == [7, 14, 28, 56]
    assert sum(_ways_down(claim) for claim in CLAIMS) == 1 + 6 + 7 + 14 + 28 + 56 + 1
    assert not CLAIMS[1].rests_on and not CLAIMS[12].rests_on


def test_the_claim_words_carry_no_margin_numerals_and_no_markup():
    for claim in CLAIMS.values():
        assert claim.text.startswith("A p") and claim.text.endswith(".")
        assert "\n" not in claim.text and "$" not in claim.text and "  " not in claim.text
