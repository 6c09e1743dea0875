"""The configuration of a node as tables of whole numbers: what the host compiles and a node checks (SPEC 4).

A row is an array of 32-bit words; a field has a name and hard limits.  No loop is known by name on the board: the line
file names it, the compiler numbers it.
"""

from .quantities import (
    CONCENTRATION,
    GAS_FLOW,
    LEVEL,
    MASS_FLOW,
    PRESSURE,
    QUANTITIES,
    ROTATION,
    SPEED,
    TEMPERATURE,
    VOLUME_FLOW,
)

# kinds of input, output, loop; comparisons and actions of an interlock; sources of a record
(THERMOCOUPLE, ANALOG, SWITCH_IN, COUNTER, RTD, DRIVE_IN) = range(6)
(SSR, DAC, SWITCH_OUT, DRIVE_OUT) = range(4)
(SINGLE, RATIO_LOOP, CASCADE_LOOP) = range(3)
(ABOVE, BELOW, NOT_GOOD, APART) = range(4)
(REF_NONE, REF_SETPOINT, REF_INPUT, REF_OUTPUT) = range(4)
(JUDGE_NUMBER, JUDGE_MEAN, JUDGE_CHANGE, JUDGE_SWING) = range(4)
(HEATER, HEATER_CURRENT) = range(2)
(NEED_INPUT, NEED_SETPOINT, NEED_OUTPUT_ON) = range(3)
(ACT_ALARM, ACT_HOLD, ACT_STOP, ACT_ABORT) = range(1, 5)
(OF_INPUT, OF_SETPOINT, OF_OUTPUT, OF_RAW, OF_MODE) = range(5)
(RTD_THREE_WIRE, RTD_PT1000, RTD_60_HZ) = (1, 2, 4)  # bits of the channel of an RTD
(DRIVE_SPEED, DRIVE_CURRENT, DRIVE_STATUS) = range(3)  # channel of a drive as an input

# modes of a loop, and what its setpoint program does; a record of OF_MODE is mode + 8 * program
(MODE_OFF, MODE_MANUAL, MODE_AUTO, MODE_CASCADE, MODE_RATIO, MODE_TUNE, MODE_FAILED) = range(7)
MODES = ("off", "manual", "auto", "cascade", "ratio", "tune", "failed")
(PROGRAM_NONE, PROGRAM_RAMPING, PROGRAM_WAITING, PROGRAM_SOAKING, PROGRAM_SOAKED, PROGRAM_FROZEN) = range(6)
PROGRAMS = ("", "ramping", "held back", "soaking", "soaked", "frozen")
OUTPUT_KEPT = 131072  # as the output of SET_MODE: manual begins where the output stands

LOOPS_N_MAX = 16
INPUTS_N_MAX = 32
OUTPUTS_N_MAX = 32
RECORDS_N_MAX = 64
INTERLOCKS_N_MAX = 48
GAINS_N_MAX = 24
GAIN_SETS_N_MAX = 4  # of one loop: its own, and three of the table
MONITORS_N_MAX = 16
PERMISSIVES_N_MAX = 32
MEAN_BLOCKS_N = 15  # a mean over minutes is made of so many blocks
MEAN_BLOCK_SCANS_MAX = 1024  # the sum of a block stays below 2^30
CYCLES_N_MAX = 8
ALL_STATES = (1 << 11) - 1
MASKED_OUTPUTS_N_MAX = 30  # outputs that one word can name: it stays below 2^30
ALL_OUTPUTS = (1 << MASKED_OUTPUTS_N_MAX) - 1

# kernel limits (the proof of the bounds stands in control/pid.py)
MANTISSA_MAX = 4095
SHIFT_MAX = 28
FULL_SCALE = 65536
PULSE_LEVEL_MAX = 6554  # of an analog output that a person checks: a tenth of full scale
PULSE_MS_MAX = 3000  # of any: a heater gets no more than what a zone loses in a minute

_QUANTITY = ("quantity", 0, len(QUANTITIES) - 1)
_PV = (-200000, 500000)

NODE = (
    ("node", 1, 246),
    ("scan_ms", 10, 1000),
    ("lease_ms", 500, 10000),
    ("hold_max_s", 1, 3600),
    ("runout_s", 0, 3600),  # COMPLETING: the fiber still in the line is drawn out
    ("stop_max_s", 1, 600),  # HOLDING and STOPPING: longest time the ramps down may take
    ("alone_max_s", 1, 3600),  # without the supervisor: so long at the last setpoints, then HELD
)
INPUT = (
    ("kind", 0, 5),
    ("port", 0, 31),  # of a drive: its address on the bus, from 1
    ("channel", 0, 7),  # of a converter; of an RTD its bits, of a drive what it measures
    _QUANTITY,
    ("zero", -32768, 65535),  # raw number at offset
    ("scale_m", 0, 32767),
    ("scale_s", 0, 24),
    ("offset", _PV[0], _PV[1]),
    ("low", _PV[0], _PV[1]),  # outside low..high the sample is dropped
    ("high", _PV[0], _PV[1]),
    ("slew", 0, 500000),  # largest believable change between two scans; 0: not checked
    ("raw_low", -524288, 524287),  # NAMUR NE 43: below or above these the sensor has failed
    ("raw_high", -524288, 524287),
    ("filter_k", 0, 7),
    ("warn_low", -524288, 524287),  # NAMUR NE 43: below or above these a raw number that is no failure is doubted
    ("warn_high", -524288, 524287),
    ("frozen_scans", 0, 36000),  # bad when the raw number stood for so long, doubted after a third; 0: not checked
    ("partner", -1, INPUTS_N_MAX - 1),  # the input that measures the same; -1: none
    ("partner_limit", 0, 500000),  # farther apart than this, both are doubted
    ("partner_scans", 0, 36000),  # and after so many scans both are bad
)
OUTPUT = (
    ("kind", 0, 3),
    ("port", 0, 31),
    ("channel", 0, 3),
    ("loop", -1, LOOPS_N_MAX - 1),
    ("sign", -1, 1),  # which side of the loop's output this actuator takes
    ("gain_m", 0, MANTISSA_MAX),
    ("gain_s", 0, 16),
    ("safe", 0, FULL_SCALE),
    ("safe_delay_ms", 0, 120000),  # place in the safe order: time after ABORTING began
    ("on_states", 0, ALL_STATES),  # for a switch without a loop: the states in which it is on
    ("dead_band", 0, FULL_SCALE),  # so much of the loop's output on this side does nothing: split range
)
LOOP = (
    ("kind", 0, 2),
    ("input", 0, INPUTS_N_MAX - 1),
    ("master", -1, INPUTS_N_MAX - 1),  # ratio: the input that is followed; cascade: the outer loop
    ("ratio_q12", 0, 65535),
    _QUANTITY,
    ("setpoint_low", _PV[0], _PV[1]),
    ("setpoint_high", _PV[0], _PV[1]),
    ("setpoint", _PV[0], _PV[1]),
    ("ramp_256", 0, 1 << 28),  # setpoint ramp, 1/256 unit a scan; 0: at once
    ("stop_ramp_256", 0, 1 << 28),
    ("holdback", 0, 500000),  # the ramp waits while the pv is farther away than this; 0: never
    ("soak_scans", 0, 1 << 28),
    ("auto_states", 0, ALL_STATES),  # states in which the loop controls
    ("down_states", 0, ALL_STATES),  # states in which it controls towards zero
    ("standstill", 0, 500000),  # below this the loop has come to rest
    ("ff_loop", -1, LOOPS_N_MAX - 1),  # feed-forward from this loop's working setpoint
    ("ff_m", 0, MANTISSA_MAX),
    ("ff_s", 0, SHIFT_MAX),
    ("action", -1, 1),  # 1: more output raises the pv; -1: lowers it
    ("mp", 0, MANTISSA_MAX),
    ("sp", 0, SHIFT_MAX),
    ("mi", 0, MANTISSA_MAX),
    ("si", 0, SHIFT_MAX),
    ("md", 0, MANTISSA_MAX),
    ("sd", 0, SHIFT_MAX),
    ("mt", 0, MANTISSA_MAX),
    ("st", 0, SHIFT_MAX),
    ("b_256", 0, 256),
    ("kz", 3, 14),
    ("kd", 0, 7),
    ("out_low", -FULL_SCALE, FULL_SCALE),
    ("out_high", -FULL_SCALE, FULL_SCALE),
    ("out_rate", 0, 2 * FULL_SCALE),  # largest change a scan; 0: not limited
    ("ff_rate_m", 0, MANTISSA_MAX),  # feed-forward from the speed of the loop's own ramp, 1/256 unit a scan
    ("ff_rate_s", 0, SHIFT_MAX),
)
INTERLOCK = (
    ("input", 0, INPUTS_N_MAX - 1),
    ("comparison", 0, 3),  # APART: farther from its reference than the limit, on either side
    ("limit", -200000, 1000000),
    ("delay_scans", 0, 36000),
    ("action", 1, 4),
    ("states", 0, ALL_STATES),
    ("bad_trips", 0, 1),  # 1: a bad sensor is taken for the worst; 0: the loop's own failure covers it
    ("reference_kind", 0, 3),  # what the limit counts from: nothing, a setpoint, another input, a loop's output
    ("reference", 0, INPUTS_N_MAX - 1),
    ("share_q12", 0, 65535),  # of the reference, before the limit is added
    ("reference_min", 0, 500000),  # the row sleeps while its reference (after the share) is smaller
    ("band_q12", 0, 4096),  # widens the limit of APART by this part of the reference
    ("arms", 0, 1),  # 1: sleeps in each new state until its cause was absent for its delay
    ("auto_reset", 0, 1),  # 1: clears itself when its cause has gone
    ("off_outputs", 0, ALL_OUTPUTS),  # bit by bit: outputs at their safe value while the row is latched
    ("window_scans", 0, MEAN_BLOCKS_N * MEAN_BLOCK_SCANS_MAX),  # of a mean or a change
    ("priority", 0, 2),  # of an alarm: low, medium, high; of rows that trip in one scan the highest is the first out
    ("eased_loop", -1, LOOPS_N_MAX - 1),  # a trip takes this loop's setpoint down once; -1: none
    ("eased_q12", 0, 4096),  # to this part of it
    ("eased_while", 0, 1),  # 1: only while the row is latched, by the stop ramp; the setpoint itself stays
    ("judged", 0, 3),  # the number, its mean or change over the window, or its swing in 1/4096 of its mean
    ("cycles_n", 0, CYCLES_N_MAX),  # of a swing: so many in a row, the weakest is judged
    ("cycle_scans_min", 0, 500),  # each within these times
    ("cycle_scans_max", 0, 500),
)
# Heat balance of a loop (control/monitors.py); times in steps of the monitors, one second or the nearest below
MONITOR = (
    ("kind", 0, 1),
    ("loop", 0, LOOPS_N_MAX - 1),
    ("input", -1, INPUTS_N_MAX - 1),  # heater current, where it is measured
    ("output", -1, OUTPUTS_N_MAX - 1),  # the switch that it belongs to
    ("states", 0, ALL_STATES),
    ("action", 1, 4),  # heat that nobody asked for
    ("action_open", 1, 4),  # heat that does not come; the loop goes on
    ("action_break", 1, 4),  # full output that warms nothing; the loop gives no more
    ("action_sensor", 1, 4),  # a reversed sensor, and one that slipped when its output was frozen for long enough
    ("off_outputs", 0, ALL_OUTPUTS),
    ("ambient", -50000, 100000),
    ("filter_k", 2, 7),  # both lags of the observer: 2^k steps
    ("dead_steps", 0, 127),
    ("rate_m", 0, MANTISSA_MAX),  # time constant over gain: 1/4096 of full output for 1/16 unit between the lags
    ("rate_s", 0, SHIFT_MAX),
    ("gain_m", 0, MANTISSA_MAX),  # 1 over gain: 1/4096 of full output for 8 units above ambient
    ("gain_s", 0, SHIFT_MAX),
    ("limit_q12", 0, 16384),  # disturbance, 1/4096 of full output; of a current: of what is expected
    ("delay_steps", 0, 3600),
    ("share_q12", 0, 4096),  # while heating up the limit grows by this part of the output
    ("bias_256", 0, 65536),  # fastest move of the bias, 1/256 of 1/4096 a step
    ("learn_steps", 0, 3600),  # after a change of state the bias follows quickly
    ("break_steps", 0, 3600),  # output at its limit this long without the pv leaving the band: loop break; 0: never
    ("break_band", 0, 100000),
    ("rise_steps", 0, 3600),  # pv above setpoint and rising by the band in this time without output; 0: never
    ("rise_band", 0, 100000),
    ("rise_above", 0, 100000),
    ("reverse_band", 0, 100000),  # first heat-up: a fall by this is a reversed sensor; 0: not checked
    ("expected", 0, 500000),  # of a current, while the switch is on
    ("freeze_steps", 0, 3600),  # a sensor slipped: the output of the model for so long, then its loop has failed
)
PERMISSIVE = (
    ("kind", 0, 2),
    ("of", 0, INPUTS_N_MAX - 1),  # input, loop or output by the kind
    ("comparison", 0, 1),
    ("limit", -200000, 1000000),
    ("commands", 0, 1023),  # bit by bit: commands that are refused while it is not met
    ("off_outputs", 0, ALL_OUTPUTS),  # outputs that are at their safe value while it is not met
)
GAINS = (
    (
        ("loop", 0, LOOPS_N_MAX - 1),
        ("input", -1, INPUTS_N_MAX - 1),  # what chooses the set; -1: the working setpoint
        ("from", _PV[0], _PV[1]),  # at and above this number the set holds; sets of a loop stand in its order
        ("hysteresis", 0, 500000),  # so far below it the set before comes back
    )
    + LOOP[-16:-5]
)  # mp to kd
RECORD = (
    ("source", 0, 4),
    ("of", 0, INPUTS_N_MAX - 1),
    _QUANTITY,
    ("summary", 0, 1),  # 1: also in the summary ring, with its lowest, highest and last number
)

# number, name, fields, most rows
TABLES = (
    (0, "node", NODE, 1),
    (1, "input", INPUT, INPUTS_N_MAX),
    (2, "loop", LOOP, LOOPS_N_MAX),
    (3, "output", OUTPUT, OUTPUTS_N_MAX),
    (4, "interlock", INTERLOCK, INTERLOCKS_N_MAX),
    (5, "record", RECORD, RECORDS_N_MAX),
    (6, "gains", GAINS, GAINS_N_MAX),
    (7, "monitor", MONITOR, MONITORS_N_MAX),
    (8, "permissive", PERMISSIVE, PERMISSIVES_N_MAX),
)
(TABLE_NODE, TABLE_INPUT, TABLE_LOOP, TABLE_OUTPUT, TABLE_INTERLOCK, TABLE_RECORD) = range(6)
(TABLE_GAINS, TABLE_MONITOR, TABLE_PERMISSIVE) = range(6, 9)
assert GAINS[4][0] == "mp" and GAINS[-1][0] == "kd"

# what a violation names instead of a field of its row (SPEC 4.4)
OF_RECORD_BYTES = 253  # the records of the table are longer than a frame can carry
OF_RING_BYTES = 254  # both rings together need more memory than there is
OF_WORDS_N = 255  # a wrong number of words, or rows that are missing

# quantity, lowest and highest setpoint any configuration may allow: the node's own hard limits
SETPOINT_HARD = (
    (TEMPERATURE, 0, 250000),  # firmware heater trip of the melt, engineering estimate
    (MASS_FLOW, 0, 300000),
    (PRESSURE, 0, 10000),
    (ROTATION, 0, 15000),
    (SPEED, 0, 100000),
    (VOLUME_FLOW, 0, 40000),
    (GAS_FLOW, 0, 100000),
    (CONCENTRATION, 0, 200000),
    (LEVEL, 0, 1000),
)


def field_index(fields: "tuple[tuple[str, int, int], ...]", name: str) -> int:
    """Position of a field in a row.  Raises KeyError where the table has no such field."""
    for i in range(len(fields)):
        if fields[i][0] == name:
            return i
    raise KeyError(name)


def range_violations(table: int, words: "tuple[int, ...]") -> "list[tuple[int, int, int]]":
    """Fields of a row outside their hard limits: (field, got, limit).  A wrong number of words is field 255."""
    fields = TABLES[table][2]
    if len(words) != len(fields):
        return [(255, len(words), len(fields))]
    found = []
    for i in range(len(fields)):
        if words[i] < fields[i][1]:
            found.append((i, words[i], fields[i][1]))
        elif words[i] > fields[i][2]:
            found.append((i, words[i], fields[i][2]))
    return found


def setpoint_hard_limits(quantity: int) -> "tuple[int, int]":
    """Hard limits of a setpoint of this quantity; (0, 0) where none may be controlled."""
    for kind, low, high in SETPOINT_HARD:
        if kind == quantity:
            return low, high
    return 0, 0
