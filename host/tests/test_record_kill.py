"""A writer killed between and inside commits: what it had acknowledged is in the file, whole."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spinline.record.journal import Journal

ROOT = Path(__file__).parents[2]
LINES_N_MAX = 2000  # the writer stops by itself where nobody kills it
WRITER = f"""
import sys
from pathlib import Path
from spinline.recipe.compiler import NodeConfiguration, Recorded
from spinline.record.journal import Journal

columns = tuple(Recorded(f"melt.Z{{i}}.pv", 0, i, 1) for i in range(40))
path = Path(sys.argv[1])
if path.exists():
    journal = Journal.open(path)
    run = journal.runs()[0].run
else:
    journal = Journal.create(path)
    run = journal.add_node("melt", NodeConfiguration("melt", (), bytes(32), columns, 250), "aa", "1.25.0", 32)
journal.add_clock(run, 0, 0, 0, 0, "sync")
for _ in range({LINES_N_MAX}):
    first = journal.scans_to(run) + 1
    journal.add_scans(run, first, [(2, 2, 0, *range(40))] * 20)
    journal.commit()
    print(journal.scans_to(run), flush=True)
"""


def _killed_after(path: Path, lines_n: int) -> int:
    """Let the writer acknowledge so many times, kill it, and return the last scan it acknowledged."""
    python_path = os.pathsep.join(str(ROOT / folder) for folder in ("host", "protocol"))
    environment = {**os.environ, "PYTHONPATH": python_path}
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, env=environment, text=True)
    assert writer.stdout is not None
    try:
        printed = [writer.stdout.readline() for _ in range(lines_n)]
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=60)
    finally:
        writer.kill()
        writer.wait(60)
    assert writer.returncode == -signal.SIGKILL
    return int((printed + [line for line in rest.splitlines(keepends=True) if line.endswith("\n")])[-1])


@pytest.mark.wall
def test_nothing_acknowledged_is_missing_after_the_writer_is_killed(tmp_path):
    path = tmp_path / "journal.sqlite"
    for lines_n in (1, 2, 7, 40, 90, 150):
        acknowledged = _killed_after(path, lines_n)
        journal = Journal.open(path)
        there = journal.scans_to(journal.runs()[0].run)
        journal.close()
        assert there >= acknowledged
        assert (there + 1) % 20 == 0, "a commit is there whole or not at all"
