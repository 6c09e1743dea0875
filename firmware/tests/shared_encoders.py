"""Encoders of the ports whose counter ends early or never: positions modulo 2^24 over any movement."""

from chip_bench import heap_lock, heap_unlock
from plain import Chance

from spinline_firmware.drivers.encoders import COUNT_MASK, Emptied, Extended


class Counter16:
    """A timer's counter: 16 bits."""

    def __init__(self, at):
        self.at = at

    def __call__(self):
        return self.at & 0xFFFF


class Endless:
    """A counter that may be set while it is read."""

    def __init__(self):
        self.at = 12345  # before it was opened

    def take(self, new):
        now, self.at = self.at, new
        return now


def test_a_timer_of_16_bits_is_followed_across_its_end_both_ways():
    for seed in (1, 2, 3):
        chance = Chance(seed)
        counter = Counter16(chance.below(1 << 16))
        encoder, true = Extended(counter), 0
        for _ in range(2000):
            moved = chance.between(-32768, 32767)
            counter.at += moved
            true += moved
            assert encoder.position() == true & COUNT_MASK


def test_a_counter_that_is_emptied_with_each_reading_loses_nothing_and_stays_small():
    chance = Chance(4)
    counter = Endless()
    encoder, true = Emptied(counter.take), 0
    for _ in range(2000):
        moved = chance.between(-100000, 100000)
        counter.at += moved
        true += moved
        assert encoder.position() == true & COUNT_MASK
        assert counter.at == 0


def test_reading_allocates_nothing():
    encoders = (Extended(Counter16(65530)), Emptied(Endless().take))
    heap_lock()
    try:
        for encoder in encoders:
            encoder.position()
            encoder.position()
    finally:
        heap_unlock()
