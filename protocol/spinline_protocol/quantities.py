"""Every kind of quantity of the line: the only place for names, units, scales and ranges.

A quantity travels, is controlled and is recorded as a whole number of its unit.  ``decimals`` turns it into the unit
people read: shown = number / 10^decimals.  The range is what the wire can carry; it gives the bytes of a channel.
"""

# number, name, unit of the wire, lowest, highest, decimals, unit on screens
QUANTITIES = (
    (0, "state", "-", 0, 255, 0, ""),
    (1, "temperature", "mC", -50000, 450000, 3, "degC"),
    (2, "mass_flow", "cmg_s", -20000, 400000, 2, "mg/s"),
    (3, "pressure", "kPa", -1000, 25000, 0, "kPa"),
    (4, "rotation", "crpm", -2000, 30000, 2, "rpm"),
    (5, "speed", "cmm_s", -450000, 450000, 2, "mm/s"),
    (6, "volume_flow", "mL_min", -3000, 60000, 0, "mL/min"),
    (7, "gas_flow", "mNcm3_min", -20000, 200000, 3, "Ncm3/min"),
    (8, "concentration", "ppm", -50000, 1000000, 0, "ppm"),
    (9, "level", "permille", -200, 1300, 1, "%"),
    (10, "tension", "mN", -2000, 30000, 3, "N"),
    (11, "output", "u16", -65536, 65536, 0, "1/65536"),
    (12, "switch", "-", 0, 1, 0, ""),
    (13, "ratio", "q12", 0, 65535, 0, "1/4096"),
    (14, "count", "-", 0, 16777215, 0, ""),  # encoder position, wraps at 2^24
    (15, "diameter", "um", -1000, 10000, 0, "um"),
    (16, "current", "cA", 0, 65535, 2, "A"),
)

(STATE, TEMPERATURE, MASS_FLOW, PRESSURE, ROTATION, SPEED, VOLUME_FLOW) = range(7)
(GAS_FLOW, CONCENTRATION, LEVEL, TENSION, OUTPUT, SWITCH, RATIO, COUNT, DIAMETER, CURRENT) = range(7, 17)

# quality of a number, two bits each on the wire: code, name, letter of NAMUR NE 107, what it says
QUALITIES = (
    (0, "good", "", "used as it is"),
    (1, "uncertain", "S", "out of specification: a sample was dropped, or the number stands but is doubted"),
    (2, "bad", "F", "failure: not used"),
    (3, "check", "C", "function check: work goes on at its loop; it says nothing of the product"),
)
(GOOD, UNCERTAIN, BAD, CHECK) = range(4)
MAINTENANCE = "M"  # no state of a number: the event SENSOR_MAINTENANCE


LOWEST = tuple([row[3] for row in QUANTITIES])
HIGHEST = tuple([row[4] for row in QUANTITIES])
# of one channel in a telemetry record: 1 to 3, from its range
WIRE_BYTES = tuple([1 if row[4] - row[3] < 1 << 8 else 2 if row[4] - row[3] < 1 << 16 else 3 for row in QUANTITIES])


def quality_rank(quality: int) -> int:
    """Order of qualities from best to worst, 0 to 3: good, uncertain, check, bad."""
    return quality ^ quality >> 1


def wire_bytes(quantity: int) -> int:
    """Bytes of one channel of this quantity in a telemetry record: 1 to 3, from its range."""
    return WIRE_BYTES[quantity]


def in_range(quantity: int, number: int) -> bool:
    """True where the wire can carry this number of the quantity."""
    return LOWEST[quantity] <= number <= HIGHEST[quantity]


for _i in range(len(QUANTITIES)):
    assert QUANTITIES[_i][0] == _i and QUANTITIES[_i][3] < QUANTITIES[_i][4]
    assert QUANTITIES[_i][4] - QUANTITIES[_i][3] < 1 << 24
    assert -(1 << 29) < QUANTITIES[_i][3] and QUANTITIES[_i][4] < 1 << 29  # differences stay below 2^30
