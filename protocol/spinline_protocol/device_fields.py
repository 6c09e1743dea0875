"""What a board asks of the fields of a message before it uses them.  Raises BadFrame, nothing else (SPEC 2.4)."""

from . import messages
from .errors import BadFrame
from .states import CMD_ABORT, CMD_STOP


def octets_in(field, count: int = -1) -> bytes:  # type: ignore[no-untyped-def]
    """The field where it is bytes, ``count`` of them unless that is -1."""
    if not isinstance(field, bytes) or count not in (-1, len(field)):
        raise BadFrame("bytes expected")
    return field


def number_in(field) -> int:  # type: ignore[no-untyped-def]
    """The field where it is a number from 0."""
    if not isinstance(field, int) or field < 0:
        raise BadFrame("a number from 0 expected")
    return field


def is_stop(message: list) -> bool:  # type: ignore[type-arg]
    """Stop and abort are accepted from anyone (SPEC 3.9): a convenience, not a safety function."""
    return message[0] == messages.COMMAND and len(message) == 2 and message[1] in (CMD_STOP, CMD_ABORT)
