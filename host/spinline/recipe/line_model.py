"""The line file: nodes, loops, groups of one spinning line, read from TOML and checked whole.

Channels are in channel_model.py, what guards a node in guard_model.py.

Numbers of a channel are in the screen unit of its quantity (spinline_protocol.quantities), which the file must name, so
that a wrong unit is refused and not converted.  Gains: Kc in output fraction per screen unit, times in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spinline.errors import BadFile
from spinline.recipe.calibration import Calibration, CalibrationFile, calibration_path
from spinline.recipe.channel_model import CALIBRATED, Input, Output
from spinline.recipe.guard_model import (
    Finite,
    Interlock,
    Monitor,
    NotNegative,
    Permissive,
    Positive,
    ProcessModel,
    StateName,
    Strict,
)
from spinline.recipe.reading import read_model

DRIVES_SCAN_MS_MIN = 20  # behind a scan of some 10 ms the longest request to a drive takes 7.4 ms to leave the board


class Gains(Strict):
    """PID gains in SI: Kc in output fraction per screen unit, Ti and Td in seconds; Ti_s = 0 has no integral."""

    Kc: NotNegative
    Ti_s: NotNegative
    Td_s: NotNegative = 0.0
    tracking_s: NotNegative = 0.0  # anti-windup; 0: from Ti and Td
    setpoint_weight: Annotated[float, Field(ge=0, le=1)] = 1.0
    filter_k: Annotated[int, Field(ge=0, le=7)] = 0


class GainSet(Strict):
    """Other gains of a loop, at and above ``above`` of what chooses the set; ``hysteresis`` below it they end."""

    above: Finite
    hysteresis: NotNegative = 0.0
    gains: Gains


class Loop(Strict):
    """One control loop.  ``setpoint`` names where the recipe has it.

    A ratio loop follows a measured master, an input; the setpoint of a cascade loop is the output of its outer loop,
    the master.  ``gain_set`` (at most three, rising) is chosen by the input ``scheduled_by``, or by the setpoint.
    """

    name: str
    kind: Literal["single", "ratio", "cascade"] = "single"
    input: str
    master: str | None = None
    group: str
    setpoint: str
    low: Finite
    high: Finite
    ramp_per_min: NotNegative = 0.0
    stop_ramp_per_min: NotNegative = 0.0
    holdback: NotNegative = 0.0
    soaks: bool = False
    standstill: NotNegative = 0.0
    action: Literal["raises", "lowers"] = "raises"
    feed_forward: str | None = None
    feed_forward_gain: NotNegative = 0.0
    out_low: Annotated[float, Field(ge=-1, le=1)] = 0.0
    out_high: Annotated[float, Field(ge=-1, le=1)] = 1.0
    feed_forward_s: NotNegative = 0.0  # output fraction for a ramp of the loop's own setpoint, per screen unit a second
    out_rate_per_s: NotNegative = 0.0
    gains: Gains
    scheduled_by: str | None = None
    gain_set: Annotated[tuple[GainSet, ...], Field(max_length=3)] = ()
    model: ProcessModel | None = None  # as identified; monitors take their thresholds from it

    @model_validator(mode="after")
    def _consistent(self) -> Loop:
        if (self.kind != "single") != (self.master is not None):
            raise ValueError("master belongs to a ratio or cascade loop, and it needs one")
        for of, low, high in (("", self.low, self.high), ("out_", self.out_low, self.out_high)):
            if low >= high:
                raise ValueError(f"loop {self.name}: {of}low {low} is not below {of}high {high}")
        begins = [row.above for row in self.gain_set]
        if begins != sorted(set(begins)):
            raise ValueError(f"gain_set: above {begins} does not rise")
        if self.scheduled_by is not None and not self.gain_set:
            raise ValueError("scheduled_by needs a gain_set")
        return self


class Group(Strict):
    """In which states the loops of a group control, and in which they control towards zero."""

    auto: tuple[StateName, ...]
    down: tuple[StateName, ...] = ()


class Node(Strict):
    """One controller of the line."""

    name: str
    number: Annotated[int, Field(ge=1, le=246)]
    scan_ms: Annotated[int, Field(ge=10, le=1000)]
    lease_ms: Annotated[int, Field(ge=500, le=10000)]
    hold_max_s: Annotated[int, Field(ge=1, le=3600)]
    runout_s: Annotated[int, Field(ge=0, le=3600)]
    stop_max_s: Annotated[int, Field(ge=1, le=600)]
    alone_max_s: Annotated[int, Field(ge=1, le=3600)]
    input: tuple[Input, ...]
    loop: tuple[Loop, ...]
    output: tuple[Output, ...]
    interlock: tuple[Interlock, ...] = ()
    monitor: tuple[Monitor, ...] = ()
    permissive: tuple[Permissive, ...] = ()

    @model_validator(mode="after")
    def _lease_outlasts_scans(self) -> Node:
        if self.lease_ms < 2 * self.scan_ms:
            raise ValueError(f"lease_ms {self.lease_ms} is less than two scans of {self.scan_ms} ms")
        if self.alone_max_s + self.stop_max_s > self.hold_max_s:
            allowed = f"hold_max_s {self.hold_max_s} less stop_max_s {self.stop_max_s}"
            raise ValueError(f"alone_max_s {self.alone_max_s} is more than {allowed}: HELD comes before the safe order")
        return self

    @model_validator(mode="after")
    def _outer_loops_stand_before(self) -> Node:
        for i, loop in enumerate(self.loop):
            if loop.kind == "cascade" and loop.master not in [row.name for row in self.loop[:i]]:
                raise ValueError(f"loop {loop.name}: master {loop.master!r} is no loop that stands before it")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Node:
        for kind, rows in (("input", self.input), ("loop", self.loop), ("output", self.output)):
            names = [row.name for row in rows]
            for name in {name for name in names if names.count(name) > 1}:
                raise ValueError(f"node {self.name}: {kind} {name} is there twice")
        return self

    @model_validator(mode="after")
    def _drives_are_told_what_to_do(self) -> Node:
        addresses = [row.port for row in self.output if row.kind == "drive"]
        if addresses and self.scan_ms < DRIVES_SCAN_MS_MIN:
            allowed = f"with drives {DRIVES_SCAN_MS_MIN} to 1000"
            raise ValueError(f"node {self.name}: scan_ms {self.scan_ms} leaves its drives no room (allowed: {allowed})")
        for address in addresses:
            if addresses.count(address) > 1:
                raise ValueError(f"node {self.name}: two outputs are the drive at port {address}")
        for row in self.input:
            if row.kind == "drive" and row.port not in addresses:
                allowed = ", ".join(str(address) for address in addresses) or "none"
                raise ValueError(
                    f"input {row.name}: port {row.port} is no drive among the outputs (allowed: {allowed})"
                )
        return self

    @model_validator(mode="after")
    def _partners_fit(self) -> Node:
        by_name = {row.name: row for row in self.input}
        for row in self.input:
            if row.frozen_s and row.frozen_s * 1000 < 3 * self.scan_ms:
                raise ValueError(f"input {row.name}: frozen_s {row.frozen_s} is less than three scans")
            other = by_name.get(row.partner) if row.partner else None
            if row.partner and (other is None or other is row or other.quantity != row.quantity):
                raise ValueError(f"input {row.name}: partner {row.partner!r} is no other input of {row.quantity}")
            if other is not None and other.partner == row.name:
                raise ValueError(f"input {row.name}: {other.name} names it already; one of a pair names the other")
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Node:
        inputs, loops = {row.name for row in self.input}, {row.name for row in self.loop}
        for loop in self.loop:
            master = loop.master if loop.kind == "ratio" else None
            for role, channel in (("input", loop.input), ("master", master), ("scheduled_by", loop.scheduled_by)):
                if channel is not None and channel not in inputs:
                    raise ValueError(f"loop {loop.name}: {role} {channel!r} is no input of node {self.name}")
            if loop.feed_forward is not None and loop.feed_forward not in loops:
                raise ValueError(f"loop {loop.name}: feed_forward {loop.feed_forward!r} is no loop of node {self.name}")
        for output in self.output:
            if output.loop is not None and output.loop not in loops:
                raise ValueError(f"output {output.name}: loop {output.loop!r} is no loop of node {self.name}")
        return self

    @model_validator(mode="after")
    def _guards_name_what_exists(self) -> Node:
        known = {
            "input": [row.name for row in self.input],
            "loop": [row.name for row in self.loop],
            "output": [row.name for row in self.output],
        }
        for row, key, kind, name in self._named_by_guards():
            if name not in known[kind]:
                allowed = ", ".join(known[kind]) or "none"
                raise ValueError(f"{row}: {key} {name!r} is no {kind} of node {self.name} (allowed: {allowed})")
        return self

    def _named_by_guards(self) -> Iterator[tuple[str, str, str, str]]:
        """What interlocks, monitors and permissives name: the row, its key, of which kind it must be, and the name."""
        for interlock in self.interlock:
            row = f"interlock {interlock.name}"
            named = [
                ("input", "input", interlock.input),
                ("of_input", "input", interlock.of_input),
                ("of_setpoint", "loop", interlock.of_setpoint),
                ("of_output", "loop", interlock.of_output),
                ("eases", "loop", interlock.eases),
                ("slows", "loop", interlock.slows),
            ]
            yield from ((row, key, kind, name) for key, kind, name in named if name is not None)
            yield from ((row, "off", "output", name) for name in interlock.off)
        for monitor in self.monitor:
            row = f"monitor {monitor.name}"
            for key, kind, name in (("current", "input", monitor.current), ("output", "output", monitor.output)):
                if name is not None:
                    yield row, key, kind, name
            yield from ((row, "loops", "loop", name) for name in monitor.loops)
            yield from ((row, "off", "output", name) for name in monitor.off)
        for permissive in self.permissive:
            row = f"permissive {permissive.name}"
            yield from ((row, "inputs", "input", name) for name in permissive.inputs)
            yield from ((row, "loops", "loop", name) for name in permissive.loops)
            if permissive.output_on is not None:
                yield row, "output_on", "output", permissive.output_on
            yield from ((row, "off", "output", name) for name in permissive.off)


class FiberPath(Strict):
    """Lengths along the fiber in metres at take-up, for the record of metres.

    ``die_to_take_up_m`` is what lies between the die and godet 1, ``quench_m`` what of it lies in the water;
    ``stretch_span_m`` is the fiber between the godets of the stretch.
    """

    die_to_take_up_m: Positive
    quench_m: Positive
    take_up_to_stretch_m: Positive
    stretch_span_m: Positive


class ExtruderMixing(Strict):
    """The extruder between the feeders and the die, for the parts of a metre.

    ``resin`` are the inputs of all resin feeders, in mg/s: 100 parts are all of them.  ``refilling`` are contacts
    closed while a feeder is refilled and its reading stands.  Dead time in whole s, lag of the mixed volume in s.
    """

    resin: Annotated[tuple[str, ...], Field(min_length=1)]
    refilling: tuple[str, ...] = ()
    dead_time_s: Annotated[int, Field(ge=0, le=3600)]
    lag_s: Positive


class QuenchHeat(Strict):
    """What cools a fiber in the quench, for the side it is cooled from; of one of ``fiber_n`` fibers.

    ``spun_C`` is its warmth where it enters the water, ``inside_W_K`` the conductance into the bore gas; heats of the
    composition in J/g.  ``percent`` is 1 sigma of the ratio of both heats, in percent of it.
    """

    fiber_n: Annotated[int, Field(ge=1, le=1000)]
    spun_C: Positive
    capacity_J_g_K: Positive
    crystallization_J_g: NotNegative
    inside_W_K: Positive
    percent: Positive


class BathBalance(Strict):
    """The first extraction bath, which has all that leaves the fiber.

    ``bath_kg`` at the weir; ``make_up_full_scale_kg_h`` at full output of the loop of its concentration; ``percent`` is
    1 sigma of what the balance says, with what evaporates and what the fiber carries out.
    """

    bath_kg: Positive
    make_up_full_scale_kg_h: Positive
    percent: Annotated[float, Field(gt=0, lt=50)]


class Uncertainty(Strict):
    """1 sigma of what the line's instruments measure, in percent of the number.

    ``feeder_percent`` of a ratio of two feeders, ``refill_percent`` more of resin fed during a refill,
    ``stretch_percent`` of the stretch ratio: slip between fiber and godet.
    """

    feeder_percent: Positive
    refill_percent: Positive
    stretch_percent: Positive


class Line(Strict):
    """A whole line."""

    name: str
    title: str
    path: FiberPath
    mixing: ExtruderMixing | None = None  # without it the parts of a metre are not known
    cooling: QuenchHeat | None = None  # without it nobody judges from which side the fiber is cooled
    extraction: BathBalance | None = None  # without it nobody judges by measurement what was extracted
    uncertainty: Uncertainty
    group: dict[str, Group]
    node: tuple[Node, ...]
    calibration: tuple[Calibration, ...] = ()  # from the file beside the line file

    def correction(self, node: Node, channel: Input) -> tuple[float, float]:
        """Gain and offset of the newest calibration of an input, 1 and 0 without one."""
        for row in reversed(self.calibration):
            if row.input == f"{node.name}.{channel.name}":
                return row.gain, row.offset
        return 1.0, 0.0

    @model_validator(mode="after")
    def _mixing_is_of_this_line(self) -> Line:
        allowed = {f"{node.name}.{row.name}": row for node in self.node for row in node.input}
        for field, unit in (("resin", "mg/s"), ("refilling", "")):
            for name in getattr(self.mixing, field, ()):
                if name not in allowed or allowed[name].unit != unit:
                    fit = ", ".join(sorted(known for known, row in allowed.items() if row.unit == unit))
                    raise ValueError(f"mixing: {field} {name!r} is not one of {fit}")
        return self

    @model_validator(mode="after")
    def _nodes_differ(self) -> Line:
        for field in ("name", "number"):
            seen = [getattr(node, field) for node in self.node]
            if len(set(seen)) != len(seen):
                raise ValueError(f"two nodes have the same {field}: {seen}")
        for node in self.node:
            for loop in node.loop:
                if loop.group not in self.group:
                    raise ValueError(f"loop {loop.name}: group {loop.group!r} is not one of {', '.join(self.group)}")
        return self


def load_line(path: Path) -> Line:
    """The line in a TOML file, with its calibrations.  Raises BadFile naming the file, each key and what is allowed."""
    line, beside = read_model(path, Line), calibration_path(path)
    if line.calibration:
        raise BadFile(path, [f"calibration stands in {beside.name}, beside this file"])
    if not beside.exists():
        return line
    rows = read_model(beside, CalibrationFile).calibration
    known = {f"{node.name}.{row.name}": row for node in line.node for row in node.input}
    problems = []
    for i, row in enumerate(rows, 1):
        channel = known.get(row.input)
        if channel is None:
            problems.append(f"calibration {i}: input {row.input!r} is not in the line file")
        elif channel.kind not in CALIBRATED or channel.unit != row.unit:
            allowed = f"{' or '.join(CALIBRATED)} in {channel.unit}"
            problems.append(f"calibration {i}: {row.input} is a {channel.kind}, unit {row.unit!r} (allowed: {allowed})")
    if problems:
        raise BadFile(beside, problems)
    return line.model_copy(update={"calibration": rows})
