"""Which trends the page of a batch shows: zones, parts, baths, ratio and speed.  Reads the journal."""

from __future__ import annotations

import apsw

from spinline.line import roles as line_roles
from spinline.line.roles import Role, role, zones
from spinline.recipe.line_model import Line
from spinline.record.course import Stage, course
from spinline.record.page.trend import LEFT, RIGHT, WIDTH, Panel, Trends
from spinline.record.series import Interval, Mean, extent, means, ratio_means
from spinline.record.told import told

SECOND_US = 1_000_000
PARTS_US = 60 * SECOND_US  # means of parts: shorter ones show the feeders' noise
UPSET_US = 10 * SECOND_US  # the lowest and highest of these are pale: a minute hides an upset that is made up for
FED_IN = ("THREADING", "RUNNING", "UNSUPERVISED", "RESTARTING")
ZONE_BAND_K = (-3.0, 3.0)
BATHS = (
    (line_roles.QUENCH_TEMPERATURE, "quench, degC", "E-TQUENCH"),
    (line_roles.EXTRACTION_TEMPERATURE, "extraction, degC", "E-TEXTR"),
)
PARTS = (
    (line_roles.PLASTICIZER, "plasticizer, parts per 100 of resin, means of a minute, pale of 10 s", "C12-PLAST"),
    (line_roles.SOLVENT, "solvent, parts per 100 of resin, means of a minute, pale of 10 s", "C12-SOLV"),
)


def trends(connection: apsw.Connection, line: Line) -> Trends:
    """The picture of the batch in a journal; without scans it has no panels."""
    within = extent(connection)
    if within is None:
        return Trends((0, 1), [])
    every_us = max(SECOND_US, (within[1] - within[0]) // (WIDTH - LEFT - RIGHT))
    panels = [_zones(connection, line, within, every_us)]
    panels += [_parts(connection, role(line, setpoint), within, *words) for setpoint, *words in PARTS]
    panels += [_bath(connection, role(line, setpoint), within, every_us, *words) for setpoint, *words in BATHS]
    panels += _draw(connection, role(line, line_roles.STRETCH), within, every_us)
    return Trends(within, course(connection), told(connection, line), panels)


def _zones(connection: apsw.Connection, line: Line, within: Interval, every_us: int) -> Panel:
    """Measured less setpoint, in the lane where the setpoint stands; a heat-up would hide it."""
    lines = []
    found = zones(line)
    for zone in found:
        setpoints = {row.at_us: row.mean for row in means(connection, zone.setpoint, within, every_us)}
        measured = means(connection, zone.pv, within, every_us)
        away = [_less(row, setpoints[row.at_us]) for row in measured if row.at_us in setpoints]
        lines.append((zone.loop.name, [row for row in away if abs(row.mean) < 2 * ZONE_BAND_K[1]]))
    nodes = tuple({zone.node.name for zone in found})
    return Panel("zones, K from setpoint", every_us, lines, band=ZONE_BAND_K, nodes=nodes)


def _less(row: Mean, by: float) -> Mean:
    return Mean(row.at_us, row.mean - by, row.low - by, row.high - by)


def _parts(connection: apsw.Connection, feed: Role, within: Interval, title: str, window_id: str) -> Panel:
    least = next(row.high for row in feed.node.input if row.name == feed.loop.master) / 100
    stages = course(connection)

    def ratios(every_us: int) -> list[tuple[int, float]]:
        found = ratio_means(connection, feed.pv, feed.master, within, every_us, least)
        return [(at_us, ratio) for at_us, ratio in found if _is_fed(stages, at_us, at_us + every_us)]

    within_minute: dict[int, list[float]] = {}
    for at_us, ratio in ratios(UPSET_US):
        within_minute.setdefault((at_us - within[0]) // PARTS_US, []).append(100 * ratio)
    line = []
    for at_us, ratio in ratios(PARTS_US):
        every = [100 * ratio, *within_minute.get((at_us - within[0]) // PARTS_US, [])]
        line.append(Mean(at_us, 100 * ratio, min(every), max(every)))
    return Panel(title, PARTS_US, [(feed.loop.name, line)], window_id=window_id)


def _is_fed(stages: list[Stage], from_us: int, to_us: int) -> bool:
    """All along: where feeders begin or stop, one of them is ahead of the other."""
    return all(stage.state in FED_IN for stage in stages if stage.from_us < to_us and from_us < stage.to_us)


def _bath(
    connection: apsw.Connection, bath: Role, within: Interval, every_us: int, title: str, window_id: str
) -> Panel:
    line = means(connection, bath.pv, within, every_us)
    setpoint = means(connection, bath.setpoint, within, every_us)
    return Panel(title, every_us, [(bath.loop.name, line)], setpoint, window_id, nodes=(bath.node.name,))


def _draw(connection: apsw.Connection, stretch: Role, within: Interval, every_us: int) -> list[Panel]:
    least = next(row.high for row in stretch.node.input if row.name == stretch.loop.master) / 100
    found = ratio_means(connection, stretch.pv, stretch.master, within, every_us, least)
    ratio = [Mean(at_us, number, number, number) for at_us, number in found]
    speed = means(connection, stretch.master, within, every_us)
    return [
        Panel("stretch ratio v2/v1", every_us, [("ratio", ratio)], window_id="C12-STRETCH"),
        Panel("take-up, mm/s", every_us, [(stretch.loop.master or "", speed)], nodes=(stretch.node.name,)),
    ]
