"""What a node keeps over a restart: its configuration, its last events; and safe mode, which starts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.direct import Direct, sha256_of_rows
from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.node_process import NodeDied
from hil_tests.bench.run import BenchRun
from hil_tests.bench.simulated import SimulatedLine
from spinline_protocol import errors, messages
from spinline_protocol.states import EVENTS, EVT_BOOT, EVT_CONFIGURED, EVT_STORE, KEPT_TABLES

from .conftest import MakeRun
from .test_configuration import DRAW, MakeNode, draw_rows, make_node

__all__ = ["make_node"]
WRITTEN_S = 5.0  # 4 kB of the draw node, a piece every fourth scan
UNCONFIGURED = bytes(32)


def events_of(node: Direct, seconds: float = 2.0) -> list[dict[str, int]]:
    """What the node tells in so much time, each event once."""
    told = {}
    for _ in range(round(seconds / 0.05)):
        for event in node.step():
            if event.kind == "event" and event.fields is not None:
                told[(event.fields["boot_id"], event.fields["event_i"])] = event.fields
    return list(told.values())


def test_a_node_comes_back_with_the_configuration_that_it_had_and_counts_its_starts(make_node: MakeNode) -> None:
    node, rows = make_node(), draw_rows()
    assert set(node.configure(rows)) == {errors.OK}
    node.steps(WRITTEN_S)
    for boots_n in (2, 3):
        node.bench.power_cycle(DRAW)
        assert node.open()["configuration_sha256"] == sha256_of_rows(rows)
        told = {event["code"]: event for event in events_of(node)}
        assert told[EVT_BOOT]["got"] == boots_n and told[EVT_CONFIGURED]["source"] == 1
        node.steps(WRITTEN_S)


def test_a_power_cut_while_it_is_written_leaves_the_configuration_of_before(make_node: MakeNode) -> None:
    node, rows = make_node(), draw_rows()
    node.configure(rows)
    node.bench.power_cycle(DRAW)
    assert node.open()["configuration_sha256"] == UNCONFIGURED, "none of it was written yet"
    assert set(node.configure(rows)) == {errors.OK}
    node.steps(WRITTEN_S)
    node.configure(rows[:-1])
    node.bench.power_cycle(DRAW)
    assert node.open()["configuration_sha256"] == sha256_of_rows(rows)


def test_a_spoiled_record_is_told_and_the_node_starts_without_a_configuration(make_node: MakeNode) -> None:
    node = make_node()
    node.configure(draw_rows())
    node.steps(WRITTEN_S)
    folder = node.bench.nodes[DRAW].process.folder
    (folder / "tables.a").write_bytes((folder / "tables.a").read_bytes()[:-9])
    node.bench.power_cycle(DRAW)
    assert node.open()["configuration_sha256"] == UNCONFIGURED
    told = [event for event in events_of(node) if event["code"] == EVT_STORE]
    assert [(event["source"], event["got"], event["limit"]) for event in told] == [(KEPT_TABLES, errors.HASH, 1)]


def test_after_a_hang_a_node_starts_without_the_configuration_that_may_be_why(make_node: MakeNode) -> None:
    node = make_node()
    node.configure(draw_rows())
    node.steps(WRITTEN_S)
    node.bench.hang(DRAW)
    node.bench.run_until(node.bench.now_us + 9_000_000)
    assert node.open()["configuration_sha256"] == UNCONFIGURED


def test_events_of_earlier_boots_are_told_when_they_are_asked_for(make_node: MakeNode) -> None:
    node = make_node()
    node.configure(draw_rows())
    first = {(event["boot_id"], event["event_i"]): event for event in events_of(node, WRITTEN_S)}
    assert len({boot_id for boot_id, _event_i in first}) == 1
    node.bench.power_cycle(DRAW)
    boot_id = node.open()["boot_id"]
    told = events_of(node)
    assert told and {event["boot_id"] for event in told} == {boot_id}, "none that nobody asked for"
    assert node.ask(messages.BACKFILL_REQUEST, messages.STREAM_EVENTS, 0, 1000)["code"] == errors.OK
    earlier = {(event["boot_id"], event["event_i"]): event for event in events_of(node) if event["boot_id"] != boot_id}
    assert {key: earlier[key] for key in first} == first
    assert {EVENTS[event["code"]] for event in earlier.values()} >= {"BOOT", "CONFIGURED"}


def test_a_node_that_started_again_holds_its_contact_open_for_two_seconds(make_node: MakeNode) -> None:
    node = make_node()
    node.configure(draw_rows())
    node.steps(WRITTEN_S)
    bench = node.bench
    terminals = bench.nodes[DRAW].terminals
    assert terminals.permit(bench.now_us // 1000)
    bench.power_cycle(DRAW)
    began_us, open_us = bench.now_us, 0
    while not terminals.permit(bench.now_us // 1000):
        bench.run_until(bench.now_us + 10_000)
        open_us = bench.now_us - began_us
        assert open_us < 3_000_000
    assert open_us >= 2_000_000


def test_a_supervisor_downloads_nothing_to_nodes_that_kept_what_it_wants(make_run: MakeRun) -> None:
    run: BenchRun = make_run()
    assert run.run_until(lambda: not run.supervisor.setting_up, 60)
    run.run_for(30)
    for name in run.bench.nodes:
        run.bench.power_cycle(name)
    run.run_for(15)
    for session in run.supervisor.sessions.values():
        assert session.phase == "READY" and session.hello["configuration_sha256"] == session.configuration.sha256
    assert not any("PREPARED" in problem for problem in run.supervisor.problems)


def test_with_its_jumper_at_power_on_a_board_starts_no_firmware_and_no_watchdog(
    interpreter: Interpreter, tmp_path: Path
) -> None:
    line = SimulatedLine(interpreter, tmp_path, 1, names=(DRAW,))
    try:
        node = line.nodes[DRAW]
        line.run_until(500_000)
        line.cut_power(DRAW)
        line.restore_power(DRAW)
        node.process.send(node.wake_ms, node.process.dark(jumper=True), b"")
        with pytest.raises(NodeDied, match="safe mode"):  # the bench has no prompt: there the interpreter ends
            node.process.receive()
        assert not any(node.terminals.pins) and node.process.process.wait(5) == 0
    finally:
        line.close()
