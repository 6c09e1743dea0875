"""The rules of the house that no linter knows: sizes, first lines, names, clocks, and files nobody uses."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("tidy")  # every file is read once

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("protocol", "firmware", "host", "hil_tests", "tools", "tests")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
# The one hot function is one piece of machine code: a call in it would cost a heap object.
LONG_FUNCTIONS = frozenset({"scan_pid"})

# Names that say nothing.  Whole: all of a module's, class's or function's name.  Words: a part of any name.
BANNED_WHOLE = frozenset({"data", "info", "value", "temp", "handle"})
BANNED_FUNCTIONS = BANNED_WHOLE | {"process"}  # as a noun the process is what the line does, and a good name
BANNED_WORDS = frozenset({"tmp", "util", "utils", "helper", "helpers", "manager", "managers"})

CLOCKS = frozenset(
    "time.time time.time_ns time.sleep time.monotonic time.monotonic_ns time.perf_counter "
    "time.perf_counter_ns datetime.now datetime.utcnow datetime.today date.today asyncio.sleep".split()
)
# Where a clock may be read: the bench's one door to it, the supervisor's edge, and measurements.
CLOCK_FILES = ("hil_tests/bench/wall.py", "host/spinline/edges/clock.py", "tools/bench_*.py")

# Stands in for MicroPython's own modules, and so has MicroPython's names.
FOREIGN_NAMES = "hil_tests/bench/mpy*/*.py"

# Files that are run or found by name, not imported; so are tests, scenarios and the tables of the boards.
ENTRANCES = (
    "__init__",
    "__main__",
    "boot",
    "main",
    "cli",
    "conftest",
    "demo",
    "compile_firmware",
    "golden",
    "bench",
)


@pytest.fixture(scope="module", autouse=True)
def _trees() -> Iterator[None]:
    """More than half a million objects, which no other test has to carry."""
    yield
    nodes.cache_clear()


@cache
def files() -> tuple[Path, ...]:
    """Every Python file of the house, relative to its root."""
    found = [ROOT / "conftest.py"] + [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    return tuple(sorted(file.relative_to(ROOT) for file in found))


@cache
def text(file: Path) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def nodes(file: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(text(file), str(file))))  # the module itself is the first


def docstring(file: Path) -> str | None:
    """What the file says of itself."""
    module = nodes(file)[0]
    assert isinstance(module, ast.Module)
    return ast.get_docstring(module)


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in nodes(file) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its name to its end."""
    assert function.end_lineno is not None  # ast.parse() always fills it in
    return function.end_lineno - function.lineno + 1


def words(name: str) -> set[str]:
    """The words of a name, in snake or camel case, in small letters."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def dotted(node: ast.expr) -> str:
    """`time.sleep` of `time.sleep`; the last two words of a longer name; nothing of anything else."""
    if not isinstance(node, ast.Attribute):
        return ""
    owner = node.value
    first = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return f"{first}.{node.attr}"


def clocks(file: Path) -> Iterator[str]:
    """Each use of a clock, and each import that would hide one behind a bare name."""
    for node in nodes(file):
        if isinstance(node, ast.Attribute) and dotted(node) in CLOCKS:
            yield f"{file}:{node.lineno}: {dotted(node)}"
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if f"{node.module}.{alias.name}" in CLOCKS:
                    yield f"{file}:{node.lineno}: from {node.module} import {alias.name}"


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {file: text(file).count("\n") for file in files()}
    assert [f"{file}: {n} lines" for file, n in lengths.items() if n > FILE_LINES_MAX] == []


def test_no_function_is_longer_than_a_page() -> None:
    long = [
        f"{file}:{function.lineno}: {function.name}"
        for file in files()
        for function in functions(file)
        if function.name not in LONG_FUNCTIONS and lines(function) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_every_file_begins_by_saying_what_it_is() -> None:
    assert [str(file) for file in files() if not docstring(file)] == []


def test_no_name_says_nothing() -> None:
    ours = [file for file in files() if not file.match(FOREIGN_NAMES)]
    found = [str(file) for file in ours if file.stem in BANNED_WHOLE or words(file.stem) & BANNED_WORDS]
    for file in ours:
        for node in nodes(file):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if node.name.lower() in BANNED_FUNCTIONS or words(node.name) & BANNED_WORDS:
                    found.append(f"{file}:{node.lineno}: {node.name}")
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and words(node.id) & BANNED_WORDS:
                found.append(f"{file}:{node.lineno}: {node.id}")
    assert found == []


def test_whatever_is_left_to_do_has_an_owner() -> None:
    unowned = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b(?!\(\w)")
    assert [f"{file}: {match[0]}" for file in files() for match in unowned.finditer(text(file))] == []


def test_nobody_reads_a_clock_or_sleeps_outside_the_doors_to_the_clock() -> None:
    inner = [file for file in files() if not any(file.match(pattern) for pattern in CLOCK_FILES)]
    assert [use for file in inner for use in clocks(file)] == []


def imported(file: Path) -> set[str]:
    """Top-level names of the modules that a file imports, at any depth of the file."""
    found = set()
    for node in nodes(file):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_the_bench_has_one_clock_and_only_its_door_imports_another() -> None:
    """A wait for a pipe or a port needs `select`; how long it may last is real time, so those files are named."""
    bench = [file for file in files() if file.parts[0] == "hil_tests" and not file.match(FOREIGN_NAMES)]
    bench = [file for file in bench if "fixture" not in file.parts]  # a board's firmware reads the board's clock
    clocks = {"time", "asyncio", "sched", "threading"}
    assert [str(file) for file in bench if imported(file) & clocks] == ["hil_tests/bench/wall.py"]
    waiting = {str(file.relative_to("hil_tests/bench")) for file in bench if imported(file) & {"select", "selectors"}}
    assert waiting == {"fault_proxy.py", "node_process.py", "pty_line.py"}


def test_every_module_is_used_by_another() -> None:
    used: dict[str, set[Path]] = {}
    for file in files():
        for word in set(re.findall(r"\w+", text(file))):
            used.setdefault(word, set()).add(file)
    modules = [file for file in files() if not {"tests", "scenarios", "boards"} & set(file.parts)]
    unused = [file for file in modules if file.stem not in ENTRANCES and not used.get(file.stem, set()) - {file}]
    assert [str(file) for file in unused] == []


def test_the_rules_of_names_and_clocks_see_what_they_should(tmp_path: Path) -> None:
    assert words("HTTPManager") == {"http", "manager"} and words("frame_util_2") == {"frame", "util"}
    bad = tmp_path / "bad.py"
    bad.write_text("import time\nfrom time import sleep\nnow = time.monotonic()\nticks = time.ticks_ms()\n")
    assert [use.split(": ")[1] for use in clocks(bad)] == ["from time import sleep", "time.monotonic"]
