"""What guards the line: trip of a stuck heater beside a fixed limit, false trips, the draw ratio while it moves."""

import math
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.run import LINE_R1, RECIPE_R1, BenchRun
from hil_tests.bench.zone_rig import Plant, ZoneRig, ZoneRows, zone_rows
from hil_tests.scenarios.conftest import short_recipe
from spinline.recipe.compiler import compile_node
from spinline.recipe.guard_model import ProcessModel
from spinline.recipe.line_model import Gains, load_line
from spinline.recipe.reading import read_recipe
from spinline_protocol import messages
from spinline_protocol.configuration import TABLES
from tools.bench_row import Row, count_of

ROOT = Path(__file__).resolve().parents[1]
RUN_SECONDS_MAX = 300
MODEL = Plant(165.0, 1860.0, 28.0)  # what the line file says of Z4
FIXED_LIMIT_C = 250.0
STUCK_C = 200.0
SLOW_BARREL = Plant(350.0, 1500.0, 60.0)  # reaches the fixed limit
SLOW_GAINS = Gains(Kc=0.04, Ti_s=500.0, Td_s=20.0, filter_k=3)
SOUND_C = 100.0  # every plant of the spread can hold it under load
OFF_BY = (0.7, 0.82, 0.94, 1.06, 1.18, 1.3)
SAMPLE_US, MEAN_N = 50_000, 20  # of the draw ratio: the 1 s mean of 50 ms samples
FASTER_CMM_S = 18333  # 11 m/min
RAMP_S, STOP_S = 40.0, 30.0
STANDING_M_MIN = 1.0


def stuck_heater() -> Sequence[Row]:
    """Trip of the observer and of a fixed limit on a zone whose heater stays on, and trips of sound zones."""
    rows = zone_rows(load_line(LINE_R1), read_recipe(RECIPE_R1), "Z4")
    rig = ZoneRig(_slow_rows(), SLOW_BARREL, seed=1)
    rig.settle(STUCK_C)
    rig.run(1200)
    rig.faults.stuck_on = True
    took_s, begun_s = rig.run_to_trip(3600), rig.now_s
    while rig.true_C < FIXED_LIMIT_C and rig.now_s - begun_s < 7200:
        rig.scan()  # nobody acts on the trip
    fixed_s = (took_s or 0.0) + rig.now_s - begun_s if rig.true_C >= FIXED_LIMIT_C else math.inf
    trips_n = sum(_sound_trips(rows, gain, time) for gain in OFF_BY for time in OFF_BY)
    trip = Row(
        "control.stuck_heater_trip_s",
        took_s,
        "s",
        "lower",
        1,
        "fixed 250 degC",
        fixed_s,
        why="" if took_s else "no trip",
    )
    return [trip, Row("control.stuck_heater_false_trips", trips_n, "", "lower", len(OFF_BY) ** 2, target=0.0)]


def _slow_rows() -> ZoneRows:
    """R1 with Z4 as the slow barrel zone, its model and gains."""
    line, p = load_line(LINE_R1), SLOW_BARREL
    model = ProcessModel(K=p.gain_K, tau_s=p.tau_s, theta_s=p.theta_s)
    melt = line.node[0]
    loops = [
        loop.model_copy(update={"model": model, "gains": SLOW_GAINS}) if loop.name == "Z4" else loop
        for loop in melt.loop
    ]
    melt = melt.model_copy(update={"loop": tuple(loops)})
    return zone_rows(line.model_copy(update={"node": (melt,)}), read_recipe(RECIPE_R1), "Z4")


def _sound_trips(rows: ZoneRows, gain: float, time: float) -> int:
    rig = ZoneRig(rows, MODEL.off_by(gain, time), seed=round(100 * gain + 10 * time))
    rig.settle(SOUND_C)
    for above_K, load in ((0.0, 0.0), (0.0, 0.0), (10.0, 0.0), (10.0, 0.1), (0.0, 0.1), (0.0, 0.0)):
        rig.setpoint(SOUND_C + above_K)
        rig.faults.load = load
        rig.run(600)
    return len(rig.trips)


def draw_ratio() -> Sequence[Row]:
    """Error of the godets' ratio, in percent, on the simulated drives with the real firmware."""
    with tempfile.TemporaryDirectory() as folder:
        run = BenchRun(find_interpreter(), Path(folder), 1, recipe=short_recipe())
        try:
            run.preheat()
            run.start()
            assert run.run_until(lambda: run.supervisor.batch.state == "RUNNING", 900.0), run.supervisor.problems
            run.run_for(60)
            session = run.supervisor.sessions["draw"]
            session._ask("setpoint", messages.SET_SETPOINT, 0, FASTER_CMM_S, 0)
            moving = _means(_errors(run, RAMP_S))
            run.supervisor.batch.cause("stop", run.bench.now_us / 1e6)
            stopping = _means(_errors(run, STOP_S))
        finally:
            run.close()
    rms = math.sqrt(sum(error**2 for error in moving) / len(moving))
    return [
        Row("control.draw_ratio_error.rms", rms, "%", "lower", len(moving), target=0.1),
        Row("control.draw_ratio_error.peak", max(map(abs, moving)), "%", "lower", len(moving), target=0.3),
        Row("control.draw_ratio_error.stop_peak", max(map(abs, stopping)), "%", "lower", len(stopping), target=1.0),
    ]


def _errors(run: BenchRun, seconds: float) -> list[float]:
    """Error of the measured ratio in every 50 ms, in percent of the recipe's, while the line moves."""
    ratio = float(run.recipe.draw.stretch_ratio)
    errors, end_us = [], run.bench.now_us + round(seconds * 1e6)
    next_us, before = run.bench.now_us + SAMPLE_US, (0.0, 0.0)
    while run.bench.now_us < end_us:
        if next_us < run.due_us:
            run.bench.run_until(next_us)
        else:
            run.bench.run_until(run.due_us)
            run.due_us = run.supervisor.step(run.due_us)
            continue
        next_us += SAMPLE_US
        sensors = run.bench.plant.sensors
        now = (float(sensors.godet1_counts), float(sensors.godet2_counts))
        moved = (now[0] - before[0], now[1] - before[1])
        if before[0] and run.bench.plant.truth.godet1_speed_m_min > STANDING_M_MIN:
            errors.append(100 * (moved[1] / moved[0] / ratio - 1))
        before = now
    return errors


def _means(errors: list[float]) -> list[float]:
    """The running mean of one second."""
    return [sum(errors[i : i + MEAN_N]) / MEAN_N for i in range(len(errors) - MEAN_N + 1)]


def guard_cost() -> Sequence[Row]:
    """Time that the guards of the melt node take in a scan, on the 32-bit MicroPython, on a locked heap."""
    line, recipe = load_line(LINE_R1), read_recipe(RECIPE_R1)
    rows = compile_node(line, line.node[0], recipe).rows
    rounds_n = count_of(20, 200)
    with tempfile.TemporaryDirectory() as folder:
        tables = Path(folder) / "tables.txt"
        tables.write_text(repr([[words for of, words in rows if of == table] for table in range(len(TABLES))]))
        program = ROOT / "firmware/tests/guard_cost.py"
        done = subprocess.run(
            [*find_interpreter().command, str(program), str(ROOT), str(tables), str(rounds_n)],
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS_MAX,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    told = {name: float(ns) for name, ns in map(str.split, done.stdout.splitlines())}
    return [
        Row("control.interlocks_ns", told["interlocks"], "ns/scan", "lower", rounds_n),
        Row("control.monitors_ns", told["monitors"], "ns/scan", "lower", rounds_n),
    ]


GUARD = (
    ("control.guard_cost", guard_cost),
    ("control.stuck_heater", stuck_heater),
    ("control.draw_ratio_error", draw_ratio),
)
