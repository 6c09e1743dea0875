"""The summary of a batch: one small JSON file that says what was made and how well, from the journal alone.

Numbers are those of the journal; what it cannot know (wall time, trace hash) is an argument.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw

from spinline.line import roles as line_roles
from spinline.line.metre_totals import Metres
from spinline.line.roles import Role, role, roles, zones
from spinline.recipe.line_model import Line
from spinline.record.accounts import UNDECLARED, accounts
from spinline.record.course import course, production
from spinline.record.deviation import Deviation, configured_ratio, deviations, highest_mean
from spinline.record.metres import ledger, metres
from spinline.record.mode import mode_of
from spinline.record.sensor_letters import sensor_letters
from spinline.record.series import Interval, extent, fetch, ratio_means, reading

SECOND_US = 1_000_000
MINUTE_US = 60_000_000
Table = dict[str, Any]


def make_summary(
    journal: Path | apsw.Connection,
    line: Line,
    *,
    wall_s: float,
    trace_sha256: str,
    extras: Mapping[str, object] | None = None,
) -> Table:
    """The summary as it is written; ``wall_s`` is the wall time the batch took; ``extras`` adds keys.

    Numbers without a measurement are None.  Raises BadFile for no journal, UnknownName where the line lacks a
    loop this needs.
    """
    with reading(journal) as connection:
        stages = course(connection)
        within = production(stages)
        of_loops = deviations(connection, line, roles(line), within)
        simulated_s = _batch_s(connection)
        summary: Table = {
            "batch_state": stages[-1].state if stages else None,
            "batch": batch_row(connection),
            "simulated_s": simulated_s,
            "wall_s": round(wall_s, 3),
            "real_time_factor": round(simulated_s / wall_s, 1) if wall_s > 0 else None,
            "trace_sha256": trace_sha256,
            "nodes": nodes(connection),
            "states": [
                {"state": stage.state, "seconds": round((stage.to_us - stage.from_us) / 1e6, 3)} for stage in stages
            ],
            "zones": _zones(connection, line, of_loops, within),
            "loops": {found.tag: _loop(found, of_loops[found.tag]) for found in roles(line)},
            "draw_ratio": _draw_ratio(connection, line, within),
            "parts": _parts(connection, line, within),
            "metres": _metres(metres(ledger(connection, line))),
            "sensors": sensor_letters(connection, line, within),
            "records": records(connection),
            "claims": _claims(connection, "measured"),
            "claims_planned": _claims(connection, "planned"),
        }
    twice = summary.keys() & (extras or {}).keys()
    assert not twice, f"extras repeat {twice}"
    return {**summary, **(extras or {})}


def write_summary(path: Path, summary: Mapping[str, object]) -> None:
    """Write it as JSON: the whole file or none.  Raises OSError."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _rounded(number: float | None, decimals: int = 4) -> float | None:
    return None if number is None else round(float(number), decimals)


def batch_row(connection: apsw.Connection) -> Table | None:
    """The batch with its hashes, as the journal has it; None before it began."""
    names = (
        "name",
        "recipe",
        "recipe_version",
        "recipe_sha256",
        "line",
        "line_sha256",
        "mode",
        "started_us",
        "ended_us",
    )
    rows = fetch(connection, f"SELECT {', '.join(names)} FROM batch")
    return dict(zip(names, rows[0], strict=True)) | {"mode": mode_of(connection)} if rows else None


def _batch_s(connection: apsw.Connection) -> float:
    rows = fetch(connection, "SELECT started_us, ended_us FROM batch WHERE ended_us NOTNULL")
    begin, end = rows[0] if rows else extent(connection) or (0, 0)
    return float((end - begin) / 1e6)


def nodes(connection: apsw.Connection) -> list[Table]:
    """Every node and configuration that ran, with the number of its starts."""
    names = ("name", "micropython", "word_bits", "firmware_sha256", "config_sha256", "runs")
    rows = fetch(
        connection,
        "SELECT name, micropython, word_bits, firmware_sha256, sha256, count(*) FROM run "
        "JOIN configuration USING (configuration_i) JOIN node USING (node_i) GROUP BY 1, 2, 3, 4, 5 ORDER BY min(run)",
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def _zones(connection: apsw.Connection, line: Line, of_loops: dict[str, Deviation], within: list[Interval]) -> Table:
    found = {}
    for zone in zones(line):
        deviation = of_loops[zone.tag]
        found[zone.loop.name] = {
            "setpoint_C": _rounded(deviation.setpoint),
            "max_abs_deviation_K": _rounded(deviation.of_means),
            "max_abs_deviation_raw_K": _rounded(deviation.of_scans),
            "overshoot_K": _rounded(deviation.overshoot),
            "overshoot_heatup_K": _heatup_overshoot(connection, line, zone, deviation.setpoint, within),
        }
    return found


def _heatup_overshoot(
    connection: apsw.Connection, line: Line, zone: Role, setpoint: float | None, within: list[Interval]
) -> float | None:
    scans = extent(connection)
    if setpoint is None or scans is None:
        return None
    highest = highest_mean(connection, line, zone, (scans[0], within[0][0] if within else scans[1]))
    return None if highest is None else round(max(0.0, highest - setpoint), 4)


def _loop(found: Role, deviation: Deviation) -> Table:
    row: Table = {
        "kind": found.loop.kind,
        "setpoint": _rounded(deviation.setpoint),
        "unit": deviation.unit,
        "max_abs_deviation": _rounded(deviation.of_means),
        "max_abs_deviation_raw": _rounded(deviation.of_scans),
        "seconds_in_auto": deviation.seconds_in_auto,
        "scans_left_out": deviation.scans_left_out,
    }
    return row | {"ratio": _rounded(deviation.ratio)} if found.loop.kind == "ratio" else row


def _ratio_error_percent(
    connection: apsw.Connection, of: Role, ratio: float | None, within: list[Interval], every_us: int
) -> float | None:
    found = [mean for part in within for _, mean in ratio_means(connection, of.pv, of.master, part, every_us)]
    return round(max(abs(mean / ratio - 1) for mean in found) * 100, 4) if found and ratio else None


def _draw_ratio(connection: apsw.Connection, line: Line, within: list[Interval]) -> Table:
    stretch = role(line, line_roles.STRETCH)
    ratio = configured_ratio(connection, stretch)
    error = _ratio_error_percent(connection, stretch, ratio, within, SECOND_US)
    return {"setpoint": _rounded(ratio), "max_abs_error_percent": error}


def _parts(connection: apsw.Connection, line: Line, within: list[Interval]) -> Table:
    found = {}
    for name, setpoint in (("plasticizer", line_roles.PLASTICIZER), ("solvent", line_roles.SOLVENT)):
        feed = role(line, setpoint)
        ratio = configured_ratio(connection, feed)
        error = _ratio_error_percent(connection, feed, ratio, within, MINUTE_US)
        found[name] = {
            "setpoint": _rounded(None if ratio is None else 100 * ratio, 2),
            "max_abs_error_percent": error,
        }
    return found


def _metres(judged: Metres) -> Table:
    return {
        "made": round(judged.made, 2),
        "pass": round(judged.passed, 2),
        "at_limit": round(judged.at_limit, 2),
        "fail": round(judged.failed, 2),
        "unknown": round(judged.unknown, 2),
        "scrap": round(judged.scrap, 2),
        "scrap_by_reason": {reason: round(length_m, 2) for reason, length_m in judged.scrap_reasons.items()},
        "fail_by_reason": {reason: round(length_m, 2) for reason, length_m in judged.fail_reasons.items()},
        "unknown_by_reason": {reason: round(length_m, 2) for reason, length_m in judged.unknown_reasons.items()},
    }


def records(connection: apsw.Connection) -> Table:
    """Scans stored and scans that are not: ``lost`` is every one missing between a run's first and last.

    ``undeclared`` are those of them that no gap names: they may still come.
    """
    of_nodes = {
        found.node: {
            "scans": found.scans.stored_n,
            "lost": found.scans.missing_n,
            "undeclared": found.scans.missing.get(UNDECLARED, 0),
        }
        for found in accounts(connection, with_tags=False)
    }
    totals = {key: sum(row[key] for row in of_nodes.values()) for key in ("scans", "lost", "undeclared")}
    return {**totals, "nodes": of_nodes}


def _claims(connection: apsw.Connection, basis: str) -> dict[str, str]:
    """The last verdict of each claim on this basis, by the claim's number."""
    rows = fetch(connection, "SELECT claim, verdict FROM claim WHERE basis = ? ORDER BY claim, at_us, rowid", (basis,))
    return {str(claim): verdict for claim, verdict in rows}
