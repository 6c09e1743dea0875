"""Rules for every test of the house.  Holds no fixtures: those stand beside the tests that use them.

With CI=true a test that skips for a missing tool has failed: a gate that is not there must not look like one
that passed.
"""

import gc
import os
from collections.abc import Generator

import hypothesis
import pytest

MISSING_TOOL = "missing tool:"
IN_CI = os.environ.get("CI", "").lower() == "true"

# No deadline: that is a wall clock.  In CI the same examples run every time; elsewhere new ones are sought.
hypothesis.settings.register_profile("house", deadline=None, derandomize=IN_CI, print_blob=True)
hypothesis.settings.load_profile("house")

# How far a worker steps back, once it has begun with tests that wait for no clock, behind those that do.
STEP_BACK = 10
STEPPED_BACK = pytest.StashKey[bool]()

Report = pytest.TestReport | pytest.CollectReport


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make hil` adds, and the seed of the simulated line."""
    parser.addoption("--mode", choices=("lockstep", "pty"), default="lockstep", help="how the simulated line is run")
    parser.addoption("--bench", metavar="FILE", help="run on the wired bench of this file")
    parser.addoption("--whole", action="store_true", help="lay every fault at every place in every state of the line")
    parser.addoption("--seed", type=int, default=1, help="of every simulated line; the same seed gives the same trace")


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests wait for ``--whole``; those on the wall clock share one worker, not to take each other's time."""
    for item in items:
        if item.get_closest_marker("long") and not config.getoption("--whole"):
            item.add_marker(pytest.mark.skip(reason="long: make hil runs it"))
        if item.get_closest_marker("wall") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("wall"))
    items.sort(key=lambda item: item.get_closest_marker("long") is None)  # so no worker waits for a long one at the end


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: the collector does not look at them again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What only computes is not in the way of what has to be in time.  Groups go first, so few workers do both."""
    stash = item.config.stash
    if hasattr(item.config, "workerinput") and not item.get_closest_marker("wall") and STEPPED_BACK not in stash:
        stash[STEPPED_BACK] = True
        os.nice(STEP_BACK)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that lacks a tool fails in CI."""
    report = yield
    _fail_for_missing_tool(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So does a whole file that lacks one."""
    report = yield
    _fail_for_missing_tool(report)
    return report


def _fail_for_missing_tool(report: Report) -> None:
    if not (IN_CI and report.skipped and isinstance(report.longrepr, tuple)):
        return
    path, line, reason = report.longrepr
    if reason.removeprefix("Skipped: ").startswith(MISSING_TOOL):
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: {reason}; CI counts this as a failure"
