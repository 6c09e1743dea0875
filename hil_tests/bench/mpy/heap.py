"""What a board's firmware takes of the heap: started without a bench, stopped after some scans.  Reads no chip.

It is executed in place where the board's folder holds a partition (rom.py).  Arguments: folders of the bench modules
with a colon between them, folder of the board's files, number of scans, and a file with modules of the firmware, each
behind those that it needs.  Prints a line for each of these modules with the bytes that it has taken itself, then
`scan_ms` (virtual time to the end of the first scan), then bytes after a collection: `before` the board started, of
its `firmware`, and `free`; then what `micropython.mem_info` says.
"""

import gc
import sys

import micropython

_bench, _board, _scans_n = sys.argv[1:4]
sys.path[:] = _bench.split(":") + [""]

import os  # noqa: E402, I001

import bus  # noqa: E402  from the bench folder
import layout  # noqa: E402
import machine  # noqa: E402, F401
import rom  # noqa: E402
import time  # noqa: E402, F401

_left, _first_ms = int(_scans_n), -1


def measure(names):
    """What each module takes itself: those that it needs must stand before it."""
    for name in names:
        gc.collect()
        before = gc.mem_alloc()
        __import__(name)
        gc.collect()
        print(name, gc.mem_alloc() - before)


def exchange(wake_ms):
    """In place of the bench's: time passes, nobody is there."""
    global _left, _first_ms
    if _first_ms < 0:
        _first_ms = bus.now_ms + bus.spent_us // 1000  # the first wait is behind the first scan
    bus.now_ms = wake_ms
    bus.start_ticks_ms, bus.start_ticks_us = wake_ms & bus.TICKS_MASK, wake_ms * 1000 & bus.TICKS_MASK
    bus.spent_us = 0
    bus.transmitted = b""
    _left -= 1
    if not _left:
        gc.collect()
        print("scan_ms", _first_ms)
        print("before", _before)
        print("firmware", gc.mem_alloc() - _before)
        print("free", gc.mem_free())
        micropython.mem_info()
        sys.exit()


bus.words[layout.CONTACTS] = -1  # every contact closed, no jumper
bus.exchange = exchange
rom.plug(_board)
os.chdir(_board)
gc.collect()
_before = gc.mem_alloc()
if len(sys.argv) > 4:
    sys.path.insert(0, "a")
    with open(sys.argv[4]) as _file:
        measure(_file.read().split())
for _name in ("boot.py", "main.py"):
    execfile(_name, {"__name__": "__main__"})  # noqa: F821  as a board does: 3 kB of text are not held meanwhile
