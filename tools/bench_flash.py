"""Updates of a board: what a power cut at each effect leaves, how long an update takes on the line."""

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hil_tests.bench.board_files import image_of, slot_sources
from hil_tests.bench.flash_sweep import Sweep, firmware, in_place
from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.record_sweep import RecordSweep
from hil_tests.bench.run import BenchRun
from hil_tests.bench.wall import now_s
from spinline.line.board_line import BoardLine
from spinline.line.update import Update
from spinline_protocol import auth
from tools.bench_row import Row

OLD_FILES = {f"pack/{name}.mpy": (name * 300).encode() for name in "abcdefg"}
NEW_FILES = {**OLD_FILES, "pack/b.mpy": b"B" * 900, "pack/e.mpy": b"E" * 1500, "pack/h.mpy": b"H" * 50}
CHANGED = ("events.py", "publisher.py", "scan.py")
NODE = "draw"


def cuts() -> Sequence[Row]:
    """Every effect of an update and of each record cut at every tear; the same of files that are copied in place."""
    old, new, command = firmware(OLD_FILES), firmware(NEW_FILES), find_interpreter().command
    with tempfile.TemporaryDirectory() as folder:
        started_s = now_s()
        found = Sweep(command, Path(folder), old, new).run()
        Path(folder, "kept").mkdir()
        kept = RecordSweep(command, Path(folder, "kept")).run()
        lives_n = found.lives_n + kept.lives_n
        lives = lives_n / (now_s() - started_s)
        copied = Path(folder, "copied")
        copied.mkdir()
        cuts_n, broken_n = in_place(command, copied, old, new)
    bad_n = found.dead_n + found.stuck_n + kept.neither_n + kept.stuck_n
    all_n, peer = found.cuts_n + kept.cuts_n, f"copied in place, % of {cuts_n} cuts"
    return [
        Row("flash.unbootable_after_cut", bad_n, "boards", "lower", all_n, peer, 100 * broken_n / cuts_n, 0.0),
        Row("flash.cut_lives_per_s", lives, "1/s", "higher", lives_n, None, None, 50.0),
    ]


def update() -> Sequence[Row]:
    """Three changed files onto a draw node over its line, in virtual time."""
    sources = slot_sources()
    with tempfile.TemporaryDirectory() as folder:
        for name in CHANGED:
            changed = Path(folder, name)
            changed.write_text(sources[f"spinline_firmware/{name}"].read_text() + "\n\nNEWER = 1\n")
            sources[f"spinline_firmware/{name}"] = changed
        image, steps_us = image_of(sources), dict[str, list[int]]()
        run = BenchRun(find_interpreter(), Path(folder, "run"))
        run.kill_supervisor()

        def turn() -> int:
            run.run_without_supervisor(0.005)
            return run.bench.now_us

        configuration = next(one for one in run.configurations if one.name == NODE)
        key = auth.role_key(run.bench.site_key, auth.MAINTENANCE)

        def told(step: str, _done: int, _total: int) -> None:
            steps_us.setdefault(step, []).append(run.bench.now_us)

        line = BoardLine(NODE, run.bench.port(NODE), turn, key, random.Random("bench").randbytes, told)
        done = Update(line, image, configuration).run()
        run.bench.close()
    began_us, watched_us = steps_us["send"][0], steps_us["watch"][0]
    return [
        Row("flash.update_three_files_s", (watched_us - began_us) / 1e6, "s", "lower", 1, None, None, 20.0),
        Row("flash.update_three_files_bytes", done.sent_bytes, "bytes", "lower", done.changed_n),
    ]


FLASH: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (("flash", cuts), ("flash", update))
