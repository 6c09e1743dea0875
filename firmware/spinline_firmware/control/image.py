"""The process image: one array of 32-bit words that holds every input and every loop block of the node.

Input i stands at words 3 i (pv), 3 i + 1 (quality), 3 i + 2 (raw number; position for a counter); the loop blocks of
control/pid.py follow, then the rows of control/interlock.py.  Telemetry, control and interlocks read the same words, so
nothing is copied.
"""

from array import array

from spinline_protocol.configuration import INPUTS_N_MAX, INTERLOCKS_N_MAX, LOOPS_N_MAX

from .pid import BLOCK_WORDS

INPUT_WORDS = 3
QUALITY = 1
RAW = 2
LOOPS_AT = INPUT_WORDS * INPUTS_N_MAX
INTERLOCKS_AT = LOOPS_AT + LOOPS_N_MAX * BLOCK_WORDS
INTERLOCK_WORDS = 20
IMAGE_WORDS = INTERLOCKS_AT + INTERLOCKS_N_MAX * INTERLOCK_WORDS


def new_image() -> "array[int]":
    """An image of zeros; allocated once when the node boots."""
    return array("i", [0] * IMAGE_WORDS)


def loop_at(loop_i: int) -> int:
    """First word of a loop's block."""
    return LOOPS_AT + loop_i * BLOCK_WORDS
