"""A recorded batch given to the firmware again comes out equal, scan by scan; what was altered is named at its scan."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from hil_tests.bench.api import operate
from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.recorded_run import Passage
from hil_tests.bench.replay import first_difference, replay
from hil_tests.bench.run import ROOT, BenchRun
from spinline.record.opening import open_reader
from spinline.record.schema import RUN_SHIFT
from spinline_protocol import errors, messages
from spinline_protocol.configuration import (
    LOOP,
    MODE_AUTO,
    MODE_MANUAL,
    OUTPUT_KEPT,
    TABLE_LOOP,
    field_index,
)

from .conftest import TO_PRODUCTION_S, short_recipe
from .protocol import missing_scans, states_passed

QUENCH, G1 = 0, 0  # loops of the bath and of the draw node


@dataclass(frozen=True)
class Recorded:
    """A batch that has ended, and the interpreter that ran it."""

    journal: Path
    interpreter: Interpreter


def ask(run: BenchRun, node: str, number: int, *fields: int) -> None:
    """A request that the node takes."""
    session = run.supervisor.sessions[node]
    sequence = session.ask(number, *fields)
    assert run.run_until(lambda: sequence in session.answers, 5)
    assert session.answers.pop(sequence)["code"] == errors.OK


def bring(run: BenchRun, cause: str, state: str) -> None:
    """A person's wish, and the state that follows."""
    operate(run, cause)
    assert run.run_until(lambda: run.supervisor.batch.state == state, 120), run.supervisor.batch.history


@pytest.fixture(scope="module")
def recorded(interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Heat-up, production, another setpoint, a loop by hand, hold and resume, a lost lease, a sensor that fails."""
    run = BenchRun(interpreter, tmp_path_factory.mktemp("replay"), recipe=short_recipe())
    try:
        run.preheat()
        run.start()
        assert run.run_until(lambda: run.supervisor.batch.state == "RUNNING", TO_PRODUCTION_S)
        ask(run, "draw", messages.SET_SETPOINT, G1, 15_500, 0)
        ask(run, "bath", messages.SET_MODE, QUENCH, MODE_MANUAL, OUTPUT_KEPT)
        run.run_for(10)
        ask(run, "bath", messages.SET_MODE, QUENCH, MODE_AUTO, 0)
        run.run_for(10)
        bring(run, "hold", "HELD")
        bring(run, "resume", "THREADING")
        run.bench.pull_cable("draw")
        run.run_for(5)
        run.bench.pull_cable("draw", pulled=False)
        run.run_for(10)
        bring(run, "resume", "THREADING")
        run.injector.lay("S1", "melt.Z3")
        assert run.run_until(lambda: run.supervisor.batch.state == "HELD", 60)
        run.injector.lift("S1", "melt.Z3")
        run.run_for(10)
        assert missing_scans(run) == 0
        assert {"EXECUTE", "HOLDING", "HELD"} <= set(states_passed(run, "draw"))
    finally:
        run.close()
    yield Recorded(run.journal_path, interpreter)


def copied(recorded: Recorded, folder: Path, *statements: str) -> Path:
    """A copy of the journal, altered."""
    for file in recorded.journal.parent.glob("journal*.sqlite"):
        shutil.copyfile(file, folder / file.name)
    (day,) = folder.glob("journal-*.sqlite")
    connection = apsw.Connection(str(folder / "journal.sqlite"))
    connection.execute("ATTACH ? AS day", (str(day),)).fetchall()
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.close()
    return folder / "journal.sqlite"


def table_of(journal: Path, node: str) -> str:
    """The table with the scans of a node."""
    connection = apsw.Connection(str(journal), flags=apsw.SQLITE_OPEN_READONLY)
    query = "SELECT scan_table FROM configuration JOIN node USING (node_i) WHERE name = ?"
    (name,) = connection.execute(query, (node,)).fetchone()  # type: ignore[misc]
    connection.close()
    return str(name)


def test_a_recorded_batch_comes_out_equal_scan_by_scan(recorded: Recorded) -> None:
    results = replay(recorded.journal, recorded.interpreter)
    assert first_difference(results) is None, results
    connection = open_reader(recorded.journal)
    for result in results:
        stored = connection.execute(f'SELECT count(*) FROM "{table_of(recorded.journal, result.node)}"').get
        assert result.equal_n == stored and result.left_out == []
    assert [result.node for result in results] == ["melt", "bath", "draw"]


@pytest.mark.parametrize("tag", ["melt.Z3.out", "state"])
def test_an_altered_number_is_named_at_its_scan(recorded: Recorded, tmp_path: Path, tag: str) -> None:
    scan, run = 500, 1
    update = f'UPDATE day."{table_of(recorded.journal, "melt")}" SET "{tag}" = "{tag}" + 1 WHERE run_scan = '
    journal = copied(recorded, tmp_path, update + str(run << RUN_SHIFT | scan))
    first = first_difference(replay(journal, recorded.interpreter))
    assert first is not None
    assert (first.node, first.scan, first.tag) == ("melt", scan, tag) and first.recorded != first.replayed


def test_an_altered_measurement_shows_in_what_the_loop_does_with_it(recorded: Recorded, tmp_path: Path) -> None:
    scan = 1000
    update = (
        f'UPDATE day."{table_of(recorded.journal, "melt")}" SET "melt.Z3.pv" = "melt.Z3.pv" + 5000 WHERE run_scan = '
    )
    first = first_difference(
        replay(copied(recorded, tmp_path, update + str(1 << RUN_SHIFT | scan)), recorded.interpreter)
    )
    assert first is not None and (first.scan, first.tag) == (scan, "melt.Z3.out")


def with_another_gain(passage: Passage) -> None:
    """The draw's first loop has one part in its gain more."""
    if passage.node == "draw":
        at = next(i for i, (table, _words) in enumerate(passage.configuration) if table == TABLE_LOOP)
        words, field = list(passage.configuration[at][1]), field_index(LOOP, "mp")
        words[field] += words[field] // 100 + 1
        passage.configuration[at] = (TABLE_LOOP, tuple(words))


def test_another_gain_in_the_firmware_is_seen_in_the_first_scan_that_it_moves(recorded: Recorded) -> None:
    results = replay(recorded.journal, recorded.interpreter, with_another_gain)
    first = first_difference(results)
    assert first is not None and (first.node, first.tag) == ("draw", "draw.G1.out")
    assert [result.difference is None for result in results] == [True, True, False]


def test_after_a_gap_nothing_is_claimed(recorded: Recorded, tmp_path: Path) -> None:
    delete = f'DELETE FROM day."{table_of(recorded.journal, "bath")}" WHERE scan BETWEEN 300 AND 309'
    results = replay(copied(recorded, tmp_path, delete), recorded.interpreter)
    bath = next(result for result in results if result.node == "bath")
    assert bath.equal_n == 300 and bath.difference is None
    assert bath.left_out == ["bath: scans from 300 on: scans 300 to 309 are not in the journal"]


@pytest.mark.wall
def test_the_command_says_what_it_found_and_ends_with_its_code(recorded: Recorded, tmp_path: Path) -> None:
    def command(journal: Path) -> tuple[int, str]:
        program = [sys.executable, "-m", "spinline.cli", "replay", str(journal)]
        done = subprocess.run(
            program, capture_output=True, text=True, cwd=ROOT, env=os.environ, check=False, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    code, text = command(recorded.journal)
    assert code == 0 and "scans equal" in text and "difference" not in text

    table = table_of(recorded.journal, "draw")
    altered = copied(recorded, tmp_path, f'UPDATE day."{table}" SET "draw.G2.out" = 7 WHERE scan = 2000')
    code, text = command(altered)
    assert code == 1 and "first difference: draw scan 2000 at 2026-01-01T00:01:4" in text
    assert "draw.G2.out recorded 7/65536, replayed" in text

    words = "UPDATE configuration_row SET words = replace(words, '[', '[1') WHERE configuration_i = 1 AND row_i = 3"
    (tmp_path / "b").mkdir()
    code, text = command(copied(recorded, tmp_path / "b", words))
    assert code == 2 and "do not have this hash" in text
    code, text = command(tmp_path / "none.sqlite")
    assert code == 2 and "there is no journal here" in text
