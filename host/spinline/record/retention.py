"""Which days of a journal may go: those that are old enough and that no legal hold names.  Only whole files go.

A file's age is judged twice, by its day and by how many were begun after it: a clock that was wrong for a while makes
no scan of yesterday old.
"""

from __future__ import annotations

import apsw

from spinline.errors import Refused
from spinline.record.days import DAY_US, DayFile, day_files

ALWAYS = (-(1 << 62), 1 << 62)
BATCH = "batch"  # scope of a hold on all there is


def held(connection: apsw.Connection) -> dict[str, tuple[int, int]]:
    """Legal holds that stand: scope -> times, us UTC."""
    found: dict[str, tuple[int, int]] = {}
    for is_held, scope, from_us, to_us in connection.execute(
        "SELECT held, scope, from_us, to_us FROM legal_hold ORDER BY n"
    ):
        if is_held:
            found[str(scope)] = (int(str(from_us)), int(str(to_us)))
        else:
            found.pop(str(scope), None)
    return found


def due(connection: apsw.Connection, at_us: int, keep_days: int) -> list[DayFile]:
    """Files that may go now, oldest first."""
    files = [file for file in day_files(connection) if not file.retired]
    holds = held(connection).values()
    before_us = at_us - at_us % DAY_US - keep_days * DAY_US
    old = [file for file in files[: max(0, len(files) - max(1, keep_days))] if file.within[1] <= before_us]
    return [file for file in old if not any(_touches(file.within, hold) for hold in holds)]


def named(who: str, why: str) -> None:
    """Raises Refused where nobody, or no reason, is named."""
    if not who.strip() or not why.strip():
        raise Refused("who and why must be named: they stay in the record")


def of_hold(connection: apsw.Connection, scope: str) -> tuple[int, int]:
    """Times of a hold that stands.  Raises Refused with those that do."""
    holds = held(connection)
    if scope not in holds:
        raise Refused(f"no legal hold is called {scope!r} (there are: {', '.join(holds) or 'none'})")
    return holds[scope]


def _touches(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
