"""The ROMFS partition of a board of the bench: `vfs.rom_ioctl` of MicroPython 1.25, which the unix build has not.

The partition is a file of the board's folder, mapped beside the heap: it outlives the process, and code lies in it.  An
erase and a program take the typical time of the W25Q128JV (its datasheet, 9.6).  A board without the file has none.
"""

import os
import sys

import bus
import ffi
import uctypes
import vfs

FILE = "rom.bin"
SECTOR_BYTES, PAGE_BYTES = 4096, 256
ERASE_US, PROGRAM_US = 45000, 400
SEGMENTS, SEGMENT, ERASE, WRITE, END = range(1, 6)
READ_AND_WRITE, SHARED, OPEN_BOTH = 3, 1, 2  # of mmap and open
REFUSED = -22  # EINVAL
NAMES_N = 1400  # with drives on a bus, too


class Partition:
    """One segment, in ``octets``; ``effect(kind, at, wanted)`` is what a program or an erase does to it."""

    def __init__(self, octets, effect):
        self._octets = octets
        self._effect = effect

    def ioctl(self, operation, *given):
        if operation == SEGMENTS:
            return 1
        if operation == SEGMENT and given == (0,):
            return memoryview(self._octets)
        if operation == ERASE and len(given) == 2 and given[1] <= len(self._octets):
            for at in range(0, given[1], SECTOR_BYTES):
                self._effect("erase", at, b"\xff" * SECTOR_BYTES)
            return PAGE_BYTES
        if operation == WRITE and given[1] % PAGE_BYTES == 0 and given[1] + len(given[2]) <= len(self._octets):
            for at in range(0, len(given[2]), PAGE_BYTES):
                self._effect("program", given[1] + at, given[2][at : at + PAGE_BYTES])
            return 0
        return 0 if operation == END else REFUSED


def mapped(path):
    """The octets of a file, beside the heap; what is written to them is in the file at once."""
    size = os.stat(path)[6]
    libc = ffi.open("libc.so.6")
    descriptor = libc.func("i", "open", "si")(path, OPEN_BOTH)
    address = libc.func("P", "mmap", "PLiiil")(0, size, READ_AND_WRITE, SHARED, descriptor, 0)
    return uctypes.bytearray_at(address, size)


def changed(octets, kind, at, wanted):
    """An erase sets bits, a program clears them."""
    end = at + len(wanted)
    if kind == "erase" or bytes(octets[at:end]) == b"\xff" * len(wanted):
        octets[at:end] = wanted
        return
    for i in range(len(wanted)):
        octets[at + i] &= wanted[i]


def plug(board):
    """Give this board the partition that lies in its folder."""
    try:
        octets = mapped(board + "/" + FILE)
    except OSError:
        return

    def effect(kind, at, wanted):
        bus.spent_us += ERASE_US if kind == "erase" else PROGRAM_US
        changed(octets, kind, at, wanted)

    replace_vfs(Partition(octets, effect).ioctl)


class Names:
    """Takes attributes of any name."""


def make_room_for_names():
    """Have the interpreter's table of names grow now, in an empty heap, for 9 kB in one piece are not to be had later.

    A board's 1260 names are enough for the firmware; the bench's modules have 290 of their own.
    """
    for i in range(NAMES_N):
        setattr(Names(), "n%d" % i, 0)


class Vfs:
    """Stands for the module."""


def replace_vfs(rom_ioctl):
    """From now on `import vfs` gives what the interpreter's module holds, and this function."""
    module = Vfs()
    for name in dir(vfs):
        setattr(module, name, getattr(vfs, name))
    module.rom_ioctl = rom_ioctl
    sys.modules["vfs"] = module
