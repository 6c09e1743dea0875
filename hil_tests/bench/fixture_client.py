"""The PC's end of one fixture: keeps its lease, says what to put out, and has what it reads.  Time is an argument."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

from hil_tests.fixture.spinline_fixture import words
from spinline_protocol import auth, errors, messages
from spinline_protocol.framing import UNASSIGNED
from spinline_protocol.host_link import HostLink, LinkEvent

from .verdicts import InfraBench, InfraFlash

LEASE_MS = 1000
SILENCE_MS = 3000


class Port(Protocol):
    """A serial line."""

    def read(self) -> bytes:
        """Bytes that have arrived."""

    def write(self, octets: bytes) -> None:
        """Send bytes."""


class FixtureClient:
    """One fixture.  ``stimuli`` are the words to put out; ``told`` what was read last, ``told_n`` how often."""

    def __init__(
        self, name: str, port: Port, firmware_sha256: str, site_key: bytes, entropy: Callable[[int], bytes]
    ) -> None:
        self.name = name
        self.stimuli = [0] * words.SET_N
        self.told: list[int] = [0] * words.TOLD_N
        self.told_n = 0
        self.limited = 0
        self.leased = True
        self.safe_seen = False  # the fixture has told that it had gone to the safe side
        self._port = port
        self._firmware_sha256 = firmware_sha256
        key = auth.role_key(site_key, auth.MAINTENANCE)
        self._link = HostLink(UNASSIGNED, "bench", entropy, auth.MAINTENANCE, key)
        self._told_ms = -1

    def step(self, now_ms: int) -> None:
        """One exchange, if the last one is answered.  Raises InfraFlash, or InfraBench where nothing answers."""
        link = self._link
        if link.state == "closed":
            link.open(LEASE_MS, now_ms)
        for event in link.receive(self._port.read(), now_ms) + link.poll(now_ms):
            self._take(event, now_ms)
        if link.state == "open" and link.idle and self.leased:
            link.renew_lease(0, 0)
            link.request(messages.BENCH_SET, (struct.pack(words.SET_LAYOUT, *self.stimuli),))
            link.poll(now_ms)
        self._port.write(link.take_output())
        self._told_ms = now_ms if self._told_ms < 0 or not self.leased else self._told_ms
        if now_ms - self._told_ms > SILENCE_MS:
            raise InfraBench(f"fixture of {self.name}: has not answered for {SILENCE_MS} ms")

    def _take(self, event: LinkEvent, now_ms: int) -> None:
        fields = event.fields or {}
        if event.kind == "refused":
            raise InfraFlash(f"fixture of {self.name}: {event.reason}")
        if event.kind == "opened" and fields["firmware_sha256"].hex() != self._firmware_sha256:
            running, expected = fields["firmware_sha256"].hex()[:12], self._firmware_sha256[:12]
            raise InfraFlash(f"fixture of {self.name}: runs firmware {running}, {expected} is expected; flash it")
        if event.kind == "result" and fields["code"] not in (errors.OK, errors.NO_LEASE):
            raise InfraFlash(f"fixture of {self.name}: {errors.result_name(fields['code'])}; flash it")
        if event.kind == "result" and len(fields.get("words", b"")) == 2 * words.TOLD_N:
            self.told = list(struct.unpack(words.TOLD_LAYOUT, fields["words"]))
            self.limited = fields["limited"]
            self.safe_seen = self.safe_seen or bool(self.told[words.STATUS] & words.SAFE)
            self.told_n += 1
            self._told_ms = now_ms
