"""Which journal a service writes: the one of a batch that has not ended, or a new one.  Never guesses, never replaces.

The file ``current`` in the folder of the records names the journal of the batch that is under way; it is there before
the first scan is, and goes when the batch has ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from spinline.errors import BadFile, BadInput
from spinline.line.batch import ENDED
from spinline.recipe.line_model import Line
from spinline.record.before_resume import before_resume
from spinline.record.journal import Batch, Journal
from spinline.record.series import fetch, reading
from spinline.service.snapshot import ACTIONS_N_MAX, Kept

CURRENT = "current"
SECOND_US = 1_000_000


class Batches:
    """The batches of one folder."""

    def __init__(self, folder: Path) -> None:
        """Raises BadFile where the folder cannot be made."""
        self._folder = folder
        self._current = folder / CURRENT
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadFile(folder, [f"cannot be made: {error.strerror}"]) from None

    def open(self, asked: Batch) -> tuple[Journal, Kept, int]:
        """Journal of the batch under way, what it keeps for the views, and its newest time (us UTC, 0: none).

        Where none is under way, a new one for ``asked``.  Raises BadInput: the file is no journal of ours, another
        program writes it, or its batch is of another recipe, line or mode and is not over.
        """
        if not self._current.exists():
            return self._new(asked)
        path = self._folder / self._current.read_text(encoding="utf-8").strip()
        journal = Journal.open(path)
        try:
            kept, newest_us, over = _kept(path)
            problem = "" if over else _differs(kept.batch, asked)
            if problem and kept.course:
                raise BadFile(path, [problem])
        except BaseException:
            journal.close()
            raise
        if not over and not problem:
            return journal, kept, newest_us
        journal.end_batch(max(newest_us, kept.batch.started_us))  # it is over, or never left IDLE
        journal.commit()
        journal.close()
        self.ended()
        return self._new(asked)

    def _new(self, asked: Batch) -> tuple[Journal, Kept, int]:
        path = self._folder / f"{asked.name}.sqlite"
        journal = Journal.create(path)
        journal.start_batch(asked)
        journal.commit()
        draft = self._current.with_suffix(".new")
        draft.write_text(path.name + "\n", encoding="utf-8")
        os.replace(draft, self._current)
        _sync(self._folder)
        return journal, Kept(asked, str(path)), 0

    def ended(self) -> None:
        """The batch is over: the next start makes a new one."""
        self._current.unlink(missing_ok=True)
        _sync(self._folder)


def _sync(folder: Path) -> None:
    """Names in a folder are on the disk only after it is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _differs(found: Batch, asked: Batch) -> str:
    """Why a batch under way cannot be gone on with; empty where it can."""
    same = replace(asked, name=found.name, started_us=found.started_us)
    if found == same:
        return ""
    pairs = (
        ("mode", found.mode, asked.mode),
        ("recipe", f"{found.recipe} {found.recipe_sha256[:12]}", f"{asked.recipe} {asked.recipe_sha256[:12]}"),
        ("line", f"{found.line} {found.line_sha256[:12]}", f"{asked.line} {asked.line_sha256[:12]}"),
    )
    words = ", ".join(f"its {what} is {old}, not {new}" for what, old, new in pairs if old != new)
    return f"batch {found.name} is not over, and {words or 'it is another one'}: go on with its own files, and stop it"


def _kept(path: Path) -> tuple[Kept, int, bool]:
    """What the views keep of an earlier service, the newest time of the journal, and whether its batch is over."""
    with reading(path) as connection:
        rows = fetch(connection, "SELECT * FROM batch")
        if not rows:
            raise BadFile(path, ["has no batch yet"])
        *of_batch, ended_us = rows[0][1:]
        kept = Kept(Batch(*of_batch), str(path))
        course = fetch(connection, "SELECT at_us, state, cause FROM batch_state ORDER BY n")
        kept.course = _named(("at_us", "state", "cause"), course)
        newest = "SELECT at_us, who, what, why, old_value, new_value FROM action ORDER BY n DESC LIMIT ?"
        actions = reversed(fetch(connection, newest, (ACTIONS_N_MAX,)))
        kept.actions.extend(_named(("at_us", "who", "what", "why", "old", "new"), actions))
        newest_us = max([_newest_us(connection), *(row["at_us"] for row in (*kept.course, *kept.actions))])
    over = ended_us is not None or bool(kept.course and kept.course[-1]["state"] in ENDED)
    return kept, newest_us, over


def _named(names: tuple[str, ...], rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _newest_us(connection: Any) -> int:
    """Time of the newest scan."""
    tables = [name for (name,) in fetch(connection, "SELECT scan_table FROM configuration")]
    found = [fetch(connection, f'SELECT at_us FROM "{name}" ORDER BY run_scan DESC LIMIT 1') for name in tables]
    return max([rows[0][0] for rows in found if rows], default=0)


def record_of(path: Path, line: Line, now_us: int) -> dict[str, Any]:
    """What a journal says of the time since the line was left: ``told`` in sentences, scans that are ``lost``."""
    with reading(path) as connection:
        found = before_resume(connection, line, now_us)
    if found is None:
        return {"ran": "not known", "told": [], "lost": 0}
    return {"ran": found.ran, "told": found.lines(), "lost": sum(node.lost_n for node in found.nodes)}


def ports_of(lines: Iterable[str], nodes: list[str]) -> dict[str, str]:
    """Devices by node from NODE=DEVICE.  Raises BadInput: each node has one, a device is used once."""
    ports: dict[str, str] = {}
    problems = []
    for line in lines:
        name, equals, device = line.partition("=")
        if not equals or not device or name not in nodes:
            problems.append(f"--port {line}: NODE=DEVICE is expected, with a node of {', '.join(nodes)}")
        elif name in ports:
            problems.append(f"--port {line}: {name} has {ports[name]} already")
        elif device in ports.values():
            problems.append(f"--port {line}: {device} is the port of another node already")
        else:
            ports[name] = device
    problems += [f"no port for {name}: --port {name}=DEVICE" for name in nodes if name not in ports]
    if problems:
        raise BadInput(problems)
    return ports
