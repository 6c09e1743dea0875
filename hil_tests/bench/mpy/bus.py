"""The lock-step exchange inside the interpreter: one frame up and one down whenever the firmware waits.

Everything the shadow modules read or write stands here; chips are models at register level.  Only the bench imports it.
"""

import struct
import sys
from array import array

import layout

_PINS_AT = struct.calcsize(layout.UP_HEAD)
_DACS_AT = _PINS_AT + layout.PINS_N
_UP_BYTES = struct.calcsize(layout.UP)
TICKS_MASK = (1 << 30) - 1

now_ms = 0
start_ticks_ms = 0  # the two counters of the chip when this scan began
start_ticks_us = 0
spent_us = 0  # what short waits inside a scan have used up
ticks_offset = 0
seed = b""
reset_cause = 1
unique_id = b"\x00" * 8

words = array("i", [0] * layout.DOWN_WORDS)  # what came down last, read in place: see layout.py
counts_fresh = [0] * layout.ENCODERS_N
received = b""
_received = memoryview(bytearray(layout.RX_BYTES_MAX))

_frame = bytearray(_UP_BYTES)  # what goes up next, written in place
pins = memoryview(_frame)[_PINS_AT:_DACS_AT]
dacs = memoryview(_frame)[_DACS_AT:]  # two bytes each, the lower first
transmitted = b""
watchdog_fed = 0

_down = None
_up = None


def start(down_fd, up_fd):
    """Open the two pipes and take the first frame."""
    global _down, _up
    _down = open(down_fd, "rb")
    _up = open(up_fd, "wb")
    _take()


def exchange(wake_ms):
    """Tell the bench what the outputs are and when to wake; returns when virtual time is there."""
    global transmitted, watchdog_fed, spent_us
    struct.pack_into(layout.UP_HEAD, _frame, 0, _UP_BYTES + len(transmitted), wake_ms, watchdog_fed)
    _up.write(_frame)
    if transmitted:
        _up.write(transmitted)
        transmitted = b""
    watchdog_fed = 0
    spent_us = 0
    _take()


def _take():
    global now_ms, start_ticks_ms, start_ticks_us, received
    if not _down.readinto(words):
        sys.exit(0)  # the bench closed the pipe
    now_ms = words[layout.NOW]
    start_ticks_ms = ticks_offset + now_ms & TICKS_MASK
    start_ticks_us = (ticks_offset + now_ms) * 1000 & TICKS_MASK
    for i in range(layout.ENCODERS_N):
        counts_fresh[i] = 1
    count = words[layout.RX_N]
    if count:
        _down.readinto(_received[:count])
        received += bytes(_received[:count])
