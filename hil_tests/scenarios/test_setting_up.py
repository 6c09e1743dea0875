"""Before anything moves: hashes are compared, and a configuration is taken by all nodes or by none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil_tests.bench.api import operate
from hil_tests.bench.interpreters import InterpreterError, cached
from hil_tests.bench.run import BenchRun
from spinline.recipe.compiler import NodeConfiguration
from spinline_protocol import host_messages
from spinline_protocol.configuration import LOOP, TABLE_LOOP, field_index
from spinline_protocol.words import ConfigurationDigest, pack_words

from .conftest import MakeRun
from .protocol import node_states

SETTING_UP_S = 30.0
UNCONFIGURED = bytes(32)


def with_hot_zone(nodes: list[NodeConfiguration]) -> list[NodeConfiguration]:
    """Zone 3 of the melt node may be set to 300 degC: beyond the node's hard limit of 250."""
    high = field_index(LOOP, "setpoint_high")
    melt = nodes[0]
    loops = [i for i, (table, _words) in enumerate(melt.rows) if table == TABLE_LOOP]
    table, words = melt.rows[loops[2]]
    changed = (*words[:high], 300_000, *words[high + 1 :])
    rows = (*melt.rows[: loops[2]], (table, changed), *melt.rows[loops[2] + 1 :])
    digest = ConfigurationDigest()
    for of_table, of_words in rows:
        digest.add(of_table, pack_words(of_words))
    return [replace(melt, rows=rows, sha256=digest.digest()), *nodes[1:]]


def configured_sha256(run: BenchRun) -> dict[str, bytes]:
    """What every node says of its configuration to a supervisor that connects anew."""
    run.kill_supervisor()
    run.restart_supervisor()
    run.run_until(lambda: all(session.hello for session in run.supervisor.sessions.values()), SETTING_UP_S)
    return {name: session.hello["configuration_sha256"] for name, session in run.supervisor.sessions.items()}


def test_a_parameter_beyond_a_nodes_hard_limit_refuses_the_whole_set_on_every_node(make_run: MakeRun) -> None:
    run = make_run(change=with_hot_zone)
    run.start()
    assert run.run_until(lambda: run.supervisor.refused, SETTING_UP_S)
    run.run_for(5)
    assert any("melt: loop Z3: setpoint_high = 300000, limit 250000" in text for text in run.supervisor.problems)
    assert run.supervisor.batch.state == "IDLE"
    assert set(configured_sha256(run).values()) == {UNCONFIGURED}, "no node took anything"


def test_a_refused_set_leaves_the_running_one_in_place(make_run: MakeRun) -> None:
    run = make_run()
    assert run.run_until(lambda: not run.supervisor.setting_up, SETTING_UP_S)
    run.run_for(2)
    good = {node.name: node.sha256 for node in run.configurations}
    assert configured_sha256(run) == good

    run.kill_supervisor()
    run.configurations = with_hot_zone(run.configurations)
    run.restart_supervisor()
    assert run.run_until(lambda: run.supervisor.refused, SETTING_UP_S)
    run.run_for(5)
    assert configured_sha256(run) == good


def test_a_node_with_another_firmware_is_named_and_not_driven(make_run: MakeRun) -> None:
    run = make_run()
    run.kill_supervisor()
    run.firmware_sha256 = "0" * 64
    run.restart_supervisor()
    run.start()
    assert run.run_until(lambda: run.supervisor.refused, SETTING_UP_S)
    run.run_for(5)
    assert any("melt: runs firmware" in text and "flash this node" in text for text in run.supervisor.problems)
    assert run.supervisor.batch.state == "IDLE"


def test_a_node_with_another_schema_is_named_and_not_driven(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    monkeypatch.setattr(host_messages, "schema_sha256", lambda: bytes(32))
    run.start()
    assert run.run_until(lambda: run.supervisor.refused, SETTING_UP_S)
    run.run_for(5)
    assert any("melt: schema" in text and "flash" in text for text in run.supervisor.problems)
    assert run.supervisor.batch.state == "IDLE"
    assert set(node_states(run).values()) == {"IDLE"}


def test_the_same_seed_gives_the_same_trace_and_another_seed_another(make_run: MakeRun) -> None:
    traces = []
    for seed in (3, 3, 4):
        run = make_run(seed=seed)
        run.start()
        run.run_for(60)
        traces.append(run.bench.trace_sha256())
    assert traces[0] == traces[1] != traces[2]


def test_the_firmware_as_bytecode_on_words_of_64_bits_gives_the_same_outputs(make_run: MakeRun) -> None:
    try:
        wide = cached("amd64")
    except InterpreterError as error:
        pytest.skip(f"missing tool: MicroPython for amd64: {error}")
    runs = [make_run(), make_run(interpreter=wide)]
    for run in runs:
        run.start()
        run.run_for(60)
    assert wide.word_bits == 64
    assert runs[0].bench.outputs_sha256() == runs[1].bench.outputs_sha256()


def test_a_line_that_was_stopped_is_started_again_by_a_person_with_the_same_configuration(make_run: MakeRun) -> None:
    run = make_run()
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "PREPARING", 60), run.supervisor.problems
    operate(run, "stop")
    assert run.run_until(lambda: run.supervisor.batch.state == "STOPPED", 60), run.supervisor.batch.history
    run.next_batch(run.recipe)
    run.run_for(10)
    assert set(node_states(run).values()) == {"STOPPED"} and run.supervisor.batch.state == "IDLE", "nobody asked"

    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "PREPARING", 60), run.supervisor.problems
    assert run.run_until(lambda: set(node_states(run).values()) == {"STARTING"}, 10)
