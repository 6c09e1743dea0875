"""The house's machinery: the rule on missing tools, the runner of measurements, the board compiler's gate."""

import json
import os
from pathlib import Path

import pytest

from tools import bench, compile_firmware
from tools.bench_row import Row

CONFTEST = Path(__file__).resolve().parent.parent / "conftest.py"
SKIPPING = """
import pytest

def test_a():
    pytest.skip("missing tool: a bench")

@pytest.mark.skip(reason="missing tool: a board")
def test_b(): ...

def test_c():
    pytest.skip("not on this line")
"""


@pytest.fixture
def session(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with the house's conftest and tests that skip."""
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(
        test_tests=SKIPPING,
        test_file='import pytest\npytest.skip("missing tool: x", allow_module_level=True)',
    )
    return pytester


def test_a_missing_tool_is_a_skip_at_a_desk(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    result = session.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(skipped=4)


def test_a_missing_tool_is_a_failure_in_ci(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = session.runpytest_inprocess("-p", "no:xdist", "--continue-on-collection-errors")
    result.assert_outcomes(failed=1, skipped=1, errors=2)
    result.stdout.fnmatch_lines(["*missing tool: a bench; CI counts this as a failure"])


def test_tests_on_the_wall_clock_and_those_of_a_group_share_one_worker(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nmarkers = ["wall", "long"]')
    told = f"""
        import os, pytest
        def note(name):
            with open({str(pytester.path / "told.txt")!r}, "a") as told:
                print(name, os.environ["PYTEST_XDIST_WORKER"], file=told)
        @pytest.mark.wall
        @pytest.mark.parametrize("i", range(6))
        def test_on_the_clock(i): note("wall")
        @pytest.mark.xdist_group("service")
        @pytest.mark.wall
        @pytest.mark.parametrize("i", range(6))
        def test_of_a_group(i): note("service")
    """
    pytester.makepyfile(told)
    pytester.runpytest_subprocess("-n", "2", "--dist", "loadgroup").assert_outcomes(passed=12)
    lines = (pytester.path / "told.txt").read_text().split("\n")[:-1]
    assert len(lines) == 12 and len(set(lines)) == 2, "one worker for each group"


@pytest.mark.wall
def test_what_only_computes_steps_back_behind_what_is_on_the_wall_clock(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nmarkers = ["wall", "long"]')
    pytester.makepyfile(f"""
        import os, pytest
        def note(name):
            with open({str(pytester.path / "told.txt")!r}, "a") as told:
                print(name, os.nice(0), file=told)
        @pytest.mark.wall
        @pytest.mark.parametrize("i", range(6))
        def test_on_the_clock(i): note("wall")
        @pytest.mark.xdist_group("others")
        @pytest.mark.parametrize("i", range(5))
        def test_that_computes(i): note("computes")
    """)
    pytester.runpytest_subprocess("-n", "2", "--dist", "loadgroup").assert_outcomes(passed=11)
    lines = set((pytester.path / "told.txt").read_text().split("\n")[:-1])
    ours = os.nice(0)
    assert lines == {f"wall {ours}", f"computes {min(ours + 10, 19)}"}


def test_a_row_is_judged_by_its_target_and_by_what_is_better() -> None:
    assert Row("a", 2.0, "s", "lower", 1).ok is None
    assert Row("a", 2.0, "s", "lower", 1, target=2.0).ok is True
    assert Row("a", 2.0, "s", "higher", 1, target=2.1).ok is False


def test_a_new_row_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    result = tmp_path / "bench/bench.json"
    bench.write_rows([Row("b", 1.0, "s", "lower", 3), Row("a", 1.0, "s", "lower", 3)], result)
    bench.write_rows([Row("b", 2.0, "s", "lower", 4, "other", 9.0, 3.0)], result)
    first, second = json.loads(result.read_text())
    assert (first["name"], first["value"]) == ("a", 1.0)
    assert second == {
        "name": "b", "value": 2.0, "unit": "s", "better": "lower", "n": 4,
        "peer": "other", "peer_value": 9.0, "target": 3.0, "ok": True,
    }  # fmt: skip


def test_only_measurements_with_the_asked_for_prefix_run() -> None:
    def measure() -> list[Row]:
        return []

    measurements = [("link.loss", measure), ("line.speed", measure)]
    assert [name for name, _measure in bench.chosen(measurements, "li")] == ["link.loss", "line.speed"]
    assert [name for name, _measure in bench.chosen(measurements, "link")] == ["link.loss"]


@pytest.mark.wall
def test_the_gate_names_file_and_processor_of_what_a_board_cannot_compile(tmp_path: Path) -> None:
    good, bad, machine = tmp_path / "good.py", tmp_path / "bad.py", tmp_path / "machine.py"
    good.write_text("def f(a: int, *, b: int = 1) -> int:\n    return a + b\n")
    bad.write_text("def f(a, /):\n    return a\n")
    machine.write_text("import micropython\n@micropython.viper\ndef f(a: float) -> int:\n    return 1\n")
    made = tmp_path / "made.mpy"
    assert compile_firmware.board_files([tmp_path]) == [bad, good, machine]
    assert compile_firmware.complaints(good, made) == []
    assert [line.split(": ")[:2] for line in compile_firmware.complaints(bad, made)] == [[str(bad), "bytecode"]]
    named = [line.split(": ")[1] for line in compile_firmware.complaints(machine, made)]
    assert named == list(compile_firmware.ARCHITECTURES)
