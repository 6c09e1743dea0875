"""The course of a batch as the journal has it.  Reads only."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from spinline.record.series import Interval, extent, fetch

PRODUCTION = "RUNNING"


@dataclass(frozen=True)
class Stage:
    """One state of the batch with its time in us; the end is the beginning of the next."""

    state: str
    from_us: int
    to_us: int


def course(connection: apsw.Connection) -> list[Stage]:
    """The states of the batch in order; the last one ends with the batch, or with the last scan."""
    rows = states_entered(connection)
    if not rows:
        return []
    ends = [at_us for (at_us,) in fetch(connection, "SELECT ended_us FROM batch WHERE ended_us NOTNULL")]
    scans = extent(connection)
    last_us = max(rows[-1][0], *ends, *(scans[1:] if scans else ()))
    begins = [at_us for at_us, _ in rows]
    return [Stage(state, at_us, end) for (at_us, state), end in zip(rows, [*begins[1:], last_us], strict=True)]


def states_entered(connection: apsw.Connection) -> list[tuple[int, str]]:
    """When the batch entered each of its states, us UTC."""
    return fetch(connection, "SELECT at_us, state FROM batch_state ORDER BY at_us, rowid")


def production(stages: list[Stage]) -> list[Interval]:
    """The intervals in which the batch was RUNNING."""
    return [
        (stage.from_us, stage.to_us) for stage in stages if stage.state == PRODUCTION and stage.to_us > stage.from_us
    ]
