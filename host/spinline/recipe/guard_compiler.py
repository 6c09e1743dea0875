"""Compiles what guards a node: interlocks, monitors, permissives to whole-number rows.  Refuses what cannot fit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from spinline.errors import BadInput
from spinline.recipe.channel_model import QUANTITY_BY_NAME
from spinline.recipe.guard_model import Interlock, Monitor, Permissive
from spinline.recipe.line_model import Node
from spinline.recipe.scaling import mantissa_shift, whole
from spinline_protocol import configuration as tables
from spinline_protocol.states import COMMANDS, STATES
from spinline_protocol.words import monitor_scans, swing_scans

ACTIONS = {"alarm": 1, "hold": 2, "stop": 3, "abort": 4}
PRIORITIES = ("low", "medium", "high")
UNREACHED = 5000.0  # mm/s, beyond every speed that can be measured: the draw-down of this die is not known
FULL_SCALE = 65536
LAG_MIN_S = 10.0
SWING_STEPS_MIN = 8  # of the shortest cycle: fewer do not show its height
BREAK_BANDS = 6  # the pv of a sound loop crosses the band so many times in the time of a loop break


def states_mask(names: Sequence[str]) -> int:
    """One bit for each state."""
    return sum(1 << STATES.index(name) for name in names)


def _outputs_mask(names: Sequence[str], node: Node, who: str) -> int:
    outputs = [row.name for row in node.output]
    for name in names:
        if outputs.index(name) >= tables.MASKED_OUTPUTS_N_MAX:
            allowed = f"only the first {tables.MASKED_OUTPUTS_N_MAX} outputs can be switched off by a row"
            raise BadInput([f"{node.name}: {who}: off = {name!r}: {allowed}"])
    return sum(1 << outputs.index(name) for name in names)


def _quantity_of_loop(node: Node, name: str) -> str:
    source = next(row.input for row in node.loop if row.name == name)
    return next(row.quantity for row in node.input if row.name == source)


def _whole_limit(quantity: str, comparison: int, limit: float) -> int:
    """The whole limit beyond which the same whole numbers lie: below 0.5 is below 1, above 0.5 is above 0."""
    exact = round(limit * float(10 ** QUANTITY_BY_NAME[quantity][5]), 6)
    return math.ceil(exact) if comparison == tables.BELOW else math.floor(exact)


def _judged_words(row: Interlock, node: Node) -> tuple[int, ...]:
    """window_scans, and judged with the three words of its cycles."""
    if row.swing_s is not None:
        return 0, tables.JUDGE_SWING, row.cycles_n, *_cycle_scans(row.swing_s, row, node)
    key, minutes = ("change_min", row.change_min) if row.change_min else ("mean_min", row.mean_min)
    blocks_n = tables.MEAN_BLOCKS_N - (1 if row.change_min else 0)
    judged = (tables.JUDGE_CHANGE if row.change_min else tables.JUDGE_MEAN) if minutes else tables.JUDGE_NUMBER
    scans = round(minutes * 60_000 / node.scan_ms / blocks_n) * blocks_n
    most = blocks_n * tables.MEAN_BLOCK_SCANS_MAX
    if scans > most or minutes and scans < blocks_n:
        allowed = f"{blocks_n} to {most} scans of {node.scan_ms} ms can be judged"
        raise BadInput([f"{node.name}: interlock {row.name}: {key} = {minutes:g}: {allowed}"])
    return scans, judged, 0, 0, 0


def _cycle_scans(swing_s: tuple[float, float], row: Interlock, node: Node) -> tuple[int, ...]:
    """Shortest and longest cycle of a swing."""
    step_s = swing_scans(node.scan_ms) * node.scan_ms / 1000
    if swing_s[0] < SWING_STEPS_MIN * step_s:
        allowed = f"at least {SWING_STEPS_MIN} steps of {step_s:g} s"
        raise BadInput([f"{node.name}: interlock {row.name}: swing_s = {swing_s[0]:g}: {allowed}"])
    return tuple(round(number * 1000 / node.scan_ms) for number in swing_s)


def interlock_words(row: Interlock, node: Node, take_up_at_1: float | None) -> tuple[int, ...]:
    """One interlock.  ``take_up_at_1`` is the take-up speed of draw-down ratio 1 in mm/s; None: not known."""
    inputs, loops = [channel.name for channel in node.input], [loop.name for loop in node.loop]
    index = inputs.index(row.input)
    quantity = node.input[index].quantity
    comparison, limit = _comparison(row, take_up_at_1)
    reference = (tables.REF_NONE, 0)
    share = round(row.share * 4096)
    if row.of_setpoint is not None:
        reference = (tables.REF_SETPOINT, loops.index(row.of_setpoint))
    elif row.of_input is not None:
        reference = (tables.REF_INPUT, inputs.index(row.of_input))
    elif row.of_output is not None:
        assert row.full_scale is not None
        reference = (tables.REF_OUTPUT, loops.index(row.of_output))
        share = round(row.share * whole(quantity, row.full_scale) * 4096 / FULL_SCALE)
    window, *judged = _judged_words(row, node)
    eased, eased_to = (row.eases, row.eased_to) if row.slows is None else (row.slows, row.slowed_to)
    return (
        index,
        comparison,
        round(limit * 4096) if row.swing_s is not None else _whole_limit(quantity, comparison, limit),
        round(row.delay_s * 1000 / node.scan_ms),
        ACTIONS[row.action],
        states_mask(row.during),
        int(row.bad_sensor == "trips"),
        *reference,
        share,
        whole(quantity, row.least_reference),
        round(row.apart_share * 4096),
        int(row.arms),
        int(row.reset == "auto"),
        _outputs_mask(row.off, node, f"interlock {row.name}"),
        window,
        PRIORITIES.index(row.priority),
        -1 if eased is None else loops.index(eased),
        0 if eased is None else round(eased_to * 4096),
        int(row.slows is not None),
        *judged,
    )


def _comparison(row: Interlock, take_up_at_1: float | None) -> tuple[int, float]:
    if row.above_draw_down is not None:
        return tables.ABOVE, UNREACHED if take_up_at_1 is None else row.above_draw_down * take_up_at_1
    if row.above is not None:
        return tables.ABOVE, row.above
    if row.below is not None:
        return tables.BELOW, row.below
    assert row.apart is not None
    return tables.APART, row.apart


def monitor_words(row: Monitor, loop_name: str, node: Node) -> tuple[int, ...]:
    """The monitor of one loop, its thresholds from the loop's model."""
    inputs, outputs = [channel.name for channel in node.input], [output.name for output in node.output]
    loop_i = [loop.name for loop in node.loop].index(loop_name)
    step_s = monitor_scans(node.scan_ms) * node.scan_ms / 1000
    actions = [ACTIONS[name] for name in (row.stuck_on, row.heater_open, row.loop_break, row.sensor_lost)]
    head: tuple[int, ...] = (states_mask(row.during), *actions)
    head = (*head, _outputs_mask(row.off, node, f"monitor {row.name}"))
    limit, delay = round(row.limit * 4096), round(row.delay_s / step_s)
    if row.kind == "current":
        assert row.current is not None and row.output is not None
        source = inputs.index(row.current)
        expected = whole(node.input[source].quantity, row.expected)
        place = (tables.HEATER_CURRENT, loop_i, source, outputs.index(row.output))
        return (*place, *head, 0, 2, 0, 0, 0, 0, 0, limit, delay, *(0,) * 10, expected, 0)
    model = node.loop[loop_i].model
    if model is None:
        raise BadInput([f"{node.name}: monitor {row.name}: loop {loop_name} has no model = {{ K, tau_s, theta_s }}"])
    quantity = _quantity_of_loop(node, loop_name)
    filter_k = max(2, min(7, round(math.log2(max(LAG_MIN_S, model.theta_s) / step_s))))
    unit = 10 ** QUANTITY_BY_NAME[quantity][5]
    gain = model.K * unit  # whole units for full output
    return (
        *(tables.HEATER, loop_i, -1, -1),
        *head,
        whole(quantity, row.ambient),
        filter_k,
        round(model.theta_s / step_s),
        *mantissa_shift(4096 * model.tau_s / (2**filter_k * step_s) / gain / 16),
        *mantissa_shift(4096 * 8 / gain),
        limit,
        delay,
        round(row.heat_up_share * 4096),
        round(row.bias_per_min * 4096 * 256 / 60 * step_s),
        round(row.learn_s / step_s),
        round((2 * model.theta_s + BREAK_BANDS * row.break_band * model.tau_s / model.K) / step_s),
        whole(quantity, row.break_band),
        round(row.rise_s / step_s),
        whole(quantity, row.rise_band),
        whole(quantity, row.rise_above),
        whole(quantity, row.reverse_band),
        0,
        round(row.freeze_s / step_s),
    )


def permissive_words(row: Permissive, node: Node) -> list[tuple[int, ...]]:
    """One row for each channel or loop that the permissive names."""
    commands = sum(1 << COMMANDS.index(name) for name in row.commands)
    tail = (commands, _outputs_mask(row.off, node, f"permissive {row.name}"))
    inputs, loops = [channel.name for channel in node.input], [loop.name for loop in node.loop]
    if row.inputs:
        limit = row.above if row.above is not None else row.below
        assert limit is not None
        comparison = tables.ABOVE if row.above is not None else tables.BELOW
        at = [inputs.index(name) for name in row.inputs]
        of = [node.input[i].quantity for i in at]
        limits = [_whole_limit(quantity, comparison, limit) for quantity in of]
        return [
            (tables.NEED_INPUT, i, comparison, whole_limit, *tail) for i, whole_limit in zip(at, limits, strict=True)
        ]
    if row.loops:
        assert row.within is not None
        return [
            (
                tables.NEED_SETPOINT,
                loops.index(name),
                tables.ABOVE,
                -whole(_quantity_of_loop(node, name), row.within),
                *tail,
            )
            for name in row.loops
        ]
    outputs = [output.name for output in node.output]
    assert row.output_on is not None
    return [(tables.NEED_OUTPUT_ON, outputs.index(row.output_on), tables.ABOVE, 0, *tail)]
