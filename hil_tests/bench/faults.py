"""The catalogue of faults: what can go wrong with the line, where, and what has to follow.  Data only.

One whose part does not exist yet says in ``needs`` what is missing; it is skipped by name and counted.
"""

from __future__ import annotations

from dataclasses import dataclass

RUNNING, HEATING, HELD = "running", "heating", "held"  # states of the line in which faults are laid


@dataclass(frozen=True)
class Reaction:
    """What has to follow within ``within_s``: a node tells one of ``events``, and the batch comes to one of ``batch``.

    No events: no node may tell of a trip or a fault.
    """

    events: tuple[str, ...]
    batch: tuple[str, ...]
    within_s: float


@dataclass(frozen=True)
class Fault:
    """One fault.  A place is a node, or NODE.NAME of an input or output of the line file.

    ``lasts_s``: lifted after this time, and then all has to be well; 0: it stays until the reaction was seen.
    """

    id: str
    title: str
    places: tuple[str, ...]
    reactions: dict[str, Reaction]
    lasts_s: float = 0.0
    needs: str = ""


NODES = ("melt", "bath", "draw")
ZONES = tuple(f"melt.{name}" for name in ("Z3", "Z1", "Z2", "Z4", "Z5", "Z6", "PUMP", "DIE"))
THERMOCOUPLES = (*ZONES, "draw.STRETCH")
HEATERS = tuple(f"{zone}_HEATER" for zone in ZONES)
FEEDS = ("melt.PIN", "melt.RESIN", "melt.PLAST", "melt.SOLV", "bath.BORE")  # controlled while the line runs only
BATHS = ("bath.QUENCH", "bath.EXT2")
GUARDED = ("melt.PDIE", "bath.VAPOUR", "bath.EXT1")  # no loop has them, an interlock does
ENCODERS = ("draw.G1", "draw.G2", "draw.IDLER")
ESTOPS = ("melt.ESTOP", "bath.ESTOP", "draw.ESTOP")

# The wire may cost supervision, never the line: it goes on, and after the fault no scan is unaccounted for.
GOES_ON = Reaction((), ("RUNNING",), 60.0)
MAY_HOLD_ALONE = Reaction((), ("RUNNING", "UNSUPERVISED"), 60.0)
ALONE = Reaction(("LEASE_EXPIRED",), ("UNSUPERVISED",), 60.0)
WIRE = {RUNNING: GOES_ON, HELD: Reaction((), ("HELD",), 60.0)}
ROUGH_WIRE = {RUNNING: MAY_HOLD_ALONE, HELD: Reaction((), ("HELD",), 60.0)}
NO_WIRE = {RUNNING: ALONE, HELD: Reaction((), ("HELD",), 60.0)}

# A loop without its sensor: heat off in the same scan, the line holds; while it heats up it stops.
LOST = ("SENSOR_FAULT",)
AT_ONCE = {
    RUNNING: Reaction(LOST, ("HELD",), 30.0),
    HEATING: Reaction(LOST, ("STOPPED",), 90.0),
    HELD: Reaction(LOST, ("HELD",), 5.0),
}
FROZEN = {RUNNING: Reaction(LOST, ("HELD",), 75.0), HELD: Reaction(LOST, ("HELD",), 40.0)}
ABORTS = {
    RUNNING: Reaction(("INTERLOCK_TRIPPED",), ("ABORTED",), 45.0),
    HEATING: Reaction(("INTERLOCK_TRIPPED",), ("ABORTED",), 45.0),
    HELD: Reaction(("INTERLOCK_TRIPPED",), ("ABORTED",), 45.0),
}
# The line holds first, so that what is in it is drawn out, and aborts a minute later.
ABORTS_LATER = dict.fromkeys((RUNNING, HELD), Reaction(("INTERLOCK_TRIPPED",), ("ABORTED",), 120.0))
HOLDS = {RUNNING: Reaction(("INTERLOCK_TRIPPED",), ("HELD",), 45.0)}
LOST_OR_TRIPPED = (*LOST, "INTERLOCK_TRIPPED")
SAFE = {RUNNING: Reaction(LOST_OR_TRIPPED, ("HELD", "ABORTED"), 60.0)}
UNSEEN = {RUNNING: Reaction((), ("RUNNING",), 60.0)}  # one sensor cannot know: said, not hidden
COOLS = {RUNNING: Reaction(("HEATER_OPEN", "LOOP_BREAK"), ("HELD",), 400.0)}  # too cold in the end
WEAK = {RUNNING: Reaction(("HEATER_OPEN",), ("RUNNING", "HELD"), 400.0)}  # told; the zone may do with half
RESTARTED = {RUNNING: Reaction(("BOOT",), ("ABORTED",), 60.0)}
LATE = {RUNNING: Reaction(("SCANS_LATE",), ("ABORTED",), 60.0), HELD: Reaction(("SCANS_LATE",), ("ABORTED",), 60.0)}

CATALOGUE = (
    Fault("W1", "a bit in a thousand bytes flips", NODES, WIRE, 30),
    Fault("W2", "a byte in a thousand is lost", NODES, WIRE, 30),
    Fault("W3", "what was sent comes twice", NODES, WIRE, 30),
    Fault("W4", "one sending in ten is lost", NODES, ROUGH_WIRE, 30),
    Fault("W5", "sendings overtake one another", NODES, WIRE, 30),
    Fault("W6", "everything comes up to 0.2 s late", NODES, WIRE, 30),
    Fault("W7", "the receiver stops the sender again and again", NODES, WIRE, 30),
    Fault("W8", "the cable is pulled", NODES, NO_WIRE, 20),
    Fault("W9", "the node is heard no more but hears", NODES, NO_WIRE, 20),
    Fault("W10", "noise and other programs' probes between frames", NODES, WIRE, 30),
    Fault("W11", "the other end runs at another rate", NODES, NO_WIRE, 20),
    Fault("W12", "old frames come again", NODES, WIRE, 30),
    Fault("W13", "the adapter comes back under another name", NODES, {}, needs="a port found by serial number"),
    Fault("W14", "the driver of a bus stays on", NODES, {}, needs="a supervisor on a bus"),
    Fault("W15", "a drive answers with an exception, late or spoiled", ("draw",), {}, needs="drives on Modbus"),
    Fault("W16", "the bus hears its own echo", NODES, {}, needs="a supervisor on a bus"),
    Fault("S.off", "no signal of a temperature", (*THERMOCOUPLES, *BATHS), AT_ONCE),
    Fault("S.off.feed", "no signal of a flow or a pressure", FEEDS, {RUNNING: AT_ONCE[RUNNING]}),
    Fault("S.off.guard", "no signal where only an interlock looks", GUARDED, SAFE),
    Fault("S.stuck", "the reading stands still", THERMOCOUPLES, FROZEN),
    Fault("S.garbage", "any number at each reading", THERMOCOUPLES, AT_ONCE),
    Fault("S.wrong", "a jump of 20 K", THERMOCOUPLES[:1], AT_ONCE),
    Fault("S.slow", "a lag of 20 s", ZONES, UNSEEN),
    Fault("S.delayed", "10 s late", ZONES, UNSEEN),
    Fault("S.intermittent", "a loose contact", THERMOCOUPLES, AT_ONCE),
    Fault("S1", "thermocouple open", THERMOCOUPLES, AT_ONCE),
    Fault("S2", "thermocouple to ground or supply", THERMOCOUPLES, AT_ONCE),
    Fault("S3", "resistance thermometer open, short or a lead lost", ("bath.QUENCH",), {}, needs="a MAX31865"),
    Fault("S4", "cold junction out of range", THERMOCOUPLES, AT_ONCE),
    Fault("S5", "the chip's data line is stuck low", THERMOCOUPLES, AT_ONCE),
    Fault("S5.high", "the chip's data line is stuck high", THERMOCOUPLES, AT_ONCE),
    Fault("S6", "one converter on the bus is silent", ("melt.RESIN", "bath.QUENCH", "draw.TENSION"), SAFE),
    Fault("S6.stuck", "one chip holds the data line of the bus", ("melt.RESIN", "bath.QUENCH"), SAFE),
    Fault("S7", "current loop below 3.6 mA", (*FEEDS, *BATHS, *GUARDED), SAFE),
    Fault("S7.high", "current loop above 21 mA", (*FEEDS, *BATHS, *GUARDED), SAFE),
    Fault("S8", "pressure transmitter at the end of its range", ("melt.PDIE",), ABORTS),
    Fault("S8.vapour", "analyser of solvent at the end of its range", ("bath.VAPOUR",), ABORTS_LATER),
    Fault("S9", "drift of 20 K an hour", ZONES, UNSEEN),
    Fault("S10", "mains on the leads, 2 K", ZONES, AT_ONCE),
    Fault("S11", "encoder loses one line in ten", ENCODERS, HOLDS),
    Fault("S11.reversed", "encoder turns backwards", ENCODERS, SAFE),
    Fault("S12", "two thermocouples have changed places", ("melt.Z1/Z2",), AT_ONCE),
    Fault("A1", "solid-state relay welded", HEATERS, {RUNNING: Reaction(("HEATER_STUCK_ON",), ("ABORTED",), 240.0)}),
    Fault("A2", "solid-state relay open", HEATERS, COOLS),
    Fault("A3", "half of a heater burnt through", HEATERS[:1], WEAK),
    Fault("A4", "pump stalls", ("melt.MELT_PUMP",), HOLDS),
    Fault("A4.fan", "exhaust fan stalls", ("bath",), ABORTS_LATER),
    Fault("A5", "drive trips", ("draw.G1_DRIVE", "draw.G2_DRIVE"), HOLDS),
    Fault("A6", "analog output stays where it is", ("melt.RESIN_FEEDER", "bath.QUENCH_VALVE"), UNSEEN),
    Fault("A7", "valve follows in 10 s", ("bath.QUENCH_VALVE",), UNSEEN),
    Fault("A8", "fiber breaks", ("draw",), HOLDS),
    Fault("A9", "emergency stop", ESTOPS, ABORTS),
    Fault("T1", "every scan takes too long", NODES, LATE),
    Fault("T2", "a collection of garbage takes half a scan", NODES, UNSEEN),
    Fault("T3", "the tick counter wraps", NODES, {RUNNING: GOES_ON}, 20),
    Fault("T4", "the battery of the clock is empty", NODES, {}, needs="a clock chip"),
    Fault("T5", "the supervisor's clock is set", NODES, {}, needs="a supervisor that reads a clock of the day"),
    Fault("P1", "power cut before any effect on the flash", NODES, {}, needs="a parameter store"),
    Fault("P2", "program torn", NODES, {}, needs="a parameter store"),
    Fault("P3", "erase torn", NODES, {}, needs="a parameter store"),
    Fault("P4", "power cut again in the recovery", NODES, {}, needs="a parameter store"),
    Fault("P5", "brown-out", NODES, {}, needs="registers that outlive a reset"),
    Fault("P6", "the program stands still", NODES, RESTARTED),
    Fault("P7", "power comes and goes twenty times", NODES, {RUNNING: Reaction(("BOOT",), ("ABORTED",), 120.0)}),
    Fault("P8", "no supply", NODES, {RUNNING: Reaction(("PERMIT_OPEN",), ("ABORTED",), 60.0)}),
    Fault("P9", "flash block worn out", NODES, {}, needs="a parameter store"),
)


def cases() -> list[tuple[Fault, str, str]]:
    """Every fault at each of its places in each state of the line that says what has to follow."""
    return [(fault, place, state) for fault in CATALOGUE for place in fault.places for state in fault.reactions]


def waiting() -> list[Fault]:
    """Faults whose part does not exist yet."""
    return [fault for fault in CATALOGUE if fault.needs]
