"""A node's process that does not answer, or ends, is told by name with its last words."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.node_process import Down, NodeDied, NodeHung, NodeProcess

pytestmark = pytest.mark.wall
SHORT_S = 5.0  # of real time: the interpreter has started and printed by then, on a busy machine too


def node_that_runs(program: str, folder: Path) -> NodeProcess:
    """A node whose firmware is this text."""
    try:
        command = find_interpreter().command
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    board = folder / "melt"
    board.mkdir()
    for name in ("boot.py", "main.py"):
        (board / name).write_text(program)
    node = NodeProcess(command, board, b"12345678", bytes(32), hang_s=SHORT_S)
    node.send(0, Down(), b"")  # it waits for its first frame before it runs
    return node


def test_a_node_that_loops_for_ever_is_a_hang_with_its_name_and_last_words(tmp_path: Path) -> None:
    node = node_that_runs("print('lost in a loop')\nwhile True:\n    pass\n", tmp_path)
    try:
        with pytest.raises(NodeHung, match=r"melt hangs: no answer in 5 s of real time(.|\n)*lost in a loop"):
            node.receive()
        assert node.process.poll() is None, "it runs: it was not taken for dead"
    finally:
        node.kill()


def test_a_node_that_ends_is_dead_and_no_hang(tmp_path: Path) -> None:
    node = node_that_runs("raise ValueError('no line')\n", tmp_path)
    try:
        with pytest.raises(NodeDied, match=r"melt ended(.|\n)*no line") as died:
            node.receive()
        assert not isinstance(died.value, NodeHung)
    finally:
        node.kill()
