"""Walks a technician through the channels of one idle node: each input named, live and in range, each output pulsed.

An input is *named* when the technician disturbs one sensor and that channel answers, and no other of its kind:
two cables that are swapped cannot pass.  Asking, showing and time are handed in; nothing here is remembered but the
findings, which go into a record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Protocol

from spinline.errors import BadInput, Refused
from spinline.line.node_channels import NodeChannels, Reading
from spinline.recipe.calibration import correction, joined
from spinline.recipe.channel_model import CALIBRATED, Input, Output
from spinline.recipe.line_model import Line, Node
from spinline_protocol.configuration import PULSE_LEVEL_MAX
from spinline_protocol.quantities import BAD, QUALITIES

REST_S = 3.0  # so long a channel is watched at rest
REACTS_S = 60.0  # so long the technician has to disturb a sensor
SPAN_SHARE = 0.004  # of an input's range, and twice its own noise: beyond that it has reacted
RIVAL_BANDS, RIVAL_S = 3.0, 15.0  # another one that went so far: so long the one that was asked for has left
PULSE_MS = {"ssr": 2000, "switch": 2000, "dac": 3000, "drive": 3000}
DO = {
    "thermocouple": "Warm this sensor, by hand or with a heat gun",
    "analog": "Disturb this transmitter, or feed another current in its place",
    "switch": "Operate this contact",
    "counter": "Turn this roller by hand",
    "rtd": "Warm this sensor, by hand or with a heat gun",
}
OK, FAILED, SKIPPED = "ok", "failed", "skipped"


class Technician(Protocol):
    """The person in front of the line."""

    def tell(self, line: str) -> None:
        """Show a line."""

    def choose(self, question: str, answers: Sequence[str]) -> str:
        """One of the answers."""

    def number(self, question: str) -> float | None:
        """A number, or nothing."""


@dataclass(frozen=True)
class Finding:
    """What was found of one channel, for the record: verdict is ok, failed or skipped."""

    channel: str
    kind: str
    verdict: str
    why: str = ""
    seen: dict[str, Any] = field(default_factory=dict)
    points: tuple[tuple[float, float], ...] = ()  # shown and reference, where it was compared


def verdict_of(findings: Sequence[Finding]) -> str:
    """PASS, FAIL, or INCOMPLETE where something was skipped."""
    verdicts = {finding.verdict for finding in findings}
    return "FAIL" if FAILED in verdicts else "INCOMPLETE" if SKIPPED in verdicts or not findings else "PASS"


class Commissioning:
    """The walk through ``node``.  ``found`` hears each finding as it is made: a walk that is interrupted keeps them."""

    def __init__(
        self, line: Line, node: Node, channels: NodeChannels, technician: Technician, found: Callable[[Finding], None]
    ) -> None:
        self._line, self._node, self._channels, self._person, self._found = line, node, channels, technician, found

    def run(self, only: Sequence[str] = ()) -> list[Finding]:
        """Every input, then every output; or those that are named.  BadInput for a name that is none."""
        self.judge_names(only)
        rows: list[Input | Output] = [*self._node.input, *self._node.output]
        findings = []
        for i, row in enumerate(rows, 1):
            if only and row.name not in only:
                continue
            self._person.tell(f"[{i}/{len(rows)}] {self._node.name}.{row.name}: {_place(row)}")
            finding = self._input(row) if isinstance(row, Input) else self._output(row)
            self._person.tell(f"    {finding.verdict}{': ' if finding.why else ''}{finding.why}")
            self._found(finding)
            findings.append(finding)
        return findings

    def judge_names(self, only: Sequence[str]) -> None:
        """BadInput for a name that is no channel of the node."""
        names = [row.name for row in self._node.input] + [row.name for row in self._node.output]
        for name in only:
            if name not in names:
                allowed = ", ".join(dict.fromkeys(names))
                raise BadInput([f"{name!r} is no channel of {self._node.name}; allowed: {allowed}"])

    # ------------------------------------------------------------------------------------------------ inputs

    def _input(self, row: Input) -> Finding:
        """At rest, beside a reference where there is one, then disturbed; as often as the technician wants."""
        while True:
            finding = self._judge_input(row)
            if finding.verdict != FAILED:
                return finding
            self._person.tell(f"    {finding.why}")
            if self._person.choose("Try this channel again?", ("again", "go on")) == "go on":
                return finding

    def _judge_input(self, row: Input) -> Finding:
        name, at = f"{self._node.name}.{row.name}", self._node.input.index(row)
        rest = self._watch(REST_S)
        seen = _seen(rest, at)
        bad = self._not_usable(row, rest, at)
        if bad:
            return Finding(name, row.kind, FAILED, bad, seen)
        self._person.tell(f"    shows {seen['mean']:.6g} {row.unit} (noise {seen['high'] - seen['low']:.3g})")
        if row.kind == "drive":
            return Finding(name, row.kind, OK, "", seen)  # its address names it, and its output is pulsed
        points = self._compare(row, seen["mean"]) if row.kind in CALIBRATED else ()
        if self._person.choose(f"    {DO[row.kind]}: ready?", ("ready", "skip")) == "skip":
            return Finding(name, row.kind, SKIPPED, "not disturbed", seen, points)
        why = self._not_named(row, rest)
        return Finding(name, row.kind, FAILED if why else OK, why, seen, points)

    def _not_usable(self, row: Input, rest: list[dict[int, Reading]], at: int) -> str:
        """What is wrong with a channel at rest; empty where nothing is."""
        worst = max((scan[at].quality for scan in rest), default=BAD)
        if worst == BAD:
            return f"its sensor has failed (quality {QUALITIES[BAD][1]}): look for a broken wire or a short"
        numbers = [scan[at].number for scan in rest]
        if not row.low <= min(numbers) <= max(numbers) <= row.high:
            return f"{min(numbers):.6g} to {max(numbers):.6g} {row.unit} is out of range ({row.low:g} to {row.high:g})"
        return ""

    def _compare(self, row: Input, shown: float) -> tuple[tuple[float, float], ...]:
        """A reference instrument's reading beside what the channel shows; asked again while it cannot be meant."""
        while True:
            true = self._person.number(f"    reference instrument reads ({row.unit}; empty: none)")
            if true is None:
                return ()
            try:
                correction([(shown, true)], row.low, row.high)
            except BadInput as refused:
                self._person.tell(f"    {refused}")
                continue
            return ((shown, true),)

    def _not_named(self, row: Input, rest: list[dict[int, Reading]]) -> str:
        """Why it cannot be this channel that answers the technician, or not it alone; empty where it is.

        It is waited for, but not much longer once another one of its kind has moved far.
        """
        at, bands = self._node.input.index(row), {}
        for i, other in enumerate(self._node.input):
            if other.kind == row.kind:
                bands[i] = _band(other, [scan[i].number for scan in rest])
        waits_n = 0

        def moved(scan: dict[int, Reading], i: int) -> float:
            by = (scan[i].number - bands[i][0]) / bands[i][1]
            return by if row.kind == "thermocouple" else abs(by)  # one that was warmed before is cooling now

        def decided(scan: dict[int, Reading]) -> bool:
            nonlocal waits_n
            waits_n += any(moved(scan, i) > RIVAL_BANDS for i in bands if i != at)
            return moved(scan, at) > 1 or waits_n * self._node.scan_ms > RIVAL_S * 1000

        scans = self._watch(REACTS_S, decided)
        far = {i: moved(scans[-1], i) if scans else 0.0 for i in bands}
        rival = max((i for i in bands if i != at), key=lambda i: far[i], default=at)
        if rival != at and far[rival] > 1:
            named = self._node.input[rival].name
            if far[at] > 1:
                return f"{named} moved too: let go of everything else"
            return f"{named} reacted in its place: look for swapped cables"
        return "" if far[at] > 1 else f"no reaction in {REACTS_S:.0f} s"

    def _watch(self, seconds: float, enough: Callable[[dict[int, Reading]], bool] = lambda scan: False) -> Any:
        self._channels.watch(seconds, enough)
        return self._channels.scans

    # ------------------------------------------------------------------------------------------------ outputs

    def _output(self, row: Output) -> Finding:
        name, ms = f"{self._node.name}.{row.name}", PULSE_MS[row.kind]
        level, words = (
            (PULSE_LEVEL_MAX, f"{PULSE_LEVEL_MAX / 655.36:.0f} %") if row.kind in ("dac", "drive") else (1, "on")
        )
        question = f"    I put it {words} for {ms / 1000:g} s. Is it safe, and do you see it?"
        if self._person.choose(question, ("ready", "skip")) == "skip":
            return Finding(name, row.kind, SKIPPED, "not pulsed")
        while True:
            try:
                self._channels.pulse(self._node.output.index(row), level, ms)
            except Refused as refused:
                keeping = ", ".join(_keeping_off(self._node, row.name))
                verdict, why = (SKIPPED, f"kept off; by one of: {keeping}") if keeping else (FAILED, str(refused))
                return Finding(name, row.kind, verdict, why, {"refused": str(refused)})
            self._watch(ms / 1000 + 1)
            answer = self._person.choose("    Did it act, and nothing else?", ("yes", "no", "again"))
            if answer != "again":
                verdict, why = (OK, "") if answer == "yes" else (FAILED, "it did not act, or another one did")
                return Finding(name, row.kind, verdict, why, {"level": level, "ms": ms})


def corrections(line: Line, node: Node, findings: Sequence[Finding]) -> dict[str, tuple[float, float]]:
    """Gain and offset that each compared input of these findings has from now on, by NODE.INPUT."""
    found = {}
    for finding in findings:
        row = next((row for row in node.input if f"{node.name}.{row.name}" == finding.channel), None)
        if row is not None and finding.points and finding.verdict != FAILED:
            found[finding.channel] = joined(line.correction(node, row), correction(finding.points, row.low, row.high))
    return found


def _keeping_off(node: Node, output: str) -> list[str]:
    """Rows of the line file that can keep this output off, also of an idle node."""
    rows = [(row.name, row.off) for row in node.interlock] + [(row.name, row.off) for row in node.monitor]
    return [name for name, off in rows + [(row.name, row.off) for row in node.permissive] if output in off]


def _place(row: Input | Output) -> str:
    """Where its wire goes, for a person at the terminals."""
    channel = f", channel {row.channel}" if row.kind in ("analog", "dac") else ""
    return f"{row.kind}, port {row.port}{channel}"


def _band(row: Input, numbers: list[float]) -> tuple[float, float]:
    """What an input did at rest: its middle, and how far from there it has reacted."""
    if row.kind == "switch":
        return numbers[-1], 0.5
    noise = max(numbers) - min(numbers)
    return fmean(numbers), max(2 * noise, SPAN_SHARE * (row.high - row.low))


def _seen(rest: list[dict[int, Reading]], at: int) -> dict[str, Any]:
    numbers = [scan[at].number for scan in rest]
    if not numbers:
        return {"scans": 0}
    letters = sorted({scan[at].letter for scan in rest} - {""})
    shown = {"low": min(numbers), "high": max(numbers), "mean": fmean(numbers)}
    return {"scans": len(numbers), **shown, **({"quality": ",".join(letters)} if letters else {})}
