"""The metres of a batch as a Parquet file; needs the extra ``parquet`` and is imported by who writes one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow
import pyarrow.parquet

from spinline.claims.catalog import window
from spinline.edges.whole_file import write_whole
from spinline.line.ledger import Ledger, Metre
from spinline.recipe.line_model import Line

NUMBER, WORD, TIME = pyarrow.float64(), pyarrow.string(), pyarrow.timestamp("ms", "UTC")


def write_metres(path: Path, rows: Sequence[Metre], line: Line, mode: str) -> None:
    """One row a metre, the columns of the CSV with their types; what is not known is null.  Raises BadFile."""
    columns = {
        "metre": pyarrow.array([metre.number for metre in rows], pyarrow.int64()),
        "length [m]": pyarrow.array([metre.length_m for metre in rows], NUMBER),
        "finished [m]": pyarrow.array([metre.finished_m for metre in rows], NUMBER),
        "taken up [UTC]": pyarrow.array([1000 * metre.taken_up_s for metre in rows], TIME),
        "verdict": pyarrow.array([metre.verdict.value for metre in rows], WORD),
        "reason": pyarrow.array([metre.reason for metre in rows], WORD),
    }
    for name in Ledger.of(line).judged_by:
        spans = [metre.spans.get(name) for metre in rows]
        unit = window(name).unit
        lows, highs = [span and span.low for span in spans], [span and span.high for span in spans]
        columns[f"{name} low [{unit}]"] = pyarrow.array(lows, NUMBER)
        columns[f"{name} high [{unit}]"] = pyarrow.array(highs, NUMBER)
        columns[f"{name} 2 sigma [{unit}]"] = pyarrow.array([span and span.uncertainty for span in spans], NUMBER)
    columns["mode"] = pyarrow.array([mode for _ in rows], WORD)
    octets = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), octets, compression="zstd")
    write_whole(path, octets.getvalue())
