"""The two-phase configuration: whole or not at all, with every violation told; tried on the real line R1."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.recipe.compiler import NodeConfiguration, compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.models import Recipe
from spinline.recipe.reading import read_model
from spinline_firmware.transaction import ROWS_N_MAX, Transaction
from spinline_protocol import errors
from spinline_protocol.configuration import (
    INPUT,
    LOOP,
    OF_INPUT,
    OF_RECORD_BYTES,
    OF_RING_BYTES,
    TABLE_INPUT,
    TABLES,
    field_index,
)
from spinline_protocol.quantities import TEMPERATURE
from spinline_protocol.words import ConfigurationDigest, pack_words

ROOT = Path(__file__).resolve().parents[2]
NODES = ("melt", "bath", "draw")
Row = tuple[int, tuple[int, ...]]
EDGES = (-(1 << 31), -65537, -2, -1, 0, 1, 2, 31, 32, 255, 4095, 4096, 65535, 65536, 65537, 500001, (1 << 31) - 1)


@cache
def r1() -> dict[str, NodeConfiguration]:
    """The compiled reference line."""
    line, recipe = load_line(ROOT / "lines/r1.toml"), read_model(ROOT / "recipes/r1.toml", Recipe)
    return {node.name: compile_node(line, node, recipe) for node in line.node}


def digest_of(rows: tuple[Row, ...] | list[Row]) -> bytes:
    digest = ConfigurationDigest()
    for table, words in rows:
        digest.add(table, pack_words(words))
    return digest.digest()


def downloaded(rows: tuple[Row, ...] | list[Row], announced: bytes | None = None) -> Transaction:
    """A shadow that holds these rows; the node took every one of them."""
    transaction = Transaction()
    assert transaction.begin(len(rows), announced or digest_of(rows)) == errors.OK
    for i, (table, words) in enumerate(rows):
        assert transaction.put(i, table, pack_words(words)) == errors.OK
    return transaction


def changed(rows: tuple[Row, ...], table: int, name: str, number: int) -> list[Row]:
    """The rows with one field of the first row of a table replaced."""
    found = list(rows)
    at = next(i for i, row in enumerate(found) if row[0] == table)
    words = list(found[at][1])
    words[field_index(TABLES[table][2], name)] = number
    found[at] = (table, tuple(words))
    return found


@pytest.mark.parametrize("name", NODES)
def test_every_node_of_the_reference_line_is_accepted(name: str) -> None:
    configuration = r1()[name]
    transaction = downloaded(configuration.rows)
    assert transaction.prepare() == (errors.OK, []) and transaction.prepared
    assert transaction.digest == configuration.sha256
    assert [len(table) for table in transaction.tables] == [
        sum(table == number for table, _words in configuration.rows) for number in range(len(TABLES))
    ]


def test_every_violation_is_told_and_nothing_is_prepared() -> None:
    rows = changed(r1()["draw"].rows, 0, "scan_ms", 9)
    rows = changed(tuple(rows), 2, "kz", 15)
    rows = changed(tuple(rows), 2, "b_256", -1)
    transaction = downloaded(rows)
    code, found = transaction.prepare()
    assert code == errors.RANGE and not transaction.prepared
    assert found == [
        (0, 0, 1, 9, 10),
        (2, 0, field_index(LOOP, "b_256"), -1, 0),
        (2, 0, field_index(LOOP, "kz"), 15, 14),
    ]


@pytest.mark.parametrize(
    ("table", "name", "number", "limit"),
    [
        (2, "input", 8, 7),
        (2, "ff_loop", 1, 0),
        (2, "setpoint_high", 100001, 100000),
        (2, "out_low", 65536, 65536),
        (2, "action", 0, 1),
        (3, "loop", 3, 2),
        (4, "input", 8, 7),
        (5, "of", 8, 7),
    ],
)
def test_a_place_or_setpoint_that_makes_no_sense_is_refused(table: int, name: str, number: int, limit: int) -> None:
    code, found = downloaded(changed(r1()["draw"].rows, table, name, number)).prepare()
    assert code == errors.RANGE
    assert (table, 0, field_index(TABLES[table][2], name), number, limit) in found


def test_a_set_without_its_node_row_or_records_is_refused() -> None:
    for table in (0, 5):
        rows = [row for row in r1()["draw"].rows if row[0] != table]
        code, found = downloaded(rows).prepare()
        assert code == errors.RANGE and (table, 0, 255, 0, 1) in found


def with_records(count: int, scan_ms: int = 250) -> list[Row]:
    """The rows of the melt node with other records: its first input so many times, summarised."""
    rows = [row for row in changed(r1()["melt"].rows, 0, "scan_ms", scan_ms) if row[0] != 5]
    return rows + [(5, (OF_INPUT, 0, TEMPERATURE, 1))] * count


def test_rings_that_do_not_fit_their_memory_are_refused_and_the_violation_says_so() -> None:
    assert downloaded(with_records(23)).prepare() == (errors.OK, [])
    need = 4096 + 144 * (6 + 23 * 9 + 6)  # summaries of 4.25 s: 144 of them are ten minutes
    code, found = downloaded(with_records(23, 850)).prepare()
    assert (code, found) == (errors.RANGE, [(5, 22, OF_RING_BYTES, need, 32768)])


def test_a_record_that_no_frame_carries_is_refused() -> None:
    assert downloaded(with_records(24)).prepare() == (errors.RANGE, [(5, 23, OF_RECORD_BYTES, 228, 224)])
    assert (5, 63, OF_RECORD_BYTES, 2 + 64 * 3 + 16, 224) not in downloaded(with_records(64)).prepare()[1]


def test_a_wrong_hash_is_refused() -> None:
    transaction = downloaded(r1()["draw"].rows, bytes(32))
    assert transaction.prepare() == (errors.HASH, []) and not transaction.prepared


def test_rows_are_taken_in_order_and_only_as_many_as_were_announced() -> None:
    (table, words), *_rest = r1()["draw"].rows
    transaction = Transaction()
    transaction.begin(2, bytes(32))
    octets = pack_words(words)
    assert [transaction.put(i, table, octets) for i in (1, 0, 0, 2)] == [
        errors.SEQUENCE,
        errors.OK,
        errors.SEQUENCE,
        errors.SEQUENCE,
    ]
    assert transaction.prepare() == (errors.SEQUENCE, [])


def test_more_than_the_node_can_hold_is_refused() -> None:
    transaction = Transaction()
    assert transaction.begin(ROWS_N_MAX + 1, b"") == errors.TOO_LARGE == transaction.begin(0, b"")
    assert not transaction.open
    transaction.begin(3, b"")
    octets = pack_words(r1()["draw"].rows[0][1])
    assert [transaction.put(i, 0, octets) for i in (0, 1)] == [errors.OK, errors.TOO_LARGE]


def test_rows_of_no_table_and_broken_words_are_refused() -> None:
    transaction = Transaction()
    transaction.begin(3, b"")
    for table, octets in ((99, bytes(4)), (255, bytes(4)), (0, b""), (0, bytes(5))):
        assert transaction.put(0, table, octets) == errors.BAD_ARGUMENTS


def test_nothing_is_taken_before_a_begin_or_after_a_prepare() -> None:
    transaction = Transaction()
    assert transaction.put(0, 0, bytes(4)) == errors.STATE and transaction.prepare() == (errors.STATE, [])
    transaction = downloaded(r1()["draw"].rows)
    transaction.prepare()
    assert transaction.put(0, 0, bytes(4)) == errors.STATE


def test_a_new_begin_and_a_cancel_forget_the_shadow() -> None:
    rows = r1()["draw"].rows
    for forget in (lambda it: it.cancel(), lambda it: it.begin(len(rows), digest_of(rows))):
        transaction = downloaded(rows)
        transaction.prepare()
        forget(transaction)
        assert not transaction.prepared and not any(transaction.tables)


def test_asking_twice_gives_the_same_judgement() -> None:
    transaction = downloaded(changed(r1()["draw"].rows, 2, "kz", 15))
    assert transaction.prepare() == transaction.prepare()


WORD = st.sampled_from(EDGES) | st.integers(-(1 << 31), (1 << 31) - 1)
MUTATION = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), WORD)


@given(st.sampled_from(NODES), st.lists(MUTATION, min_size=1, max_size=6))
def test_mutated_rows_are_accepted_or_refused_with_reasons(name: str, mutations: list[tuple[int, int, int]]) -> None:
    rows = list(r1()[name].rows)
    for row_i, field_i, number in mutations:
        table, words = rows[row_i % len(rows)]
        field_i %= len(words)
        rows[row_i % len(rows)] = (table, (*words[:field_i], number, *words[field_i + 1 :]))
    judged(rows)


@given(st.sampled_from(NODES), st.data())
def test_dropped_doubled_and_resized_rows_are_accepted_or_refused_with_reasons(name: str, draws: st.DataObject) -> None:
    rows = list(r1()[name].rows)
    for _ in range(draws.draw(st.integers(1, 4))):
        at = draws.draw(st.integers(0, len(rows) - 1))
        table, words = rows[at]
        change = draws.draw(st.sampled_from(("drop", "move", "shorten", "lengthen")))
        if change == "drop":
            del rows[at]
        elif change == "move":
            rows[at] = (draws.draw(st.integers(1, 5)), words)
        else:
            rows[at] = (table, (words[:-1] or (0,)) if change == "shorten" else (*words, 0))
    judged(rows)


def judged(rows: list[Row]) -> None:
    """The node accepts these rows or lists violations; each names a field and numbers that fit the answer."""
    transaction = Transaction()
    transaction.begin(len(rows), digest_of(rows))
    for i, (table, words) in enumerate(rows):
        if transaction.put(i, table, pack_words(words)) != errors.OK:
            return
    code, found = transaction.prepare()
    assert (code == errors.OK) == transaction.prepared == (not found)
    for table, row, field, got, limit in found:
        assert 0 <= table < len(TABLES) and 0 <= row < 256 and 0 <= field < 256
        assert -(1 << 31) <= got < 1 << 31 and -(1 << 31) <= limit < 1 << 31


def test_a_setpoint_beyond_what_its_own_row_allows_is_refused_with_that_limit() -> None:
    rows = r1()["draw"].rows
    highest = next(words for of, words in rows if of == 2)[field_index(TABLES[2][2], "setpoint_high")]
    code, found = downloaded(changed(rows, 2, "setpoint", highest + 1)).prepare()
    assert code == errors.RANGE and (2, 0, field_index(TABLES[2][2], "setpoint"), highest + 1, highest) in found


@pytest.mark.parametrize(
    ("node", "field", "number", "limit"),
    [
        ("melt", "partner", 0, 12),  # itself
        ("melt", "partner", 31, 12),  # not there
        ("melt", "partner", 8, 12),  # a mass flow
        ("draw", "frozen_scans", 5, 0),  # a counter
        ("bath", "warn_low", 24601, 24600),  # above warn_high
    ],
)
def test_what_makes_no_sense_of_an_input_is_told(node: str, field: str, number: int, limit: int) -> None:
    rows = changed(r1()[node].rows, TABLE_INPUT, field, number)
    inputs_n = sum(table == TABLE_INPUT for table, _words in rows)
    code, found = downloaded(rows).prepare()
    assert code == errors.RANGE
    limit = inputs_n - 1 if field == "partner" else limit
    assert found == [(TABLE_INPUT, 0, field_index(INPUT, field), number, limit)]
