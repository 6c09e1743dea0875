"""The summary of a made-up batch says what was put into it: deviations, ratios, parts, records, claims."""

import json
from pathlib import Path

import pytest

from host.tests.test_record_batch import LINE, Plan, write_batch
from spinline.errors import BadFile
from spinline.record.journal import Journal
from spinline.record.summary import make_summary, write_summary

RUNNING_S = 120.0  # when production begins


def _between(begin: float, end: float, by: float):
    return lambda at_s: by if begin <= at_s < end else 0.0


PLAN = Plan(
    heating_min=1,
    threading_min=1,
    running_min=8,
    completing_min=1,
    added={
        "melt.Z1.pv": _between(0, 1e9, -0.25),
        "melt.Z3.pv": _between(RUNNING_S + 30, RUNNING_S + 60, 1.5),
        "melt.Z4.pv": _between(RUNNING_S + 60, RUNNING_S + 65, -3.0),
        "melt.Z5.pv": _between(50, 90, 4.0),
        "melt.RESIN.pv": _between(RUNNING_S + 120, RUNNING_S + 180, 619.05 * 0.02),
        "draw.G2.pv": _between(RUNNING_S + 200, RUNNING_S + 201, 300 * 0.005),
        "bath.QUENCH.pv": _between(RUNNING_S + 20, RUNNING_S + 40, 50.0),
    },
    bad={"bath.QUENCH.pv": lambda at_s: RUNNING_S + 20 <= at_s < RUNNING_S + 40},
    gaps={"melt": (20.0, 30.0)},
)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_batch(tmp_path_factory.mktemp("batch") / "journal.sqlite", PLAN)


@pytest.fixture(scope="module")
def summary(journal: Path) -> dict:
    return make_summary(journal, LINE, wall_s=6.7, trace_sha256="12" * 32, extras={"seed": 7})


def test_it_names_the_batch_its_time_and_what_it_was_told(summary):
    assert summary["batch_state"] == "COMPLETE"
    assert summary["batch"]["mode"] == "simulated"
    assert (summary["simulated_s"], summary["wall_s"], summary["real_time_factor"]) == (670.0, 6.7, 100.0)
    assert (summary["trace_sha256"], summary["seed"]) == ("12" * 32, 7)
    assert [(node["name"], node["micropython"], node["word_bits"]) for node in summary["nodes"]] == [
        (name, "1.25.0", 32) for name in ("melt", "bath", "draw")
    ]
    assert all(len(node["firmware_sha256"]) == len(node["config_sha256"]) == 64 for node in summary["nodes"])


def test_a_zone_has_the_deviation_of_its_ten_second_means_and_the_largest_single_one_beside_it(summary):
    zones = summary["zones"]
    assert list(zones) == ["Z1", "Z2", "Z3", "Z4", "Z5", "Z6", "PUMP", "DIE"]
    assert zones["Z2"] == {
        "setpoint_C": 180.0,
        "max_abs_deviation_K": 0.0,
        "max_abs_deviation_raw_K": 0.0,
        "overshoot_K": 0.0,
        "overshoot_heatup_K": 0.0,
    }
    assert (zones["Z3"]["max_abs_deviation_K"], zones["Z3"]["overshoot_K"]) == (1.5, 1.5)
    assert (zones["Z4"]["max_abs_deviation_K"], zones["Z4"]["max_abs_deviation_raw_K"]) == (1.5, 3.0)
    assert zones["Z4"]["overshoot_K"] == 0.0
    assert (zones["Z1"]["max_abs_deviation_K"], zones["Z1"]["overshoot_K"]) == (0.25, 0.0)


def test_what_happened_before_production_is_overshoot_of_the_heat_up_and_no_deviation(summary):
    assert summary["zones"]["Z5"]["max_abs_deviation_K"] == 0.0
    assert summary["zones"]["Z5"]["overshoot_heatup_K"] == 4.0


def test_every_loop_of_the_line_is_there_with_kind_setpoint_unit_and_its_time_in_automatic(summary):
    loops = summary["loops"]
    assert set(loops) == {f"{node.name}.{loop.name}" for node in LINE.node for loop in node.loop}
    assert (loops["melt.Z3"]["kind"], loops["melt.Z3"]["setpoint"], loops["melt.Z3"]["unit"]) == (
        "single",
        215.0,
        "degC",
    )
    assert loops["melt.Z3"]["seconds_in_auto"] == 650.0  # heating to completing, less the gap
    assert loops["melt.RESIN"]["seconds_in_auto"] == 540.0  # threading and running
    assert (loops["draw.G2"]["kind"], loops["draw.G2"]["ratio"], loops["draw.G2"]["setpoint"]) == (
        "ratio",
        1.8,
        300.0,
    )


def test_a_scan_of_bad_quality_is_left_out_and_counted(summary):
    assert summary["loops"]["bath.QUENCH"]["max_abs_deviation"] == 0.0
    assert summary["loops"]["bath.QUENCH"]["scans_left_out"] == 40


def test_a_sensor_that_was_not_good_in_production_has_its_letter_and_its_seconds(summary):
    assert summary["sensors"] == {"bath.QUENCH.pv": {"worst": "F", "seconds": {"F": 20.0}}}


def test_draw_ratio_and_parts_have_the_largest_error_of_their_means(summary):
    assert summary["draw_ratio"]["setpoint"] == 1.8
    assert summary["draw_ratio"]["max_abs_error_percent"] == pytest.approx(0.5, abs=0.01)
    assert summary["parts"]["plasticizer"]["setpoint"] == 150.0
    assert summary["parts"]["plasticizer"]["max_abs_error_percent"] == pytest.approx(100 * 0.02 / 1.02, abs=0.03)
    assert summary["parts"]["solvent"]["max_abs_error_percent"] == pytest.approx(100 * 0.02 / 1.02, abs=0.03)


def test_records_count_what_is_stored_and_what_was_lost(summary):
    assert summary["records"]["nodes"]["melt"] == {"scans": 2640, "lost": 40, "undeclared": 0}
    assert summary["records"]["scans"] == 2640 + 1340 + 13400
    assert (summary["records"]["lost"], summary["records"]["undeclared"]) == (40, 0)


def test_the_last_measured_verdict_of_a_claim_holds_and_a_planned_one_is_never_taken_for_it(summary):
    assert summary["claims"] == {"1": "PASS", "12": "PASS"}
    assert summary["claims_planned"] == {"1": "PASS", "12": "UNKNOWN"}


def test_it_is_written_whole_as_json(summary, tmp_path):
    write_summary(tmp_path / "summary.json", summary)
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == summary
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_a_batch_that_never_began_has_a_summary_without_numbers(tmp_path):
    Journal.create(tmp_path / "journal.sqlite").close()
    summary = make_summary(tmp_path / "journal.sqlite", LINE, wall_s=0.0, trace_sha256="")
    assert (summary["batch_state"], summary["real_time_factor"], summary["metres"]["made"]) == (
        None,
        None,
        0.0,
    )
    assert summary["zones"]["Z1"]["max_abs_deviation_K"] is None


def test_there_is_no_summary_of_what_is_no_journal(tmp_path):
    with pytest.raises(BadFile, match="there is no journal here"):
        make_summary(tmp_path / "journal.sqlite", LINE, wall_s=1.0, trace_sha256="")
