"""Compiles the channels of a line, its inputs and outputs, into rows of whole numbers; refuses what does not fit."""

from __future__ import annotations

from collections.abc import Callable

from spinline.errors import BadInput
from spinline.recipe.channel_model import QUANTITY_BY_NAME, Input, Output
from spinline.recipe.guard_compiler import states_mask
from spinline.recipe.line_model import Node
from spinline.recipe.scaling import mantissa_shift, whole
from spinline_protocol import configuration as tables

SHUNT_OHM = 150  # 4-20 mA into the converter's +-4.096 V range: 0.6 V to 3.0 V, and 21 mA is still seen
ADC_LSB_UV = 125
CURRENT_FAILS_MA = (3.6, 21.0)  # NAMUR NE 43: beyond these the sensor has failed
CURRENT_WARNS_MA = (3.8, 20.5)  # and beyond these it is doubted
PRODUCT_MAX = (1 << 30) - 1  # of a raw number and its scale: the node's small integers
SCALE_MAX, SCALE_SHIFT_MAX = 32767, 24
ANY_RAW = (-524288, 524287)
RTD_RAW = (-210000, 510000)  # beyond what its driver says, m degC
INPUT_KINDS = {
    "thermocouple": tables.THERMOCOUPLE,
    "analog": tables.ANALOG,
    "switch": tables.SWITCH_IN,
    "counter": tables.COUNTER,
    "rtd": tables.RTD,
    "drive": tables.DRIVE_IN,
}
OUTPUT_KINDS = {"ssr": tables.SSR, "dac": tables.DAC, "switch": tables.SWITCH_OUT, "drive": tables.DRIVE_OUT}
MEASURES = {"speed": tables.DRIVE_SPEED, "current": tables.DRIVE_CURRENT, "status": tables.DRIVE_STATUS}

Scale = tuple[int, int]  # mantissa and shift
Raw = tuple[int, int]  # lowest and highest raw number


def named(place: str, made: Callable[[float], Scale], number: float) -> Scale:
    """What is made of a number; a refusal names its place in the line file."""
    try:
        return made(number)
    except BadInput as error:
        raise BadInput([f"{place}: {error}"]) from error


def _current_code(current_mA: float) -> int:
    """What the converter shows for a loop current through the shunt."""
    return round(current_mA * 1000 * SHUNT_OHM / ADC_LSB_UV)


def _scale(place: str, per_count: float, zero: int, raw: Raw) -> Scale:
    """Whole units for one raw count, as an input's mantissa and shift; none at all is refused.

    The mantissa leaves room for the farthest raw number that is no failure: the node refuses products of 2^30.
    """
    if per_count == 0:
        raise BadInput([f"{place}: the whole range is less than one whole unit"])
    most = min(SCALE_MAX, PRODUCT_MAX // max(abs(raw[0] - zero), abs(raw[1] - zero)))
    return named(place, lambda number: mantissa_shift(number, most, SCALE_SHIFT_MAX), per_count)


def _analog(row: Input) -> tuple[int, Scale, int, Raw, Raw]:
    """Zero, scale, offset, raw numbers that are no failure, and those that are not doubted, of a 4-20 mA input."""
    assert row.at_4_mA is not None and row.at_20_mA is not None
    zero, raw = _current_code(4), (_current_code(CURRENT_FAILS_MA[0]), _current_code(CURRENT_FAILS_MA[1]))
    offset = whole(row.quantity, row.at_4_mA)
    per_count = (whole(row.quantity, row.at_20_mA) - offset) / (_current_code(20) - zero)
    scale = _scale(f"input {row.name}: at_20_mA", per_count, zero, raw)
    return zero, scale, offset, raw, (_current_code(CURRENT_WARNS_MA[0]), _current_code(CURRENT_WARNS_MA[1]))


def _counter(row: Input, node: Node) -> tuple[Scale, Raw]:
    """Scale of an encoder, and the counts a scan beyond which it is lost."""
    assert row.counts_per_m is not None
    unit_per_count = 1000 * 10 ** QUANTITY_BY_NAME[row.quantity][5] / row.counts_per_m * 1000 / node.scan_ms
    most = max(abs(whole(row.quantity, row.low)), abs(whole(row.quantity, row.high)))
    counts = round(most / unit_per_count) + 1
    return _scale(f"input {row.name}: counts_per_m", unit_per_count, 0, (-counts, counts)), (-counts, counts)


def _drive(row: Input) -> tuple[Scale, Raw]:
    """Of a register of a drive: 0.01 Hz become the quantity; 0.01 A and the number of an error are whole units."""
    raw = (0, 65535)
    if row.per_Hz is None:
        return (1, 0), raw
    return _scale(f"input {row.name}: per_Hz", row.per_Hz * 10 ** QUANTITY_BY_NAME[row.quantity][5] / 100, 0, raw), raw


def _channel(row: Input) -> int:
    """What the field ``channel`` says of this kind of input (SPEC 4.9)."""
    if row.kind == "rtd":
        three_wire = tables.RTD_THREE_WIRE if row.wires == 3 else 0
        pt1000 = tables.RTD_PT1000 if row.element == "Pt1000" else 0
        return three_wire | pt1000 | (tables.RTD_60_HZ if row.mains_Hz == 60 else 0)
    return MEASURES[row.measures] if row.measures else row.channel


def input_words(row: Input, node: Node, corrected: tuple[float, float]) -> tuple[int, ...]:
    """A row of the table ``input``; ``corrected`` is gain and offset of its calibration.  Raises BadInput."""
    low, high = whole(row.quantity, row.low), whole(row.quantity, row.high)
    zero, scale, offset, raw = 0, (1, 0), 0, ANY_RAW
    warn = raw
    if row.kind == "thermocouple":
        scale, raw = (1000, 7), (-262144, 262143)  # the chip's code is 1/128 degC
    elif row.kind == "rtd":
        raw = RTD_RAW  # m degC already
    elif row.kind == "analog":
        zero, scale, offset, raw, warn = _analog(row)
    elif row.kind == "counter":
        scale, raw = _counter(row, node)
    elif row.kind == "drive":
        scale, raw = _drive(row)
    gain, added = corrected
    if gain != 1:
        scale = _scale(f"calibration of {row.name}", gain * scale[0] / 2 ** scale[1], zero, raw)
    offset = round(gain * offset) + whole(row.quantity, added)
    quantity = QUANTITY_BY_NAME[row.quantity][0]
    slew = whole(row.quantity, row.slew_per_s * node.scan_ms / 1000)
    head = (INPUT_KINDS[row.kind], row.port, _channel(row), quantity, zero, *scale, offset)
    return (*head, low, high, slew, *raw, row.filter_k, *warn, *_doubt_words(row, node))


def _doubt_words(row: Input, node: Node) -> tuple[int, ...]:
    """frozen_scans and the three words of a partner."""
    frozen_scans = round(row.frozen_s * 1000 / node.scan_ms)
    if row.partner is None or row.partner_limit is None:
        return frozen_scans, -1, 0, 0
    limit = whole(row.quantity, row.partner_limit)
    if limit < 1:
        raise BadInput([f"input {row.name}: partner_limit = {row.partner_limit} is less than one whole unit"])
    number = [other.name for other in node.input].index(row.partner)
    return frozen_scans, number, limit, round(row.partner_s * 1000 / node.scan_ms)


def output_words(row: Output, node: Node) -> tuple[int, ...]:
    """A row of the table ``output``."""
    loop = [loop.name for loop in node.loop].index(row.loop) if row.loop else -1
    gain = mantissa_shift(row.gain, 4095, 16) if row.loop else (0, 0)
    sign = (1 if row.side == "positive" else -1) if row.loop else 0
    delay_ms = round(row.safe_delay_s * 1000)
    head = (OUTPUT_KINDS[row.kind], row.port, row.channel, loop, sign, *gain)
    dead = round(row.dead_band * tables.FULL_SCALE)
    return (*head, round(row.safe * tables.FULL_SCALE), delay_ms, states_mask(row.on), dead)
