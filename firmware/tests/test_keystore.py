"""The node's keys in their file: whole or not there, and kept over restarts."""

from pathlib import Path

import pytest

from spinline_firmware.keystore import KeyStore
from spinline_protocol.auth import MAINTENANCE, OPERATOR, VIEWER

KEYS = {OPERATOR: bytes(range(32)), MAINTENANCE: bytes(range(1, 33))}


@pytest.fixture(autouse=True)
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def filled() -> KeyStore:
    store = KeyStore()
    for role, key in KEYS.items():
        assert store.put(role, key)
    return store


def test_a_new_node_has_no_key() -> None:
    assert [KeyStore().of(role) for role in (VIEWER, OPERATOR, MAINTENANCE, 9)] == [b""] * 4


def test_keys_are_kept_over_a_restart_each_by_itself() -> None:
    filled()
    assert {role: KeyStore().of(role) for role in KEYS} == KEYS
    assert KeyStore().put(OPERATOR, bytes(31) + b"\x01")
    assert KeyStore().of(OPERATOR) == bytes(31) + b"\x01" and KeyStore().of(MAINTENANCE) == KEYS[MAINTENANCE]


def test_what_is_no_key_of_a_role_is_refused_and_changes_nothing() -> None:
    store = filled()
    for role, key in ((VIEWER, KEYS[1]), (3, KEYS[1]), (1, b""), (1, bytes(31)), (1, bytes(33)), (1, bytes(32))):
        assert not store.put(role, key)
    assert {role: KeyStore().of(role) for role in KEYS} == KEYS


def test_a_damaged_record_gives_way_to_the_one_before_and_two_damaged_ones_hold_no_key(board: Path) -> None:
    filled()  # the operator's key alone, then both
    whole = (board / "keys.b").read_bytes()
    damaged = [whole[:cut] for cut in range(len(whole))] + [whole + b"\x00"]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    for octets in damaged:
        (board / "keys.b").write_bytes(octets)
        assert KeyStore().of(OPERATOR) == KEYS[OPERATOR] and KeyStore().of(MAINTENANCE) == b""
    (board / "keys.a").write_bytes(b"?")
    store = KeyStore()
    assert store.of(OPERATOR) == store.of(MAINTENANCE) == b"" and store.record.spoiled_n == 2


def test_a_write_that_fails_leaves_the_old_keys(board: Path) -> None:
    store = filled()
    (board / "keys.a").unlink()
    (board / "keys.a").mkdir()
    with pytest.raises(OSError):
        store.put(OPERATOR, bytes(31) + b"\x01")
    assert store.of(OPERATOR) == KeyStore().of(OPERATOR) == KEYS[OPERATOR]
