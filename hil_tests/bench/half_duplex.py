"""One half-duplex wire in virtual time: bytes at the times of the baud rate, collisions, loss, noise."""

from __future__ import annotations

from collections.abc import Callable

HOST = -1  # the number of the host among senders and listeners; boards count from 0


class HalfDuplex:
    """Bytes at the times of the baud rate; where two senders overlap, both are garbled and ``collisions_n`` counts."""

    def __init__(self, below: Callable[[int], int], baud: int, echo: bool = False) -> None:
        self.baud = baud
        self.echo = echo
        self.flips_percent = 0  # of transmissions that get a wrong bit
        self.loss_percent = 0  # of transmissions of which some bytes come as zeros
        self.held_by: int | None = None  # a sender whose driver stays on: it spoils what everybody else sends
        self.collisions_n = 0
        self.bytes_n = 0
        self._below = below
        self._sent: list[tuple[int, int, int, bytearray]] = []  # begin, end, sender, bytes
        self._heard_us: dict[int, int] = {}

    def _us(self, count: int) -> int:
        return count * 10_000_000 // self.baud

    def send(self, now_us: int, octets: bytes, sender: int) -> None:
        """Transmit from now on, behind what the same sender still transmits."""
        if not octets:
            return
        begin_us = max([now_us] + [row[1] for row in self._sent if row[2] == sender])
        row = (begin_us, begin_us + self._us(len(octets)), sender, bytearray(octets))
        self.bytes_n += len(octets)
        self._spoil(row[3])
        if self.held_by not in (None, sender):
            self.collisions_n += 1
            row[3][:] = bytes(self._below(256) for _ in row[3])
        for other in self._sent:
            if other[2] != sender and other[0] < row[1] and begin_us < other[1]:
                self.collisions_n += 1
                self._garble(row, other)
                self._garble(other, row)
        self._sent.append(row)

    def _spoil(self, octets: bytearray) -> None:
        if self._below(100) < self.flips_percent:
            octets[self._below(len(octets))] ^= 1 << self._below(8)
        if self._below(100) < self.loss_percent:
            at = self._below(len(octets))
            octets[at : at + 20] = bytes(len(octets[at : at + 20]))

    def _garble(self, row: tuple[int, int, int, bytearray], other: tuple[int, int, int, bytearray]) -> None:
        for i in range(len(row[3])):
            if other[0] - self._us(1) <= row[0] + self._us(i) < other[1]:
                row[3][i] = (row[3][i] ^ self._below(256)) | 1

    def hear(self, now_us: int, listener: int) -> bytes:
        """What has arrived since this listener asked last, whole bytes in the order of their time."""
        since_us, self._heard_us[listener] = self._heard_us.get(listener, 0), now_us
        found = []
        for begin_us, end_us, sender, octets in self._sent:
            if (
                end_us <= since_us
                or begin_us >= now_us
                or (sender == listener and not (self.echo and listener == HOST))
            ):
                continue
            first = max(0, (since_us - begin_us) * self.baud // 10_000_000)
            last = max(0, (now_us - begin_us) * self.baud // 10_000_000)
            found.append((begin_us + self._us(first), bytes(octets[first:last])))
        if listener == HOST:
            self._sent = [row for row in self._sent if row[1] > now_us - 100_000]
        return b"".join(octets for _begin_us, octets in sorted(found))
