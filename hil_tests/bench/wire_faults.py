"""What goes wrong on a serial line, as changes of the bytes that a sender pushes.  Each fault has its own seed."""

from __future__ import annotations

import random
from collections.abc import Callable

from .wire import BITS_A_BYTE

Part = tuple[int, bytes]  # when it leaves (us), bytes
Harm = Callable[[int, bytes], list[Part]]  # (now, bytes) -> what really is on the line

PROBE = b"\x03\x03\x01\x04AT\r\n"  # what a modem manager or a console sends to a port it does not know


def flipped_bits(chance: float, noise: random.Random) -> Harm:
    """Each byte has one bit turned with this chance."""

    def harm(now_us: int, octets: bytes) -> list[Part]:
        spoiled = bytes(o ^ 1 << noise.randrange(8) if noise.random() < chance else o for o in octets)
        return [(now_us, spoiled)]

    return harm


def dropped_bytes(chance: float, noise: random.Random) -> Harm:
    """Each byte is lost with this chance."""
    return lambda now_us, octets: [(now_us, bytes(o for o in octets if noise.random() >= chance))]


def doubled(chance: float, noise: random.Random) -> Harm:
    """What was sent comes twice."""
    return lambda now_us, octets: [(now_us, octets)] * (2 if noise.random() < chance else 1)


def dropped(chance: float, noise: random.Random) -> Harm:
    """What was sent does not come."""
    return lambda now_us, octets: [] if noise.random() < chance else [(now_us, octets)]


def reordered(chance: float, noise: random.Random) -> Harm:
    """What was sent waits for the next and comes behind it."""
    waiting: list[bytes] = []

    def harm(now_us: int, octets: bytes) -> list[Part]:
        if not waiting and noise.random() < chance:
            waiting.append(octets)
            return []
        late = [(now_us, kept) for kept in waiting]
        waiting.clear()
        return [(now_us, octets), *late]

    return harm


def jitter(most_us: int, noise: random.Random) -> Harm:
    """Everything comes later, by another time each."""
    return lambda now_us, octets: [(now_us + noise.randrange(most_us), octets)]


def stalled(every_us: int, for_us: int) -> Harm:
    """The receiver says stop again and again: what is sent meanwhile waits."""

    def harm(now_us: int, octets: bytes) -> list[Part]:
        since_us = now_us % every_us
        return [(now_us + max(0, for_us - since_us), octets)]

    return harm


def with_garbage(chance: float, noise: random.Random) -> Harm:
    """Noise and the knocking of other programs before what was sent."""

    def harm(now_us: int, octets: bytes) -> list[Part]:
        knock = PROBE if noise.random() < 0.5 else noise.randbytes(noise.randrange(1, 40))
        return [(now_us, knock + octets if noise.random() < chance else octets)]

    return harm


def wrong_baud(noise: random.Random) -> Harm:
    """The other end runs at another rate: nothing that arrives is what was sent."""
    return lambda now_us, octets: [(now_us, noise.randbytes(len(octets) * BITS_A_BYTE // 11))]


def replayed(chance: float, noise: random.Random) -> Harm:
    """Something old that was valid comes again."""
    heard: list[bytes] = []

    def harm(now_us: int, octets: bytes) -> list[Part]:
        heard.append(octets)
        old = [(now_us, noise.choice(heard))] if noise.random() < chance else []
        return [(now_us, octets), *old]

    return harm


def silent() -> Harm:
    """Nothing comes through."""
    return lambda _now_us, _octets: []
