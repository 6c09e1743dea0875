"""The last requests of a board that changed something: they outlive their session, not the boot (SPEC 3.10)."""

import struct

from . import auth, messages


class Journal:
    """Session, sequence, operation and code of each, oldest first; of one session in the order of their sequence.

    So what stands in it proves that everything later of its session stands in it too, also where a short request
    overtook a long one.
    """

    def __init__(self) -> None:
        self._entries: "list[tuple[int, int, int, int]]" = []

    def note(self, session: int, sequence: int, operation: int, code: int) -> None:
        """Keep what changes something; what a viewer may ask for does not."""
        if auth.role_needed(operation) != auth.VIEWER:
            entries = self._entries
            at = len(entries)
            while at > 0 and entries[at - 1][0] == session and _is_later(entries[at - 1][1], sequence):
                at -= 1
            entries.insert(at, (session, sequence, operation, code))
            if len(entries) > messages.JOURNAL_N:
                entries.pop(0)

    def sessions(self) -> "list[int]":
        """Sessions that stand in it: no new one may have the same number."""
        return [entry[0] for entry in self._entries]

    def octets(self) -> bytes:
        """All entries as JOURNAL_TOLD carries them."""
        return b"".join([struct.pack(messages.JOURNAL_LAYOUT, *entry) for entry in self._entries])


def _is_later(sequence: int, than: int) -> bool:
    """In the order of requests, whose numbers wrap at 2^16."""
    return 0 < sequence - than & 0xFFFF < 0x8000
