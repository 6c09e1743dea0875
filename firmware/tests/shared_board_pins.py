"""Which rows of a configuration a board refuses: ports that it lacks, two uses of a pin, a sensor or an actuator."""

from rows import input_row, output_row

from spinline_firmware.drivers.places import unfit
from spinline_protocol.configuration import (
    ANALOG,
    COUNTER,
    DAC,
    DRIVE_IN,
    DRIVE_OUT,
    DRIVE_STATUS,
    RTD,
    RTD_PT1000,
    RTD_THREE_WIRE,
    SSR,
    SWITCH_IN,
    SWITCH_OUT,
    THERMOCOUPLE,
)


class Board:
    """Every pin that may have two uses has them."""

    TC_SELECT = (8, 9, 10)
    RTD_SELECT = (10, 11)
    RTD_REFERENCE_DOHM = (4300, 43000)
    MODBUS = (1, 8, 20, 30, 19200)
    ADS1115_ADDRESS = (0x48,)
    MCP4728_ADDRESS = (0x60,)
    SSR = (12, 13)
    SWITCH_OUT = (14, 20)
    SWITCH_IN = (16, 17, 30)
    ENCODER = ((0, 17, 18), (1, 30, 31))


class Bare(Board):
    """No bus of drives, and one whose transceiver finds its direction."""

    MODBUS = ()


class Automatic(Board):
    """A driver without a pin."""

    MODBUS = (1, 8, 20, -1, 19200)


def tc(port):
    return input_row(kind=THERMOCOUPLE, port=port)


def rtd(port, channel=0):
    return input_row(kind=RTD, port=port, channel=channel)


def contact(port):
    return input_row(kind=SWITCH_IN, port=port)


def encoder(port):
    return input_row(kind=COUNTER, port=port)


def drive(port, channel=0):
    return input_row(kind=DRIVE_IN, port=port, channel=channel)


def driven(port):
    return output_row(kind=DRIVE_OUT, port=port)


def switch(port):
    return output_row(kind=SWITCH_OUT, port=port)


def test_what_a_board_has_is_bound_and_a_port_beyond_is_refused():
    whole = [tc(1), rtd(1, RTD_PT1000), contact(0), encoder(0), input_row(kind=ANALOG, port=0, channel=3), rtd(0)]
    outputs = [output_row(kind=SSR, port=1), output_row(kind=DAC, port=0, channel=3), switch(0)]
    assert unfit(Board, whole, outputs) == []
    for kind in (THERMOCOUPLE, RTD, ANALOG, SWITCH_IN, COUNTER):
        assert unfit(Board, [input_row(kind=kind, port=5)], []) == [(0, 0)], kind
    for kind in (SSR, DAC, SWITCH_OUT):
        assert unfit(Board, [], [output_row(kind=kind, port=5)]) == [(1, 0)], kind


def test_of_two_uses_of_a_pin_the_second_is_refused_whatever_they_are():
    cases = (
        ([tc(2), rtd(0)], [], (0, 1)),  # one select line
        ([rtd(0), tc(2)], [], (0, 1)),
        ([contact(1), encoder(0)], [], (0, 1)),
        ([encoder(0), contact(1)], [], (0, 1)),
        ([tc(0)], [driven(3)], (1, 0)),  # the transmitter
        ([], [driven(3), switch(1)], (1, 1)),  # the receiver
        ([contact(2)], [driven(3)], (1, 0)),  # the driver
        ([encoder(1)], [driven(3)], (1, 0)),
        ([tc(0), drive(3)], [driven(3)], (0, 1)),
    )
    for inputs, outputs, refused in cases:
        assert refused in unfit(Board, inputs, outputs), (inputs, outputs)


def test_a_transceiver_that_finds_its_direction_leaves_the_pin_of_its_driver_alone():
    assert unfit(Automatic, [contact(2)], [driven(3)]) == []
    assert unfit(Automatic, [encoder(1)], [driven(3)]) == []


def test_many_drives_share_their_bus_and_each_is_told_once_and_measured_once():
    inputs = [drive(1), drive(1, 1), drive(1, DRIVE_STATUS), drive(31)]
    assert unfit(Board, inputs, [driven(1), driven(31)]) == []
    assert unfit(Board, [drive(1), drive(1)], [driven(1)]) == [(0, 1)]
    assert unfit(Board, [], [driven(1), driven(1)]) == [(1, 1)]
    assert unfit(Board, [drive(2)], [driven(1)]) == [(0, 0)], "nobody tells it what to do"
    assert unfit(Board, [drive(1, DRIVE_STATUS + 1)], [driven(1)]) == [(0, 0)]
    assert unfit(Board, [], [driven(0)]) == [(1, 0)], "everybody's address"
    assert unfit(Bare, [drive(1)], [driven(1)]) == [(0, 0), (1, 0)]


def test_a_sensor_has_one_row_and_an_actuator_too():
    assert unfit(Board, [tc(1), tc(1)], []) == [(0, 1)]
    assert unfit(Board, [contact(0), contact(0)], []) == [(0, 1)]
    channels = [input_row(kind=ANALOG, port=0, channel=channel) for channel in (0, 1, 0, 4)]
    assert unfit(Board, channels, []) == [(0, 2), (0, 3)]
    assert unfit(Board, [], [output_row(kind=SSR, port=0)] * 2) == [(1, 1)]
    assert unfit(Board, [], [output_row(kind=DAC, port=0, channel=channel) for channel in (0, 1, 1)]) == [(1, 2)]


def test_an_element_needs_the_reference_resistor_of_its_socket():
    assert unfit(Board, [rtd(0, RTD_THREE_WIRE), rtd(1, RTD_PT1000 | RTD_THREE_WIRE)], []) == []
    assert unfit(Board, [rtd(0, RTD_PT1000), rtd(1)], []) == [(0, 0), (0, 1)]
