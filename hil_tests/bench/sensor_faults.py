"""What goes wrong between a sensor and its converter: each fault turns what is true into what the terminal shows.

Numbers are the converter's own: 1/128 degC of a thermocouple, microvolt at the shunt of a 4-20 mA input, counts of an
encoder.  Time is an argument, in milliseconds.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable

Reading = tuple[int, int]  # raw number, fault register of the chip
Harm = Callable[[int, int], Reading]  # (true number, ms) -> what is read


def stuck() -> Harm:
    """The last number for ever."""
    kept: list[int] = []

    def harm(true: int, _ms: int) -> Reading:
        kept[:] = kept or [true]
        return kept[0], 0

    return harm


def always(number: int, register: int = 0) -> Harm:
    """The same number whatever is true, with these bits in the chip's fault register."""
    return lambda _true, _ms: (number, register)


def flagged(register: int) -> Harm:
    """The true number beside bits in the chip's fault register."""
    return lambda true, _ms: (true, register)


def garbage(low: int, high: int, noise: random.Random) -> Harm:
    """Any number of the range, another one at each reading."""
    return lambda _true, _ms: (noise.randint(low, high), 0)


def wrong(gain: float, offset: int) -> Harm:
    """A wrong calibration: gain about 0 and offset."""
    return lambda true, _ms: (round(gain * true) + offset, 0)


def moved_away(share: float, room: int) -> Harm:
    """A sensor out of its place: it sees only a share of what is above the room; below 0 it is reversed."""
    return lambda true, _ms: (room + round((true - room) * share), 0)


def slow(lag_ms: float) -> Harm:
    """A first-order lag, as of a well full of air."""
    state: list[float] = []
    told = [0]

    def harm(true: int, ms: int) -> Reading:
        if not state:
            state.append(float(true))
        else:
            state[0] += (true - state[0]) * (1 - math.exp(-(ms - told[0]) / lag_ms))
        told[0] = ms
        return round(state[0]), 0

    return harm


def delayed(delay_ms: int) -> Harm:
    """What was true a while ago."""
    kept: deque[tuple[int, int]] = deque()

    def harm(true: int, ms: int) -> Reading:
        kept.append((ms, true))
        while len(kept) > 1 and kept[1][0] <= ms - delay_ms:
            kept.popleft()
        return kept[0][1], 0

    return harm


def intermittent(lost: Harm, share: float, noise: random.Random) -> Harm:
    """A loose contact: ``lost`` in so large a share of the readings."""
    return lambda true, ms: lost(true, ms) if noise.random() < share else (true, 0)


def drift(per_hour: float) -> Harm:
    """Farther and farther off from now on, so many units an hour."""
    begun: list[int] = []

    def harm(true: int, ms: int) -> Reading:
        begun[:] = begun or [ms]
        return round(true + per_hour * (ms - begun[0]) / 3_600_000), 0

    return harm


def ripple(amplitude: int, hertz: float) -> Harm:
    """The mains on the leads."""
    return lambda true, ms: (true + round(amplitude * math.sin(2 * math.pi * hertz * ms / 1000)), 0)


def held_between(low: int, high: int) -> Harm:
    """A transmitter at the end of its range."""
    return lambda true, _ms: (min(max(true, low), high), 0)


def scaled_counts(share: float) -> Harm:
    """An encoder that counts only a share of its lines from now on; a negative share turns backwards."""
    begun: list[int] = []

    def harm(true: int, _ms: int) -> Reading:
        begun[:] = begun or [true]
        return begun[0] + int((true - begun[0]) * share), 0

    return harm
