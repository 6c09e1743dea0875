"""The stated bound of the device's clock holds on every link that was thought of."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinline_protocol.clock import BEST_N, DRIFT_PPM_MAX, EXCHANGES_N, DeviceClock

Delay = Callable[[random.Random], int]


def in_loop(loop_us: int) -> Delay:
    """USB: a fraction of a millisecond on the bus, then the device's loop comes round; sometimes it is late."""
    return lambda chance: (
        100 + chance.randrange(250) + chance.randrange(loop_us) + (20_000 if chance.random() < 0.02 else 0)
    )


LINKS: dict[str, tuple[Delay, Delay]] = {
    "usb 1 ms": (in_loop(1000), in_loop(300)),
    "usb 5 ms": (in_loop(5000), in_loop(300)),
    "rs485": (lambda chance: 1200 + chance.randrange(200), lambda chance: 2000 + chance.randrange(200)),
    "asymmetric": (lambda chance: 50, lambda chance: 30_000 + chance.randrange(20_000)),
    "the other way": (lambda chance: 40_000 + chance.randrange(9_000), lambda chance: 10),
    "no delay": (lambda chance: 0, lambda chance: 0),
}


@dataclass
class Truth:
    """A device's clock against the host's: begins anywhere, drifts, wraps."""

    start_us: int
    drift_ppm: float
    wrap_us: int = 1 << 64

    def total_us(self, host_us: float) -> float:
        return self.start_us + host_us * (1 + self.drift_ppm / 1e6)

    def stamp(self, host_us: float) -> int:
        return int(self.total_us(host_us)) % self.wrap_us


def exchange(clock: DeviceClock, truth: Truth, link: tuple[Delay, Delay], at_us: float, chance: random.Random) -> float:
    """One exchange that begins at a host time; returns when it ended."""
    there, processing, back = link[0](chance), chance.randrange(400), link[1](chance)
    end_us = at_us + there + processing + back
    taken = clock.add(int(at_us), truth.stamp(at_us + there), truth.stamp(at_us + there + processing), int(end_us))
    assert taken
    return end_us


def away_us(clock: DeviceClock, truth: Truth, host_us: float) -> tuple[float, int]:
    """How far the estimate is off, turns of the device's counter left out, and its bound."""
    found = clock.offset(int(host_us))
    assert found is not None
    off = found.offset_us - (truth.total_us(host_us) - host_us)
    turns = round(off / truth.wrap_us)
    return abs(off - turns * truth.wrap_us), found.bound_us


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
@given(
    seed=st.integers(0, 1 << 32),
    drift_ppm=st.sampled_from((-100, -37.5, 0, 1, 100)),
    start_us=st.integers(0, 1 << 50),
    wrap_us=st.sampled_from((1 << 30, 1 << 32, 1 << 64)),
    period_us=st.sampled_from((1_000, 980_000, 30_000_000)),
)
@settings(max_examples=12, deadline=None)
def test_the_true_offset_is_within_the_bound(
    link: tuple[Delay, Delay], seed: int, drift_ppm: float, start_us: int, wrap_us: int, period_us: int
) -> None:
    chance, clock, truth = random.Random(seed), DeviceClock(wrap_us), Truth(start_us, drift_ppm, wrap_us)
    at_us = chance.random() * 1e6
    for _ in range(100):
        at_us = exchange(clock, truth, link, at_us, chance)
        for later_us in (at_us, at_us + chance.random() * period_us, at_us - 5_000_000, at_us + 3600e6):
            off_us, bound_us = away_us(clock, truth, later_us)
            assert off_us <= bound_us + 0.001
        at_us += chance.random() * 2 * period_us
    assert clock.refused_n == 0


def settled(link: str, drift_ppm: float = 40) -> tuple[DeviceClock, Truth, float, random.Random]:
    """A clock after two minutes of exchanges."""
    chance, clock, truth, at_us = random.Random(7), DeviceClock(), Truth(123_456_789, drift_ppm), 0.0
    for _ in range(120):
        at_us = exchange(clock, truth, LINKS[link], at_us, chance) + 980_000
    return clock, truth, at_us, chance


def test_the_bound_is_near_half_of_the_shortest_round_trip() -> None:
    clock, _truth, at_us, _chance = settled("rs485")
    found = clock.offset(int(at_us))
    assert found is not None and 1600 < found.bound_us < 2200 + DRIFT_PPM_MAX * 10


def test_a_stamp_of_the_device_is_a_time_of_the_host_within_its_bound() -> None:
    clock, truth, at_us, chance = settled("usb 1 ms")
    for _ in range(200):
        true_us = at_us + (chance.random() - 0.5) * 60e6
        found = clock.host_us(truth.stamp(true_us))
        assert found is not None and abs(found[0] - true_us) <= found[1]


def test_without_an_exchange_nothing_is_known() -> None:
    clock = DeviceClock()
    assert clock.offset(0) is None and clock.host_us(0) is None


def test_stamps_that_cannot_be_true_are_refused() -> None:
    clock = DeviceClock()
    assert not clock.add(100, 5, 6, 99), "an answer before its question"
    assert not clock.add(100, 5, 500, 200), "the device took longer than there was time"
    assert not clock.add(100, 6, 5, 200), "the device answered before it was asked"
    assert clock.refused_n == 3 and clock.offset(0) is None


def test_a_clock_that_jumped_begins_anew() -> None:
    clock = DeviceClock()
    for i in range(10):
        assert clock.add(i * 1000, 5000 + i * 1000, 5010 + i * 1000, 100 + i * 1000)
    assert clock.add(20_000, 900_000_000, 900_000_010, 20_100)
    found = clock.offset(20_100)
    assert clock.refused_n == 1 and found is not None
    assert abs(found.offset_us - 899_980_000) <= found.bound_us


def test_forgetting_leaves_nothing_of_the_old_boot() -> None:
    clock, *_ = settled("usb 1 ms")
    clock.forget()
    assert clock.offset(0) is None


def test_only_the_last_exchanges_count() -> None:
    clock = DeviceClock()
    clock.add(0, 1000, 1000, 1)  # a very good one, long ago
    narrow = clock.offset(0)
    for i in range(1, EXCHANGES_N + 1):
        clock.add(i * 1000, 1000 + i * 1000 + 400, 1000 + i * 1000 + 400, i * 1000 + 800)
    wide = clock.offset(EXCHANGES_N * 1000)
    assert narrow is not None and wide is not None and narrow.bound_us < 5 and wide.bound_us > 395
    assert BEST_N < EXCHANGES_N
