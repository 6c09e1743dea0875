"""A host and several boards on one half-duplex wire in virtual time.  Tests nothing itself."""

from __future__ import annotations

from plain import SITE_KEY, Chance

from hil_tests.bench.half_duplex import HOST, HalfDuplex
from spinline_protocol import auth, errors, framing, messages
from spinline_protocol.bus import Bus, BusEvent
from spinline_protocol.device_link import DeviceLink
from spinline_protocol.host_link import HostLink
from spinline_protocol.packer import Packer
from spinline_protocol.schema import schema_sha256

STEP_US = 250
LOOK_US = 1000
SCAN_US = 100_000
_SCANS = Packer(messages.SCANS, messages.fields_of(messages.SCANS))


class BusBoard:
    """A board that looks at the wire every millisecond and scans every 100: executes setpoints, sends scans."""

    def __init__(self, number: int, address: int, chance: Chance, device_id: bytes = b"") -> None:
        self.number, self.address = number, address
        self.device_id = device_id or bytes(chance.below(256) for _ in range(8))
        self.chance = chance
        self.now_us = 0
        self.look_us = chance.below(LOOK_US // STEP_US) * STEP_US
        self.scan_us = chance.below(SCAN_US // STEP_US) * STEP_US
        self.busy_us = 0  # of each scan, in which the board does not look
        self.dead = False
        self.answers_late_us = 0  # breaks the rule: every answer comes so much later
        self.babbles_n = 0  # bytes that it adds to its next answer, against the rule
        self.records_n = 0  # telemetry that it made
        self.record_bytes = 26
        self.always_full = False  # telemetry waits at every poll
        self.executed: list[int] = []
        self.stops_n = 0
        self.leases_us: list[int] = []
        self._later: list[tuple[int, bytes]] = []
        self._looked_us = 0
        self._boot_id = 0
        self.restart()

    def restart(self) -> None:
        """Power gone and back."""
        self._boot_id += 1
        self.link = DeviceLink(
            self.address, self._hello, self.chance.octets, self, lambda: self.now_us, bus_device_id=self.device_id
        )

    def of(self, role: int) -> bytes:
        """The key of a role at the site."""
        return auth.device_key(auth.role_key(SITE_KEY, role), self.device_id)

    def _hello(self, host_nonce: bytes, device_nonce: bytes, session: int) -> tuple[object, ...]:
        numbers = (1, 0, session, self._boot_id, 0, 240, 4, 0, 0, 0, 0, 0)
        return (*numbers, host_nonce, device_nonce, self.device_id, b"firmware", schema_sha256(), bytes(32))

    def step(self, now_us: int, wire: HalfDuplex) -> None:
        """Everything that is due."""
        if self.dead:
            return
        self.now_us = now_us
        for due_us, octets in [row for row in self._later if row[0] <= now_us]:
            self._later.remove((due_us, octets))
            wire.send(now_us, octets, self.number)
        if now_us < self.look_us:
            return
        if now_us >= self.scan_us:
            self.scan_us += SCAN_US
            self.look_us = now_us + max(LOOK_US, self.busy_us)
            self._scan()
            return
        self.look_us = now_us + LOOK_US
        octets = wire.hear(now_us, self.number)
        age_us, self._looked_us = now_us - self._looked_us, now_us
        if octets:
            self.link.receive(octets, age_us)
            if self.link.lease_ms_renewed:
                self.leases_us.append(now_us)
                self.link.lease_ms_renewed = 0
            self._answer(now_us, wire)

    def _answer(self, now_us: int, wire: HalfDuplex) -> None:
        octets = self.link.take_output(1 << 20)
        if octets and self.babbles_n:
            octets += self.chance.octets(self.babbles_n)
            self.babbles_n = 0
        if octets and self.answers_late_us:
            self._later.append((now_us + self.answers_late_us, octets))
        else:
            wire.send(now_us, octets, self.number)
        if self.always_full and octets:
            self._record()

    def _record(self) -> None:
        if self.link.stream(framing.TELEMETRY, _SCANS.pack((self.records_n, 0, bytes(self.record_bytes)))):
            self.records_n += 1

    def _scan(self) -> None:
        for _ in range(3):
            if self.link.requests:
                sequence, message = self.link.requests.pop(0)
                if message[0] == messages.COMMAND:
                    self.stops_n += 1
                    self.link.answer_code(sequence, errors.OK)
                elif message[0] == messages.JOURNAL:
                    self.link.answer_journal(sequence)
                else:
                    self.executed.append(message[2])
                    self.link.answer_code(sequence, errors.OK, message[2])
        if not self.always_full or not self.link._output.bytes_n():
            self._record()


class BusLine:
    """A bus with its boards; several may have one address."""

    def __init__(
        self, seed: int, addresses: list[int], baud: int = 115200, echo: bool = False, adapter_us: int = 0
    ) -> None:
        self.chance = Chance(seed)
        self.wire = HalfDuplex(self.chance.below, baud, echo)
        self.boards = [BusBoard(i, address, self.chance) for i, address in enumerate(addresses)]
        self.baud, self._adapter_us = baud, adapter_us  # how much later the host hears
        self.now_us = 0
        self.told: list[BusEvent] = []
        self.records: dict[int, set[int]] = {address: set() for address in addresses}
        self.renews = True
        self.reopens = True
        self._renew_us = 0
        self.restart_host()

    def restart_host(self) -> None:
        """A host that knows nothing of an earlier one."""
        key = auth.role_key(SITE_KEY, auth.OPERATOR)
        self.links = {
            address: HostLink(address, "bus", self.chance.octets, auth.OPERATOR, key)
            for address in sorted(self.records)
        }
        for link in self.links.values():
            link.open(2000, self.now_us // 1000)
        self.bus = Bus(self.links.values(), self.baud)
        self.open_orders: dict[tuple[int, int, int], int] = {}
        self.acknowledged: dict[int, list[int]] = {address: [] for address in self.links}
        self.issued_n = 0

    def order(self, address: int) -> None:
        """Ask a board for the next number as a setpoint."""
        link = self.links[address]
        if link.state == "open":
            self.issued_n += 1
            sequence = link.request(messages.SET_SETPOINT, (0, self.issued_n, 0))
            self.open_orders[address, link.session, sequence] = self.issued_n

    def run(self, seconds: float) -> None:
        """So much virtual time."""
        end_us = self.now_us + round(seconds * 1e6)
        while self.now_us < end_us:
            self.now_us += STEP_US
            for board in self.boards:
                board.step(self.now_us, self.wire)
            self._take(self.bus.receive(self.wire.hear(self.now_us - self._adapter_us, HOST), self.now_us))
            if self.renews and self.now_us >= self._renew_us:
                self._renew_us = self.now_us + 500_000
                for link in self.links.values():
                    if link.state == "open":
                        link.renew_lease(0, 0)
            if self.now_us >= self.bus.wake_us:
                self._take(self.bus.poll(self.now_us))
                self.wire.send(self.now_us, self.bus.take_output(), HOST)

    def _take(self, told: list[BusEvent]) -> None:
        for one in told:
            self.told.append(one)
            kind, fields, link = one.event.kind, one.event.fields or {}, self.links[one.address]
            if kind == "scans":
                self.records[one.address].add(fields["first_scan"])
            elif kind == "result" and one.event.sequence:
                order = self.open_orders.pop((one.address, link.session, one.event.sequence))
                assert (fields["code"], fields["got"]) == (errors.OK, order)
                self.acknowledged[one.address].append(order)
            elif kind in ("lost", "answers") and self.reopens and link.state != "open":
                link.open(2000, self.now_us // 1000)

    def kinds(self, address: int) -> list[str]:
        """What an address told besides its telemetry and answers."""
        return [
            one.event.kind for one in self.told if one.address == address and one.event.kind not in ("scans", "result")
        ]
