"""Lines for the scenarios: preheated, with a short programme, so that a trial begins where it matters.

``bench`` is the line on the target of the command line (lock-step, ``--mode pty``, ``--bench FILE``); what is wrong
with a wired bench itself ends the session with a verdict of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hil_tests.bench.api import FEATURES, Bench, CannotLay
from hil_tests.bench.bench_file import BenchFile, read_bench
from hil_tests.bench.interpreters import Interpreter, InterpreterMissing, find_interpreter
from hil_tests.bench.pty_bench import PtyBench
from hil_tests.bench.real import RealBench
from hil_tests.bench.run import RECIPE_R1, BenchRun
from hil_tests.bench.verdicts import Infra
from hil_tests.report.plugin import RUNS
from spinline.recipe.models import Recipe
from spinline.recipe.reading import read_recipe

MakeRun = Callable[..., BenchRun]
TO_PRODUCTION_S = 900.0
THREADED_MIN = 0.2  # the fiber is drawn, its godets ramp up to their speed for three minutes more
PTY_SPEED = 4.0  # times the wall clock
INFRA = pytest.StashKey[Infra]()


@pytest.fixture(scope="session")
def interpreter() -> Interpreter:
    try:
        return find_interpreter()
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")


def short_recipe(production_min: int = 60, threading_min: float = 4, soak_min: int = 1) -> Recipe:
    """R1 with a programme for a preheated line."""
    recipe = read_recipe(RECIPE_R1)
    times = {
        "heatup_ramp_K_min": 60,
        "soak_min": soak_min,
        "threading_min": threading_min,
        "production_min": production_min,
    }
    numbers = {name: Decimal(number) for name, number in times.items()}
    return recipe.model_copy(update={"program": recipe.program.model_copy(update=numbers)})


def near_the_bound(production_min: int, threading_min: float = 4) -> Recipe:
    """The same with 75 parts of plasticizer; the claim begins at 70."""
    recipe = short_recipe(production_min, threading_min, soak_min=0)
    composition = recipe.composition.model_copy(update={"plasticizer_parts": Decimal(75)})
    return recipe.model_copy(update={"composition": composition})


@pytest.fixture
def make_run(interpreter: Interpreter, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeRun]:
    """Make a preheated line, or a ``cold`` one; all its processes end with the test.

    ``--seed`` counts on from the seed of a test."""
    runs = request.node.stash.setdefault(RUNS, [])
    later = request.config.getoption("--seed") - 1

    def make(cold: bool = False, **given: Any) -> BenchRun:
        recipe = given.pop("recipe", None) or short_recipe()
        seed = given.pop("seed", 1) + later
        program = given.pop("interpreter", interpreter)
        run = BenchRun(program, tmp_path / f"run{len(runs)}", seed, recipe, **given)
        runs.append(run)
        if not cold:
            run.preheat()
        return run

    yield make
    for run in runs:
        run.close()


@pytest.fixture
def producing(make_run: MakeRun) -> BenchRun:
    """A line in RUNNING for ten seconds, its godets at their speed since half a minute."""
    return _running(make_run(recipe=short_recipe(soak_min=0)))


@pytest.fixture
def threaded(make_run: MakeRun) -> BenchRun:
    """The same with godets that are on their way: for what asks nothing of fiber and baths."""
    return _running(make_run(recipe=short_recipe(threading_min=THREADED_MIN, soak_min=0)))


def _running(run: BenchRun) -> BenchRun:
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "RUNNING", TO_PRODUCTION_S), run.supervisor.problems
    run.run_for(10)
    return run


def wired_file(config: pytest.Config) -> tuple[BenchFile, Path] | None:
    """The bench of the command line, where it names one."""
    named = config.getoption("--bench")
    return (read_bench(Path(named)), Path(named)) if named else None


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A cold line on the target of the command line, not yet started; skips by name what the target lacks."""
    wired = wired_file(request.config)
    marker = request.node.get_closest_marker("needs")
    features = set(wired[0].features) if wired else set(FEATURES)
    lacks = [feature for feature in (marker.args if marker else ()) if feature not in features]
    if lacks:
        pytest.skip(f"missing feature: {', '.join(lacks)}")
    made: Bench
    if wired:
        made = RealBench(*wired, tmp_path, short_recipe())
    elif request.config.getoption("--mode") == "pty":
        made = PtyBench(request.getfixturevalue("interpreter"), tmp_path, short_recipe(), PTY_SPEED)
    else:
        made = BenchRun(request.getfixturevalue("interpreter"), tmp_path / "run", recipe=short_recipe())
    request.node.stash.setdefault(RUNS, []).append(made)
    yield made
    made.close()


@pytest.fixture
def wired_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealBench]:
    """The wired bench alone."""
    wired = wired_file(request.config)
    assert wired, "chosen for a wired bench only"
    made = RealBench(*wired, tmp_path, short_recipe())
    yield made
    made.close()


def _runs_here(item: pytest.Item, config: pytest.Config) -> bool:
    """Whether a scenario can run on the target: those that name another one cannot."""
    names = getattr(item, "fixturenames", ())
    if config.getoption("--bench"):
        return "bench" in names or "wired_bench" in names
    if config.getoption("--mode") == "pty":
        return "wired_bench" not in names and ("bench" in names or item.get_closest_marker("wall") is not None)
    return "wired_bench" not in names


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only what runs on the target; the bench's own test comes first."""
    here = Path(__file__).parent
    chosen = [item for item in items if here not in item.path.parents or _runs_here(item, config)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = sorted(chosen, key=lambda item: "wired_bench" not in getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """A fault that the bench cannot lay is skipped by its name."""
    try:
        yield
    except CannotLay as lacks:
        pytest.skip(f"missing feature: {lacks}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """What is wrong with the bench is a verdict of its own; nothing more is run."""
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, Infra):
        item.user_properties.append(("verdict", error.verdict))
        item.config.stash[INFRA] = error
        item.session.shouldstop = f"{error.verdict}: the bench, not the product, is at fault"
    report = yield
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The exit status says which."""
    error = session.config.stash.get(INFRA, None)
    if error is not None:
        session.exitstatus = error.exit_status


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One line that cannot be taken for a failed test."""
    error = config.stash.get(INFRA, None)
    if error is not None:
        terminalreporter.section(error.verdict)
        terminalreporter.write_line(str(error))
