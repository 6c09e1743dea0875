"""Messages on the PC's side, by the msgpack package: fields by name, judged against the tables.  Never on a board."""

from __future__ import annotations

from typing import Any

import msgpack

from . import messages

_TYPES: dict[str, type] = {"bin": bytes, "str": str}
# number -> names and Python types of its fields, in wire order
_FIELDS = {
    row[0]: (tuple(name for name, _kind in row[3]), tuple(_TYPES.get(kind, int) for _name, kind in row[3]))
    for row in messages.MESSAGES
}
_PACKER = msgpack.Packer(use_bin_type=True)


def pack_message(number: int, values: tuple[Any, ...]) -> bytes:
    """A message as msgpack; the number of values must be that of the table (asserted: ours)."""
    assert len(values) == len(_FIELDS[number][0]), (number, values)
    packed: bytes = _PACKER.pack([number, *values])
    return packed


def unpack_message(payload: bytes) -> tuple[int, dict[str, Any]]:
    """Number and named fields of a payload; fields beyond the table are ignored.  Raises ValueError."""
    try:
        message = msgpack.unpackb(payload, raw=False, strict_map_key=True)
        number, values = message[0], message[1:]
        names, types = _FIELDS[number]
    except Exception as error:  # msgpack has many exception types for what is one thing: no message
        raise ValueError(f"no message: {error}") from error
    if len(values) < len(names):
        raise ValueError(f"message {number} has {len(values)} fields, not {len(names)}")
    if tuple(map(type, values[: len(names)])) != types:
        raise ValueError(f"message {number}: fields of another kind: {values!r}")
    return number, dict(zip(names, values, strict=False))
