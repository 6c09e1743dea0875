"""The ports of the reference board over the bench's chips: RTDs, drives on their bus, outputs that are at fault."""

import sys

HERE = __file__.rpartition("/")[0] or "."
sys.path[:0] = [HERE + "/../../hil_tests/bench/mpy_bus", HERE + "/../../hil_tests/bench/mpy"]

import bus  # noqa: E402
import layout  # noqa: E402
from models import drive_model  # noqa: E402
from rows import input_row, output_row  # noqa: E402

from spinline_firmware.boards import rp2350b as board  # noqa: E402
from spinline_firmware.drivers import drives, max31865, mcp4728  # noqa: E402
from spinline_firmware.drivers.ports import Ports  # noqa: E402
from spinline_protocol.configuration import (  # noqa: E402
    COUNTER,
    DAC,
    DRIVE_CURRENT,
    DRIVE_IN,
    DRIVE_OUT,
    DRIVE_SPEED,
    DRIVE_STATUS,
    RTD,
    RTD_PT1000,
    RTD_THREE_WIRE,
    SSR,
    THERMOCOUPLE,
)

SCAN_MS = 50
FRAME_US = 13 * 572  # the longest request
INPUTS = [
    input_row(kind=DRIVE_IN, port=port, channel=channel)
    for port in (1, 2)
    for channel in (DRIVE_SPEED, DRIVE_CURRENT, DRIVE_STATUS)
]
OUTPUTS = [output_row(kind=SSR, port=0)] + [output_row(kind=DRIVE_OUT, port=port) for port in (1, 2)]


class Sensors:
    """What each input was taken for last."""

    def __init__(self):
        self.raw, self.failed = {}, {}

    def take(self, i, raw, failed):
        self.raw[i], self.failed[i] = raw, failed


class Node:
    """The ports of a board in virtual time, with everything on its terminals at rest."""

    def __init__(self, inputs, outputs):
        for i in range(layout.DOWN_WORDS):
            bus.words[i] = 0
        self.ports, self.sensors = Ports(board), Sensors()
        self.refused = self.ports.bind(inputs, outputs)
        self.levels = [0] * len(outputs)
        self.longest_us = 0

    def scan(self, count=1):
        """Scans; what ``apply`` said last."""
        told = 0
        for _ in range(count):
            bus.now_ms += SCAN_MS
            bus.spent_us = 0
            bus.start_ticks_ms, bus.start_ticks_us = bus.now_ms, bus.now_ms * 1000 & bus.TICKS_MASK
            self.ports.acquire(self.sensors)
            told = self.ports.apply(self.levels)
            self.ports.finish()
            assert not bus.pins[board.MODBUS[3]], "the bus is let go of"
            self.longest_us = max(self.longest_us, bus.spent_us)
        return told

    def frequency(self, number):
        """What a drive is told to turn at, 0.01 Hz."""
        at = 2 * (layout.DAC_N + number)
        return bus.dacs[at] | bus.dacs[at + 1] << 8


def test_resistance_thermometers_are_read_and_what_is_wrong_with_one_is_its_own():
    code = max31865.code_of(110, 4300)
    rows = [input_row(kind=RTD, port=0, channel=RTD_THREE_WIRE), input_row(kind=RTD, port=1, channel=RTD_PT1000)]
    node = Node(rows, [])
    bus.words[layout.RTD] = bus.words[layout.RTD + 1] = code
    node.scan()
    assert [node.sensors.raw[i] for i in (0, 1)] == [max31865.milli_celsius(code, 4300)] * 2
    assert [node.sensors.failed[i] for i in (0, 1)] == [0, 0]
    bus.words[layout.RTD] = 32767
    node.scan()
    assert node.sensors.failed[0] == max31865.HIGH and node.sensors.failed[1] == 0
    bus.words[layout.RTD] = 0
    node.scan(2)
    assert node.sensors.failed[0] & max31865.LOW and node.sensors.failed[1] == 0
    bus.words[layout.RTD] = code
    node.scan(2 * max31865.CHECK_SAMPLES)
    assert node.sensors.failed[0] == 0
    bus.words[layout.RTD_WRONG + 1] = max31865.REFIN_LOW
    seen = []
    for _ in range(max31865.CHECK_SAMPLES + 2):
        node.scan()
        seen.append((node.sensors.failed[0], node.sensors.failed[1]))
    assert (0, max31865.REFIN_LOW) in seen and max([one for one, _other in seen]) == 0


def test_each_drive_is_told_its_level_and_tells_speed_current_and_status():
    node = Node(INPUTS, OUTPUTS)
    node.scan()
    assert [node.sensors.failed[i] for i in range(6)] == [drives.UNREAD] * 6
    node.levels[1:] = [65536, 16384]
    bus.words[layout.DRIVE_FREQUENCY], bus.words[layout.DRIVE_CURRENT + 1] = 4321, 777
    assert node.scan(12) == 0
    assert (node.frequency(0), node.frequency(1)) == (5000, 1250)
    assert [node.sensors.raw[i] for i in range(6)] == [4321, 0, 0, 0, 777, 0]
    assert [node.sensors.failed[i] for i in range(6)] == [0] * 6
    node.levels[1] = 0
    node.scan(8)
    assert (node.frequency(0), node.frequency(1)) == (0, 1250)


def test_a_scan_waits_for_the_request_alone_and_lets_go_before_a_drive_answers():
    node = Node(INPUTS, OUTPUTS)
    node.scan(20)
    assert 0 < node.longest_us <= FRAME_US + drives.RELEASE_US
    assert drives.RELEASE_US < drive_model.ANSWER_US


def test_a_drive_at_fault_is_one_output_alone_and_its_inputs_say_nothing_until_it_is_well():
    for harm, fault in (
        (drive_model.SILENT, drives.NO_ANSWER),
        (drive_model.LATE, drives.NO_ANSWER),
        (drive_model.SPOILED, drives.NO_ANSWER),
        (drive_model.EXCEPTION, drives.REFUSED),
        (drive_model.LOCAL, drives.NOT_REMOTE),
    ):
        node = Node(INPUTS, OUTPUTS)
        node.levels[1:] = [32768, 32768]
        assert node.scan(20) == 0
        bus.words[layout.DRIVE_HARM] = harm
        assert node.scan(40) == 1 + 1, harm
        assert node.ports.fault & fault and [bool(node.sensors.failed[i]) for i in range(6)] == [True] * 3 + [False] * 3
        assert (node.ports.errors_n > 0) == (harm != drive_model.LOCAL)
        node.levels[2] = 65536
        node.scan(40)
        assert node.frequency(1) == 5000, "the other one is told as before"
        bus.words[layout.DRIVE_HARM] = 0
        assert node.scan(40) == 0 and not any([node.sensors.failed[i] for i in range(6)])


def test_a_drive_that_tripped_says_so_and_is_at_fault():
    node = Node(INPUTS, OUTPUTS)
    node.scan(20)
    bus.words[layout.DRIVE_HARM + 1] = drive_model.TRIPPED
    assert node.scan(20) == 1 + 2 and node.ports.fault == drive_model.TRIP_NUMBER
    assert node.sensors.raw[5] == drive_model.TRIP_NUMBER and node.sensors.failed[5] == 0


def test_a_drive_that_is_spoken_to_no_more_comes_to_a_stand_by_itself():
    node = Node(INPUTS, OUTPUTS)
    node.levels[1] = 65536
    node.scan(20)
    assert node.frequency(0) == 5000
    bus.words[layout.DRIVE_HARM] = drive_model.SILENT
    node.scan(40)
    assert node.frequency(0) == 0


def test_a_converter_of_outputs_that_does_not_answer_is_a_fault_of_its_first_row():
    node = Node([], [output_row(kind=DAC, port=0, channel=2), output_row(kind=DAC, port=1, channel=1)])
    node.levels[:] = [65536, 65536]
    assert node.scan(20) == 0
    assert bus.dacs[4] | bus.dacs[5] << 8 == 4095
    bus.words[layout.I2C_DEAD] = 1 << 4  # the second
    assert node.scan(2) == 0
    assert node.scan(1) == 1 + 1 and node.ports.fault == mcp4728.NO_ANSWER
    bus.words[layout.I2C_DEAD] = 0
    assert node.scan(1) == 0


def test_what_a_board_cannot_have_is_refused_whole_and_another_configuration_takes_the_pins_back():
    thermocouple = input_row(kind=THERMOCOUPLE, port=0)
    node = Node([thermocouple] + INPUTS, OUTPUTS)
    assert node.refused and node.scan() == 0 and not node.sensors.raw
    assert node.ports.bind(INPUTS, OUTPUTS) == []
    node.scan(8)
    assert node.ports.bind([input_row(kind=COUNTER, port=0)], []) == []
    node.sensors = Sensors()
    node.scan(8)
    assert list(node.sensors.raw) == [0] and not node.longest_us > FRAME_US + drives.RELEASE_US
