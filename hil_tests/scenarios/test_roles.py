"""Whoever stands at the wire: without the key of the site nobody operates a node, nor beyond the role with it."""

from __future__ import annotations

import random

from hil_tests.bench.run import BenchRun
from hil_tests.bench.simulated import SimulatedLine
from spinline.line.node_session import CREDIT_BYTES
from spinline_protocol import auth, errors, messages
from spinline_protocol.framing import UNASSIGNED
from spinline_protocol.host_link import HostLink, LinkEvent
from spinline_protocol.states import CMD_ABORT, CMD_START, STATES

from .conftest import MakeRun
from .protocol import events, missing_scans, node_states, rows_of, states_passed

STEP_US = 100_000
SETTING_UP_S = 30.0


class Visitor:
    """A host of its own at the wire of a node."""

    def __init__(self, bench: SimulatedLine, node: str, role: int = auth.VIEWER, site_key: bytes | None = None) -> None:
        key = auth.role_key(bench.site_key if site_key is None else site_key, role) if role else b""
        self.bench = bench
        self.port = bench.port(node)
        self.link = HostLink(UNASSIGNED, "visitor", random.Random("visitor").randbytes, role, key)
        self.link.open(2000, bench.now_us // 1000)
        self.told: list[LinkEvent] = []

    def run_for(self, seconds: float) -> list[LinkEvent]:
        """Talk for this much virtual time; returns all that was told so far."""
        for _ in range(round(seconds * 1e6) // STEP_US):
            now_ms = self.bench.now_us // 1000
            self.told += self.link.receive(self.port.read(), now_ms, self.bench.now_us) + self.link.poll(now_ms)
            self.port.write(self.link.take_output())
            self.bench.run_until(self.bench.now_us + STEP_US)
        return self.told

    def asked(self, number: int, *values: object) -> int:
        """The code of the answer."""
        sequence = self.link.request(number, values)
        self.run_for(1)
        return next(
            int(event.fields["code"])
            for event in self.told
            if event.kind == "result" and event.sequence == sequence and event.fields
        )


def producing_line(make_run: MakeRun) -> BenchRun:
    """A line that is set up and heats."""
    run = make_run()
    run.start()
    assert run.run_until(lambda: set(node_states(run).values()) == {"STARTING"}, SETTING_UP_S), run.supervisor.problems
    return run


def test_nodes_without_keys_refuse_the_supervisor_and_say_what_to_do(make_run: MakeRun) -> None:
    run = make_run(keyless=True)
    run.start()
    assert run.run_until(lambda: run.supervisor.refused, SETTING_UP_S)
    run.run_for(5)
    assert any("melt: the key of the operator is not the node's; provision" in text for text in run.supervisor.problems)
    assert run.supervisor.batch.state == "IDLE" and set(node_states(run).values()) == {"IDLE"}


def test_a_supervisor_with_the_key_of_another_site_is_refused_by_every_node(make_run: MakeRun) -> None:
    run = make_run()
    run.kill_supervisor()
    run.operator_key = auth.role_key(bytes(32), auth.OPERATOR)
    run.restart_supervisor()
    assert run.run_until(lambda: len(run.supervisor.problems) == 3, SETTING_UP_S), run.supervisor.problems
    assert set(node_states(run).values()) == {"IDLE"}


def test_no_node_holds_the_key_of_the_site_or_of_another_node(make_run: MakeRun) -> None:
    bench = make_run().bench
    stores = [bench.nodes[name].process.folder / "keys.a" for name in bench.nodes]
    assert len({store.read_bytes() for store in stores}) == 3
    assert not any(bench.site_key in store.read_bytes() for store in stores)


def test_a_viewer_reads_the_node_and_can_order_nothing(make_run: MakeRun) -> None:
    bench = make_run().bench
    visitor = Visitor(bench, "draw")
    visitor.run_for(2)
    assert visitor.asked(messages.IDENTIFY) == errors.OK
    assert visitor.asked(messages.COMMAND, CMD_START) == errors.DENIED
    assert visitor.asked(messages.CONFIG_BEGIN, 1, bytes(32), bytes(32)) == errors.DENIED
    assert visitor.asked(messages.PROVISION, auth.OPERATOR, bytes(range(32))) == errors.DENIED
    visitor.link.ask_sync(bench.now_us)
    (sync,) = [event.fields for event in visitor.run_for(1) if event.kind == "sync"]
    assert sync is not None
    age_us = bench.now_us - 1_000_000 - (sync["device_sent_us"] + 50_000)
    assert abs(age_us) < 300_000, "the node's time runs from its start"


def test_a_viewer_does_not_take_a_heating_line_from_its_supervisor(make_run: MakeRun) -> None:
    run = producing_line(make_run)
    session = run.supervisor.sessions["melt"]
    opened_n = session._link.opened_n
    visitor = Visitor(run.bench, "melt")
    visitor.link.poll(0)
    visitor.port.write(visitor.link.take_output())
    run.run_for(10)
    assert session._link.opened_n == opened_n and set(node_states(run).values()) == {"STARTING"}


def test_what_was_recorded_on_the_wire_starts_nothing_when_it_is_played_again(make_run: MakeRun) -> None:
    run = make_run()
    recorded: list[bytes] = []
    wire = run.bench.nodes["melt"].to_node
    push = wire.push

    def record(now_us: int, octets: bytes) -> None:
        recorded.append(octets)
        push(now_us, octets)

    wire.push = record  # type: ignore[method-assign]
    run.start()
    assert run.run_until(lambda: set(node_states(run).values()) == {"STARTING"}, SETTING_UP_S), run.supervisor.problems
    wire.push = push  # type: ignore[method-assign]

    run.kill_supervisor()
    run.run_without_supervisor(run.line.node[0].hold_max_s + 60)
    for octets in recorded:
        wire.push(run.bench.now_us, octets)
        run.run_without_supervisor(0.5)
    run.run_without_supervisor(5)
    run.restart_supervisor()
    run.run_for(20)
    assert states_passed(run, "melt")[-1] == "STOPPED", "no lease was renewed and nothing started"
    assert set(node_states(run).values()) == {"STOPPED"}, "a heat-up that is alone too long stops"


def test_anyone_stops_a_line_without_a_key(make_run: MakeRun) -> None:
    run = producing_line(make_run)
    visitor = Visitor(run.bench, "melt")
    visitor.link.state, visitor.link.session = "open", 1
    visitor.link.request(messages.COMMAND, (CMD_ABORT,))
    visitor.link.poll(run.bench.now_us // 1000)
    visitor.port.write(visitor.link.take_output())
    run.run_for(5)
    assert STATES[run.supervisor.sessions["melt"].state] in ("ABORTING", "ABORTED")


def test_a_host_that_stops_reading_gets_its_credit_and_no_more_and_every_scan_goes_on(make_run: MakeRun) -> None:
    run = producing_line(make_run)
    node = run.bench.nodes["melt"]
    run.run_for(5)
    unread_n = len(run.bench.port("melt").read())
    pushed = []
    push = node.to_host.push

    def count(now_us: int, octets: bytes) -> None:
        pushed.append(len(octets))
        push(now_us, octets)

    node.to_host.push = count  # type: ignore[method-assign]
    run.run_without_supervisor(20)
    assert 0 < sum(pushed) <= CREDIT_BYTES + unread_n
    node.to_host.push = push  # type: ignore[method-assign]
    run.run_for(60)
    assert missing_scans(run) == 0 and rows_of(run, "SELECT count(*) FROM gap") == [(0,)]
    assert "SCAN_OVERRUN" not in [name for _scan, name, *_ in events(run, "melt")]
