"""Runs the measurements and merges their rows into build/bench/bench.json.  A missed target is no error.

A measurement is a function in a `tools/bench_*.py` that takes nothing and gives rows; MEASUREMENTS lists it.
"""

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from hil_tests.report.written import write_page
from tools.bench_control import CONTROL
from tools.bench_firmware import FIRMWARE
from tools.bench_flash import FLASH
from tools.bench_hil import HIL
from tools.bench_protocol import PROTOCOL
from tools.bench_record import RECORD
from tools.bench_rollback import ROLLBACK
from tools.bench_row import Row, unmeasured
from tools.bench_supervisor import SUPERVISOR

Measurement = Callable[[], Sequence[Row]]

# What to measure, in this order.  The names of a measurement's rows begin with its own name.
MEASUREMENTS: tuple[tuple[str, Measurement], ...] = (
    *HIL, *PROTOCOL, *CONTROL, *FLASH, *ROLLBACK, *FIRMWARE, *RECORD, *SUPERVISOR
)  # fmt: skip
RESULT = Path("build/bench/bench.json")
HIL_FOLDER = Path("build/hil")  # where the suite leaves its report, which shows the figures


def chosen(measurements: Sequence[tuple[str, Measurement]], prefix: str) -> list[tuple[str, Measurement]]:
    """The measurements whose name begins with `prefix`, in order."""
    return [(name, measure) for name, measure in measurements if name.startswith(prefix)]


def merged(old: Sequence[dict[str, object]], new: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The old rows with the new ones in the place of those of the same name, by name."""
    rows = {row["name"]: row for row in [*old, *new]}
    return sorted(rows.values(), key=lambda row: str(row["name"]))


def write_rows(rows: Sequence[Row], result: Path) -> None:
    """Merges rows into the result file; another run never sees half a file."""
    old = json.loads(result.read_text(encoding="utf-8")) if result.exists() else []
    result.parent.mkdir(parents=True, exist_ok=True)
    part = result.with_suffix(".part")
    part.write_text(json.dumps(merged(old, [row.as_json() for row in rows]), indent=1) + "\n", encoding="utf-8")
    part.replace(result)


def rows_of(name: str, measure: Measurement) -> Sequence[Row]:
    """The rows of a measurement; one that fails is a row that says why, and the others go on."""
    try:
        return measure()
    except Exception as error:  # a missing tool, a peer that changed: told in the row
        traceback.print_exc()
        return [unmeasured(name, f"{type(error).__name__}: {error}"[:300])]


def main() -> int:
    """Measures what is asked for and prints a line a row.  1 when no measurement has such a name."""
    parser = argparse.ArgumentParser(prog="tools.bench", description=main.__doc__)
    parser.add_argument("--only", metavar="PREFIX", default="", help="measure only names that begin so")
    prefix = parser.parse_args().only
    measurements = chosen(MEASUREMENTS, prefix)
    if prefix and not measurements:
        print(f"no measurement has a name that begins with {prefix!r}", file=sys.stderr)
        return 1
    for name, measure in measurements:
        rows = rows_of(name, measure)
        for row in rows:
            print(row.as_line(), flush=True)
        write_rows(rows, RESULT)
    if any(name == "hil" for name, _measure in measurements):
        write_page(HIL_FOLDER, RESULT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
