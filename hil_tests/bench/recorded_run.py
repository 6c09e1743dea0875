"""Reads from a journal what the firmware's scan was given: measured numbers, orders, lease, permit.  Changes nothing.

Orders are placed by the events that they left, so each goes to the very scan that took it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from spinline.errors import BadFile
from spinline.recipe.compiler import Recorded
from spinline.record.schema import COLUMNS_PER_QUALITY_WORD, quality_words, quoted
from spinline.record.series import fetch, reading
from spinline_protocol import configuration as tables
from spinline_protocol.quantities import CHECK, GOOD
from spinline_protocol.states import (
    CMD_RESET,
    CMD_SUPERVISE,
    COMMANDS,
    DONE,
    FLAG_ALARM,
    FLAG_HOLD,
    FLAG_OVERRUN,
    FLAG_PERMIT,
    IDLE,
)
from spinline_protocol.transitions import next_state
from spinline_protocol.words import ConfigurationDigest, pack_words

from .mpy.layout import COMMAND, MODE, REBUILD, RETUNE, SCAN, SETPOINT
from .replay_process import Frame

# What a scan tells before it changes its state by itself; a state that changes without one of them was ordered.
OWN_CAUSES = frozenset(
    "LOOP_FAILED INTERLOCK_TRIPPED PERMIT_OPEN SAFE_ORDER SCANS_LATE HEATER_STUCK_ON HEATER_OPEN SENSOR_SLIPPED"
    " LOOP_BREAK SENSOR_REVERSED PARTIAL_LOAD PARAMETERS_CHANGED".split()
)
TABLE_NUMBERS = {name: number for number, name, _fields, _most in tables.TABLES}
Row = tuple[int, ...]  # scan, time in us UTC, state, flags, quality word, then a number a column


@dataclass
class Passage:
    """The scans of one run of a node that follow one another without a gap, and what it was given before each.

    ``left_out`` says why scans of the run are not among them.
    """

    node: str
    boot_id: int
    scan_ms: int
    columns: tuple[Recorded, ...]
    configuration: list[tuple[int, tuple[int, ...]]]
    rows: list[Row]
    orders: dict[int, list[Frame]] = field(default_factory=dict)  # by scan
    expired: set[int] = field(default_factory=set)  # scans in which the lease ran out
    left_out: list[str] = field(default_factory=list)

    @property
    def retunes(self) -> bool:
        """True where the configuration came to a running node."""
        return self.rows[0][2] != IDLE

    def follows(self, before: Passage) -> bool:
        """True where nothing lies between the last scan of ``before`` and the first of this."""
        return before.boot_id == self.boot_id and before.rows[-1][0] + 1 == self.rows[0][0]

    def frames(self) -> Iterator[tuple[Row, Frame]]:
        """What the firmware gets, in order, each with the row of the scan that takes it."""
        words = [word for table, row in self.configuration for word in (table, len(row), *row)]
        yield self.rows[0], (RETUNE if self.retunes else REBUILD, [self.rows[0][0], *words])
        places = _input_places(self.columns, self.configuration)
        for row in self.rows:
            scan, flags = row[0], row[3]
            for order in self.orders.get(scan, ()):
                yield row, order
            lease_ms = 0 if scan in self.expired else self.scan_ms  # taken in one scan, it lasts to the next
            head = [lease_ms, int(bool(flags & FLAG_OVERRUN)), int(bool(flags & FLAG_PERMIT))]
            yield row, (SCAN, head + _input_words(row, places))


def passages(journal: Path) -> list[Passage]:
    """Everything that can be replayed, in the order of the runs.  Raises BadFile for no journal, or a damaged one."""
    query = (
        "SELECT run, name, boot_id, first_scan, scan_ms, scan_table, configuration_i, sha256 FROM run"
        " JOIN configuration USING (configuration_i) JOIN node USING (node_i) ORDER BY run"
    )
    with reading(journal) as connection:
        try:
            found = [_passage(journal, connection, run) for run in fetch(connection, query)]
        except apsw.Error as problem:
            raise BadFile(journal, [f"cannot be read as a journal: {problem}"]) from problem
    return found


def _passage(journal: Path, connection: apsw.Connection, of_run: tuple[Any, ...]) -> Passage:
    run, node, boot_id, first_scan, scan_ms, scan_table, configuration_i, sha256 = of_run
    configuration = [
        (TABLE_NUMBERS[name], tuple(json.loads(words)))
        for name, words in fetch(
            connection,
            "SELECT table_name, words FROM configuration_row WHERE configuration_i = ? ORDER BY row_i",
            (configuration_i,),
        )
    ]
    digest = ConfigurationDigest()
    for table, words in configuration:
        digest.add(table, pack_words(words))
    if digest.digest().hex() != sha256:
        raise BadFile(journal, [f"{node}: the rows of configuration {sha256[:12]} do not have this hash"])
    columns = _columns(connection, configuration_i, configuration)
    query = f"SELECT * FROM {quoted(scan_table)} WHERE run_scan >> 32 = ? ORDER BY run_scan"
    words_n = len(quality_words(len(columns)))
    rows = [_row(row, words_n) for row in fetch(connection, query, (run,))]
    passage = Passage(node, boot_id, scan_ms, columns, configuration, rows)
    told = fetch(
        connection, 'SELECT scan, code, source, got, "limit" FROM event WHERE run = ? ORDER BY event_i', (run,)
    )
    _end_where_unknown(passage, first_scan, told)
    _place_orders(passage, told)
    _place_modes(passage, connection)
    return passage


def _row(row: tuple[Any, ...], words_n: int) -> Row:
    _key, _run, scan, at_us, state, flags, *rest = row
    quality = sum(word << (2 * COLUMNS_PER_QUALITY_WORD * i) for i, word in enumerate(rest[:words_n]))
    return (scan, at_us, state, flags, quality, *rest[words_n:])


def _columns(
    connection: apsw.Connection, configuration_i: int, configuration: list[tuple[int, tuple[int, ...]]]
) -> tuple[Recorded, ...]:
    tags = fetch(connection, 'SELECT tag FROM "column" WHERE configuration_i = ? ORDER BY column_i', (configuration_i,))
    recorded = [words for table, words in configuration if table == tables.TABLE_RECORD]
    return tuple(
        Recorded(tag, source, of, quantity, bool(summarised))
        for (tag,), (source, of, quantity, summarised) in zip(tags, recorded, strict=True)
    )


def _end_where_unknown(passage: Passage, first_scan: int, told: list[Any]) -> None:
    """Only scans whose past is known from the configuration on: no gap, no experiment of tuning."""
    rows, name = passage.rows, passage.node
    if not any((scan, code) == (first_scan, "CONFIGURED") for scan, code, *_ in told):
        passage.left_out.append(f"{name}: scans from {first_scan} on: the journal does not hold how this run began")
        rows.clear()
    whole_n = next((i for i, row in enumerate(rows) if row[0] != first_scan + i), len(rows))
    if whole_n < len(rows):
        lost = f"{first_scan + whole_n} to {rows[whole_n][0] - 1}"
        passage.left_out.append(f"{name}: scans from {first_scan + whole_n} on: scans {lost} are not in the journal")
    tuned = min((scan for scan, code, *_ in told if code == "TUNE_BEGAN"), default=None)
    if tuned is not None and tuned < first_scan + whole_n:
        whole_n = max(0, tuned - first_scan)
        passage.left_out.append(f"{name}: scans from {tuned} on: the journal does not hold what tuning was asked")
    del rows[whole_n:]


def _place_orders(passage: Passage, told: list[Any]) -> None:
    """Orders by the events that they left, in the scans of these."""
    orders = passage.orders
    own: set[int] = set()
    cleared = {scan for scan, code, *_ in told if code == "INTERLOCK_CLEARED"}
    for scan, code, source, got, limit in told:
        if code in OWN_CAUSES:
            own.add(scan)
        elif code == "LEASE_EXPIRED":
            passage.expired.add(scan)
        elif code == "LEASE_RENEWED":
            orders.setdefault(scan, []).append((COMMAND, [CMD_SUPERVISE]))
        elif code == "SETPOINT_CHANGED":
            orders.setdefault(scan, []).append((SETPOINT, [source, got, limit]))
        elif code == "STATE_CHANGED" and scan not in own and next_state(source, DONE) != got:
            command = next(i for i in range(len(COMMANDS)) if next_state(source, i) == got)
            orders.setdefault(scan, []).append((COMMAND, [command]))
    for before, row in zip(passage.rows, passage.rows[1:], strict=False):
        fell = before[3] & ~row[3]
        if fell & FLAG_ALARM and row[0] not in cleared and (COMMAND, [CMD_RESET]) not in orders.get(row[0], ()):
            orders.setdefault(row[0], []).append((COMMAND, [CMD_RESET]))  # the state stayed
        if row[3] & ~before[3] & FLAG_HOLD:
            passage.expired.add(row[0])


def _place_modes(passage: Passage, connection: apsw.Connection) -> None:
    """A mode that was set: in the first scan after it was asked in which the loop shows it, or another output."""
    query = (
        "SELECT what, asked_us FROM \"order\" WHERE node = ? AND boot_id = ? AND outcome = 'done'"
        " AND what LIKE 'SET_MODE %' ORDER BY asked_us"
    )
    for what, asked_us in fetch(connection, query, (passage.node, passage.boot_id)):
        loop, mode, output = (int(word) for word in what.split()[1:4])
        shown, out = (_place(passage.columns, source, loop) for source in (tables.OF_MODE, tables.OF_OUTPUT))
        for before, row in zip(passage.rows, passage.rows[1:], strict=False):
            changed = (before[shown] & 7, before[out]) != (row[shown] & 7, row[out])
            if row[1] >= asked_us and row[shown] & 7 == mode and changed:
                passage.orders.setdefault(row[0], []).append((MODE, [loop, mode, output]))
                break


def _place(columns: tuple[Recorded, ...], source: int, of: int) -> int:
    """Where in a row the number of this source stands."""
    return 5 + next(i for i, column in enumerate(columns) if (column.source, column.of) == (source, of))


def _input_places(
    columns: tuple[Recorded, ...], configuration: list[tuple[int, tuple[int, ...]]]
) -> list[tuple[int, int, int]]:
    """Of each input where its number stands, its quality's shift, and the place of its raw number (-1: none)."""
    inputs_n = sum(table == tables.TABLE_INPUT for table, _words in configuration)
    raws = {column.of for column in columns if column.source == tables.OF_RAW}
    places = []
    for i in range(inputs_n):
        at = _place(columns, tables.OF_INPUT, i)
        places.append((at, 2 * (at - 5), _place(columns, tables.OF_RAW, i) if i in raws else -1))
    return places


def _input_words(row: Row, places: list[tuple[int, int, int]]) -> list[int]:
    """Number, quality and raw number of each input, as the process image holds them before the loops."""
    words: list[int] = []
    for at, shift, raw_at in places:
        quality = row[4] >> shift & 3
        words += (row[at], GOOD if quality == CHECK else quality, row[raw_at] if raw_at >= 0 else 0)
    return words
