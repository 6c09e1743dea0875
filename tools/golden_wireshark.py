"""Makes protocol/wireshark/spinline.lua: the dissector.  Tables are the code's, the rest is golden_wireshark.lua."""

from collections.abc import Iterable
from pathlib import Path

from spinline_protocol import auth, configuration, errors, framing, messages, states
from tools.golden_spec import KINDS

SCRIPT = Path("protocol/wireshark/spinline.lua")
BODY = Path(__file__).with_suffix(".lua")
TYPES = {
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "u64": "uint64",
    "i32": "int32",
    "bin": "bytes",
    "str": "string",
}
HEAD = """\
-- Wireshark's dissector of the wire between supervisor and node (SPEC 1, 2): header, CRC, tag, every field by name.
-- Made by `make golden` from the tables of the protocol; for link type USER0, as `spinline link export` writes it.

local spinline = Proto("spinline", "Spinline")
"""
# message and field -> the table that names its numbers
NAMED = {
    ("COMMAND", "command"): "commands",
    ("HELLO_ACK", "state"): "states",
    ("EVENT", "code"): "events",
    ("CONFIG_PUT", "table"): "tables",
    ("PROVISION", "role"): "roles",
}
EXPERTS = (
    ("no_frame", "no frame: flags, length or version are wrong", "MALFORMED", "ERROR"),
    ("bad_crc", "the CRC is wrong: damaged", "CHECKSUM", "ERROR"),
    ("bad_message", "no message of the tables: msgpack or fields are wrong", "MALFORMED", "ERROR"),
    ("unknown_message", "a message that the tables do not know", "UNDECODED", "WARN"),
)


def _names(name: str, rows: Iterable[tuple[int, str]]) -> str:
    return f"local {name} = {{ " + ", ".join(f'[{number}] = "{text}"' for number, text in rows) + " }\n"


def _tables() -> str:
    return "".join(
        (
            _names("kinds", [*enumerate(KINDS), (framing.LINK_ERROR, "LINK_ERROR")]),
            _names("codes", [(row[0], row[1]) for row in errors.results()]),
            _names("states", enumerate(states.STATES)),
            _names("commands", enumerate(states.COMMANDS)),
            _names("events", enumerate(states.EVENTS)),
            _names("tables", [(row[0], row[1]) for row in configuration.TABLES]),
            _names("roles", enumerate(auth.ROLES)),
            _names("names", [(row[0], row[1]) for row in messages.rows()]),
        )
    )


def _header() -> str:
    rows = (
        ("length", "uint8", "base.DEC"),
        ("destination", "uint8", "base.DEC"),
        ("source", "uint8", "base.DEC"),
        ("control", "uint8", "base.HEX"),
        ("authenticated", "bool", f"8, nil, {framing.AUTHENTICATED}"),
        ("from_node", "bool", f"8, nil, {framing.FROM_DEVICE}"),
        ("kind", "uint8", f"base.DEC, kinds, {framing.TYPE_MASK}"),
        ("session", "uint16", "base.HEX"),
        ("sequence", "uint16", "base.DEC"),
        ("crc", "uint32", "base.HEX"),
        ("tag", "bytes", "base.NONE"),
    )
    lines = [f'    {name} = ProtoField.{kind}("spinline.{name}", "{name}", {more}),\n' for name, kind, more in rows]
    return "local header = {\n" + "".join(lines) + "}\n"


def _field(message: str, name: str, kind: str) -> str:
    label = f'"spinline.{message.lower()}.{name}", "{name}"'
    table = NAMED.get((message, name)) or ("codes" if name == "code" else "")
    base = ", base.DEC" + (f", {table}" if table else "") if kind[0] in "ui" else ", base.NONE" if kind == "bin" else ""
    number = "true" if kind[0] in "ui" and kind != "u64" else "false"
    return f'        {{ kind = "{kind}", number = {number}, field = ProtoField.{TYPES[kind]}({label}{base}) }},\n'


def _messages() -> str:
    text = "local messages = {\n"
    for number, name, _kind, fields in messages.rows():
        text += f'    [{number}] = {{ name = "{name}", fields = {{\n'
        text += "".join(_field(name, field, kind) for field, kind in fields) + "    } },\n"
    return text + "}\n"


def _registered() -> str:
    text = 'local message_field = ProtoField.uint8("spinline.message", "message", base.HEX, names)\n'
    for name, sentence, group, severity in EXPERTS:
        judged = f"expert.group.{group}, expert.severity.{severity}"
        text += f'local {name} = ProtoExpert.new("spinline.{name}", "{sentence}", {judged})\n'
    text += "local fields = { message_field }\n"
    text += "for _, field in pairs(header) do fields[#fields + 1] = field end\n"
    text += "for _, message in pairs(messages) do\n"
    text += "    for _, row in ipairs(message.fields) do fields[#fields + 1] = row.field end\nend\n"
    text += "spinline.fields = fields\n"
    return text + f"spinline.experts = {{ {', '.join(row[0] for row in EXPERTS)} }}\n\n"


def script_text() -> str:
    """The dissector."""
    return HEAD + _tables() + _header() + _messages() + _registered() + BODY.read_text(encoding="utf-8")


def make_dissector() -> list[Path]:
    """Write the dissector."""
    SCRIPT.parent.mkdir(exist_ok=True)
    SCRIPT.write_text(script_text(), encoding="utf-8")
    return [SCRIPT]
