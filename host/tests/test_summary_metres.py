"""Every metre gets its verdict: lengths from the encoder, windows of the claims, gaps unknown."""

from pathlib import Path

import pytest

from host.tests.test_record_batch import LINE, Plan, write_batch
from spinline.record.metres import Metres, metres
from spinline.record.opening import open_reader

M_PER_S = 1 / 6  # 10 m/min
SLACK_M = 0.6  # what the seconds at the two ends of a stretch may add or take


def _between(begin: float, end: float, by: float):
    return lambda at_s: by if begin <= at_s < end else 0.0


def _judged(path: Path, **plan) -> Metres:
    times = {"heating_min": 0.5, "threading_min": 2, "running_min": 20, "completing_min": 16, **plan}
    return metres(open_reader(write_batch(path / "journal.sqlite", Plan(**times))), LINE)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Metres:
    """Running from 150 s to 1350 s, with one trouble after the other."""
    return _judged(
        tmp_path_factory.mktemp("troubled"),
        added={
            "bath.QUENCH.pv": _between(200, 230, 32.0),  # 72 degC, window to 70
            "melt.PLAST.pv": _between(300, 450, -928.57),  # pump off
            "draw.G2.pv": _between(600, 612, -150.0),  # ratio 0.9
        },
        bad={"melt.RESIN.pv": lambda at_s: 700 <= at_s < 720},
        gaps={"draw": (1000.0, 1010.0)},
    )


def test_fiber_outside_a_window_fails_for_as_long_as_it_was_outside(troubled):
    reasons = troubled.fail_reasons
    assert reasons["quench water temperature"] == pytest.approx(30 * M_PER_S, abs=SLACK_M)
    # the mean of 100 s is below 70 parts of 150 from 53 s after the pump stopped to 47 s after it ran again
    parts = "plasticizer per 100 wt parts of total VDF resin"
    assert reasons[parts] == pytest.approx((150 - 53.3 + 46.7) * M_PER_S, abs=SLACK_M)
    assert reasons["stretch ratio v2/v1 after extraction"] == pytest.approx(12 * M_PER_S, abs=SLACK_M)
    assert troubled.failed == pytest.approx(sum(reasons.values()))


def test_a_gap_and_numbers_that_are_not_good_make_fiber_unknown(troubled):
    reasons = troubled.unknown_reasons
    # more than a tenth of the last 100 s is bad from 10 s after it began to 90 s after it ended
    parts = "plasticizer per 100 wt parts of total VDF resin"
    assert reasons[parts] == pytest.approx(100 * M_PER_S, abs=SLACK_M)
    others = sum(length_m for reason, length_m in reasons.items() if reason != parts)
    assert others == pytest.approx(10 * M_PER_S, abs=SLACK_M)


def test_every_metre_has_one_verdict_and_none_is_lost_in_a_gap(troubled):
    assert troubled.made == pytest.approx((120 + 1200 + 960) * M_PER_S, abs=0.01)
    assert troubled.passed == pytest.approx(1200 * M_PER_S - troubled.failed - troubled.unknown, abs=0.01)
    assert dict(troubled.scrap_reasons) == pytest.approx({"threading": 20.0, "run-out": 160.0}, abs=SLACK_M)


def test_fiber_that_was_never_drawn_out_of_the_baths_is_scrap(tmp_path):
    judged = _judged(tmp_path, completing_min=3)
    assert judged.scrap_reasons["run-out"] == pytest.approx(30.0, abs=SLACK_M)
    assert judged.scrap_reasons["not run out"] == pytest.approx(LINE.path.take_up_to_stretch_m - 30.0, abs=SLACK_M)
    assert judged.passed == pytest.approx(200 + 30 - LINE.path.take_up_to_stretch_m, abs=SLACK_M)


def test_a_gap_longer_than_the_counter_s_turn_and_a_restart_keep_the_length(tmp_path):
    judged = _judged(tmp_path, running_min=30, gaps={"draw": (300.0, 1200.0)}, reboot_at_s=1300.0)
    assert judged.made == pytest.approx((120 + 1800 + 960) * M_PER_S, abs=0.2)
    assert judged.unknown == pytest.approx(901 * M_PER_S, abs=SLACK_M)
