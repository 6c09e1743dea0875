"""Messages on the PC's side, by the msgpack package: fields by name, judged against the tables.  Never on a board."""

from __future__ import annotations

from typing import Any

import msgpack

from . import messages
from .schema import schema_sha256

_TYPES: dict[str, type] = {"bin": bytes, "str": str}
# number -> names and Python types of its fields, in wire order
_FIELDS = {
    row[0]: ([name for name, _kind in row[3]], [_TYPES.get(kind, int) for _name, kind in row[3]])
    for row in messages.rows()
}
FLASH = "flash the firmware that belongs to this host"
_pack = msgpack.Packer(use_bin_type=True).pack
_unpack = msgpack.unpackb


def pack_message(number: int, values: tuple[Any, ...]) -> bytes:
    """A message as msgpack; the number of values must be that of the table (asserted: ours)."""
    assert len(values) == len(_FIELDS[number][0]), (number, values)
    packed: bytes = _pack((number, *values))
    return packed


def unpack_message(payload: bytes) -> tuple[int, dict[str, Any]]:
    """Number and named fields of a payload; fields beyond the table are ignored.  Raises ValueError."""
    try:
        number, *values = _unpack(payload, raw=False, strict_map_key=True)
        names, types = _FIELDS[number]
        assert type(number) is int  # msgpack's true is equal to 1
    except Exception as error:  # msgpack has many exception types for what is one thing: no message
        raise ValueError(f"no message: {error}") from error
    if len(values) > len(names):
        values = values[: len(names)]
    if [type(value) for value in values] != types:
        raise ValueError(f"message {number}: {len(names)} fields of other kinds than {values!r}")
    return number, dict(zip(names, values))  # noqa: B905  as long as each other, and the word costs a third more


def mismatch_of(hello: dict[str, Any], any_schema: bool = False) -> str:
    """What keeps this host and the node of a HELLO_ACK from talking, and what to do; empty where nothing does.

    With ``any_schema`` only another major version does.
    """
    if hello["major"] != messages.VERSION_MAJOR:
        return f"protocol {hello['major']}.{hello['minor']} on the node, {messages.VERSION_TEXT} here; {FLASH}"
    ours = schema_sha256()
    if hello["schema_sha256"] != ours and not any_schema:
        return f"schema {hello['schema_sha256'].hex()[:12]} on the node, {ours.hex()[:12]} here; {FLASH}"
    return ""
