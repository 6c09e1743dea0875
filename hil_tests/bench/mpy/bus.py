"""The lock-step exchange inside the interpreter: one frame up and one down whenever the firmware waits.

Everything the shadow modules read or write stands here; chips are models at register level.  Only the bench imports it.
"""

import struct
import sys

import layout

DOWN_BYTES = struct.calcsize(layout.DOWN)
UP_BYTES = struct.calcsize(layout.UP)
TICKS_MASK = (1 << 30) - 1

now_ms = 0
spent_us = 0  # what short waits inside a scan have used up
ticks_offset = 0
seed = b""
reset_cause = 1
unique_id = b"\x00" * 8

tc_code = [0] * layout.TC_N
tc_fault = bytes(layout.TC_N)
analog_uv = [0] * layout.ANALOG_N
contacts = 0
counts = [0] * layout.ENCODERS_N
counts_fresh = [0] * layout.ENCODERS_N
received = b""
transmitted = b""
pins = bytearray(layout.PINS_N)
dac = [0] * layout.DAC_N
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
    head = struct.pack(layout.UP, UP_BYTES + len(transmitted), wake_ms, pins, *dac, watchdog_fed)
    _up.write(head + transmitted)
    transmitted = b""
    watchdog_fed = 0
    spent_us = 0
    _take()


def _take():
    global now_ms, tc_fault, contacts, received
    frame = _down.read(DOWN_BYTES + layout.RX_BYTES_MAX)
    if len(frame) < DOWN_BYTES:
        sys.exit(0)  # the bench closed the pipe
    fields = struct.unpack_from(layout.DOWN, frame, 0)
    now_ms = fields[0]
    tc_code[:] = fields[1:9]
    tc_fault = fields[9]
    analog_uv[:] = fields[10:22]
    contacts = fields[22]
    counts[:] = fields[23:25]
    counts_fresh[0] = 1
    counts_fresh[1] = 1
    if fields[25]:
        received += frame[DOWN_BYTES : DOWN_BYTES + fields[25]]
