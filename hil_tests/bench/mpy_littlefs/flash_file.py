"""A block device in a file, each effect of it in the file when it returns, and littlefs on it."""

import os

import vfs

BLOCK_BYTES = 4096
PROGRAM_BYTES = 256  # of an RP2350's flash
BLOCK_COUNT, BLOCK_SIZE, ERASE = 4, 5, 6
DIRECTORY = 0x4000
PLACE = "/flash"


class FlashFile:
    """NOR flash: an erase sets bits, a program follows it."""

    def __init__(self, path):
        self._blocks_n = os.stat(path)[6] // BLOCK_BYTES
        self._file = open(path, "r+b")
        self._erased = b"\xff" * BLOCK_BYTES

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.write(buffer)
        self._file.flush()

    def ioctl(self, operation, block):
        if operation == BLOCK_COUNT:
            return self._blocks_n
        if operation == BLOCK_SIZE:
            return BLOCK_BYTES
        if operation == ERASE:
            self.writeblocks(block, self._erased)
            return 0


def mount(board):
    """The board's file system becomes the current folder; made first where there is none."""
    path = board + "/flash.bin"
    made = False
    try:
        os.stat(path)
    except OSError:
        with open(board + "/flash.txt") as file:
            blocks, filled = file.read().split()
        with open(path, "wb") as file:
            for _ in range(int(blocks)):
                file.write(b"\xff" * BLOCK_BYTES)
        made = filled == "laid"
        vfs.VfsLfs2.mkfs(FlashFile(path), progsize=PROGRAM_BYTES, readsize=32, lookahead=32)
    vfs.mount(vfs.VfsLfs2(FlashFile(path), progsize=PROGRAM_BYTES, readsize=32, lookahead=32), PLACE)
    os.chdir(PLACE)
    if made:
        _copy(board + "/files", "")


def _copy(source, target):
    """A folder with all that is below it."""
    for entry in list(os.ilistdir(source)):
        name, kind = entry[0], entry[1]
        if kind == DIRECTORY:
            os.mkdir(target + name)
            _copy(source + "/" + name, target + name + "/")
        else:
            with open(source + "/" + name, "rb") as read, open(target + name, "wb") as written:
                written.write(read.read())
