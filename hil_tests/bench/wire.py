"""A serial line in virtual time: bytes arrive one by one at the times the baud rate gives."""

from __future__ import annotations

import random
from collections.abc import Callable

BITS_A_BYTE = 10  # start, eight, stop
PACKET_BYTES = 64  # of a serial adapter


class Wire:
    """One direction of a serial line.  Times in microseconds, integer."""

    def __init__(self, baud: int) -> None:
        self._baud = baud
        self._parts: list[tuple[int, bytes]] = []  # when the first byte starts, the bytes
        self._free_us = 0
        self.cut = False  # a pulled cable: bytes sent meanwhile are lost
        self.harm: Callable[[int, bytes], list[tuple[int, bytes]]] | None = None  # see wire_faults.py

    def push(self, now_us: int, octets: bytes) -> None:
        """Send bytes; they queue behind what is still being sent."""
        if self.cut or not octets:
            return
        for at_us, part in self.harm(now_us, octets) if self.harm else [(now_us, octets)]:
            self._queue(at_us, part)

    def _queue(self, now_us: int, octets: bytes) -> None:
        start_us = max(now_us, self._free_us)
        self._parts.append((start_us, octets))
        self._free_us = start_us + self._duration_us(len(octets))

    def _duration_us(self, count: int) -> int:
        return -(-count * BITS_A_BYTE * 1_000_000 // self._baud)

    def damage(self, noise: random.Random) -> None:
        """Flip one bit of what is on its way, if anything is."""
        if self._parts:
            start_us, octets = self._parts[-1]
            at = noise.randrange(len(octets))
            flipped = octets[at] ^ 1 << noise.randrange(8)
            self._parts[-1] = (start_us, octets[:at] + bytes((flipped,)) + octets[at + 1 :])

    def pull(self, now_us: int) -> bytes:
        """Bytes that have arrived completely by now."""
        if not self._parts:
            return b""
        return b"".join([octets for _, octets in self.pieces(now_us)])

    def pieces(self, now_us: int) -> list[tuple[int, bytes]]:
        """Bytes that have arrived by now in packets of an adapter, each with the time of its last byte."""
        arrived: list[tuple[int, bytes]] = []
        while self._parts:
            start_us, octets = self._parts[0]
            count = min(len(octets), (now_us - start_us) * self._baud // (BITS_A_BYTE * 1_000_000))
            for at in range(0, max(0, count), PACKET_BYTES):
                end = min(at + PACKET_BYTES, count)
                arrived.append((start_us + self._duration_us(end), octets[at:end]))
            if count >= len(octets):
                self._parts.pop(0)
                continue
            if count > 0:
                self._parts[0] = (start_us + self._duration_us(count), octets[count:])
            break
        return arrived
