"""Starts one node in the bench: puts the shadow modules in front, then runs the board's own boot.py and main.py.

Arguments: folders of the bench modules with a colon between them, folder of the board's files, down pipe, up pipe,
seed (hex), device id (hex), reset cause, offset of ticks_ms.
"""

import sys

_bench, _board, _down, _up, _seed, _id, _cause, _offset = sys.argv[1:9]
sys.path[:] = _bench.split(":") + [""]

import os  # noqa: E402, I001

import bus  # noqa: E402  from the bench folder
import rom  # noqa: E402

bus.seed = bytes.fromhex(_seed)
bus.unique_id = bytes.fromhex(_id)
bus.reset_cause = int(_cause)
bus.ticks_offset = int(_offset)
rom.make_room_for_names()
rom.plug(_board)
os.chdir(_board)
bus.start(int(_down), int(_up))
for _name in ("boot.py", "main.py"):
    with open(_name) as _file:
        exec(_file.read(), {"__name__": "__main__"})
