"""The event ring's medium on a file system: two files, the older of which makes room for what comes.  Reads no record.

littlefs writes a changed block anew, so that an append is there whole or not at all, and erases a block for it: tens of
milliseconds, which no scan has.
"""

import os

RECORD_BYTES = 32
FILE_RECORDS_N = 64  # two kilobytes: the last 64 to 128 events are there


def open_events(board, i2c):  # type: ignore[no-untyped-def]
    """Where a board keeps its events: on its FRAM, or in files."""
    if not board.FRAM:
        return EventFiles()
    from .event_fram import EventFram  # a board without one has no memory for it

    return EventFram(i2c, *board.FRAM)


class EventFiles:
    """``folder`` is where the files lie, with a slash; a board has them at its root."""

    quick = False

    def __init__(self, folder: str = "") -> None:
        self._paths = (folder + "events.a", folder + "events.b")
        self._newest = 0 if self._first(0) >= self._first(1) else 1

    def _first(self, i: int) -> int:
        """Number of a file's first record; -1 where it has none."""
        for octets in self._of(i):
            return int.from_bytes(octets[:4], "little")
        return -1

    def _of(self, i: int):  # type: ignore[no-untyped-def]
        try:
            with open(self._paths[i], "rb") as file:
                while True:
                    octets = file.read(RECORD_BYTES)
                    if len(octets) < RECORD_BYTES:
                        return
                    yield octets
        except OSError:
            return

    def records(self):  # type: ignore[no-untyped-def]
        """All records, oldest first."""
        for i in (1 - self._newest, self._newest):
            yield from self._of(i)

    def append(self, octets: bytes) -> None:
        """Keep these records; they are in the file when it returns.  Raises OSError where the disk refuses them."""
        try:
            size = os.stat(self._paths[self._newest])[6]
        except OSError:
            size = 0
        newest, mode = self._newest, "ab"
        if size % RECORD_BYTES or size + len(octets) > FILE_RECORDS_N * RECORD_BYTES:
            newest, mode = 1 - newest, "wb"
        with open(self._paths[newest], mode) as file:
            file.write(octets)
        self._newest = newest
