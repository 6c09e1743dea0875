"""Mode and setpoint program of every loop, as the newest scan of each node in a journal has them.  Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spinline.record.schema import quoted
from spinline.record.series import fetch, reading
from spinline_protocol.configuration import MODES, PROGRAMS


@dataclass(frozen=True)
class ModeSeen:
    """One loop, NODE.LOOP.  ``program`` is empty where its setpoint has none."""

    loop: str
    mode: str
    program: str


def mode_words(number: int) -> tuple[str, str]:
    """Mode and program of a recorded number (SPEC 4.9)."""
    return MODES[number & 7], PROGRAMS[number >> 3]


def modes_seen(journal: Path) -> list[ModeSeen]:
    """In the order of nodes and loops.  Raises BadFile for no journal."""
    found = []
    newest = "SELECT max(configuration_i) FROM configuration GROUP BY node_i ORDER BY node_i"
    with reading(journal) as connection:
        for (configuration_i,) in fetch(connection, newest):
            of = 'SELECT tag, scan_table FROM configuration JOIN "column" USING (configuration_i)'
            query = f"{of} WHERE configuration_i = ? AND tag LIKE '%.mode' ORDER BY column_i"
            for tag, table in fetch(connection, query, (configuration_i,)):
                last = f"SELECT {quoted(tag)} FROM {quoted(table)} ORDER BY run_scan DESC LIMIT 1"
                for (number,) in fetch(connection, last):
                    found.append(ModeSeen(tag.removesuffix(".mode"), *mode_words(number)))
    return found
