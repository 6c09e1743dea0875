"""NOR flash in memory, from an image and back into it; one effect of it may be cut, which kills the process."""

import hashlib
import os

import ffi
import vfs

BLOCK_BYTES = 4096
PROGRAM_BYTES = 256  # of an RP2350's flash
BITS_OF_CHANCE = 9
BLOCK_COUNT, BLOCK_SIZE, ERASE = 4, 5, 6


class Flash:
    """An erase sets bits, a program clears them.  ``cut`` is the number of the effect, -1 for none.

    ``tear`` is how many eighths of it are done, 9 for bits of chance from the ``seed``.
    """

    def __init__(self, image, cut, tear, seed):
        with open(image, "rb") as file:
            self.octets = bytearray(file.read())
        self.effects_n = 0
        self._image, self._cut, self._tear, self._seed = image, cut, tear, seed
        self._exit = ffi.open("libc.so.6").func("v", "_exit", "i")

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK_BYTES + offset
        buffer[:] = self.octets[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self._effect(block * BLOCK_BYTES + offset, bytes(buffer))

    def ioctl(self, operation, block):
        if operation == BLOCK_COUNT:
            return len(self.octets) // BLOCK_BYTES
        if operation == BLOCK_SIZE:
            return BLOCK_BYTES
        if operation == ERASE:
            self._effect(block * BLOCK_BYTES, b"\xff" * BLOCK_BYTES)
            return 0

    def _effect(self, at, after):
        if self.effects_n == self._cut:
            before = bytes(self.octets[at : at + len(after)])
            self.octets[at : at + len(after)] = self._torn(before, after)
            self.keep()
            self._exit(9)
        self.effects_n += 1
        self.octets[at : at + len(after)] = after

    def _torn(self, before, after):
        if self._tear < BITS_OF_CHANCE:
            done = len(after) * self._tear // 8
            return after[:done] + before[done:]
        chosen, mixed = b"", bytearray(before)
        while len(chosen) < len(after):
            chosen += hashlib.sha256(b"%d %d %d" % (self._seed, self._cut, len(chosen))).digest()
        for i in range(len(after)):
            mixed[i] = before[i] & ~chosen[i] | after[i] & chosen[i]
        return mixed

    def keep(self):
        """Back into the image."""
        with open(self._image, "wb") as file:
            file.write(self.octets)


def mounted(flash, made):
    """littlefs on it becomes the current folder; ``made`` anew."""
    if made:
        vfs.VfsLfs2.mkfs(flash, progsize=PROGRAM_BYTES, readsize=32, lookahead=32)
    vfs.mount(vfs.VfsLfs2(flash, progsize=PROGRAM_BYTES, readsize=32, lookahead=32), "/flash")
    os.chdir("/flash")
