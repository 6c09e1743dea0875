"""How long each sensor of the line was not good in some times, by the letters of NAMUR NE 107.  Reads only."""

from __future__ import annotations

import apsw

from spinline.recipe.line_model import Line
from spinline.record.schema import quoted
from spinline.record.series import Interval, columns_of, fetch
from spinline_protocol.quantities import GOOD, QUALITIES, quality_rank

_WORSE = sorted((row[0] for row in QUALITIES if row[0] != GOOD), key=quality_rank, reverse=True)


def sensor_letters(connection: apsw.Connection, line: Line, within: list[Interval]) -> dict[str, dict[str, object]]:
    """Each input that was ever not good: its worst letter, and the seconds of each letter, worst first.

    F failure, C function check, S out of specification; a scan counts for its whole time.
    """
    found: dict[str, dict[str, object]] = {}
    for node in line.node:
        tags = [f"{node.name}.{channel.name}.pv" for channel in node.input]
        seconds = _seconds(connection, tags, within)
        for tag in tags:
            letters = {QUALITIES[quality][2]: seconds[tag, quality] for quality in _WORSE if seconds[tag, quality]}
            if letters:
                found[tag] = {"worst": next(iter(letters)), "seconds": letters}
    return found


def _seconds(connection: apsw.Connection, tags: list[str], within: list[Interval]) -> dict[tuple[str, int], float]:
    totals = {(tag, quality): 0.0 for tag in tags for quality in _WORSE}
    for columns in columns_of(connection, *tags):
        sums = ", ".join(f"sum({column.quality} = {quality})" for column in columns for quality in _WORSE)
        for interval in within:
            query = f"SELECT {sums} FROM {quoted(columns[0].scan_table)} WHERE at_us >= ? AND at_us < ?"
            (counts,) = fetch(connection, query, interval)
            for key, count in zip(totals, counts, strict=True):
                totals[key] += (count or 0) * columns[0].scan_ms / 1000
    return totals
