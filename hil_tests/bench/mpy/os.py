"""Shadow of ``os`` in the bench: entropy comes from the bench's seed, so that every run is the same."""

import hashlib

import bus
from uos import *  # noqa: F403

_drawn = 0


def urandom(count):
    global _drawn
    octets = b""
    while len(octets) < count:
        octets += hashlib.sha256(bus.seed + _drawn.to_bytes(4, "little")).digest()
        _drawn += 1
    return octets[:count]


def uname():
    """As on a board of the port rp2; what a prompt is asked."""
    return ("rp2", "bench", "", "", "a board of the bench")
