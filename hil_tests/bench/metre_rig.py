"""A feeder upset on the simulated line alone: which metres the ledger marks, and which the plant says it reached.

The ledger gets what the instruments of the line measure, with their noise; the plant carries the true parts along the
fiber.  No firmware: the godets stand at a speed, a proportional rule keeps the pressure before the melt pump.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hil_tests.bench.plant.line import Line as Plant
from hil_tests.bench.plant.parameters import R1
from spinline.claims.catalog import window
from spinline.line.conformance import Conformance, Measured
from spinline.line.ledger import Ledger, Metre, MetreVerdict, Second
from spinline.line.mixing import Feeds
from spinline.line.span import Span
from spinline.recipe.line_model import load_line

LINE = load_line(Path(__file__).resolve().parents[2] / "lines" / "r1.toml")
PART_US, PARTS_N = 250_000, 4  # of a second: the melt node's scan
FLOWS_MG_S = (619.0, 928.5, 185.7)  # 100, 150 and 30 parts
UPSET_S = 900  # when it begins: the extruder is full, the line steady
MADE_S = 2600  # until what was upset has left the stretch
STEADY = {"E-TQUENCH": Span(40.0, 40.0), "E-FQUENCH": Span(20.0, 20.0), "E-TEXTR": Span(22.0, 22.0)}
PARTS = {"C12-PLAST": 1, "C12-SOLV": 2}  # window -> which feed


@dataclass(frozen=True)
class Upset:
    """A feeder runs at ``share`` of its flow for some seconds, at a take-up speed in m/min."""

    window_id: str
    share: float
    seconds: int
    speed_m_min: float = 10.0
    seed: int = 1


def metre_error(upset: Upset) -> float:
    """Metres between the edges of what the ledger marks and of what the plant says was reached, the larger of both."""
    truly: set[int] = set()
    marked = [metre.number for metre in _booked(upset, truly) if metre.verdict is MetreVerdict.FAIL]
    if not marked or not truly:
        return float("inf") if marked or truly else 0.0
    return float(max(abs(marked[0] - min(truly)), abs(marked[-1] - max(truly))))


def _booked(upset: Upset, truly: set[int]) -> Iterator[Metre]:
    """The ledger's metres; ``truly`` gets the numbers of those whose true parts are outside of the window."""
    plant, models, book = _plant(upset), Conformance(LINE), Ledger(LINE.path)
    bounds, feed_i = window(upset.window_id), PARTS[upset.window_id]
    low, high = float(bounds.low or 0), float(bounds.high or 1e9)
    for at_s in range(MADE_S):
        commands = list(_commands())
        if UPSET_S <= at_s < UPSET_S + upset.seconds:
            commands[feed_i] *= upset.share
        a = plant.actuators
        a.resin_command, a.plasticizer_command, a.solvent_command = commands
        begin_m, flows = plant.truth.takeup_m, [0.0, 0.0, 0.0]
        for part in range(PARTS_N):
            plant.advance((at_s * PARTS_N + part + 1) * PART_US)
            a.melt_pump_command = 0.541 + 4e-4 * (plant.sensors.inlet_pressure_kPa - 1420.0)
            s, truth = plant.sensors, plant.truth
            found = (s.resin_flow_mg_s, s.plasticizer_flow_mg_s, s.solvent_flow_mg_s)
            flows = [flow + new / PARTS_N for flow, new in zip(flows, found, strict=True)]
            parts = (0.0, truth.plasticizer_parts_at_takeup, truth.solvent_parts_at_takeup)[feed_i]
            if at_s > UPSET_S and not low <= parts <= high:
                truly.add(int(truth.takeup_m))
        v1_mm_s, v2_mm_s = truth.godet1_speed_m_min / 0.06, truth.godet2_speed_m_min / 0.06
        fed = Feeds(flows[0], flows[1], flows[2], plant.sensors.resin_refilling)
        spans = models.step(Measured(fed, True, v1_mm_s, v2_mm_s, {**STEADY, "E-DRDEV": Span(0.0, 0.0)}))
        state = "RUNNING" if at_s >= UPSET_S - 300 else "THREADING"
        yield from book.add(Second(at_s, state, begin_m, truth.takeup_m, True, spans))


def _commands() -> Iterator[float]:
    p = R1.feeding
    full_scales = (p.resin_full_scale_mg_s, p.plasticizer_full_scale_mg_s, p.solvent_full_scale_mg_s)
    return (flow / full_scale for flow, full_scale in zip(FLOWS_MG_S, full_scales, strict=True))


def _plant(upset: Upset) -> Plant:
    """Warm and threaded, with every drive on."""
    plant = Plant(upset.seed)
    plant.preheat([220.0] * 8, 40.0, 60.0)
    a = plant.actuators
    a.contactor = a.screw_run = a.dosing_enable = a.melt_pump_enable = a.drive_power = True
    a.godet_enable = a.threaded = True
    full_m_min = R1.drives.full_scale_m_min
    a.godet1_command, a.godet2_command = upset.speed_m_min / full_m_min, 1.8 * upset.speed_m_min / full_m_min
    return plant
