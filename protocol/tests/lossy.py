"""A wire that loses, doubles, delays and spoils, with a host and a board that may restart.  Tests nothing itself."""

from __future__ import annotations

import struct

from plain import SITE_KEY, Chance, Keys

from spinline_protocol import auth, errors, framing, messages
from spinline_protocol.device_link import DeviceLink
from spinline_protocol.host_link import HostLink, LinkEvent
from spinline_protocol.packer import Packer
from spinline_protocol.schema import schema_sha256

SCAN_MS = 250
LATE_SCANS_MAX = 12
LATE_SCANS = 9  # beyond the first repeat of a request
GOOD, LOST, DOUBLED, LATE, SPOILED = "good", "lost", "doubled", "late", "spoiled"
LONG_SCANS = 9  # a long order says in each of them how far it is, then it is answered
EVENT_EVERY_SCANS = 8
_EVENT = Packer(messages.EVENT, messages.fields_of(messages.EVENT))
_SCANS = Packer(messages.SCANS, messages.fields_of(messages.SCANS))


class Wire:
    """One direction.  Whole writes are lost, doubled, delayed past each other or spoiled, each with ``percent``."""

    def __init__(self, chance: Chance, percent: int) -> None:
        self._chance = chance
        self.percent = percent
        self._under_way: list[tuple[int, bytes]] = []

    def _happens(self) -> bool:
        return self._chance.below(100) < self.percent

    def write(self, octets: bytes, now: int) -> None:
        """Send one piece; ``now`` counts scans."""
        if not octets or self._happens():
            return
        if self._happens():
            spoiled = bytearray(octets)
            spoiled[self._chance.below(len(spoiled))] ^= 1 << self._chance.below(8)
            octets = bytes(spoiled)
        for _ in range(2 if self._happens() else 1):
            late = self._chance.below(LATE_SCANS_MAX) if self._happens() else 0
            self._under_way.append((now + late, octets))

    def read(self, now: int) -> bytes:
        """What has arrived, in the order of its arrival."""
        arrived = sorted((piece for piece in self._under_way if piece[0] <= now), key=lambda piece: piece[0])
        self._under_way = [piece for piece in self._under_way if piece[0] > now]
        return b"".join(piece[1] for piece in arrived)


class ChosenWire:
    """One direction, whose next frames meet the fates that are chosen; behind them every frame is good."""

    def __init__(self) -> None:
        self.fates: list[str] = []
        self.sent: list[bytes] = []
        self.fate_of: list[tuple[int, str]] = []  # of each of them: when, what
        self.faults_n = 0
        self._under_way: list[tuple[int, bytes]] = []

    def write(self, octets: bytes, now: int) -> None:
        """Send one frame; ``now`` counts scans."""
        self.sent.append(octets)
        fate = self.fates.pop(0) if self.fates else GOOD
        self.fate_of.append((now, fate))
        self.faults_n += fate != GOOD
        if fate == SPOILED:
            at = len(octets) // 2
            octets = octets[:at] + bytes((octets[at] ^ 0x10,)) + octets[at + 1 :]
        if fate != LOST:
            self._under_way.append((now + LATE_SCANS * (fate == LATE), octets))
        if fate == DOUBLED:
            self._under_way.append((now + LATE_SCANS, octets))

    def numbered(self, kind: int, session: int, sequence: int) -> list[tuple[int, bool]]:
        """When each frame of this number was sent, and whether it came in time and whole."""
        found = []
        for octets, (now, fate) in zip(self.sent, self.fate_of, strict=True):
            body = octets.replace(b"}^", b"~").replace(b"}]", b"}")[1:]
            if body[3] & framing.TYPE_MASK == kind and struct.unpack_from("<HH", body, 4) == (session, sequence):
                found.append((now, fate in (GOOD, DOUBLED)))
        return found

    def play_again(self, start: int, count: int, now: int) -> None:
        """What was on the wire from ``start`` on comes once more."""
        self.faults_n += 1
        self._under_way += [(now, octets) for octets in self.sent[start : start + count]]

    def read(self, now: int) -> bytes:
        """What has arrived."""
        arrived = sorted((piece for piece in self._under_way if piece[0] <= now), key=lambda piece: piece[0])
        self._under_way = [piece for piece in self._under_way if piece[0] > now]
        return b"".join(piece[1] for piece in arrived)


def got_of(event_i: int) -> int:
    """What an event of this number tells: a receiver can judge it."""
    return event_i * 7 - 1000


def records_of(first_scan: int) -> bytes:
    """The record of a scan of this number."""
    return first_scan.to_bytes(4, "big") * 3


class Board:
    """A board that executes orders at once (SET_SETPOINT) or in a while (CONFIG_COMMIT) and remembers what it did.

    A restart forgets the session, the long order and the events that were not acknowledged.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.executed: list[int] = []
        self.leases: list[tuple[int, int]] = []  # session, and what the renewal acknowledged
        self.now_us = 0
        self.boot_id = 0
        self.restart()

    def restart(self) -> None:
        """Power gone and back: a new link, an empty memory of requests."""
        self.boot_id += 1
        self.link = DeviceLink(1, self._hello, self._chance.octets, Keys(), lambda: self.now_us)
        self._long: list[list[int]] = []  # sequence, order, scans that are left
        self._session = 0
        self.events: list[int] = []  # not acknowledged
        self.events_n = 0
        self.scans_n = 0

    def _hello(self, host_nonce: bytes, device_nonce: bytes, session: int) -> tuple[object, ...]:
        numbers = (1, 0, session, self.boot_id, 0, 240, 4, 0, 0, 0, 0, 0)
        return (*numbers, host_nonce, device_nonce, b"id", b"firmware", schema_sha256(), bytes(32))

    def raise_event(self) -> None:
        """Something happened: it is told until it is acknowledged."""
        self.events.append(self.events_n)
        self.events_n += 1

    def scan(self) -> None:
        """Take the lease, execute up to three noted requests, go on with the long ones, send what streams."""
        if self._session != self.link.session:
            self._session, self._long = self.link.session, []  # nobody waits for their answer any more
        self._take_lease()
        for _ in range(3):
            if self.link.requests:
                self._execute(*self.link.requests.pop(0))
        for long in self._long:
            long[2] -= 1
            self.link.progress(long[0], LONG_SCANS - long[2], LONG_SCANS)
            if long[2] == 0:
                self.link.answer_code(long[0], errors.OK, long[1])
        self._long = [long for long in self._long if long[2] > 0]
        self._stream()

    def _take_lease(self) -> None:
        if self.link.lease_ms_renewed:
            self.link.lease_ms_renewed = 0
            self.leases.append((self.link.session, self.link.scans_acknowledged))
            self.events = [event_i for event_i in self.events if event_i >= self.link.events_acknowledged]

    def _execute(self, sequence: int, message: list) -> None:  # type: ignore[type-arg]
        if message[0] == messages.JOURNAL:
            self.link.answer_journal(sequence)
        elif message[0] == messages.CONFIG_COMMIT:
            order = int.from_bytes(message[1], "big")
            self.executed.append(order)
            self._long.append([sequence, order, LONG_SCANS])
        else:
            assert message[0] == messages.SET_SETPOINT
            self.executed.append(message[2])
            self.link.answer_code(sequence, errors.OK, message[2])

    def _stream(self) -> None:
        if self.scans_n % EVENT_EVERY_SCANS == 0:
            for event_i in self.events[:4]:
                self.link.stream(framing.EVENT, _EVENT.pack((event_i, self.scans_n, 0, 0, got_of(event_i), 0, 1)))
        if self.scans_n % 4 == 0:
            self.link.stream(framing.TELEMETRY, _SCANS.pack((self.scans_n, 0, records_of(self.scans_n))))
        self.scans_n += 1


class Pair:
    """Host and board on two lossy wires; ``acknowledged`` are the orders the host was told were done."""

    def __init__(self, seed: int, percent: int) -> None:
        self.chance = Chance(seed)
        self.down, self.up = Wire(self.chance, percent), Wire(self.chance, percent)
        self.board = Board(self.chance)
        self.now = 0
        self.issued = 0
        self.acknowledged: list[int] = []
        self.unknown: dict[tuple[int, int], int] = {}  # session and sequence -> order
        self.resolved: dict[str, list[int]] = {"executed": [], "not executed": []}
        self.unresolved_n = 0
        self.restart_host()

    def restart_host(self) -> None:
        """A new host process that knows nothing of the old one's session."""
        key = auth.role_key(SITE_KEY, auth.OPERATOR)
        self.host = HostLink(framing.UNASSIGNED, "test", self.chance.octets, auth.OPERATOR, key)
        self.open_orders: dict[int, int] = {}
        self.unknown = {}
        self.host.open(2000, self.now * SCAN_MS)

    def order(self, long: bool = False) -> None:
        """Ask for the next number, as a setpoint or as an order that takes a while; no number is asked for twice."""
        if self.host.state == "open":
            self.issued += 1
            if long:
                sequence = self.host.request(messages.CONFIG_COMMIT, (self.issued.to_bytes(4, "big"),))
            else:
                sequence = self.host.request(messages.SET_SETPOINT, (0, self.issued, 0))
            self.open_orders[sequence] = self.issued

    def step(self) -> None:
        """One scan of the board and one of the host."""
        now_ms = self.now * SCAN_MS
        self.board.now_us = now_ms * 1000
        for octets in split(self.host.take_output()):
            self.down.write(octets, self.now)
        self.board.link.receive(self.down.read(self.now))
        self.board.scan()
        for octets in split(self.board.link.take_output(1 << 20)):
            self.up.write(octets, self.now)
        events = self.host.receive(self.up.read(self.now), now_ms) + self.host.poll(now_ms)
        for event in events:
            self.take(event, now_ms)
        self.now += 1

    def take(self, event: LinkEvent, now_ms: int) -> None:
        """One event of the host's link."""
        fields = event.fields or {}
        name = (fields.get("session", 0), event.sequence)
        if event.kind == "result":
            order = self.open_orders.pop(event.sequence)
            assert (fields["code"], fields["got"]) == (errors.OK, order)
            self.acknowledged.append(order)
        elif event.kind == "unknown":
            self.unknown[name] = self.open_orders.pop(event.sequence)
        elif event.kind == "resolved":
            assert fields["executed"] is (event.reason == "executed") and fields["code"] in (errors.OK, None)
            self.resolved[event.reason].append(self.unknown.pop(name))
        elif event.kind == "unresolved":
            del self.unknown[name]
            self.unresolved_n += 1
        elif event.kind == "lost":
            self.open_orders = {}
            self.host.open(2000, now_ms)


def split(octets: bytes) -> list[bytes]:
    """The frames of a write, each with both flags."""
    return [b"~" + part + b"~" for part in octets.split(b"~") if part]
