"""A configuration is taken whole or not at all, and a running line takes other numbers without a bump."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hil_tests.bench.direct import Direct, Rows, sha256_of_rows, transaction_messages
from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.run import LINE_R1, BenchRun
from hil_tests.bench.simulated import SimulatedLine
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import load_line
from spinline_protocol import errors, messages
from spinline_protocol.configuration import TABLE_INPUT, TABLE_LOOP, TABLE_NODE, TABLES, field_index
from spinline_protocol.states import CMD_RUN, CMD_START, EXECUTE

from .conftest import short_recipe
from .protocol import missing_scans, node_states, rows_of

MakeNode = Callable[[], Direct]
DRAW = "draw"
FULL_SPEED = 7  # the draw node's input


@pytest.fixture
def make_node(interpreter: Interpreter, tmp_path: Path) -> Iterator[MakeNode]:
    """Make a draw node alone on the bench, its session open."""
    lines: list[SimulatedLine] = []

    def make() -> Direct:
        lines.append(SimulatedLine(interpreter, tmp_path / f"line{len(lines)}", 1, names=(DRAW,)))
        lines[-1].plant.actuators.full_speed = True  # a bridge in place of the bath node's contact
        node = Direct(lines[-1], DRAW)
        node.open()
        return node

    yield make
    for line in lines:
        line.close()


def draw_rows() -> Rows:
    line = load_line(LINE_R1)
    node = next(node for node in line.node if node.name == DRAW)
    return compile_node(line, node, short_recipe()).rows


def changed(rows: Rows, table: int, row: int, **named: int) -> Rows:
    """The rows with some fields of one row of a table replaced."""
    places = [i for i, (of, _words) in enumerate(rows) if of == table]
    words = list(rows[places[row]][1])
    for name, number in named.items():
        words[field_index(TABLES[table][2], name)] = number
    return (*rows[: places[row]], (table, tuple(words)), *rows[places[row] + 1 :])


def number_of(rows: Rows, table: int, row: int, name: str) -> int:
    return [words for of, words in rows if of == table][row][field_index(TABLES[table][2], name)]


def running(node: Direct, rows: Rows, settled_s: float = 260.0) -> Direct:
    """The node in EXECUTE with these rows, its drives at speed."""
    assert set(node.configure(rows)) == {errors.OK}
    node.steps(1)
    for command in (CMD_START, CMD_RUN):
        assert node.ask(messages.COMMAND, command)["code"] == errors.OK
    node.steps(settled_s)
    return node


def test_a_contact_on_the_pins_of_an_encoder_is_refused_and_the_old_configuration_goes_on(
    make_node: MakeNode,
) -> None:
    node, rows = make_node(), draw_rows()
    assert set(node.configure(rows)) == {errors.OK}
    node.open()
    both = changed(rows, TABLE_INPUT, FULL_SPEED, port=4)
    assert node.configure(both)[-1] == errors.RANGE
    assert node.ask(messages.COMMAND, CMD_START)["code"] == errors.OK, "with the rows from before"


def retuned(rows: Rows) -> Rows:
    """Half the gain of both godets, another limit of the take-up."""
    high = number_of(rows, TABLE_LOOP, 0, "setpoint_high")
    rows = changed(rows, TABLE_LOOP, 0, mp=number_of(rows, TABLE_LOOP, 0, "mp") // 2, setpoint_high=high - 1)
    return changed(rows, TABLE_LOOP, 1, mp=number_of(rows, TABLE_LOOP, 1, "mp") // 2)


def test_a_session_cut_before_or_after_any_message_leaves_the_old_or_the_new_configuration(make_node: MakeNode) -> None:
    node, old = make_node(), draw_rows()
    assert set(node.configure(old)) == {errors.OK}
    new = retuned(old)
    hashes = {sha256_of_rows(old): old, sha256_of_rows(new): new}
    count = len(transaction_messages(new, b""))
    for executed in (False, True):
        for cut in range(count):
            base = node.open()["configuration_sha256"]
            target = new if base == sha256_of_rows(old) else old
            asked = transaction_messages(target, base)
            assert all(answer["code"] == errors.OK for answer in node.ask_all(asked[:cut]))
            if executed:  # the message arrives, its answer does not
                node.bench.nodes[DRAW].to_host.cut = True
                node.link.request(*asked[cut])
                node.steps(0.5)
                node.bench.nodes[DRAW].to_host.cut = False
            found = node.open()["configuration_sha256"]
            assert found == (sha256_of_rows(target) if executed and cut == count - 1 else base), (executed, cut)
            assert found in hashes
            digest = sha256_of_rows(target)
            if found == base:
                assert node.ask(messages.CONFIG_COMMIT, digest)["code"] == errors.STATE, (
                    "the shadow died with its session"
                )


def test_a_running_line_takes_a_retune_and_other_limits_without_moving_an_output(make_node: MakeNode) -> None:
    rows = draw_rows()
    plain, node = running(make_node(), rows), running(make_node(), rows)
    asked = transaction_messages(retuned(rows), sha256_of_rows(rows))
    for other in (plain, node):  # the same steps on both; one takes the commit, the other asks who it is
        assert all(answer["code"] == errors.OK for answer in other.ask_all(asked[:-1]))
    last = node.ask(asked[-1][0], *asked[-1][1])
    assert last["code"] == errors.OK
    plain.ask(messages.IDENTIFY)
    assert len(plain.outputs) == len(node.outputs)
    for (_pins, dac), (_other_pins, other_dac) in zip(plain.outputs[-3:], node.outputs[-3:], strict=True):
        assert max(abs(a - b) for a, b in zip(dac, other_dac, strict=True)) <= 1, "one code of the converter"
    assert node.open()["configuration_sha256"] == sha256_of_rows(retuned(rows))
    assert node.link.hello["state"] == EXECUTE
    node.steps(20)
    assert abs(node.bench.plant.truth.godet1_speed_m_min - 10) < 0.1


def test_another_structure_is_refused_while_the_line_runs(make_node: MakeNode) -> None:
    rows = draw_rows()
    node = running(make_node(), rows, settled_s=2.0)
    other = changed(rows, TABLE_INPUT, 0, filter_k=number_of(rows, TABLE_INPUT, 0, "filter_k") ^ 1)
    assert node.configure(other)[-1] == errors.STATE
    assert node.open()["configuration_sha256"] == sha256_of_rows(rows)
    assert node.link.hello["state"] == EXECUTE


def test_a_reconnect_moves_no_output_and_a_setpoint_survives_it(make_node: MakeNode) -> None:
    rows = draw_rows()
    nodes = [running(make_node(), rows), running(make_node(), rows)]
    low, high = number_of(rows, TABLE_LOOP, 0, "setpoint_low"), number_of(rows, TABLE_LOOP, 0, "setpoint_high")
    setpoint = (number_of(rows, TABLE_LOOP, 0, "setpoint") * 9) // 10
    assert low <= setpoint <= high
    for node in nodes:
        assert node.ask(messages.SET_SETPOINT, 0, setpoint, 0)["code"] == errors.OK
        node.outputs.clear()
        node.steps(5)
    nodes[0].open()  # in the middle of the ramp
    nodes[0].steps(1)
    nodes[0].open()
    left_s = 60 - len(nodes[0].outputs) * 0.05
    nodes[0].steps(left_s)
    nodes[1].steps(55)
    assert nodes[0].outputs == nodes[1].outputs
    assert nodes[0].link.hello["state"] == EXECUTE
    assert abs(nodes[0].bench.plant.truth.godet1_speed_m_min - 9) < 0.1


def test_a_supervisor_that_starts_with_other_gains_hands_them_to_the_running_line(producing: BenchRun) -> None:
    run = producing
    run.kill_supervisor()
    before = {node.name: node.sha256.hex() for node in run.configurations}
    others = []
    for node in run.configurations:  # the melt node has the most rows: two sets of them are in its memory at once
        rows = retuned(node.rows) if node.name == DRAW else changed(node.rows, TABLE_NODE, 0, stop_max_s=77)
        others.append(replace(node, rows=rows, sha256=sha256_of_rows(rows)))
    run.configurations = others
    speed_m_min = run.bench.plant.truth.godet1_speed_m_min
    run.restart_supervisor()
    for _ in range(20):
        run.run_for(1)
        assert abs(run.bench.plant.truth.godet1_speed_m_min - speed_m_min) < 0.1
    assert not run.supervisor.setting_up and not run.supervisor.refused, run.supervisor.problems
    assert set(node_states(run).values()) == {"EXECUTE"}
    for node in others:
        runs = [known for known in run.record.journal.runs() if known.node == node.name]
        first = rows_of(run, f'SELECT min(summary) FROM "summaries_{node.name}_{node.sha256.hex()[:12]}"')
        assert first == [(runs[1].first_scan // (5000 // node.scan_ms),)], "older ones are of the run before"
        assert [known.configuration_sha256 for known in runs] == [before[node.name], node.sha256.hex()]
    assert missing_scans(run) == 0
