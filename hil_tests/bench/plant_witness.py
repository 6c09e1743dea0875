"""What the plant of a line in another process knows, second by second: written there, read here.

Nothing of it comes from a supervisor.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .plant.line import Line as Plant

SECOND_US = 1_000_000
TAIL_BYTES = 1000  # more than two lines have


@dataclass(frozen=True)
class Seen:
    """One look: the line's time in s, m over the first godet, parts of plasticizer per 100 of resin there."""

    at_s: float
    takeup_m: float
    plasticizer_parts_at_takeup: float


class PlantWitness:
    """Writes a look as a line of JSON, once in each second of the line's time."""

    def __init__(self, path: Path, plant: Plant) -> None:
        self._file, self._plant, self._due_us = path.open("w", encoding="utf-8"), plant, 0

    def look(self, now_us: int) -> None:
        """Where a second has passed since the last one."""
        if now_us < self._due_us:
            return
        self._due_us = now_us - now_us % SECOND_US + SECOND_US
        truth = self._plant.truth
        seen = Seen(now_us / 1e6, truth.takeup_m, truth.plasticizer_parts_at_takeup)
        self._file.write(json.dumps(asdict(seen)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Nothing more is seen."""
        self._file.close()


def seen_by(path: Path) -> list[Seen]:
    """Every look so far, in order; a line that is being written is not one yet."""
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [Seen(**json.loads(line)) for line in whole.splitlines()]


def newest(path: Path) -> Seen:
    """The last of them; the first is there before a line says where its ports are."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return Seen(**json.loads(file.read().rpartition(b"\n")[0].rpartition(b"\n")[2]))
