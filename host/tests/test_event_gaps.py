"""Events of a node arrive in order and none is skipped that the node still has; what it lost is told."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

from spinline.line.events_seen import GAP_MS
from spinline.line.node_session import NodeSession
from spinline_firmware.events import EVENTS_N_MAX, Events
from spinline_protocol import messages
from spinline_protocol.host_link import LinkEvent
from spinline_protocol.packer import unpack

BOOT = 5


class Sender:
    """The node's link: keeps what is streamed, and knows what was acknowledged."""

    def __init__(self) -> None:
        self.events_acknowledged = 0
        self.sent: list[dict[str, Any]] = []

    def stream(self, _kind: int, payload: bytes) -> bool:
        names = [name for name, _type in messages.fields_of(messages.EVENT)]
        self.sent.append(dict(zip(names, unpack(payload)[1:], strict=True)))
        return True


def session() -> NodeSession:
    configuration: Any = SimpleNamespace(name="melt", scan_ms=250, record_bytes=2, summary_bytes=6)
    return NodeSession(configuration, "", 2000, random.Random(1).randbytes, bytes(32))


def in_its_boot() -> NodeSession:
    """A session that knows the node's boot, and none of its events."""
    host = session()
    host.resume(BOOT, 0, 0, b"")
    return host


def exchange(node: Events, host: NodeSession, scans: int, lost: random.Random | None = None) -> None:
    """Scans of a quarter of a second; each event frame is lost with one in three where ``lost`` says so."""
    sender = Sender()
    for scan in range(scans):
        sender.events_acknowledged = host._seen_events.following
        sender.sent = []
        node.publish(sender)
        for fields in sender.sent:
            if lost is None or lost.random() > 1 / 3:
                host._take(LinkEvent("event", fields=fields), scan * 250_000)


def test_events_whose_frames_are_lost_come_again_in_order() -> None:
    node, host, chance = Events(BOOT), in_its_boot(), random.Random(5)
    for number in range(EVENTS_N_MAX):
        node.add(0, number, 0, 0, 0)
    exchange(node, host, 200, chance)
    assert [event["code"] for event in host.events] == list(range(EVENTS_N_MAX)) and not host.refusals


def test_events_that_the_node_lost_are_told_with_their_numbers() -> None:
    node, host = Events(BOOT), in_its_boot()
    for number in range(EVENTS_N_MAX + 5):
        node.add(0, number, 0, 0, 0)
    exchange(node, host, 20)
    node.add(0, 99, 0, 0, 0)
    exchange(node, host, GAP_MS // 250 + 20)
    assert node.lost_n == 5 and host.refusals == ["melt: events 16 to 20 are lost"]
    assert host.lost_events == [(16, 21)]
    assert [event["code"] for event in host.events] == [*range(EVENTS_N_MAX), 99]


def hello_of(node: Events) -> dict[str, Any]:
    hello = dict.fromkeys(("state", "boot_id", "ring_oldest", "ring_next"), 0)
    hashes = {"firmware_sha256": b"", "configuration_sha256": b"other"}
    return {**hello, **hashes, "boot_id": BOOT, "event_oldest": node.oldest_i()}


def greeted(node: Events, next_event: int | None = None) -> NodeSession:
    """A session that was just opened; ``next_event`` is where the record of an earlier supervisor ends."""
    host = session()
    host.configuration = SimpleNamespace(scan_ms=250, sha256=b"", rows=())  # type: ignore[assignment]
    host._link.state = "open"
    if next_event is not None:
        host.resume(BOOT, 0, next_event, b"")
    host._compare(hello_of(node))
    return host


def test_a_new_host_takes_the_first_event_that_the_node_still_has_at_once() -> None:
    node = Events(BOOT)
    for number in range(9):
        node.add(0, number, 0, 0, 0)
    sender = Sender()
    sender.events_acknowledged = 6  # by the host before
    node.publish(sender)
    host = greeted(node)
    exchange(node, host, 9)
    assert [event["code"] for event in host.events] == [6, 7, 8] and not host.refusals


def test_events_that_went_while_the_host_was_away_are_told_at_the_handshake() -> None:
    node = Events(BOOT)
    for number in range(9):
        node.add(0, number, 0, 0, 0)
    sender = Sender()
    sender.events_acknowledged = 6
    node.publish(sender)
    host = greeted(node, next_event=4)
    assert host.refusals == ["melt: events 4 to 5 are lost"] and host.lost_events == [(4, 6)]
    assert host.first_event == 4


def test_events_of_an_earlier_boot_are_asked_for_behind_a_restart_and_stand_apart() -> None:
    host = session()
    host.configuration = SimpleNamespace(scan_ms=250, sha256=b"", rows=())  # type: ignore[assignment]
    host._link.state = "open"
    asked: list[tuple[Any, ...]] = []
    host._ask = lambda what, *words: asked.append(words) or 0  # type: ignore[method-assign, func-returns-value]
    host._compare(hello_of(Events(BOOT)))
    earlier = (messages.BACKFILL_REQUEST, messages.STREAM_EVENTS)
    assert earlier not in [words[:2] for words in asked], "to a new record all of it is of no batch"
    restarted = hello_of(Events(BOOT)) | {"boot_id": BOOT + 1}
    host._compare(restarted)
    assert earlier in [words[:2] for words in asked]
    for boot_id, event_i in ((BOOT, 7), (BOOT + 1, 0), (BOOT, 8)):
        fields = {"boot_id": boot_id, "event_i": event_i, "scan": 1, "code": 1, "source": 0, "got": 0, "limit": 0}
        host._take(LinkEvent("event", fields=fields), 0)
    assert [event["event_i"] for event in host.earlier_events] == [7, 8]
    assert [event["event_i"] for event in host.events] == [0] and host.first_event == 0
