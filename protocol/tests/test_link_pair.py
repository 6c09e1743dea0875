"""Host and board together on a bad wire: acknowledged means done once, in order, whatever is lost or restarted."""

from hypothesis import given
from hypothesis import strategies as st
from lossy import Pair

from spinline_protocol import framing, host_link, host_messages, messages
from spinline_protocol.host_link import HostLink
from spinline_protocol.host_messages import pack_message


def steps(pair: Pair, count: int) -> None:
    for _ in range(count):
        pair.step()


def assert_exactly_once(pair: Pair) -> None:
    executed = pair.board.executed
    assert len(set(executed)) == len(executed), "executed twice"
    assert executed == sorted(executed), "out of order"
    assert set(pair.acknowledged) <= set(executed), "acknowledged and not executed"
    assert len(set(pair.acknowledged)) == len(pair.acknowledged), "acknowledged twice"
    assert set(pair.resolved["executed"]) <= set(executed), "resolved as executed and was not"
    assert not set(pair.resolved["not executed"]) & set(executed), "resolved as not executed and was"
    resolved = pair.resolved["executed"] + pair.resolved["not executed"]
    assert len(set(resolved)) == len(resolved) and not set(resolved) & set(pair.acknowledged)


def test_orders_of_minutes_over_a_bad_wire_with_restarts_are_each_done_once() -> None:
    for seed in range(1, 5):
        pair = Pair(seed, 10)
        for scan in range(1500):
            if scan % 3 == 0:
                pair.order()
            if pair.chance.below(300) == 0:
                pair.board.restart()
            if pair.chance.below(300) == 0:
                pair.restart_host()
            pair.step()
        assert_exactly_once(pair)
        assert len(pair.acknowledged) > 50, seed


def test_where_the_board_stays_up_every_unknown_outcome_is_resolved() -> None:
    resolved = {"executed": 0, "not executed": 0}
    for seed in range(1, 9):
        pair = Pair(seed, 15)
        for scan in range(600):
            if scan % 2 == 0:
                pair.order()
            if pair.chance.below(60) == 0:
                pair.host.open(2000, pair.now * 250)  # the same process connects anew
            pair.step()
        pair.down.percent = pair.up.percent = 0
        for _ in range(400):
            pair.step()
        assert_exactly_once(pair)
        assert pair.unresolved_n == 0 and pair.unknown == {}, seed
        for name, orders in pair.resolved.items():
            resolved[name] += len(orders)
    assert min(resolved.values()) > 10, resolved


def test_what_was_under_way_when_the_board_started_again_stays_unknown_and_is_told_so() -> None:
    pair = Pair(1, 0)
    steps(pair, 5)
    pair.order()
    pair.order()
    steps(pair, 1)
    pair.board.restart()
    pair.order()
    pair.host.open(2000, pair.now * 250)
    steps(pair, 20)
    assert pair.unresolved_n > 0 and pair.unknown == {} and pair.host.state == host_link.OPEN


def test_on_a_good_wire_every_order_is_acknowledged() -> None:
    pair = Pair(1, 0)
    for _ in range(400):
        pair.order()
        pair.step()
    for _ in range(200):
        pair.step()
    assert pair.acknowledged == pair.board.executed == list(range(1, pair.issued + 1)) and pair.issued > 300
    assert pair.host.retries_n == 0 and pair.host.idle


def test_a_wire_that_was_bad_for_a_while_is_fast_again_when_it_is_good() -> None:
    for seed in range(1, 9):
        pair = Pair(seed, 0)
        steps(pair, 5)
        for _ in range(200):
            pair.order()
        pair.down.percent = pair.up.percent = 20
        steps(pair, 20)
        pair.down.percent = pair.up.percent = 0
        steps(pair, 100)
        assert len(pair.acknowledged) == 200 and pair.host.retries_n < 10, seed


def test_no_more_than_the_window_is_under_way() -> None:
    pair = Pair(1, 0)
    steps(pair, 5)
    for _ in range(20):
        pair.order()
    pair.host.poll(0)
    frames = framing.FrameReader(False).feed(pair.host.take_output())
    assert all(frame.authenticated for frame in frames)
    assert [frame.sequence for frame in frames] == list(range(1, host_link.WINDOW + 1))


def test_no_request_goes_further_ahead_of_the_oldest_than_the_answers_that_are_kept() -> None:
    pair = Pair(1, 0)
    steps(pair, 5)
    for _ in range(20):
        pair.order()
    pair.host.poll(0)
    pair.host.take_output()
    for sequence in (2, 3, 4):  # the answer to the first is lost
        payload = pack_message(messages.RESULT, (0, 0, 0, ""))
        control = framing.FROM_DEVICE | framing.RESPONSE
        pair.host.receive(framing.encode(0, 1, control, pair.host.session, sequence, payload), 0)
    pair.host.poll(0)
    assert pair.host.take_output() == b""


def test_a_silent_board_is_told_as_lost_after_five_tries() -> None:
    pair = Pair(1, 0)
    steps(pair, 5)
    pair.order()
    sent, now_ms, events = 0, pair.now * 250, []
    while not events:
        events = pair.host.poll(now_ms)
        sent += len(framing.FrameReader(False).feed(pair.host.take_output()))
        now_ms += 250
    assert [event.kind for event in events] == ["unknown", "lost"] and sent == host_link.TRIES_MAX
    assert pair.host.state == host_link.CLOSED


def test_an_opening_that_is_not_answered_is_repeated() -> None:
    host = HostLink(framing.UNASSIGNED, "test", lambda count: b"n" * count)
    host.open(2000, 0)
    for now_ms in range(0, 5001, 100):
        host.poll(now_ms)
    assert len(framing.FrameReader(False).feed(host.take_output())) == 6


def test_a_hello_has_no_byte_that_a_prompt_would_act_on() -> None:
    pair = Pair(9, 0)
    for _ in range(200):
        pair.restart_host()
        assert not set(pair.host.take_output()) & set(b"\x01\x02\x03\x04\x05\x0a\x0d")


def greeted(**changed: object) -> HostLink:
    """A host that has said HELLO and hears an answer with these fields changed."""
    host = HostLink(framing.UNASSIGNED, "test", lambda count: b"n" * count)
    host.open(2000, 0)
    names = [name for name, _kind in messages.fields_of(messages.HELLO_ACK)]
    fields = dict(zip(names, (1, 0, 7, 1, 0, 240, 4, 0, 0, 0, 0, 0), strict=False))
    fields |= {name: b"" for name in names[12:]}
    fields |= {"host_nonce": b"n" * 8, "schema_sha256": host_messages.schema_sha256(), **changed}
    payload = pack_message(messages.HELLO_ACK, tuple(fields.values()))
    for event in host.receive(framing.encode(0, 1, framing.FROM_DEVICE, 0, 0, payload), 0):
        assert event.kind == "refused" and event.reason
    return host


def test_a_node_with_another_schema_or_version_is_refused() -> None:
    assert greeted().state == host_link.OPENING
    assert greeted(schema_sha256=bytes(32)).state == host_link.REFUSED
    assert greeted(major=2).state == host_link.REFUSED


def test_an_answer_to_an_older_hello_is_not_taken() -> None:
    assert greeted(host_nonce=b"o" * 8).state == host_link.GREETING


@given(st.binary(max_size=200), st.integers(0, 15))
def test_no_payload_makes_the_host_raise(payload: bytes, kind: int) -> None:
    host = greeted()
    host.receive(framing.encode(0, 1, framing.FROM_DEVICE | kind, 7, 1, payload), 0)
    host.receive(payload, 0)
