"""Both ends of the link as one state machine: hypothesis chooses what the wire does to each frame, and who restarts.

Time goes in scans.  A frame may be lost, doubled, late, or spoiled, and any stretch of what was ever on the wire may be
played again.  What must hold stands in the invariants; a wire that has become good must end every doubt.
"""

from __future__ import annotations

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lossy import DOUBLED, GOOD, LATE, LATE_SCANS, LOST, SCAN_MS, SPOILED, ChosenWire, Pair, got_of, records_of

from spinline_protocol import framing, host_link, messages
from spinline_protocol.host_link import LinkEvent

FATES = st.lists(st.sampled_from((GOOD, LOST, DOUBLED, LATE, SPOILED)), max_size=6)
OPENING_SCANS = 4
SETTLED_SCANS_MAX = 450  # all tries of a request that nobody answers, and the opening behind them
SETTLED_SCANS_AN_ORDER = 24  # those that are queued may each need a repeat or two


class Watched(Pair):
    """Host and board on wires that are chosen; judges each event of the host as it comes."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, 0)
        self.down, self.up = ChosenWire(), ChosenWire()  # type: ignore[assignment]
        self.wires = (self.down, self.up)
        self.renewals: list[tuple[int, int]] = []  # session, number of the renewal
        self.event_seen: dict[int, set[int]] = {}  # of each boot
        self.board_restarts_n = 0
        self._harm_at_opening = 0

    @property
    def harm_n(self) -> int:
        """Faults of the wires; a board that starts again is worth all tries of a request."""
        return sum(wire.faults_n for wire in self.wires) + host_link.TRIES_MAX * self.board_restarts_n

    def renew(self) -> None:
        """Renew the lease; the number of scans that it acknowledges is its own number here."""
        if self.host.state == host_link.OPEN:
            number = len(self.renewals) + 1
            self.renewals.append((self.host.session, number))
            self.host.renew_lease(number, self._events_to())

    def _events_to(self) -> int:
        seen = self.event_seen.get(self.host.hello["boot_id"], set())
        return next(event_i for event_i in range(len(seen) + 1) if event_i not in seen)

    def take(self, event: LinkEvent, now_ms: int) -> None:
        """Judge an event, then do as any host does."""
        fields = event.fields or {}
        boot_id = self.host.hello.get("boot_id")
        if event.kind == "opened":
            self._harm_at_opening = self.harm_n
        elif event.kind == "lost":
            assert self.harm_n - self._harm_at_opening >= host_link.TRIES_MAX, "given up for fewer faults than tries"
            self._judge_lost(event.sequence)
        elif event.kind == "dropped":
            self.open_orders.pop(event.sequence, None)  # never sent; JOURNAL is no order
        elif event.kind == "progress":
            assert 0 <= fields["done"] <= fields["total"]
        elif event.kind == "scans":
            assert fields["records"] == records_of(fields["first_scan"])
        elif event.kind == "event":
            assert fields["got"] == got_of(fields["event_i"])
            assert boot_id is not None
            self.event_seen.setdefault(boot_id, set()).add(fields["event_i"])
        assert event.kind != "refused", event.reason
        super().take(event, now_ms)

    def _judge_lost(self, sequence: int) -> None:
        """Where an answer was sent once, each repeat behind it, or its answer, was spoiled: else it had come."""
        answers = self.up.numbered(framing.RESPONSE, self.host.session, sequence)
        if answers and self.board.link.session == self.host.session:
            asked = self.down.numbered(framing.REQUEST, self.host.session, sequence)
            repeats = [good for now, good in asked if now > answers[0][0]]
            bad_n = sum(not good for _now, good in answers) + sum(not good for good in repeats)
            assert bad_n > len(repeats), "a repeat was not answered"


class LinkMachine(RuleBasedStateMachine):
    """What people, processes and the wire may do to the two ends of a link."""

    @initialize(seed=st.integers(1, 1 << 30))
    def begin(self, seed: int) -> None:
        self.pair = Watched(seed)
        self._go_on(OPENING_SCANS, [], [])

    def _go_on(self, scans: int, down: list[str], up: list[str]) -> None:
        self.pair.wires[0].fates, self.pair.wires[1].fates = list(down), list(up)
        for _ in range(scans):
            self.pair.step()

    @rule(scans=st.integers(1, 40), down=FATES, up=FATES)
    def time_goes_on(self, scans: int, down: list[str], up: list[str]) -> None:
        self._go_on(scans, down, up)

    @rule(count=st.integers(1, 9), long=st.booleans(), scans=st.integers(0, 3), down=FATES, up=FATES)
    def the_host_orders(self, count: int, long: bool, scans: int, down: list[str], up: list[str]) -> None:
        for _ in range(count):
            self.pair.order(long)
        self._go_on(scans, down, up)

    @rule(scans=st.integers(0, 3), down=FATES)
    def the_host_renews_its_lease(self, scans: int, down: list[str]) -> None:
        self.pair.renew()
        self._go_on(scans, down, [])

    @rule(scans=st.integers(0, 9), up=FATES)
    def something_happens_at_the_board(self, scans: int, up: list[str]) -> None:
        self.pair.board.raise_event()
        self._go_on(scans, [], up)

    @rule(who=st.sampled_from(("board", "host", "session")), scans=st.integers(0, 9), down=FATES, up=FATES)
    def an_end_starts_again(self, who: str, scans: int, down: list[str], up: list[str]) -> None:
        if who == "board":
            self.pair.board.restart()
            self.pair.board_restarts_n += 1
        elif who == "host":
            self.pair.restart_host()
        else:
            self.pair.host.open(2000, self.pair.now * SCAN_MS)
        self._go_on(scans, down, up)

    @rule(times=st.integers(2, 20))
    def the_session_is_opened_over_and_over(self, times: int) -> None:
        for _ in range(times):
            self.pair.host.open(2000, self.pair.now * SCAN_MS)
            for _ in range(OPENING_SCANS):
                if self.pair.host.state != host_link.OPEN:
                    self.pair.step()

    @precondition(lambda self: any(wire.sent for wire in self.pair.wires))
    @rule(to_board=st.booleans(), back=st.integers(1, 60), count=st.integers(1, 12))
    def a_stretch_of_the_wire_is_played_again(self, to_board: bool, back: int, count: int) -> None:
        wire = self.pair.wires[0 if to_board else 1]
        wire.play_again(max(0, len(wire.sent) - back), count, self.pair.now)

    @invariant()
    def each_order_is_executed_at_most_once_and_in_order(self) -> None:
        executed = self.pair.board.executed
        assert all(one < following for one, following in zip(executed, executed[1:], strict=False)), executed[-9:]

    @invariant()
    def what_the_host_was_told_is_what_the_board_did(self) -> None:
        pair = self.pair
        executed, told = set(pair.board.executed), pair.acknowledged + pair.resolved["executed"]
        assert set(told) <= executed, "told as done and was not"
        assert not set(pair.resolved["not executed"]) & executed, "told as not done and was"
        told += pair.resolved["not executed"]
        assert len(set(told)) == len(told), "told twice"

    @invariant()
    def each_renewal_counts_once_and_in_the_session_that_sent_it(self) -> None:
        pair = self.pair
        assert set(pair.board.leases) <= set(pair.renewals)
        assert len(set(pair.board.leases)) == len(pair.board.leases), "one renewal counted twice"

    @invariant()
    def no_event_is_forgotten_by_the_board_before_the_host_has_it(self) -> None:
        board = self.pair.board
        kept = set(board.events) | self.pair.event_seen.get(board.boot_id, set())
        assert kept == set(range(board.events_n))

    def _settled(self) -> bool:
        host = self.pair.host
        return (
            host.state == host_link.OPEN
            and host.idle
            and not (self.pair.open_orders or self.pair.unknown or self.pair.board.events)
        )

    def teardown(self) -> None:
        """The wire is good from now on: the host is open again, and every order has an outcome that it was told."""
        if not hasattr(self, "pair"):
            return
        pair = self.pair
        for wire in pair.wires:
            wire.fates = []
        pair.order()  # only who asks notices that an idle board has started again
        for scan in range(SETTLED_SCANS_MAX + SETTLED_SCANS_AN_ORDER * len(pair.open_orders)):
            if self._settled() and scan > LATE_SCANS:
                break
            if scan % 4 == 0:
                pair.renew()
            pair.step()
        assert self._settled(), "an order without an outcome, or an event that the host never had"
        done_n = len(pair.acknowledged)
        pair.order()
        pair.order(long=True)
        for _ in range(20):
            pair.step()
        assert len(pair.acknowledged) == done_n + 2
        for holds in (
            self.each_order_is_executed_at_most_once_and_in_order,
            self.what_the_host_was_told_is_what_the_board_did,
            self.each_renewal_counts_once_and_in_the_session_that_sent_it,
            self.no_event_is_forgotten_by_the_board_before_the_host_has_it,
        ):
            holds()


assert LATE_SCANS * SCAN_MS > host_link.RETRY_MS_FIRST
assert SETTLED_SCANS_MAX * SCAN_MS > host_link.RETRY_MS * host_link.TRIES_MAX + 10 * host_link.HELLO_MS
assert messages.JOURNAL_N >= 2 * host_link.WINDOW

# Without shrinking: it would last longer than a test may; the steps that are printed suffice.
LinkMachine.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
TestTwoLinks = LinkMachine.TestCase
