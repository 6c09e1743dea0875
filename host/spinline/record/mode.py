"""On what a batch was made, as its journal has it: what was said of the line, and what its nodes said of themselves."""

from __future__ import annotations

import apsw

from spinline.line.line_mode import shown_mode
from spinline.record.series import fetch


def mode_of(connection: apsw.Connection) -> str:
    """simulated, bench or line; empty where it is not known, or where the nodes contradict it."""
    rows = fetch(connection, "SELECT mode FROM batch")
    interpreters = [micropython for (micropython,) in fetch(connection, "SELECT micropython FROM run")]
    return shown_mode(rows[0][0], interpreters) if rows else ""
