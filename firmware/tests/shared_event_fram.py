"""Events on the FRAM: a node finds those of earlier boots, one torn by a cut is none, and a silent chip is told."""

from chip_bench import I2c
from fram_model import FramModel, PowerCut

from spinline_firmware.drivers.event_fram import RECORD_BYTES, SLOTS_N_MAX, EventFram
from spinline_firmware.drivers.fram import RECORD_EXTRA_BYTES
from spinline_firmware.event_ring import EventRing

ADDRESS, SIZE = 0x50, 8192


def noted(ring, first, count):
    for number in range(first, first + count):
        ring.note((number, 10 * number, 3, 4, -5, 600))
        while ring.waits():
            ring.write()


def bus_of(chip):
    return I2c({ADDRESS: chip})


def opened(bus, boot_id):
    return EventRing(EventFram(bus, ADDRESS, SIZE), boot_id)


def test_the_last_events_of_every_boot_are_there_after_a_restart():
    for count in (1, SLOTS_N_MAX, 3 * SLOTS_N_MAX + 5):
        bus = bus_of(FramModel(SIZE))
        noted(opened(bus, 1), 0, count)
        told = list(opened(bus, 2).earlier())
        first = max(0, count - SLOTS_N_MAX)
        assert told == [(number, 10 * number, 3, 4, -5, 600, 1) for number in range(first, count)]


def test_one_record_is_written_at_a_time_so_that_a_running_line_waits_for_one_alone():
    ring = opened(bus_of(FramModel(SIZE)), 1)
    assert ring.quick
    for number in range(3):
        ring.note((number, 0, 0, 0, 0, 0))
    ring.write()
    assert ring.waits() and ring.next_n == 1


def test_a_cut_at_any_byte_leaves_every_event_that_was_kept_but_the_oldest():
    for kept_n in (2, SLOTS_N_MAX + 3):
        for cut_after in range(RECORD_BYTES + RECORD_EXTRA_BYTES + 1):
            chip = FramModel(SIZE)
            ring = opened(bus_of(chip), 1)
            noted(ring, 0, kept_n)
            chip.cut_after = cut_after
            ring.note((kept_n, 0, 0, 0, 0, 0))
            try:
                ring.write()
            except PowerCut:
                pass
            chip.cut_after = -1
            told = [event[0] for event in opened(bus_of(chip), 2).earlier()]
            first = max(0, kept_n - SLOTS_N_MAX + 1)
            assert [number for number in told if first <= number < kept_n] == list(range(first, kept_n))
            assert told[-1] in (kept_n - 1, kept_n)


def test_a_chip_that_does_not_answer_is_told_once_and_holds_up_nothing():
    bus = bus_of(FramModel(SIZE))
    bus.silent = True
    ring = opened(bus, 1)
    ring.note((0, 0, 0, 0, 0, 0))
    try:
        ring.write()
        raise AssertionError("it was not kept")
    except OSError:
        assert ring.failed and not ring.waits()
