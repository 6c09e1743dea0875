"""A technician commissions a cold line with the real firmware: what is swapped, dead, silent or too much is found."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.run import LINE_R1, RECIPE_R1
from hil_tests.bench.simulated import SimulatedLine
from spinline.errors import BadInput, Refused
from spinline.line.commission import Commissioning, Finding, corrections, verdict_of
from spinline.line.node_channels import NodeChannels
from spinline.line.node_session import NodeSession
from spinline.recipe.channel_model import Input
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline_firmware.boards import rp2350b as board
from spinline_protocol import auth, messages
from spinline_protocol.states import CMD_ABORT

STEP_US = 50_000
DISTURBED = {"tc": 256, "analog": 100_000}  # 2 K, 1 mA through the shunt in uV


KEPT_OFF = {  # of a cold line: nothing is fed into a cold screw, no bath is let go that is not proven clear
    "melt": {"RESIN_FEEDER", "PLAST_FEEDER", "SOLV_FEEDER", "DOSING"},
    "bath": {"BASE_RELEASE"},
    "draw": set(),
}


class Scene:
    """One node of the line, idle, and a technician who does what is asked; ``crossed`` says whose wire is where."""

    def __init__(self, interpreter: Interpreter, folder: Path, name: str) -> None:
        self.bench = SimulatedLine(interpreter, folder, 1, names=(name,))
        self.terminals = self.bench.nodes[name].terminals
        self.line = load_line(LINE_R1)
        self.node = next(node for node in self.line.node if node.name == name)
        configuration = compile_node(self.line, self.node, read_recipe(RECIPE_R1))
        key = auth.role_key(self.bench.site_key, auth.MAINTENANCE)
        session = NodeSession(configuration, "", 2000, random.Random(7).randbytes, key, auth.MAINTENANCE)
        self.channels = NodeChannels(session, self.bench.port(name), self.turn)
        self.crossed: dict[str, str] = {}
        self.answers: dict[str, str] = {}  # to a question that has this in it
        self.references: dict[str, float] = {}
        self.told: list[str] = []
        self.found: list[Finding] = []
        self.acted: set[str] = set()  # outputs that were on since the last pulse
        self._at = ""

    def turn(self) -> int:
        """Time goes on; what acts is seen."""
        self.bench.run_until(self.bench.now_us + STEP_US)
        for row in self.node.output:
            if row.kind == "dac":
                level = self.terminals.dac[4 * row.port + row.channel]
            else:
                level = self.terminals.pins[(board.SSR if row.kind == "ssr" else board.SWITCH_OUT)[row.port]]
            if level:
                self.acted.add(row.name)
        return self.bench.now_us

    def walk(self, *only: str) -> list[Finding]:
        """All channels, or some."""
        return Commissioning(self.line, self.node, self.channels, self, self.found.append).run(only)

    def tell(self, line: str) -> None:
        """Notes of which channel the walk speaks."""
        self.told.append(line)
        if line.startswith("["):
            self.let_go()
            self._at = line.split("] ")[1].split(":")[0].partition(".")[2]

    def choose(self, question: str, answers: Sequence[str]) -> str:
        """Does what is asked, and says what was seen."""
        for words, answer in self.answers.items():
            if words in question:
                assert answer in answers
                return answer
        if "Did it act" in question:
            return "yes" if self.acted == {self._at} else "no"
        if "put it" in question:
            self.acted.clear()
        elif "again" in answers:
            return "go on"
        else:
            self.disturb(self.crossed.get(self._at, self._at))
        return "ready"

    def number(self, question: str) -> float | None:
        """What the reference instrument reads beside the channel."""
        return self.references.get(self._at)

    def disturb(self, name: str) -> None:
        """The sensor of this name, until it is let go."""
        terminals = self.terminals
        row = next(row for row in self.node.input if row.name == name)
        if row.kind == "switch":
            closed = self.latest(row)
            setattr(terminals, "contacts_open" if closed else "contacts_closed", 1 << row.port)
            return
        where = {"thermocouple": "tc", "analog": "analog", "counter": "count"}[row.kind]
        number = 4 * row.port + row.channel if row.kind == "analog" else row.port
        if where == "count":
            terminals.harmed[where, number] = lambda true, ms: (true + 20 * ms, 0)
        else:
            terminals.harmed[where, number] = lambda true, ms: (true + DISTURBED[where], 0)

    def let_go(self) -> None:
        """Every sensor is as the line has it."""
        self.terminals.harmed.clear()
        self.terminals.contacts_open = self.terminals.contacts_closed = 0

    def latest(self, row: Input) -> float:
        """What an input showed last."""
        return self.channels.scans[-1][self.node.input.index(row)].number


@pytest.fixture
def scene(request: pytest.FixtureRequest, interpreter: Interpreter, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(interpreter, tmp_path, getattr(request, "param", "melt"))
    yield made
    made.bench.close()


@pytest.mark.parametrize("scene", ["melt", "bath", "draw"], indirect=True)
def test_a_line_that_is_wired_right_passes_channel_by_channel(scene: Scene) -> None:
    scene.channels.connect()
    findings = scene.walk()
    not_ok = {finding.channel.partition(".")[2]: finding.why for finding in findings if finding.verdict != "ok"}
    assert set(not_ok) == KEPT_OFF[scene.node.name] and all("kept off" in why for why in not_ok.values())
    assert verdict_of(findings) == ("INCOMPLETE" if not_ok else "PASS") and scene.found == findings
    names = [row.name for row in scene.node.input] + [row.name for row in scene.node.output]
    assert [finding.channel for finding in findings] == [f"{scene.node.name}.{name}" for name in names]


def test_two_swapped_cables_are_found_by_name(scene: Scene) -> None:
    scene.crossed = {"Z3": "Z4", "Z4": "Z3"}
    scene.channels.connect()
    findings = scene.walk("Z2", "Z3", "Z4")
    assert [(finding.verdict, finding.why) for finding in findings] == [
        ("ok", ""),
        ("failed", "Z4 reacted in its place: look for swapped cables"),
        ("failed", "Z3 reacted in its place: look for swapped cables"),
    ]
    assert verdict_of(findings) == "FAIL"


def test_a_dead_wire_and_a_sensor_that_nothing_moves_are_told_apart(scene: Scene) -> None:
    scene.channels.connect()
    scene.let_go = lambda: None  # type: ignore[method-assign]
    scene.terminals.harmed["tc", 1] = lambda true, ms: (true, 1)
    assert "broken wire" in scene.walk("Z2")[0].why
    scene.answers = {"Warm": "ready"}  # says that it was warmed, and nothing happens
    assert scene.walk("Z3")[0].why == "no reaction in 60 s"


def test_an_output_that_did_not_act_fails_and_what_is_not_safe_is_skipped(scene: Scene) -> None:
    scene.channels.connect()
    assert scene.walk("Z1_HEATER")[0].why.startswith("the permit chain is open")  # it closes with its first scans
    scene.channels.watch(1)
    scene.answers = {"Did it act": "no"}
    assert scene.walk("Z1_HEATER")[0].why == "it did not act, or another one did" and scene.acted == {"Z1_HEATER"}
    scene.acted.clear()
    scene.answers = {"Is it safe": "skip"}
    assert scene.walk("Z2_HEATER")[0].verdict == "skipped" and scene.acted == set()


def test_a_reference_reading_becomes_a_correction_and_one_that_cannot_be_meant_is_asked_again(scene: Scene) -> None:
    scene.channels.connect()
    shown = scene.walk("Z2")[0].seen["mean"]
    scene.references = {"Z2": shown + 0.5}
    findings = scene.walk("Z2")
    gain, offset = corrections(scene.line, scene.node, findings)["melt.Z2"]
    assert gain == 1.0 and abs(offset - 0.5) < 0.2
    asked: list[float] = [shown + 50.0, shown + 0.5]
    scene.number = lambda question: asked.pop(0)  # type: ignore[method-assign]
    assert len(scene.walk("Z2")[0].points) == 1 and asked == []
    assert any("50 off is no calibration" in line or "no calibration" in line for line in scene.told)


def test_a_node_that_runs_is_not_commissioned(scene: Scene) -> None:
    scene.channels.connect()
    session = scene.channels.session
    sequence = session.ask(messages.COMMAND, CMD_ABORT)
    scene.channels.watch(1)
    assert session.answers[sequence]["code"] == 0
    with pytest.raises(Refused, match="STATE"):
        scene.channels.pulse(0, 1, 1000)
    key = auth.role_key(scene.bench.site_key, auth.MAINTENANCE)
    again = NodeSession(session.configuration, "", 2000, random.Random(8).randbytes, key, auth.MAINTENANCE)
    with pytest.raises(Refused, match="only an idle node"):
        NodeChannels(again, scene.bench.port("melt"), scene.turn).connect()


def test_a_channel_that_is_not_there_is_named_with_those_that_are(scene: Scene) -> None:
    with pytest.raises(BadInput, match=r"'Z9' is no channel of melt; allowed: Z1, Z2"):
        scene.walk("Z9")
