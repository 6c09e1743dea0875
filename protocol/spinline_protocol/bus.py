"""The host as the only master of a bus: several links on one half-duplex wire, each in its turn (SPEC 8).

Sans-I/O: bytes and time are arguments.  It moves frames and says who may speak; what they mean is the links' affair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import framing, messages, states
from .bus_search import Search
from .device_turn import REPLY_US_MAX
from .host_link import OPEN, HostLink, LinkEvent
from .host_messages import pack_message, unpack_message

BITS_A_BYTE = 10
GAP_BYTES = 2  # between the end of one sender and the begin of the next
CREDIT_BYTES = 600  # of one turn; every frame fits, whatever its stuffing
FRAMES_N = 4
TURN_BYTES = 600  # that the host sends in one turn, but at least one frame
MISSES_N_MAX = 5  # turns without an answer until an address is silent; one falls into a scan now and then
SILENT_US_FIRST, SILENT_US_MAX = 100_000, 2_000_000  # a silent address is asked after this long, doubled each time
GARBLED_N_MAX = 3  # turns with an answer that nobody can read until an address is searched
CHECK_US = 10_000_000  # between two questions whether anyone else has an address that answers
DUPLICATE_US = 5_000_000  # between two searches where two boards have one address
LEASE_US_MAX = 1_000_000  # a lease that could not be sent for so long is no longer the supervisor's word
JAM_US = 200_000  # a wire that is never quiet is spoken on all the same
STOP_SENDS_N = 3  # a stop has no answer
ADDRESS_HIGH = 246
LINKS_POLL_US = 5000

assert CREDIT_BYTES >= framing.READER_BYTES_MAX - 2, "the longest frame would never be sent"


@dataclass(frozen=True)
class BusEvent:
    """What an address tells: the events of its link, and of the bus itself

    ``silent`` (it does not answer), ``answers`` (it does again, or one of two boards is gone), ``duplicate`` (reason).
    """

    address: int
    event: LinkEvent


@dataclass
class Station:
    """One address: its link, what is to be sent, and how it answered."""

    link: HostLink
    outbox: list[tuple[int, int, bytes]] = field(default_factory=list)  # since when (us), kind, frame
    search: Search | None = field(default_factory=Search)
    device_id: bytes = b""
    missed_n: int = 0
    garbled_n: int = 0
    due_us: int = 0
    check_us: int = 0
    twins: frozenset[bytes] = frozenset()  # boards that were found at this address, while they are more than one
    silent: bool = False
    strange: bool = False  # it answered outside the session that is open here
    waiting_bytes: int = 0
    # counters
    turns_n: int = 0
    answers_n: int = 0
    late_n: int = 0


@dataclass
class _Turn:
    """What the host waits for."""

    station: Station
    sequence: int
    finding: bool
    quiet_us: int  # when the wire is quiet if nothing more comes
    jam_us: int  # when it is taken for quiet whatever comes
    noise: int  # the reader's counter when the turn began
    ids: list[bytes] = field(default_factory=list)
    answered: bool = False
    frames: int = 0


class Bus:
    """``links`` have addresses of their own, 1 to 246; ``latency_us`` is what the adapter adds to a round trip.

    Call ``poll`` at ``wake_us`` or earlier, send what ``take_output`` gives at once, and hand over what is heard.
    Raises ValueError for addresses that no bus can have.
    """

    def __init__(self, links: Iterable[HostLink], baud: int, latency_us: int = 2000) -> None:
        found = list(links)
        addresses = [link.address for link in found]
        self.stations = {link.address: Station(link) for link in found}
        if not found or len(self.stations) != len(found) or not all(1 <= one <= ADDRESS_HIGH for one in addresses):
            raise ValueError(f"addresses of a bus {addresses}: at least one, each once, 1 to {ADDRESS_HIGH}")
        self.reader = framing.FrameReader(from_device=True)
        self.strangers_n = 0  # frames of addresses that are not on the list
        self.wake_us = 0
        self._baud, self._latency_us = baud, latency_us
        self._turn: _Turn | None = None
        self._free_us, self._ended_us = 0, 0
        self._sequence = 0
        self._ring = list(self.stations)  # whose turn it is next stands first
        self._to_all: list[bytes] = []
        self._output = b""
        self._links_us = 0

    def _duration_us(self, bytes_n: int) -> int:
        return -(-bytes_n * BITS_A_BYTE * 1_000_000 // self._baud)

    def stop_all(self, command: int = states.CMD_STOP) -> None:
        """STOP or ABORT for every board, before anything else, whoever has a session; nobody answers."""
        assert command in (states.CMD_STOP, states.CMD_ABORT)
        payload = pack_message(messages.COMMAND, (command,))
        frame = framing.encode(framing.BROADCAST, framing.MASTER, framing.REQUEST, 0, 0, payload)
        self._to_all = [frame] * STOP_SENDS_N + self._to_all
        self.wake_us = 0

    def ask_sync(self, now_us: int) -> None:
        """One stamp for every open link; each board's answer comes with its turn."""
        links = [station.link for station in self.stations.values() if station.link.state == OPEN]
        for link in links:
            link.expect_sync(now_us)
        if links:
            payload = pack_message(messages.SYNC_ASK, (now_us,))
            self._to_all.append(framing.encode(framing.BROADCAST, framing.MASTER, framing.SYNC, 0, 0, payload))

    def take_output(self) -> bytes:
        """What is to be sent now, without a pause."""
        octets, self._output = self._output, b""
        return octets

    def receive(self, octets: bytes, now_us: int) -> list[BusEvent]:
        """Bytes that were heard, also echoes of our own.  Never raises."""
        if not octets:
            return []
        turn = self._turn
        if turn:
            turn.quiet_us = max(turn.quiet_us, now_us + REPLY_US_MAX + self._latency_us)
            self.wake_us = min(turn.quiet_us, turn.jam_us)
        else:
            quiet_us = now_us + self._duration_us(GAP_BYTES)
            self._free_us = max(self._free_us, min(quiet_us, self._ended_us + JAM_US))
        events: list[BusEvent] = []
        for frame in self.reader.feed(octets):
            station = self.stations.get(frame.source)
            if station is None:
                self.strangers_n += 1
                continue
            if turn is None or turn.station is not station:
                station.late_n += 1
            else:
                turn.frames += 1
                turn.answered = self._is_end(turn, station, frame) or turn.answered
            told = station.link.receive_frames([frame], now_us // 1000, now_us)
            events += [BusEvent(frame.source, event) for event in told]
        if turn and turn.answered and not turn.finding:
            events += self._end_turn(turn, now_us)
        if self._turn is None:
            self.wake_us = self._free_us
        return events

    def _is_end(self, turn: _Turn, station: Station, frame: framing.Frame) -> bool:
        """True for the frame that ends a turn; notes what FOUND and POLLED say."""
        if frame.kind != framing.CONTROL or frame.sequence != turn.sequence:
            return False
        try:
            number, fields = unpack_message(frame.payload)
        except ValueError:
            return False
        if number == messages.FOUND and turn.finding:
            turn.ids.append(fields["device_id"])
            return True
        if number != messages.POLLED or turn.finding:
            return False
        station.waiting_bytes = fields["waiting_bytes"]
        link = station.link
        if link.state == OPEN and frame.session != link.session:
            station.strange = True  # it has started again, or it is another board
        return True

    def poll(self, now_us: int) -> list[BusEvent]:
        """Time has passed: ends a turn that is over and begins the next one.  Sets ``wake_us``."""
        events: list[BusEvent] = []
        if now_us >= self._links_us:
            self._links_us = now_us + LINKS_POLL_US
            for address, station in self.stations.items():
                events += [BusEvent(address, event) for event in station.link.poll(now_us // 1000)]
                self._collect(station, now_us)
        turn = self._turn
        if turn and now_us >= min(turn.quiet_us, turn.jam_us):
            events += self._end_turn(turn, now_us)
        begun = self._turn is None and now_us >= self._free_us and self._begin(now_us)
        turn = self._turn
        if turn:
            self.wake_us = min(turn.quiet_us, turn.jam_us)
        else:
            self.wake_us = self._free_us if begun or now_us < self._free_us else self._links_us
        return events

    def _begin(self, now_us: int) -> bool:
        """Send what is for all, or give the next address its turn; False where none is due."""
        if self._to_all:
            self._send(None, self._to_all.pop(0), False, now_us)
            return True
        for address in self._ring:
            station = self.stations[address]
            if now_us >= station.due_us:
                self._ring.remove(address)
                self._ring.append(address)
                self._ask(station, now_us)
                return True
        return False

    def _ask(self, station: Station, now_us: int) -> None:
        """Everything that waits for this address as far as a turn goes, and the question that ends it."""
        self._collect(station, now_us)
        station.turns_n += 1
        if not station.search and now_us >= station.check_us:
            station.search = Search([station.device_id])  # a twin that is slower to answer stays quiet in every turn
        self._sequence = (self._sequence + 1) & 0xFFFF
        if station.search:
            question = pack_message(messages.FIND, station.search.question())
            octets = b""
        else:
            question = pack_message(messages.POLL, (CREDIT_BYTES, FRAMES_N))
            octets = self._frames_of(station, now_us)
        place = (station.link.address, framing.MASTER, framing.CONTROL, 0, self._sequence)
        self._send(station, octets + framing.encode(*place, question), station.search is not None, now_us)

    def _collect(self, station: Station, now_us: int) -> None:
        """Take what the link wants to say: one HELLO forgets all before it, one LEASE the one before it."""
        reader = framing.FrameReader(from_device=False)
        for part in station.link.take_output().split(framing.FLAG):
            octets = framing.FLAG + part + framing.FLAG
            for frame in reader.feed(octets):
                if frame.kind == framing.CONTROL and frame.session == 0:
                    station.outbox = []
                if frame.kind == framing.LEASE:
                    station.outbox = [row for row in station.outbox if row[1] != framing.LEASE]
                station.outbox.append((now_us, frame.kind, octets))
        station.outbox = [row for row in station.outbox if row[1] != framing.LEASE or now_us - row[0] <= LEASE_US_MAX]

    def _frames_of(self, station: Station, now_us: int) -> bytes:
        """The lease first: what renews power does not wait behind a download."""
        station.outbox.sort(key=lambda row: row[1] != framing.LEASE)
        octets = b""
        while station.outbox and (not octets or len(octets) + len(station.outbox[0][2]) <= TURN_BYTES):
            octets += station.outbox.pop(0)[2]
        return octets

    def _send(self, station: Station | None, octets: bytes, finding: bool, now_us: int) -> None:
        self._output += octets
        end_us = now_us + self._duration_us(len(octets))
        if station is None:
            self._ended_us = end_us
            self._free_us = end_us + self._duration_us(GAP_BYTES)
            return
        quiet_us = end_us + REPLY_US_MAX + self._latency_us
        jam_us = quiet_us + self._duration_us(CREDIT_BYTES) + JAM_US
        self.reader.give_up()  # what began before this turn is no answer to it
        noise = self.reader.noise_n
        self._turn = _Turn(station, self._sequence, finding, quiet_us, jam_us, noise)

    def _end_turn(self, turn: _Turn, now_us: int) -> list[BusEvent]:
        """The wire is ours again."""
        self._turn, station = None, turn.station
        self._ended_us, self._free_us = now_us, now_us + self._duration_us(GAP_BYTES)
        if turn.finding or not turn.answered:
            self.reader.give_up()
        garbled = self.reader.noise_n > turn.noise
        if turn.finding and station.search:
            station.search.answered(turn.ids, garbled)
            return self._searched(station, now_us) if station.search.done else []
        if turn.answered:
            station.answers_n += 1
            station.missed_n, station.garbled_n = 0, 0
        elif garbled or turn.frames:
            station.garbled_n += 1
            if station.garbled_n == 1:  # once more at once: whoever spoiled this turn may spoil it in every round
                self._ring.remove(station.link.address)
                self._ring.insert(0, station.link.address)
        else:
            return self._missed(station, now_us)
        if station.strange or station.garbled_n >= GARBLED_N_MAX:
            station.search = Search()
        return []

    def _missed(self, station: Station, now_us: int) -> list[BusEvent]:
        """Nothing came.  After some of these the address is asked less and less often, and who has it asked first."""
        station.missed_n += 1
        if station.missed_n < MISSES_N_MAX:
            return []
        doubled = min(station.missed_n - MISSES_N_MAX, 10)
        station.due_us = now_us + min(SILENT_US_FIRST << doubled, SILENT_US_MAX)
        station.search = Search()
        if station.silent:
            return []
        station.silent = True
        reason = f"address {station.link.address} does not answer: is the board powered, wired and set to this address?"
        return [BusEvent(station.link.address, LinkEvent("silent", reason=reason))]

    def _searched(self, station: Station, now_us: int) -> list[BusEvent]:
        """The search is over: nobody, one board as it should be, or several that must be told apart by a person."""
        assert station.search is not None
        ids, link = sorted(station.search.ids), station.link
        strange, station.strange, station.garbled_n = station.strange, False, 0
        if not ids:
            station.search = Search()
            return self._missed(station, now_us)
        station.search, station.missed_n = None, 0
        station.check_us = now_us + CHECK_US
        if len(ids) > 1:
            return self._duplicate(station, ids, now_us)
        events = []
        same = ids[0] == station.device_id
        if link.state == OPEN and (strange or not same):
            what = "has started again" if same else "is another one now"
            link.close()
            events = [LinkEvent("lost", reason=f"the board at address {link.address} {what}")]
        if station.silent or station.twins:
            events.append(LinkEvent("answers", fields={"device_id": ids[0]}))
        station.device_id, station.silent, station.twins = ids[0], False, frozenset()
        return [BusEvent(link.address, event) for event in events]

    def _duplicate(self, station: Station, ids: list[bytes], now_us: int) -> list[BusEvent]:
        """Several boards have one address: none of them is driven until a person has set another.

        One that was found later is told with the others.
        """
        told, station.twins = station.twins, station.twins | set(ids)
        station.due_us, station.search = now_us + DUPLICATE_US, Search()
        if station.twins == told:
            return []
        ids = sorted(station.twins)
        station.link.close()
        station.outbox = []
        named = " and ".join(found.hex() for found in ids)
        taken = ", ".join(str(address) for address in sorted(self.stations))
        reason = (
            f"address {station.link.address} is set on {len(ids)} boards, with the ids {named}: "
            f"set all but one to an address of their own (taken: {taken}) and switch them off and on"
        )
        return [BusEvent(station.link.address, LinkEvent("duplicate", fields={"device_ids": ids}, reason=reason))]
