"""How a test looks at the draw: the measured ratio, what the draw node answers, and what tripped when.  Reads only."""

from __future__ import annotations

from hil_tests.bench.run import BenchRun
from hil_tests.bench.scan_truth import ScanTruth

from .protocol import events

SCAN_S = 0.05
MEAN_N = 20  # one second
STANDING_M_MIN = 1.0
TRIPPED = "INTERLOCK_TRIPPED"


def ratio_errors(run: BenchRun, seconds: float) -> list[float]:
    """Of the measured ratio over each second, in percent of the recipe's, while the line moves; nobody supervises."""
    ratio, errors_percent = float(run.recipe.draw.stretch_ratio), []
    sensors = run.bench.plant.sensors
    seen = [(sensors.godet1_counts, sensors.godet2_counts)]
    for _ in range(round(seconds / SCAN_S)):
        run.run_without_supervisor(SCAN_S)
        seen.append((sensors.godet1_counts, sensors.godet2_counts))
        if len(seen) > MEAN_N and run.bench.plant.truth.godet1_speed_m_min > STANDING_M_MIN:
            moved = [now - then for now, then in zip(seen[-1], seen[-1 - MEAN_N], strict=True)]
            errors_percent.append(100 * (moved[1] / moved[0] / ratio - 1))
    return errors_percent


def asked(run: BenchRun, number: int, *values: int) -> dict[str, int]:
    """The draw node's answer to a request of the supervisor."""
    session = run.supervisor.sessions["draw"]
    sequence = session.ask(number, *values)
    assert run.run_until(lambda: sequence in session.answers, 5)
    return session.answers.pop(sequence)


def trips_after(run: BenchRun, truth: ScanTruth, from_us: int, of_node: str = "draw") -> list[tuple[str, float]]:
    """(interlock's name, seconds since ``from_us``) of every interlock of a node that tripped since then."""
    names = [row.name for row in next(node for node in run.line.node if node.name == of_node).interlock]
    told = [(source, truth.at_us(of_node, scan)) for scan, name, source, *_ in events(run, of_node) if name == TRIPPED]
    return [(names[source], (at_us - from_us) / 1e6) for source, at_us in told if at_us >= from_us]
