"""What a request must look like, and the answers that need nothing but the node itself.  Decides nothing."""

import sys

from spinline_protocol import errors, messages
from spinline_protocol.packer import Packer

_TOLD = Packer(messages.TUNE_TOLD, messages.fields_of(messages.TUNE_TOLD))
_IDENTITY = Packer(messages.IDENTITY, messages.fields_of(messages.IDENTITY))


def fits(operation, fields: list) -> bool:  # type: ignore[no-untyped-def, type-arg]
    """True where the fields have the number and the kinds of the message table; more than that is a newer host's."""
    try:
        expected = messages.fields_of(operation)
    except KeyError:
        return True  # answered as an unknown operation
    if len(fields) < len(expected):
        return False
    while len(fields) > len(expected):
        fields.pop()
    for i in range(len(expected)):
        kind = expected[i][1]
        if kind == "bin":
            fits = isinstance(fields[i], bytes)
        else:
            fits = isinstance(fields[i], int) and (kind == "i32" or fields[i] >= 0)
        if not fits:
            return False
    return True


def serve_tune(link, sequence: int, operation: int, fields: list, node) -> None:  # type: ignore[no-untyped-def, type-arg]
    """Begin or end a tuning experiment; the answer says how it stands.  ``node`` is None without a configuration."""
    refused, state, switches_n = (errors.STATE, 0, 0, "configuration"), 0, 0
    if node:
        if operation == messages.TUNE_START:
            refused = node.begin_tune(fields)
        else:
            refused = (errors.OK, 0, 0, "")
            node.loops.tune.stop()
        state, switches_n = node.loops.tune.relay.state, node.loops.tune.relay.switches_n
    code, got, limit, field = refused
    link.answer(sequence, _TOLD.pack((code, state, switches_n, got, limit, field)))


def identity(board_name: str) -> bytes:
    """The answer to IDENTIFY: width of a word, 32 on every board, interpreter, kind of board, and its port."""
    word_bits = 64 if sys.maxsize > 1 << 31 else 32
    version = ".".join([str(part) for part in sys.implementation.version[:3]])
    return _IDENTITY.pack((errors.OK, word_bits, version, board_name, sys.platform))
