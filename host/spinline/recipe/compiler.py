"""Compiles a line and a recipe into the whole-number configuration of each node, and names what the node records.

SI gains become mantissa and shift; what cannot be represented is refused with its error, never rounded in silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spinline.errors import BadInput
from spinline.recipe.channel_compiler import input_words, named, output_words
from spinline.recipe.channel_model import QUANTITY_BY_NAME
from spinline.recipe.fiber import plan_fiber
from spinline.recipe.guard_compiler import interlock_words, monitor_words, permissive_words, states_mask
from spinline.recipe.line_model import Gains, Line, Loop, Node
from spinline.recipe.models import Recipe
from spinline.recipe.scaling import GAIN_ERROR_MAX, mantissa_shift, whole
from spinline_protocol import configuration as tables
from spinline_protocol.configuration import range_violations
from spinline_protocol.quantities import COUNT, OUTPUT, STATE, TEMPERATURE, wire_bytes
from spinline_protocol.words import SUMMARY_HEAD_BYTES, ConfigurationDigest, pack_words

FULL_SCALE = tables.FULL_SCALE
TAKE_UP = "draw.takeup_speed_m_min"
DRAW_DOWN_MAX = 18  # take-up over speed in the die; draw resonance begins at 20.2
SOAK_HOLDBACK_MIN = 1

_LOOP_KINDS = {"single": tables.SINGLE, "ratio": tables.RATIO_LOOP, "cascade": tables.CASCADE_LOOP}


@dataclass(frozen=True)
class Recorded:
    """One column of a node's scan record: its tag, what it is of, and its quantity (number of quantities.py).

    ``summarised`` columns are in the node's summaries too.
    """

    tag: str
    source: int
    of: int
    quantity: int
    summarised: bool = False


@dataclass(frozen=True)
class NodeConfiguration:
    """What is downloaded to one node: rows (table, words) in order, their hash, and the columns of its records."""

    name: str
    rows: tuple[tuple[int, tuple[int, ...]], ...]
    sha256: bytes
    columns: tuple[Recorded, ...]
    scan_ms: int
    row_names: dict[tuple[int, int], str] = field(
        default_factory=dict, compare=False
    )  # (table, row) as the line names it

    @property
    def record_bytes(self) -> int:
        """Bytes of one scan record: state, flags, numbers, two bits of quality a column (SPEC 3.7)."""
        return 2 + sum(wire_bytes(column.quantity) for column in self.columns) + (len(self.columns) + 3) // 4

    @property
    def summarised(self) -> tuple[Recorded, ...]:
        """The columns of its summaries."""
        return tuple(column for column in self.columns if column.summarised)

    @property
    def summary_bytes(self) -> int:
        """Bytes of one summary: head, three numbers a column but one of a raw count, quality (SPEC 7.1)."""
        numbers = sum((1 if c.source == tables.OF_RAW else 3) * wire_bytes(c.quantity) for c in self.summarised)
        return SUMMARY_HEAD_BYTES + numbers + (len(self.summarised) + 3) // 4


def setpoint_of(loop: Loop, recipe: Recipe) -> float:
    """The loop's setpoint in its screen unit, or its ratio, from the recipe; see SETPOINT_SOURCES."""
    section, _, key = loop.setpoint.partition(".")
    if loop.setpoint in _DERIVED:
        return _DERIVED[loop.setpoint](recipe)
    table = getattr(recipe, section, None)
    if table is None or not hasattr(table, key):
        raise BadInput([f"loop {loop.name}: setpoint {loop.setpoint!r} is no number of the recipe"])
    return float(getattr(table, key)) * _SCREEN_FACTORS.get(loop.setpoint, 1.0)


def _resin_mg_s(recipe: Recipe) -> float:
    total_parts = 100 + float(recipe.composition.plasticizer_parts + recipe.composition.solvent_parts)
    return float(recipe.throughput.total_g_min) * 1000 / 60 * 100 / total_parts


# setpoints the recipe gives only together with others
_DERIVED: dict[str, Callable[[Recipe], float]] = {
    "derived.resin_flow_mg_s": _resin_mg_s,
    "derived.plasticizer_ratio": lambda recipe: float(recipe.composition.plasticizer_parts) / 100,
    "derived.solvent_ratio": lambda recipe: float(recipe.composition.solvent_parts) / 100,
    "derived.stretch_ratio": lambda recipe: float(recipe.draw.stretch_ratio),
}
# from the recipe's unit to the screen unit of the loop's quantity
_SCREEN_FACTORS = {
    "melt.inlet_pressure_MPa": 1000.0,
    "quench.quench_flow_L_min": 1000.0,
    "extraction.bath_plasticizer_wt_percent": 10000.0,
    TAKE_UP: 1000 / 60,
}


class _LoopCompiler:
    """One loop to its words; ``counts`` is output counts per whole unit of the pv, for a gain of 1 per screen unit."""

    def __init__(self, loop: Loop, node: Node, line: Line, recipe: Recipe) -> None:
        self.loop, self.node, self.line, self.recipe = loop, node, line, recipe
        self.quantity = next(row.quantity for row in node.input if row.name == loop.input)
        self.scan_s = node.scan_ms / 1000
        self.counts = FULL_SCALE / 10 ** QUANTITY_BY_NAME[self.quantity][5]

    def _per_scan_256(self, per_min: float) -> int:
        return round(whole(self.quantity, per_min * 1000) / 1000 / 60 * self.scan_s * 256)

    def words(self) -> tuple[int, ...]:
        loop, node = self.loop, self.node
        inputs, loops = [row.name for row in node.input], [row.name for row in node.loop]
        setpoint = setpoint_of(loop, self.recipe)
        ratio = round(setpoint * 4096) if loop.kind == "ratio" else 0
        low, high = whole(self.quantity, loop.low), whole(self.quantity, loop.high)
        high = min(high, self._draw_down_high())
        target = low if loop.kind == "ratio" else whole(self.quantity, setpoint)
        ramp = float(self.recipe.program.heatup_ramp_K_min) if loop.soaks else loop.ramp_per_min
        soak_s = float(self.recipe.program.soak_min) * 60 if loop.soaks else 0.0
        group = self.line.group[loop.group]
        feed_forward = (-1, 0, 0)
        if loop.feed_forward is not None:
            source = next(row for row in node.loop if row.name == loop.feed_forward)
            of = next(row.quantity for row in node.input if row.name == source.input)
            per_unit = loop.feed_forward_gain * FULL_SCALE / 10 ** QUANTITY_BY_NAME[of][5]
            gain = named(f"loop {loop.name}: feed_forward_gain", mantissa_shift, per_unit)
            feed_forward = (loops.index(source.name), *gain)
        masters = loops if loop.kind == "cascade" else inputs
        per_rate = loop.feed_forward_s * self.counts / 256 / self.scan_s  # output counts for 1/256 unit a scan
        return (
            _LOOP_KINDS[loop.kind],
            inputs.index(loop.input),
            masters.index(loop.master) if loop.master else -1,
            ratio,
            QUANTITY_BY_NAME[self.quantity][0],
            low,
            high,
            target,
            self._per_scan_256(ramp),
            self._per_scan_256(loop.stop_ramp_per_min),
            whole(self.quantity, loop.holdback),
            round(soak_s / self.scan_s),
            states_mask(group.auto),
            states_mask(group.down),
            whole(self.quantity, loop.standstill),
            *feed_forward,
            1 if loop.action == "raises" else -1,
            *self._gains(loop.gains, "gains."),
            round(loop.out_low * FULL_SCALE),
            round(loop.out_high * FULL_SCALE),
            self._out_rate(),
            *named(f"loop {loop.name}: feed_forward_s", mantissa_shift, per_rate),
        )

    def _draw_down_high(self) -> int:
        """Highest take-up speed before the jet draws in resonance; the node refuses more.  Unknown without a die."""
        draw_down = plan_fiber(self.recipe).draw_down if self.loop.setpoint == TAKE_UP else None
        if draw_down is None:
            return whole(self.quantity, self.loop.high)
        if draw_down > DRAW_DOWN_MAX:
            raise BadInput([f"{TAKE_UP}: draw-down ratio {draw_down:.1f} must be at most {DRAW_DOWN_MAX}"])
        speed = float(self.recipe.draw.takeup_speed_m_min * DRAW_DOWN_MAX / draw_down) * _SCREEN_FACTORS[TAKE_UP]
        return whole(self.quantity, speed)

    def _out_rate(self) -> int:
        """Counts a scan; a rate that is asked for and would be none is refused."""
        exact = self.loop.out_rate_per_s * self.scan_s * FULL_SCALE
        if abs(round(exact) - exact) > GAIN_ERROR_MAX * exact:
            raise BadInput(
                [
                    f"loop {self.loop.name}: out_rate_per_s = {self.loop.out_rate_per_s} is {exact:.3g} counts a scan: "
                    f"nearest is {round(exact)}, off by {100 * abs(round(exact) / exact - 1):.1f} %"
                ]
            )
        return round(exact)

    def gain_sets(self) -> list[tuple[int, ...]]:
        """Rows of the table ``gains``."""
        node, loop = self.node, self.loop
        by = [row.name for row in node.input].index(loop.scheduled_by) if loop.scheduled_by else -1
        of = node.input[by].quantity if loop.scheduled_by else self.quantity
        number = [row.name for row in node.loop].index(loop.name)
        return [
            (
                number,
                by,
                whole(of, row.above),
                whole(of, row.hysteresis),
                *self._gains(row.gains, f"gain_set above {row.above:g}: "),
            )
            for row in loop.gain_set
        ]

    def _gains(self, gains: Gains, section: str) -> tuple[int, ...]:
        """mp, mi, md, mt with their shifts, then b, kz and kd."""
        scan_s = self.scan_s
        p = gains.Kc * self.counts
        tracking_s = gains.tracking_s or (math.sqrt(gains.Ti_s * gains.Td_s) if gains.Td_s else gains.Ti_s)
        lag_k = max(3, min(14, round(math.log2(gains.Ti_s / scan_s)))) if gains.Ti_s else 3
        place = f"loop {self.loop.name}: {section}"
        return (
            *named(place + "Kc", mantissa_shift, p),
            *named(place + "Ti_s", mantissa_shift, p * scan_s / gains.Ti_s if gains.Ti_s else 0),
            *named(place + "Td_s", mantissa_shift, p * gains.Td_s / scan_s / 256),
            *named(place + "tracking_s", mantissa_shift, min(1.0, scan_s / tracking_s) if tracking_s else 0),
            round(gains.setpoint_weight * 256),
            lag_k,
            gains.filter_k,
        )


def _take_up_at_1(recipe: Recipe) -> float | None:
    """Take-up speed of draw-down ratio 1 in mm/s, or None where the die is not known."""
    draw_down = plan_fiber(recipe).draw_down
    return None if draw_down is None else float(recipe.draw.takeup_speed_m_min / draw_down) * _SCREEN_FACTORS[TAKE_UP]


def _columns(node: Node) -> tuple[Recorded, ...]:
    """Everything a node records: every input, setpoint, output and mode of every loop, the position of every encoder.

    What was measured is summarised too; setpoints and outputs are not: 600 s of them would not fit beside the scans.
    """
    columns = []
    for i, channel in enumerate(node.input):
        quantity = QUANTITY_BY_NAME[channel.quantity][0]
        columns.append(Recorded(f"{node.name}.{channel.name}.pv", tables.OF_INPUT, i, quantity, summarised=True))
        if channel.kind == "counter":
            columns.append(Recorded(f"{node.name}.{channel.name}.count", tables.OF_RAW, i, COUNT, summarised=True))
    for i, loop in enumerate(node.loop):
        quantity = QUANTITY_BY_NAME[next(row.quantity for row in node.input if row.name == loop.input)][0]
        columns.append(Recorded(f"{node.name}.{loop.name}.sp", tables.OF_SETPOINT, i, quantity))
        columns.append(Recorded(f"{node.name}.{loop.name}.out", tables.OF_OUTPUT, i, OUTPUT))
        columns.append(Recorded(f"{node.name}.{loop.name}.mode", tables.OF_MODE, i, STATE))
    return tuple(columns)


def compile_node(line: Line, node: Node, recipe: Recipe) -> NodeConfiguration:
    """The configuration of one node.  Raises BadInput with every field that its tables cannot hold."""
    columns = _columns(node)
    rows: list[tuple[int, tuple[int, ...]]] = [
        (
            tables.TABLE_NODE,
            (node.number, node.scan_ms, node.lease_ms, node.hold_max_s)
            + (node.runout_s, node.stop_max_s, node.alone_max_s),
        )
    ]
    rows += [(tables.TABLE_INPUT, input_words(row, node, line.correction(node, row))) for row in node.input]
    rows += [(tables.TABLE_LOOP, _LoopCompiler(loop, node, line, recipe).words()) for loop in node.loop]
    rows += [(tables.TABLE_OUTPUT, output_words(row, node)) for row in node.output]
    take_up_at_1 = _take_up_at_1(recipe)
    rows += [(tables.TABLE_INTERLOCK, interlock_words(row, node, take_up_at_1)) for row in node.interlock]
    rows += [(tables.TABLE_RECORD, (c.source, c.of, c.quantity, int(c.summarised))) for c in columns]
    for loop in node.loop:
        rows += [(tables.TABLE_GAINS, row) for row in _LoopCompiler(loop, node, line, recipe).gain_sets()]
    rows += [(tables.TABLE_MONITOR, monitor_words(row, loop, node)) for row in node.monitor for loop in row.loops]
    rows += [(tables.TABLE_PERMISSIVE, words) for row in node.permissive for words in permissive_words(row, node)]
    digest = ConfigurationDigest()
    for table, words in rows:
        digest.add(table, pack_words(words))
    sha256, names = digest.digest(), _row_names(node)
    return _refuse_unfit(NodeConfiguration(node.name, tuple(rows), sha256, columns, node.scan_ms, names))


def _row_names(node: Node) -> dict[tuple[int, int], str]:
    named = {
        tables.TABLE_INPUT: [row.name for row in node.input],
        tables.TABLE_LOOP: [row.name for row in node.loop],
        tables.TABLE_OUTPUT: [row.name for row in node.output],
        tables.TABLE_INTERLOCK: [row.name for row in node.interlock],
        tables.TABLE_MONITOR: [f"{row.name} {loop}" for row in node.monitor for loop in row.loops],
        tables.TABLE_PERMISSIVE: [row.name for row in node.permissive for _ in permissive_words(row, node)],
    }
    return {(table, i): name for table, names in named.items() for i, name in enumerate(names)}


_BEYOND_FIELDS = {
    tables.OF_RECORD_BYTES: "bytes of a record in one frame",
    tables.OF_RING_BYTES: "bytes of both rings in the node's memory",
}


def _refuse_unfit(configuration: NodeConfiguration) -> NodeConfiguration:
    """The configuration, if every field is within its hard limits; the node judges again and has the last word."""
    found = []
    for table in range(len(tables.TABLES)):
        for i, words in enumerate(words for of, words in configuration.rows if of == table):
            for unfit, got, limit in range_violations(table, words):
                found.append(violation_text(configuration, (table, i, unfit), got, limit))
    if found:
        raise BadInput(found)
    return configuration


def violation_text(configuration: NodeConfiguration, place: tuple[int, ...], got: int, limit: int) -> str:
    """One refused field as a sentence: node, table, row, field, what came and what is allowed."""
    table, row_i, field = place
    fields: tuple[Any, ...] = tables.TABLES[table][2]
    name = fields[field][0] if field < len(fields) else _BEYOND_FIELDS.get(field, "number of words")
    row = configuration.row_names.get((table, row_i), f"row {row_i}")
    return f"{configuration.name}: {tables.TABLES[table][1]} {row}: {name} = {got}, limit {limit}"


assert TEMPERATURE == QUANTITY_BY_NAME["temperature"][0]
