"""Several boards and a host on a half-duplex wire: nobody talks over another or suffers from another (SPEC 8)."""

import pytest
from bus_boards import BusLine
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from spinline_protocol import auth, framing, messages, states
from spinline_protocol.bus import ADDRESS_HIGH, LEASE_US_MAX, SILENT_US_MAX, Bus, LinkEvent
from spinline_protocol.bus_search import ASKS_N_MAX, Search
from spinline_protocol.host_link import OPEN, HostLink

SEEDS = st.integers(1, 1 << 30)
ADDRESSES = st.lists(st.integers(1, ADDRESS_HIGH), min_size=1, max_size=8, unique=True)
# An example is seconds of a bus: a smaller one that also fails is not worth its time.
WHOLE = settings(deadline=None, phases=(Phase.explicit, Phase.generate))
BAUDS = st.sampled_from((115200, 460800))


def longest_us(leases_us: list[int], from_us: int, to_us: int) -> int:
    """The longest time without a renewal."""
    inside = [from_us, *[at_us for at_us in leases_us if from_us < at_us < to_us], to_us]
    return max(b - a for a, b in zip(inside, inside[1:], strict=False))


@given(SEEDS, ADDRESSES, BAUDS, st.booleans(), st.sampled_from((0, 0, 5)), st.sampled_from((0, 0, 5)))
@settings(WHOLE, max_examples=8)
def test_boards_that_keep_the_rules_never_talk_at_once(
    seed: int, addresses: list[int], baud: int, echo: bool, flips: int, loss: int
) -> None:
    line = BusLine(seed, addresses, baud, echo)
    line.wire.flips_percent, line.wire.loss_percent = flips, loss
    for board in line.boards:
        board.busy_us = line.chance.below(6) * 1000  # a scan in which it does not look at the wire
    line.run(2)
    assert line.wire.collisions_n == 0
    line.wire.flips_percent = line.wire.loss_percent = 0
    line.run(4)
    assert line.wire.collisions_n == 0
    for board in line.boards:
        link = line.links[board.address]
        assert link.state == OPEN
        told = len(line.records[board.address])
        assert told > 20 and (flips or loss or told >= board.records_n - 6), (told, board.records_n)
    assert line.bus.strangers_n == 0 and (not echo or line.bus.reader.echo_n > 100)


@given(SEEDS, st.integers(2, 8), st.sampled_from(("dead", "late", "babbles")), BAUDS)
@settings(WHOLE, max_examples=8)
def test_one_bad_board_does_not_cost_the_others_their_lease_or_their_telemetry(
    seed: int, boards_n: int, fault: str, baud: int
) -> None:
    line = BusLine(seed, list(range(1, boards_n + 1)), baud)
    line.run(3)
    bad, *others = line.boards
    from_us, made = line.now_us, {board.address: board.records_n for board in others}
    for half_s in range(8):
        if fault == "dead":
            bad.dead = True
        elif fault == "late":
            bad.answers_late_us = 6000 + line.chance.below(20_000)
        elif half_s % 4 == 0:
            bad.babbles_n = 1500
        line.run(0.5)
    for board in others:
        assert longest_us(board.leases_us, from_us, line.now_us) < 1_600_000, (
            "a lease of 2 s is asked for each 0.5 s, and one may be lost"
        )
        now_made = board.records_n - made[board.address]
        told = len([first for first in line.records[board.address] if first >= made[board.address]])
        lost = now_made - told  # asked for again by its owner
        assert now_made >= 35 and lost <= (4 if fault == "dead" else now_made // 4), (fault, now_made, lost)
    if fault == "dead":
        assert line.wire.collisions_n == 0


@given(SEEDS, st.integers(2, 6), st.sampled_from((0, 3, 8)))
@example(28966173, 4, 8)  # address 2 is not opened before the noise ends
@settings(WHOLE, max_examples=8)
def test_acknowledged_orders_were_executed_once_and_in_order(seed: int, boards_n: int, percent: int) -> None:
    line = BusLine(seed, list(range(1, boards_n + 1)))
    line.wire.flips_percent = line.wire.loss_percent = percent
    for turn in range(60):
        line.order(1 + line.chance.below(boards_n))
        if turn % 20 == 13:
            line.boards[0].restart()
        line.run(0.1)
    line.wire.flips_percent = line.wire.loss_percent = 0
    line.run(6)
    for address in line.links:  # one try of an opening in two fails in such noise: all are open by now
        assert line.links[address].state == OPEN
        line.order(address)
    line.run(1)
    for board in line.boards:
        acknowledged = line.acknowledged[board.address]
        assert len(set(board.executed)) == len(board.executed) and board.executed == sorted(board.executed)
        assert set(acknowledged) <= set(board.executed) and len(set(acknowledged)) == len(acknowledged)
        if board is not line.boards[0]:
            assert sorted(acknowledged) == board.executed and acknowledged


def test_a_dead_board_is_asked_less_and_less_and_is_back_when_it_answers() -> None:
    line = BusLine(5, [1, 2])
    line.run(2)
    line.boards[0].dead = True
    line.run(10)
    station = line.bus.stations[1]
    turns_n = station.turns_n
    line.run(20)
    assert 5 <= station.turns_n - turns_n <= 2 * (20_000_000 // SILENT_US_MAX + 1)
    assert line.kinds(1).count("silent") == 1 and "address 1 does not answer" in told(line, 1, "silent").reason
    line.boards[0].dead = False
    line.boards[0].restart()
    line.run(6)
    assert line.links[1].state == OPEN and "answers" in line.kinds(1)
    before = len(line.records[2])
    line.run(1)
    assert len(line.records[2]) - before >= 9


def told(line: BusLine, address: int, kind: str) -> LinkEvent:
    return next(one.event for one in line.told if one.address == address and one.event.kind == kind)


@given(SEEDS, st.integers(2, 4), st.sampled_from((0, 1, 63)))
@example(1780761, 4, 1)  # two boards missed two questions in their scans
@example(186, 3, 1)  # one of three was asked for too late
@example(210279, 4, 1)  # so were two of four
@example(1553249, 4, 1)
@example(597, 4, 1)  # two of four answered in the upper half of what was garbled, which nobody asked
@settings(WHOLE, max_examples=8)
def test_boards_with_one_address_are_named_and_the_others_go_on(seed: int, twins_n: int, alike_bits: int) -> None:
    line = BusLine(seed, [3] * twins_n + [4])
    for i, board in enumerate(line.boards[:-1]):
        number = (i << 56) if not alike_bits else (i if alike_bits == 63 else (i & 1) << 62 | i)
        board.device_id = number.to_bytes(8, "big")
        board.restart()
    ids = sorted(board.device_id for board in line.boards[:-1])
    line.run(12)
    event = [one.event for one in line.told if one.address == 3 and one.event.kind == "duplicate"][-1]
    assert event.fields == {"device_ids": ids}
    assert all(found.hex() in event.reason for found in ids) and "taken: 3, 4" in event.reason
    assert line.links[3].state != OPEN and line.links[4].state == OPEN and len(line.records[4]) > 30
    for board in line.boards[1:-1]:
        board.dead = True  # a person has given them other addresses
    line.run(8)
    assert line.links[3].state == OPEN and "answers" in line.kinds(3)


def test_a_second_board_that_comes_to_a_live_address_is_found() -> None:
    for seed in range(1, 6):
        line = BusLine(seed, [3, 3, 4])
        line.boards[1].dead = True
        line.run(2)
        assert line.links[3].state == OPEN
        line.boards[1].dead = False
        line.run(12)
        assert "duplicate" in line.kinds(3) and "duplicate" not in line.kinds(4), seed


def test_a_board_that_has_started_again_is_told_as_lost_within_its_next_turns() -> None:
    line = BusLine(5, [1, 2])
    line.run(2)
    line.boards[0].restart()
    line.run(0.2)
    assert told(line, 1, "lost").reason == "the board at address 1 has started again"
    line.run(2)
    assert line.links[1].state == OPEN and line.kinds(2) == ["opened"]


def test_a_stop_for_all_reaches_every_board_and_also_those_without_a_session() -> None:
    line = BusLine(3, [1, 2, 3], echo=True)
    line.reopens = False
    line.bus.stop_all()
    line.run(0.2)
    assert all(board.stops_n >= 1 for board in line.boards)
    line.run(2)
    stops = [board.stops_n for board in line.boards]
    line.bus.stop_all(states.CMD_ABORT)
    line.run(0.1)
    assert all(board.stops_n > n for board, n in zip(line.boards, stops, strict=True))
    assert line.wire.collisions_n == 0


def test_one_stamp_brings_the_time_of_every_board() -> None:
    line = BusLine(3, [1, 2, 3])
    line.run(2)
    asked_us = line.now_us
    line.bus.ask_sync(asked_us)
    line.run(0.2)
    for address in (1, 2, 3):
        fields = told(line, address, "sync").fields or {}
        stamps = [fields[name] for name in ("host_sent_us", "device_received_us", "device_sent_us", "host_received_us")]
        assert stamps[0] == asked_us and stamps == sorted(stamps)  # all clocks of this test are one
    received = {(told(line, address, "sync").fields or {})["device_received_us"] for address in (1, 2, 3)}
    assert max(received) - min(received) <= 21_000  # they heard the same frame, each when it looked


def test_a_lease_goes_before_everything_and_an_old_one_is_never_sent() -> None:
    key = auth.role_key(bytes(32), auth.OPERATOR)
    link = HostLink(1, "test", lambda count: b"n" * count, auth.OPERATOR, key)
    link.state, link.session, link._key = OPEN, 7, bytes(32)
    bus = Bus([link], 115200)
    bus.stations[1].search, bus.stations[1].check_us = None, 1 << 60
    for _ in range(3):
        link.request(messages.IDENTIFY)
    link.renew_lease(1, 0)
    link.renew_lease(2, 0)
    bus.poll(0)
    kinds = [(frame.kind, frame.sequence) for frame in framing.FrameReader(False).feed(bus.take_output())]
    assert kinds[:2] == [(framing.LEASE, 2), (framing.REQUEST, 1)] and kinds[-1] == (framing.CONTROL, 1)
    link.renew_lease(3, 0)
    bus.poll(5000)  # its turn is not over
    bus.poll(5000 + LEASE_US_MAX + 1)
    bus.poll(6000 + LEASE_US_MAX)
    frames = framing.FrameReader(False).feed(bus.take_output())
    assert framing.LEASE not in [frame.kind for frame in frames] and frames


def test_addresses_that_no_bus_can_have_are_refused() -> None:
    def link(address: int) -> HostLink:
        return HostLink(address, "test", lambda count: b"n" * count)

    for addresses in ([], [0], [framing.UNASSIGNED], [247], [3, 3]):
        with pytest.raises(ValueError, match="addresses of a bus"):
            Bus([link(address) for address in addresses], 115200)


@given(st.lists(st.binary(max_size=60), max_size=30), st.integers(1, 3))
@settings(WHOLE, max_examples=25)
def test_nothing_that_is_heard_raises_and_the_host_goes_on_asking(pieces: list[bytes], address: int) -> None:
    line = BusLine(1, [1, 2, 3])
    line.run(0.3)
    control = framing.FROM_DEVICE
    for kind, piece in enumerate(pieces):
        now_us = line.now_us + 1
        line.bus.receive(piece, now_us)
        line.bus.receive(framing.encode(0, address, control | kind % 16, 0, 1, piece), now_us)
        line.run(0.01)
    turns_n = [station.turns_n for station in line.bus.stations.values()]
    line.run(1)
    assert all(station.turns_n > n for station, n in zip(line.bus.stations.values(), turns_n, strict=True))


def test_a_wire_that_is_never_quiet_does_not_silence_the_host() -> None:
    line = BusLine(1, [1, 2])
    line.run(1)
    sent_n = 0
    for _ in range(4 * 3000):
        line.now_us += 250
        line.bus.receive(b"\x00", line.now_us)
        line.bus.poll(line.now_us)
        sent_n += bool(line.bus.take_output())
    assert sent_n >= 5, "within three seconds"


@given(st.sets(st.integers(0, (1 << 64) - 1), max_size=4), st.integers(0, 62), st.sampled_from((0, 0x5A5A << 48, -1)))
@example({0, 2, 1 << 62 | 1, 1 << 62 | 3}, 0, 0)  # two pairs, one of each half of the ids that begin alike
@example({0, 1, 2, 3}, 62, -1)
def test_a_search_finds_every_id_of_four_boards_and_no_other(numbers: set[int], alike_bits: int, begin: int) -> None:
    low = (1 << 64 - alike_bits) - 1
    ids = {((begin & ~low | number & low) & (1 << 64) - 1).to_bytes(8, "big") for number in numbers}
    search = Search()
    while not search.done:
        bits, prefix, besides = search.question()
        begins = int.from_bytes(prefix.ljust(8, b"\0"), "big") >> (64 - bits)
        known = {besides[at : at + 8] for at in range(0, len(besides), 8)}
        found = [one for one in ids - known if int.from_bytes(one, "big") >> (64 - bits) == begins]
        search.answered(found if len(found) == 1 else [], len(found) > 1)
    assert set(search.ids) == ids and search.asked_n < ASKS_N_MAX
