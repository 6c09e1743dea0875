"""What a batch's nodes told, with the names that people gave: an event's number is a row in the line file."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from spinline.line.event_names import subject_of
from spinline.recipe.line_model import Line
from spinline.record.series import fetch, placed


@dataclass(frozen=True)
class Told:
    """One event of a node: when (us UTC, of its scan), what, and of which part; ``subject`` is empty for the node."""

    at_us: int
    node: str
    code: str
    subject: str
    got: int
    limit: int


def told(connection: apsw.Connection, line: Line) -> list[Told]:
    """Every event in the journal, in order of time."""
    rows = fetch(
        connection,
        'SELECT at_us, run, scan, name, code, source, got, "limit" FROM event JOIN run USING (run) '
        "JOIN configuration USING (configuration_i) JOIN node USING (node_i) ORDER BY run, event_i",
    )
    found = []
    for at_us, run, scan, node, code, source, got, limit in rows:
        place = placed(connection, run, scan)  # without a time of its scan it is placed where it arrived
        subject = subject_of(line, node, code, source, got)
        found.append(Told(place.at_us if place else at_us, node, code, subject, got, limit))
    return sorted(found, key=lambda event: event.at_us)
