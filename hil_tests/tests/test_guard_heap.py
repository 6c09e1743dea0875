"""The guards of every node of R1 on a real 32-bit MicroPython: thousands of scans on a locked heap."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import Node, load_line
from spinline.recipe.reading import read_recipe
from spinline_protocol.configuration import TABLES

ROOT = Path(__file__).resolve().parents[2]
LINE, RECIPE = load_line(ROOT / "lines" / "r1.toml"), read_recipe(ROOT / "recipes" / "r1.toml")
PROGRAM = ROOT / "firmware" / "tests" / "guard_cost.py"
RUN_SECONDS_MAX = 60
PARTS = ("interlocks", "monitors", "permissives", "alarm")


@pytest.mark.wall
@pytest.mark.parametrize("node", LINE.node, ids=[node.name for node in LINE.node])
def test_the_guards_of_a_node_scan_without_a_byte_of_heap(node: Node, tmp_path: Path) -> None:
    try:
        interpreter = find_interpreter()
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    rows = compile_node(LINE, node, RECIPE).rows
    tables = tmp_path / "tables.txt"
    tables.write_text(repr([[words for of, words in rows if of == table] for table in range(len(TABLES))]))
    command = [*interpreter.command, str(PROGRAM), str(ROOT), str(tables), "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    told = dict(line.split() for line in done.stdout.splitlines())
    assert tuple(told) == PARTS and all(int(ns) >= 0 for ns in told.values())
