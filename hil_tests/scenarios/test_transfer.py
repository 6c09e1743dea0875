"""A file goes to a node through the real firmware; power and cable fail at every chunk, and it arrives all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.bench.direct import ANSWER_S, STEP_US, Direct, NoAnswer
from hil_tests.bench.interpreters import Interpreter
from hil_tests.bench.simulated import SimulatedLine
from spinline.line.transfer import FAILED, FIRMWARE, SENT, TransferSender
from spinline_protocol import auth, errors, messages

DRAW = "draw"
OCTETS = bytes((i * i + i // 192) & 255 for i in range(9 * 192 + 100))
STAGED = f"boards/{DRAW}/incoming.bin"


@pytest.fixture
def node(interpreter: Interpreter, tmp_path: Path) -> Iterator[Direct]:
    """A node without a configuration, its session open."""
    line = SimulatedLine(interpreter, tmp_path / "boards", 1, names=(DRAW,))
    node = Direct(line, DRAW, auth.MAINTENANCE)
    node.open()
    yield node
    line.close()


def send(node: Direct, sender: TransferSender, requests_n: int = 10_000) -> None:
    """So many requests of the sender, each with its answer."""
    while requests_n and (request := sender.request()) is not None:
        sender.take(node.ask(request[0], *request[1]))
        requests_n -= 1


def test_a_file_arrives_and_the_node_re_reads_it(node: Direct, tmp_path: Path) -> None:
    octets = bytes(20_000)
    sender = TransferSender(FIRMWARE, octets)
    send(node, sender)
    assert sender.phase == SENT, sender.problem
    assert (tmp_path / STAGED).read_bytes() == octets


def test_a_node_that_loses_its_power_at_every_chunk_goes_on_where_it_was(node: Direct, tmp_path: Path) -> None:
    sender = TransferSender(FIRMWARE, OCTETS)
    seen, generations = [], set()
    while sender.phase != SENT:
        send(node, sender, 2)  # a begin, and one chunk
        assert sender.phase != FAILED, sender.problem
        seen.append(sender.offset)
        generations.add(sender.generation)
        if sender.phase != SENT:
            node.bench.power_cycle(DRAW)
            node.open()
            sender.resume()
    assert seen[:-1] == [min(192 * (i + 1), len(OCTETS)) for i in range(len(seen) - 1)]
    assert len(generations) == 1 and len(seen) == 11
    assert (tmp_path / STAGED).read_bytes() == OCTETS


def test_a_cable_cut_before_or_after_any_request_goes_on_where_it_was(node: Direct, tmp_path: Path) -> None:
    for towards_node in (True, False):
        octets = OCTETS if towards_node else OCTETS[::-1]
        sender = TransferSender(FIRMWARE, octets)
        while (request := sender.request()) is not None:
            wires = node.bench.nodes[DRAW]
            wire = wires.to_node if towards_node else wires.to_host
            wire.cut = True
            node.link.request(request[0], request[1])
            node.steps(0.5)
            wire.cut = False
            node.open()
            sender.resume()
            send(node, sender, 2)
            assert sender.phase != FAILED, sender.problem
        assert (tmp_path / STAGED).read_bytes() == octets


def test_a_staged_file_that_changed_on_the_board_is_refused_and_sent_again(node: Direct, tmp_path: Path) -> None:
    sender = TransferSender(FIRMWARE, OCTETS)
    send(node, sender, 11)
    (tmp_path / STAGED).write_bytes(OCTETS[:-1] + b"\xff")
    send(node, sender)
    assert sender.phase == SENT and sender.generation == 2
    assert (tmp_path / STAGED).read_bytes() == OCTETS


def test_a_long_re_reading_tells_its_progress_and_is_not_asked_for_twice(node: Direct) -> None:
    sender = TransferSender(FIRMWARE, bytes(120_000))
    while (request := sender.request()) is not None and request[0] != messages.TRANSFER_END:
        sender.take(node.ask(request[0], *request[1]))
    assert request is not None
    node.link.request(request[0], request[1])
    told: list[tuple[int, int]] = []
    for _ in range(round(ANSWER_S * 1e6 / STEP_US)):
        for event in node.step():
            if event.kind == "progress" and event.fields is not None:
                told.append((event.fields["done"], event.fields["total"]))
            if event.kind == "result" and event.fields is not None:
                assert event.fields["code"] == errors.OK
                assert told == [(4096 * i, 120_000) for i in range(1, 30)]
                assert node.link.retries_n == 0
                return
    raise NoAnswer(DRAW)


def test_a_file_that_is_too_large_fails_with_a_reason(node: Direct) -> None:
    sender = TransferSender(FIRMWARE, bytes(512 * 1024 + 1))
    send(node, sender)
    assert sender.phase == FAILED and "TOO_LARGE" in sender.problem
