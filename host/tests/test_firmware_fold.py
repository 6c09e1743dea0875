"""Numbers stand in the place of their names in what boards get, and nothing else of the firmware changes."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

from spinline.edges.firmware_build import slot_sources
from spinline.edges.firmware_fold import Folding, folded

SOURCES = {path: source.read_text(encoding="utf-8") for path, source in slot_sources(Path(__file__).parents[2]).items()}
FOLDING = Folding(SOURCES)
FOLDED = folded(SOURCES)
ON_A_BOARD = ("machine", "vfs", "rp2", "esp32", "pyb")


def made(**texts: str) -> dict[str, str]:
    """Files of the package p, folded."""
    found = folded({"p/__init__.py": "", **{f"p/{name}.py": text for name, text in texts.items()}})
    return {name: found[f"p/{name}.py"] for name in texts}


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if not any(f"import {m}" in SOURCES[path] for m in ON_A_BOARD)]
)
def test_every_number_that_is_folded_is_the_number_that_the_file_has_when_it_runs(path: str) -> None:
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        assert error.name in ON_A_BOARD
        pytest.skip(f"runs on a board only: {error}")
    for word, value in FOLDING.values_of(path).items():
        found = getattr(module, word)
        assert (tuple(found) if isinstance(found, list) else found) == value, word


def test_every_line_of_the_firmware_stays_where_it_is() -> None:
    for path, text in FOLDED.items():
        assert text.count("\n") == SOURCES[path].count("\n"), path
        ast.parse(text)


def test_what_is_folded_once_is_folded() -> None:
    again = Folding(FOLDED)
    assert {path: again.text_of(path) for path in FOLDED} == FOLDED


def test_a_running_node_imports_no_table_of_the_protocol() -> None:
    reached, waiting = set(), ["spinline_firmware.app"]
    while waiting:
        name = waiting.pop()
        path = name.replace(".", "/") + ".py"
        path = path if path in FOLDED else name.replace(".", "/") + "/__init__.py"
        if name in reached or path not in FOLDED:
            continue
        reached.add(name)
        for statement in ast.parse(FOLDED[path]).body:
            if isinstance(statement, ast.ImportFrom):
                waiting += [statement.module or "", *[f"{statement.module}.{alias.name}" for alias in statement.names]]
            elif isinstance(statement, ast.Import):
                waiting += [alias.name for alias in statement.names]
    assert len(reached) > 40
    assert not {f"spinline_protocol.{name}" for name in ("configuration", "states", "quantities", "schema")} & reached


def test_a_number_of_another_file_stands_where_it_is_used_and_its_import_is_gone() -> None:
    texts = made(a="A = 3\n(B, C) = range(4, 6)\n", b="from .a import A, C\nfrom . import a\nprint(A, C, a.B)\n")
    assert texts["b"] == "\n\nprint(3, 5, 4)\n"
    assert texts["a"] == "\n\n"


def test_what_nobody_uses_stays() -> None:
    assert made(a="NEWER = 1\n")["a"] == "NEWER = 1\n"


def test_a_file_that_is_handed_over_keeps_its_names() -> None:
    texts = made(a="A = 3\nB = (1, 2)\n", b="from p import a\n\nprint(a, a.A)\n")
    assert texts == {"a": "A = 3\nB = (1, 2)\n", "b": "import p.a as a\n\nprint(a, 3)\n"}


def test_a_negative_number_is_set_in_parentheses() -> None:
    assert made(a="A = -2\nf = lambda x: x**A\n")["a"] == "\nf = lambda x: x**(-2)\n"


@pytest.mark.parametrize(
    "text",
    [
        "A = 1\nA = 2\n",
        "A = 1\n\n\ndef f():\n    global A\n    A = 2\n\n\nf()\n",
        "A = 1\n\n\ndef f():\n    A = 2\n    return A\n\n\nf()\n",
        "A = 1\nif A:\n    from p.b import A\n",
        "A = 1 if g() else 2\n",
        "A = [g(), 2]\n",
    ],
)
def test_a_name_that_may_be_something_else_is_left_alone(text: str) -> None:
    assert made(a=text, b="")["a"] == text


def test_places_of_fields_are_numbers_and_rows_of_them_are_written_out() -> None:
    texts = made(
        a='ROW = (("x", 0, 1), ("y", -1, 2))\n',
        b="from .a import ROW\nfrom .c import field_index\n_Y = field_index(ROW, 'y')\n"
        "LOW = [field[1] for field in ROW]\nprint(LOW, _Y)\n",
        c="def field_index(_0, _1):\n    return 0\n",
    )
    assert texts["b"] == "\n\n\nLOW = [0, -1]\nprint(LOW, 1)\n"


def test_parameters_have_the_same_few_names_but_for_those_that_a_call_names() -> None:
    text = "def f(speed, band=0, *more):\n    return [speed + x for x in more] + [band]\n\n\nf(1, band=2)\n"
    assert made(a=text)["a"] == text.replace("speed", "_0")


def test_a_function_that_no_file_names_is_left_out() -> None:
    texts = made(a="def f():\n    return 1\n\n\ndef g():\n    return 2\n", b="from .a import f\n\nf()\n")
    assert texts["a"] == "def f():\n    return 1\n\n\n\n\n"


def test_a_function_in_a_function_keeps_its_names() -> None:
    text = "def f(speed):\n    def g(speed):\n        return speed\n    return g(speed)\n\n\nf(1)\n"
    assert made(a=text)["a"] == text.replace("def g(speed):\n        return speed", "def g(_0):\n        return _0")


def test_a_file_that_is_no_python_is_named() -> None:
    with pytest.raises(SyntaxError) as raised:
        made(a="def\n")
    assert raised.value.filename == "p/a.py"


def test_nothing_of_the_firmware_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert made(a="while True:\n    pass\n")["a"] == "while True:\n    pass\n"
    assert "p.a" not in sys.modules and not capsys.readouterr().out


def test_a_number_that_is_imported_where_it_is_used_is_folded_and_its_import_gone() -> None:
    texts = {"a.py": "NUMBER = 7\n\n\ndef made(n):\n    return n\n"}
    user = "def use():\n    from a import NUMBER, made\n\n    return made(NUMBER)\n\n\nuse()\n"
    folded = Folding({**texts, "b.py": user}).text_of("b.py")
    assert "NUMBER" not in folded and "made(7)" in folded and "from a import made" in folded


def test_what_an_object_keeps_for_its_own_file_has_a_number_for_a_name() -> None:
    text = "class A:\n    def f(self):\n        self._speed = self._limit.speed\n        self._go()\n\n"
    used = "    def _go(self):\n        return self._speed\n\n\nA().f()\n"
    found = made(a=text + used, b="import p.a as a\n\na.A().f()\n")["a"]
    assert "_1 = " in found and "._0.speed" in found and "._go()" in found and "def _go" in found
    assert "_speed" not in found and "_limit" not in found


def test_what_two_files_name_keeps_its_name() -> None:
    keeps = "class A:\n    def f(self):\n        self._speed = 1\n\n\nA().f()\n"
    assert "._speed" in made(a=keeps, b="def g(a):\n    return a._speed\n\n\ng(1)\n")["a"]
    assert "._speed" in made(a=keeps, b="WORDS = ('_speed', 'b')\n\n\ndef g(a):\n    return WORDS\n\n\ng(1)\n")["a"]


def test_a_class_that_goes_on_in_another_file_keeps_its_names() -> None:
    keeps = "class A:\n    def f(self):\n        self._speed = 1\n"
    goes_on = "from p.a import A\n\n\nclass B(A):\n    def g(self):\n        self._limit = 2\n\n\nB().g()\n"
    files = made(a=keeps, b=goes_on)
    assert "._speed" in files["a"] and "._limit" in files["b"]


def test_a_class_that_goes_on_in_its_own_file_keeps_its_words_apart() -> None:
    keeps = "class A:\n    def f(self):\n        self._speed = 1\n\n\n"
    text = made(a=keeps + "class B(A):\n    def g(self):\n        self._limit = 2\n\n\nB().g()\n")["a"]
    assert "._1 = 1" in text and "._0 = 2" in text
