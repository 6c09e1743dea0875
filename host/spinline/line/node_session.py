"""One node as the supervisor sees it: connect, compare hashes, download, follow its scans.  Sans-I/O.

CONNECTING -> COMPARING -> DOWNLOADING -> PREPARED -> READY;  REFUSED names what differs and what to do
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from spinline.line.events_seen import EventsSeen
from spinline.line.orders import Order, Orders, words_of
from spinline.line.scan_clock import ScanClock
from spinline.line.scans_seen import ScansSeen, hand_on
from spinline.line.summaries_seen import SummariesSeen
from spinline.recipe.compiler import NodeConfiguration, violation_text
from spinline_protocol import auth, errors, messages
from spinline_protocol.framing import UNASSIGNED
from spinline_protocol.host_link import HostLink, LinkEvent
from spinline_protocol.states import FLAG_HOLD, FLAG_OVERRUN, FLAG_PERMIT, FLAG_SOAKED, IDLE
from spinline_protocol.words import pack_words, summary_scans

CONNECTING, COMPARING, DOWNLOADING = "CONNECTING", "COMPARING", "DOWNLOADING"
PREPARED, READY, REFUSED = "PREPARED", "READY", "REFUSED"
SILENCE_MS = 3000  # no frame for this long: the link is lost
ALIVE_MS = 1000  # after this a prepared node is asked something, so that silence means what it says
BACKFILL_SCANS = 10000
CREDIT_BYTES = 4096  # telemetry between two leases: what a system keeps of a serial line that nobody reads
EARLIER_EVENTS_N = 1000  # of earlier boots: all that a node keeps
LEASE_SENDS_N = 2  # one damaged frame must not cost half of a lease


class NodeSession:
    """A node's session.  ``firmware_sha256`` is what it must run (hex; "": whatever speaks our schema).

    Scans and events wait in lists to be taken, answers to requests of the owner in ``answers``.  ``operator_key`` is
    the key of its ``role``.
    """

    def __init__(
        self,
        configuration: NodeConfiguration,
        firmware_sha256: str,
        lease_ms: int,
        entropy: Callable[[int], bytes],
        operator_key: bytes,
        role: int = auth.OPERATOR,
    ) -> None:
        self.name = configuration.name
        self.configuration = configuration
        self.phase = CONNECTING
        self.problem = ""
        self.state = IDLE
        self.flags = 0
        self.identity: dict[str, Any] = {}
        self.hello: dict[str, Any] = {}
        self.scans: list[tuple[int, bytes]] = []
        self.summaries: list[tuple[int, bytes]] = []  # as they came: the record collapses duplicates
        self.lost: list[tuple[int, int]] = []  # scans the node no longer has: [from, to)
        self.events: list[dict[str, Any]] = []
        self.lost_events: list[tuple[int, int]] = []  # likewise: [from, to)
        self.earlier_events: list[dict[str, Any]] = []  # of boots before this one, from what the node kept
        self.refusals: list[str] = []
        self.runs_n = 0  # one more at each new boot and each new configuration
        self.new_run = True  # False: the record knows this run from an earlier supervisor
        self.first_scan = 0
        self._seen_scans = ScansSeen()
        self._boot_id = -1
        self.run_sha256 = b""  # the configuration of the run that scans belong to; none: a run is to come in this boot
        self._firmware_sha256 = firmware_sha256
        self._lease_ms = lease_ms
        self._link = HostLink(UNASSIGNED, "spinline", entropy, role, operator_key)
        self.answers: dict[int, dict[str, Any]] = {}
        self._waiting: dict[int, str] = {}
        self.orders = Orders()
        self._now_us = 0
        self._command_flying = self._command_due_ms = 0
        self._seen_events = EventsSeen()
        self._heard_ms = 0
        self._seen_summaries = SummariesSeen()
        self.clock = ScanClock(configuration.scan_ms * 1000)
        self._timed = False  # the clock knows when the run was
        self._opening_us, self._committing_us = 0, 0
        self.record_bytes = configuration.record_bytes
        self.summary_bytes = configuration.summary_bytes

    def step(self, arrived: list[tuple[int, bytes]], now_us: int) -> bytes:
        """Take what arrived, each piece with its time (us), and return what to send.  Never raises."""
        now_ms, self._now_us = now_us // 1000, now_us
        if self.phase == CONNECTING and self._link.state == "closed":
            self._link.open(self._lease_ms, now_ms)
            self._heard_ms, self._opening_us = now_ms, now_us
        frames_n = self._link.reader.frames_n
        events = [event for at_us, octets in arrived for event in self._link.receive(octets, now_ms, at_us)]
        for event in events + self._link.poll(now_ms):
            self._take(event, now_us)
        if self._link.reader.frames_n != frames_n:
            self._heard_ms = now_ms
        elif now_ms - self._heard_ms > SILENCE_MS and self.phase not in (CONNECTING, REFUSED):
            self._reconnect()
        elif self.phase == PREPARED and not self._waiting and now_ms - self._heard_ms > ALIVE_MS:
            self._ask("identify", messages.IDENTIFY)  # a node that waits for the others says nothing by itself
        return self._link.take_output()

    def ask_time(self, now_us: int) -> bytes:
        """The question about time, where it is due; else nothing."""
        if self.phase != READY or self._link.state != "open" or now_us < self.clock.due_us:
            return b""
        self._link.ask_sync(now_us)
        self.clock.asked(now_us)
        return self._link.take_output()

    @property
    def ask_due_us(self) -> int | None:
        """When the next question about time is due; None without a session."""
        return self.clock.due_us if self.phase == READY and self._link.state == "open" else None

    def _reconnect(self) -> None:
        self._link.close()
        self._waiting.clear()
        self._command_flying, self.phase = 0, CONNECTING

    def _take(self, event: LinkEvent, now_us: int) -> None:
        now_ms = now_us // 1000
        self.orders.take(event)
        if event.kind == "opened":
            assert event.fields is not None
            self._compare(event.fields)
        elif event.kind == "refused":
            self._refuse(f"{self.name}: {event.reason}")
        elif event.kind == "lost":
            self._reconnect()
        elif event.kind in ("resolved", "unresolved") and event.fields is not None:
            name = messages.name_of(event.fields["operation"])
            self.refusals.append(f"{self.name}: {name} went with a lost link: {event.reason}")
        elif event.kind == "console":
            self.refusals.append(f"{self.name} says: {event.reason}")
        elif event.kind == "result" and event.fields is not None:
            self._result(event.sequence, event.fields, now_ms)
        elif event.kind == "sync" and event.fields is not None:
            self.clock.take_answer(event.fields)
        elif event.kind == "scans" and event.fields is not None:
            self._take_scans(event.fields, now_us)
        elif event.kind == "summaries" and event.fields is not None:
            self._take_summaries(event.fields, now_ms)
        elif event.kind == "event" and event.fields is not None:
            self._take_event(event.fields, now_ms)

    def _take_event(self, fields: dict[str, Any], now_ms: int) -> None:
        """Events in order; those of earlier boots, which were asked for, apart."""
        if fields["boot_id"] != self._boot_id:
            self.earlier_events.append(fields)
            return
        next_one, lost = self._seen_events.take(fields["event_i"], now_ms)
        self._tell_lost(lost)
        if next_one:
            self.events.append(fields)

    def _tell_lost(self, lost: tuple[int, int] | None) -> None:
        """Events that the node no longer has: told, and so later ones can be acknowledged."""
        if lost:
            self.refusals.append(f"{self.name}: events {lost[0]} to {lost[1] - 1} are lost")
            self.lost_events.append(lost)

    def _refuse(self, problem: str) -> None:
        self.phase, self.problem = REFUSED, problem

    def dismiss(self, problem: str) -> None:
        """This is no node of the line: no lease, no order, nothing of it in the record."""
        self._refuse(problem)
        self._link.close()

    def _compare(self, hello: dict[str, Any]) -> None:
        """The handshake's hashes against what this host expects; names what differs and what to do."""
        self.hello, self.identity = hello, {}
        running = hello["firmware_sha256"].hex()
        if self._firmware_sha256 not in ("", running):
            expected = self._firmware_sha256[:12]
            self.dismiss(f"{self.name}: runs firmware {running[:12]}, {expected} is expected; flash this node")
            return
        self.state, self.phase = hello["state"], COMPARING
        self._ask("identify", messages.IDENTIFY)
        if hello["boot_id"] != self._boot_id:
            self._begin_boot(hello)
        else:
            self._tell_lost(self._seen_events.lose(hello["event_oldest"]))
        if hello["configuration_sha256"] == self.configuration.sha256:
            if self.run_sha256 != self.configuration.sha256:
                self._begin_run(hello["ring_oldest"])
            if not self._timed:  # the scan that the node is at was not before it was asked
                older_us = (hello["ring_next"] - self.next_scan) * self.configuration.scan_ms * 1000
                self._time_run(self.next_scan, self._opening_us - older_us)
            self._waiting_for_backfill(hello["ring_oldest"], hello["ring_next"])
            self.phase = READY
        else:
            self._download(hello["configuration_sha256"])

    def _begin_boot(self, hello: dict[str, Any]) -> None:
        """The node has started since this record saw it, or is new to it.  Why it started it has kept itself."""
        if self._boot_id >= 0:
            self._ask("earlier", messages.BACKFILL_REQUEST, messages.STREAM_EVENTS, 0, EARLIER_EVENTS_N)
        self.run_sha256 = b""
        self._boot_id = hello["boot_id"]
        self._seen_events = EventsSeen(hello["event_oldest"])  # what another host took is no loss
        self.lost_events = []
        self.clock.forget()

    def _waiting_for_backfill(self, oldest: int, following: int) -> None:
        """After a lost link: what the ring still has is asked for, what it has not is declared lost."""
        self._declare_lost(oldest)
        if self.next_scan < following:
            count = min(following - self.next_scan, BACKFILL_SCANS)
            self._ask("scans", messages.BACKFILL_REQUEST, messages.STREAM_SCANS, self.next_scan, count)

    def _time_run(self, first_scan: int, since_us: int) -> None:
        self.clock.begin(first_scan, since_us)
        self._timed = True

    def _begin_run(self, first_scan: int) -> None:
        """Scans from here on belong together: same boot, same configuration."""
        self._timed = False
        self.first_scan = first_scan
        self._seen_scans = ScansSeen(first_scan)
        self._seen_summaries = SummariesSeen(first_scan // summary_scans(self.configuration.scan_ms))
        self.scans, self.summaries, self.lost = [], [], []  # of what ran before, and so of no run to come
        self.run_sha256 = self.configuration.sha256
        self.new_run = True
        self.runs_n += 1

    def _download(self, base_sha256: bytes) -> None:
        self.phase = DOWNLOADING
        rows = self.configuration.rows
        self._ask("begin", messages.CONFIG_BEGIN, len(rows), base_sha256, self.configuration.sha256)
        for i, (table, words) in enumerate(rows):
            self._ask("put", messages.CONFIG_PUT, i, table, pack_words(words))
        self._ask("prepare", messages.CONFIG_PREPARE)

    def commit(self, now_us: int) -> None:
        """Second phase: only when every node of the line is prepared.  Asked once until the node answers."""
        if "commit" not in self._waiting.values():
            self._committing_us = now_us
            self._ask("commit", messages.CONFIG_COMMIT, self.configuration.sha256)

    def cancel(self) -> None:
        """Another node refused: the shadow is dropped, what ran before goes on."""
        if self.phase in (DOWNLOADING, PREPARED):
            self._ask("cancel", messages.CONFIG_CANCEL)
            self._refuse(self.problem or f"{self.name}: another node of the line refused")

    def command(self, command: int, now_ms: int) -> None:
        """Ask for a state change, one at a time; a refused one may be asked again after a second."""
        if self.phase == READY and not self._command_flying and now_ms >= self._command_due_ms:
            self._command_flying = self._ask("command", messages.COMMAND, command)

    def ask(self, number: int, *values: Any) -> int:
        """A request of the owner's; its answer comes into ``answers`` under the number returned."""
        assert self.phase == READY, "a request needs a session"
        return self._ask("owner", number, *values)

    def change(self, configuration: NodeConfiguration) -> None:
        """Download another configuration of the same columns; ``commit`` when PREPARED.  REFUSED says why not."""
        assert self.phase == READY and configuration.columns == self.configuration.columns
        base, self.configuration = self.configuration.sha256, configuration
        self._download(base)

    def _ask(self, what: str, number: int, *values: Any) -> int:
        sequence = self._link.request(number, values)
        self._waiting[sequence] = what
        told = (self.hello["boot_id"], self._link.session, sequence, number, words_of(number, values))
        self.orders.note(Order(*told, self._now_us))
        return sequence

    def _result(self, sequence: int, fields: dict[str, Any], now_ms: int) -> None:
        what = self._waiting.pop(sequence, "")
        code = fields["code"]
        self.orders.answered(self._link.session, sequence, code)
        if what == "identify":
            self.identity = fields
        elif what == "owner":
            self.answers[sequence] = fields
        elif what == "command":
            self._command_flying = 0
            self._command_due_ms = now_ms + 1000 if code else now_ms
            if code:
                self.refusals.append(f"{self.name}: command refused: {errors.result_name(code)}")
            else:
                self.state = fields["got"]
        elif what == "prepare":
            self._prepared(code, fields)
        elif what == "commit":
            if code:
                self._refuse(f"{self.name}: configuration not taken: {errors.result_name(code)}")
            else:
                self.phase = READY
                self._begin_run(fields["got"])
                self._time_run(fields["got"], self._committing_us)
        elif code and what in ("begin", "put"):
            self._refuse(f"{self.name}: download refused: {errors.result_name(code)}")

    def _prepared(self, code: int, fields: dict[str, Any]) -> None:
        if code == errors.OK:
            self.phase = PREPARED
            return
        octets = fields["violations"]
        found = [struct.unpack_from(messages.VIOLATION_LAYOUT, octets, at) for at in range(0, len(octets), 12)]
        sentences = [violation_text(self.configuration, row[:3], row[4], row[5]) for row in found]
        self._refuse("\n".join(sentences) or f"{self.name}: configuration refused: {errors.result_name(code)}")

    def _take_scans(self, fields: dict[str, Any], now_us: int) -> None:
        """Records of one frame: in order they are handed on, a gap before them is asked for."""
        if self.phase != READY:
            return  # of another configuration
        records = fields["records"]
        width = self.record_bytes
        if len(records) % width:
            return
        first, oldest = fields["first_scan"], fields["oldest_scan"]
        if records and self._timed:
            late = [first + i for i, flags in enumerate(records[1::width]) if flags & FLAG_OVERRUN]
            self.clock.take_frame(first + len(records) // width - 1, now_us, late)
        if records and first + len(records) // width > self._seen_scans.newest:
            self.state, self.flags = records[-width], records[1 - width]  # what is so now does not wait for a gap
        self._declare_lost(oldest)
        singly = [records[at : at + width] for at in range(0, len(records), width)]
        asking = "scans" in self._waiting.values()
        gap = self._seen_scans.take(first, singly, now_us // 1000, asking)
        if gap:
            self._waiting_for_backfill(oldest, gap[1])
        ready = self._seen_scans.release()
        if ready:
            hand_on(self.scans, *ready, width)

    def _take_summaries(self, fields: dict[str, Any], now_ms: int) -> None:
        """Summaries in any order; what is missing before them is asked for while the node still has it."""
        count, rest = divmod(len(fields["records"]), self.summary_bytes)
        if rest:
            return
        first = fields["first_summary"]
        self.summaries.append((first, fields["records"]))
        missing = self._seen_summaries.take(first, count, fields["oldest_summary"], now_ms)
        if missing:
            self._ask("summaries", messages.BACKFILL_REQUEST, messages.STREAM_SUMMARIES, *missing)

    def _declare_lost(self, oldest: int) -> None:
        """Scans that the node has overwritten before they arrived: the record says so, as an interval."""
        lost = self._seen_scans.lose(oldest)
        if lost:
            self.lost.append(lost)

    def resume(self, boot_id: int, next_scan: int, next_event: int, configuration_sha256: bytes) -> None:
        """What an earlier supervisor's record already holds of this node: go on behind it."""
        self._boot_id, self._seen_events = boot_id, EventsSeen(next_event)
        self._seen_scans = ScansSeen(next_scan)
        self.run_sha256 = configuration_sha256
        self.runs_n, self.new_run = 1, False

    def adopt(self, orders: list[Order]) -> None:
        """Orders of an earlier supervisor without an end: the node is asked what became of them."""
        self.orders.adopt(orders)
        for order in orders:
            self._link.take_over(order.boot_id, order.session, order.sequence, order.operation)

    def renew_lease(self, scans_to: int, events_to: int) -> None:
        """The supervisor committed: acknowledge what its record holds and renew the node's lease."""
        if self.phase == READY and self._link.state == "open":
            for _ in range(LEASE_SENDS_N):
                self._link.renew_lease(scans_to, events_to, CREDIT_BYTES)

    @property
    def next_scan(self) -> int:
        """The first scan that has not arrived, and is not lost."""
        return self._seen_scans.following

    @property
    def first_event(self) -> int:
        """The first event that the record does not hold yet."""
        waiting = [int(event["event_i"]) for event in self.events[:1]] + [lost[0] for lost in self.lost_events[:1]]
        return min(waiting, default=self._seen_events.following)

    @property
    def supervised(self) -> bool:
        """True while the node answers and is not in hold."""
        return self.phase == READY and not self.flags & FLAG_HOLD

    @property
    def soaked(self) -> bool:
        """True when every soaking loop of the node has soaked."""
        return bool(self.flags & FLAG_SOAKED)

    @property
    def permit_closed(self) -> bool:
        """True while the node reads the line_permit chain as closed."""
        return bool(self.flags & FLAG_PERMIT)
