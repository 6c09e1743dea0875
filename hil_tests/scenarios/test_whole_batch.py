"""A batch to which a good deal is done: what its record says at the end is what was done, to the metre and the scan."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil

import apsw
import pytest

from hil_tests.bench.api import operate
from hil_tests.bench.run import BenchRun
from spinline.claims.catalog import window
from spinline.line.ledger import Metre, MetreVerdict
from spinline.record.accounts import accounts
from spinline.record.metres import ledger
from spinline.record.page.page import page
from spinline.record.series import fetch, reading

from .conftest import MakeRun, near_the_bound
from .protocol import missing_scans, virtual_s

THREADING_MIN, PRODUCTION_MIN = 6, 15
UPSET_S = 5.0  # so short that the flow is back at its setpoint before that holds the line
PULLED_S = 90.0  # longer than what the ring of scans holds
DEAD_S = 20.0
WINDOW = "C12-PLAST"


@dataclass
class Witness:
    """What the plant knows of each metre at take-up, second by second."""

    metre: list[float] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def look(self, run: BenchRun) -> None:
        truth = run.bench.plant.truth
        self.metre.append(truth.takeup_m)
        self.at_s.append(run.now_s)
        self.parts.append(truth.plasticizer_parts_at_takeup)
        self.states.append(run.supervisor.batch.state if run.attended else "nobody")

    def metres_where(self, true: Callable[[int], bool]) -> set[int]:
        """Numbers of the metres that were taken up in seconds of which something is true."""
        return {int(self.metre[i]) for i in range(len(self.metre)) if true(i)}

    def stretches(self, *states: str) -> list[tuple[int, int]]:
        """First and last metre of each piece made in one of these states."""
        return pieces_of(self.metres_where(lambda i: self.states[i] in states))

    def taken_up(self, at_s: float) -> float:
        """Position of the take-up, in m."""
        return self.metre[bisect_left(self.at_s, at_s)]

    def outside(self) -> set[int]:
        """Metres of production whose true parts of plasticizer are outside of the claim."""
        low, high = float(window(WINDOW).low or 0), float(window(WINDOW).high or 1e9)
        return self.metres_where(lambda i: self.states[i] == "RUNNING" and not low <= self.parts[i] <= high)


def watched(run: BenchRun, witness: Witness, seconds: float) -> None:
    """So much of the batch, with a witness."""
    end_s = run.now_s + seconds
    while run.now_s < end_s - 1e-6:
        run.run_for(min(1.0, end_s - run.now_s))
        witness.look(run)


def until(run: BenchRun, witness: Witness, state: str, limit_s: float) -> None:
    end_s = run.now_s + limit_s
    while run.supervisor.batch.state != state:
        assert run.now_s < end_s, (state, run.supervisor.batch.history, run.supervisor.problems)
        watched(run, witness, 1.0)


def resumed(run: BenchRun, witness: Witness, after: str = "UNSUPERVISED") -> None:
    assert run.supervisor.batch.state == after, (run.now_s, run.supervisor.batch.history)
    operate(run, "resume", "seen")
    until(run, witness, "RUNNING", 900)


def pieces_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each piece without a gap."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def stretches(metres: list[Metre], verdict: MetreVerdict, reason: str = "") -> list[tuple[int, int]]:
    """First and last metre of each piece with a verdict, for any reason or for one."""
    return pieces_of(metre.number for metre in metres if metre.verdict is verdict and reason in ("", metre.reason))


def same(found: list[tuple[int, int]], true: list[tuple[int, int]]) -> bool:
    """As many pieces, and no end more than a metre from where it was."""
    ends = [(a, b) for one, other in zip(found, true, strict=False) for a, b in zip(one, other, strict=True)]
    return len(found) == len(true) and all(abs(a - b) <= 1 for a, b in ends)


def beside(pieces: list[tuple[int, int]]) -> set[int]:
    """Pieces and what is beside them: a part of it was made under another state, as a restart of some seconds."""
    return {number for first, last in pieces for number in range(first - 2, last + 5)}


@pytest.mark.long
def test_an_upset_a_pulled_cable_and_a_dead_supervisor_are_in_the_record_exactly_as_they_were(
    make_run: MakeRun,
) -> None:
    run, witness = make_run(recipe=near_the_bound(PRODUCTION_MIN, THREADING_MIN)), Witness()
    run.start()
    until(run, witness, "RUNNING", 1800)
    watched(run, witness, 60)

    run.bench.plant.disturbances.plasticizer_ratio = 0.0
    watched(run, witness, UPSET_S)
    run.bench.plant.disturbances.plasticizer_ratio = 1.0
    watched(run, witness, 300)

    run.bench.pull_cable("melt")
    watched(run, witness, PULLED_S)
    run.bench.pull_cable("melt", pulled=False)
    watched(run, witness, 30)
    resumed(run, witness)
    watched(run, witness, 200)

    run.kill_supervisor()
    watched(run, witness, DEAD_S)
    run.restart_supervisor()
    watched(run, witness, 10)
    resumed(run, witness)
    until(run, witness, "COMPLETE", 3600)
    assert missing_scans(run) == 0

    with reading(run.journal_path) as connection:
        metres = list(ledger(connection, run.line))
        see_metres(run, witness, metres, *map(virtual_s, silence(connection)))
        see_rows(connection, metres, "operator")
        see_accounts(connection)
        html = page(connection, run.line)
    (run.folder / "report.html").write_text(html)
    assert all(word in html for word in ("its supervisor ended", "unsupervised", "SIMULATED LINE"))


def silence(connection: apsw.Connection) -> tuple[int, int]:
    """When the newest scan before those of the melt node that were lost was, and the oldest after them, in us."""
    query = (
        "SELECT scan_table, min(from_scan), max(to_scan) FROM gap JOIN run USING (run)"
        " JOIN configuration USING (configuration_i) JOIN node USING (node_i) WHERE name = 'melt'"
    )
    ((table, first, last),) = fetch(connection, query)
    around = (
        f'SELECT max(at_us) FROM "{table}" WHERE scan < ? UNION ALL SELECT min(at_us) FROM "{table}" WHERE scan > ?'
    )
    (began_us,), (ended_us,) = fetch(connection, around, (first, last))
    return began_us, ended_us


def see_metres(run: BenchRun, witness: Witness, metres: list[Metre], began_s: float, ended_s: float) -> None:
    """Every metre is what the plant and the bench know of it, and no other is anything but a pass."""
    alone = stretches(metres, MetreVerdict.SCRAP, "unsupervised")
    assert same(alone, witness.stretches("UNSUPERVISED", "nobody")), "nobody's metres are marked so"
    outside = witness.outside()
    assert same(stretches(metres, MetreVerdict.FAIL), [(min(outside), max(outside))]), "those of the upset fail"
    assert run.line.mixing is not None
    dead_s, lag_s, to_m = run.line.mixing.dead_time_s, run.line.mixing.lag_s, run.line.path.die_to_take_up_m
    ((first, last),) = stretches(metres, MetreVerdict.UNKNOWN)
    flushed = [witness.taken_up(ended_s + dead_s + lags * lag_s) + to_m for lags in (1, 3)]
    assert witness.taken_up(began_s + dead_s) + to_m < first and flushed[0] < last < flushed[1], "what nobody weighed"
    at_limit = {metre.number for metre in metres if metre.verdict is MetreVerdict.AT_LIMIT}
    passed = {metre.number for metre in metres if metre.verdict is MetreVerdict.PASS}
    running = witness.metres_where(lambda i: witness.states[i] == "RUNNING")
    failed = {metre.number for metre in metres if metre.verdict is MetreVerdict.FAIL}
    spun_before = set(range(min(running), min(running) + ceil(to_m) + 1))
    others = running - passed - failed - set(range(first, last + 1)) - at_limit - beside(alone) - spun_before
    assert not {number for number in others if number < max(passed)}, "everything else passes"
    assert at_limit <= beside([(first, last), (min(outside), max(outside))])


def see_rows(connection: apsw.Connection, metres: list[Metre], operator: str) -> None:
    """States, resumes and deviations: rows of exactly what was done."""
    assert [state for (state,) in fetch(connection, "SELECT state FROM batch_state ORDER BY n")] == [
        "PREPARING", "THREADING", "RUNNING", "UNSUPERVISED", "RESTARTING", "RUNNING",
        "UNSUPERVISED", "UNSUPERVISED", "RESTARTING", "RUNNING", "COMPLETING", "COMPLETE",
    ]  # fmt: skip
    people = fetch(connection, "SELECT who, what FROM action WHERE who = ? ORDER BY n", (operator,))
    assert people == [(operator, what) for what in ("start", "resume", "resume")]
    told = fetch(connection, "SELECT from_m, to_m, window FROM deviation WHERE verdict = 'FAIL'")
    ((first, last),) = stretches(metres, MetreVerdict.FAIL)
    assert told == [(first, last + 1, WINDOW)]


def see_accounts(connection: apsw.Connection) -> None:
    """All that is missing is of the melt node, and declared."""
    lost = fetch(connection, "SELECT sum(to_scan + 1 - from_scan) FROM gap")
    of_nodes = {node.node: node.scans for node in accounts(connection, with_tags=False)}
    assert [(of_nodes["melt"].missing_n,)] == lost and not of_nodes["bath"].missing_n + of_nodes["draw"].missing_n
    assert all(scans.expected_n == scans.stored_n + scans.missing_n for scans in of_nodes.values())
