"""Power cuts while a board writes what it keeps: configuration, numbers, events, each effect cut and torn.

As in `flash_sweep.py` the littlefs and the interpreter are real, and a cut kills the process (`mpy_flash/records.py`).
Every effect of the start behind a cut is cut too, one more with each start; then what is read must be old or new.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from .flash_sweep import IMAGE_BYTES, LifeProcess, cuts

ACTS = {"numbers": "numbers=2", "tables": "tables=2", "events": "events=20"}
OLD, NEW = 1, 2
LAID_EVENTS = list(range(52))
NEW_EVENTS = list(range(52, 72))
OF_START = 999
WRITTEN_N = (0, 4, 12, 20)  # of the new events, after each append of a whole piece
START_EFFECTS_N_MAX = 200


@dataclass(frozen=True)
class Records:
    """What a board read at its start, and how many effects this life had."""

    number: int
    tables: int
    events: list[int]
    effects_n: int


@dataclass
class RecordsFound:
    """What a sweep has seen."""

    cuts_n: int = 0
    lives_n: int = 0
    neither_n: int = 0  # boards whose record was neither the old one nor the new one
    stuck_n: int = 0  # boards that did not keep the same record afterwards
    old_n: int = 0
    new_n: int = 0


class RecordSweep:
    """One act after the other, cut at every effect of it and of the start that follows."""

    def __init__(self, command: tuple[str, ...], folder: Path) -> None:
        self._life = LifeProcess(command, folder, "records")
        self._laid = folder / "laid.bin"
        self._life.image.write_bytes(b"\xff" * IMAGE_BYTES)
        self._whole("lay")
        shutil.copyfile(self._life.image, self._laid)
        self.effects_n = {}
        for name, act in ACTS.items():
            shutil.copyfile(self._laid, self._life.image)
            self.effects_n[name] = self._whole(act).effects_n

    def _live(self, act: str, cut: int = -1, tear: int = 0, seed: int = 0) -> Records | None:
        words = self._life.live((act,), cut, tear, seed)
        if words is None:
            return None
        events = [int(word) for word in words[2].split(",")] if words[2] != "-" else []
        return Records(int(words[0]), int(words[1]), events, int(words[3]))

    def _whole(self, act: str) -> Records:
        life = self._live(act)
        assert life is not None
        return life

    def run(self, every: int = 1) -> RecordsFound:
        """All cuts of all acts, or some of them."""
        found = RecordsFound()
        for name, act in ACTS.items():
            for cut, tear in cuts(self.effects_n[name], every):
                self._cut(found, name, act, cut, tear)
        found.lives_n = self._life.lives_n
        return found

    def _cut(self, found: RecordsFound, name: str, act: str, cut: int, tear: int) -> None:
        """One cut; the start behind it, cut at its first effect, the next at its second, until one comes through."""
        shutil.copyfile(self._laid, self._life.image)
        assert self._live(act, cut, tear, cut) is None
        found.cuts_n += 1
        for again in range(START_EFFECTS_N_MAX):
            if self._live("start", again, tear, cut) is not None:
                break
            found.cuts_n += 1
        verdict = judged(name, self._whole("look"))
        found.old_n += verdict == "old"
        found.new_n += verdict == "new"
        found.neither_n += verdict == "neither"
        self._whole(act)
        found.stuck_n += not holds(name, self._whole("look"))


def holds(name: str, seen: Records) -> bool:
    """Whether the new record is what is read."""
    new = {"numbers": seen.number == NEW, "tables": seen.tables == NEW, "events": seen.events[-20:] == NEW_EVENTS}
    return new[name]


def judged(name: str, seen: Records) -> str:
    """Whether the record that was written is the old one or the new one, and the others are as they were."""
    events = [event for event in seen.events if event != OF_START]
    written_n = len(events) - len(LAID_EVENTS)
    in_order = events == (LAID_EVENTS + NEW_EVENTS)[: len(events)] and written_n in WRITTEN_N
    whole = {
        "numbers": seen.number in (OLD, NEW) and seen.tables == OLD and written_n == 0,
        "tables": seen.tables in (OLD, NEW) and seen.number == OLD and written_n == 0,
        "events": seen.number == OLD and seen.tables == OLD,
    }
    if not whole[name] or not in_order:
        return "neither"
    return "new" if holds(name, replace(seen, events=events)) else "old"
