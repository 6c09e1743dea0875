"""pytest's part of the report (`make hil`): each test leaves a file, the controller joins them into one page.

Loaded by `-p hil_tests.report.plugin`.  Workers of xdist load it too; only the controller writes the page.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.bench.api import Bench
from hil_tests.bench.faults import CATALOGUE, Fault
from hil_tests.bench.interpreters import InterpreterMissing
from hil_tests.bench.provisioning import NotProvisioned
from hil_tests.bench.run import BenchRun
from hil_tests.bench.verdicts import Infra

from .evidence import gather
from .written import FIGURES, write_page

RUNS = pytest.StashKey[list[Bench]]()  # the runs of a test; the fixture that makes them puts them there
FAULT_IDS = {fault.id for fault in CATALOGUE}
_PHASES = pytest.StashKey[dict[str, pytest.TestReport]]()
_INFRA = pytest.StashKey[str]()

PASS, FAIL, SKIP, INFRA_TOOL, INFRA_BENCH = "PASS", "FAIL", "SKIP", "INFRA_TOOL", "INFRA_BENCH"
MISSING_TOOL = "missing tool:"
# What says nothing about the line: the bench could not do its part.
INFRA_ERRORS = (Infra, InterpreterMissing, NotProvisioned, OSError, subprocess.SubprocessError, MemoryError)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the report goes."""
    parser.addoption("--hil-report", type=Path, default=Path("build/hil"), help="folder of report.html")


def _tests(config: pytest.Config) -> Path:
    folder: Path = config.getoption("--hil-report")
    return config.rootpath / folder / "tests"


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Nothing of an earlier session stays."""
    if not _is_worker(session.config):
        shutil.rmtree(_tests(session.config), ignore_errors=True)
        _tests(session.config).mkdir(parents=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember how each phase ended; behind the last one write down what the test left."""
    report = yield
    item.stash.setdefault(_PHASES, {})[report.when] = report
    if call.excinfo is not None and report.failed and issubclass(call.excinfo.type, INFRA_ERRORS):
        error = call.excinfo.value
        item.stash[_INFRA] = error.verdict if isinstance(error, Infra) else INFRA_BENCH
    if report.when == "teardown":
        left = _left_by(item)
        name = hashlib.sha256(item.nodeid.encode()).hexdigest()[:24]
        (_tests(item.config) / f"{name}.json").write_text(json.dumps(left))
        report.user_properties += [(key, str(left[key])) for key in ("verdict", "fault_id", "seed") if left[key]]
        for run in left["runs"]:
            told = ("firmware", "trace", "real_time_factor")
            report.user_properties += [(_PROPERTIES[key], str(run[key])) for key in told]
        if left["runs"]:
            report.user_properties.append(("interpreter", left["interpreter"]))
    return report


_PROPERTIES = {"firmware": "firmware_sha256", "trace": "trace_sha256", "real_time_factor": "real_time_factor"}


def _verdict(item: pytest.Item, phases: dict[str, pytest.TestReport]) -> tuple[str, str]:
    """The verdict and, unless it passed, why."""
    for report in phases.values():
        if report.skipped:
            reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else report.longreprtext
            reason = reason.removeprefix("Skipped: ")
            return INFRA_TOOL if reason.startswith(MISSING_TOOL) else SKIP, reason
        if report.failed:
            return item.stash.get(_INFRA, FAIL), report.longreprtext
    return PASS, ""


def _nodeid(item: pytest.Item) -> str:
    """As it is asked for: pytest-xdist puts an @ and a group behind the ids of tests that share a worker."""
    nodeid = item.nodeid
    return nodeid[: nodeid.rindex("@")] if nodeid.rfind("@") > nodeid.rfind("]") else nodeid


def _left_by(item: pytest.Item) -> dict[str, Any]:
    """Everything the page needs of one test."""
    phases = item.stash[_PHASES]
    verdict, why = _verdict(item, phases)
    given: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    fault, place, state = given.get("fault"), given.get("place"), given.get("state")
    fault_id = fault.id if isinstance(fault, Fault) else fault if fault in FAULT_IDS else ""
    wall_s = sum(report.duration for name, report in phases.items() if name != "teardown")
    benches = item.stash.get(RUNS, [])
    runs = [gather(run, place, verdict not in (PASS, SKIP)) for run in benches]
    for run in runs:
        run["real_time_factor"] = round(sum(one["virtual_s"] for one in runs) / max(wall_s, 1e-3), 1)
    seed = item.config.getoption("--seed")
    whole = " --whole" if fault_id and item.config.getoption("--whole") else ""
    return {
        "nodeid": _nodeid(item),
        "verdict": verdict,
        "why": why,
        "wall_s": round(wall_s, 2),
        "fault_id": fault_id,
        "place": place or "",
        "state": state or "",
        "seed": seed,
        "interpreter": _interpreter_of(benches),
        "runs": runs,
        "console": _last_words(benches) if verdict not in (PASS, SKIP) else [],
        "reproduce": f".venv/bin/pytest '{_nodeid(item)}' --seed {seed}{whole}",
    }


def _interpreter_of(benches: list[Bench]) -> str:
    """Where the program that ran the firmware is from."""
    sources = [run.interpreter.source if run.interpreter else "boards on wires" for run in benches]
    return sources[0] if sources else ""


def _last_words(benches: list[Bench]) -> list[str]:
    """What the nodes of the bench printed: a traceback, if there was one."""
    nodes = [of for run in benches if isinstance(run, BenchRun) for of in run.bench.nodes.items()]
    spoken = [(name, node.process.last_words().strip()) for name, node in nodes]
    return [f"{name}: {words}" for name, words in spoken if words]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The controller joins what all workers left."""
    if _is_worker(session.config):
        return
    write_page(_tests(session.config).parent, session.config.rootpath / FIGURES)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the page is."""
    terminalreporter.write_line(f"report: {_tests(config).parent / 'report.html'}")
