"""The verdicts on the twelve claims: the rule of each, and every trap the words hold."""

from dataclasses import replace
from decimal import Decimal, localcontext

import pytest

from spinline.claims import (
    MONOMERS,
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
    Verdict,
    chemistry,
    judge_claims,
    judge_window,
)
from spinline.claims.process import STEPS

PASS, AT_LIMIT, AMBIGUOUS, UNKNOWN, FAIL = (
    Verdict.PASS, Verdict.AT_LIMIT, Verdict.AMBIGUOUS, Verdict.UNKNOWN, Verdict.FAIL,
)  # fmt: skip


def _reading(number, uncertainty="0.001"):
    stated = None if uncertainty is None else Decimal(uncertainty)
    return Reading(Decimal(str(number)), stated, "test certificate")


def _monomer(name, amount="1.0", uncertainty="0.001", basis=MonomerBasis.INCORPORATED, **more):
    return MonomerEvidence(name, _reading(amount, uncertainty), basis, **more)


MMM = _monomer("MMM", isomer="Z")


def _lot(*monomers, **more):
    given = {
        "lot": "L1", "share": _reading(1, "0"), "kind": Kind.COPOLYMER, "monomers": monomers or (MMM,),
        "melting_point": _reading("170.6"), "inherent_viscosity": _reading("1.6"),
    }  # fmt: skip
    return ResinLot(**{**given, **more})


PROCESS = ProcessEvidence(
    plasticizer_parts=_reading(150),
    solvent_parts=_reading(30),
    plasticizer=Liquid("adipic acid polyester", "plasticizer"),
    solvent=Liquid("NMP", "good_solvent"),
    steps=STEPS,
    cooling_asymmetry=_reading(57),
    extracted_share=_reading("0.99"),
    stretch_ratio=_reading("1.8"),
)


def _judge(*lots, process=PROCESS, porous=True, form="hollow_fiber", base_treated=True):
    evidence = MembraneEvidence(Basis.PLANNED, lots or (_lot(),), process, porous, form, base_treated)
    return judge_claims(evidence)


def _process(**changed):
    return _judge(process=replace(PROCESS, **changed))[12].verdict


def test_a_complete_set_of_evidence_meets_every_claim_it_can():
    verdicts = {number: claim.verdict for number, claim in _judge().items()}
    met = {number for number, verdict in verdicts.items() if verdict is PASS}
    assert met == {1, 4, 8, 9, 10, 11, 12}
    assert all(verdicts[number] is FAIL for number in (2, 3, 5, 6, 7))


@pytest.mark.parametrize(
    ("x", "uncertainty", "expected"),
    [
        ("0.01", "0", PASS), ("10.0", "0", PASS), ("10", "0.1", AT_LIMIT), ("0.01", "0.001", AT_LIMIT),
        ("0.00999999999999999999999999999", "0", FAIL), ("10.00000000000000000000000001", "0", FAIL),
        ("10.001", "5", FAIL), ("0.0099", "0.1", FAIL), ("9.9", "0.1", PASS), ("9.91", "0.1", AT_LIMIT),
        ("1", None, UNKNOWN), ("11", None, FAIL),
    ],
)  # fmt: skip
def test_claim_1_compares_strictly_first_and_looks_at_the_uncertainty_after(x, uncertainty, expected):
    assert _judge(_lot(_monomer("AA", x, uncertainty)))[1].verdict is expected


def test_ten_mol_percent_is_more_than_ten_mol_per_100_mol():
    x = chemistry.per_100_mol_from_mol_percent(Decimal("10.0"))
    assert x.quantize(Decimal("0.01")) == Decimal("11.11")
    assert (
        _judge(_lot(MonomerEvidence("AA", Reading(x, Decimal(0), "lab"), MonomerBasis.INCORPORATED)))[1].verdict is FAIL
    )


def test_a_charged_amount_is_unknown_with_a_note_even_far_outside():
    for amount in ("1", "50"):
        claim = _judge(_lot(_monomer("MMM", amount, basis=MonomerBasis.CHARGED, isomer="Z")))[1]
        assert claim.verdict is UNKNOWN
        assert "charged" in claim.reason


def test_an_amount_of_undeclared_basis_is_unknown():
    assert _judge(_lot(_monomer("MMM", basis=None, isomer="Z")))[1].verdict is UNKNOWN


@pytest.mark.parametrize("quality", [Quality.BAD, Quality.STALE, Quality.UNCERTAIN])
def test_a_number_that_is_not_good_is_unknown_even_outside(quality):
    for number in ("170", "900"):
        melting_point = replace(_reading(number), quality=quality)
        assert _judge(_lot(melting_point=melting_point))[8].verdict is UNKNOWN


@pytest.mark.parametrize("claim_and_keys", [(2, "GMA"), (3, "HEMA"), (4, "AA"), (5, "VAc"), (6, "NIPAM")])
def test_a_closed_list_holds_its_own_monomers_and_no_others(claim_and_keys):
    claim, key = claim_and_keys
    verdicts = _judge(_lot(_monomer(key)))
    assert [number for number in range(2, 8) if verdicts[number].verdict is PASS] == [claim]


def test_glycidyl_methacrylate_does_not_meet_claim_5_though_it_is_an_ester():
    verdicts = _judge(_lot(_monomer("glycidyl methacrylate")))
    assert (verdicts[2].verdict, verdicts[5].verdict) == (PASS, FAIL)


def test_two_monomers_of_one_list_meet_it():
    verdicts = _judge(_lot(_monomer("GMA"), _monomer("AGE")))
    assert (verdicts[1].verdict, verdicts[2].verdict) == (PASS, PASS)


def test_monomers_of_two_lists_are_ambiguous_for_both_and_outside_the_rest():
    verdicts = _judge(_lot(_monomer("GMA"), _monomer("AA")))
    assert (verdicts[2].verdict, verdicts[4].verdict, verdicts[3].verdict) == (AMBIGUOUS, AMBIGUOUS, FAIL)
    assert verdicts[1].verdict is PASS


def test_dimethylaminoethyl_acrylate_meets_claim_1_and_not_claim_5():
    verdicts = _judge(_lot(_monomer("2-(dimethylamino)ethyl acrylate")))
    assert (verdicts[1].verdict, verdicts[5].verdict) == (PASS, FAIL)
    assert _judge(_lot(_monomer("DMAEMA")))[5].verdict is PASS
    assert _judge(_lot(_monomer("DEAEA")))[5].verdict is PASS


def test_vinylene_carbonate_is_an_ester_because_the_claim_says_so():
    assert _judge(_lot(_monomer("vinylene carbonate")))[5].verdict is PASS


def test_hydroxyethyl_without_a_number_is_read_as_2_and_1_hydroxyethyl_is_unknown():
    assert _judge(_lot(_monomer("hydroxyethyl acrylate")))[3].verdict is PASS
    one = _judge(_lot(_monomer("1-hydroxyethyl acrylate")))
    assert (one[1].verdict, one[3].verdict) == (PASS, UNKNOWN)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [({"isomer": "Z"}, PASS), ({"cas": "3052-50-4"}, PASS), ({"isomer": "E"}, AMBIGUOUS), ({}, UNKNOWN)],
)
def test_a_maleate_must_be_shown_to_be_the_z_isomer(stated, expected):
    verdicts = _judge(_lot(_monomer("monomethyl maleate", **stated)))
    assert (verdicts[1].verdict, verdicts[4].verdict) == (PASS, expected)


def test_a_fumarate_is_named_by_no_list():
    verdicts = _judge(_lot(_monomer("monomethyl fumarate")))
    assert (verdicts[1].verdict, verdicts[4].verdict) == (PASS, FAIL)


def test_a_citraconate_may_be_either_regioisomer():
    assert _judge(_lot(_monomer("monoethyl citraconate")))[4].verdict is PASS


@pytest.mark.parametrize(("form", "expected"), [("as_polymerized", PASS), ("hydrolyzed", AMBIGUOUS), (None, UNKNOWN)])
def test_an_anhydride_must_say_which_form_was_counted(form, expected):
    verdicts = _judge(_lot(_monomer("MAn", counted_form=form)))
    assert (verdicts[1].verdict, verdicts[7].verdict) == (PASS, expected)


def test_a_name_outside_the_table_is_unknown_until_its_groups_are_declared():
    silent = _judge(_lot(_monomer("itaconic acid")))
    told = _judge(_lot(_monomer("itaconic acid", groups=frozenset({"carboxy"}))))
    assert (silent[1].verdict, silent[4].verdict) == (UNKNOWN, UNKNOWN)
    assert (told[1].verdict, told[4].verdict) == (PASS, UNKNOWN)


def test_a_name_outside_the_table_is_found_by_its_cas_number():
    assert _judge(_lot(_monomer("trade name X", cas="79-10-7")))[4].verdict is PASS


def test_other_comonomers_count_in_neither_term():
    verdicts = _judge(_lot(MMM, _monomer("hexafluoropropylene", "25")))
    assert (verdicts[1].verdict, verdicts[4].verdict) == (PASS, PASS)
    assert _judge(_lot(_monomer("HFP", "5")))[1].verdict is FAIL


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [(("6", "6"), AMBIGUOUS), (("0.006", "0.006"), AMBIGUOUS), (("0.005", "1"), AMBIGUOUS),
     (("0.003", "0.004"), FAIL), (("11", "1"), FAIL), (("4", "5"), PASS), (("4.9", "5.0999"), AT_LIMIT)],
)  # fmt: skip
def test_several_monomers_are_read_as_a_sum_and_one_by_one(amounts, expected):
    monomers = [_monomer(key, x, "0.0005") for key, x in zip(("AA", "MAA"), amounts, strict=True)]
    assert _judge(_lot(*monomers))[1].verdict is expected


def test_one_amount_missing_among_several_is_unknown():
    monomers = (_monomer("AA", "11"), MonomerEvidence("MAA", None, MonomerBasis.INCORPORATED))
    assert _judge(_lot(*monomers))[1].verdict is UNKNOWN


def test_a_homopolymer_by_name_is_unknown_and_by_analysis_outside():
    by_name = _lot(kind=Kind.HOMOPOLYMER, monomers=())
    by_analysis = replace(by_name, hydrophilic_below=_reading("0.005", "0"))
    too_coarse = replace(by_name, hydrophilic_below=_reading("0.5", "0"))
    found = replace(by_name, monomers=(_monomer("AA", "0.02"),))
    assert [_judge(lot)[1].verdict for lot in (by_name, by_analysis, too_coarse, found)] == [
        UNKNOWN, FAIL, UNKNOWN, PASS,
    ]  # fmt: skip


def test_claims_8_and_9_bind_the_copolymer_that_meets_claim_1():
    right_but_hot = _lot(melting_point=_reading("185"))
    wrong_but_cool = _lot(_monomer("AA", "12"), lot="L2", melting_point=_reading("160"))
    verdicts = _judge(right_but_hot, wrong_but_cool)
    assert (verdicts[1].verdict, verdicts[8].verdict) == (PASS, FAIL)


def test_two_copolymers_cannot_lend_each_other_a_property_for_the_chain():
    low = _lot(melting_point=_reading("170"), inherent_viscosity=_reading("9"))
    thin = _lot(lot="L2", melting_point=_reading("185"), inherent_viscosity=_reading("1"))
    verdicts = _judge(low, thin)
    assert (verdicts[8].chain_text, verdicts[9].chain_text) == ("8 > 4 > 1", "9 > 4 > 1")
    assert verdicts[10].chain_text == "10 > 9 > 4 > 1"


def test_the_chain_is_the_narrowest_reading_met():
    assert _judge()[11].chain_text == "11 > 10 > 9 > 8 > 4 > 1"
    assert _judge(_lot(_monomer("MMA")))[10].chain_text == "10 > 9 > 8 > 1"
    assert _judge(_lot(_monomer("AA", "12")))[10].chain_text == ""
    assert _judge(form="flat_film")[11].chain_text == "11 > 9 > 8 > 4 > 1"


@pytest.mark.parametrize(("number", "expected"), [("150", PASS), ("180", PASS), ("149.9", FAIL), ("180.1", FAIL)])
def test_claim_8_bounds(number, expected):
    assert _judge(_lot(melting_point=_reading(number, "0")))[8].verdict is expected


@pytest.mark.parametrize(("number", "expected"), [("0.5", PASS), ("5", PASS), ("0.49", FAIL), ("5.01", FAIL)])
def test_claim_9_bounds(number, expected):
    assert _judge(_lot(inherent_viscosity=_reading(number, "0")))[9].verdict is expected


def test_claim_12_needs_no_hollow_fiber_and_no_melting_point():
    lot = _lot(melting_point=_reading("300"), inherent_viscosity=None)
    assert _judge(lot, form="flat_film", base_treated=False)[12].verdict is PASS


def test_claim_12_needs_the_copolymer_of_claim_1():
    assert _judge(_lot(_monomer("AA", "12")))[12].verdict is FAIL


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"plasticizer_parts": _reading("69.99", "0")}, FAIL),
        ({"plasticizer_parts": _reading("250", "0")}, PASS),
        ({"plasticizer_parts": _reading("71", "2")}, AT_LIMIT), ({"plasticizer_parts": None}, UNKNOWN),
        ({"solvent_parts": _reading("80.01", "0")}, FAIL), ({"solvent_parts": _reading("5", "0")}, PASS),
        ({"stretch_ratio": _reading("1", "0")}, FAIL),
        ({"stretch_ratio": _reading("1.01", "0.02")}, AT_LIMIT),
        ({"cooling_asymmetry": _reading("1", "0")}, FAIL), ({"cooling_asymmetry": None}, UNKNOWN),
        ({"extracted_share": _reading("0", "0")}, FAIL), ({"extracted_share": _reading("1", "0")}, PASS),
        ({"solvent": Liquid("NMP", None)}, UNKNOWN), ({"plasticizer": Liquid("oil", None)}, UNKNOWN),
        ({"solvent": Liquid("Adipic-acid polyester", "good_solvent")}, AMBIGUOUS),
        ({"solvent": Liquid("NMP", "plasticizer")}, AMBIGUOUS), ({"solvent": None}, UNKNOWN),
        ({"steps": None}, UNKNOWN), ({"steps": STEPS[::-1]}, FAIL), ({"steps": STEPS[:-1]}, FAIL),
        ({"steps": ("mix", "melt_extrude", "cool_one_side", "stretch", "extract")}, FAIL),
        ({"steps": ("mix", "melt_extrude", "cool_one_side", "stretch", "extract", "dry", "stretch")}, PASS),
    ],
)  # fmt: skip
def test_claim_12_needs_its_parts_roles_steps_and_effects(changed, expected):
    assert _process(**changed) is expected


def test_two_names_of_one_cas_number_are_one_liquid():
    one = Liquid("NMP", "plasticizer", "872-50-4")
    other = Liquid("N-methyl-2-pyrrolidone", "good_solvent", "872-50-4")
    assert _process(plasticizer=one, solvent=other) is AMBIGUOUS


@pytest.mark.parametrize(("share", "expected"), [("0", FAIL), ("0.000001", PASS), ("1", PASS), ("1.01", FAIL)])
def test_the_copolymer_may_be_any_share_of_the_resin_but_none(share, expected):
    assert _judge(_lot(share=_reading(share, "0")))[12].verdict is expected


def test_the_base_of_100_parts_is_all_resin_and_not_the_copolymer_alone():
    copolymer, homopolymer = Decimal(10), Decimal(30)
    parts = chemistry.parts_per_100_resin(Decimal(60), [copolymer, homopolymer])
    assert parts == 150
    assert chemistry.parts_per_100_resin(Decimal(60), [copolymer]) == 600
    with pytest.raises(ValueError, match="no resin"):
        chemistry.parts_per_100_resin(Decimal(60), [])


def test_a_membrane_that_is_not_porous_meets_no_product_claim():
    verdicts = _judge(porous=False)
    assert all(verdicts[number].verdict is FAIL for number in range(1, 12))
    assert _judge(porous=None)[1].verdict is UNKNOWN


def test_form_and_base_treatment_are_yes_no_or_unknown():
    assert [_judge(form=form)[10].verdict for form in ("hollow_fiber", "flat_film", None)] == [
        PASS,
        FAIL,
        UNKNOWN,
    ]
    assert [_judge(base_treated=done)[11].verdict for done in (True, False, None)] == [PASS, FAIL, UNKNOWN]


def test_without_any_resin_lot_every_claim_is_unknown():
    evidence = MembraneEvidence(Basis.MEASURED, (), ProcessEvidence())
    assert {claim.verdict for claim in judge_claims(evidence).values()} == {UNKNOWN}


def test_a_guard_band_between_itself_and_the_claim_is_at_limit():
    numbers = ["64.9", "70", "72", "72.1", "150", "243.1", "250", "250.1"]
    verdicts = [judge_window("E-PLAST-GB", _reading(number, "0")).verdict for number in numbers]
    assert verdicts == [FAIL, AT_LIMIT, AT_LIMIT, PASS, PASS, PASS, AT_LIMIT, FAIL]


def test_the_margin_is_signed_and_points_to_the_nearest_bound():
    margins = [judge_window("C12-PLAST", _reading(number)).margin for number in ("64.9", "75", "245", "260")]
    assert margins == [Decimal("-5.1"), Decimal(5), Decimal(5), Decimal(-10)]
    assert judge_window("C12-PLAST", None).margin is None


@pytest.mark.parametrize(("x", "percent"), [("0.01", "0.009999"), ("1", "0.990099"), ("10", "9.090909")])
def test_mol_percent_and_mol_per_100_mol_are_inverse(x, percent):
    p = chemistry.mol_percent_from_per_100_mol(Decimal(x))
    assert p.quantize(Decimal("0.000001")) == Decimal(percent)
    assert abs(chemistry.per_100_mol_from_mol_percent(p) - Decimal(x)) < Decimal("1e-35")


@pytest.mark.parametrize(("key", "percent"), [("GMA", "18.167"), ("AA", "10.115"), ("MMM", "16.886")])
def test_weight_percent_follows_the_molar_masses(key, percent):
    mass = MONOMERS[key].molar_mass_g_mol
    weight = chemistry.weight_percent_from_per_100_mol(Decimal(10), mass)
    assert weight.quantize(Decimal("0.001")) == Decimal(percent)
    assert abs(chemistry.per_100_mol_from_weight_percent(weight, mass) - 10) < Decimal("1e-30")


def test_a_blend_dilutes_what_the_analysis_sees():
    mass = Decimal("130.0990")
    seen = chemistry.blend_from_copolymer(Decimal(10), Decimal("0.05"), mass)
    assert seen.quantize(Decimal("0.001")) == Decimal("0.419")
    assert abs(chemistry.copolymer_from_blend(seen, Decimal("0.05"), mass) - 10) < Decimal("1e-30")


def test_verdicts_do_not_depend_on_the_decimal_context_of_the_caller():
    evidence = MembraneEvidence(Basis.PLANNED, (_lot(_monomer("AA", "9.9994"), _monomer("MAA", "0.0105")),), PROCESS)
    expected = judge_claims(evidence)
    with localcontext() as narrow:
        narrow.prec = 2
        assert judge_claims(evidence) == expected
