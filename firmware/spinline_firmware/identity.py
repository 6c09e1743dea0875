"""What a node says of its interpreter and its board, for whoever wants to update it.  Knows nothing of the line."""

import sys

from spinline_protocol import errors, messages
from spinline_protocol.packer import Packer

_IDENTITY = Packer(messages.IDENTITY, messages.fields_of(messages.IDENTITY))


def told(board_name: str) -> bytes:
    """The answer to IDENTIFY."""
    return _IDENTITY.pack((errors.OK, _word_bits(), _interpreter(), board_name))


def _word_bits() -> int:
    """Width of a machine word: 32 on every board."""
    return 64 if sys.maxsize > 1 << 31 else 32


def _interpreter() -> str:
    return ".".join([str(part) for part in sys.implementation.version[:3]])
