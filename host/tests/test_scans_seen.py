"""Scan records arrive in any order, twice or not at all: each is handed on once, in order, and gaps are asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spinline.line.scans_seen import GAP_MS, ScansSeen, hand_on

FRAMES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6)), max_size=60)


def records(first: int, count: int) -> list[bytes]:
    """Each says its number."""
    return [bytes([first + i]) for i in range(count)]


@given(FRAMES)
def test_each_record_is_handed_on_once_and_in_order(frames: list[tuple[int, int]]) -> None:
    seen, handed = ScansSeen(), b""
    for first, count in frames:
        seen.take(first, records(first, count), 0)
        ready = seen.release()
        if ready:
            assert ready[0] == len(handed)
            handed += ready[1]
    come = {first + i for first, count in frames for i in range(count)}
    whole = next(scan for scan in range(50) if scan not in come)
    assert handed == bytes(range(whole))


@given(FRAMES, st.integers(0, 60))
def test_what_the_node_has_lost_is_told_once_and_is_waited_for_no_more(
    frames: list[tuple[int, int]], oldest: int
) -> None:
    seen = ScansSeen()
    for first, count in frames:
        seen.take(first, records(first, count), 0)
    seen.release()
    missing = seen.following
    assert seen.lose(oldest) == ((missing, oldest) if oldest > missing else None)
    assert seen.lose(oldest) is None
    ready = seen.release()
    assert ready is None or ready[0] == max(oldest, missing)


def test_a_gap_is_asked_for_at_once_and_again_where_nothing_of_it_comes() -> None:
    seen = ScansSeen()
    assert seen.take(6, records(6, 3), 0) == (0, 6)
    assert seen.take(9, records(9, 3), GAP_MS - 1) is None
    assert seen.take(12, records(12, 3), GAP_MS) == (0, 12)


def test_nothing_is_asked_for_again_while_it_comes() -> None:
    seen = ScansSeen()
    seen.take(6, records(6, 3), 0)
    assert seen.take(0, records(0, 3), GAP_MS - 1) is None
    seen.release()
    assert seen.take(9, records(9, 3), GAP_MS) is None
    assert seen.take(12, records(12, 3), 2 * GAP_MS) == (3, 12)


def test_records_that_come_twice_do_not_put_off_a_question() -> None:
    seen = ScansSeen()
    seen.take(6, records(6, 3), 0)
    seen.take(6, records(6, 3), GAP_MS - 1)
    assert seen.take(9, records(9, 3), GAP_MS) == (0, 9)


def test_one_question_is_for_every_gap_and_what_came_meanwhile_is_asked_for_at_once_behind_it() -> None:
    seen = ScansSeen()
    assert seen.take(3, records(3, 3), 0) == (0, 3)
    assert seen.take(9, records(9, 3), 1) is None
    seen.take(0, records(0, 3), 2)
    seen.release()
    assert seen.take(15, records(15, 3), 3) == (6, 15)


def test_nothing_is_asked_for_while_the_host_is_still_asking() -> None:
    seen = ScansSeen()
    assert seen.take(6, records(6, 3), 0, asking=True) is None
    assert seen.take(9, records(9, 3), 1) == (0, 9)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), max_size=20), st.integers(1, 4))
def test_what_is_handed_on_is_in_as_few_parts_as_it_has_gaps_and_nothing_is_moved(
    pieces: list[tuple[int, int]], width: int
) -> None:
    """``pieces``: how many scans are missing before each, and how many are in it."""
    parts: list[tuple[int, bytes]] = []
    given_on, first, gaps = {}, 0, 0
    for missing, count in pieces:
        gaps += missing > 0 or first == 0
        first += missing
        octets = b"".join(bytes([first + i]) * width for i in range(count))
        given_on |= {first + i: bytes([first + i]) * width for i in range(count)}
        hand_on(parts, first, octets, width)
        first += count
    found = {
        begin + i: octets[i * width : (i + 1) * width] for begin, octets in parts for i in range(len(octets) // width)
    }
    assert found == given_on
    assert len(parts) == gaps
