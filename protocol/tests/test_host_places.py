"""Every message in every kind of frame on the host: in a wrong one it is counted and has no effect (SPEC 2.8)."""

from typing import Any

import pytest
from lossy import Pair
from shared_places import filled

from spinline_protocol import framing, messages
from spinline_protocol.host_link import OPEN, HostLink, LinkEvent
from spinline_protocol.host_messages import pack_message


def opened() -> HostLink:
    """A host in session, with a request and a question of time under way."""
    pair = Pair(1, 0)
    for _ in range(5):
        pair.step()
    pair.order()
    pair.host.poll(pair.now * 250)
    pair.host.ask_sync(1)
    pair.host.take_output()
    assert pair.host.state == OPEN
    return pair.host


def told(host: HostLink, number: int, control: int) -> list[LinkEvent]:
    """What the host says when this message comes in such a frame."""
    payload = pack_message(number, filled(number))
    return host.receive(framing.encode(framing.MASTER, 1, control, host.session, 1, payload), 2000)


def seen_of(host: HostLink) -> tuple[Any, ...]:
    """Everything that a message could change."""
    flying = [(request.sequence, request.tries, request.due_ms) for request in host._flying]
    return host.state, host.session, host.hello, flying, len(host._queue), list(host._syncs), bytes(host._output)


@pytest.mark.parametrize("row", list(messages.rows()), ids=lambda row: row[1])
def test_a_host_counts_a_message_where_it_does_not_belong_and_nothing_changes(row: tuple[Any, ...]) -> None:
    host = opened()
    before = seen_of(host)
    for control in range(framing.FROM_DEVICE, framing.FROM_DEVICE + 16):
        if not messages.in_its_place(row[0], control):
            bad_n = host.bad_messages_n
            assert told(host, row[0], control) == []
            assert host.bad_messages_n == bad_n + 1 and seen_of(host) == before, control
    for control in range(16):  # the other direction: an echo
        echo_n = host.reader.echo_n
        assert told(host, row[0], control) == [] and host.reader.echo_n == echo_n + 1 and seen_of(host) == before


@pytest.mark.parametrize("number", messages.FROM_NODE, ids=messages.name_of)
def test_a_host_counts_no_message_that_is_where_it_belongs(number: int) -> None:
    for control in messages.places_of(number):
        host = opened()
        told(host, number, control)
        assert host.bad_messages_n == 0
