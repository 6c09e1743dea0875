"""How far each loop was from its setpoint, computed in SQL from the scans of a journal.  Judges nothing.

A deviation is measured number less working setpoint, in the loop's screen unit, over scans of good
quality in which the loop was in automatic: the node's state is one of those of the loop's group.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby

import apsw

from spinline.line.roles import Role
from spinline.recipe.line_model import Line
from spinline.record.schema import quoted
from spinline.record.series import ALWAYS, Column, Interval, columns_of, fetch
from spinline_protocol.configuration import LOOP, field_index
from spinline_protocol.states import STATES

MEAN_US = 10_000_000
_RATIO_FIELD = field_index(LOOP, "ratio_q12")


@dataclass
class Deviation:
    """Of one loop: largest deviation of the 10 s means and of single scans, overshoot of the means, setpoint.

    None where production has no good scan in automatic; ``overshoot`` is 0 where no mean was above.
    """

    unit: str = ""
    setpoint: float | None = None
    ratio: float | None = None
    of_means: float | None = None
    of_scans: float | None = None
    overshoot: float | None = None
    seconds_in_auto: float = 0.0
    scans_left_out: int = 0

    def take(self, mean: float, largest: float) -> None:
        """One interval of 10 s: its mean deviation and the largest single one."""
        self.of_means = max(self.of_means or 0.0, abs(mean))
        self.of_scans = max(self.of_scans or 0.0, largest)
        self.overshoot = max(self.overshoot or 0.0, mean)


def deviations(
    connection: apsw.Connection, line: Line, roles: list[Role], production: list[Interval]
) -> dict[str, Deviation]:
    """The deviation of each loop, by its tag such as melt.Z3; without numbers where it was never recorded."""
    found = {role.tag: Deviation(unit=_unit(role)) for role in roles}
    for _, together in groupby(roles, key=lambda role: (role.node.name, role.loop.group)):
        group = list(together)
        states = _state_list(line, group[0])
        tags = [tag for role in group for tag in (role.pv, role.setpoint)]
        for columns in columns_of(connection, *tags):
            pairs = list(zip(columns[::2], columns[1::2], strict=True))
            _seconds_in_auto(connection, found, group, columns[0], states)
            _setpoints(connection, found, group, pairs, states, [ALWAYS, *production])
            for within in production:
                _deviations_within(connection, found, group, pairs, states, within)
    for role in roles:
        if role.loop.master is not None:
            found[role.tag].ratio = configured_ratio(connection, role)
    return found


def highest_mean(connection: apsw.Connection, line: Line, role: Role, within: Interval) -> float | None:
    """Highest 10 s mean of a loop's pv in automatic, in its screen unit; None without a good scan."""
    highest = []
    for (column,) in columns_of(connection, role.pv):
        means = (
            f"SELECT avg({column.good_number}) AS mean FROM {quoted(column.scan_table)} "
            f"WHERE at_us >= ?1 AND at_us < ?2 AND state IN ({_state_list(line, role)}) "
            f"GROUP BY (at_us - ?1) / {MEAN_US}"
        )
        highest += [
            row[0] for row in fetch(connection, f"SELECT max(mean) FROM ({means})", within) if row[0] is not None
        ]
    return max(highest, default=None)


def configured_ratio(connection: apsw.Connection, role: Role) -> float | None:
    """The ratio of a ratio loop in the node's newest configuration; None where the journal has none."""
    loop_i = [loop.name for loop in role.node.loop].index(role.loop.name)
    rows = fetch(
        connection,
        "SELECT words FROM configuration_row JOIN configuration USING (configuration_i) JOIN node USING (node_i) "
        "WHERE name = ? AND table_name = 'loop' ORDER BY configuration_i DESC, row_i",
        (role.node.name,),
    )
    return json.loads(rows[loop_i][0])[_RATIO_FIELD] / 4096 if loop_i < len(rows) else None


def _unit(role: Role) -> str:
    return next(row.unit for row in role.node.input if row.name == role.loop.input)


def _state_list(line: Line, role: Role) -> str:
    return ", ".join(str(STATES.index(name)) for name in line.group[role.loop.group].auto)


def _seconds_in_auto(
    connection: apsw.Connection, found: dict[str, Deviation], group: list[Role], column: Column, states: str
) -> None:
    query = f"SELECT count(*) FROM {quoted(column.scan_table)} WHERE state IN ({states})"
    seconds = fetch(connection, query)[0][0] * column.scan_ms / 1000
    for role in group:
        found[role.tag].seconds_in_auto += seconds


def _setpoints(
    connection: apsw.Connection,
    found: dict[str, Deviation],
    group: list[Role],
    pairs: list[tuple[Column, Column]],
    states: str,
    intervals: list[Interval],
) -> None:
    """The last setpoint of the latest interval; of a ratio loop the mean: its setpoint follows the master."""
    wanted = ", ".join(
        f"avg({setpoint.number})" if role.loop.master else setpoint.number
        for role, (_, setpoint) in zip(group, pairs, strict=True)
    )
    for within in intervals:
        query = (
            f"SELECT max(run_scan), {wanted} FROM {quoted(pairs[0][0].scan_table)} "
            f"WHERE at_us >= ? AND at_us < ? AND state IN ({states})"
        )
        last, *numbers = fetch(connection, query, within)[0]
        if last is not None:
            for role, number in zip(group, numbers, strict=True):
                found[role.tag].setpoint = float(number)


def _deviations_within(
    connection: apsw.Connection,
    found: dict[str, Deviation],
    group: list[Role],
    pairs: list[tuple[Column, Column]],
    states: str,
    within: Interval,
) -> None:
    wanted = []
    for pv, setpoint in pairs:
        off = f"CASE WHEN {pv.good} THEN {pv.number} - {setpoint.number} END"
        wanted += [f"count({off})", f"avg({off})", f"max(abs({off}))"]
    query = (
        f"SELECT count(*), {', '.join(wanted)} FROM {quoted(pairs[0][0].scan_table)} "
        f"WHERE at_us >= ?1 AND at_us < ?2 AND state IN ({states}) GROUP BY (at_us - ?1) / {MEAN_US}"
    )
    least_n = MEAN_US // (2000 * pairs[0][0].scan_ms)  # a mean of fewer than half of its scans is none
    for scans_n, *numbers in fetch(connection, query, within):
        for i, role in enumerate(group):
            good_n, mean, largest = numbers[3 * i : 3 * i + 3]
            found[role.tag].scans_left_out += scans_n - good_n
            if good_n >= least_n:
                found[role.tag].take(mean, largest)
            elif good_n:
                found[role.tag].of_scans = max(found[role.tag].of_scans or 0.0, largest)
