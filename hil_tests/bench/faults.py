"""The catalogue of faults: what can go wrong with the line, where, and what has to follow.  Data only."""

from __future__ import annotations

from dataclasses import dataclass, field

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
class Mask:
    """What a fault does that nobody on the line can know of: the test sees by it that it was laid.

    ``drift``: what is shown goes ``size`` K an hour off what is true; ``lag``: it follows the truth, ``size`` seconds
    behind; ``age``: it is the truth of ``size`` seconds ago; ``stands``: it stays while another is asked for, more than
    ``size`` codes away; ``frozen``: no more than ``size`` numbers are recorded.
    """

    kind: str
    size: float


@dataclass(frozen=True)
class Asked:
    """What a person asks of a loop while the fault is there, in the integer unit of its quantity."""

    loop: str  # NODE.LOOP
    number: int


@dataclass(frozen=True)
class Fault:
    """One fault.  A place is a node, or NODE.NAME of an input or output of the line file.

    ``lasts_s``: lifted after this time, and then all has to be well; 0: it stays until the reaction was seen.
    ``asked``: by place, what brings it to light.  ``laid_by``: the test that lays it, where no line has such a part.
    ``on``: the line whose part it is, one of `builds.BUILDS`.
    """

    id: str
    title: str
    places: tuple[str, ...]
    reactions: dict[str, Reaction]
    lasts_s: float = 0.0
    mask: Mask | None = None
    asked: dict[str, Asked] = field(default_factory=dict)
    laid_by: str = ""
    on: str = "r1"


NODES = ("melt", "bath", "draw")
ZONES = tuple(f"melt.{name}" for name in ("Z3", "Z1", "Z2", "Z4", "Z5", "Z6", "PUMP", "DIE"))
THERMOCOUPLES = (*ZONES, "draw.STRETCH")
HEATERS = tuple(f"{zone}_HEATER" for zone in ZONES)
FEEDS = ("melt.PIN", "melt.RESIN", "melt.PLAST", "melt.SOLV", "bath.BORE")  # controlled while the line runs only
BATHS = ("bath.QUENCH", "bath.EXT2")
GUARDED = ("melt.PDIE", "bath.VAPOUR", "bath.EXT1")  # no loop has them, an interlock does
ENCODERS = ("draw.G1", "draw.G2", "draw.IDLER")
ESTOPS = ("melt.ESTOP", "bath.ESTOP", "draw.ESTOP")
PROOFS = ("bath.LFL", "bath.EXHAUST")  # contacts that are closed while all is well
TWO_KINDS = ("melt.Z3", "draw.STRETCH")  # of thermocouples: with a monitor behind it, and without
RELAYS = ("melt.PUMP_ENABLE", "melt.DOSING", "melt.SCREW", "draw.DRIVE_ENABLE")
DRIVES = ("draw.G1_DRIVE", "draw.G2_DRIVE")
RTDS = ("bath.QUENCH",)
BUS = "r1 on bus"
STANDING = ("melt.RESIN_FEEDER", "bath.QUENCH_VALVE")
# A tenth less resin, in 0.01 mg/s, and a tenth less line speed, in 0.01 mm/s.
ASKED = {"melt.RESIN_FEEDER": Asked("melt.RESIN", 55_700), "draw.G2_DRIVE": Asked("draw.G1", 15_000)}

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
    HELD: Reaction(LOST, ("HELD",), 15.0),
}
FROZEN = {RUNNING: Reaction(LOST, ("HELD",), 75.0), HELD: Reaction(LOST, ("HELD",), 40.0)}
ABORTS = {
    RUNNING: Reaction(("INTERLOCK_TRIPPED",), ("ABORTED",), 45.0),
    HEATING: Reaction(("INTERLOCK_TRIPPED",), ("ABORTED",), 45.0),
    HELD: Reaction(("INTERLOCK_TRIPPED",), ("ABORTED",), 45.0),
}
# The line holds first, so that what is in it is drawn out, and aborts a minute later.
ABORTS_LATER = dict.fromkeys((RUNNING, HELD), Reaction(("INTERLOCK_TRIPPED",), ("ABORTED",), 120.0))
OPEN = {state: Reaction(("INTERLOCK_TRIPPED",), ("HELD",), 45.0) for state in (RUNNING, HELD)}
HOLDS = {RUNNING: Reaction(("INTERLOCK_TRIPPED",), ("HELD",), 45.0)}
HOLDS_LATER = {RUNNING: Reaction(("INTERLOCK_TRIPPED",), ("HELD",), 90.0)}
LOST_OR_TRIPPED = (*LOST, "INTERLOCK_TRIPPED")
SAFE = {RUNNING: Reaction(LOST_OR_TRIPPED, ("HELD", "ABORTED"), 60.0)}
UNSEEN = {RUNNING: Reaction((), ("RUNNING",), 60.0)}  # one sensor cannot know: said, not hidden
TOLD = {RUNNING: Reaction(("INTERLOCK_TRIPPED",), ("RUNNING", "HELD"), 60.0)}  # a person is told; it may hold later
UNSEEN_LONG = {RUNNING: Reaction((), ("RUNNING",), 180.0)}
COOLS = {RUNNING: Reaction(("HEATER_OPEN", "LOOP_BREAK"), ("HELD",), 400.0)}  # too cold in the end
# What stands behind a converter that is silent goes on as it was: a hold waits for it as long as it may.
HOLDS_SILENT = {RUNNING: Reaction(("OUTPUT_FAULT",), ("HELD",), 90.0)}
SILENT = {RUNNING: Reaction(("OUTPUT_FAULT",), ("HELD",), 45.0), HELD: Reaction(("OUTPUT_FAULT",), ("HELD",), 15.0)}
WEAK = {RUNNING: Reaction(("HEATER_OPEN",), ("RUNNING", "HELD"), 400.0)}  # told; the zone may do with half
RESTARTED = {RUNNING: Reaction(("BOOT",), ("ABORTED",), 60.0)}
LATE = {RUNNING: Reaction(("SCANS_LATE",), ("ABORTED",), 60.0), HELD: Reaction(("SCANS_LATE",), ("ABORTED",), 60.0)}

# Nobody knows what the drive does: the enable of both drops, and the line holds.
DRIVE_LOST = {RUNNING: SILENT[RUNNING]}
BOOTED = {RUNNING: Reaction(("BOOT",), ("ABORTED",), 120.0)}
WOKEN = {RUNNING: Reaction((), ("UNSUPERVISED",), 30.0)}  # the line ran on; a person says resume

# Faults of parts that are not on the line R1 of the bench: tests of their own lay them.
ADAPTER_TEST = "test_real_serial.py::test_an_adapter_that_comes_back_under_another_name_is_found_by_its_serial_number"
FLASH_TEST = "test_flash_faults.py::test_what_a_node_keeps_is_old_or_new_whatever_happens_to_the_flash"
BUS_TEST = "test_bus_faults.py::test_{}_on_a_bus"

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
    Fault("W13", "the adapter comes back under another name", NODES, {}, laid_by=ADAPTER_TEST),
    Fault("W14", "the driver of a bus stays on", NODES, {}, laid_by=BUS_TEST.format("w14")),
    Fault("W15", "a drive answers with an exception", DRIVES, SILENT, on=BUS),
    Fault("W15.late", "a drive answers too late", DRIVES, DRIVE_LOST, on=BUS),
    Fault("W15.spoiled", "a drive's answers are spoiled", DRIVES, DRIVE_LOST, on=BUS),
    Fault("W15.cut", "a drive's answers end too early", DRIVES, DRIVE_LOST, on=BUS),
    Fault("W15.silent", "a drive's wire is broken", DRIVES, DRIVE_LOST, on=BUS),
    Fault("W16", "the bus hears its own echo", NODES, {}, laid_by=BUS_TEST.format("w16")),
    Fault("S.off", "no signal of a temperature", (*THERMOCOUPLES, *BATHS), AT_ONCE),
    Fault("S.off.feed", "no signal of a flow or a pressure", FEEDS, {RUNNING: AT_ONCE[RUNNING]}),
    Fault("S.off.guard", "no signal where only an interlock looks", GUARDED, SAFE),
    Fault("S.stuck", "the reading stands still", THERMOCOUPLES, FROZEN),
    Fault("S.garbage", "any number at each reading", THERMOCOUPLES, AT_ONCE),
    Fault("S.wrong", "a jump of 20 K", THERMOCOUPLES[:1], AT_ONCE),
    Fault("S.slow", "a lag of 20 s", ZONES, UNSEEN, mask=Mask("lag", 20.0)),
    Fault("S.delayed", "10 s late", ZONES, UNSEEN, mask=Mask("age", 10.0)),
    Fault("S.intermittent", "a loose contact", THERMOCOUPLES, AT_ONCE),
    Fault("S1", "thermocouple open", THERMOCOUPLES, AT_ONCE),
    Fault("S2", "thermocouple to ground or supply", THERMOCOUPLES, AT_ONCE),
    Fault("S2.high", "the chip says: above its upper limit", TWO_KINDS, AT_ONCE),
    Fault("S2.low", "the chip says: below its lower limit", TWO_KINDS, AT_ONCE),
    Fault("S2.range", "the chip says: outside of what the thermocouple can be", TWO_KINDS, AT_ONCE),
    Fault("S3", "resistance thermometer open", RTDS, AT_ONCE, on=BUS),
    Fault("S3.short", "resistance thermometer short", RTDS, AT_ONCE, on=BUS),
    Fault("S3.lead", "a lead of the resistance thermometer is lost, and the number looks right", RTDS, AT_ONCE, on=BUS),
    Fault("S3.supply", "a lead of the resistance thermometer at the supply", RTDS, {RUNNING: AT_ONCE[RUNNING]}, on=BUS),
    Fault("S3.stuck", "the data line of its chip is stuck low", RTDS, {RUNNING: AT_ONCE[RUNNING]}, on=BUS),
    Fault("S3.stuck.high", "the data line of its chip is stuck high", RTDS, {RUNNING: AT_ONCE[RUNNING]}, on=BUS),
    Fault("S3.reset", "its chip has lost its settings", RTDS, {RUNNING: AT_ONCE[RUNNING]}, on=BUS),
    Fault("S4", "cold junction out of range", THERMOCOUPLES, AT_ONCE),
    Fault("S4.high", "the chip says: its cold junction is too hot", TWO_KINDS, AT_ONCE),
    Fault("S4.low", "the chip says: its cold junction is too cold", TWO_KINDS, AT_ONCE),
    Fault("S5", "the chip's data line is stuck low", THERMOCOUPLES, AT_ONCE),
    Fault("S5.high", "the chip's data line is stuck high", THERMOCOUPLES, AT_ONCE),
    Fault("S5.reset", "the thermocouple's chip has lost its settings and converts no more", THERMOCOUPLES, AT_ONCE),
    Fault("S6", "one converter on the bus is silent", ("melt.RESIN", "bath.QUENCH", "draw.TENSION"), SAFE),
    Fault("S6.stuck", "one chip holds the data line of the bus", ("melt.RESIN", "bath.QUENCH"), SAFE),
    Fault("S6.stands", "one converter answers and converts no more", ("melt.RESIN",), SAFE),
    Fault("S6.stands.bath", "so does one that shows its last channel for all", ("bath.QUENCH",), TOLD),
    Fault(
        "S6.believed", "so does one whose last number is believed", ("draw.TENSION",), UNSEEN, mask=Mask("frozen", 1.0)
    ),
    Fault("S7", "current loop below 3.6 mA", (*FEEDS, *BATHS, *GUARDED), SAFE),
    Fault("S7.high", "current loop above 21 mA", (*FEEDS, *BATHS, *GUARDED), SAFE),
    Fault("S7.supply", "current loop at its supply: the converter is at its end", (*FEEDS, *BATHS, *GUARDED), SAFE),
    Fault("S8", "pressure transmitter at the end of its range", ("melt.PDIE",), ABORTS),
    Fault("S8.vapour", "analyser of solvent at the end of its range", ("bath.VAPOUR",), ABORTS_LATER),
    Fault("S9", "drift of 20 K an hour", ZONES, UNSEEN_LONG, mask=Mask("drift", 20.0)),
    Fault("S.contact", "the wire of a contact breaks", PROOFS, OPEN),
    Fault("S.contact.closed", "a contact stays closed", ("melt.REFILL",), HOLDS_LATER),
    Fault("S10", "mains on the leads, 2 K", ZONES, AT_ONCE),
    Fault("S11", "encoder loses one line in ten", ENCODERS, HOLDS),
    Fault("S11.reversed", "encoder turns backwards", ENCODERS, SAFE),
    Fault("S11.dead", "encoder counts no more", ENCODERS, {RUNNING: Reaction(LOST_OR_TRIPPED, ("HELD",), 30.0)}),
    Fault("S12", "two thermocouples have changed places", ("melt.Z1/Z2",), AT_ONCE),
    Fault("A1", "solid-state relay welded", HEATERS, {RUNNING: Reaction(("HEATER_STUCK_ON",), ("ABORTED",), 240.0)}),
    Fault("A2", "solid-state relay open", HEATERS, COOLS),
    Fault("A2.enable", "the relay of an output opens", RELAYS, HOLDS_LATER),
    Fault("A3", "half of a heater burnt through", HEATERS[:1], WEAK),
    Fault("A4", "pump stalls", ("melt.MELT_PUMP",), HOLDS),
    Fault("A4.fan", "exhaust fan stalls", ("bath",), ABORTS_LATER),
    Fault("A5", "drive trips", DRIVES, HOLDS),
    Fault("A5.told", "a drive trips and says so", DRIVES, DRIVE_LOST, on=BUS),
    Fault("A5.panel", "somebody runs a drive from its panel", DRIVES, DRIVE_LOST, on=BUS),
    Fault("A6", "analog output stands where it is good", STANDING, UNSEEN, mask=Mask("stands", 8.0)),
    Fault(
        "A6.asked",
        "analog output stands when another flow or speed is asked for",
        tuple(ASKED),
        HOLDS_LATER,
        asked=ASKED,
    ),
    Fault("A6.silent", "the converter of the outputs does not answer", tuple(ASKED), HOLDS_SILENT),
    Fault("A7", "valve follows in 10 s", STANDING[1:], UNSEEN, mask=Mask("lag", 10.0)),
    Fault("A8", "fiber breaks", ("draw",), HOLDS),
    Fault("A9", "emergency stop", ESTOPS, ABORTS),
    Fault("T1", "every scan takes too long", NODES, LATE),
    Fault("T2", "a collection of garbage takes half a scan", NODES, UNSEEN),
    Fault("T3", "the tick counter wraps", NODES[:1], {RUNNING: GOES_ON}, 20),
    Fault("T4", "the battery of the clock is empty: the host's day begins in 2000", NODES[:1], WOKEN),
    Fault("T5", "the clock of the day is an hour back when a supervisor starts again", NODES[:1], WOKEN),
    Fault("P1", "power cut before any effect on the flash", NODES, {}, laid_by=FLASH_TEST),
    Fault("P2", "program torn", NODES, {}, laid_by=FLASH_TEST),
    Fault("P3", "erase torn", NODES, {}, laid_by=FLASH_TEST),
    Fault("P4", "power cut again and again while the board starts", NODES, BOOTED),
    Fault("P5", "brown-out: the supply dips for an instant", NODES, BOOTED),
    Fault("P6", "the program stands still", NODES, RESTARTED),
    Fault("P7", "power comes and goes twenty times", NODES, BOOTED),
    Fault("P8", "no supply", NODES, {RUNNING: Reaction(("PERMIT_OPEN",), ("ABORTED",), 60.0)}),
    Fault("P9", "flash block worn out", NODES, {}, laid_by=FLASH_TEST),
)


def cases() -> list[tuple[Fault, str, str]]:
    """Every fault at each of its places in each state of the line that says what has to follow."""
    return [(fault, place, state) for fault in CATALOGUE for place in fault.places for state in fault.reactions]
