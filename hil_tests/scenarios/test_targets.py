"""The line on any target - lock-step, pseudo-terminals, wires: the same tests, and nothing in them says which."""

from __future__ import annotations

import pytest

from hil_tests.bench.api import Bench
from spinline_protocol.schema import schema_sha256
from spinline_protocol.states import FLAG_HOLD

from .protocol import events, node_states, unaccounted_scans

READY_S = 60.0  # to configure three nodes
ANSWER_S = 30.0
HEATS_S = 120.0  # some targets run on a busy machine's wall clock
ALONE_S = 6.0  # three leases


def names_of(bench: Bench, node: str) -> list[str]:
    """Names of the events of a node, in order."""
    return [name for _scan, name, *_ in events(bench, node)]


def is_ready(bench: Bench) -> bool:
    """Every node runs its configuration."""
    return all(session.phase == "READY" for session in bench.supervisor.sessions.values())


def heat_up(bench: Bench) -> None:
    """The batch has begun: every node starts."""
    bench.start()
    started = bench.run_until(lambda: set(node_states(bench).values()) == {"STARTING"}, READY_S)
    assert started, (bench.supervisor.problems, node_states(bench))


def test_every_node_says_what_it_runs_and_is_configured(bench: Bench) -> None:
    assert bench.run_until(lambda: is_ready(bench), READY_S), bench.supervisor.problems
    assert bench.run_until(lambda: all(bench.record.scans_to(node.name) > 8 for node in bench.line.node), ANSWER_S)
    for name, session in bench.supervisor.sessions.items():
        assert session.hello["firmware_sha256"].hex() == bench.firmware_sha256
        assert session.hello["schema_sha256"] == schema_sha256()
        assert names_of(bench, name)[:2] == ["BOOT", "CONFIGURED"]
    assert set(node_states(bench).values()) == {"IDLE"}
    outputs = [f"{node.name}.{row.name}" for node in bench.line.node for row in node.output]
    assert {place: bench.output(place) for place in outputs} == dict.fromkeys(outputs, 0.0)


def test_without_its_supervisor_a_node_holds_when_the_lease_has_run_out(bench: Bench) -> None:
    heat_up(bench)
    bench.run_for(5)
    bench.run_without_supervisor(ALONE_S)
    alone = bench.run_until(lambda: bench.supervisor.batch.state == "UNSUPERVISED", ANSWER_S)
    assert alone, (bench.supervisor.batch.history, bench.supervisor.problems, node_states(bench))
    assert bench.run_until(
        lambda: all("LEASE_EXPIRED" in names_of(bench, node.name) for node in bench.line.node), ANSWER_S
    )
    assert set(node_states(bench).values()) == {"STARTING"}, "it goes on where it was"
    assert all(session.flags & FLAG_HOLD for session in bench.supervisor.sessions.values())


@pytest.mark.needs("thermocouples", "tc_open")
def test_an_open_thermocouple_fails_its_loop_and_the_heater_stays_off(bench: Bench) -> None:
    heat_up(bench)
    heats = bench.run_until(lambda: bench.output("melt.Z1_HEATER") > 0, HEATS_S)
    assert heats, (bench.supervisor.batch.history, bench.supervisor.problems, node_states(bench))
    bench.lay("S1", "melt.Z1")
    assert bench.run_until(lambda: {"SENSOR_FAULT", "LOOP_FAILED"} <= set(names_of(bench, "melt")), ANSWER_S)
    assert not bench.run_until(lambda: bench.output("melt.Z1_HEATER") > 0, 10.0)
    bench.lift("S1", "melt.Z1")


@pytest.mark.needs("contacts", "permit")
def test_an_emergency_stop_aborts_every_node_and_opens_the_permit(bench: Bench) -> None:
    heat_up(bench)
    assert all(bench.permit_closed(node.name) for node in bench.line.node)
    bench.lay("A9", "melt.ESTOP")
    assert bench.run_until(lambda: set(node_states(bench).values()) == {"ABORTED"}, ANSWER_S), node_states(bench)
    assert "INTERLOCK_TRIPPED" in names_of(bench, "melt") and "PERMIT_OPEN" in names_of(bench, "draw")
    assert not bench.permit_closed("melt") and bench.output("melt.CONTACTOR") == 0.0
    bench.lift("A9", "melt.ESTOP")


@pytest.mark.needs("cable")
def test_after_a_pulled_cable_no_scan_is_unaccounted(bench: Bench) -> None:
    heat_up(bench)
    bench.lay("W8", "melt")
    bench.run_for(12)
    before = bench.record.scans_to("melt")
    bench.lift("W8", "melt")
    assert bench.run_until(lambda: bench.record.scans_to("melt") > before + 60, READY_S)
    assert "LEASE_EXPIRED" in names_of(bench, "melt")
    assert unaccounted_scans(bench) == []


def test_a_new_supervisor_finds_the_line_as_it_is_and_misses_no_scan(bench: Bench) -> None:
    heat_up(bench)
    bench.run_for(5)
    bench.kill_supervisor()
    bench.run_without_supervisor(3)
    bench.restart_supervisor()
    assert bench.run_until(lambda: is_ready(bench), READY_S), bench.supervisor.problems
    for session in bench.supervisor.sessions.values():
        assert session.hello["configuration_sha256"] == session.configuration.sha256, "nothing is downloaded twice"
    before = bench.record.scans_to("melt")
    assert bench.run_until(lambda: bench.record.scans_to("melt") > before + 8, ANSWER_S)
    assert set(node_states(bench).values()) == {"STARTING"}
    assert unaccounted_scans(bench) == []


@pytest.mark.needs("power", "permit")
def test_a_node_that_lost_its_supply_takes_the_others_down_and_comes_back_idle(bench: Bench) -> None:
    heat_up(bench)
    bench.lay("P8", "draw")
    assert bench.run_until(lambda: node_states(bench)["melt"] == "ABORTED", ANSWER_S), node_states(bench)
    assert not bench.permit_closed("draw")
    bench.lift("P8", "draw")
    assert bench.run_until(lambda: names_of(bench, "draw").count("BOOT") == 2, READY_S)
    assert bench.run_until(lambda: is_ready(bench) and node_states(bench)["draw"] == "IDLE", READY_S)
