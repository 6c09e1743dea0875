"""Events of a node arrive in order and none is skipped that the node still has; what it lost is told."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

from spinline.line.node_session import EVENT_GAP_MS, NodeSession
from spinline_firmware.events import EVENTS_N_MAX, Events
from spinline_protocol import messages
from spinline_protocol.host_link import LinkEvent
from spinline_protocol.packer import unpack


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


def exchange(node: Events, host: NodeSession, scans: int, lost: random.Random | None = None) -> None:
    """Scans of a quarter of a second; each event frame is lost with one in three where ``lost`` says so."""
    sender = Sender()
    for scan in range(scans):
        sender.events_acknowledged = host._next_event
        sender.sent = []
        node.publish(sender)
        for fields in sender.sent:
            if lost is None or lost.random() > 1 / 3:
                host._take(LinkEvent("event", fields=fields), scan * 250_000)


def test_events_whose_frames_are_lost_come_again_in_order() -> None:
    node, host, chance = Events(), session(), random.Random(5)
    for number in range(EVENTS_N_MAX):
        node.add(0, number, 0, 0, 0)
    exchange(node, host, 200, chance)
    assert [event["code"] for event in host.events] == list(range(EVENTS_N_MAX)) and not host.refusals


def test_events_that_the_node_lost_are_told_with_their_numbers() -> None:
    node, host = Events(), session()
    for number in range(EVENTS_N_MAX + 5):
        node.add(0, number, 0, 0, 0)
    exchange(node, host, 20)
    node.add(0, 99, 0, 0, 0)
    exchange(node, host, EVENT_GAP_MS // 250 + 20)
    assert node.lost_n == 5 and host.refusals == ["melt: events 16 to 20 are lost"]
    assert [event["code"] for event in host.events] == [*range(EVENTS_N_MAX), 99]
