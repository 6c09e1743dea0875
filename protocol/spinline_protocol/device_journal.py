"""The last requests of a board that changed something: they outlive their session, not the boot (SPEC 3.10)."""

import struct

from . import auth, messages


class Journal:
    """Session, sequence, operation and code of each, oldest first."""

    def __init__(self) -> None:
        self._entries: "list[tuple[int, int, int, int]]" = []

    def note(self, session: int, sequence: int, operation: int, code: int) -> None:
        """Keep what changes something; what a viewer may ask for does not."""
        if auth.role_needed(operation) != auth.VIEWER:
            self._entries = self._entries[-(messages.JOURNAL_N - 1) :]
            self._entries.append((session, sequence, operation, code))

    def sessions(self) -> "list[int]":
        """Sessions that stand in it: no new one may have the same number."""
        return [entry[0] for entry in self._entries]

    def octets(self) -> bytes:
        """All entries as JOURNAL_TOLD carries them."""
        return b"".join([struct.pack(messages.JOURNAL_LAYOUT, *entry) for entry in self._entries])
