"""The ring in the FRAM: what was acknowledged is there after a cut at any byte, and what was torn is none."""

from chip_bench import I2c, heap_lock, heap_unlock
from fram_model import FramModel, PowerCut
from plain import Chance

from spinline_firmware.drivers.fram import FramRing

ADDRESS, PAYLOAD_BYTES, SLOTS_N, RECORD_BYTES = 0x50, 12, 7, 19


def payload_of(number):
    """What record ``number`` holds: no two in a row are alike, and some are full of zeros and ones."""
    chance = Chance(number + 1)
    return (b"\x00" * PAYLOAD_BYTES, b"\xff" * PAYLOAD_BYTES, chance.octets(PAYLOAD_BYTES))[number % 3]


def opened(bus):
    ring = FramRing(bus, ADDRESS, PAYLOAD_BYTES, SLOTS_N)
    return ring, ring.open()


def filled(count, fill=0):
    chip = FramModel(8192)
    for i in range(len(chip.octets)):
        chip.octets[i] = fill
    bus = I2c({ADDRESS: chip})
    ring, newest = opened(bus)
    assert newest == -1, "an empty or erased chip holds none"
    for number in range(count):
        assert ring.append(payload_of(number))
    return chip, bus, ring


def test_the_newest_records_are_there_after_a_restart():
    for fill in (0, 255):
        for count in (1, SLOTS_N, 3 * SLOTS_N + 2):
            _chip, bus, _ring = filled(count, fill)
            ring, newest = opened(bus)
            assert newest == count - 1
            got = bytearray(PAYLOAD_BYTES)
            for number in range(count):
                kept = ring.read_into(number, got)
                assert kept == (number >= count - SLOTS_N) and (not kept or got == payload_of(number))


def test_a_cut_at_any_byte_costs_the_record_that_was_written_and_the_oldest_at_most():
    for count in (0, 3, SLOTS_N, 2 * SLOTS_N + 3):
        for cut_after in range(RECORD_BYTES + 1):
            chip, bus, ring = filled(count)
            chip.cut_after = cut_after
            try:
                whole = ring.append(payload_of(count))
            except PowerCut:
                whole = False
            assert whole == (cut_after == RECORD_BYTES)
            chip.cut_after = -1
            ring, newest = opened(bus)
            assert newest == (count if whole else count - 1), (count, cut_after)
            got = bytearray(PAYLOAD_BYTES)
            for number in range(max(0, count - SLOTS_N + 1), count):
                assert ring.read_into(number, got) and got == payload_of(number)
            assert ring.append(b"x" * PAYLOAD_BYTES) and opened(bus)[1] == newest + 1


def test_a_flipped_bit_is_no_record():
    chip, bus, ring = filled(SLOTS_N)
    got = bytearray(PAYLOAD_BYTES)
    for place in range(RECORD_BYTES):
        for bit in range(8):
            chip.octets[2 * RECORD_BYTES + place] ^= 1 << bit
            assert not ring.read_into(2, got)
            chip.octets[2 * RECORD_BYTES + place] ^= 1 << bit
    assert ring.read_into(2, got)


def test_a_chip_that_does_not_answer_is_a_fault_and_no_number_is_lost():
    _chip, bus, ring = filled(4)
    bus.silent = True
    assert not ring.append(payload_of(4)) and ring.fault == 1 and ring.next_number == 4
    assert not ring.read_into(3, bytearray(PAYLOAD_BYTES)) and opened(bus)[1] == -1
    bus.silent = False
    assert ring.append(payload_of(4)) and ring.fault == 0 and opened(bus)[1] == 4


class Still:
    """A bus that takes everything and shows what was written last, without an object."""

    def __init__(self):
        self._last = bytearray(RECORD_BYTES)

    def writeto_mem(self, address, place, octets, addrsize=8):
        for i in range(RECORD_BYTES):
            self._last[i] = octets[i]

    def readfrom_mem_into(self, address, place, answer, addrsize=8):
        for i in range(RECORD_BYTES):
            answer[i] = self._last[i]


def test_writing_and_reading_a_record_allocate_nothing():
    ring, payload, number = FramRing(Still(), ADDRESS, PAYLOAD_BYTES, SLOTS_N), bytearray(PAYLOAD_BYTES), 0
    heap_lock()
    try:
        while number < 40:
            ring.append(payload)
            ring.read_into(number, payload)
            number += 1
    finally:
        heap_unlock()
    assert ring.next_number == 40
