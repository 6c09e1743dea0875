"""Small parts the subsystems share: named random sources, a dead time, the weight of a first-order lag."""

from __future__ import annotations

import random
from math import exp
from typing import Protocol


class Source(Protocol):
    """A random source; `random.Random` is one."""

    def gauss(self, mu: float, sigma: float, /) -> float: ...

    def uniform(self, a: float, b: float, /) -> float: ...

    def random(self) -> float: ...


class QuietSource:
    """Always the middle of the distribution; stands in where a run is to be free of noise."""

    def gauss(self, mu: float, sigma: float, /) -> float:
        return mu

    def uniform(self, a: float, b: float, /) -> float:
        return 0.5 * (a + b)

    def random(self) -> float:
        return 0.5


class SourceFactory:
    """Makes one independent source for each name, all from one seed: a new one moves no other."""

    def __init__(self, seed: int, noise: bool) -> None:
        self._seed = seed
        self._noise = noise
        self._names: set[str] = set()

    def named(self, name: str) -> Source:
        assert name not in self._names, f"two parts of the plant draw from {name}"
        self._names.add(name)
        return random.Random(f"{self._seed}:{name}") if self._noise else QuietSource()


class DeadTime:
    """A pure delay of a whole number of steps; before it is filled it returns the start value."""

    def __init__(self, steps_n: int, start: float) -> None:
        assert steps_n > 0
        self._ring = [start] * steps_n
        self._next_i = 0

    def push(self, newest: float) -> float:
        """Store the newest sample and return the one stored `steps_n` calls ago."""
        oldest = self._ring[self._next_i]
        self._ring[self._next_i] = newest
        self._next_i = (self._next_i + 1) % len(self._ring)
        return oldest


def lag_weight(step_s: float, lag_s: float) -> float:
    """Share of the way a first-order lag goes in one step: exact for an input constant in the step."""
    return 1.0 - exp(-step_s / lag_s)


def unit(command: float) -> float:
    """A command held to 0..1, as the actuator does."""
    return 0.0 if command < 0.0 else 1.0 if command > 1.0 else command
