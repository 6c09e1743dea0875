"""What a configuration may change while the line runs.  Loaded when somebody asks, forgotten again.

Only numbers change: what a row is of, its port, its place and its scaling stay.  A field that is not named here is
structure, so a new field is safe before anybody thought of it.
"""

from spinline_protocol.configuration import (
    GAINS,
    INPUT,
    INTERLOCK,
    LOOP,
    MONITOR,
    NODE,
    OUTPUT,
    PERMISSIVE,
    RECORD,
    field_index,
)

_MAY_CHANGE = (
    (NODE, ("lease_ms", "hold_max_s", "runout_s", "stop_max_s", "alone_max_s")),
    (
        INPUT,
        ("low", "high", "slew", "raw_low", "raw_high", "warn_low", "warn_high")
        + ("frozen_scans", "partner_limit", "partner_scans"),
    ),
    (
        LOOP,
        (
            "ratio_q12",
            "setpoint_low",
            "setpoint_high",
            "setpoint",
            "ramp_256",
            "stop_ramp_256",
            "holdback",
            "soak_scans",
        )
        + ("standstill", "ff_m", "ff_s", "mp", "sp", "mi", "si", "md", "sd", "mt", "st", "b_256", "kz", "kd")
        + ("out_low", "out_high", "out_rate", "ff_rate_m", "ff_rate_s"),
    ),
    (OUTPUT, ("safe", "safe_delay_ms")),
    (INTERLOCK, ("limit", "delay_scans", "bad_trips")),
    (RECORD, ()),
    (GAINS, ("from", "hysteresis", "mp", "sp", "mi", "si", "md", "sd", "mt", "st", "b_256", "kz", "kd")),
    (MONITOR, ()),
    (PERMISSIVE, ("limit",)),
)
_CHANGES = tuple([frozenset([field_index(fields, name) for name in names]) for fields, names in _MAY_CHANGE])


def same_structure(old, new) -> bool:  # type: ignore[no-untyped-def]
    """True where two sets of tables differ in nothing but numbers that may change in a running line."""
    for table in range(len(_CHANGES)):
        if len(old[table]) != len(new[table]):
            return False
        for i in range(len(old[table])):
            before, after = old[table][i], new[table][i]
            for field in range(len(before)):
                if before[field] != after[field] and field not in _CHANGES[table]:
                    return False
    return True
