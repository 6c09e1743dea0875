"""Many scans of the kernel in one of its forms, and the CRC of all its words: `kernel_traces.py FORM SCANS`.

Forms: viper (the text as it stands), native, bytecode.  Sixteen blocks of chance, drawn anew again and again, are given
commands of chance that last for 1 to 128 scans.  The same line comes from every form and interpreter, or one is wrong.
"""

import binascii
import sys
from array import array

HERE = __file__.replace("\\", "/").rpartition("/")[0]
for _place in ("/../../protocol", "/..", "/../../protocol/tests"):
    sys.path.insert(0, HERE + _place)

from plain import Chance  # noqa: E402

from spinline_firmware.control import pid  # noqa: E402
from spinline_protocol.configuration import LOOP, field_index  # noqa: E402

BLOCKS_N = 16
DRAWN_ROWS = 512  # so long do the blocks stay; then others are drawn
COMMANDS_N = 1009  # prime: no loop meets the same course twice
PARAMETERS = LOOP[field_index(LOOP, "action") : field_index(LOOP, "out_rate") + 1]
DECORATED = "\n@micropython.viper\ndef scan_pid"


def kernel_of(form):
    """The kernel's own text in this form."""
    if form == "viper":
        return pid.scan_pid
    with open(HERE + "/../spinline_firmware/control/pid.py") as file:
        text = file.read()
    assert text.count(DECORATED) == 1
    plain = DECORATED.replace("@micropython.viper\n", "@micropython.native\n" if form == "native" else "")
    names = {"__name__": "plain"}
    exec(text.replace(DECORATED, plain), names)
    return names["scan_pid"]


def draw_blocks(chance, image):
    """Legal parameters of chance in every block, nothing in its state."""
    for block in range(BLOCKS_N):
        at = block * pid.BLOCK_WORDS
        for word in range(pid.BLOCK_WORDS):
            image[at + word] = 0
        for i in range(len(PARAMETERS)):
            image[at + pid.ACTION + i] = chance.between(PARAMETERS[i][1], PARAMETERS[i][2])
        image[at + pid.ACTION] = 1 if chance.below(4) else -1
        low, high = chance.between(-65536, 65535), chance.between(-65536, 65535)
        image[at + pid.OUT_LOW], image[at + pid.OUT_HIGH] = min(low, high), max(low, high) + 1
        image[at + pid.RAMP_256] = chance.between(0, 1 << chance.below(29))
        image[at + pid.HOLDBACK] = chance.between(0, 500000) if chance.below(2) else 0
        image[at + pid.SOAK_SCANS] = chance.below(100)


def draw_commands(chance):
    """Mode, target, pv, manual output, feed-forward, freeze: ends and numbers between them."""
    words = array("i", [0] * 6 * COMMANDS_N)
    for i in range(COMMANDS_N):
        at = 6 * i
        words[at] = chance.below(7) if chance.below(2) else pid.AUTO
        for j in (1, 2):
            words[at + j] = (-200000, 500000, 0)[chance.below(3)] if chance.below(4) == 0 else chance.between(0, 250000)
        words[at + 3] = chance.between(-65536, 65536)
        words[at + 4] = chance.between(-131072, 131072) if chance.below(4) == 0 else 0
        words[at + 5] = chance.below(8) == 0
    return words


def run(form, scans_n):
    """The CRC-32 over all words of all blocks after every row of sixteen scans."""
    scan_pid, chance, crc = kernel_of(form), Chance(1003), 0
    image = array("i", [0] * BLOCKS_N * pid.BLOCK_WORDS)
    given = memoryview(draw_commands(chance))
    places = [(block * pid.BLOCK_WORDS, block & 7, 61 * block) for block in range(BLOCKS_N)]
    for row in range(scans_n // BLOCKS_N):
        if row % DRAWN_ROWS == 0:
            draw_blocks(chance, image)
        for at, slow, first in places:
            j = 6 * (((row >> slow) + first) % COMMANDS_N)
            image[at] = given[j]
            image[at + 1] = given[j + 1]
            image[at + 2] = given[j + 2]
            image[at + 3] = given[j + 3]
            image[at + 4] = given[j + 4]
            image[at + 5] = given[j + 5]
            image[at + pid.ABSORB] = row & 31 == slow
            scan_pid(image, at)
        crc = binascii.crc32(image, crc)
    return crc


if __name__ == "__main__":
    print("%d scans: %08x" % (int(sys.argv[2]), run(sys.argv[1], int(sys.argv[2]))))
