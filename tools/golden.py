"""Rewrites the golden files: wire vectors and loop traces that a person can read and review.  Checks nothing.

A maker is a function in a `tools/golden_*.py` that writes its files and returns their paths; MAKERS lists it.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.golden_pid import make_trace
from tools.golden_spec import make_spec
from tools.golden_wire import make_vectors
from tools.golden_wireshark import make_dissector

MAKERS: tuple[Callable[[], Sequence[Path]], ...] = (make_spec, make_vectors, make_dissector, make_trace)


def main() -> int:
    """Runs every maker and names the files that were written."""
    for make in MAKERS:
        for path in make():
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
