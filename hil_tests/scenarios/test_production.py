"""A production with noise and a feeder refill, and no other disturbance: the line keeps what the recipe asks."""

from __future__ import annotations

from typing import Any

import pytest

from spinline.record.summary import make_summary

from .conftest import MakeRun, short_recipe

THREADING_MIN = 10
PRODUCTION_MIN = 16  # threading and production together see the refill that comes every twenty minutes


@pytest.fixture
def summary(make_run: MakeRun) -> dict[str, Any]:
    """The summary of a batch that was run to the end of its production."""
    run = make_run(recipe=short_recipe(production_min=PRODUCTION_MIN, threading_min=THREADING_MIN), seed=11)
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "COMPLETING", 3600), run.supervisor.problems
    run.run_for(5)
    return make_summary(run.journal_path, run.line, wall_s=1.0, trace_sha256=run.bench.trace_sha256())


def test_the_line_keeps_what_the_recipe_asks(summary: dict[str, Any]) -> None:
    zones, loops = summary["zones"], summary["loops"]
    assert len(zones) == 8 and len(loops) == 20
    assert {name: zone for name, zone in zones.items() if zone["max_abs_deviation_K"] > 1.0} == {}
    assert loops["bath.QUENCH"]["max_abs_deviation"] <= 0.5
    assert loops["bath.EXT"]["max_abs_deviation"] <= 1.0
    assert summary["draw_ratio"]["max_abs_error_percent"] <= 0.3
    assert all(part["max_abs_error_percent"] <= 2.0 for part in summary["parts"].values())
    assert summary["records"]["lost"] == 0
    assert all(loop["seconds_in_auto"] >= 60 * PRODUCTION_MIN for loop in loops.values())
