"""Every quantity is carried to the metre it acted on: mixing, stretch and ledger, without a journal."""

from dataclasses import replace
from math import exp
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.claims.verdicts import Verdict
from spinline.line.conformance import Conformance, Measured
from spinline.line.extraction import BathSeen, Extraction
from spinline.line.ledger import Ledger, MetreVerdict, Second, judged_span
from spinline.line.mixing import Feeds, Mixing
from spinline.line.span import Span
from spinline.recipe.line_model import FiberPath, load_line

LINE = load_line(Path(__file__).parents[2] / "lines" / "r1.toml")
PATH = FiberPath(die_to_take_up_m=2.0, quench_m=1.0, take_up_to_stretch_m=10.0, stretch_span_m=3.0)
FED = Feeds(600.0, 900.0, 180.0)
GOOD = {
    "C12-PLAST": Span(150.0, 150.0, 3.0),
    "C12-SOLV": Span(30.0, 30.0, 0.6),
    "E-TQUENCH": Span(40.0, 40.0),
    "E-FQUENCH": Span(20.0, 20.0),
    "E-TEXTR": Span(22.0, 22.0),
    "C12-STRETCH": Span(1.8, 1.8, 0.005),
    "E-DRDEV": Span(0.0, 0.0),
}
M = 8  # steps a metre, 16 s each: exact in binary, and ten metres of baths last the 600 to 1800 s of their window
STEP_S = 16


def made(i: int, **changed) -> Second:
    """A good step of production at a constant speed; ``spans`` changes some of its quantities."""
    spans = GOOD | changed.pop("spans", {})
    return replace(Second(i * STEP_S, "RUNNING", i / M, (i + 1) / M, True, spans), **changed)


def booked(seconds):
    book = Ledger(PATH)
    rows = [metre for second in seconds for metre in book.add(second)]
    return rows + list(book.finish())


def numbers(rows, verdict):
    return [metre.number for metre in rows if metre.verdict is verdict]


def test_what_acts_at_the_die_marks_the_metres_that_were_in_the_die_then():
    upset = range(10 * M, 12 * M)  # so metres 12 and 13 were in the die
    rows = booked(made(i, spans={"C12-PLAST": Span(60.0, 60.0)} if i in upset else {}) for i in range(40 * M))
    assert numbers(rows, MetreVerdict.FAIL) == [12, 13]
    assert {metre.reason for metre in rows if metre.verdict is MetreVerdict.FAIL} == {
        "plasticizer per 100 wt parts of total VDF resin"
    }


def test_what_acts_in_the_stretch_marks_the_metres_that_had_come_through_the_baths():
    upset = range(20 * M, 21 * M)
    rows = booked(made(i, spans={"C12-STRETCH": Span(0.9, 0.9)} if i in upset else {}) for i in range(40 * M))
    assert numbers(rows, MetreVerdict.FAIL) == [10]


def test_a_bath_marks_every_metre_that_was_in_it():
    rows = booked(made(i, spans={"E-TEXTR": Span(22.0, 31.0)} if i == 20 * M + 4 else {}) for i in range(40 * M))
    assert numbers(rows, MetreVerdict.FAIL) == list(range(10, 21))


def test_fiber_that_slips_or_is_off_its_ratio_in_the_stretch_is_scrap():
    slips, off = 20 * M + 3, 21 * M + 3
    rows = booked(
        made(i, slips=i == slips, spans={"E-DRDEV": Span(0.6, 0.6)} if i == off else {}) for i in range(30 * M)
    )
    scrap = [metre for metre in rows if metre.verdict is MetreVerdict.SCRAP and metre.number < 20]
    reasons = {metre.number: metre.reason for metre in scrap}
    assert reasons == {10: "slips in the stretch", 11: "off ratio in the stretch"}


def test_fiber_spun_or_stretched_outside_of_production_is_scrap_with_the_state_as_its_reason():
    def state(i):
        return "THREADING" if i < 3 * M else "HELD" if 15 <= i / M < 16 else "RUNNING" if i < 25 * M else "COMPLETING"

    rows = booked(made(i, state=state(i)) for i in range(40 * M))
    told = {metre.number: (metre.verdict.value, metre.reason) for metre in rows}
    assert told[0] == told[4] == ("SCRAP", "threading")  # metre 4 was in the die while the line threaded
    assert told[5] == ("SCRAP", "held in the stretch")  # stretched from 15 to 16 m
    assert told[6] == ("PASS", "")
    assert told[15] == told[17] == ("SCRAP", "held")
    assert told[24] == ("PASS", "")  # it was stretched while the line ran out
    assert told[25] == ("SCRAP", "run-out")


def test_a_line_that_stands_carries_nothing_to_another_metre():
    def course():
        half = 10 * M + M // 2
        for i in range(half):
            yield made(i)
        for i in range(300):
            yield made(half, at_s=half * STEP_S + i, end_m=10.5, spans={"C12-SOLV": Span(4.0, 4.0)} if i == 250 else {})
        for i in range(half, 40 * M):
            yield replace(made(i), at_s=i * STEP_S + 300)

    assert numbers(booked(course()), MetreVerdict.FAIL) == [12]  # it stood in the die


def test_fiber_that_never_came_out_of_the_baths_is_scrap_and_has_no_finished_length():
    rows = booked(made(i) for i in range(10 * M + M // 2))
    assert [metre.reason for metre in rows] == ["not run out"] * 11
    assert rows[-1].length_m == pytest.approx(0.5)
    assert all(metre.finished_m is None for metre in rows)


def test_a_metre_has_its_length_after_the_stretch():
    rows = booked(made(i) for i in range(15 * M))
    assert rows[0].finished_m == pytest.approx(1.8)


SPANS = st.dictionaries(
    st.sampled_from(sorted(GOOD)),
    st.one_of(st.none(), st.floats(0, 300).map(lambda number: Span(number, number, 1.0))),
)
UPSETS = st.lists(st.tuples(st.integers(0, 25 * M), st.integers(1, 3 * M), SPANS), max_size=4)


def _disturbed(upsets):
    for i in range(25 * M):
        spans = {}
        for begin, seconds_n, changed in upsets:
            if begin <= i < begin + seconds_n:
                spans |= changed
        yield made(i, spans=spans)


@given(UPSETS)
def test_no_metre_is_without_a_verdict_and_none_is_there_twice(upsets):
    rows = booked(_disturbed(upsets))
    assert [metre.number for metre in rows] == list(range(25))
    assert sum(metre.length_m for metre in rows) == pytest.approx(25.0)
    assert all(isinstance(metre.verdict, MetreVerdict) for metre in rows)
    assert all((metre.reason == "") == (metre.verdict is MetreVerdict.PASS) for metre in rows)


@given(UPSETS, st.integers(0, 25 * M - 1), st.integers(1, 3 * M), st.sampled_from(sorted(GOOD)))
def test_taking_evidence_away_never_makes_a_metre_pass(upsets, begin, seconds_n, name):
    whole = booked(_disturbed(upsets))
    taken = range(begin, begin + seconds_n)
    less = booked(
        replace(second, spans={**second.spans, name: None}) if second.at_s // STEP_S in taken else second
        for second in _disturbed(upsets)
    )
    passing = (MetreVerdict.PASS, MetreVerdict.AT_LIMIT)
    for before, after in zip(whole, less, strict=True):
        assert after.verdict not in passing or before.verdict is after.verdict


def test_a_metre_inside_its_window_by_less_than_the_uncertainty_is_at_the_limit():
    rows = booked(made(i, spans={"C12-PLAST": Span(72.0, 72.0, 2.1)}) for i in range(15 * M))
    assert (rows[2].verdict, rows[2].reason) == (
        MetreVerdict.AT_LIMIT,
        "plasticizer per 100 wt parts of total VDF resin",
    )


def test_a_step_of_a_feeder_comes_to_the_die_after_the_dead_time_and_by_the_lag():
    mixing = Mixing(60, 35.0)
    for _ in range(600):
        before = mixing.step(FED, True)
    assert before is not None and before.plasticizer_parts == pytest.approx(150.0)
    found = [mixing.step(Feeds(600.0, 450.0, 180.0), True) for _ in range(200)]
    parts = [composition.plasticizer_parts for composition in found if composition]
    assert parts[59] == pytest.approx(150.0)
    assert parts[60 + 34] == pytest.approx(75.0 + 75.0 * exp(-35 / 35), abs=0.1)


def test_a_screw_that_stands_moves_nothing():
    mixing = Mixing(60, 35.0)
    for _ in range(300):
        before = mixing.step(FED, True)
    assert mixing.step(Feeds(0.0, 0.0, 0.0), False) == before


def test_every_resin_feeder_is_in_the_base_and_an_extruder_that_runs_empty_has_no_parts():
    mixing = Mixing(0, 1.0)
    assert mixing.step(Feeds(300.0 + 300.0, 900.0, 180.0), True).plasticizer_parts == pytest.approx(150.0)
    for _ in range(20):
        last = mixing.step(Feeds(0.0, 0.0, 0.0), True)
    assert last is None


def test_seconds_without_a_reading_make_the_parts_doubtful_and_then_unknown():
    mixing = Mixing(0, 35.0)
    for _ in range(400):
        mixing.step(FED, True)
    doubtful = mixing.step(None, True)
    assert doubtful is not None and 0.02 < doubtful.unknown_share < 0.04
    for _ in range(6):
        last = mixing.step(None, True)
    assert last is None


@pytest.mark.parametrize("dip_s", [1, 2, 3])
def test_a_pump_that_stopped_while_nobody_measured_never_passes(dip_s):
    """73 parts, and seconds of none: seen they are outside, unseen they are not known."""

    def after(hidden):
        models, fed = Conformance(LINE), Feeds(600.0, 438.0, 180.0)
        for _ in range(600):
            models.step(Measured(fed, True, 100.0, 180.0, {}))
        dip = None if hidden else replace(fed, plasticizer_mg_s=0.0)
        for second in range(dip_s + 61):
            spans = models.step(Measured(dip if second < dip_s else fed, True, 100.0, 180.0, {}))
        return spans["C12-PLAST"]

    seen, unseen = after(hidden=False), after(hidden=True)
    assert seen.low < 70 or seen.low == pytest.approx(73, abs=3.0)
    assert unseen is None if seen.low < 70 else unseen is None or unseen.low > 70


@given(st.floats(100, 1000), st.floats(0.3, 3), st.integers(-3, 10))
def test_another_unit_of_mass_changes_no_parts(resin_mg_s, share, power):
    """The same flows in units of a power of two: every digit of the parts stays."""
    one, other = Mixing(5, 35.0), Mixing(5, 35.0)
    scale = 2.0**power
    for _ in range(60):
        found = one.step(Feeds(resin_mg_s, share * resin_mg_s, 0.2 * resin_mg_s), True)
        scaled = other.step(Feeds(scale * resin_mg_s, scale * (share * resin_mg_s), scale * (0.2 * resin_mg_s)), True)
    assert found == scaled and found is not None


def test_a_refill_widens_the_uncertainty_of_what_was_fed_meanwhile():
    def uncertainty(refilling):
        models = Conformance(LINE)
        for _ in range(600):
            spans = models.step(Measured(replace(FED, refilling=refilling), True, 100.0, 180.0, {}))
        return spans["C12-PLAST"].uncertainty

    assert uncertainty(False) == pytest.approx(150 * 0.02)
    assert uncertainty(True) == pytest.approx(150 * (0.02 + 0.04))


def test_the_draw_of_the_fiber_follows_the_ratio_of_the_godets():
    models = Conformance(LINE)
    for _ in range(100):
        models.step(Measured(None, True, 166.667, 300.0, {}))
    spans = [models.step(Measured(None, True, 166.667, 333.333, {}))["C12-STRETCH"] for _ in range(60)]
    assert spans[0].low == pytest.approx(1.82, abs=0.01) and spans[0].high == pytest.approx(2.0, abs=0.001)
    assert spans[-1].low == pytest.approx(2.0, abs=0.001)


def test_a_quantity_without_a_reading_is_not_known():
    spans = Conformance(LINE).step(Measured(None, True, None, None, {"E-TQUENCH": None}))
    names = ("C12-PLAST", "C12-SOLV", "C12-STRETCH", "C12-COOLASYM", "C12-EXTRACT", "E-TQUENCH")
    assert spans == dict.fromkeys(names)


def quenched(quench_C=40.0, flow_L_min=20.0, **fed):
    direct = {"E-TQUENCH": Span(quench_C, quench_C), "E-FQUENCH": Span(flow_L_min, flow_L_min)}
    return Conformance(LINE).step(Measured(Feeds(**(FEDS | fed)), True, 166.7, 300.0, direct))["C12-COOLASYM"]


FEDS = {"resin_mg_s": 619.0, "plasticizer_mg_s": 928.5, "solvent_mg_s": 185.7}


def test_the_reference_line_cools_from_outside_57_times_as_much_as_from_inside():
    span = quenched()
    assert span.low == span.high == pytest.approx(57, rel=0.05)
    assert span.uncertainty == pytest.approx(30, rel=0.05)


def test_the_side_a_fiber_is_cooled_from_is_not_known_without_water_or_without_a_fiber():
    assert quenched(flow_L_min=4.9) is None
    assert quenched(quench_C=204.0) is None
    assert quenched(resin_mg_s=0.0, plasticizer_mg_s=0.0, solvent_mg_s=0.0) is None


@given(st.floats(20, 90), st.floats(1, 1.5))
def test_more_fiber_gives_more_of_its_heat_to_the_water(quench_C, more):
    assert quenched(quench_C).low <= quenched(quench_C, **{name: flow * more for name, flow in FEDS.items()}).low


def extracted(seconds_n, *, ppm=lambda _i: 50_000.0, flow_share=0.5, fed=True, hidden=()):
    """The last number of a balance, with 4.0 kg/h of liquids fed."""
    balance, flows = Extraction(LINE.extraction), Feeds(**FEDS)
    for i in range(seconds_n):
        bath = None if i in hidden else BathSeen(ppm(i), flow_share)
        last = balance.step(bath, flows if fed else Feeds(619.0, 0.0, 0.0))
    return last


def test_what_flows_over_with_the_liquids_of_the_fiber_was_extracted():
    """80 kg/h of make-up leave with 5 %: 4.2 kg/h, of 4.0 that were fed; less the balance's doubt of 20 %."""
    assert extracted(3600).low == pytest.approx(80 * 0.05 / 0.95 / 4.011 * 0.8, rel=0.001)


def test_what_stays_in_the_bath_was_extracted_too():
    assert extracted(3600, ppm=lambda i: 50_000.0 + 10 * i, flow_share=0.0).low == pytest.approx(
        60 * 0.036 / 4.011 * 0.8, rel=0.01
    )


def test_a_bath_that_takes_up_nothing_fails_the_window_and_one_that_takes_up_all_is_not_more_than_all():
    nothing = extracted(3600, ppm=lambda _i: 0.0)
    assert judged_span("C12-EXTRACT", nothing) is Verdict.FAIL
    assert extracted(3600, flow_share=1.0).high == 1.0


def test_the_balance_is_not_known_early_without_feeding_and_where_too_much_was_not_read():
    assert extracted(599) is None and extracted(3600, fed=False) is None
    assert extracted(3600, hidden=range(100, 300)) is not None
    assert extracted(3600, hidden=range(100, 500)) is None
    assert extracted(3600, hidden=[3599]) is None
