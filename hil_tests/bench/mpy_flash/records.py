"""One life of what a board keeps: from power-on through reading it and one act, to its end or a cut inside an effect.

Arguments: folder of the compiled firmware, image, act, cut, tear, seed; nor.py says what they are.  Acts: lay,
numbers=N, tables=N, events=COUNT, start (what a board writes at each start), look.  Prints one line of what was found
at the start: the number, that of the configuration (-1 for none, -2 for one of two), the events, and how many effects
it had.
"""

import sys

import nor

_folder, _image, _act, _cut, _tear, _seed = sys.argv[1:7]

from spinline_firmware.drivers.event_files import EventFiles  # noqa: E402
from spinline_firmware.event_ring import EventRing  # noqa: E402
from spinline_firmware.kept import BOOTS, Kept  # noqa: E402
from spinline_protocol import errors  # noqa: E402
from spinline_protocol.words import pack_words  # noqa: E402

SCHEMA = b"s" * 32
PLACE = 7
ROWS_N = 60
ROW_WORDS_N = 8
LAID_EVENTS_N = 52  # 64 fit into a file: what comes is appended, and then begins the other file
FIRST_BOOT, THIS_BOOT = 1, 2
OF_START = 999  # the event of a start


class Transaction:
    """Takes a configuration as a node does."""

    number = -1

    def begin(self, rows_n, sha256):
        self.number = sha256[0] if rows_n == ROWS_N and sha256 == sha256[:1] * 32 else -2
        return errors.OK

    def put(self, _i, _table, octets):
        if octets != pack_words((self.number,) * ROW_WORDS_N):
            self.number = -2
        return errors.OK

    def prepare(self):
        return (errors.OK,)


def write_numbers(number):
    kept.put_number(PLACE, number)
    written(kept)


def write_tables(number):
    rows = [(number,) * ROW_WORDS_N for _ in range(ROWS_N)]
    kept.keep([rows], bytes(ROWS_N), bytes([number]) * 32)
    written(kept)


def written(what):
    while what.waits():
        what.step()


def write_events(boot_id, first, count):
    ring = EventRing(EventFiles(), boot_id)
    for i in range(first, first + count):
        ring.note((i, 0, 1, 0, i, 0))
        if ring.lost_n:
            raise ValueError("the ring takes no more at once")
        if i % 8 == 7:
            ring.write()
    while ring.waits():
        ring.write()


flash = nor.Flash(_image, int(_cut), int(_tear), int(_seed))
nor.mounted(flash, made=_act == "lay")
kept, found = Kept(SCHEMA), Transaction()
kept.load(found)
number = kept.number(PLACE)
events = [str(fields[4]) for fields in EventRing(EventFiles(), THIS_BOOT + 1).earlier()]
name, _, given = _act.partition("=")
if name == "lay":
    write_numbers(1)
    write_tables(1)
    write_events(FIRST_BOOT, 0, LAID_EVENTS_N)
elif name == "numbers":
    write_numbers(int(given))
elif name == "tables":
    write_tables(int(given))
elif name == "events":
    write_events(THIS_BOOT, LAID_EVENTS_N, int(given))
elif name == "start":
    kept.put_number(BOOTS, kept.number(BOOTS) + 1)
    written(kept)
    write_events(THIS_BOOT, OF_START, 1)
print(number, found.number, ",".join(events) or "-", flash.effects_n)
flash.keep()
