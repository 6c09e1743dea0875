"""A person's check of one output: within limits, in IDLE alone, weaker than whatever keeps it off (SPEC 5.8)."""

from rows import input_row, interlock_row, loop_row, node_row, output_row, whole_set
from shared_scan import Chips, Contact

from spinline_firmware.control.image import new_image
from spinline_firmware.scan import Scan
from spinline_protocol import states
from spinline_protocol.configuration import (
    ABOVE,
    ACT_ALARM,
    DAC,
    OF_INPUT,
    PULSE_LEVEL_MAX,
    PULSE_MS_MAX,
    SSR,
)
from spinline_protocol.errors import BUSY, INTERLOCK, OK, RANGE
from spinline_protocol.errors import STATE as WRONG_STATE

SCAN_MS = 100
HEATER, DRIVE = 0, 1


class Node:
    """A heater and a drive; input 1 above 500 keeps the heater off.  The permit chain is one contact."""

    def __init__(self, permit: int = 1) -> None:
        loop = loop_row(auto_states=1 << states.EXECUTE, setpoint=1000)
        outputs = [output_row(kind=SSR, loop=0), output_row(kind=DAC, loop=0, channel=1)]
        rows = [interlock_row(input=1, comparison=ABOVE, limit=500, action=ACT_ALARM, off_outputs=1 << HEATER)]
        tables = whole_set(
            [node_row(scan_ms=SCAN_MS)], [input_row(), input_row()], [loop], outputs, rows, [(OF_INPUT, 0, 1, 0)]
        )
        self.chips, self.events = Chips(2), []  # type: ignore[var-annotated]
        ports = (self.chips, Contact(permit), Contact(0))
        self.scan = Scan(tables, new_image(), bytearray(4096), *ports, self._note)
        self.step()

    def _note(self, code, source, got, limit):  # type: ignore[no-untyped-def]
        self.events.append((code, source, got, limit))

    def step(self):  # type: ignore[no-untyped-def]
        """One scan under a lease; the levels of the outputs."""
        self.scan.scan(2000, 0)
        return self.chips.levels

    def levels_of(self, output, scans_n):  # type: ignore[no-untyped-def]
        return [self.step()[output] for _ in range(scans_n)]


def test_an_output_is_on_for_as_many_scans_as_were_asked_for_and_no_longer() -> None:
    node = Node()
    assert node.scan.begin_pulse(HEATER, 1, 3 * SCAN_MS)[0] == OK
    assert node.levels_of(HEATER, 5) == [1, 1, 1, 0, 0]
    assert node.scan.begin_pulse(DRIVE, 3000, SCAN_MS + 1)[0] == OK
    assert node.levels_of(DRIVE, 4) == [3000, 3000, 0, 0]
    assert [event for event in node.events if event[0] == states.EVT_PULSE] == [
        (states.EVT_PULSE, HEATER, 1, 300),
        (states.EVT_PULSE, DRIVE, 3000, 101),
    ]


def test_only_one_output_is_pulsed_at_a_time() -> None:
    node = Node()
    node.scan.begin_pulse(HEATER, 1, 1000)
    assert node.scan.begin_pulse(DRIVE, 1, 1000) == (BUSY, HEATER, 0, "output")
    assert node.step() == [1, 0]


def test_what_is_too_much_is_refused_with_the_limit() -> None:
    node = Node()
    assert node.scan.begin_pulse(2, 1, 1000) == (RANGE, 2, 1, "output")
    assert node.scan.begin_pulse(HEATER, 2, 1000) == (RANGE, 2, 1, "level")
    assert node.scan.begin_pulse(HEATER, 0, 1000) == (RANGE, 0, 1, "level")
    assert node.scan.begin_pulse(DRIVE, PULSE_LEVEL_MAX + 1, 1000)[2:] == (PULSE_LEVEL_MAX, "level")
    assert node.scan.begin_pulse(DRIVE, -1, 1000)[0] == RANGE
    assert node.scan.begin_pulse(DRIVE, 1, PULSE_MS_MAX + 1) == (RANGE, PULSE_MS_MAX + 1, PULSE_MS_MAX, "ms")
    assert node.scan.begin_pulse(DRIVE, 1, 0)[0] == RANGE
    assert node.step() == [0, 0]


def test_it_is_refused_in_every_state_but_idle_and_ends_with_idle() -> None:
    node = Node()
    node.scan.begin_pulse(HEATER, 1, 1000)
    assert node.scan.command(states.CMD_START) == OK
    assert node.step() == [0, 0]
    assert node.scan.begin_pulse(HEATER, 1, 1000) == (WRONG_STATE, states.STARTING, states.IDLE, "state")


def test_it_is_refused_with_an_open_permit_chain() -> None:
    assert Node(permit=0).scan.begin_pulse(HEATER, 1, 1000) == (INTERLOCK, 0, 0, "permit")


def test_what_keeps_an_output_off_is_stronger_before_and_during_a_pulse() -> None:
    node = Node()
    node.scan.begin_pulse(HEATER, 1, 1000)
    assert node.step()[HEATER] == 1
    node.chips.raw[1] = 600
    assert node.levels_of(HEATER, 9) == [0] * 9
    node.step()
    node.step()
    assert node.scan.begin_pulse(HEATER, 1, 1000) == (INTERLOCK, HEATER, 0, "output")
    assert node.scan.begin_pulse(DRIVE, 1, 1000)[0] == OK
