"""The scans of a journal as the ledger takes them: each node's in their order, all nodes side by side.  Reads only."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

import apsw

from spinline.line.by_second import Scan
from spinline.record.schema import quoted
from spinline.record.series import Column, columns_of, fetch


def scans(connection: apsw.Connection, tags: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Scan]]:
    """Node and scan, with the numbers of ``tags`` of each node, in the order of time."""
    nodes = [_scans_of(connection, name, wanted) for name, wanted in tags.items()]
    return heapq.merge(*nodes, key=lambda told: told[1].at_us)


def _scans_of(connection: apsw.Connection, name: str, tags: tuple[str, ...]) -> Iterator[tuple[str, Scan]]:
    """Every scan of a node: runs in the order of its starts, scans in that of their numbers."""
    runs = fetch(
        connection,
        "SELECT run, scan_table FROM run JOIN configuration USING (configuration_i) JOIN node USING (node_i) "
        "WHERE name = ? ORDER BY run",
        (name,),
    )
    columns = {tag: {column.scan_table: column for (column,) in columns_of(connection, tag)} for tag in tags}
    for run, table in runs:
        found = [columns[tag].get(table) for tag in tags]
        for number, at_us, state, *told in connection.execute(_query(table, found), (run, run + 1)):
            yield name, Scan(run, number, at_us, state, tuple(told[0::2]), tuple(map(bool, told[1::2])))


def _query(table: str, columns: list[Column | None]) -> str:
    parts = [f"{column.number}, {column.good}" if column else "NULL, 0" for column in columns]
    return (
        f"SELECT scan, at_us, state, {', '.join(parts)} FROM {quoted(table)} "
        "WHERE run_scan >= ? << 32 AND run_scan < ? << 32 ORDER BY run_scan"
    )
