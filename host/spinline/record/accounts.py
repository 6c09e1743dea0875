"""What became of every scan of a batch: expected = stored + missing, for each node and each tag.  Reads only.

Expected are the scans from the first of a run to the last that anybody knows of, in all runs of the node.  Time in
which a node was off has no scans.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import apsw

from spinline.record.resuming import retired_scans, stored_scans
from spinline.record.schema import quoted
from spinline.record.series import fetch
from spinline_protocol.quantities import BAD

UNDECLARED = "not declared: they may still come"
RETIRED = "was stored, its day was retired"
NOT_RECORDED = "the configuration did not record it"
Island = tuple[int, int]
"""First and last of scans that follow one another."""


def _none() -> dict[str, int]:
    return defaultdict(int)


@dataclass
class Account:
    """Scans: ``expected_n`` is ``stored_n`` and all of ``missing``; ``bad_n`` of the stored are unusable."""

    expected_n: int = 0
    stored_n: int = 0
    bad_n: int = 0
    missing: dict[str, int] = field(default_factory=_none)

    @property
    def missing_n(self) -> int:
        """All that is not stored."""
        return sum(self.missing.values())

    def add(self, expected_n: int, stored_n: int, bad_n: int, missing: dict[str, int]) -> None:
        """The scans of one more run."""
        assert expected_n == stored_n + sum(missing.values())
        self.expected_n += expected_n
        self.stored_n += stored_n
        self.bad_n += bad_n
        for reason, scans_n in missing.items():
            self.missing[reason] += scans_n


@dataclass
class NodeAccount:
    """One node: all of its scans, and each of its tags."""

    node: str
    scans: Account
    tags: dict[str, Account]


def count(
    first: int, stored: Sequence[Island], retired: Sequence[Island], gaps: Sequence[tuple[int, int, str]]
) -> tuple[int, int, dict[str, int]]:
    """Expected, stored, and missing by reason of one run that began with ``first``; each scan is counted once.

    ``gaps`` are (first, last, reason), the oldest declared first: the first to name a scan gives its reason.
    """
    ends = [high for _low, high in (*stored, *retired)] + [high for _low, high, _reason in gaps]
    last = max(ends, default=first - 1)
    left = _without([(first, last)] if last >= first else [], stored)
    expected_n, stored_n = last + 1 - first, last + 1 - first - _length(left)
    missing: dict[str, int] = {}
    for low, high, reason in (*((*island, RETIRED) for island in retired), *gaps):
        rest = _without(left, [(low, high)])
        taken_n = _length(left) - _length(rest)
        if taken_n:
            missing[reason] = missing.get(reason, 0) + taken_n
        left = rest
    if left:
        missing[UNDECLARED] = _length(left)
    return expected_n, stored_n, missing


def _length(islands: Sequence[Island]) -> int:
    return sum(high + 1 - low for low, high in islands)


def _without(islands: Sequence[Island], taken: Sequence[Island]) -> list[Island]:
    """What is left of islands, in order, without others."""
    left = list(islands)
    for low, high in taken:
        kept: list[Island] = []
        for begin, end in left:
            if high < begin or end < low:
                kept.append((begin, end))
                continue
            if begin < low:
                kept.append((begin, low - 1))
            if high < end:
                kept.append((high + 1, end))
        left = kept
    return left


def accounts(connection: apsw.Connection, with_tags: bool = True) -> list[NodeAccount]:
    """Of every node in a journal, in the order in which they came; without tags it reads no numbers."""
    found: dict[str, NodeAccount] = {}
    tags = _tags(connection) if with_tags else {}
    runs = fetch(
        connection,
        "SELECT run, first_scan, configuration_i, scan_table, name FROM run JOIN configuration USING (configuration_i) "
        "JOIN node USING (node_i) ORDER BY run",
    )
    for run, first, configuration_i, table, name in runs:
        gaps = fetch(
            connection, "SELECT from_scan, to_scan, reason FROM gap WHERE run = ? ORDER BY at_us, from_scan", (run,)
        )
        counted = count(first, stored_scans(connection, run, table), retired_scans(connection, run), gaps)
        if name not in found:
            of_node = {one[2] for one in runs if one[4] == name}
            every = sorted({tag for one in of_node for tag, _is_bad in tags.get(one, ())})
            found[name] = NodeAccount(name, Account(), {tag: Account() for tag in every})
        found[name].scans.add(counted[0], counted[1], 0, counted[2])
        bad = _bad(connection, table, run, tags[configuration_i]) if with_tags else {}
        for tag, account in found[name].tags.items():
            if tag in bad:
                account.add(counted[0], counted[1], bad[tag], counted[2])
            else:
                account.add(counted[0], 0, 0, {NOT_RECORDED: counted[0]} if counted[0] else {})
    return list(found.values())


def _tags(connection: apsw.Connection) -> dict[int, list[tuple[str, str]]]:
    """Of each configuration, its tags with the SQL that is 1 where a scan has no usable number of them."""
    rows = fetch(
        connection, 'SELECT configuration_i, tag, quality_word, quality_shift FROM "column" ORDER BY 1, column_i'
    )
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for configuration_i, tag, word, shift in rows:
        found[configuration_i].append((tag, f"{word} >> {shift} & 3 = {BAD}"))
    return found


def _bad(connection: apsw.Connection, table: str, run: int, tags: Sequence[tuple[str, str]]) -> dict[str, int]:
    sums = ", ".join(f"sum({is_bad})" for _tag, is_bad in tags)
    (row,) = fetch(connection, f"SELECT {sums} FROM {quoted(table)} WHERE run = ?", (run,))
    return {tag: bad_n or 0 for (tag, _), bad_n in zip(tags, row, strict=True)}
