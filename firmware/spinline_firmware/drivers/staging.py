"""The staging file of a transfer on the board's file system.  Its two names are fixed here; it decides nothing."""

import os

CONTENT = "incoming.bin"
LABEL = "incoming.txt"  # what the content is to become: one line
DRAFT = "incoming.new"


class Staging:
    """One staged file with its label.  ``folder`` is where it lies, with a slash; a board has it at its root."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder

    def label(self) -> str:
        """The label; empty where there is none."""
        try:
            with open(self._folder + LABEL) as file:
                return file.read()
        except OSError:
            return ""

    def size(self) -> int:
        """Bytes that are there."""
        try:
            return int(os.stat(self._folder + CONTENT)[6])
        except OSError:
            return 0

    def erase(self, label: str) -> None:
        """Empty content under a new label: first the old content goes, so no cut leaves it under the new label."""
        try:
            os.remove(self._folder + CONTENT)
        except OSError:
            pass  # it was not there
        with open(self._folder + DRAFT, "w") as file:
            file.write(label)
        os.rename(self._folder + DRAFT, self._folder + LABEL)

    def append(self, octets: bytes) -> None:
        """Add bytes; they are in the file when it returns.  Raises OSError where the disk does not take them."""
        with open(self._folder + CONTENT, "ab") as file:
            file.write(octets)

    def read_into(self, at: int, buffer: bytearray) -> int:
        """Fill the buffer from position ``at``; returns how many bytes there were."""
        with open(self._folder + CONTENT, "rb") as file:
            file.seek(at)
            return file.readinto(buffer) or 0
