"""Runs the scans of a board's firmware from what was recorded: measured numbers in, scan records out.

The firmware's own Scan decides; chips, wire and sensors' classification are left out.  Arguments: folder of the board's
slot, down pipe, up pipe, bytes of both rings, number of tables; the frames are in layout.py.
"""

import struct
import sys
from array import array

import layout

_slot, _down_fd, _up_fd, _ring_bytes, _tables_n = sys.argv[1:6]
sys.path.insert(0, _slot)

from spinline_firmware.control.image import new_image  # noqa: E402, I001  from the slot
from spinline_firmware.scan import Scan  # noqa: E402


class Recorded:
    """Stands in for the chips: the numbers and qualities that the scan had then."""

    def __init__(self, image):
        self._image = image
        self.words = None
        self.count = 0

    def acquire(self, sensors):
        sensors.doubts = False  # it is in the recorded quality
        for i in range(self.count):
            self._image[i] = self.words[layout.SCAN_HEAD_WORDS + i]

    def apply(self, levels):
        pass

    def all_off(self):
        pass


class Contact:
    """The permit chain."""

    def __init__(self):
        self.level = 0

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level


def tables_of(words):
    """Rows of the configuration: table, number of words, words."""
    tables = [[] for _ in range(int(_tables_n))]
    at = 1
    while at < len(words):
        end = at + 2 + words[at + 1]
        tables[words[at]].append(tuple(words[at + 2 : end]))
        at = end
    return tables


def event(_code, _source, _got, _limit):
    pass


def serve(down, up):
    """Until the pipe ends."""
    image, ring, permit = new_image(), bytearray(int(_ring_bytes)), Contact()
    ports, node = Recorded(image), None
    while True:
        head = down.read(struct.calcsize(layout.REPLAY_HEAD))
        if not head:
            return
        kind, count = struct.unpack(layout.REPLAY_HEAD, head)
        words = array("i", down.read(4 * count))
        if kind == layout.SCAN:
            ports.words, ports.count, permit.level = words, count - layout.SCAN_HEAD_WORDS, words[2]
            node.scan(words[0], words[1])
            up.write(node.recorder.read(node.recorder.next_scan - 1, 1))
            continue
        code = 0
        if kind == layout.REBUILD:
            node = Scan(tables_of(words), image, ring, ports, permit, Contact(), event, words[0])
        elif kind == layout.RETUNE:
            code = node.retune(tables_of(words))[0]
        elif kind == layout.COMMAND:
            code = node.command(words[0])
        elif kind == layout.SETPOINT:
            code = node.set_setpoint(*words)[0]
        elif kind == layout.MODE:
            code = node.set_mode(*words)[0]
        up.write(bytes((code,)))


serve(open(int(_down_fd), "rb"), open(int(_up_fd), "wb"))
