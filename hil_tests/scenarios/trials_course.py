"""Trials of the normal course: cold start, hold, refill, speed step, end of a batch, change of recipe.  Data only."""

from __future__ import annotations

from hil_tests.bench.run import BenchRun
from spinline.recipe.models import Recipe

from .looks import (
    all_of,
    batch_is,
    draw_ratio_within,
    heat_is_off,
    line_stands,
    no_hole_after_the_first_scan,
    no_trouble,
    no_zone_above,
    nodes_are,
    nothing_is_lost,
    parts_within,
    person_resets_the_nodes,
    person_says,
    person_sets,
    takeup_between,
    within,
    zones_within,
)
from .trial import COLD, PRODUCING, Do, Keep, Look, See, Trial


def cmm_s(m_min: float) -> int:
    """A speed in the integer unit of its quantity, 0.01 mm/s."""
    return round(m_min * 100_000 / 60)


def with_colder_quench(recipe: Recipe) -> Recipe:
    """The next recipe of the day: a colder barrel, a warmer quench, a slower line."""
    return recipe.model_copy(
        update={
            "melt": recipe.melt.model_copy(update={"z3_temperature_C": recipe.melt.z3_temperature_C - 5}),
            "quench": recipe.quench.model_copy(update={"quench_temperature_C": recipe.quench.quench_temperature_C + 2}),
        }
    )


def next_recipe(run: BenchRun) -> None:
    """A supervisor with the next recipe comes, and a person starts its batch."""
    run.next_batch(with_colder_quench(run.recipe))
    run.start()


def production_stands_still(run: BenchRun) -> bool:
    """Minutes that the line holds are not minutes of production."""
    return run.supervisor.batch.produced_s < 30


def holds_its_reading(run: BenchRun) -> bool:
    """The feeder is being refilled and its flow signal stands."""
    return run.bench.plant.sensors.resin_refilling


def gauge_between(low_um: float, high_um: float) -> Look:
    """Outside diameter in the gauge, noise of 5 um included."""
    return lambda run: low_um <= run.bench.plant.sensors.od_um <= high_um


COLD_START = Trial(
    "cold start: from the room's temperature to production",
    COLD,
    (
        Do(0, "a person starts the batch", BenchRun.start),
        See(0, 30, "the batch heats up", batch_is("PREPARING")),
        Keep(0, 58 * 60, "no fiber moves before the line has soaked", takeup_between(0.0, 0.1)),
        Keep(
            0,
            100 * 60,
            "no zone is more than 0.5 K above its setpoint, Z1 beside its hot neighbor 2.5 K",
            no_zone_above(2.5, 0.5),
        ),
        See(39 * 60, 50 * 60, "every zone is within 3 K: 5 K/min alone take 39 min", zones_within(3.0)),
        See(58 * 60, 70 * 60, "after a soak of 20 min the line is threaded", batch_is("THREADING")),
        See(68 * 60, 82 * 60, "ten minutes later it produces", batch_is("RUNNING")),
        Keep(82 * 60, 100 * 60, "it goes on producing", batch_is("RUNNING")),
        Keep(82 * 60, 100 * 60, "every zone is within 1 K", zones_within(1.0)),
        Keep(82 * 60, 100 * 60, "the quench is within 1 K", within("bath.QUENCH", 40.0, 1.0)),
        Keep(90 * 60, 100 * 60, "plasticizer and solvent are within 4 %", parts_within(0.04)),
        See(100 * 60, 100 * 60 + 5, "no node told of a fault", no_trouble),
        See(100 * 60, 100 * 60 + 5, "every scan is stored", nothing_is_lost),
    ),
    production_min=0,
    threading_min=0,
    marks=("long",),
)

HOLD_AND_RESUME = Trial(
    "a person holds the line and resumes",
    PRODUCING,
    (
        Do(0, "a person says hold", person_says("hold")),
        See(0, 60, "every node holds", all_of(batch_is("HELD"), nodes_are("HELD"))),
        Keep(0, 60, "the godets go down in ratio", draw_ratio_within(0.05)),
        Keep(60, 300, "godets, screw and feeders stand", line_stands),
        Keep(60, 300, "the zones stay within 2 K of their setpoints", zones_within(2.0)),
        Keep(0, 300, "the time of production stands still", production_stands_still),
        Do(300, "a person says resume", person_says("resume")),
        See(300, 330, "the fiber is drawn anew", batch_is("THREADING")),
        See(500, 620, "the line produces", batch_is("RUNNING")),
        See(620, 625, "at 10 m/min", takeup_between(9.9, 10.1)),
        See(620, 625, "no node told of a fault", no_trouble),
        See(620, 625, "every scan is stored", nothing_is_lost),
    ),
)

FEEDER_REFILL = Trial(
    "the resin feeder is refilled in production",
    PRODUCING,
    (
        See(800, 1000, "twenty minutes after feeding began the feeder says refill", holds_its_reading),
        Keep(0, 1300, "the line produces", batch_is("RUNNING")),
        Keep(600, 1300, "true parts at the die stay within 6 %: three sigma of a feeder by volume", parts_within(0.06)),
        Keep(0, 1300, "the melt pump's inlet stays at its pressure", within("melt.PIN", 1420.0, 400.0)),
        See(1000, 1300, "ten minutes later the true parts are within 2 %", parts_within(0.02)),
        See(1300, 1305, "no node told of a fault", no_trouble),
    ),
    marks=("long",),
)

SPEED_STEP = Trial(
    "the line speed is set to 9 m/min and back to 10",
    PRODUCING,
    (
        See(0, 60, "the diameter of 10 m/min stands in the gauge", gauge_between(1330, 1470)),
        Do(100, "a person sets the take-up to 9 m/min", person_sets("draw", "G1", cmm_s(9))),
        See(101, 140, "the take-up is at 9 m/min", takeup_between(8.95, 9.05)),
        See(110, 180, "a thicker fiber arrives in the gauge 2 m behind", gauge_between(1395, 1545)),
        Keep(141, 400, "it stays there", takeup_between(8.9, 9.1)),
        Do(400, "a person sets the take-up to 10 m/min", person_sets("draw", "G1", cmm_s(10))),
        See(401, 440, "the take-up is at 10 m/min", takeup_between(9.95, 10.05)),
        Keep(0, 600, "the godets keep their ratio", draw_ratio_within(0.02)),
        Keep(0, 600, "the quench stays within 1 K", within("bath.QUENCH", 40.0, 1.0)),
        Keep(0, 600, "the line produces", batch_is("RUNNING")),
        See(600, 605, "no node told of a fault", no_trouble),
    ),
)

END_OF_BATCH = Trial(
    "the batch ends and the line runs out",
    PRODUCING,
    (
        See(60, 130, "after two minutes of production the batch completes", batch_is("COMPLETING")),
        Keep(130, 1000, "what is in the baths is drawn through: 1020 s", takeup_between(9.9, 10.1)),
        Keep(130, 1000, "in ratio", draw_ratio_within(0.01)),
        See(130, 1300, "the batch is complete, every node too", all_of(batch_is("COMPLETE"), nodes_are("COMPLETE"))),
        Keep(1300, 1400, "the line stands", line_stands),
        Keep(1300, 1400, "without heat", heat_is_off),
        See(1400, 1405, "no node told of a fault", no_trouble),
        See(1400, 1405, "every scan is stored", nothing_is_lost),
    ),
    production_min=2,
    marks=("long",),
)

RECIPE_CHANGE = Trial(
    "another recipe follows on the same line",
    PRODUCING,
    (
        See(100, 1300, "the first batch is complete", batch_is("COMPLETE")),
        Do(1300, "a person resets the nodes", person_resets_the_nodes),
        See(1301, 1320, "every node is idle", nodes_are("IDLE")),
        Do(1330, "a supervisor with the next recipe comes, a person starts", next_recipe),
        See(1340, 1400, "the next batch heats up", batch_is("PREPARING")),
        See(1400, 2600, "it produces", batch_is("RUNNING")),
        See(1400, 2600, "with the next recipe in zone 3", within("melt.Z3", 210.0, 1.0)),
        See(1400, 2600, "and in the quench", within("bath.QUENCH", 42.0, 0.5)),
        See(2600, 2605, "no node told of a fault", no_trouble),
        See(2600, 2605, "the second journal has no hole after its first scan", no_hole_after_the_first_scan),
    ),
    production_min=2,
    marks=("long",),
)

TRIALS = (COLD_START, HOLD_AND_RESUME, FEEDER_REFILL, SPEED_STEP, END_OF_BATCH, RECIPE_CHANGE)
