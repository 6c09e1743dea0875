"""A cable stays pulled for ten minutes: the line holds, the summaries have no gap, lost scans are declared."""

from __future__ import annotations

from hil_tests.bench.api import operate
from hil_tests.bench.run import BenchRun

from .protocol import missing_scans, node_states, rows_of

OUTAGE_S = 600.0
BACK_S = 60.0  # every summary of the outage comes in a scan of its own: 120 of them on the slowest node


def summaries_of(run: BenchRun, node: str) -> list[tuple[int, int]]:
    """(number, first scan) of the summaries of a node in the journal, in order."""
    ((table,),) = rows_of(run, "SELECT summary_table FROM configuration JOIN node USING (node_i) WHERE name = ?", node)
    found = rows_of(run, f'SELECT summary, first_scan FROM "{table}" ORDER BY run_summary')
    return [(int(number), int(first)) for number, first in found]  # type: ignore[arg-type]


def test_after_ten_minutes_without_a_cable_the_summaries_have_no_gap_and_lost_scans_are_declared(
    threaded: BenchRun,
) -> None:
    run = threaded
    held = run.record.scans_to("melt")
    run.bench.pull_cable("melt")
    run.run_for(OUTAGE_S)
    assert run.supervisor.batch.state == "UNSUPERVISED"
    run.bench.pull_cable("melt", pulled=False)
    run.run_for(BACK_S)

    for node in run.line.node:
        n = 5000 // node.scan_ms
        numbers = summaries_of(run, node.name)
        assert [number for number, _first in numbers] == list(range(len(numbers)))
        assert all(first == number * n for number, first in numbers)
        assert len(numbers) * n * node.scan_ms >= (run.bench.now_us / 1e6 - 15) * 1000, "to the present"
    lost = rows_of(run, "SELECT from_scan, to_scan FROM gap JOIN run USING (run) ORDER BY from_scan")
    assert lost, "the ring of scans holds half a minute"
    assert abs(int(lost[0][0]) - held) < 20  # type: ignore[arg-type]
    assert missing_scans(run) == 0

    assert node_states(run) == {"melt": "EXECUTE", "bath": "EXECUTE", "draw": "EXECUTE"}
    assert run.supervisor.batch.state == "UNSUPERVISED", "only a person leads back"
    operate(run, "resume")
    run.run_for(10)
    assert run.supervisor.batch.state == "RUNNING"


def test_a_summary_says_of_its_scans_what_they_say_themselves(threaded: BenchRun) -> None:
    run = threaded
    run.run_for(40)
    for node, tag in (("melt", "melt.Z3"), ("draw", "draw.G1")):
        tables = rows_of(
            run,
            "SELECT scan_table, summary_table, scan_ms FROM configuration JOIN node USING (node_i) WHERE name = ?",
            node,
        )
        scans, summaries, scan_ms = tables[0]
        n = 5000 // int(scan_ms)  # type: ignore[arg-type]
        told = rows_of(
            run, f'SELECT summary, at_us, "{tag}.pv.min", "{tag}.pv.max", "{tag}.pv.last" FROM "{summaries}"'
        )
        assert len(told) > 10
        for number, at_us, *numbers in told:
            query = f'SELECT at_us, "{tag}.pv" FROM "{scans}" WHERE scan BETWEEN ? AND ? ORDER BY scan'
            rows = rows_of(run, query, int(number) * n, int(number) * n + n - 1)  # type: ignore[arg-type]
            pvs = [row[1] for row in rows]
            assert numbers == [min(pvs), max(pvs), pvs[-1]]  # type: ignore[type-var]
            assert abs(int(at_us) - int(rows[0][0])) < 2 * int(scan_ms) * 1000  # type: ignore[arg-type]
