"""A line on serial ports, on the wall clock: what pseudo-terminals and a wired bench have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spinline.line.desk import Command
from spinline.line.line_mode import SIMULATED
from spinline.line.supervisor import Supervisor
from spinline.recipe.models import Recipe
from spinline.record.batch_record import BatchRecord

from .serial_supervisor import LISTEN_S, SerialSupervisor, Told
from .wall import now_s, rest_until


class WallBench:
    """``told``: ports and firmware of the nodes.  ``idle`` is called while the supervisor rests, or is gone."""

    def __init__(
        self,
        told: Told,
        folder: Path,
        recipe: Recipe,
        site_key: bytes,
        speed: float,
        idle: Callable[[int], None],
        mode: str = SIMULATED,
    ) -> None:
        self._journal_path = folder / "journal.sqlite"
        self.firmware_sha256 = told["firmware_sha256"]
        self._told, self._recipe, self._site_key, self._speed, self._idle = told, recipe, site_key, speed, idle
        self._started_s, self._mode = now_s(), mode
        self._serial = self._supervise()
        self.line, self.configurations = self._serial.line, self._serial.configurations

    def _supervise(self) -> SerialSupervisor:
        given = (self._told, self._journal_path, self._started_s, self._speed)
        return SerialSupervisor(*given, self._recipe, self._site_key, lambda: self._idle(self._now_us()), self._mode)

    def _now_us(self) -> int:
        return round((now_s() - self._started_s) * self._speed * 1e6)

    @property
    def supervisor(self) -> Supervisor:
        """The one that supervises now."""
        return self._serial.supervisor

    @property
    def record(self) -> BatchRecord:
        """What it writes to."""
        return self._serial.record

    @property
    def journal_path(self) -> Path:
        """The journal's file, with everything in it that the supervisor has begun to commit."""
        self.record.journal.end_commit()
        return self._journal_path

    @property
    def problems(self) -> list[str]:
        """Why ports are down."""
        return [port.problem for port in self._serial.ports.values() if port.problem]

    @property
    def now_s(self) -> float:
        """Seconds since the bench began."""
        return self._now_us() / 1e6

    def start(self) -> None:
        """A person starts the batch."""
        self.supervisor.ask(Command("start", "operator", "trial"))

    def run_until(self, reached: Callable[[], bool], limit_s: float) -> bool:
        """Supervise until ``reached``, at most for ``limit_s``; True where it was reached."""
        return self._serial.step_until(reached, limit_s / self._speed)

    def run_for(self, seconds: float) -> None:
        """Supervise for so long."""
        self.run_until(lambda: False, seconds)

    def run_without_supervisor(self, seconds: float) -> None:
        """Nobody supervises for so long."""
        end_us = self._now_us() + round(seconds * 1e6)
        while self._now_us() < end_us:
            self._idle(self._now_us())
            rest_until(now_s() + LISTEN_S / self._speed)

    def kill_supervisor(self) -> None:
        """The supervisor's ports and journal are closed."""
        self._serial.close()

    def restart_supervisor(self) -> None:
        """A new supervisor opens the same journal."""
        self._serial = self._supervise()

    def close(self) -> None:
        """Ports and journal."""
        self._serial.close()
