"""Lines for the scenarios: preheated, with a short programme, so that a trial begins where it matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.bench.interpreters import Interpreter, InterpreterMissing, find_interpreter
from hil_tests.bench.run import RECIPE_R1, BenchRun
from hil_tests.report.plugin import RUNS
from spinline.recipe.models import Recipe
from spinline.recipe.reading import read_recipe

MakeRun = Callable[..., BenchRun]
TO_PRODUCTION_S = 900.0


@pytest.fixture(scope="session")
def interpreter() -> Interpreter:
    try:
        return find_interpreter()
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")


def short_recipe(production_min: int = 60, threading_min: int = 4) -> Recipe:
    """R1 with a programme for a preheated line."""
    recipe = read_recipe(RECIPE_R1)
    times = {"heatup_ramp_K_min": 60, "soak_min": 1, "threading_min": threading_min, "production_min": production_min}
    return recipe.model_copy(update={"program": recipe.program.model_copy(update=times)})


@pytest.fixture
def make_run(interpreter: Interpreter, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeRun]:
    """Make a preheated line, or a ``cold`` one; all its processes end with the test.

    ``--seed`` counts on from the seed of a test."""
    runs = request.node.stash.setdefault(RUNS, [])
    later = request.config.getoption("--seed") - 1

    def make(cold: bool = False, **given: Any) -> BenchRun:
        recipe = given.pop("recipe", None) or short_recipe()
        seed = given.pop("seed", 1) + later
        run = BenchRun(interpreter, tmp_path / f"run{len(runs)}", seed, recipe, **given)
        runs.append(run)
        if not cold:
            run.preheat()
        return run

    yield make
    for run in runs:
        run.close()


@pytest.fixture
def producing(make_run: MakeRun) -> BenchRun:
    """A line in RUNNING for ten seconds."""
    run = make_run()
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "RUNNING", TO_PRODUCTION_S), run.supervisor.problems
    run.run_for(10)
    return run
