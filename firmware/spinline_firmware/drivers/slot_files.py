"""The two slots of the firmware on the board's file system, and which one starts next.  It decides nothing.

A manifest's first line is the firmware's hash and the board it is for; each other one is the SHA-256 of a source, the
SHA-256 of its compiled file, and that file's path in the slot.  It is written last: a slot without one is no firmware.
"""

import os

SLOTS = ("a", "b")
MANIFEST = "manifest.txt"
DRAFT = "manifest.new"
SELECT = "select.txt"
SELECT_DRAFT = "select.new"
DIRECTORY = 0x4000  # of a file's mode


def other(slot: str) -> str:
    """The slot that does not run."""
    return SLOTS[1 - SLOTS.index(slot)]


class SlotFiles:
    """``folder`` is where the slots lie, with a slash; a board has them at its root.  Paths are relative to a slot."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder

    def path(self, slot: str, name: str) -> str:
        """Where a file of a slot lies."""
        return self._folder + slot + "/" + name

    def manifest_head(self, slot: str) -> "list[str]":
        """Words of the first line; empty where the slot has no firmware."""
        try:
            with open(self.path(slot, MANIFEST)) as file:
                return file.readline().split()
        except OSError:
            return []

    def remove(self, slot: str, name: str) -> None:
        """A file that is not there is gone already."""
        try:
            os.remove(self.path(slot, name))
        except OSError:
            pass

    def make_room(self, slot: str, name: str) -> None:
        """The folders above a file."""
        parts = (slot + "/" + name).split("/")[:-1]
        for i in range(len(parts)):
            try:
                os.mkdir(self._folder + "/".join(parts[: i + 1]))
            except OSError:
                pass  # it is there

    def names(self, slot: str, below: str = "") -> "list[str]":
        """Every file of a slot."""
        found: "list[str]" = []
        try:
            entries = os.listdir(self.path(slot, below))
        except OSError:
            return found
        for entry in entries:
            if os.stat(self.path(slot, below + entry))[0] & DIRECTORY:
                found += self.names(slot, below + entry + "/")
            else:
                found.append(below + entry)
        return found

    def seal(self, slot: str) -> None:
        """The draft of the manifest becomes the manifest: from now on the slot is a firmware."""
        os.rename(self.path(slot, DRAFT), self.path(slot, MANIFEST))

    def select(self, good: str, trial: str, left: int) -> None:
        """Which slot starts from now on; ``trial`` - for none.  Written whole or not at all."""
        with open(self._folder + SELECT_DRAFT, "w") as file:
            file.write("%s %s %d\n" % (good, trial, left))
        os.rename(self._folder + SELECT_DRAFT, self._folder + SELECT)
