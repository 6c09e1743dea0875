"""Starts one node of the bench on its own littlefs: as node.py does, with the flash in a file, and with a prompt.

Arguments as of node.py.  The board's folder holds flash.bin; where it does not, it is made: as many blocks as
flash.txt says in its first word, with the folder `files` copied into it where the second one is "laid".
A board without main.py, or one whose main.py ends, comes to its prompt on the serial line, as a board does.
"""

import sys

_bench, _board, _down, _up, _seed, _id, _cause, _offset = sys.argv[1:9]
sys.path[:] = _bench.split(":") + [""]

import os  # noqa: E402, I001

import bus  # noqa: E402  from the bench folder
import flash_file  # noqa: E402
import prompt  # noqa: E402
import rom  # noqa: E402

bus.seed = bytes.fromhex(_seed)
bus.unique_id = bytes.fromhex(_id)
bus.reset_cause = int(_cause)
bus.ticks_offset = int(_offset)
rom.make_room_for_names()
rom.plug(_board)
flash_file.mount(_board)
bus.start(int(_down), int(_up))
try:
    if "main.py" not in os.listdir():
        raise SystemExit
    for _name in ("boot.py", "main.py"):
        with open(_name) as _file:
            exec(_file.read(), {"__name__": "__main__"})
except SystemExit:
    pass
prompt.serve()
