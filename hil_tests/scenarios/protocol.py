"""What a scenario may look at: the journal by SQL, and the line's wires.  Reads only."""

from __future__ import annotations

import apsw

from hil_tests.bench.api import Bench
from hil_tests.bench.run import START_US
from spinline.record.opening import open_reader
from spinline_protocol.states import STATES


def rows_of(run: Bench, query: str, *values: apsw.SQLiteValue) -> list[tuple[apsw.SQLiteValue, ...]]:
    """Rows of the journal as another program sees them."""
    connection = open_reader(run.journal_path)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def events_of_nodes(run: Bench) -> dict[str, list[tuple[int, str, int, int, int]]]:
    """(scan, name, source, got, limit) of every event in the journal, in order, by the nodes' names."""
    query = (
        'SELECT name, event.scan, code, source, got, "limit" FROM event JOIN run USING (run)'
        " JOIN configuration USING (configuration_i) JOIN node USING (node_i) ORDER BY run, event_i"
    )
    found: dict[str, list[tuple[int, str, int, int, int]]] = {}
    for name, *r in rows_of(run, query):
        found.setdefault(str(name), []).append((int(r[0]), str(r[1]), int(r[2]), int(r[3]), int(r[4])))  # type: ignore[arg-type]
    return found


def events(run: Bench, node: str) -> list[tuple[int, str, int, int, int]]:
    """Those of one node."""
    return events_of_nodes(run).get(node, [])


def states_passed(run: Bench, node: str) -> list[str]:
    """The states a node entered, from its events."""
    return [STATES[got] for _scan, name, _source, got, _limit in events(run, node) if name == "STATE_CHANGED"]


def node_states(run: Bench) -> dict[str, str]:
    """The state of every node as the supervisor last saw it."""
    return {name: STATES[session.state] for name, session in run.supervisor.sessions.items()}


def scan_tables(run: Bench) -> list[str]:
    """The wide tables of scan records."""
    return [str(name) for (name,) in rows_of(run, "SELECT scan_table FROM configuration ORDER BY configuration_i")]


def unaccounted_scans(run: Bench) -> list[tuple[str, int]]:
    """(node, scan) from scan 0 of each boot to the newest stored that are neither stored nor declared lost in a run."""
    known: dict[tuple[str, int], set[int]] = {}
    newest: dict[tuple[str, int], int] = {}
    query = (
        "SELECT run, name, boot_id, scan_table FROM run JOIN configuration USING (configuration_i)"
        " JOIN node USING (node_i)"
    )
    for of_run, name, boot_id, table in rows_of(run, query):
        boot = (str(name), int(boot_id))  # type: ignore[arg-type]
        stored = [int(scan) for (scan,) in rows_of(run, f'SELECT scan FROM "{table}" WHERE run = ?', of_run)]  # type: ignore[arg-type]
        known.setdefault(boot, set()).update(stored)
        newest[boot] = max([newest.get(boot, 0), *stored])
        for low, high in rows_of(run, "SELECT from_scan, to_scan FROM gap WHERE run = ?", of_run):
            known[boot].update(range(int(low), int(high) + 1))  # type: ignore[arg-type]
    return [(name, scan) for (name, _), end in newest.items() for scan in range(end) if scan not in known[name, _]]


def missing_scans(run: Bench) -> int:
    """How many scans are neither stored nor declared lost."""
    return len(unaccounted_scans(run))


def virtual_s(at_us: int) -> float:
    """Seconds since the run began."""
    return (at_us - START_US) / 1e6
