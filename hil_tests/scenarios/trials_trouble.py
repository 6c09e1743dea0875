"""Trials of trouble: chiller, broken fiber, dead host, pulled cable, dead controllers.  Data."""

from __future__ import annotations

from hil_tests.bench.run import BenchRun

from .looks import (
    all_of,
    batch_is,
    disturb,
    draw_ratio_within,
    every_scan_is_accounted_for,
    heat_is_off,
    lay,
    lift,
    line_stands,
    no_trouble,
    nodes_are,
    person_says,
    process_dies,
    something_is_declared_lost,
    takeup_between,
    thread_anew,
    told,
    tripped,
    within,
    zones_within,
)
from .trial import PRODUCING, Do, Keep, See, Trial

NODES = ("melt", "bath", "draw")

CHILLER_TRIP = Trial(
    "the chiller trips for ten minutes",
    PRODUCING,
    (
        Do(0, "the chiller trips", disturb("chiller_on", False)),
        See(0, 15, "the bath node raises its alarm", tripped("bath", "chiller tripped")),
        See(150, 330, "and tells that it warms without it", tripped("bath", "quench warms as without chiller")),
        Keep(0, 1800, "the line produces", batch_is("RUNNING")),
        Keep(0, 600, "the quench warms by 0.22 K/min: less than 3.5 K", within("bath.QUENCH", 40.0, 3.5)),
        See(300, 600, "it is more than 1 K too warm", lambda run: not within("bath.QUENCH", 40.0, 1.0)(run)),
        Do(600, "the chiller runs again", disturb("chiller_on", True)),
        See(900, 1800, "the quench is within 0.5 K", within("bath.QUENCH", 40.0, 0.5)),
    ),
    marks=("long",),
)

CHILLER_GONE = Trial(
    "the chiller trips and stays off",
    PRODUCING,
    (
        Do(0, "the chiller trips", disturb("chiller_on", False)),
        Keep(0, 900, "for a quarter of an hour the line produces", batch_is("RUNNING")),
        See(900, 2400, "the quench is 5 K too warm", tripped("bath", "quench too warm")),
        See(900, 2400, "a minute later the line holds", batch_is("HELD")),
        Keep(2401, 2460, "godets and screw stand", line_stands),
        Keep(2401, 2460, "the zones stay at their setpoints", zones_within(2.0)),
    ),
    marks=("long",),
)

FIBER_BREAK = Trial(
    "the fiber breaks and is threaded anew",
    PRODUCING,
    (
        Do(20, "the fiber breaks", lay("A8", "draw")),
        See(20, 25, "its tension is gone", tripped("draw", "fiber broken")),
        See(20, 60, "the line holds", all_of(batch_is("HELD"), nodes_are("HELD"))),
        Keep(20, 60, "the godets go down in ratio", draw_ratio_within(0.05)),
        Keep(61, 180, "the line stands", line_stands),
        Keep(61, 180, "the zones stay within 2 K of their setpoints", zones_within(2.0)),
        Do(120, "what made it break is gone", lift("A8", "draw")),
        Do(121, "a technician threads the line", thread_anew),
        Do(180, "a person says resume", person_says("resume")),
        See(180, 215, "the fiber is drawn", batch_is("THREADING")),
        See(380, 500, "the line produces", batch_is("RUNNING")),
        Keep(500, 600, "at 10 m/min", takeup_between(9.9, 10.1)),
        Keep(500, 600, "and goes on", batch_is("RUNNING")),
    ),
)

HOST_KILLED = Trial(
    "the host is dead for five minutes and starts again",
    PRODUCING,
    (
        Do(0, "the supervisor's process dies", BenchRun.kill_supervisor),
        Keep(0, 300, "the line goes on at its speed", takeup_between(9.9, 10.1)),
        Keep(0, 300, "within 2.5 K of its temperatures", zones_within(2.5)),
        Do(300, "a new supervisor opens the same journal", BenchRun.restart_supervisor),
        See(300, 330, "it finds a line that nobody watched", batch_is("UNSUPERVISED")),
        Keep(331, 359, "and waits for a person", batch_is("UNSUPERVISED")),
        Do(360, "a person says resume", person_says("resume")),
        See(360, 700, "the line produces", batch_is("RUNNING")),
        See(700, 705, "no scan is missing without a word", every_scan_is_accounted_for),
        See(700, 705, "the ring held half a minute, the rest is declared lost", something_is_declared_lost),
        See(700, 705, "no node told of a fault", no_trouble),
    ),
)

CABLE_1000_S = Trial(
    "a cable is pulled for longer than the line may run alone",
    PRODUCING,
    (
        Do(0, "the melt node's cable is pulled", lay("W8", "melt")),
        See(0, 15, "the batch is told to be unsupervised", batch_is("UNSUPERVISED")),
        Keep(15, 590, "the line goes on at its speed", takeup_between(9.9, 10.1)),
        Keep(15, 590, "within 2.5 K of its temperatures", zones_within(2.5)),
        See(
            600,
            690,
            "after ten minutes the melt node feeds no more, and nothing pulls",
            tripped("draw", "fiber broken"),
        ),
        Keep(590, 700, "the godets go down in ratio", draw_ratio_within(0.05)),
        See(600, 720, "the line stands", line_stands),
        Keep(720, 890, "its zones stay warm", zones_within(5.0)),
        See(890, 910, "after 900 s without a lease the melt node gives its power away", heat_is_off),
        See(890, 960, "the others see the open permit chain", told("draw", "PERMIT_OPEN")),
        Keep(960, 1000, "nothing comes back by itself", all_of(line_stands, heat_is_off)),
        Do(1000, "the cable is plugged", lift("W8", "melt")),
        See(1000, 1060, "the batch is aborted, every node too", all_of(batch_is("ABORTED"), nodes_are("ABORTED"))),
        See(1060, 1180, "no scan is missing without a word", every_scan_is_accounted_for),
        See(1060, 1180, "what no ring could hold is declared lost", something_is_declared_lost),
    ),
    marks=("long",),
)


def node_killed(name: str) -> Trial:
    """A controller dies beside a dead host: nobody but the permit chain and its own watchdog can tell the others."""
    others = [node for node in NODES if node != name]
    told_by_permit = all_of(*(told(node, "PERMIT_OPEN") for node in others))
    in_ratio = Keep(0, 60, "the godets go down in ratio", draw_ratio_within(0.05))
    return Trial(
        f"the {name} node's process is killed in production",
        PRODUCING,
        (
            Do(0, "the supervisor's process dies", BenchRun.kill_supervisor),
            Do(0, f"the {name} node's process dies", process_dies(name)),
            See(0, 3, "the barrel heaters have no power", heat_is_off),
            *(() if name == "draw" else (in_ratio,)),  # without its node they are not driven
            See(0, 60, "the line stands", line_stands),
            Do(70, "a new supervisor opens the same journal", BenchRun.restart_supervisor),
            See(70, 130, "the others tell that the permit chain opened", told_by_permit),
            See(70, 130, "they are aborted", nodes_are("ABORTED", *others)),
            Keep(61, 150, "nothing comes back by itself", all_of(line_stands, heat_is_off)),
        ),
    )


TRIALS = (
    CHILLER_TRIP,
    CHILLER_GONE,
    FIBER_BREAK,
    HOST_KILLED,
    CABLE_1000_S,
    *(node_killed(name) for name in NODES),
)
