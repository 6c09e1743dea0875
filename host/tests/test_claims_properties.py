"""What holds for any evidence: taking some away never makes a verdict better, nor touches another claim."""

from dataclasses import fields, replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from spinline.claims import (
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
    judge_claims,
    judge_window,
)
from spinline.claims.catalog import WINDOWS
from spinline.claims.process import STEPS
from spinline.claims.verdicts import BEST_FIRST
from spinline.claims.windows import _compare


def _readings(*numbers: str):
    """Readings on, near and far from bounds, of every quality, now and then missing."""
    some = st.builds(
        Reading,
        st.sampled_from([Decimal(number) for number in numbers]),
        st.sampled_from([None, Decimal(0), Decimal("0.001"), Decimal("0.5"), Decimal(5)]),
        st.just("lab"),
        st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.GOOD, *Quality]),
    )
    return st.none() | some


MONOMERS = st.builds(
    MonomerEvidence,
    st.sampled_from(["GMA", "AA", "MMM", "MAn", "HFP", "1-hydroxyethyl acrylate", "nobody knows"]),
    _readings("0.005", "0.01", "1", "6", "10", "11"),
    st.sampled_from([None, MonomerBasis.INCORPORATED, MonomerBasis.INCORPORATED, MonomerBasis.CHARGED]),
    st.none(),
    st.sampled_from([None, "Z", "E"]),
    st.sampled_from([None, "as_polymerized", "hydrolyzed"]),
    st.none() | st.just(frozenset({"ester"})),
)
LOTS = st.builds(
    ResinLot,
    st.sampled_from(["L1", "L2", "L3"]),
    _readings("0", "0.5", "1"),
    st.sampled_from([None, *Kind]),
    st.none() | st.lists(MONOMERS, max_size=3).map(tuple),
    _readings("0.005", "0.5"),
    _readings("149", "150", "170", "180"),
    _readings("0.4", "0.5", "1.6", "5"),
)
LIQUIDS = st.none() | st.builds(
    Liquid, st.sampled_from(["oil", "NMP"]), st.sampled_from([None, "plasticizer", "good_solvent"])
)
PROCESSES = st.builds(
    ProcessEvidence,
    _readings("69", "70", "150", "250"),
    _readings("5", "30", "81"),
    LIQUIDS,
    LIQUIDS,
    st.sampled_from([None, STEPS, STEPS, STEPS[::-1]]),
    _readings("1", "57"),
    _readings("0", "0.99"),
    _readings("1", "1.8"),
)
EVIDENCE = st.builds(
    MembraneEvidence,
    st.just(Basis.PLANNED),
    st.lists(LOTS, max_size=3).map(tuple),
    PROCESSES,
    st.sampled_from([None, True, True, False]),
    st.sampled_from([None, "hollow_fiber", "flat_film"]),
    st.sampled_from([None, True, False]),
)
REMOVABLE = {
    "lot": ("share", "kind", "hydrophilic_below", "melting_point", "inherent_viscosity", "monomers"),
    "monomer": ("amount", "basis", "isomer", "counted_form", "groups"),
    "process": tuple(field.name for field in fields(ProcessEvidence)),
    "membrane": ("porous", "form", "base_treated"),
}
READINGS_OF_A_LOT = ("share", "hydrophilic_below", "melting_point", "inherent_viscosity")


def _without_in_monomer(monomer: MonomerEvidence, draw) -> MonomerEvidence:
    gone = draw(st.sampled_from(REMOVABLE["monomer"]))
    if gone == "amount" and monomer.amount is not None and draw(st.booleans()):
        return replace(monomer, amount=replace(monomer.amount, uncertainty=None))
    return replace(monomer, **{gone: None})


def _without_in_lot(lot: ResinLot, draw) -> ResinLot:
    if lot.monomers and draw(st.booleans()):
        index = draw(st.integers(0, len(lot.monomers) - 1))
        less = _without_in_monomer(lot.monomers[index], draw)
        return replace(lot, monomers=(*lot.monomers[:index], less, *lot.monomers[index + 1 :]))
    gone = draw(st.sampled_from(REMOVABLE["lot"]))
    reading = getattr(lot, gone)
    if gone in READINGS_OF_A_LOT and reading is not None and draw(st.booleans()):
        return replace(lot, **{gone: replace(reading, uncertainty=None)})
    return replace(lot, **{gone: None})


@st.composite
def _evidence_and_less(draw, places=("lot", "lot", "a whole lot", "process", "membrane"), lots_n=3):
    """Some evidence, and the same with one piece missing."""
    more = draw(EVIDENCE.map(lambda evidence: replace(evidence, resin=evidence.resin[:lots_n])))
    where = draw(st.sampled_from(places))
    if where in ("lot", "a whole lot") and more.resin:
        index = draw(st.integers(0, len(more.resin) - 1))
        rest = more.resin[:index], more.resin[index + 1 :]
        left = () if where == "a whole lot" else (_without_in_lot(more.resin[index], draw),)
        return more, replace(more, resin=(*rest[0], *left, *rest[1]))
    if where == "process":
        gone = draw(st.sampled_from(REMOVABLE["process"]))
        return more, replace(more, process=replace(more.process, **{gone: None}))
    return more, replace(more, **{draw(st.sampled_from(REMOVABLE["membrane"])): None})


@settings(max_examples=400, deadline=None)
@given(_evidence_and_less())
def test_removing_evidence_never_makes_a_verdict_met(pair):
    more, less = (judge_claims(evidence) for evidence in pair)
    for number, claim in less.items():
        if claim.verdict.is_met:
            # PASS may fall to AT_LIMIT when the better of two copolymers loses its evidence.
            assert BEST_FIRST.index(claim.verdict) >= BEST_FIRST.index(more[number].verdict)


@settings(max_examples=400, deadline=None)
@given(_evidence_and_less(places=("lot", "lot", "process", "membrane"), lots_n=1))
def test_with_one_lot_removing_evidence_never_turns_a_verdict_into_pass_or_at_limit(pair):
    more, less = (judge_claims(evidence) for evidence in pair)
    for number, claim in less.items():
        assert not claim.verdict.is_met or claim.verdict is more[number].verdict


OWN_CLAIM = {"melting_point": {8}, "inherent_viscosity": {9}, "share": {12}}


@settings(max_examples=200, deadline=None)
@given(EVIDENCE, st.sampled_from(sorted(OWN_CLAIM)))
def test_a_property_of_the_copolymer_touches_its_own_claim_only(evidence, gone):
    less = replace(evidence, resin=tuple(replace(lot, **{gone: None}) for lot in evidence.resin))
    _assert_only(evidence, less, OWN_CLAIM[gone])


@settings(max_examples=200, deadline=None)
@given(EVIDENCE)
def test_form_base_treatment_and_process_touch_their_own_claims_only(evidence):
    _assert_only(evidence, replace(evidence, form=None), {10})
    _assert_only(evidence, replace(evidence, base_treated=None), {11})
    _assert_only(evidence, replace(evidence, process=ProcessEvidence()), {12})
    _assert_only(evidence, replace(evidence, porous=None), set(range(1, 12)))


def _assert_only(more: MembraneEvidence, less: MembraneEvidence, touched: set[int]) -> None:
    before, after = judge_claims(more), judge_claims(less)
    changed = {number for number in before if before[number].verdict is not after[number].verdict}
    assert changed <= touched


@given(
    st.decimals("-1000", "1000", places=6),
    st.none() | st.decimals("0", "100", places=6),
    st.sampled_from(["C12-PLAST", "C12-STRETCH", "E-DDR-CRIT", "C1-MOL"]),
)
def test_more_uncertainty_never_makes_a_window_better_and_never_makes_it_fail(number, uncertainty, window_id):
    sharp = judge_window(window_id, Reading(number, Decimal(0), "")).verdict
    blurred = judge_window(window_id, Reading(number, uncertainty, "")).verdict
    assert BEST_FIRST.index(blurred) >= BEST_FIRST.index(sharp)
    assert (blurred is Verdict.FAIL) == (sharp is Verdict.FAIL)


@settings(max_examples=200, deadline=None)
@given(EVIDENCE)
def test_every_chain_ends_at_an_independent_claim_and_walks_only_met_claims(evidence):
    claims = judge_claims(evidence)
    for number, claim in claims.items():
        assert bool(claim.chain) == claim.verdict.is_met
        if claim.chain:
            assert claim.chain[0] == number and claim.chain[-1] in (1, 12)
            assert all(claims[link].verdict.is_met for link in claim.chain)
            assert claim.reason


@given(
    st.sampled_from(sorted(WINDOWS)),
    st.decimals("-300", "300", places=4),
    st.none() | st.decimals("0", "30", places=4),
    st.integers(-9, 9),
)
def test_another_unit_changes_no_verdict(window_id, number, uncertainty, power):
    """Bounds, number and uncertainty in a unit that is larger or smaller by a power of ten."""
    limits, unit = WINDOWS[window_id], Decimal(10) ** power
    ends = {name: None if end is None else end * unit for name, end in (("low", limits.low), ("high", limits.high))}
    scaled = _compare(replace(limits, **ends), Reading(number * unit, uncertainty and uncertainty * unit, ""))
    assert scaled == _compare(limits, Reading(number, uncertainty, ""))


@given(st.decimals("0.001", "400", places=3), st.integers(0, 6))
def test_a_number_written_with_more_zeros_is_the_same_number(number, zeros_n):
    longer = number.quantize(Decimal(1).scaleb(-3 - zeros_n))
    for window_id in ("C12-PLAST", "C12-SOLV", "C1-MOL", "E-PLAST-GB"):
        rows = [judge_window(window_id, Reading(written, Decimal(0), "")) for written in (number, longer)]
        assert rows[0].verdict is rows[1].verdict
