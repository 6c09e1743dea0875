"""Guards of scan and configuration that once were missing: each test is a fault that was found and mended."""

import pytest
from rows import input_row, interlock_row, loop_row, node_row, output_row
from shared_scan import Node
from shared_sensors import Channel

from spinline_firmware.control import pid
from spinline_firmware.control.image import loop_at, new_image
from spinline_firmware.control.loops import Loops
from spinline_firmware.control.outputs import Outputs
from spinline_firmware.control.ratio import feed_forward
from spinline_firmware.transaction import Transaction
from spinline_protocol import errors, states
from spinline_protocol.configuration import (
    ABOVE,
    ACT_ABORT,
    COUNTER,
    INPUT,
    MANTISSA_MAX,
    NOT_GOOD,
    OF_INPUT,
    SWITCH_IN,
    SWITCH_OUT,
    field_index,
)
from spinline_protocol.quantities import BAD, GOOD, PRESSURE, TEMPERATURE
from spinline_protocol.words import ConfigurationDigest, pack_words


def violations(*inputs: tuple[int, ...]) -> list[tuple[int, ...]]:
    """What a node says of a configuration with these inputs and one record."""
    rows = [(0, node_row()), *((1, row) for row in inputs), (5, (OF_INPUT, 0, inputs[0][3], 0))]
    digest = ConfigurationDigest()
    for table, words in rows:
        digest.add(table, pack_words(words))
    transaction = Transaction()
    transaction.begin(len(rows), digest.digest())
    for i, (table, words) in enumerate(rows):
        assert transaction.put(i, table, pack_words(words)) == errors.OK
    return list(transaction.prepare()[1])


def test_an_abort_that_trips_in_the_same_scan_as_an_alarm_is_not_forgotten() -> None:
    node = Node(
        interlock_row(input=1, comparison=ABOVE, limit=5),
        interlock_row(input=1, comparison=ABOVE, limit=7, action=ACT_ABORT),
    ).run()
    node.chips.raw[1] = 8
    node.scans(3)
    assert node.node.state in (states.ABORTING, states.ABORTED)


def test_done_is_not_a_command() -> None:
    for state in (states.HOLDING, states.STOPPING, states.ABORTING, states.COMPLETING):
        node = Node().in_state(state).node
        assert node.command(states.DONE) == errors.STATE and node.state == state


def test_a_ramp_beyond_its_limit_is_refused() -> None:
    loops = Loops([loop_row()], new_image(), [])
    for ramp in (1 << 28) + 1, 1 << 31, (1 << 32) - 1:
        try:
            assert loops.change_setpoint(0, 1000, ramp) != (0, 0)
        except OverflowError:
            pytest.fail("stored without being judged")


def test_a_setpoint_does_not_change_the_ramp_of_a_loop_that_runs_down() -> None:
    image = new_image()
    loops = Loops([loop_row(down_states=1 << states.STOPPING, stop_ramp_256=25600)], image, [])
    loops.enter(states.STOPPING)
    loops.change_setpoint(0, 1000, 1)
    assert image[loop_at(0) + pid.RAMP_256] == 25600


def test_the_first_of_two_loops_that_fail_together_is_told() -> None:
    image = new_image()
    loops = Loops([loop_row(), loop_row(input=1)], image, [])
    loops.enter(states.EXECUTE)
    image[1] = image[4] = BAD
    assert loops.scan(0) == 0


def test_after_a_chip_fault_only_the_eighth_clean_scan_is_good() -> None:
    channel = Channel()
    channel.take(1)
    channel.take(1, 1)
    assert [channel.take(1) for _ in range(8)] == [BAD] * 7 + [GOOD]


def test_a_counter_with_a_slew_limit_comes_back_after_a_fault() -> None:
    channel = Channel(kind=COUNTER, slew=10)
    count = 0
    for step in [1] * 20 + [500] * 3:
        count += 0 if step == 0 else step
        channel.take(count)
    for _ in range(200):
        count += 300
        quality = channel.take(count)
    assert quality == GOOD and channel.pv == 300


def test_an_interlock_on_quality_needs_no_second_field() -> None:
    node = Node(interlock_row(input=1, comparison=NOT_GOOD, action=ACT_ABORT)).run()
    node.chips.failed[1] = 1
    node.scans()
    assert node.node.state in (states.ABORTING, states.ABORTED)


def test_a_switch_that_follows_a_loop_is_on_or_off() -> None:
    image = new_image()
    outputs = Outputs([output_row(kind=SWITCH_OUT, loop=0)], image)
    for output in (1, 30000, 65536):
        image[loop_at(0) + pid.OUTPUT] = output
        outputs.scan(states.EXECUTE)
        assert outputs.level[0] in (0, 1)


def test_no_intermediate_of_a_feed_forward_reaches_2_to_the_30() -> None:
    class Watched(int):
        def __rshift__(self, bits: int) -> "Watched":
            return Watched(int(self) >> bits)

        def __mul__(self, other: int) -> "Watched":
            return Watched(int(self) * other)

        def __lshift__(self, bits: int) -> "Watched":
            assert abs(int(self) << bits) < 1 << 30
            return Watched(int(self) << bits)

    for shift in range(10):
        feed_forward(Watched(500000), MANTISSA_MAX, shift)


def test_a_scaling_that_reaches_2_to_the_30_is_refused_for_every_kind_of_input() -> None:
    for kind, zero in ((COUNTER, 0), (SWITCH_IN, 65535)):
        assert violations(input_row(kind=kind, scale_m=32767, zero=zero))


def test_a_scaling_at_the_limit_that_was_told_is_accepted() -> None:
    scale = field_index(INPUT, "scale_m")
    tight = {"raw_low": -262144, "raw_high": 262143, "low": -20000, "high": 300000}
    ((_table, _row, field, _got, limit),) = violations(input_row(scale_m=5000, **tight))
    assert field == scale and violations(input_row(scale_m=limit, **tight)) == []


def test_an_input_range_that_a_record_cannot_carry_is_refused() -> None:
    assert violations(input_row(quantity=PRESSURE, low=-200000, high=500000))


def test_an_input_whose_low_is_above_its_high_is_refused() -> None:
    assert violations(input_row(quantity=TEMPERATURE, low=100, high=50))
    assert violations(input_row(quantity=TEMPERATURE, raw_low=100, raw_high=50))
