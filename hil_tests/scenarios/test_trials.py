"""Every trial is carried out as it is written; what it asks is in trials_course.py and trials_trouble.py."""

from __future__ import annotations

import pytest

from hil_tests.bench.run import RECIPE_R1, BenchRun
from spinline.recipe.reading import read_recipe

from . import trials_course, trials_trouble
from .conftest import TO_PRODUCTION_S, MakeRun, short_recipe
from .trial import COLD, Trial, carry_out

TRIALS = (*trials_course.TRIALS, *trials_trouble.TRIALS)


def ready_for(trial: Trial, make_run: MakeRun) -> BenchRun:
    """A run that meets the trial's precondition."""
    if trial.precondition == COLD:
        return make_run(recipe=read_recipe(RECIPE_R1), seed=trial.seed, cold=True)
    run = make_run(recipe=short_recipe(trial.production_min, trial.threading_min), seed=trial.seed)
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "RUNNING", TO_PRODUCTION_S), run.supervisor.problems
    run.run_for(10)
    return run


@pytest.mark.parametrize(
    "trial",
    [
        pytest.param(trial, id=trial.title, marks=[getattr(pytest.mark, mark) for mark in trial.marks])
        for trial in TRIALS
    ],
)
def test_a_trial(make_run: MakeRun, trial: Trial) -> None:
    print(trial.protocol())
    carry_out(trial, ready_for(trial, make_run))
