"""What a test leaves for the report: trends, fault bands, states, events, wire log.  Reads only.

Everything is plain lists, numbers and texts, so that a worker can write it to a file; times are s of the bench.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hil_tests.bench.api import Bench
from hil_tests.bench.run import START_US, BenchRun
from spinline.edges.link_recording import FROM_NODE, TO_NODE, Record, Recording, schema_tables
from spinline.edges.link_text import lines_of
from spinline.errors import SpinlineError
from spinline.line.event_names import subject_of
from spinline.recipe.line_model import Line
from spinline.record.series import fetch, reading, series
from spinline_protocol import configuration as tables

COLUMNS_N = 180  # of a trend: lowest and highest number of each
BEFORE_S = (10.0, 40.0)  # shown before the first fault, at least and at most; else half of what came after it
BREAK_S = 3.0  # without a number for so long, the line of a trend breaks
WIRE_LINES_N = 40
EVENTS_N_MAX = 60
OTHER_TRENDS = ("melt.Z3", "draw.G1")  # where a test lays no fault
Trend = dict[str, Any]
Points = list[list[list[float]]]  # pieces of a line, each of [time, number]


def column_of(line: Line, place: str) -> str:
    """The loop that a place belongs to, as NODE.LOOP; the input's own name without a loop; a node stays a node."""
    node_name, _, rest = place.partition(".")
    name = rest.partition("/")[0]
    node = next(node for node in line.node if node.name == node_name)
    loop = next((row.loop for row in node.output if row.name == name and row.loop), None)
    loop = loop or next((row.name for row in node.loop if name in (row.input, row.name)), None)
    return f"{node_name}.{loop or name}" if name else node_name


def gather(run: Bench, place: str | None, failed: bool) -> dict[str, Any]:
    """Everything the report shows of one run; the wire log only where the test failed."""
    end_s = run.now_s
    bands: list[list[Any]] = [
        [laid.fault, laid.place, laid.from_us / 1e6, laid.to_us / 1e6 if laid.to_us else end_s] for laid in run.laid
    ]
    laid_s = min((band[2] for band in bands), default=0.0)
    from_s = max(0.0, laid_s - min(max(BEFORE_S[0], (end_s - laid_s) / 2), BEFORE_S[1]))
    places = [place] if place else [band[1] for band in bands[:1]]
    shown = dict.fromkeys(column_of(run.line, one) for one in places)
    names = [_loop_of_node(run.line, one) for one in shown] or list(OTHER_TRENDS)
    node = places[0].partition(".")[0] if places else None
    return {
        "seed": run.seed,
        "firmware": run.firmware_sha256,
        "trace": run.bench.trace_sha256() if isinstance(run, BenchRun) else "",  # the wall clock repeats nothing
        "virtual_s": end_s,
        "from_s": from_s,
        "states": [[at_s, state, cause] for at_s, state, cause in run.supervisor.batch.history],
        "bands": bands,
        "events": _events(run, from_s),
        "trends": [trend for name in names if (trend := trend_of(run, name, from_s, end_s))],
        "wire": wire_lines(run, node) if failed and isinstance(run, BenchRun) else [],
        "problems": run.supervisor.problems[-5:] if failed else [],
    }


def _loop_of_node(line: Line, name: str) -> str:
    """For a whole node the first of its loops that its faults are seen in."""
    firsts = {node.name: f"{node.name}.{node.loop[0].name}" for node in line.node} | {"melt": "melt.Z3"}
    return firsts.get(name, name)


def trend_of(run: Bench, name: str, from_s: float, to_s: float) -> Trend | None:
    """Process variable, setpoint and output of a loop; of an input without a loop its number; None without any."""
    node_name, _, loop_name = name.partition(".")
    node = next(node for node in run.line.node if node.name == node_name)
    loop = next((row for row in node.loop if row.name == loop_name), None)
    wanted = {"pv": f"{node_name}.{loop.input if loop else loop_name}.pv"}
    if loop:
        wanted |= {"sp": f"{name}.sp", "out": f"{name}.out"}
    lines: dict[str, Points] = {}
    for key, tag in wanted.items():
        try:
            times, numbers, _qualities = series(run.journal_path, tag, START_US + round(from_s * 1e6))
        except SpinlineError:
            return None  # the journal ends before this node was configured
        if key == "out":
            numbers = [100 * number / tables.FULL_SCALE for number in numbers]
        lines[key] = thinned([at_s - START_US / 1e6 for at_s in times], numbers, from_s, to_s)
    return {"name": name, "unit": _unit(run, wanted["pv"]), **lines} if lines["pv"] else None


def _unit(run: Bench, tag: str) -> str:
    with reading(run.journal_path) as connection:
        rows = fetch(connection, 'SELECT unit FROM "column" WHERE tag = ?', (tag,))
    return str(rows[0][0]).replace("degC", "°C")


def thinned(times: Sequence[float], numbers: Sequence[float], from_s: float, to_s: float) -> Points:
    """The line with the lowest and the highest number of each column of the picture, in their order of time."""
    pieces: Points = []
    width_s = max(1e-6, (to_s - from_s) / COLUMNS_N)
    columns: dict[int, list[tuple[float, float]]] = {}
    for at_s, number in zip(times, numbers, strict=True):
        columns.setdefault(int((at_s - from_s) / width_s), []).append((at_s, number))
    last_s = -BREAK_S - 1
    for column in sorted(columns):
        found = columns[column]
        low, high = min(found, key=lambda point: point[1]), max(found, key=lambda point: point[1])
        for at_s, number in sorted({low, high}):
            if not pieces or at_s - last_s > max(BREAK_S, 2 * width_s):
                pieces.append([])
            _add(pieces[-1], at_s, number)
            last_s = at_s
    return pieces


def _add(piece: list[list[float]], at_s: float, number: float) -> None:
    """The middle one of three equal numbers is not needed."""
    if len(piece) > 1 and piece[-1][1] == piece[-2][1] == number:
        piece.pop()
    piece.append([round(at_s, 2), float(f"{number:.6g}")])


def _events(run: Bench, from_s: float) -> list[list[Any]]:
    """[s, node, event, what it is of] of what the nodes told, placed by the times of their scans."""
    found: list[list[Any]] = []
    query = (
        "SELECT name, configuration_i, scan_table, event.run, event.scan, event.at_us, code, source, got FROM event"
        " JOIN run USING (run) JOIN configuration USING (configuration_i) JOIN node USING (node_i)"
        " WHERE event.at_us >= ? ORDER BY event.at_us, event_i"
    )
    with reading(run.journal_path) as connection:
        for node, _i, table, of_run, scan, told_us, code, source, got in fetch(
            connection, query, (START_US + round(from_s * 1e6),)
        ):
            rows = fetch(connection, f'SELECT at_us FROM "{table}" WHERE run_scan = ?', (of_run << 32 | scan,))
            at_us = rows[0][0] if rows else told_us
            found.append([(at_us - START_US) / 1e6, node, code, subject_of(run.line, node, code, source, got)])
    return sorted(found, key=lambda event: float(event[0]))[:EVENTS_N_MAX]


def wire_lines(run: BenchRun, node: str | None) -> list[str]:
    """The last frames between supervisor and node, or all nodes, in words; times are the bench's."""
    lines: list[str] = []
    for name in [node] if node else list(run.bench.nodes):
        pieces = [Record(0, TO_NODE, b"")]  # from which the lines count
        for at_us, of, down, octets in run.bench.spoken:
            if of == name:
                pieces.append(Record(at_us, TO_NODE if down else FROM_NODE, octets))
        recording = Recording({"schema": schema_tables()}, tuple(pieces), True)
        lines += [f"{name:<5}{line}" for line in lines_of(recording)]
    return sorted(lines, key=lambda line: float(line[5:].split()[0]))[-WIRE_LINES_N:]
