"""What a node keeps over a restart is there whole or not at all, and what is damaged is told (SPEC 4.11, 5.9)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline_firmware.drivers.event_files import FILE_RECORDS_N, EventFiles
from spinline_firmware.event_ring import PENDING_N_MAX, EventRing
from spinline_firmware.kept import BOOTS, PIECE_BYTES, Kept
from spinline_firmware.store import Record
from spinline_firmware.transaction import Transaction
from spinline_protocol import errors

from .test_transaction import r1

SCHEMA = b"s" * 32
SHORT, EVENT = b"content", (0, 9, 1, 2, -3, 4)
CONFIGURATION = r1()["melt"]


def tables_of(rows: list[tuple[int, tuple[int, ...]]]) -> tuple[list[list[tuple[int, ...]]], bytes]:
    """Tables and order as a transaction has them."""
    tables = [[words for of, words in rows if of == table] for table in range(9)]
    return tables, bytes(table for table, _words in rows)


def keep(folder: Path) -> int:
    """The largest node's configuration is kept; how many pieces that takes."""
    kept = Kept(SCHEMA, f"{folder}/")
    kept.keep(*tables_of(CONFIGURATION.rows), CONFIGURATION.sha256)
    pieces_n = 0
    while kept.waits():
        kept.step()
        pieces_n += 1
    return pieces_n


@given(st.lists(st.binary(max_size=700), max_size=6))
def test_the_record_that_was_written_last_holds(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    folder = f"{tmp_path_factory.mktemp('board')}/"
    for i, content in enumerate(contents):
        Record("one", folder).put(content)
        again = Record("one", folder)
        assert (again.read(), again.sequence, again.spoiled_n) == (content, i + 1, 0)
    assert Record("one", folder).sequence == len(contents)


def test_a_record_whose_newest_file_is_damaged_anywhere_is_the_one_before_and_says_so(tmp_path: Path) -> None:
    folder = f"{tmp_path}/"
    for content in (b"old", SHORT):
        Record("one", folder).put(content)
    whole = (tmp_path / "one.b").read_bytes()
    damaged = [whole[:cut] for cut in range(1, len(whole))] + [whole + b"\0"]
    damaged += [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in (0, 7)
    ]
    for octets in damaged:
        (tmp_path / "one.b").write_bytes(octets)
        record = Record("one", folder)
        assert (record.read(), record.spoiled_n) == (b"old", 1)


def test_a_writing_that_is_given_up_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    record = Record("one", f"{tmp_path}/")
    record.put(SHORT)
    work = record.write(200, (b"1" * 100, b"2" * 100))
    next(work)
    work.close()
    assert Record("one", f"{tmp_path}/").read() == record.read() == SHORT


def test_a_configuration_comes_back_row_by_row_and_is_judged_anew(tmp_path: Path) -> None:
    pieces_n = keep(tmp_path)
    assert pieces_n >= 4 * sum(len(words) for _table, words in CONFIGURATION.rows) // (2 * PIECE_BYTES)
    transaction = Transaction()
    assert Kept(SCHEMA, f"{tmp_path}/").load(transaction) == errors.OK
    assert transaction.tables == tables_of(CONFIGURATION.rows)[0]
    assert transaction.prepared and transaction.digest == CONFIGURATION.sha256


def test_no_configuration_of_another_schema_a_wrong_hash_or_a_damaged_record_is_taken(tmp_path: Path) -> None:
    assert Kept(SCHEMA, f"{tmp_path}/").load(Transaction()) == errors.GONE
    keep(tmp_path)
    assert Kept(b"t" * 32, f"{tmp_path}/").load(Transaction()) == errors.CONFLICT
    kept = Kept(SCHEMA, f"{tmp_path}/")
    kept.keep(*tables_of(CONFIGURATION.rows), bytes(32))
    while kept.waits():
        kept.step()
    assert Kept(SCHEMA, f"{tmp_path}/").load(Transaction()) == errors.HASH
    for name in ("tables.a", "tables.b"):
        (tmp_path / name).write_bytes(b"?")
    kept = Kept(SCHEMA, f"{tmp_path}/")
    assert (kept.load(Transaction()), kept.spoiled_n) == (errors.HASH, 2)


def test_numbers_are_kept_by_place(tmp_path: Path) -> None:
    kept = Kept(SCHEMA, f"{tmp_path}/")
    assert kept.number(BOOTS) == 0 and not kept.waits()
    kept.put_number(BOOTS, 7)
    kept.put_number(32, -(2**31))
    kept.step()
    kept.step()
    assert not kept.waits()
    again = Kept(SCHEMA, f"{tmp_path}/")
    assert (again.number(BOOTS), again.number(1), again.number(32)) == (7, 0, -(2**31))


@pytest.mark.parametrize("error", [OSError(28), MemoryError()])
def test_a_record_for_which_there_is_no_room_is_given_up_and_the_one_before_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    kept = Kept(SCHEMA, f"{tmp_path}/")
    kept.put_number(BOOTS, 7)
    kept.step()
    kept.step()
    kept.put_number(BOOTS, 8)

    def fail(_length: int, _pieces: object) -> Iterator[None]:
        raise error
        yield

    monkeypatch.setattr(kept._numbers, "write", fail)
    with pytest.raises(type(error)):
        kept.step()
    assert not kept.waits(), "given up"
    assert Kept(SCHEMA, f"{tmp_path}/").number(BOOTS) == 7


class Bytes:
    """A medium that is quick, and may be broken."""

    quick = True

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.broken = False

    def records(self) -> list[bytes]:
        return self.kept

    def append(self, octets: bytes) -> None:
        if self.broken:
            raise OSError(5)
        self.kept += [octets[at : at + 32] for at in range(0, len(octets), 32)]


def noted(ring: EventRing, first: int, count: int) -> None:
    for event_i in range(first, first + count):
        ring.note((event_i, *EVENT[1:]))
        while ring.waits():
            ring.write()


@pytest.mark.parametrize("events_n", [0, 1, 64, 65, 128, 129, 300])
def test_the_last_events_of_earlier_boots_are_told_in_order(tmp_path: Path, events_n: int) -> None:
    noted(EventRing(EventFiles(f"{tmp_path}/"), 1), 0, events_n)
    ring = EventRing(EventFiles(f"{tmp_path}/"), 2)
    noted(ring, 0, 1)
    told = list(ring.earlier())
    assert [event[0] for event in told] == list(range(events_n - len(told), events_n))
    assert min(events_n, FILE_RECORDS_N - 1) <= len(told) < 2 * FILE_RECORDS_N + 1
    assert not told or told[-1] == (events_n - 1, *EVENT[1:], 1)


def test_a_damaged_record_is_left_out_and_the_others_are_told() -> None:
    medium = Bytes()
    noted(EventRing(medium, 1), 0, 5)
    for at in range(32):
        octets = bytearray(medium.kept[2])
        octets[at] ^= 4
        damaged = Bytes()
        damaged.kept = [*medium.kept[:2], bytes(octets), *medium.kept[3:]]
        assert [event[0] for event in EventRing(damaged, 2).earlier()] == [0, 1, 3, 4]


def test_a_ring_that_waits_too_long_loses_the_oldest_and_counts_them_and_a_broken_medium_is_told_once() -> None:
    medium = Bytes()
    ring = EventRing(medium, 1)
    for event_i in range(PENDING_N_MAX + 3):
        ring.note((event_i, *EVENT[1:]))
    assert ring.lost_n == 3
    while ring.waits():
        ring.write()
    assert [event[0] for event in EventRing(medium, 2).earlier()] == list(range(3, PENDING_N_MAX + 3))
    ring.note(EVENT)
    medium.broken = True
    with pytest.raises(OSError):
        ring.write()
    assert ring.failed and not ring.waits()
