"""Writes the generated tables of protocol/SPEC.md between their markers: the code's tables, never a copy by hand."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from spinline_protocol import auth, configuration, errors, framing, messages, packer, quantities, states, transitions

SPEC = Path("protocol/SPEC.md")
KINDS = (
    "CONTROL",
    "REQUEST",
    "RESPONSE",
    "PROGRESS",
    "TELEMETRY",
    "EVENT",
    "TRANSFER",
    "BACKFILL",
    "SYNC",
    "LEASE",
    "LOG",
)
_BLOCK = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
LIMITS = (
    ("payload of a frame, bytes", framing.PAYLOAD_BYTES_MAX),
    ("frame before stuffing, bytes", framing.FRAME_BYTES_MAX),
    ("unfinished frame kept by a reader, bytes", framing.READER_BYTES_MAX),
    ("nesting of arrays", packer.DEPTH_MAX),
    ("elements of an array", packer.ARRAY_N_MAX),
    ("string, bytes", packer.STRING_BYTES_MAX),
    ("bin, bytes", packer.BIN_BYTES_MAX),
    ("violations in one answer", messages.VIOLATIONS_N_MAX),
)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def _kinds() -> str:
    return _table(("kind", "name"), [*enumerate(KINDS), (framing.LINK_ERROR, "LINK_ERROR")])


def _messages() -> str:
    rows = [
        (f"0x{number:02X}", name, KINDS[kind], ", ".join(f"{field}:{type_}" for field, type_ in fields) or "none")
        for number, name, kind, fields in messages.rows()
    ]
    return _table(("number", "message", "frame", "fields in order"), rows)


def _places() -> str:
    rows = []
    for number, name, _kind, _fields in messages.rows():
        frames = [
            "LINK_ERROR" if place & framing.TYPE_MASK == framing.LINK_ERROR else KINDS[place & framing.TYPE_MASK]
            for place in messages.places_of(number)
        ]
        rows.append((name, ", ".join(frames), "node" if number in messages.FROM_NODE else "host"))
    return _table(("message", "frame", "sent by"), rows)


def _quantities() -> str:
    rows = [(*row[:5], quantities.wire_bytes(row[0]), row[5], row[6] or "-") for row in quantities.QUANTITIES]
    return _table(
        ("number", "quantity", "unit of the wire", "lowest", "highest", "bytes", "decimals", "on screens"), rows
    )


def _configuration() -> str:
    parts = []
    for number, name, fields, rows_n in configuration.TABLES:
        parts.append(f"**Table {number}, `{name}`**, at most {rows_n} rows of {len(fields)} words\n\n")
        parts.append(_table(("word", "field", "lowest", "highest"), [(i, *field) for i, field in enumerate(fields)]))
        parts.append("\n")
    return "".join(parts)


def _setpoints() -> str:
    rows = [(quantities.QUANTITIES[kind][1], low, high) for kind, low, high in configuration.SETPOINT_HARD]
    return _table(("quantity", "lowest setpoint", "highest setpoint"), rows)


def _states() -> str:
    rows = [(i, name, "yes" if i in states.ACTIVE else "no") for i, name in enumerate(states.STATES)]
    return _table(("number", "state", "needs the lease"), rows)


def _transitions() -> str:
    rows = [
        (
            states.STATES[start],
            "(its work is done)" if cause == states.DONE else states.COMMANDS[cause],
            states.STATES[end],
        )
        for start, cause, end in transitions.TRANSITIONS
    ]
    return _table(("state", "command", "next state"), [*rows, ("any but ABORTING, ABORTED", "ABORT", "ABORTING")])


def _roles() -> str:
    named = {number: name for number, name, _kind, _fields in messages.rows()}
    return _table(("request", "from"), [(named[number], auth.ROLES[role]) for number, role in auth.ROLE_NEEDED])


MAKERS: dict[str, Callable[[], str]] = {
    "kinds": _kinds,
    "messages": _messages,
    "places": _places,
    "limits": lambda: _table(("what", "most"), LIMITS),
    "quantities": _quantities,
    "configuration": _configuration,
    "setpoints": _setpoints,
    "states": _states,
    "commands": lambda: _table(("number", "command"), list(enumerate(states.COMMANDS))),
    "transitions": _transitions,
    "events": lambda: _table(("code", "event"), list(enumerate(states.EVENTS))),
    "roles": _roles,
    "results": lambda: _table(("code", "name", "means", "what to do"), errors.results()),
}


def spec_text(text: str) -> str:
    """The text with every marked block made anew.  Raises KeyError for a block nobody makes."""
    return _BLOCK.sub(lambda match: f"{match[1]}{MAKERS[match[2]]()}{match[3]}", text)


def make_spec() -> list[Path]:
    """Rewrite the tables of the SPEC."""
    SPEC.write_text(spec_text(SPEC.read_text(encoding="utf-8")), encoding="utf-8")
    return [SPEC]
