"""The host's half of roles, time, console and progress: what it proves, what it takes, what it tells its owner."""

import pytest
from lossy import Pair
from plain import SITE_KEY, Chance, Keys
from test_link_pair import steps

from spinline_protocol import auth, errors, framing, host_link, messages
from spinline_protocol.host_link import HostLink, LinkEvent
from spinline_protocol.host_messages import pack_message


def connected(role: int = auth.OPERATOR, site_key: bytes = SITE_KEY, keys: Keys | None = None) -> Pair:
    """A pair on a good wire after some scans."""
    pair = Pair(1, 0)
    pair.board.link._keys = keys or Keys()
    key = auth.role_key(site_key, role) if role else b""
    pair.host = HostLink(framing.UNASSIGNED, "test", pair.chance.octets, role, key)
    pair.host.open(2000, 0)
    steps(pair, 5)
    return pair


def said(pair: Pair, kind: int, number: int, values: tuple[object, ...], sequence: int = 0) -> list[LinkEvent]:
    """What the host makes of one frame of the node."""
    frame = framing.encode(0, 1, framing.FROM_DEVICE | kind, pair.host.session, sequence, pack_message(number, values))
    return pair.host.receive(frame, pair.now * 250)


@pytest.mark.parametrize("role", [auth.VIEWER, auth.OPERATOR, auth.MAINTENANCE])
def test_each_role_opens_with_its_key(role: int) -> None:
    pair = connected(role)
    assert (pair.host.state, pair.board.link.role) == (host_link.OPEN, role)


@pytest.mark.parametrize(("site_key", "keys"), [(bytes(32), Keys()), (SITE_KEY, Keys(())), (SITE_KEY, Keys((2,)))])
def test_a_key_that_is_not_the_nodes_is_refused_with_what_to_do(site_key: bytes, keys: Keys) -> None:
    pair = Pair(1, 0)
    pair.board.link._keys = keys
    pair.host = HostLink(framing.UNASSIGNED, "test", pair.chance.octets, auth.OPERATOR, auth.role_key(site_key, 1))
    pair.host.open(2000, 0)
    told: list[LinkEvent] = []
    pair.take = lambda event, now_ms: told.append(event)  # type: ignore[method-assign]
    steps(pair, 20)
    assert [event.kind for event in told] == ["refused"] and "provision the key of this site" in told[0].reason
    assert pair.host.state == host_link.REFUSED and pair.board.link.opened_n == 0


def test_a_role_without_a_key_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError):
        HostLink(framing.UNASSIGNED, "test", Chance(1).octets, auth.OPERATOR)


def test_a_node_that_does_not_prove_the_key_or_grants_another_role_is_not_taken() -> None:
    pair = Pair(1, 0)
    pair.step()
    pair.host.receive(pair.up.read(99), 0)
    assert pair.host.state == host_link.OPENING
    for role, tag in (("operator", bytes(8)), ("operator", b""), ("viewer", b""), ("maintenance", bytes(8))):
        assert said(pair, framing.CONTROL, messages.OPENED, (pair.host.session, 2000, role, tag)) == []
    assert pair.host.state == host_link.OPENING and pair.host.bad_messages_n == 4


def test_every_request_lease_and_repeat_of_an_operator_has_its_tag_and_a_viewers_has_none() -> None:
    for role in (auth.VIEWER, auth.OPERATOR):
        pair = connected(role)
        pair.host.request(messages.IDENTIFY)
        pair.host.renew_lease(0, 0)
        pair.host.poll(0)
        pair.host.poll(2000)
        frames = framing.FrameReader(False).feed(pair.host.take_output())
        assert [frame.authenticated for frame in frames] == [role == auth.OPERATOR] * 3


def test_the_stamps_of_a_sync_are_told_once_and_only_for_what_was_asked() -> None:
    pair = connected()
    pair.host.ask_sync(1 << 60)
    (frame,) = framing.FrameReader(False).feed(pair.host.take_output())
    assert (frame.kind, frame.payload) == (framing.SYNC, pack_message(messages.SYNC_ASK, (1 << 60,)))
    assert said(pair, framing.SYNC, messages.SYNC_TOLD, (7, 1, 2, 3)) == []
    told = framing.encode(
        0,
        1,
        framing.FROM_DEVICE | framing.SYNC,
        pair.host.session,
        0,
        pack_message(messages.SYNC_TOLD, (1 << 60, 5, 9, 4)),
    )
    (event,) = pair.host.receive(told, 0, now_us=(1 << 60) + 11)
    stamps = {"host_sent_us": 1 << 60, "device_received_us": 5, "device_sent_us": 9, "scan": 4}
    assert event == LinkEvent("sync", fields={**stamps, "host_received_us": (1 << 60) + 11})
    assert pair.host.receive(told, 0) == []


def test_streams_and_progress_are_told() -> None:
    pair = connected()
    assert said(pair, framing.TELEMETRY, messages.SUMMARIES, (1, 0, b"r"))[0].kind == "summaries"
    assert said(pair, framing.TELEMETRY, messages.SCANS, (1, 0, b"r"))[0].kind == "scans"
    (event,) = said(pair, framing.PROGRESS, messages.PROGRESS_MESSAGE, (1, 2), 6)
    assert (event.kind, event.sequence, event.fields) == ("progress", 6, {"done": 1, "total": 2})


def test_a_link_error_is_told_and_is_no_answer() -> None:
    pair = connected()
    pair.order()
    pair.host.poll(0)
    (event,) = said(pair, framing.LINK_ERROR, messages.RESULT, (errors.AUTHENTICATION, 0, 0, ""), 1)
    assert (event.kind, event.sequence, event.reason) == ("link_error", 1, "AUTHENTICATION")
    assert not pair.host.idle and pair.host.state == host_link.OPEN


def test_requests_that_were_never_sent_or_change_nothing_are_dropped_and_not_unknown() -> None:
    pair = connected()
    pair.host.request(messages.IDENTIFY)
    for _ in range(5):
        pair.host.request(messages.COMMAND, (1,))
    pair.host.poll(0)
    pair.host.close()
    kinds = [(event.kind, event.sequence) for event in pair.host.poll(0)]
    assert kinds == [("dropped", 1), ("unknown", 2), ("unknown", 3), ("unknown", 4), ("dropped", 5), ("dropped", 6)]


TRACE = b'Traceback (most recent call last):\r\n  File "a/main.py", line 3\r\nValueError: so\r\n'


def test_a_traceback_between_frames_is_told_and_damaged_frames_are_not() -> None:
    pair = connected()
    frame = framing.encode(0, 1, framing.FROM_DEVICE | framing.CONTROL, 0, 0, b"\x90" + bytes(40))
    damaged = frame[:9] + b"\x01" + frame[10:]
    events = pair.host.receive(damaged + TRACE + damaged, 0)
    assert [(event.kind, event.reason) for event in events] == [("console", TRACE.decode().replace("\r", ""))]


def test_a_traceback_with_which_the_node_fell_silent_is_told_after_a_second() -> None:
    pair = connected()
    assert pair.host.receive(TRACE, 5000) == [] == pair.host.poll(5999)
    assert [event.kind for event in pair.host.poll(6000)] == ["console"] and pair.host.poll(9000) == []


def test_a_board_that_chatters_is_told_a_limited_part_of_each_second() -> None:
    pair = connected()
    for second in (10, 20):
        told = []
        for tenth in range(10):
            now_ms = second * 1000 + tenth * 100
            told += pair.host.receive(b"chattering " * 40 + b"~", now_ms)
        assert {event.kind for event in told} == {"console"}
        assert sum(len(event.reason) for event in told) == host_link.CONSOLE_BYTES_A_SECOND
    assert pair.host.console_dropped_n == 2 * (4400 - host_link.CONSOLE_BYTES_A_SECOND)


def test_a_viewer_of_a_node_at_work_is_told_where_to_read() -> None:
    pair = connected(auth.OPERATOR)
    viewer = HostLink(framing.UNASSIGNED, "test", pair.chance.octets)
    viewer.open(2000, 0)
    for _ in range(2):
        pair.board.link.receive(viewer.take_output())
        told = viewer.receive(pair.board.link.take_output(1 << 20), 0)
    assert [event.kind for event in told] == ["refused"] and "reads that host's journal" in told[0].reason
    assert pair.board.link.role == auth.OPERATOR
