"""A batch on the simulated bench: line, recipe, three real interpreters, plant, supervisor and journal, one clock."""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

from spinline.edges.batch_documents import add_documents
from spinline.line.alarm_points import AlarmPoints
from spinline.line.batch import Batch
from spinline.line.line_mode import SIMULATED
from spinline.line.setting import Setting
from spinline.line.supervisor import Supervisor
from spinline.recipe.compiler import NodeConfiguration, compile_node
from spinline.recipe.line_model import Line
from spinline.recipe.models import Recipe
from spinline.recipe.papers import read_papers
from spinline.recipe.reading import read_recipe
from spinline.record import journal as journals
from spinline.record.batch_record import BatchRecord
from spinline_protocol import auth

from .api import FEATURES, Laid, operate, output_row, share_of
from .builds import LINE_R1 as LINE_R1
from .builds import R1, Build
from .injector import Injector
from .interpreters import Interpreter
from .plant.line import Line as Plant
from .simulated import SimulatedLine

ROOT = Path(__file__).resolve().parents[2]
RECIPE_R1 = ROOT / "recipes" / "r1.toml"
START_US = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC: virtual time begins here, in every run

DAY = datetime.datetime.fromtimestamp(START_US / 1e6, datetime.UTC).date()


def sha256_of(path: Path) -> str:
    """Hash of a file as hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def setting_of(line: Line, recipe: Recipe, path: Path = RECIPE_R1) -> Setting:
    """The recipe in force, with the papers it names as they stand on the day of the bench."""
    return Setting(line, path, recipe, read_papers(recipe, path, DAY), DAY)


def preheat(plant: Plant, recipe: Recipe) -> None:
    """Zones, quench and stretch bath near their setpoints."""
    zones = [float(getattr(recipe.melt, f"z{i}_temperature_C")) for i in range(1, 7)]
    zones += [float(recipe.melt.pump_temperature_C), float(recipe.melt.die_temperature_C)]
    plant.preheat(zones, float(recipe.quench.quench_temperature_C), float(recipe.draw.stretch_temperature_C))


class BenchRun:
    """One batch, the lock-step target of `api.Bench`.

    ``folder`` takes the boards and the journal; ``change`` alters configurations before download.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        folder: Path,
        seed: int = 1,
        recipe: Recipe | None = None,
        change: Callable[[list[NodeConfiguration]], list[NodeConfiguration]] = lambda nodes: nodes,
        ticks_offset: int = 0,
        recipe_path: Path = RECIPE_R1,
        keyless: bool = False,
        drift_ppm: dict[str, int] | None = None,
        build: Build = R1,
        vfs: str | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.features = frozenset(FEATURES)
        self.folder = folder
        self.interpreter: Interpreter | None = interpreter
        self.line = build.line()
        self.recipe: Recipe = recipe or read_recipe(recipe_path)
        self.configurations = change([compile_node(self.line, node, self.recipe) for node in self.line.node])
        boards = folder / "boards"
        self.bench = SimulatedLine(
            interpreter,
            boards,
            seed,
            ticks_offset=ticks_offset,
            keyless=keyless,
            drift_ppm=drift_ppm,
            build=build,
        )
        self.operator_key = auth.role_key(self.bench.site_key, auth.OPERATOR)
        self.firmware_sha256 = self.bench.firmware_sha256
        self.seed = seed
        self._journal_path = folder / "journal.sqlite"
        self._vfs = vfs  # the journal's file system, where it is not the disk
        self._recipe_path = recipe_path
        self._supervisors_n = 0
        self._clock_us = START_US  # of the day, at virtual time 0; a supervisor reads it when it starts
        self.attended = True  # a supervisor's process is there
        self.due_us = 0
        self.injector = Injector(self.line, self.bench, seed, self.run_for, self.set_clock)
        self._supervise(self._new_journal())

    def _new_journal(self) -> journals.Journal:
        """An empty journal of a batch that begins now."""
        recipe = self.recipe.recipe
        journal = journals.Journal.create(self._journal_path, self._vfs)
        journal.start_batch(
            journals.Batch(
                f"{recipe.name}-{self.seed}",
                recipe.name,
                recipe.version,
                sha256_of(self._recipe_path),
                self.line.name,
                sha256_of(LINE_R1),
                "simulated",
                START_US + self.bench.now_us,
            )
        )
        add_documents(journal, START_US + self.bench.now_us, self.recipe, self._recipe_path, LINE_R1)
        return journal

    @property
    def journal_path(self) -> Path:
        """The journal's file, with everything in it that the supervisor has begun to commit."""
        self.record.journal.end_commit()
        return self._journal_path

    def _supervise(self, journal: journals.Journal) -> None:
        """A supervisor over the journal; each one draws its own seeded entropy."""
        program = self.recipe.program
        self._supervisors_n += 1
        self.attended = True
        self.record = BatchRecord(journal, self.configurations)
        self.supervisor: Supervisor = Supervisor(
            self.configurations,
            self.firmware_sha256,
            self.line.node[0].lease_ms,
            {name: self.bench.port(name) for name in self.bench.nodes},
            self.record,
            Batch(float(program.threading_min) * 60, float(program.production_min) * 60),
            random.Random(f"{self.seed} supervisor {self._supervisors_n}").randbytes,
            self._clock_us,
            self.operator_key,
            AlarmPoints(self.line),
            SIMULATED,
            setting_of(self.line, self.recipe, self._recipe_path),
        )

    @property
    def now_s(self) -> float:
        """Virtual time."""
        return self.bench.now_us / 1e6

    @property
    def laid(self) -> list[Laid]:
        """All faults there ever were, in the order in which they began."""
        return self.injector.laid

    def lay(self, fault: str, place: str) -> None:
        """Begin a fault of the catalogue."""
        self.injector.lay(fault, place)

    def lift(self, fault: str, place: str) -> None:
        """End it."""
        self.injector.lift(fault, place)

    def output(self, place: str) -> float:
        """What an output puts out on its terminal: 0 to 1 of full scale."""
        terminals = self.bench.nodes[place.partition(".")[0]].terminals
        return share_of(output_row(self.line, place), terminals.pins, terminals.dac)

    def permit_closed(self, node: str) -> bool:
        """The node's contact in the line_permit chain, behind its watchdog relay."""
        return self.bench.nodes[node].terminals.permit(self.bench.now_us // 1000)

    def start(self) -> None:
        """A person starts the batch."""
        operate(self, "start")

    def step(self) -> None:
        """To the supervisor's next scan, and through it; a second where there is no supervisor."""
        if not self.attended:
            self.run_without_supervisor(1)
            return
        self.bench.run_until(self.due_us)
        self.due_us = self.supervisor.step(self.due_us)

    def run_until(self, reached: Callable[[], bool], limit_s: float) -> bool:
        """Step until ``reached`` or for ``limit_s`` of virtual time; True where it was reached."""
        end_us = self.bench.now_us + round(limit_s * 1e6)
        while not reached():
            if self.bench.now_us >= end_us:
                return False
            self.step()
        return True

    def run_for(self, seconds: float) -> None:
        """Step for this much virtual time."""
        self.run_until(lambda: False, seconds)

    def run_without_supervisor(self, seconds: float) -> None:
        """Nobody supervises: the bench alone goes on.  The supervisor's scan has stopped, or its process is gone."""
        self.bench.run_until(self.bench.now_us + round(seconds * 1e6))
        self.due_us = self.bench.now_us

    def kill_supervisor(self) -> None:
        """The supervisor's process ends: what it had not committed is gone."""
        self.record.journal.close()
        self.attended = False

    def restart_supervisor(self, configurations: list[NodeConfiguration] | None = None) -> None:
        """A new supervisor opens the same journal, with its own ``configurations`` where they are given."""
        self.configurations = configurations or self.configurations
        self._supervise(journals.Journal.open(self.journal_path, self._vfs))
        self.due_us = self.bench.now_us

    def set_clock(self, by_us: int) -> None:
        """The host's clock of the day is set, its supervisor dies and starts again."""
        self._clock_us += by_us
        self.kill_supervisor()
        self.restart_supervisor()

    def next_batch(self, recipe: Recipe) -> None:
        """The batch has ended: another supervisor with another recipe and a journal of its own, on the same boards."""
        self.record.journal.close()
        self.recipe = recipe
        self.configurations = [compile_node(self.line, node, recipe) for node in self.line.node]
        self._journal_path = self.folder / f"journal{self._supervisors_n + 1}.sqlite"
        self._supervise(self._new_journal())
        self.due_us = self.bench.now_us

    def preheat(self) -> None:
        """Begin with zones, quench and stretch bath near their setpoints: a line that was stopped a while ago."""
        preheat(self.bench.plant, self.recipe)

    def close(self) -> None:
        """End all processes and close the journal; may be called after a kill."""
        self.bench.close()
        if self.attended:
            self.record.journal.close()
