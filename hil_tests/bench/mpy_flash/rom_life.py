"""One life of a board with a partition for ROMFS: through the selector to the application, or to a cut in an effect.

Arguments: folder of the bench modules, folder of the board, selector, cut, tear, seed, reset cause, kind of partition.
The cut is the number of the effect (program or erase of the partition) in which the process is killed, -1 for none;
the tear is how many eighths of it are done, 9 for bits of chance.  Kinds: `1.25`, `later` (erased in pieces),
`worn` (one page takes nothing), `none`.  The application prints what it is; behind it stands the number of effects.
"""

import hashlib
import os
import sys

_bench, _board, _main, _cut, _tear, _seed, _cause, _kind = sys.argv[1:9]
sys.path[:] = [_bench, ""]

import ffi  # noqa: E402, I001
import rom  # noqa: E402  from the bench folder

BITS_OF_CHANCE = 9
WORN_AT = 4096
CUT_STATUS = 9


class Machine:
    """What the selector and the slot ask of the board."""

    PWRON_RESET, WDT_RESET = 1, 3
    feeds_n = 0

    class WDT:
        def __init__(self, timeout):
            pass

        def feed(self):
            Machine.feeds_n += 1

    class Pin:
        IN, PULL_UP = 0, 1

        def __init__(self, *_given):
            pass

        def value(self):
            return 1

    @staticmethod
    def reset_cause():
        return int(_cause)


class Board:
    """In place of the board's wiring."""

    SAFE_PIN = 47


class Cuts:
    """Counts the effects, and ends the process within one."""

    def __init__(self, octets):
        self.effects_n = 0
        self._octets = octets
        self._exit = ffi.open("libc.so.6").func("v", "_exit", "i")

    def effect(self, kind, at, wanted):
        if self.effects_n == int(_cut):
            self._tear(kind, at, wanted)
            self._exit(CUT_STATUS)
        self.effects_n += 1
        if _kind == "worn" and kind == "program" and at == WORN_AT:
            return
        rom.changed(self._octets, kind, at, wanted)

    def _tear(self, kind, at, wanted):
        """Part of an effect: its first eighths, or each bit by chance."""
        tear = int(_tear)
        if tear < BITS_OF_CHANCE:
            rom.changed(self._octets, kind, at, wanted[: len(wanted) * tear // 8])
            return
        chosen = b""
        while len(chosen) < len(wanted):
            chosen += hashlib.sha256(b"%s %s %d" % (_seed.encode(), _cut.encode(), len(chosen))).digest()
        for i in range(len(wanted)):
            old = self._octets[at + i]
            self._octets[at + i] = old | chosen[i] if kind == "erase" else old & (wanted[i] | ~chosen[i] & 0xFF)


class Later(rom.Partition):
    """As of MicroPython 1.26: it says how large its blocks are, and erases those that are named."""

    def ioctl(self, operation, *given):
        if operation == 6:
            return rom.SECTOR_BYTES
        if operation == rom.ERASE and len(given) == 3:
            for at in range(given[1], given[1] + given[2], rom.SECTOR_BYTES):
                self._effect("erase", at, b"\xff" * rom.SECTOR_BYTES)
            return rom.PAGE_BYTES
        return super().ioctl(operation, *given)


sys.modules["machine"], sys.modules["board"] = Machine, Board
_octets = rom.mapped(_board + "/" + rom.FILE)
cuts = Cuts(_octets)
if _kind != "none":
    rom.replace_vfs((Later if _kind == "later" else rom.Partition)(_octets, cuts.effect).ioctl)
with open(_main) as _file:
    selector = _file.read()
os.chdir(_board)
exec(selector, {"__name__": "__main__"})
print(cuts.effects_n, Machine.feeds_n)
