"""A made-up batch on R1, written through the journal, for the tests of summary and picture.

No physics: every number is a plain function of time, so that a test knows what the record must say.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from spinline.recipe.compiler import NodeConfiguration, compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline.record.course import course, production
from spinline.record.journal import Batch, Journal
from spinline.record.opening import open_reader
from spinline_protocol.quantities import QUANTITIES
from spinline_protocol.states import COMPLETE, COMPLETING, EXECUTE, STARTING

ROOT = Path(__file__).parents[2]
LINE = load_line(ROOT / "lines" / "r1.toml")
RECIPE = read_recipe(ROOT / "recipes" / "r1.toml")
CONFIGURATIONS = {node.name: compile_node(LINE, node, RECIPE) for node in LINE.node}
BEGIN_US = 1_790_000_000_000_000
COUNTS_PER_M = 212206.59
ZONES = {"Z1": 120, "Z2": 180, "Z3": 215, "Z4": 220, "Z5": 220, "Z6": 220, "PUMP": 220, "DIE": 220}
NODE_STATES = {
    "HEATING": STARTING,
    "THREADING": EXECUTE,
    "RUNNING": EXECUTE,
    "COMPLETING": COMPLETING,
    "COMPLETE": COMPLETE,
}

Disturbance = Callable[[float], float]


@dataclass
class Plan:
    """How long each state takes; by tag, what is added at a time in s, and which scans are bad."""

    heating_min: float = 5.0
    threading_min: float = 2.0
    running_min: float = 20.0
    completing_min: float = 17.0
    noise: float = 0.0
    added: dict[str, Disturbance] | None = None
    bad: dict[str, Callable[[float], bool]] | None = None
    gaps: dict[str, tuple[float, float]] | None = None  # node -> from s, to s
    reboot_at_s: float | None = None  # of the draw node

    def stages(self) -> list[tuple[str, float, float]]:
        """State, begin and end in s."""
        found, at_s = [], 0.0
        for state, minutes in (
            ("HEATING", self.heating_min),
            ("THREADING", self.threading_min),
            ("RUNNING", self.running_min),
            ("COMPLETING", self.completing_min),
        ):
            found.append((state, at_s, at_s + 60 * minutes))
            at_s += 60 * minutes
        return found

    def stage_at(self, at_s: float) -> str:
        """The state at a time; COMPLETE after all of them."""
        return next((state for state, begin, end in self.stages() if begin <= at_s < end), "COMPLETE")


class Numbers:
    """The number of every tag at a time, in screen units."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(7)
        self.extruding = (60 * plan.heating_min, plan.stages()[2][2])
        self.drawing = (60 * plan.heating_min, plan.stages()[3][2])
        self.setpoints = {f"melt.{name}": float(setpoint) for name, setpoint in ZONES.items()} | {
            "melt.RESIN": 619.05,
            "melt.PLAST": 928.57,
            "melt.SOLV": 185.714,
            "melt.PIN": 1420.0,
            "bath.QUENCH": 40.0,
            "bath.QFLOW": 20000.0,
            "bath.EXT": 22.0,
            "bath.REFRESH": 50000.0,
            "bath.BORE": 40.0,
            "draw.G1": 166.667,
            "draw.G2": 300.0,
            "draw.IDLER": 300.0,
            "draw.STRETCH": 60.0,
        }
        others = {
            "melt.PDIE": 3000.0,
            "melt.PUMPSPEED": 60.0,
            "melt.REFILL": 0.0,
            "bath.VAPOUR": 3.0,
            "bath.QLEVEL": 85.0,
        }
        others |= {
            "bath.ELEVEL": 85.0,
            "draw.TENSION": 5.0,
            "bath.EXT1": 22.0,
            "bath.EXT2": 22.0,
            "bath.EXT3": 22.0,
        }
        self.still = others | {"bath.CPLAST": 50000.0}

    def at(self, tag: str, at_s: float) -> float:
        """The number of a tag."""
        name, _, kind = tag.rpartition(".")
        if kind == "out":
            return 20000.0
        if kind == "count":
            moved_s = min(max(at_s, self.drawing[0]), self.drawing[1]) - self.drawing[0]
            ratio = 1.8 if name == "draw.G2" else 1.0
            return round(moved_s / 6 * COUNTS_PER_M * ratio) % (1 << 24)  # 10 m/min
        number = self._undisturbed(name, at_s)
        if kind == "sp":
            return number
        added = (self.plan.added or {}).get(tag)
        noise = self.plan.noise * self.random.gauss(0, 0.002) * number if self.plan.noise else 0.0
        return number + noise + (added(at_s) if added else 0.0)

    def _undisturbed(self, name: str, at_s: float) -> float:
        if name not in self.setpoints:
            return self.still.get(name, 1.0)
        setpoint = self.setpoints[name]
        if name in ("melt.RESIN", "melt.PLAST", "melt.SOLV", "melt.PIN"):
            return setpoint if self.extruding[0] <= at_s < self.extruding[1] else 0.0
        if name in ("draw.G1", "draw.G2", "draw.IDLER"):
            return setpoint if self.drawing[0] <= at_s < self.drawing[1] else 0.0
        if name.startswith("melt."):
            return min(setpoint, 20 + (setpoint - 20) * at_s / (0.8 * 60 * self.plan.heating_min))
        return setpoint


def rows_of(configuration: NodeConfiguration, numbers: Numbers, first_s: float, scans_n: int) -> list[tuple[int, ...]]:
    """Scans as the decoder gives them."""
    plan, columns = numbers.plan, configuration.columns
    scales = [10 ** QUANTITIES[column.quantity][5] for column in columns]
    tags = [column.tag for column in columns]
    bad = {i: test for i, tag in enumerate(tags) if (test := (plan.bad or {}).get(tag))}
    rows = []
    for scan_i in range(scans_n):
        at_s = first_s + scan_i * configuration.scan_ms / 1000
        quality = sum(2 << 2 * i for i, test in bad.items() if test(at_s))
        found = (round(numbers.at(tag, at_s) * scale) for tag, scale in zip(tags, scales, strict=True))
        rows.append((NODE_STATES[plan.stage_at(at_s)], 2, quality, *found))
    return rows


def write_batch(path: Path, plan: Plan, line_sha256: str = "cd" * 32) -> Path:
    """The whole batch in a new journal, committed once a minute."""
    journal = Journal.create(path)
    journal.start_batch(Batch("B-1", RECIPE.recipe.name, 1, "ab" * 32, LINE.name, line_sha256, "simulated", BEGIN_US))
    for claim, verdict in ((1, "PASS"), (12, "UNKNOWN")):
        journal.add_claim(BEGIN_US, claim, verdict, True, "certificate on file", "planned")
        journal.add_claim(BEGIN_US, claim, "UNKNOWN", True, "not measured yet", "measured")
        journal.add_claim(BEGIN_US + 10, claim, "PASS", True, "measured", "measured")
    stages = plan.stages()
    for state, begin, _ in stages:
        journal.add_batch_state(BEGIN_US + round(begin * 1e6), state, "program")
    end_s = stages[-1][2]
    journal.add_batch_state(BEGIN_US + round(end_s * 1e6), "COMPLETE", "run out")
    for name, configuration in CONFIGURATIONS.items():
        _write_node(journal, name, configuration, Numbers(plan), end_s + 10)
    journal.end_batch(BEGIN_US + round((end_s + 10) * 1e6))
    journal.commit()
    journal.close()
    return path


def _write_node(journal: Journal, name: str, configuration: NodeConfiguration, numbers: Numbers, end_s: float) -> None:
    run, started_s, at_s = journal.add_node(name, configuration, "ef" * 32, "1.25.0", 32), 0.0, 0.0
    journal.add_clock(run, 0, BEGIN_US, 0, 0, "sync")
    scan_s = configuration.scan_ms / 1000
    plan = numbers.plan
    gap = (plan.gaps or {}).get(name)
    if gap is not None:
        journal.add_gap(run, round(gap[0] / scan_s), round(gap[1] / scan_s) - 1, "ring overwritten", BEGIN_US)
    while at_s < end_s:
        if name == "draw" and plan.reboot_at_s == at_s:
            run, started_s = journal.add_node(name, configuration, "ef" * 32, "1.25.0", 32), at_s
            journal.add_clock(run, 0, BEGIN_US + round(at_s * 1e6), 0, 0, "sync")
        part_s = min(10.0, end_s - at_s)
        if gap is None or not gap[0] <= at_s < gap[1]:
            rows = rows_of(configuration, numbers, at_s, round(part_s / scan_s))
            journal.add_scans(run, round((at_s - started_s) / scan_s), rows)
        at_s += part_s
        journal.commit()


@pytest.fixture(scope="module")
def quiet_batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_batch(tmp_path_factory.mktemp("quiet") / "journal.sqlite", Plan(running_min=2, completing_min=1))


def test_the_course_of_a_batch_has_its_states_in_order_and_ends_with_the_batch(quiet_batch):
    connection = open_reader(quiet_batch)
    stages = course(connection)
    assert [stage.state for stage in stages] == ["HEATING", "THREADING", "RUNNING", "COMPLETING", "COMPLETE"]
    assert stages[-1].to_us == BEGIN_US + 610_000_000
    assert production(stages) == [(BEGIN_US + 420_000_000, BEGIN_US + 540_000_000)]
