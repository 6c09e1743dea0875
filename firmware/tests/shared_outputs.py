"""Outputs: one decision a scan, the mean over many scans is the share asked for, and the declared safe order."""

from plain import Chance
from rows import output_row

from spinline_firmware.control.image import loop_at, new_image
from spinline_firmware.control.outputs import Outputs
from spinline_firmware.control.pid import OUTPUT
from spinline_protocol.configuration import DAC, FULL_SCALE, SSR, SWITCH_OUT
from spinline_protocol.states import EXECUTE, IDLE


class Panel:
    """Outputs over an image whose loop outputs a test writes."""

    def __init__(self, *rows) -> None:  # type: ignore[no-untyped-def]
        self.image = new_image()
        self.outputs = Outputs(list(rows), self.image)

    def levels(self, output, state=EXECUTE):
        self.image[loop_at(0) + OUTPUT] = output
        self.outputs.scan(state)
        return list(self.outputs.level)


def test_the_mean_of_a_time_proportioned_output_is_its_share():
    for share in (0, 1, 655, 6554, 21845, 32768, 40000, 65535, 65536):
        panel = Panel(output_row(loop=0))
        on = sum([panel.levels(share)[0] for _ in range(4096)])
        assert -1 <= on - share * 4096 / FULL_SCALE <= 0


def test_any_sequence_of_shares_is_paid_out_but_for_less_than_one_scan():
    chance = Chance(13)
    panel = Panel(output_row(loop=0))
    asked = paid = 0
    for _ in range(3000):
        share = chance.between(0, FULL_SCALE)
        asked += share
        paid += FULL_SCALE * panel.levels(share)[0]
        assert 0 <= asked - paid < FULL_SCALE


def test_a_time_proportioned_output_is_on_or_off_and_nothing_between():
    chance = Chance(14)
    panel = Panel(output_row(loop=0))
    assert {panel.levels(chance.between(-FULL_SCALE, FULL_SCALE))[0] for _ in range(500)} == {0, 1}


def test_reading_the_levels_does_not_decide_again():
    panel = Panel(output_row(loop=0))
    panel.levels(32768)
    assert len({tuple(panel.outputs.level) for _ in range(5)}) == 1


def test_full_output_is_on_in_every_scan_and_no_output_never():
    panel = Panel(output_row(loop=0))
    assert [panel.levels(FULL_SCALE)[0] for _ in range(50)] == [1] * 50
    assert [panel.levels(0)[0] for _ in range(50)] == [0] * 50


def test_a_split_range_drives_one_side_at_a_time():
    panel = Panel(output_row(loop=0, kind=DAC, sign=1), output_row(loop=0, kind=DAC, sign=-1))
    for output in (-65536, -30000, -1, 0, 1, 30000, 65536):
        assert panel.levels(output) == [max(0, output), max(0, -output)]


def test_an_actuator_without_a_side_gets_nothing():
    panel = Panel(output_row(loop=0, kind=DAC, sign=0))
    assert panel.levels(65536) == [0]


def test_a_share_is_scaled_by_its_gain_and_ends_at_full_scale():
    panel = Panel(
        output_row(loop=0, kind=DAC, gain_m=4095, gain_s=11), output_row(loop=0, kind=DAC, gain_m=1, gain_s=1)
    )
    assert panel.levels(16384) == [16384 * 4095 >> 11, 8192]
    assert panel.levels(65536) == [FULL_SCALE, 32768]


def test_every_level_is_within_full_scale_for_every_output_and_gain():
    chance = Chance(15)
    for _ in range(300):
        row = output_row(
            loop=0, kind=DAC, sign=chance.below(3) - 1, gain_m=chance.between(0, 4095), gain_s=chance.between(0, 16)
        )
        assert 0 <= Panel(row).levels(chance.between(-65536, 65536))[0] <= FULL_SCALE


def test_a_switch_is_on_in_its_states():
    panel = Panel(output_row(kind=SWITCH_OUT, on_states=1 << EXECUTE))
    assert panel.levels(0) == [1] and panel.levels(0, IDLE) == [0]


def test_safe_means_every_actuator_at_its_safe_value_now():
    panel = Panel(
        output_row(kind=SSR, loop=0),
        output_row(kind=DAC, loop=0, safe=32768, safe_delay_ms=5000),
        output_row(kind=SWITCH_OUT, safe=FULL_SCALE, safe_delay_ms=9000),
    )
    panel.levels(65536)
    panel.outputs.safe()
    assert panel.outputs.level == [0, 32768, 1]


def test_the_safe_order_takes_each_actuator_when_its_time_has_come():
    panel = Panel(
        output_row(kind=SSR, loop=0),
        output_row(kind=DAC, loop=0, safe_delay_ms=1000),
        output_row(kind=SWITCH_OUT, on_states=1 << EXECUTE, safe_delay_ms=2000),
    )
    seen = []
    for elapsed_ms in (0, 999, 1000, 1999, 2000):
        panel.levels(65536)
        panel.outputs.safe_after(elapsed_ms)
        seen.append(list(panel.outputs.level))
    assert seen == [[0, FULL_SCALE, 1]] * 2 + [[0, 0, 1]] * 2 + [[0, 0, 0]]
    assert panel.outputs.safe_ms == 2000


def test_a_heater_does_not_resume_an_old_fraction_after_it_was_made_safe():
    panel = Panel(output_row(loop=0))
    panel.levels(65535)
    panel.outputs.safe()
    assert panel.levels(1) == [0]


def test_a_node_without_outputs_is_safe_at_once():
    assert Panel().outputs.safe_ms == 0
