"""A wired bench: boards and fixtures on serial ports, found by USB serial number; the plant runs here.

Whatever is wrong with the bench itself is an Infra verdict, never a failed test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hil_tests.fixture.spinline_fixture import pins, words
from spinline.edges.keys import load_key_file
from spinline.edges.serial_port import SerialPort
from spinline.line.node_session import CONNECTING, REFUSED
from spinline.recipe.models import Recipe

from . import board_files
from .api import CannotLay, Laid, output_row, share_of
from .bench_file import BenchFile, Calibration
from .fixture_client import FixtureClient
from .injector import Injector
from .interpreters import Interpreter
from .plant.line import Line as Plant
from .rig import Rig
from .self_test import SelfTest
from .serial_supervisor import Told
from .verdicts import Infra, InfraBench, InfraFlash, InfraPort
from .wall_bench import WallBench

ANSWER_S = 15.0  # for every board to say who it is
PLANT_SEED = 1
# faults whose place is a relay or the plant, and what they need besides the signal itself; others cannot be laid
LAID_BY_RELAY = {"W8": "cable", "P8": "power", "S1": "tc_open", "S2": "tc_short", "A9": "contacts"}
LAID_BY_PC = frozenset(
    "S.stuck S.garbage S.wrong S.slow S.delayed S7 S7.high S8 S9 S11 S11.reversed S12 "
    "A1 A2 A3 A4 A4.fan A5 A6 A7 A8".split()
)


def find_ports(bench: BenchFile) -> dict[str, str]:
    """Device of every serial number of the file.  Raises InfraPort, naming each that is missing."""
    folder = Path(bench.ports)
    links = sorted(folder.iterdir()) if folder.is_dir() else []
    found, missing = {}, []
    for node in bench.node:
        for what, serial in ((f"node {node.name}", node.serial), (f"fixture of {node.name}", node.fixture)):
            ends = re.compile(rf"_{re.escape(serial)}(-if\d.*)?$")  # usb-MAKER_MODEL_SERIAL-if00-port0
            named = [link for link in links if ends.search(link.name)]
            if len(named) == 1:
                found[serial] = str(named[0])
            else:
                missing.append(f"{what}: {len(named)} ports with serial number {serial} in {folder}; one is expected")
    if missing:
        raise InfraPort("\n".join(missing))
    return found


def _all_cut(fixtures: list[FixtureClient], cut: bool) -> bool:
    """By the auxiliary contacts of the supply relays."""
    return all(bool(fixture.told[words.BACK] >> pins.BACK_POWER & 1) == cut for fixture in fixtures)


class RealBench(WallBench):
    """One session with the boards of a bench file: every node is started anew by its supply.  Raises Infra."""

    def __init__(self, bench: BenchFile, file: Path, folder: Path, recipe: Recipe) -> None:
        self.features = frozenset(str(feature) for feature in bench.features)
        self.seed = PLANT_SEED
        self.interpreter: Interpreter | None = None  # boards run the firmware
        ports = find_ports(bench)
        site_key = load_key_file(file.parent / bench.site_key)
        firmware = board_files.firmware_sha256(kind=board_files.FIXTURE)
        self._fixture_ports = {node.name: SerialPort(ports[node.fixture]) for node in bench.node}
        fixtures: dict[str, tuple[FixtureClient, Calibration]] = {
            node.name: (
                FixtureClient(node.name, self._fixture_ports[node.name], firmware, site_key, os.urandom),
                node.calibration,
            )
            for node in bench.node
        }
        self.rig = Rig(Plant(PLANT_SEED), bench.clamps, fixtures)
        self.rig.plant.actuators.threaded = True
        told: Told = {
            "firmware_sha256": board_files.firmware_sha256(),
            "ports": {node.name: ports[node.serial] for node in bench.node},
        }
        self._plant_runs = True
        super().__init__(told, folder, recipe, site_key, bench.speed, self._exchange, bench.mode)
        self._injector = Injector(self.line, self.rig, PLANT_SEED, self.run_for)
        try:
            self._meet()
        except Infra:
            self.close()
            raise

    def _exchange(self, now_us: int) -> None:
        """With the plant, or, in the self-test, with what that puts out."""
        if self._plant_runs:
            self.rig.exchange(now_us)
        else:
            for node in self.rig.nodes.values():
                node.fixture.step(now_us // 1000)

    def _meet(self) -> None:
        """Fixtures answer, nodes start anew and answer: else say whose port or firmware it is."""
        fixtures = [node.fixture for node in self.rig.nodes.values()]
        self._wait_for(lambda: all(fixture.told_n for fixture in fixtures), "a fixture does not answer")
        if "power" in self.features:
            for cut in (True, False):
                for name in self.rig.nodes:
                    (self.rig.cut_power if cut else self.rig.restore_power)(name)
                switched = partial(_all_cut, fixtures, cut)
                self._wait_for(switched, "the supply of a node is not switched")
        sessions = self.supervisor.sessions.values()
        self._serial.step_until(
            lambda: all(session.phase != CONNECTING for session in sessions), ANSWER_S / self._speed
        )
        self._judge_ports()
        refused = [session.problem for session in sessions if session.phase == REFUSED]
        if refused:
            raise InfraFlash("\n".join(refused))
        silent = [session.name for session in sessions if session.phase == CONNECTING]
        if silent:
            raise InfraBench("\n".join(f"node {name}: has not answered for {ANSWER_S:.0f} s" for name in silent))

    def _wait_for(self, reached: Callable[[], bool], problem: str) -> None:
        end_s = self.now_s + ANSWER_S
        while not reached():
            if self.now_s > end_s:
                raise InfraBench(problem)
            self.run_without_supervisor(0.05)
            self._judge_ports()

    def _judge_ports(self) -> None:
        problems = [port.problem for port in self._fixture_ports.values() if port.problem] + self.problems
        if problems:
            raise InfraPort("\n".join(problems))

    def self_test(self) -> None:
        """Every stimulus read back by its own loop-back.  Raises InfraBench with each channel that is wrong."""
        self._plant_runs = False
        fixtures = [node.fixture for node in self.rig.nodes.values()]
        SelfTest(fixtures, self.features, self.run_without_supervisor).run()

    @property
    def laid(self) -> list[Laid]:
        """All faults there ever were, in the order in which they began."""
        return self._injector.laid

    def lay(self, fault: str, place: str) -> None:
        """Begin a fault, by a relay or in the plant.  Raises CannotLay where the bench has no such relay."""
        if fault not in LAID_BY_RELAY and fault not in LAID_BY_PC:
            raise CannotLay(f"{fault} cannot be laid on a wired bench")
        needed = LAID_BY_RELAY.get(fault)
        if needed and needed not in self.features:
            raise CannotLay(f"{fault} needs the feature {needed}")
        self._injector.lay(fault, place)

    def lift(self, fault: str, place: str) -> None:
        """End it."""
        self._injector.lift(fault, place)

    def output(self, place: str) -> float:
        """As the fixture reads it."""
        terminals = self.rig.nodes[place.partition(".")[0]].terminals
        return share_of(output_row(self.line, place), terminals.pins, terminals.dac)

    def permit_closed(self, node: str) -> bool:
        """As the fixture reads it, behind the watchdog relay."""
        terminals = self.rig.nodes[node].terminals
        return terminals.permit(0)

    def close(self) -> None:
        """Give all ports back: the fixtures go to the safe side by themselves."""
        super().close()
        for port in self._fixture_ports.values():
            port.close()
