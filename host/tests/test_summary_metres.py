"""The metres of a batch, from its journal: lengths from the encoder, every trouble at the metres it acted on."""

from pathlib import Path

import pytest

from host.tests.test_record_batch import BEGIN_US, LINE, Plan, write_batch
from spinline.line.ledger import Metre, MetreVerdict
from spinline.line.metre_totals import Metres
from spinline.record.metres import ledger, metres
from spinline.record.opening import open_reader

pytestmark = pytest.mark.xdist_group("summary_metres")  # what they look at is made once

M_PER_S = 1 / 6  # 10 m/min, from 30 s on
PARTS = "plasticizer per 100 wt parts of total VDF resin"


def _between(begin: float, end: float, by: float):
    return lambda at_s: by if begin <= at_s < end else 0.0


def _rows(path: Path, **plan) -> list[Metre]:
    times = {"heating_min": 0.5, "threading_min": 2, "running_min": 20, "completing_min": 16, **plan}
    return list(ledger(open_reader(write_batch(path / "journal.sqlite", Plan(**times))), LINE))


def _numbers(rows: list[Metre], verdict: MetreVerdict, reason: str) -> list[int]:
    return [metre.number for metre in rows if (metre.verdict, metre.reason) == (verdict, reason)]


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> list[Metre]:
    """Running from 150 s (at 20 m) to 1350 s, with one trouble after the other."""
    return _rows(
        tmp_path_factory.mktemp("troubled"),
        added={
            "bath.QUENCH.pv": _between(200, 230, 32.0),  # 72 degC, window to 70
            "melt.PLAST.pv": _between(300, 450, -928.57),  # pump off
            "draw.G2.pv": _between(1203, 1211, -150.0),  # ratio 0.9: at 195.5 to 196.8 m
            "draw.IDLER.pv": _between(1203, 1211, -150.0),
        },
        bad={"melt.RESIN.pv": lambda at_s: 700 <= at_s < 720},
        gaps={"draw": (1000.0, 1010.0)},
    )


def test_fiber_outside_a_window_fails_where_it_was_acted_on(troubled):
    # 28.3 m at 200 s, 33.3 m at 230 s: what was then in the water, up to 1.5 m before the take-up
    assert _numbers(troubled, MetreVerdict.FAIL, "quench water temperature") == list(range(28, 35))
    # 60 s to the die and 35 s of lag: below 70 parts from 387 s to 531 s in the die, 2.1 m before the take-up
    assert _numbers(troubled, MetreVerdict.FAIL, PARTS) == list(range(61, 86))


def test_fiber_that_was_off_its_ratio_in_the_stretch_is_scrap(troubled):
    # what is in the stretch was taken up 150 m before
    assert _numbers(troubled, MetreVerdict.SCRAP, "off ratio in the stretch") == [45, 46]


def test_a_gap_and_numbers_that_are_not_good_make_fiber_unknown(troubled):
    # 20 s without a resin reading are above a tenth of what is mixed from 764 s to 832 s at the die
    assert _numbers(troubled, MetreVerdict.UNKNOWN, PARTS) == list(range(124, 136))
    assert _numbers(troubled, MetreVerdict.UNKNOWN, "take-up scans are missing") == list(range(161, 166))


def test_every_metre_has_one_verdict_and_none_is_lost_in_a_gap(troubled):
    judged = metres(troubled)
    assert judged.made == pytest.approx((120 + 1200 + 960) * M_PER_S, abs=0.01)
    assert [metre.number for metre in troubled] == list(range(380))
    scrap = {
        "threading": 23.0,
        "off ratio in the stretch": 2.0,
        "run-out": 160.0,
    }  # 3 m more lay between die and take-up
    assert dict(judged.scrap_reasons) == pytest.approx(scrap, abs=0.01)


def test_a_metre_tells_when_it_was_taken_up_and_how_long_it_is_after_the_stretch(troubled):
    metre = troubled[100]
    assert metre.taken_up_s == BEGIN_US // 1_000_000 + 30 + 600
    assert metre.finished_m == pytest.approx(1.8, abs=0.001)


def _judged(path: Path, **plan) -> Metres:
    return metres(_rows(path, **plan))


def test_fiber_that_was_never_drawn_out_of_the_baths_is_scrap(tmp_path):
    judged = _judged(tmp_path, completing_min=3)
    assert judged.scrap_reasons["run-out"] == pytest.approx(30.0, abs=0.01)
    assert judged.scrap_reasons["not run out"] == pytest.approx(LINE.path.take_up_to_stretch_m - 30.0, abs=1.0)
    in_the_die = 3  # at the beginning of production
    assert judged.passed == pytest.approx(200 + 30 - LINE.path.take_up_to_stretch_m - in_the_die, abs=1.0)


def test_a_gap_longer_than_the_counter_s_turn_and_a_restart_keep_the_length(tmp_path):
    judged = _judged(tmp_path, running_min=30, gaps={"draw": (300.0, 1200.0)}, reboot_at_s=1300.0)
    assert judged.made == pytest.approx((120 + 1800 + 960) * M_PER_S, abs=0.2)
    in_the_stretch, in_the_die = 150 * M_PER_S, 3  # of production, when the gap began
    assert judged.unknown == pytest.approx(900 * M_PER_S + in_the_stretch + in_the_die, abs=1.5)
