"""Giving a node its keys: only with the jumper or from maintenance, each key derived for this node."""

from __future__ import annotations

import random

import pytest

from spinline.line.provisioning import Provisioning
from spinline_protocol import auth, errors, messages
from spinline_protocol.device_link import DeviceLink
from spinline_protocol.schema import schema_sha256

SITE = bytes(range(32))
DEVICE_ID = b"node seven"


class Board:
    """A board that keeps the keys it is given."""

    def __init__(self, jumper: bool, schema: bytes) -> None:
        self.kept: dict[int, bytes] = {}
        self.schema = schema
        self.link = DeviceLink(1, self._hello, random.Random(1).randbytes, self, lambda: 0)
        self.link.jumper = jumper

    def of(self, role: int) -> bytes:
        return self.kept.get(role, b"")

    def _hello(self, host_nonce: bytes, device_nonce: bytes, session: int) -> tuple[object, ...]:
        numbers = (1, 0, session, 1, 0, 240, 4, 0, 0, 0, 0, 0)
        return (*numbers, host_nonce, device_nonce, DEVICE_ID, b"firmware", self.schema, bytes(32))

    def scan(self, received: bytes) -> bytes:
        self.link.receive(received)
        while self.link.requests:
            sequence, message = self.link.requests.pop(0)
            assert message[0] == messages.PROVISION
            self.kept[message[1]] = message[2]
            self.link.answer_code(sequence, errors.OK)
        return self.link.take_output(1 << 20)


def provisioned(board: Board, lose: int = -1) -> Provisioning:
    """Ten seconds of both ends; the piece of the wire with number ``lose`` is lost."""
    provisioning = Provisioning(SITE, random.Random(2).randbytes)
    up = b""
    for scan in range(100):
        down = provisioning.step(up, scan * 100)
        up = board.scan(b"" if scan == lose else down)
    return provisioning


@pytest.mark.parametrize("lose", range(-1, 6))
def test_a_node_with_its_jumper_gets_its_own_keys_whatever_is_lost(lose: int) -> None:
    board = Board(True, schema_sha256())
    done = provisioned(board, lose)
    assert done.done and not done.problem
    roles = (auth.OPERATOR, auth.MAINTENANCE)
    assert board.kept == {role: auth.device_key(auth.role_key(SITE, role), DEVICE_ID) for role in roles}


def test_without_the_jumper_no_key_is_taken_and_the_reason_is_told() -> None:
    board = Board(False, schema_sha256())
    done = provisioned(board)
    assert not done.done and not board.kept
    assert "DENIED; set its jumper and start it again" in done.problem


def test_a_node_of_another_schema_is_refused() -> None:
    done = provisioned(Board(True, bytes(32)))
    assert not done.done and "schema" in done.problem
