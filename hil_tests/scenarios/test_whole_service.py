"""The same with the real service: its process, pseudo-terminals, commands by HTTP; the plant is the witness.

All that is compared comes from the plant's own file or from what was done; nothing of it from the supervisor.
"""

from __future__ import annotations

import csv
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from pathlib import Path

import apsw
import pytest
from typer.testing import CliRunner

from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.plant_witness import Seen, newest, seen_by
from hil_tests.bench.run import LINE_R1
from hil_tests.bench.service_kills import POLL_S, all_answer, state_of
from hil_tests.bench.service_site import OPERATOR, holes, journal_of, make_site
from hil_tests.bench.wall import now_s, rest_until
from spinline.claims.catalog import window
from spinline.cli import app
from spinline.edges.client import Client
from spinline.line.ledger import Metre, MetreVerdict
from spinline.recipe.line_model import load_line
from spinline.record.accounts import accounts
from spinline.record.metres import ledger
from spinline.record.metres import metres as added_up
from spinline.record.series import extent, fetch, reading

from .test_service import OF_PEOPLE, Served, serving, warmth_known
from .test_whole_batch import WINDOW, beside, pieces_of, same, see_rows, silence, stretches

pytestmark = [pytest.mark.wall, pytest.mark.long, pytest.mark.xdist_group("service")]

SPEED = 4.0  # of the line's clock, times ours: its lease of 2 s is half a second
PARTS = 75  # of plasticizer; the claim begins at 70
PROGRAM = {"heatup_ramp_K_min": 60, "soak_min": 0, "threading_min": 4, "production_min": 6, "plasticizer_parts": PARTS}
UPSET_S = 5.0  # of the line, as all times here: so short that the flow is back before its deviation holds the line
PASSED_S = 30.0  # then the fiber is as it was
PULLED_S = 90.0  # longer than what the melt node's ring of scans holds
SETTLED_S = 20.0
FLUSHED_S = 160.0  # until what nobody weighed has left the extruder
DEAD_S = 4.0  # and three times as long until the next service supervises; the rings hold more than 20 s
LOST_S_MAX = 6.0  # from a pulled cable until the service shows it: silence of 3 s, its scan, and how often we look
STORED_S_MAX = 3.0  # between a scan and its commit: the scan of the supervisor and the one after it
CAUGHT_UP_S = 15.0  # until a service has fetched what the rings kept
CLOCKS_S = 1.0  # the clock of the line is known to that
LOOK_S = 0.01  # of ours
ASK_S = 0.2  # of ours: each question costs the service some of its time
LINE = load_line(LINE_R1)
MEMORY = Path("/dev/shm")  # where there is a file system in memory
CLAIM = 12  # of the process; the plan meets it
Bounds = tuple[float, float]


@dataclass
class Watched:
    """A service before a line, and the plant's file beside it."""

    served: Served
    witness: Path
    client: Client
    offset_s: float = 0.0  # of the service's clock to the line's, both of them times ours

    def seen(self) -> Seen:
        return newest(self.witness)

    def wait(self, reached: Callable[[], bool], what: str, limit_s: float, every_s: float = POLL_S) -> None:
        """Until then, or for so long of the line's time."""
        end_s = self.seen().at_s + limit_s
        while not reached():
            assert self.seen().at_s < end_s, f"{what}: {self.client.get('status')}"
            rest_until(now_s() + every_s)

    def live(self, seconds: float) -> None:
        """So long of the line's time."""
        end_s = self.seen().at_s + seconds
        self.wait(lambda: self.seen().at_s >= end_s, "time", seconds + 60)

    def until(self, state: str, limit_s: float, since: tuple[str, ...]) -> None:
        """The batch passes through no state but ``since`` on its way: else it lost its supervision by itself."""
        passed: list[str] = []

        def there() -> bool:
            passed.append(state_of(self.client))
            assert passed[-1] in (*since, state), (
                f"supervision was lost by itself: {self.client.get('batch')['course']}"
            )
            return passed[-1] == state

        self.wait(there, state, limit_s, ASK_S)

    def set_clocks(self) -> None:
        """Find the offset, to within a second: the service shows its time of the scan that it has just done."""
        before = after = self.client.get("status")["at_us"]
        while after == before:
            rest_until(now_s() + LOOK_S)
            after = self.client.get("status")["at_us"]
        self.offset_s = after / 1e6 - self.seen().at_s

    def resume(self) -> Bounds:
        """As a person does, with what is shown; the metres between which production went on."""
        self.wait(lambda: all_answer(self.client) and warmth_known(self.client), "nodes that are known", 120)
        before_m = self.seen().takeup_m
        resumed = self.served.ask("resume", "--yes", "--why", "seen")
        assert resumed.exit_code == 0, resumed.output
        self.until("RUNNING", 60, ("RESTARTING",))
        return before_m, self.seen().takeup_m


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Path]:
    """For the journal.  A line runs at four times the clock, a disk cannot: its slow commits would cost leases."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture
def watched(interpreter: Interpreter, tmp_path: Path, records: Path) -> Iterator[Watched]:
    witness, site = tmp_path / "witness.jsonl", replace(make_site(tmp_path, numbers=PROGRAM), records=records)
    with serving(interpreter, site, tmp_path, SPEED, "--witness", str(witness)) as served:
        served.serve()
        yield Watched(served, witness, site.client(served.url))


@dataclass
class Alone:
    """A time without supervision: within which metres it began and ended, when (s of the line) who went and came."""

    begins_m: Bounds
    ends_m: Bounds
    from_s: float
    to_s: float


@dataclass
class Batch:
    """What was made and what was done, each from the plant and the one who did it, beside the record.

    ``made_m``: where the take-up was when production had begun and when it ended.
    """

    connection: apsw.Connection
    journal: Path
    looks: list[Seen]
    metres: list[Metre]
    offset_s: float
    made_m: Bounds
    pulled: Alone
    killed: Alone

    @property
    def silence_s(self) -> Bounds:
        """When the scans of the melt node that were lost begin and end, in s of the line."""
        began_us, ended_us = silence(self.connection)
        return began_us / 1e6 - self.offset_s, ended_us / 1e6 - self.offset_s

    def draw_s(self, scan: int) -> float:
        """When a scan of the draw node was or would have been, in s of the line."""
        ((table,),) = fetch(
            self.connection, "SELECT scan_table FROM configuration JOIN node USING (node_i) WHERE name = 'draw'"
        )
        ((first, at_us),) = fetch(self.connection, f'SELECT min(scan), min(at_us) FROM "{table}"')
        return float(at_us / 1e6 + (scan - first) * LINE.node[2].scan_ms / 1000 - self.offset_s)

    def outside(self) -> set[int]:
        """Metres of production whose true parts of plasticizer are outside of the claim."""
        low, high = float(window(WINDOW).low or 0), float(window(WINDOW).high or 1e9)
        made = [seen for seen in self.looks if self.made_m[0] < seen.takeup_m < self.made_m[1]]
        return {int(seen.takeup_m) for seen in made if not low <= seen.plasticizer_parts_at_takeup <= high}


def taken_up(looks: list[Seen], at_s: float) -> float:
    """Position of the take-up in m."""
    return next(seen.takeup_m for seen in looks if seen.at_s >= at_s)


def starve(watched: Watched) -> None:
    """The feeder of the plasticizer delivers nothing for a moment; back when what it made has been taken up."""
    low, line = float(window(WINDOW).low or 0), watched.served.line
    line.ask("disturb", "plasticizer_ratio", 0.0)
    watched.live(UPSET_S)
    line.ask("disturb", "plasticizer_ratio", 1.0)
    watched.wait(lambda: watched.seen().plasticizer_parts_at_takeup < low, "fiber outside of the claim", 200)
    watched.wait(lambda: watched.seen().plasticizer_parts_at_takeup > low, "fiber inside again", 200)
    watched.live(PASSED_S)


def pull(watched: Watched) -> Alone:
    """The melt node's cable."""
    watched.until("RUNNING", LOST_S_MAX, ())
    before, line = watched.seen(), watched.served.line
    line.ask("pull", "melt")
    pulled = watched.seen()
    watched.until("UNSUPERVISED", LOST_S_MAX, ("RUNNING",))
    lost_m = watched.seen().takeup_m
    watched.live(pulled.at_s + PULLED_S - watched.seen().at_s)
    line.ask("plug", "melt")
    plugged_s = watched.seen().at_s
    watched.live(SETTLED_S)
    return Alone((before.takeup_m, lost_m), watched.resume(), before.at_s, plugged_s)


def kill(watched: Watched) -> Alone:
    """kill -9 of the service; what it had stored is read before another one starts."""
    watched.until("RUNNING", LOST_S_MAX, ())
    assert watched.served.end(signal.SIGKILL) == -signal.SIGKILL
    killed_s = watched.seen().at_s
    with reading(journal_of(watched.served.site)) as connection:
        reach = extent(connection)
    assert reach is not None
    stored_s = reach[1] / 1e6 - watched.offset_s
    assert killed_s - STORED_S_MAX < stored_s <= killed_s + CLOCKS_S
    watched.live(DEAD_S)
    watched.served.serve()
    watched.client = watched.served.site.client(watched.served.url)
    served_s = watched.seen().at_s
    watched.until("UNSUPERVISED", 60, ("IDLE",))
    newest_m = taken_up(seen_by(watched.witness), stored_s)
    return Alone((newest_m, newest_m), watched.resume(), stored_s, served_s)


@pytest.fixture
def batch(watched: Watched) -> Iterator[Batch]:
    """A batch to which a good deal was done; it is over, and so is its service."""
    watched.wait(lambda: all_answer(watched.client), "nodes that answer", 300)
    assert watched.served.ask("start", "--why", "shift").exit_code == 0
    watched.until("RUNNING", 900, ("IDLE", "PREPARING", "THREADING"))
    began_m = watched.seen().takeup_m
    watched.set_clocks()
    starve(watched)
    pulled = pull(watched)
    watched.live(FLUSHED_S)
    killed = kill(watched)
    watched.until("COMPLETING", 900, ("RUNNING",))
    produced_m = watched.seen().takeup_m
    watched.until("COMPLETE", 1500, ("COMPLETING",))
    journal = journal_of(watched.served.site)
    assert watched.served.end(signal.SIGTERM) == 0
    with reading(journal) as connection:
        metres = list(ledger(connection, LINE))
        looks, offset_s = seen_by(watched.witness), watched.offset_s
        yield Batch(connection, journal, looks, metres, offset_s, (began_m, produced_m), pulled, killed)


def test_an_upset_a_pulled_cable_and_a_killed_service_are_in_the_record_exactly_as_they_were(
    batch: Batch,
) -> None:
    see_scans(batch)
    see_unsupervised(batch)
    see_verdicts(batch)
    see_rows(batch.connection, batch.metres, OPERATOR)
    see_people(batch)
    see_claims(batch)
    see_commands(batch)


def see_claims(batch: Batch) -> None:
    """What was made is judged beside the plan: fiber outside of the claim, and some that nobody weighed, meet none."""
    rows = fetch(batch.connection, "SELECT basis, claim, verdict FROM claim ORDER BY n")
    verdicts = {basis: {claim: verdict for of, claim, verdict in rows if of == basis} for basis in {r[0] for r in rows}}
    planned, measured = verdicts.pop("planned"), verdicts.pop("measured")
    assert not verdicts and set(measured) == set(planned)
    assert planned[CLAIM] in ("PASS", "AT_LIMIT") and measured[CLAIM] not in ("PASS", "AT_LIMIT"), measured[CLAIM]


def stored(connection: apsw.Connection) -> list[tuple[str, list[int]]]:
    """Of each run its node and its stored scans in order."""
    runs = fetch(
        connection,
        "SELECT run, node.name, scan_table FROM run JOIN configuration USING (configuration_i)"
        " JOIN node USING (node_i) ORDER BY run",
    )
    query = 'SELECT scan FROM "{}" WHERE run = ? ORDER BY scan'
    return [(name, [scan for (scan,) in fetch(connection, query.format(table), (run,))]) for run, name, table in runs]


def see_scans(batch: Batch) -> None:
    """What is declared lost is what lies between stored scans: the melt node's while its cable was pulled.

    The draw node's ring is so short that it may lose some of the time without a service, too.
    """
    assert holes(batch.journal) == []
    assert sorted(name for name, _scans in stored(batch.connection)) == ["bath", "draw", "melt"], "no board began anew"
    of_nodes = {node.node: node.scans for node in accounts(batch.connection, with_tags=False)}
    query = "SELECT name, from_scan, to_scan FROM gap JOIN run USING (run) JOIN configuration USING (configuration_i)"
    declared = fetch(batch.connection, f"{query} JOIN node USING (node_i)")
    for name, scans in stored(batch.connection):
        between = [(one + 1, other - 1) for one, other in pairwise(scans) if other > one + 1]
        lost = [scan for node, low, high in declared for scan in range(low, high + 1) if node == name]
        assert pieces_of(lost) == between, name
        assert of_nodes[name].missing_n == len(lost) and of_nodes[name].stored_n == len(scans)
        assert of_nodes[name].expected_n == len(lost) + len(scans)
        assert len(between) == {"melt": 1, "bath": 0}.get(name, len(between)), between
        if name == "draw" and lost:
            alone = batch.killed
            assert alone.from_s < batch.draw_s(lost[0]) and batch.draw_s(lost[-1]) < alone.to_s + CAUGHT_UP_S, between
    began_s, ended_s = batch.silence_s
    assert abs(began_s - batch.pulled.from_s) < STORED_S_MAX
    assert began_s < ended_s < batch.pulled.to_s, "the ring had the newest of them"


def see_unsupervised(batch: Batch) -> None:
    """Nobody's metres are those without a supervisor, and no others."""
    found = stretches(batch.metres, MetreVerdict.SCRAP, "unsupervised")
    assert len(found) == 2, found
    for (first, last), alone in zip(found, (batch.pulled, batch.killed), strict=True):
        assert int(alone.begins_m[0]) - 1 <= first <= int(alone.begins_m[1]) + 1, (first, alone)
        restart = [int(end_m) - 1 for end_m in alone.ends_m]  # the metre at which it began is one of the restart
        assert restart[0] - 1 <= last <= restart[1] + 1, (last, alone)


def see_verdicts(batch: Batch) -> None:
    """Those of the upset fail, those that nobody weighed are unknown, every other metre of production passes."""
    outside = batch.outside()
    assert len(pieces_of(outside)) == 1, "one upset"
    assert same(stretches(batch.metres, MetreVerdict.FAIL), pieces_of(outside))
    assert LINE.mixing is not None
    dead_s, lag_s, to_m = LINE.mixing.dead_time_s, LINE.mixing.lag_s, LINE.path.die_to_take_up_m
    alone = stretches(batch.metres, MetreVerdict.SCRAP, "unsupervised")
    unknown = {metre.number for metre in batch.metres if metre.verdict is MetreVerdict.UNKNOWN}
    *quenched, (first, last) = pieces_of(unknown - beside(alone[1:]))
    began_s, ended_s = batch.silence_s
    flushed = [taken_up(batch.looks, ended_s + dead_s + lags * lag_s) + to_m for lags in (1, 3)]
    assert taken_up(batch.looks, began_s + dead_s) + to_m - 1 <= first
    assert flushed[0] < last < flushed[1], "what nobody weighed"
    in_quench = range(int(taken_up(batch.looks, began_s)) - 1, alone[0][0])
    assert {number for piece in quenched for number in piece} <= set(in_quench), "whose heat nobody knows"
    edges = beside([(first, last), (min(outside), max(outside))])
    made = range(int(batch.made_m[0]) + ceil(to_m) + 1, int(batch.made_m[1]) - 1)
    others = set(made) - outside - set(range(first, last + 1)) - set(in_quench) - beside(alone)
    verdicts = {metre.number: metre.verdict for metre in batch.metres}
    wrong = {number: verdicts[number] for number in others - edges if verdicts[number] is not MetreVerdict.PASS}
    assert not wrong
    assert {verdicts[number] for number in others & edges} <= {
        MetreVerdict.PASS,
        MetreVerdict.AT_LIMIT,
        MetreVerdict.FAIL,
    }


def see_people(batch: Batch) -> None:
    """Every action, and what a person was shown before a resume."""
    actions = fetch(batch.connection, OF_PEOPLE)
    assert [(who, what) for who, what, _why in actions] == [
        (OPERATOR, "start"), (OPERATOR, "resume"), (OPERATOR, "resume"), ("spinline", "service ends"),
    ]  # fmt: skip
    shown = [why for _who, what, why in actions if what == "resume"]
    lost = {node.node: node.scans.missing_n for node in accounts(batch.connection, with_tags=False)}
    told = [int(lost_n) for why in shown for lost_n in re.findall(r"; (\d+) scans lost; degC: melt.Z1", why)]
    until_lost = LOST_S_MAX * 1000 / LINE.node[0].scan_ms
    assert len(told) == 2 and lost["melt"] - until_lost <= told[0] <= lost["melt"], "since supervision was lost"
    assert told[1] <= lost["draw"]
    (alone_s,) = re.findall(r"nobody supervised for (\d+) s", shown[1])
    assert DEAD_S <= float(alone_s) <= batch.killed.to_s - batch.killed.from_s + CLOCKS_S


def see_commands(batch: Batch) -> None:
    """The ordinary commands say the same as the record's reader, and on what line it was made."""
    table, page = batch.journal.with_suffix(".csv"), batch.journal.with_name("report.html")
    of_batch = [str(batch.journal), "--line", str(LINE_R1)]
    told = CliRunner().invoke(app, ["metres", *of_batch, "--csv", str(table)], catch_exceptions=False).output
    assert "SIMULATED LINE" in told and f"{added_up(batch.metres).passed:.1f}" in told
    with table.open(encoding="utf-8", newline="") as file:
        rows = [(int(row["metre"]), row["verdict"], row["reason"], row["mode"]) for row in csv.DictReader(file)]
    assert rows == [(metre.number, metre.verdict.value, metre.reason, "simulated") for metre in batch.metres]
    written = CliRunner().invoke(app, ["report", *of_batch, "--to", str(page)], catch_exceptions=False)
    assert written.exit_code == 0, written.output
    html = page.read_text(encoding="utf-8")
    for words in ("SIMULATED LINE", "its supervisor ended", "unsupervised", "supervision lost", OPERATOR, WINDOW):
        assert words in html, words
