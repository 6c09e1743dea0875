"""Which rows of a configuration a board cannot have: no such port, or a pin that another row uses already.  Pure.

It is loaded when a configuration is bound and forgotten afterwards.
"""

from spinline_protocol.configuration import (
    ANALOG,
    COUNTER,
    DAC,
    DRIVE_IN,
    DRIVE_OUT,
    DRIVE_STATUS,
    INPUT,
    OUTPUT,
    RTD,
    RTD_PT1000,
    SSR,
    SWITCH_IN,
    THERMOCOUPLE,
    field_index,
)

CHANNELS_N = 4  # of an analog converter
_IN = tuple([field_index(INPUT, name) for name in ("kind", "port", "channel")])
_OUT = tuple([field_index(OUTPUT, name) for name in ("kind", "port", "channel")])


def _pins(board, side: int, kind: int, port: int):  # type: ignore[no-untyped-def]
    """Pins of a port, none for a place on the I2C; None where the board has no such port."""
    if kind == (DRIVE_OUT if side else DRIVE_IN):
        return [pin for pin in board.MODBUS[1:4] if pin != -1] if board.MODBUS and port else None
    places = (
        {SSR: board.SSR, DAC: board.MCP4728_ADDRESS}.get(kind, board.SWITCH_OUT)
        if side
        else {
            THERMOCOUPLE: board.TC_SELECT,
            ANALOG: board.ADS1115_ADDRESS,
            SWITCH_IN: board.SWITCH_IN,
            COUNTER: board.ENCODER,
            RTD: board.RTD_SELECT,
        }[kind]
    )
    if port >= len(places):
        return None
    if kind == COUNTER and not side:
        return places[port][1:]
    return () if kind == (DAC if side else ANALOG) else (places[port],)


def _fits(board, side: int, kind: int, port: int, channel: int, driven) -> bool:  # type: ignore[no-untyped-def]
    """What beside its pins a row asks for."""
    if side:
        return True
    if kind == RTD:  # the reference resistor of a socket fits one of the two elements
        return (board.RTD_REFERENCE_DOHM[port] >= 10000) == bool(channel & RTD_PT1000)
    if kind == DRIVE_IN:
        return channel <= DRIVE_STATUS and port in driven
    return kind != ANALOG or channel < CHANNELS_N


def unfit(board, inputs, outputs) -> "list[tuple[int, int]]":  # type: ignore[no-untyped-def]
    """(0 for an input or 1 for an output, row) of each row that the board cannot have beside those before it."""
    driven = [row[_OUT[1]] for row in outputs if row[_OUT[0]] == DRIVE_OUT]
    taken: "dict[object, tuple[int, ...]]" = {}  # pin -> what uses it
    seen = []  # a sensor or an actuator has one row
    found = []
    for side, rows, places in ((0, inputs, _IN), (1, outputs, _OUT)):
        for i in range(len(rows)):
            kind, port, channel = [rows[i][place] for place in places]
            pins = _pins(board, side, kind, port)
            drive = kind == (DRIVE_OUT if side else DRIVE_IN)
            use = () if drive else (side, kind, port)
            many = kind == DAC if side else kind in (ANALOG, DRIVE_IN)
            terminal = (side, kind, port, channel if many else 0)
            if (
                pins is None
                or terminal in seen
                or not _fits(board, side, kind, port, channel, driven)
                or [pin for pin in pins if taken.get(pin, use) != use]
            ):
                found.append((side, i))
                continue
            seen.append(terminal)
            for pin in pins:
                taken[pin] = use
    return found
