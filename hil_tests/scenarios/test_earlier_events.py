"""Why a node restarted stands in the batch's record: what it kept of its earlier boots is asked for."""

from __future__ import annotations

from hil_tests.bench.run import BenchRun

from .protocol import rows_of

NODE = "melt"
BACK_S = 90.0  # every kept event comes in a scan of its own


def told(run: BenchRun, boot_id: int) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Events of one boot of the node: those that were told in it, and those that were told behind its restart."""
    columns = 'event_i, scan, code, source, got, "limit"'
    live = rows_of(
        run,
        f"SELECT {columns.replace('scan', 'event.scan')} FROM event JOIN run USING (run)"
        " JOIN configuration USING (configuration_i) JOIN node USING (node_i)"
        " WHERE name = ? AND boot_id = ? ORDER BY event_i",
        NODE,
        boot_id,
    )
    query = f"SELECT {columns} FROM earlier_event WHERE node = ? AND boot_id = ? ORDER BY event_i"
    return live, rows_of(run, query, NODE, boot_id)


def test_what_stopped_a_line_that_nobody_supervised_is_in_the_record_behind_a_power_cut(threaded: BenchRun) -> None:
    run = threaded
    boot_id = int(run.supervisor.sessions[NODE].hello["boot_id"])
    run.kill_supervisor()
    run.run_without_supervisor(5)
    run.lay("A9", f"{NODE}.ESTOP")
    run.run_without_supervisor(60)  # the node stands, so that its events are written
    run.bench.power_cycle(NODE)
    run.lift("A9", f"{NODE}.ESTOP")
    run.run_without_supervisor(5)
    run.restart_supervisor()
    run.run_for(BACK_S)
    live, kept = told(run, boot_id)
    assert live and kept
    assert not {row[0] for row in live} & {row[0] for row in kept}, "none stands twice"
    assert {"LEASE_EXPIRED", "INTERLOCK_TRIPPED"} <= {row[2] for row in kept}
    assert [row[0] for row in live + kept] == list(range(len(live) + len(kept))), "none is missing"
    assert int(run.supervisor.sessions[NODE].hello["boot_id"]) != boot_id


def test_a_supply_that_goes_in_production_takes_no_event_that_was_told_and_brings_none_twice(
    threaded: BenchRun,
) -> None:
    run = threaded
    boot_id = int(run.supervisor.sessions[NODE].hello["boot_id"])
    before, _kept = told(run, boot_id)
    run.bench.power_cycle(NODE)
    run.run_for(BACK_S)
    live, kept = told(run, boot_id)
    assert before and live[: len(before)] == before
    assert kept == [], "all that it had kept was in the record: flash is written only where nothing moves"
