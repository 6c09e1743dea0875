"""The firmware of every controller of the line: one image, told apart only by its configuration."""

import gc

if hasattr(gc, "threshold"):  # what is loaded stays: packed without gaps, so that the ring finds 32 kB in one piece
    gc.threshold(4096)
