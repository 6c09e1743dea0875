"""Judges what interlocks, monitors and permissives of a new configuration point at.  Changes nothing."""

from spinline_protocol.configuration import (
    APART,
    HEATER_CURRENT,
    INTERLOCK,
    JUDGE_NUMBER,
    JUDGE_SWING,
    MONITOR,
    NEED_INPUT,
    NEED_SETPOINT,
    PERMISSIVE,
    REF_INPUT,
    REF_NONE,
    TABLE_INPUT,
    TABLE_INTERLOCK,
    TABLE_LOOP,
    TABLE_MONITOR,
    TABLE_OUTPUT,
    TABLE_PERMISSIVE,
    field_index,
)

_REFERENCE_KIND = field_index(INTERLOCK, "reference_kind")
_REFERENCE = field_index(INTERLOCK, "reference")
_COMPARISON = field_index(INTERLOCK, "comparison")
_EASED_LOOP = field_index(INTERLOCK, "eased_loop")
_JUDGED, _CYCLES_N = field_index(INTERLOCK, "judged"), field_index(INTERLOCK, "cycles_n")
_LOOP = field_index(MONITOR, "loop")
_CURRENT = field_index(MONITOR, "input")
_SWITCH = field_index(MONITOR, "output")
_OF = field_index(PERMISSIVE, "of")


def unknown_guard_places(tables) -> "list[tuple[int, int, int, int, int]]":  # type: ignore[no-untyped-def]
    """Violations as (table, row, field, got, limit): rows and outputs that are not there."""
    inputs_n, loops_n, outputs_n = [len(tables[table]) for table in (TABLE_INPUT, TABLE_LOOP, TABLE_OUTPUT)]
    found = []
    for table, fields in ((TABLE_INTERLOCK, INTERLOCK), (TABLE_MONITOR, MONITOR), (TABLE_PERMISSIVE, PERMISSIVE)):
        mask, off = (1 << outputs_n) - 1, field_index(fields, "off_outputs")
        for i in range(len(tables[table])):
            row = tables[table][i]
            if table == TABLE_INTERLOCK:
                places = _of_interlock(row, inputs_n, loops_n)
            elif table == TABLE_MONITOR:
                places = _of_monitor(row, inputs_n, loops_n, outputs_n)
            else:
                n = inputs_n if row[0] == NEED_INPUT else loops_n if row[0] == NEED_SETPOINT else outputs_n
                places = [(_OF, n)]
            for field, n in places:
                if not 0 <= row[field] < n:
                    found.append((table, i, field, row[field], n - 1))
            if row[off] > mask:
                found.append((table, i, off, row[off], mask))
    return found


def _of_interlock(row: "tuple[int, ...]", inputs_n: int, loops_n: int) -> "list[tuple[int, int]]":
    places = [(0, inputs_n)]
    if row[_EASED_LOOP] >= 0:
        places.append((_EASED_LOOP, loops_n))
    if row[_JUDGED] != JUDGE_NUMBER and row[_REFERENCE_KIND] != REF_NONE:
        places.append((_REFERENCE_KIND, REF_NONE + 1))  # it counts from nothing
    if row[_JUDGED] == JUDGE_SWING:
        places.append((_CYCLES_N + 1, row[_CYCLES_N + 2]))  # from the shortest to the longest
        if not row[_CYCLES_N]:
            places.append((_CYCLES_N, 0))
    if row[_REFERENCE_KIND] != REF_NONE:
        places.append((_REFERENCE, inputs_n if row[_REFERENCE_KIND] == REF_INPUT else loops_n))
    elif row[_COMPARISON] == APART:
        places.append((_COMPARISON, APART))  # nothing to be apart from
    return places


def _of_monitor(row: "tuple[int, ...]", inputs_n: int, loops_n: int, outputs_n: int) -> "list[tuple[int, int]]":
    places = [(_LOOP, loops_n)]
    if row[0] == HEATER_CURRENT:
        places += [(_CURRENT, inputs_n), (_SWITCH, outputs_n)]
    return places
